//! What slices are taken of, which minijinja does not tell.

use super::scan::{KEYWORDS, STATEMENTS, Scanned, TokenKind};

impl Scanned<'_> {
    /// The paths in a string that takes slices, such as `inputs.list[1:]`; none if it takes no slice.
    ///
    /// minijinja does not tell the names of what a slice is taken of. Names that a loop makes are not among these.
    pub(super) fn paths_beside_slices(&self) -> Vec<Vec<&str>> {
        let mut brackets = Vec::new();
        let mut slices = false;
        for token in &self.tokens {
            match token.kind {
                TokenKind::Sign(open @ (b'(' | b'[' | b'{')) => brackets.push(open),
                TokenKind::Sign(b')' | b']' | b'}') => drop(brackets.pop()),
                TokenKind::Sign(b':') => slices |= brackets.last() == Some(&b'['),
                TokenKind::End => brackets.clear(),
                _ => {}
            }
        }
        if !slices {
            return Vec::new();
        }
        let word = |index: usize| self.tokens.get(index).filter(|token| token.kind == TokenKind::Word);
        let sign =
            |index: usize, sign: u8| self.tokens.get(index).is_some_and(|token| token.kind == TokenKind::Sign(sign));
        let is = |index: usize, text: &str| word(index).is_some_and(|token| self.text(token) == text);
        let mut made: Vec<&str> = Vec::new();
        let mut in_loop = false;
        let mut paths = Vec::new();
        for index in 0..self.tokens.len() {
            let Some(token) = word(index) else { continue };
            let text = self.text(token);
            let follows = |text: u8| index > 0 && sign(index - 1, text);
            let is_test =
                index > 0 && (is(index - 1, "is") || (index > 1 && is(index - 1, "not") && is(index - 2, "is")));
            match text {
                "for" => in_loop = true,
                "in" => in_loop = false,
                _ if in_loop => made.push(text),
                _ if KEYWORDS.contains(&text) || STATEMENTS.contains(&text) || made.contains(&text) => {}
                _ if follows(b'.') || follows(b'|') || is_test || sign(index + 1, b'(') => {}
                _ if sign(index + 1, b'=') && self.text(&self.tokens[index + 1]) == "=" => {}
                _ => {
                    let mut path = vec![text];
                    let mut next = index + 1;
                    while let Some(name) = word(next + 1).filter(|_| sign(next, b'.')) {
                        path.push(self.text(name));
                        next += 2;
                    }
                    paths.push(path);
                }
            }
        }
        paths
    }
}
