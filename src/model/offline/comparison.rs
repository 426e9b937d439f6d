//! Questions that ask to compare: what is compared with what.

/// Where the second side of a comparison ends: what follows says in what respect.
const ASPECTS: [&str; 13] = [
    " when ",
    " in terms ",
    " with regard",
    " regarding ",
    " concerning ",
    " as regards ",
    " for ",
    " on ",
    " in ",
    ", ",
    " bei ",
    " hinsichtlich ",
    " in bezug ",
];
/// Words that only say that something is to be compared.
const COMPARING: &str = "compare compares compared comparing comparison difference differences differ differs different versus vs \
    better worse unterschied unterschiede unterscheiden unterscheidet vergleich vergleichen vergleiche verglichen";

/// The two sides of a comparison and what is asked about them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) sides: [String; 2],
    pub(super) aspect: String,
}

/// Whether a word only says that something is to be compared; in lower case.
pub(super) fn is_comparing(word: &str) -> bool {
    COMPARING.split_whitespace().any(|other| other == word)
}

/// What a question compares: `How does X compare with Y …`, `the difference between X and Y`, `X versus Y`.
pub(super) fn read(question: &str) -> Option<Comparison> {
    // Only what is as long in lower case can be cut where the lower case is.
    let lower = question.to_lowercase();
    if lower.len() != question.len() {
        return None;
    }
    let cut = |from: usize, to: usize| question.get(from..to).map(str::trim);
    let after = |phrase: &str| lower.find(phrase).map(|at| at + phrase.len());
    for opening in
        ["difference between ", "differences between ", "unterschied zwischen ", "unterschiede zwischen ", "compare "]
    {
        let Some(from) = after(opening).filter(|from| opening != "compare " || *from == opening.len()) else {
            continue;
        };
        let joined = [" and ", " und ", " with ", " to "];
        if let Some((at, word)) = joined.iter().filter_map(|word| Some((from + lower[from..].find(word)?, word))).min()
        {
            return sides(cut(from, at)?, cut(at + word.len(), question.len())?);
        }
    }
    for verb in [" compare with ", " compare to ", " compare against ", " differ from ", " versus ", " vs. ", " vs "] {
        let Some(to) = lower.find(verb) else { continue };
        let openings = ["how does ", "how do ", "how did ", "how would ", "what about "];
        let from = openings.iter().filter_map(|opening| after(opening)).filter(|from| *from <= to).max().unwrap_or(0);
        return sides(cut(from, to)?, cut(to + verb.len(), question.len())?);
    }
    None
}

fn sides(one: &str, rest: &str) -> Option<Comparison> {
    let rest = rest.trim_end_matches(['?', '.', ' ']);
    let end = ASPECTS.iter().filter_map(|aspect| rest.to_lowercase().find(aspect)).min().unwrap_or(rest.len());
    let other = rest.get(..end)?.trim();
    let aspect = rest.get(end..)?.trim_matches([',', ' ']).to_owned();
    let is_side = |side: &str| (1..=8).contains(&side.split_whitespace().count());
    (is_side(one) && is_side(other)).then(|| Comparison { sides: [one.to_owned(), other.to_owned()], aspect })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn the_sides_of_a_comparison_are_told_apart_from_what_is_asked_of_them() {
        for (question, one, other, aspect) in [
            ("How does Paletto compare with Nordlager?", "Paletto", "Nordlager", ""),
            ("How does the old pump compare to the new one in price?", "the old pump", "the new one", "in price"),
            ("What is the difference between a lease and a loan?", "a lease", "a loan", ""),
            ("Compare tea with coffee, for the office", "tea", "coffee", "for the office"),
            ("Was ist der Unterschied zwischen Miete und Pacht?", "Miete", "Pacht", ""),
            ("Bus versus train when it snows", "Bus", "train", "when it snows"),
        ] {
            let read = read(question).unwrap_or_else(|| panic!("{question}"));
            assert_eq!((read.sides[0].as_str(), read.sides[1].as_str(), read.aspect.as_str()), (one, other, aspect));
        }
        for question in ["How long does it take?", "Does anything compare?", "Why do they differ?"] {
            assert_eq!(read(question), None, "{question}");
        }
    }
}
