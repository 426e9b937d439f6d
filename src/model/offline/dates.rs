//! Dates in a text, as far as they can be compared.

use super::words::tokens;

/// Year, month and day; 0 where a text does not say.
pub(super) type Date = (u32, u32, u32);

/// The first three letters of the months, in the languages whose words are known.
const MONTHS: [&str; 12] = [
    "jan ene",
    "feb fév fev",
    "mar mär mrz",
    "apr avr abr",
    "may mai",
    "jun juin",
    "jul juil",
    "aug aoû ago",
    "sep",
    "oct okt",
    "nov",
    "dec dez déc dic",
];

/// The latest date that a text names: `2026-03-14`, `14 March 2026`, `March 2026`, or a year.
pub(super) fn latest(text: &str) -> Option<Date> {
    let words: Vec<String> = tokens(text).map(|token| token.text).collect();
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let parts: Vec<u32> = word.split('-').filter_map(|part| part.parse().ok()).collect();
        if let [year, month, day] = parts[..]
            && is_year(year)
            && (1..=12).contains(&month)
        {
            found.push((year, month, day));
        }
        let Some(year) = word.parse().ok().filter(|year| is_year(*year) && word.len() == 4) else { continue };
        let before = |back: usize| index.checked_sub(back).map(|at| words[at].as_str());
        let day =
            |word: Option<&str>| word.and_then(|word| word.parse::<u32>().ok()).filter(|day| (1..=31).contains(day));
        found.push(match (before(1).and_then(month), before(2).and_then(month)) {
            (Some(month), _) => (year, month, day(before(2)).unwrap_or_default()),
            // `March 14, 2026`
            (None, Some(month)) if day(before(1)).is_some() => (year, month, day(before(1)).unwrap_or_default()),
            _ => (year, 0, 0),
        });
    }
    found.into_iter().max()
}

/// A date as it is shown: `2026-03-14`, `2026-03` or `2026`.
pub(super) fn written((year, month, day): Date) -> String {
    match (month, day) {
        (0, _) => format!("{year}"),
        (_, 0) => format!("{year}-{month:02}"),
        _ => format!("{year}-{month:02}-{day:02}"),
    }
}

/// The figures of a text that are no part of a date or a time.
pub(super) fn figures_besides(text: &str) -> Vec<String> {
    let words: Vec<String> = tokens(text).map(|token| token.text).collect();
    let is_month = |at: Option<usize>| at.and_then(|at| words.get(at)).is_some_and(|word| month(word).is_some());
    let is_of_date = |at: usize| {
        let word = &words[at];
        let beside = word.len() <= 2 && (is_month(at.checked_sub(1)) || is_month(Some(at + 1)));
        beside || word.contains(['-', ':', '/']) || (word.len() == 4 && word.parse().is_ok_and(is_year))
    };
    let is_figure = |at: &usize| words[*at].starts_with(|c: char| c.is_ascii_digit()) && !is_of_date(*at);
    (0..words.len()).filter(is_figure).map(|at| words[at].clone()).collect()
}

fn is_year(number: u32) -> bool {
    (1900..2100).contains(&number)
}

/// Which month a word in lower case names, from 1.
pub(super) fn month(word: &str) -> Option<u32> {
    let is_month = |names: &&str| names.split(' ').any(|name| word.starts_with(name) && word.chars().count() <= 9);
    (1..).zip(MONTHS.iter()).find(|(_, names)| is_month(names)).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::{figures_besides, latest};

    #[test]
    fn figures_are_told_from_dates() {
        let text = "On 14 March 2026 at 10:42, 612 of 2,000 orders failed; since 2026-03-15 it is 3.";
        assert_eq!(figures_besides(text), ["612", "2,000", "3"]);
    }

    #[test]
    fn dates_are_read_in_every_common_form() {
        for (text, date) in [
            ("It was on 14 March 2026 that it broke.", (2026, 3, 14)),
            ("Released 2025-11-02, revised 2025-12-24.", (2025, 12, 24)),
            ("As of March 14, 2026 it holds.", (2026, 3, 14)),
            ("Stand: Juli 2024", (2024, 7, 0)),
            ("In 2019 there were 40.", (2019, 0, 0)),
        ] {
            assert_eq!(latest(text), Some(date), "{text}");
        }
        assert_eq!(latest("There are 4096 of them, 17 of which are red."), None);
        assert_eq!(latest("Nothing here."), None);
    }
}
