//! Times, as people name them and as cron does.

use super::super::tokens::{Token, What};
use super::is;
use crate::workflow::Trigger;

/// Days of the week, as cron names them.
const DAYS: [(&str, &str); 7] = [
    ("monday", "MON"),
    ("tuesday", "TUE"),
    ("wednesday", "WED"),
    ("thursday", "THU"),
    ("friday", "FRI"),
    ("saturday", "SAT"),
    ("sunday", "SUN"),
];

/// Months, from January.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Parts of the day, and the hour that stands for each.
const PARTS: [(&str, u32); 6] =
    [("morning", 9), ("noon", 12), ("midday", 12), ("afternoon", 14), ("evening", 18), ("night", 22)];

/// A schedule in the making.
#[derive(Default)]
struct Calendar {
    days: Vec<&'static str>,
    date: Option<u32>,
    month: Option<u32>,
    time: Option<(u32, u32)>,
    /// A whole pattern, for what repeats within a day.
    pattern: Option<String>,
    /// True once something said that it repeats.
    repeats: bool,
    /// True if a day was named as if there were only one: `on Monday`.
    once: bool,
}

impl Calendar {
    /// Reads what a schedule may go on with; how many words that is.
    fn read(&mut self, tokens: &[Token], begins: bool) -> Option<usize> {
        let token = tokens.first()?;
        if !token.is_word() && !matches!(token.what, What::Comma | What::Marker(_)) {
            return None;
        }
        match token.lower.as_str() {
            "every" | "each" => self.every(&tokens[1..]).map(|length| length + 1),
            "daily" => Some(self.repeat(1)),
            "nightly" => {
                self.time = self.time.or(part("night"));
                Some(self.repeat(1))
            }
            // `once a week`
            "once" if is(tokens.get(1), &["a", "every", "per"]) => self.every(&tokens[2..]).map(|length| length + 2),
            "hourly" => {
                self.pattern = Some("0 * * * *".to_owned());
                Some(self.repeat(1))
            }
            "weekly" => {
                self.days.push("MON");
                Some(self.repeat(1))
            }
            "monthly" => {
                self.date = self.date.or(Some(1));
                Some(self.repeat(1))
            }
            "yearly" | "annually" => {
                (self.date, self.month) = (self.date.or(Some(1)), self.month.or(Some(1)));
                Some(self.repeat(1))
            }
            "on" | "of" | "the" | "in" | "at" | "," | "and" if !begins || tokens.len() > 1 => {
                self.joined(&token.lower, &tokens[1..]).map(|length| length + 1)
            }
            _ if self.repeats => {
                if let Some((time, length)) = clock(tokens) {
                    self.time = Some(time);
                    return Some(length);
                }
                self.days.push(day(token).filter(|_| !self.days.is_empty())?);
                Some(1)
            }
            _ => None,
        }
    }

    /// Notes that it repeats; hands on how many words said so.
    fn repeat(&mut self, length: usize) -> usize {
        self.repeats = true;
        length
    }

    /// After `every`: a day, a part of the day, or so many of a unit.
    fn every(&mut self, tokens: &[Token]) -> Option<usize> {
        let first = tokens.first()?;
        if let Some(number) = super::super::fields::number(first)
            && let Some(unit) = tokens.get(1)
            && let Some(pattern) = cron_every(number, one(unit))
        {
            self.pattern = Some(pattern);
            return Some(self.repeat(2));
        }
        if let Some(pattern) = cron_every(1.0, one(first)).filter(|_| matches!(one(first), "minute" | "hour")) {
            self.pattern = Some(pattern);
            return Some(self.repeat(1));
        }
        match first.lower.as_str() {
            "day" | "morning" | "afternoon" | "evening" | "night" | "noon" => {
                self.time = self.time.or_else(|| part(&first.lower));
            }
            "weekday" | "weekdays" | "workday" | "workdays" => self.days.push("MON-FRI"),
            "weekend" | "weekends" => self.days.push("SAT,SUN"),
            "week" => self.days.push("MON"),
            "month" => self.date = self.date.or(Some(1)),
            "year" => (self.date, self.month) = (self.date.or(Some(1)), self.month.or(Some(1))),
            "quarter" => self.pattern = Some("0 9 1 */3 *".to_owned()),
            _ => self.days.push(day(first)?),
        }
        Some(self.repeat(1))
    }

    /// After a joint, which counts only if something of a time follows it.
    fn joined(&mut self, joint: &str, tokens: &[Token]) -> Option<usize> {
        if let Some((time, length)) = clock(tokens).filter(|_| matches!(joint, "at" | "in" | "the")) {
            self.time = Some(time);
            return Some(length);
        }
        if let Some((number, length)) = ordinal(tokens).filter(|_| matches!(joint, "on" | "the")) {
            let rest = &tokens[length..];
            let names_month = |token: &Token| token.lower == "month" || MONTHS.contains(&token.lower.as_str());
            let of = |token: &Token| matches!(token.lower.as_str(), "of" | "of each" | "of every");
            let of_month = rest.first().is_some_and(of) && rest.iter().take(4).any(names_month);
            let every = is(rest.first(), &["every", "each"]) || is(rest.get(1), &["every", "each"]);
            if !(of_month || every) {
                return None;
            }
            let end = rest.iter().position(names_month).map_or(length, |end| length + end + 1);
            let month = tokens[..end].iter().find_map(|token| MONTHS.iter().position(|name| *name == token.lower));
            self.date = Some(number);
            self.month = month.and_then(|month| u32::try_from(month + 1).ok());
            return Some(self.repeat(end));
        }
        // `on weekdays`, `at weekends`
        let several = tokens.first().map(|token| token.lower.as_str());
        if let Some(days) = match several {
            Some("weekdays" | "workdays") => Some("MON-FRI"),
            Some("weekends") => Some("SAT,SUN"),
            _ => None,
        } {
            self.days.push(days);
            return Some(self.repeat(1));
        }
        let name = tokens.first().and_then(day).filter(|_| matches!(joint, "on" | "and" | ","))?;
        // `on Mondays`; `on Monday` is one day, unless it repeats anyhow.
        let several = tokens[0].lower.ends_with('s');
        self.once |= !self.repeats && !several;
        self.repeats |= several || !self.days.is_empty();
        self.days.push(name);
        Some(1)
    }

    /// The cron pattern. `at 8:30` alone is no schedule, and neither is one Monday.
    fn finish(self, assumed: &mut Vec<String>) -> Option<String> {
        if !self.repeats || (self.once && self.days.len() == 1 && self.pattern.is_none()) {
            return None;
        }
        if let Some(pattern) = self.pattern {
            return Some(pattern);
        }
        let (hour, minute) = self.time.unwrap_or_else(|| {
            assumed.push("No time was named, so it starts at 9 in the morning (UTC).".to_owned());
            (9, 0)
        });
        let or_any = |number: Option<u32>| number.map_or_else(|| "*".to_owned(), |number| number.to_string());
        let days = if self.days.is_empty() { "*".to_owned() } else { self.days.join(",") };
        Some(format!("{minute} {hour} {} {} {days}", or_any(self.date), or_any(self.month)))
    }
}

/// The word without the mark of the plural.
fn one(token: &Token) -> &str {
    token.lower.strip_suffix('s').unwrap_or(&token.lower)
}

fn day(token: &Token) -> Option<&'static str> {
    DAYS.iter().find(|(name, _)| *name == one(token) || *name == token.lower).map(|(_, cron)| *cron)
}

/// `every Monday at 9`, `daily at 8:30`, `on the first of the month`, `every 15 minutes`
pub(super) fn schedule(tokens: &[Token], assumed: &mut Vec<String>) -> Option<(Trigger, usize)> {
    let mut calendar = Calendar::default();
    let mut at = 0;
    while let Some(length) = calendar.read(&tokens[at..], at == 0) {
        at += length;
    }
    let (timezone, zone) = timezone(&tokens[at..]).map_or((None, 0), |(zone, length)| (Some(zone), length));
    let length = at + zone;
    let pattern = calendar.finish(assumed)?;
    Some((Trigger::Cron { pattern, timezone }, length))
}

/// `UTC`, `Tokyo time`, `Eastern time`, `in New York`: the zone, and how many words name it.
fn timezone(tokens: &[Token]) -> Option<(String, usize)> {
    let first = tokens.first()?;
    let short = match first.lower.as_str() {
        "utc" | "gmt" => Some("UTC"),
        "cet" | "cest" => Some("Europe/Paris"),
        "eastern" | "est" | "edt" => Some("America/New_York"),
        "central" | "cst" | "cdt" => Some("America/Chicago"),
        "mountain" | "mst" => Some("America/Denver"),
        "pacific" | "pst" | "pdt" => Some("America/Los_Angeles"),
        _ => None,
    };
    let says_time = |at: usize| is(tokens.get(at), &["time"]);
    if let Some(zone) = short {
        // `pacific`, by itself, may be many things.
        let is_code = first.lower.len() <= 4;
        return (is_code || says_time(1)).then(|| (zone.to_owned(), 1 + usize::from(says_time(1))));
    }
    (1..=3).find_map(|length| {
        let words = tokens.get(..length)?;
        let is_place = words.iter().all(|word| word.is_word() && (word.is_capital() || length > 1));
        let name = words.iter().map(|word| word.lower.as_str()).collect::<Vec<_>>().join("_");
        let zone = chrono_tz::TZ_VARIANTS
            .iter()
            .find(|zone| zone.name().rsplit('/').next().is_some_and(|city| city.to_lowercase() == name))?;
        (is_place && says_time(length)).then(|| (zone.name().to_owned(), length + 1))
    })
}

/// A pattern for every so many minutes, hours or days.
fn cron_every(number: f64, unit: &str) -> Option<String> {
    if !(1.0..=59.0).contains(&number) || number.fract() != 0.0 {
        return None;
    }
    let every = if (number - 1.0).abs() < f64::EPSILON { "*".to_owned() } else { format!("*/{number}") };
    match unit {
        "minute" | "min" => Some(format!("{every} * * * *")),
        "hour" if number <= 23.0 => Some(format!("0 {every} * * *")),
        "day" if number > 1.0 && number <= 31.0 => Some(format!("0 9 {every} * *")),
        _ => None,
    }
}

fn part(word: &str) -> Option<(u32, u32)> {
    PARTS.iter().find(|(name, _)| *name == word).map(|(_, hour)| (*hour, 0))
}

/// A time of the day, and how many words it is: `9`, `8:30`, `9 am`, `half past nine` is not among them.
fn clock(tokens: &[Token]) -> Option<((u32, u32), usize)> {
    let first = tokens.first()?;
    if let Some(time) = part(&first.lower).or_else(|| (first.lower == "midnight").then_some((0, 0))) {
        return Some((time, 1));
    }
    // `half past seven`, `quarter to eight`
    if let [part, joint, _, ..] = tokens
        && let Some(minutes) = match (part.lower.as_str(), joint.lower.as_str()) {
            ("half", "past") => Some(30),
            ("quarter", "past") => Some(15),
            ("quarter", "to") => Some(-15),
            _ => None,
        }
        && let Some(((hour, 0), length)) = clock(&tokens[2..])
    {
        let minutes = i64::from(hour) * 60 + minutes;
        let time = (u32::try_from(minutes / 60).ok()?, u32::try_from(minutes % 60).ok()?);
        return Some((time, length + 2));
    }
    let text = first.lower.trim_end_matches(['h']);
    let (digits, suffix) = match text.strip_suffix("am").or_else(|| text.strip_suffix("pm")) {
        Some(digits) => (digits, Some(text.ends_with("pm"))),
        None => (text, None),
    };
    let (hour, minute) = match digits.split_once([':', '.']) {
        Some((hour, minute)) => (hour.parse::<u32>().ok()?, minute.parse::<u32>().ok()?),
        None => (digits.parse::<u32>().ok().or_else(|| super::super::lexicon::LEXICON.number(&first.lower))?, 0),
    };
    let mut length = 1;
    let mut afternoon = suffix;
    if afternoon.is_none() && is(tokens.get(1), &["am", "pm"]) {
        afternoon = Some(tokens[1].lower == "pm");
        length = 2;
    } else if is(tokens.get(1), &["o'clock", "oclock"]) {
        length = 2;
    }
    // `seven in the morning`, `half past six in the evening`
    if let [r#in, the, part, ..] = &tokens[length..]
        && r#in.lower == "in"
        && the.lower == "the"
        && matches!(part.lower.as_str(), "morning" | "afternoon" | "evening")
        && afternoon.is_none()
    {
        afternoon = Some(part.lower != "morning");
        length += 3;
    }
    let hour = match afternoon {
        Some(true) if hour < 12 => hour + 12,
        Some(false) if hour == 12 => 0,
        _ => hour,
    };
    (hour < 24 && minute < 60).then_some(((hour, minute), length))
}

/// `the first`, `1st`, `15th`
fn ordinal(tokens: &[Token]) -> Option<(u32, usize)> {
    let skipped = usize::from(is(tokens.first(), &["the"]));
    let token = tokens.get(skipped)?;
    let number = match token.lower.as_str() {
        "first" => 1,
        "second" => 2,
        "third" => 3,
        "fifteenth" => 15,
        word => ["st", "nd", "rd", "th"].iter().find_map(|suffix| word.strip_suffix(suffix)?.parse::<u32>().ok())?,
    };
    let length = skipped + 1 + usize::from(is(tokens.get(skipped + 1), &["day"]));
    (1..=31).contains(&number).then_some((number, length))
}
