//! Text into words and the phrases that join them.

mod fits;

use super::lexicon::{LEXICON, Marker, Meaning, Verb, stem};
use fits::fits;

/// A word, or what joins words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    /// As it was written; without the marks around it if it was quoted.
    pub(super) text: String,
    pub(super) lower: String,
    pub(super) stem: String,
    pub(super) what: What,
    /// Its place in the text, so that the same word twice is told apart.
    pub(super) at: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    Word,
    Number,
    Quoted,
    /// An address of mail or of the web.
    Address,
    Marker(Marker),
    Comma,
    Colon,
    /// The end of a sentence.
    Stop,
    /// The number of an item of a list.
    Item,
}

impl Token {
    pub(super) fn new(text: &str, what: What) -> Self {
        let lower = text.to_lowercase();
        Self { text: text.to_owned(), stem: stem(&lower), lower, what, at: usize::MAX }
    }

    pub(super) fn is(&self, set: &str) -> bool {
        self.what == What::Word && LEXICON.is(set, &self.lower)
    }

    pub(super) fn marker(&self) -> Option<Marker> {
        match self.what {
            What::Marker(marker) => Some(marker),
            _ => None,
        }
    }

    pub(super) fn verb(&self) -> Option<Verb> {
        (self.what == What::Word).then(|| LEXICON.verb(&self.lower)).flatten()
    }

    /// True for what may be part of the name of a thing.
    pub(super) fn is_word(&self) -> bool {
        matches!(self.what, What::Word | What::Number | What::Quoted | What::Address)
    }

    /// True if it was written as a name is.
    pub(super) fn is_capital(&self) -> bool {
        self.what == What::Word && self.text.starts_with(char::is_uppercase)
    }
}

/// The longest request that is read, in bytes; the rest is not looked at.
const LONGEST: usize = 20_000;

/// The tokens of a text.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut tokens = join(&scan(&text[..end]));
    for (at, token) in tokens.iter_mut().enumerate() {
        token.at = at;
    }
    tokens
}

/// Words, numbers, quotations and punctuation.
fn scan(text: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if let Some((quoted, length)) = quotation(rest, text[..at].chars().next_back()) {
            found.push(Token::new(quoted, What::Quoted));
            at += length;
        } else if c.is_alphanumeric()
            || (matches!(c, '$' | '€' | '£' | '#') && rest[c.len_utf8()..].starts_with(char::is_alphanumeric))
        {
            let length = word(rest);
            found.extend(tokens_of_word(&rest[..length]));
            at += length;
            // `1.` or `2)` before a word begins an item of a list.
            let after = text[at..].chars().next();
            let number = found.last().is_some_and(|token| token.what == What::Number && token.text.len() <= 2);
            if number
                && matches!(after, Some('.' | ')'))
                && text[at + 1..].starts_with(char::is_whitespace)
                && !text[at + 1..].trim().is_empty()
            {
                found.pop();
                found.push(Token::new("", What::Item));
                at += 1;
            }
        } else {
            let what = match c {
                '.' | '!' | '?' | ';' | '\n' => Some(What::Stop),
                ':' => Some(What::Colon),
                ',' | '-' | '–' | '—' | '*' | '•' | '(' | ')' => Some(What::Comma),
                '>' if rest.starts_with("->") => Some(What::Comma),
                '→' => Some(What::Marker(Marker::Then)),
                '&' | '=' | '<' | '>' => Some(What::Word),
                '+' if rest[1..].starts_with(' ') => Some(What::Word),
                _ => None,
            };
            if let Some(what) = what {
                found.push(Token::new(&rest[..c.len_utf8()], what));
            }
            at += c.len_utf8();
        }
    }
    found
}

/// A quotation at the beginning of a text, without its marks, and how long it is with them.
fn quotation(text: &str, before: Option<char>) -> Option<(&str, usize)> {
    let open = text.chars().next()?;
    let close = match open {
        '\'' | '"' | '`' => open,
        '“' | '„' => '”',
        '‘' => '’',
        '«' => '»',
        _ => return None,
    };
    // An apostrophe is within or after a word.
    if open == '\'' && before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let inside = &text[open.len_utf8()..];
    let ends = inside.char_indices().filter(|(_, c)| *c == close);
    let end = ends.map(|(at, _)| at).find(|at| {
        let after = inside[at + close.len_utf8()..].chars().next();
        close != '\'' || !after.is_some_and(char::is_alphanumeric)
    })?;
    (end > 0 && !inside[..end].contains('\n')).then(|| (&inside[..end], open.len_utf8() + end + close.len_utf8()))
}

/// How long the word at the beginning of a text is: marks inside it belong to it, marks at its end do not.
fn word(text: &str) -> usize {
    let mut end = 0;
    let mut inside = text.char_indices().peekable();
    while let Some((at, c)) = inside.next() {
        let next = inside.peek().map(|(_, next)| *next);
        let joins = matches!(
            c,
            '\'' | '’' | '-' | '_' | '.' | '@' | ':' | '/' | ',' | '%' | '+' | '=' | '?' | '&' | '#' | '$' | '€' | '£'
        );
        let continues = match c {
            _ if c.is_alphanumeric() => true,
            // Thousands and times, not lists.
            ',' => next.is_some_and(char::is_numeric) && text[..at].ends_with(char::is_numeric),
            ':' => next.is_some_and(|next| next.is_numeric() || next == '/') && !text[..at].is_empty(),
            '/' => {
                at > 0
                    && (text[..at].contains("://")
                        || text[..at].ends_with(['/', ':'])
                        || next.is_some_and(char::is_alphanumeric))
            }
            '%' => text[..at].ends_with(char::is_numeric),
            '$' | '€' | '£' | '#' => at == 0,
            '?' | '=' | '&' | '+' => text[..at].contains("://") && next.is_some_and(char::is_alphanumeric),
            _ if joins => next.is_some_and(char::is_alphanumeric) && at > 0,
            _ => false,
        };
        if !continues {
            break;
        }
        end = at + c.len_utf8();
    }
    end.max(text.chars().next().map_or(0, char::len_utf8))
}

fn tokens_of_word(text: &str) -> Vec<Token> {
    let plain = text.replace('’', "'");
    if plain.contains("://") || (plain.contains('@') && plain.contains('.')) {
        return vec![Token::new(&plain, What::Address)];
    }
    let digits: String =
        plain.trim_start_matches(['$', '€', '£', '#']).chars().filter(|c| *c != ',' && *c != '%').collect();
    if digits.parse::<f64>().is_ok() && digits.starts_with(|c: char| c.is_ascii_digit()) {
        let mut token = Token::new(&plain, What::Number);
        token.lower = digits;
        return vec![token];
    }
    // `and/or`, `file/folder`: two words.
    if plain.contains('/') && !plain.starts_with('/') && !plain.contains(|c: char| c.is_numeric()) {
        let mut parts = Vec::new();
        for part in plain.split('/').filter(|part| !part.is_empty()) {
            if !parts.is_empty() {
                parts.push(Token::new("and", What::Marker(Marker::And)));
            }
            parts.push(Token::new(part, What::Word));
        }
        return parts;
    }
    // `lead's` is `lead`.
    let plain = match plain.strip_suffix("'s") {
        Some(owner)
            if !["let", "there", "it", "that", "what", "who", "he", "she"].contains(&&*owner.to_lowercase()) =>
        {
            owner
        }
        _ => &plain,
    };
    if let Some(words) = LEXICON.spelled(&plain.to_lowercase()) {
        return words.iter().map(|word| Token::new(word, What::Word)).collect();
    }
    vec![Token::new(plain, What::Word)]
}

/// Brings together the words that make a phrase of the lexicon.
fn join(tokens: &[Token]) -> Vec<Token> {
    let mut joined: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let matches = |words: &[String]| {
            words.len() <= tokens.len() - at
                && words
                    .iter()
                    .zip(&tokens[at..])
                    .all(|(word, token)| matches!(token.what, What::Word | What::Comma) && token.lower == *word)
        };
        let known = if token.what == What::Word { LEXICON.phrases(&token.lower) } else { Default::default() };
        let Some((words, meaning)) =
            known.iter().find(|(words, meaning)| matches(words) && fits(meaning, words.len(), tokens, at))
        else {
            joined.push(token.clone());
            at += 1;
            continue;
        };
        let length = words.len();
        let text: Vec<&str> = tokens[at..at + length].iter().map(|token| token.text.as_str()).collect();
        match meaning {
            // `when it is new I want a mail`: what is wanted begins there.
            Meaning::Marker(Marker::Filler)
                if length > 1
                    && matches!(
                        token.lower.as_str(),
                        "i" | "i'd" | "we" | "we'd" | "could" | "can" | "would" | "will"
                    )
                    && joined.last().is_some_and(|before| before.is_word() && !before.is("preposition")) =>
            {
                joined.push(Token::new("", What::Comma));
            }
            Meaning::Marker(Marker::Filler) => {}
            Meaning::Marker(marker) => joined.push(Token::new(&text.join(" "), What::Marker(*marker))),
            Meaning::Word(word) => joined.push(Token::new(word, What::Word)),
        }
        at += length;
    }
    joined
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: &Expect) {
        let shown: Vec<String> = tokens(text)
            .iter()
            .map(|token| match &token.what {
                What::Word => token.lower.clone(),
                What::Number => format!("#{}", token.lower),
                What::Quoted => format!("'{}'", token.text),
                What::Address => format!("@{}", token.text),
                What::Marker(marker) => format!("<{marker:?}>"),
                What::Comma | What::Colon => ",".to_owned(),
                What::Stop => ".".to_owned(),
                What::Item => "<item>".to_owned(),
            })
            .collect();
        expected.assert_eq(&shown.join(" "));
    }

    #[test]
    fn words_numbers_quotations_and_addresses() {
        check(
            "Don't e-mail “the boss” at boss@example.org, it's over $1,000.50. See https://example.org/a?b=c.",
            &expect![
                "<Not> email 'the boss' at @boss@example.org , it is over #1000.50 . see @https://example.org/a?b=c ."
            ],
        );
        check("Make - 1. a cake 2. a tart", &expect!["make , <item> a cake <item> a tart"]);
        check("the lead's name isn't 'hot'", &expect!["the lead name isn't 'hot'"]);
    }

    #[test]
    fn phrases_that_join() {
        check(
            "Please fetch it as well as that, and then, for each of them, look up the PR unless it's closed",
            &expect!["fetch it <And> that , <Then> , <ForEach> them , lookup the pull request <Unless> it is closed"],
        );
    }
}
