//! A first look at a string: whether it holds expressions, and whether these are harmless to compile and run.
//!
//! minijinja bounds the steps of an evaluation, but its compiler recurses with the source and `*` repeats text and
//! lists. So the source is bounded here, only `if` and `for` are let through, and operands of `*` are made to be
//! numbers (by raising them to the power of one, which changes no number and refuses all else).

use std::borrow::Cow;
use std::ops::Range;

use super::environment::{FILTERS, TESTS};
use super::{ExpressionError, MAX_SOURCE, at_source};

/// How many words and signs one pair of braces may hold.
const MAX_TOKENS: usize = 1_000;
/// How many words and signs a string may hold in all its braces.
const MAX_TOKENS_IN_ALL: usize = 20_000;
/// How deep brackets may be nested.
const MAX_NESTING: usize = 32;
/// How many `{% … %}` a string may hold, and how deep they may be nested.
const MAX_STATEMENTS: usize = 200;
const MAX_BLOCKS: usize = 8;
pub(super) const STATEMENTS: &[&str] = &["if", "elif", "else", "endif", "for", "endfor"];

/// A string that was looked at.
#[derive(Debug)]
pub(super) struct Scanned<'a> {
    pub(super) source: &'a str,
    pub(super) form: Form<'a>,
    /// Whether it multiplies.
    pub(super) multiplies: bool,
    /// Whether it holds `{% … %}`.
    has_statements: bool,
    /// The words and signs within braces, with their places in `source`.
    pub(super) tokens: Vec<Token>,
}

/// What a string is.
#[derive(Debug)]
pub(super) enum Form<'a> {
    /// Itself.
    Literal,
    /// One expression, without its braces: it keeps its type.
    Whole(Cow<'a, str>),
    /// Text with expressions.
    Text(Cow<'a, str>),
}

/// A word or sign.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) range: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Word,
    Number,
    Quoted,
    /// A sign, by its first byte; `**` is `P` and `//` is `F`, so that they are not taken for `*` and `/`.
    Sign(u8),
    /// The end of a pair of braces.
    End,
}

/// Words that are no names.
pub(super) const KEYWORDS: &[&str] =
    &["true", "false", "none", "True", "False", "None", "not", "and", "or", "if", "else", "in", "is"];
/// How many names and dots make a path that is looked up without compiling it.
const LONGEST_PATH: usize = 32;
const POWER: u8 = b'P';
const FLOOR: u8 = b'F';

impl Scanned<'_> {
    /// The names of a path such as `steps.gather.output`, if that is all there is.
    pub(super) fn plain_path(&self) -> Option<Vec<&str>> {
        match self.form {
            Form::Whole(_) => self.path(self.tokens.split_last()?.1),
            _ => None,
        }
    }

    /// The path in each pair of braces, if there is nothing else in any.
    pub(super) fn plain_paths(&self) -> Option<Vec<Vec<&str>>> {
        let pairs = self.tokens.split_inclusive(|token| token.kind == TokenKind::End);
        match self.form {
            Form::Text(_) if !self.has_statements => pairs.map(|pair| self.path(pair.split_last()?.1)).collect(),
            Form::Whole(_) => Some(vec![self.plain_path()?]),
            _ => None,
        }
    }

    fn path(&self, tokens: &[Token]) -> Option<Vec<&str>> {
        if tokens.len().is_multiple_of(2) || tokens.len() > LONGEST_PATH {
            return None;
        }
        let mut path = Vec::with_capacity(tokens.len() / 2 + 1);
        for (index, token) in tokens.iter().enumerate() {
            match token.kind {
                TokenKind::Word if index % 2 == 0 => path.push(self.text(token)),
                TokenKind::Sign(b'.') if index % 2 == 1 => {}
                _ => return None,
            }
        }
        Some(path).filter(|path| !KEYWORDS.contains(&path[0]))
    }

    pub(super) fn text(&self, token: &Token) -> &str {
        &self.source[token.range.clone()]
    }

    /// What an undefined value may have to do with, for a message.
    pub(super) fn known_as(&self) -> String {
        match self.plain_path() {
            Some(path) => format!(" (`{}`)", path.join(".")),
            None => String::new(),
        }
    }
}

impl Scanned<'_> {
    /// The first filter or test that there is none of.
    ///
    /// minijinja finds out only when it comes to evaluate it.
    pub(super) fn unknown_name(&self) -> Option<(&'static str, &str, &'static [&'static str])> {
        self.tokens.iter().enumerate().filter(|(_, token)| token.kind == TokenKind::Word).find_map(|(index, token)| {
            let word = self.text(token);
            let before = |back: usize| {
                let token = &self.tokens[index.checked_sub(back)?];
                Some((token.kind, self.text(token)))
            };
            let is = Some((TokenKind::Word, "is"));
            let is_test = before(1) == is || (before(1) == Some((TokenKind::Word, "not")) && before(2) == is);
            if before(1) == Some((TokenKind::Sign(b'|'), "|")) && !FILTERS.contains(&word) {
                Some(("filter", word, FILTERS))
            } else if is_test && word != "not" && !TESTS.contains(&word) {
                Some(("test", word, TESTS))
            } else {
                None
            }
        })
    }
}

/// Looks at a string.
pub(super) fn scan(source: &str) -> Result<Scanned<'_>, ExpressionError> {
    if !source.contains("{{") && !source.contains("{%") && !source.contains("{#") {
        return Ok(Scanned {
            source,
            form: Form::Literal,
            multiplies: false,
            has_statements: false,
            tokens: Vec::new(),
        });
    }
    let mut scanner = Scanner::new(source)?;
    let mut rest = 0;
    let mut braces: Vec<Range<usize>> = Vec::new();
    while let Some(found) = next_opening(source, rest) {
        let inside = found + 2;
        rest = match source.as_bytes()[found + 1] {
            b'#' => match source[inside..].find("#}") {
                Some(length) => inside + length + 2,
                None => return Err(at_source(source, "a comment is not closed: `#}` is missing")),
            },
            b'%' => scanner.statement(inside)?,
            _ => {
                let end = scanner.tokens(inside, Some(b'}'))?;
                braces.push(found..end);
                end
            }
        };
    }
    let trimmed = source.trim();
    let start = source.len() - source.trim_start().len();
    let whole = braces.len() == 1 && braces[0] == (start..start + trimmed.len());
    let multiplies = scanner.multiplies();
    let form = if whole {
        let inner = start + 2..start + trimmed.len() - 2;
        let inner = dashes_off(source, inner);
        Form::Whole(scanner.numbers_only(inner))
    } else {
        Form::Text(scanner.numbers_only(0..source.len()))
    };
    Ok(Scanned { source, form, multiplies, has_statements: scanner.statements > 0, tokens: scanner.tokens })
}

/// Looks at a condition: an expression with braces or without.
pub(super) fn condition(source: &str) -> Result<Scanned<'_>, ExpressionError> {
    if source.trim_start().starts_with("{{") {
        let scanned = scan(source)?;
        return match scanned.form {
            Form::Whole(_) => Ok(scanned),
            _ => Err(at_source(source, "a condition is one expression; nothing may stand around its braces")),
        };
    }
    if source.contains("{%") {
        return Err(at_source(source, "a condition is one expression, without `{%`"));
    }
    let mut scanner = Scanner::new(source)?;
    scanner.tokens(0, None)?;
    let form = Form::Whole(scanner.numbers_only(0..source.len()));
    Ok(Scanned { source, form, multiplies: scanner.multiplies(), has_statements: false, tokens: scanner.tokens })
}

fn next_opening(source: &str, from: usize) -> Option<usize> {
    source.as_bytes()[from..]
        .windows(2)
        .position(|pair| matches!(pair, b"{{" | b"{%" | b"{#"))
        .map(|found| from + found)
}

/// Without the signs of `{{-` and `-}}`, which trim the text around.
fn dashes_off(source: &str, mut inner: Range<usize>) -> Range<usize> {
    let bytes = source.as_bytes();
    if matches!(bytes.get(inner.start), Some(b'-' | b'+')) {
        inner.start += 1;
    }
    if inner.end > inner.start && bytes[inner.end - 1] == b'-' {
        inner.end -= 1;
    }
    inner
}

struct Scanner<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    statements: usize,
    blocks: usize,
}

impl<'a> Scanner<'a> {
    fn new(source: &'a str) -> Result<Self, ExpressionError> {
        if source.len() > MAX_SOURCE {
            return Err(at_source(source, &format!("a string with expressions has at most {} KiB", MAX_SOURCE >> 10)));
        }
        Ok(Self { source, tokens: Vec::new(), statements: 0, blocks: 0 })
    }

    fn error<T>(&self, why: &str) -> Result<T, ExpressionError> {
        Err(at_source(self.source, why))
    }

    fn statement(&mut self, inside: usize) -> Result<usize, ExpressionError> {
        let first = self.tokens.len();
        let end = self.tokens(inside, Some(b'%'))?;
        let word = self.tokens[first..].iter().find(|token| token.kind == TokenKind::Word);
        let word = word.map_or("", |token| &self.source[token.range.clone()]);
        self.statements += 1;
        match word {
            _ if !STATEMENTS.contains(&word) => {
                return self.error(&format!("`{{% {word} %}}` is not used here; only `if` and `for` are"));
            }
            "if" | "for" => self.blocks += 1,
            "endif" | "endfor" => self.blocks = self.blocks.saturating_sub(1),
            _ => {}
        }
        if self.statements > MAX_STATEMENTS || self.blocks > MAX_BLOCKS {
            return self
                .error(&format!("it holds too many statements (at most {MAX_STATEMENTS}, nested {MAX_BLOCKS} deep)"));
        }
        Ok(end)
    }

    /// Reads words and signs up to the closing brace pair (`}}` or `%}`), or to the end; returns where they end.
    fn tokens(&mut self, from: usize, closing: Option<u8>) -> Result<usize, ExpressionError> {
        let bytes = self.source.as_bytes();
        let first = self.tokens.len();
        let mut at = from;
        let mut nesting: usize = 0;
        loop {
            let Some(&byte) = bytes.get(at) else {
                if closing.is_some() {
                    return self.error("a brace is not closed");
                }
                self.tokens.push(Token { kind: TokenKind::End, range: at..at });
                return Ok(at);
            };
            let next = bytes.get(at + 1).copied();
            if let Some(closing) = closing
                && nesting == 0
                && byte == closing
                && next == Some(b'}')
            {
                self.tokens.push(Token { kind: TokenKind::End, range: at..at });
                return Ok(at + 2);
            }
            let (kind, end) = match byte {
                _ if byte.is_ascii_whitespace() => {
                    at += 1;
                    continue;
                }
                b'\'' | b'"' => (TokenKind::Quoted, self.quoted(at)?),
                b'0'..=b'9' => (TokenKind::Number, self.number(at)),
                _ if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => {
                    let word =
                        bytes[at..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_' || **b >= 0x80);
                    (TokenKind::Word, at + word.count())
                }
                b'*' if next == Some(b'*') => (TokenKind::Sign(POWER), at + 2),
                b'/' if next == Some(b'/') => (TokenKind::Sign(FLOOR), at + 2),
                b'=' | b'!' | b'<' | b'>' if next == Some(b'=') => (TokenKind::Sign(byte), at + 2),
                // The sign of `-}}` and `-%}`, which trims the text behind.
                b'-' if closing.is_some() && nesting == 0 && next == closing && bytes.get(at + 2) == Some(&b'}') => {
                    at += 1;
                    continue;
                }
                b'-' | b'+' if closing.is_some() && at == from => {
                    at += 1;
                    continue;
                }
                b'(' | b'[' | b'{' => {
                    nesting += 1;
                    (TokenKind::Sign(byte), at + 1)
                }
                b')' | b']' | b'}' => {
                    nesting = nesting.saturating_sub(1);
                    (TokenKind::Sign(byte), at + 1)
                }
                _ => (TokenKind::Sign(byte), at + 1),
            };
            self.tokens.push(Token { kind, range: at..end });
            at = end;
            if nesting > MAX_NESTING {
                return self.error(&format!("brackets are nested more than {MAX_NESTING} deep"));
            }
            if self.tokens.len() - first > MAX_TOKENS || self.tokens.len() > MAX_TOKENS_IN_ALL {
                return self.error(&format!("it is too long (at most {MAX_TOKENS} words and signs)"));
            }
        }
    }

    fn quoted(&self, from: usize) -> Result<usize, ExpressionError> {
        let bytes = self.source.as_bytes();
        let mut at = from + 1;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'\\' => at += 2,
                _ if byte == bytes[from] => return Ok(at + 1),
                _ => at += 1,
            }
        }
        self.error("a quotation is not closed")
    }

    /// Where a number ends: digits, `_`, a fraction and an exponent.
    fn number(&self, from: usize) -> usize {
        let bytes = self.source.as_bytes();
        let mut at = from;
        while let Some(&byte) = bytes.get(at) {
            let fraction = byte == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
            let exponent = matches!(byte, b'+' | b'-') && matches!(bytes[at - 1], b'e' | b'E') && at > from;
            if byte.is_ascii_alphanumeric() || byte == b'_' || fraction || exponent {
                at += 1;
            } else {
                break;
            }
        }
        at
    }

    fn multiplies(&self) -> bool {
        (0..self.tokens.len()).any(|index| self.is_times(index))
    }

    /// Whether a token is the `*` between two operands, and not the one before a list that is spread over arguments.
    fn is_times(&self, index: usize) -> bool {
        let before = index.checked_sub(1).map(|before| self.tokens[before].kind);
        self.tokens[index].kind == TokenKind::Sign(b'*')
            && !matches!(before, None | Some(TokenKind::End | TokenKind::Sign(b'(' | b',')))
    }

    /// The source in `range`, with ` ** 1` behind both operands of every `*`.
    fn numbers_only(&self, range: Range<usize>) -> Cow<'a, str> {
        let source = self.source;
        if !self.multiplies() {
            return Cow::Borrowed(&source[range]);
        }
        let mut insertions: Vec<usize> = Vec::new();
        for index in 0..self.tokens.len() {
            if self.is_times(index) {
                insertions.push(self.tokens[index - 1].range.end);
                insertions.push(self.operand_end(index + 1));
            }
        }
        insertions.sort_unstable();
        insertions.dedup();
        let mut result = String::with_capacity(range.len() + insertions.len() * 5);
        let mut done = range.start;
        for at in insertions {
            result.push_str(&source[done..at]);
            result.push_str(" ** 1");
            done = at;
        }
        result.push_str(&source[done..range.end]);
        Cow::Owned(result)
    }

    /// Where the operand ends that begins at a token: before the first sign or word that binds no tighter than `*`.
    fn operand_end(&self, from: usize) -> usize {
        let mut index = from;
        while self.tokens.get(index).is_some_and(|token| matches!(token.kind, TokenKind::Sign(b'-' | b'+'))) {
            index += 1;
        }
        let mut nesting: usize = 0;
        while let Some(token) = self.tokens.get(index) {
            let ends = match token.kind {
                TokenKind::End => true,
                TokenKind::Sign(b'(' | b'[' | b'{') => {
                    nesting += 1;
                    false
                }
                TokenKind::Sign(b')' | b']' | b'}') if nesting > 0 => {
                    nesting -= 1;
                    false
                }
                TokenKind::Sign(sign) => nesting == 0 && !matches!(sign, b'.' | b'|' | POWER),
                TokenKind::Word => {
                    let word = &self.source[token.range.clone()];
                    nesting == 0 && matches!(word, "and" | "or" | "not" | "if" | "else" | "in")
                }
                TokenKind::Number | TokenKind::Quoted => false,
            };
            if ends {
                break;
            }
            index += 1;
        }
        self.tokens.get(index.saturating_sub(1)).map_or(self.source.len(), |token| token.range.end)
    }
}
