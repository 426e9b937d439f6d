//! How long a text may be, by what was asked for: `one-page`, `in 200 words`, `at most three sentences`.

use super::sentences::sentences;
use super::words::tokens;

/// How many words a page holds.
const PAGE: usize = 600;

/// The most that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Words(usize),
    Sentences(usize),
}

impl Limit {
    /// The limit that a goal names: a number before `page`, `words` or `sentences`.
    pub(super) fn in_goal(goal: &str) -> Option<Self> {
        const NUMBERS: [&str; 10] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
        let all: Vec<String> = tokens(goal).map(|token| token.text).collect();
        all.windows(2).find_map(|pair| {
            let named = NUMBERS.iter().position(|name| *name == pair[0]).map(|at| at + 1);
            let number: usize = named.or_else(|| pair[0].parse().ok()).filter(|number| *number > 0)?;
            match pair[1].trim_end_matches('s') {
                "page" => Some(Self::Words(number.saturating_mul(PAGE))),
                "word" => Some(Self::Words(number)),
                "sentence" => Some(Self::Sentences(number)),
                _ => None,
            }
        })
    }

    /// How much of it a text is, in the limit's own unit. Citations are no words.
    pub(super) fn of(self, text: &str) -> usize {
        match self {
            Self::Words(_) => {
                let is_word = |word: &&str| !word.starts_with('[') && word.contains(char::is_alphanumeric);
                text.split_whitespace().filter(is_word).count()
            }
            Self::Sentences(_) => sentences(text).len(),
        }
    }

    fn most(self) -> usize {
        match self {
            Self::Words(most) | Self::Sentences(most) => most,
        }
    }

    /// Whether a text keeps to it.
    pub(super) fn holds(self, text: &str) -> bool {
        self.of(text) <= self.most()
    }

    /// What is wrong with a text that does not keep to it.
    pub(super) fn broken_by(self, text: &str) -> Option<String> {
        let unit = match self {
            Self::Words(_) => "words",
            Self::Sentences(_) => "sentences",
        };
        let (has, most) = (self.of(text), self.most());
        (has > most).then(|| {
            format!("The text has {has} {unit}, and at most {most} were asked for: leave out what matters least.")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Limit;

    #[test]
    fn the_length_that_is_asked_for_is_read_from_the_goal() {
        assert_eq!(Limit::in_goal("Write a one-page brief in Markdown"), Some(Limit::Words(600)));
        assert_eq!(Limit::in_goal("Answer in at most 50 words."), Some(Limit::Words(50)));
        assert_eq!(Limit::in_goal("Sum it up in three sentences"), Some(Limit::Sentences(3)));
        assert_eq!(Limit::in_goal("Write a brief about page 3"), None);
        let limit = Limit::in_goal("in 50 words").unwrap();
        assert!(limit.broken_by(&"word ".repeat(51)).is_some_and(|problem| problem.contains("51 words")));
        assert!(limit.holds(&format!("{}[F1].", "word ".repeat(50))));
    }
}
