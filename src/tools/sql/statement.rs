//! What may be sent: one statement, of a kind that does no more than the connection allows.

use super::{Database, SqlConnection};

/// Statements that only look.
const READING: &[&str] = &["SELECT", "WITH", "VALUES", "TABLE", "EXPLAIN", "SHOW"];
/// Statements that change data or tables. Others reach beyond the database (COPY, ATTACH), run code (DO, CALL), or change
/// how the connection works (SET, PRAGMA, COMMIT).
const WRITING: &[&str] =
    &["INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "CREATE", "ALTER", "DROP", "TRUNCATE", "COMMENT"];

/// Whether the statement may be sent; else what is wrong with it.
pub(super) fn check(statement: &str, connection: &SqlConnection) -> Result<(), String> {
    if statement.contains('\0') {
        return Err("argument `statement`: it contains a NUL character".to_owned());
    }
    let words = words(statement, matches!(connection.database, Database::Postgres(_)));
    let Some(first) = words.first else {
        return Err("argument `statement`: there is no statement in it".to_owned());
    };
    if words.several {
        return Err("argument `statement`: only one statement can be sent".to_owned());
    }
    let first = first.to_ascii_uppercase();
    if READING.contains(&first.as_str()) || (connection.write && WRITING.contains(&first.as_str())) {
        return Ok(());
    }
    if WRITING.contains(&first.as_str()) {
        return Err(format!(
            "argument `statement`: {first} would change the database, and the connection only reads; `write = true` in \
             its section of the configuration lets it write"
        ));
    }
    let allowed = READING.iter().chain(if connection.write { WRITING } else { &[] });
    let allowed = allowed.copied().collect::<Vec<_>>().join(", ");
    Err(format!("argument `statement`: it begins with {first}; what can be sent begins with one of {allowed}"))
}

/// The word that a statement begins with, in upper case.
pub(super) fn first_word(statement: &str) -> String {
    words(statement, true).first.unwrap_or_default().to_ascii_uppercase()
}

/// The statement without the semicolon at its end, and without what comes after that.
pub(super) fn without_end(statement: &str) -> &str {
    &statement[..words(statement, true).end]
}

struct Words {
    /// The word that it begins with, if it has any.
    first: Option<String>,
    /// Whether something comes after a semicolon.
    several: bool,
    /// Where the first statement ends.
    end: usize,
}

/// Reads a statement as the databases do, as far as strings, names in quotes and comments go.
fn words(statement: &str, postgres: bool) -> Words {
    let mut rest = statement;
    let (mut first, mut end, mut several) = (None, None, false);
    while let Some(c) = rest.chars().next() {
        let length = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment(rest, postgres)
        } else if c.is_whitespace() {
            c.len_utf8()
        } else if c == ';' {
            // In SQLite a statement that is empty is none.
            if first.is_some() {
                end = end.or(Some(statement.len() - rest.len()));
            }
            1
        } else {
            several = several || end.is_some();
            let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if first.is_none() && c != '(' {
                first = Some(if word.is_empty() { c.to_string() } else { word.clone() });
            }
            match c {
                '\'' | '"' => quoted(rest, c),
                '`' if !postgres => quoted(rest, c),
                '[' if !postgres => rest.find(']').map_or(rest.len(), |end| end + 1),
                'e' | 'E' if postgres && rest[1..].starts_with('\'') => 1 + escaped(&rest[1..]),
                '$' if postgres => dollar(rest),
                _ if word.is_empty() => c.len_utf8(),
                _ => word.len(),
            }
        };
        rest = &rest[length..];
    }
    Words { first, several, end: end.unwrap_or(statement.len()) }
}

/// The length of a comment. Those of PostgreSQL can hold others.
fn comment(text: &str, nested: bool) -> usize {
    let (mut depth, mut at) = (1, 2);
    while depth > 0 {
        let Some(next) = text[at..].find(['*', '/']) else { return text.len() };
        at += next;
        if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
        } else if nested && text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else {
            at += 1;
        }
    }
    at
}

/// The length of what stands in quotes; a quote in it is doubled, so that it reads as two of these.
fn quoted(text: &str, quote: char) -> usize {
    text[1..].find(quote).map_or(text.len(), |end| end + 2)
}

/// The length of a string with backslashes.
fn escaped(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '\'' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of `$tag$…$tag$`; 1 if it is something else, such as `$1`.
fn dollar(text: &str) -> usize {
    let Some(end) = text[1..].find(|c: char| !c.is_alphanumeric() && c != '_') else { return 1 };
    let tag = &text[..end + 2];
    if !tag.ends_with('$') || text[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return 1;
    }
    text[tag.len()..].find(tag).map_or(text.len(), |at| at + 2 * tag.len())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn checked(url: &str, write: bool, statement: &str) -> Result<(), String> {
        let database = Database::parse(url).unwrap();
        let timeout = Duration::from_secs(1);
        check(statement, &SqlConnection { database, password: None, write, timeout, max_rows: 1, max_bytes: 1 })
    }

    #[test]
    fn one_statement_of_an_allowed_kind_is_let_through() {
        for url in ["postgres://ada@localhost/books", "sqlite:books.db"] {
            for good in [
                "SELECT 1",
                " select 1 ; ",
                "-- first\n/* then */ SELECT ';' ; -- end;",
                "(SELECT 1) UNION (SELECT 2)",
                "WITH a AS (SELECT 1) SELECT * FROM a",
                "VALUES (1)",
                "SELECT 'it''s; fine', \"a;b\"",
                "EXPLAIN SELECT 1",
            ] {
                assert_eq!(checked(url, false, good), Ok(()), "{good}");
            }
            for write in [false, true] {
                for bad in [
                    "",
                    ";",
                    "-- only",
                    "SELECT 1; DROP TABLE x",
                    "; ATTACH 'x' AS y",
                    "SELECT 1;;SELECT 2",
                    "SELECT 'a' -- ';\n; DELETE FROM x",
                    "/* SELECT */ ATTACH DATABASE 'x' AS y",
                    "PRAGMA query_only = off",
                    "VACUUM INTO 'x'",
                    "COPY x TO PROGRAM 'sh'",
                    "DO $$ BEGIN END $$",
                    "SET x = 1",
                    "COMMIT",
                    "'SELECT'",
                    "SELECT 1\0",
                    "SELECT '''; DELETE FROM x; --'; DELETE FROM x",
                ] {
                    assert!(checked(url, write, bad).is_err(), "{bad}");
                }
            }
            assert!(checked(url, false, "DELETE FROM x").unwrap_err().contains("`write = true`"));
            assert_eq!(checked(url, true, "DELETE FROM x"), Ok(()));
        }
        let (postgres, sqlite) = ("postgres://localhost/x", "sqlite:x.db");
        for good in ["SELECT $$a;b$$, $x$;$x$, $1", "SELECT E'\\';'", "/* /* ; */ ; */ SELECT 1"] {
            assert_eq!(checked(postgres, false, good), Ok(()), "{good}");
        }
        for bad in ["SELECT E'\\'; DELETE FROM x; --'; DELETE", "SELECT $1; SELECT $2", "SELECT `a;b`"] {
            assert!(checked(postgres, false, bad).is_err(), "{bad}");
        }
        for good in ["SELECT `a;b`, [c;d]", "SELECT '\\', 1"] {
            assert_eq!(checked(sqlite, false, good), Ok(()), "{good}");
        }
        for bad in ["SELECT '\\'; DELETE FROM x; --'", "SELECT $$;$$", "/* /* */ SELECT 1; */"] {
            assert!(checked(sqlite, false, bad).is_err(), "{bad}");
        }
    }
}
