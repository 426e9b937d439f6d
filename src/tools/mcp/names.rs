//! Names of a server's tools, made to fit ours: small letters, digits and `_`, short, and no two the same.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

/// The longest name of a tool with its server's, in bytes. Models take 64.
const LONGEST: usize = 60;

/// The longest name of a server, in bytes.
pub(super) const LONGEST_SERVER: usize = 24;

/// How much of a hash sets two names apart.
const HASH: usize = 6;

/// Our name for each of the server's own, in the same order. Each depends on the set of names alone, not on their order.
pub(super) fn fitted(server: &str, own: &[&str]) -> Vec<String> {
    let room = LONGEST - LONGEST_SERVER.min(server.len()) - 1;
    let plain: Vec<String> = own.iter().map(|name| plain(name)).collect();
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &plain {
        *uses.entry(name).or_default() += 1;
    }
    let fit = |(own, plain): (&&str, &String)| {
        let is_alone = uses.get(plain.as_str()) == Some(&1) || *own == plain;
        if is_alone && plain.len() <= room {
            return plain.clone();
        }
        let begin: String = plain.chars().take(room - HASH - 1).collect();
        let hash = format!("{:x}", Sha256::digest(own.as_bytes()));
        format!("{}_{}", begin.trim_end_matches('_'), &hash[..HASH])
    };
    own.iter().zip(&plain).map(fit).collect()
}

/// `getTinyImage`, `get-tiny-image` and `get.tiny.image` as `get_tiny_image`.
fn plain(own: &str) -> String {
    let mut plain = String::new();
    let mut was_small = false;
    for c in own.chars() {
        let is_plain = c.is_ascii_alphanumeric();
        if (c.is_ascii_uppercase() && was_small || !is_plain) && !plain.is_empty() && !plain.ends_with('_') {
            plain.push('_');
        }
        if is_plain {
            plain.push(c.to_ascii_lowercase());
        }
        was_small = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    let plain = plain.trim_end_matches('_');
    if plain.starts_with(|c: char| c.is_ascii_lowercase()) {
        plain.to_owned()
    } else {
        format!("tool_{plain}").trim_end_matches('_').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_to_fit() {
        for (own, ours) in [
            ("read_file", "read_file"),
            ("get-tiny-image", "get_tiny_image"),
            ("getTinyImage", "get_tiny_image"),
            ("HTTPGet2Go", "httpget2_go"),
            ("repo/list.all", "repo_list_all"),
            ("__x__", "x"),
            ("2fa", "tool_2fa"),
            ("größe", "gr_e"),
            ("日本", "tool"),
            ("", "tool"),
        ] {
            assert_eq!(fitted("s", &[own]), [ours], "{own}");
        }
    }

    #[test]
    fn names_that_would_be_the_same_are_set_apart_whatever_their_order() {
        let one = fitted("s", &["get_sum", "get-sum", "getSum"]);
        let other = fitted("s", &["getSum", "get_sum", "get-sum"]);
        assert_eq!(one[0], "get_sum");
        assert_eq!((&one[0], &one[1], &one[2]), (&other[1], &other[2], &other[0]));
        assert!(one[1].starts_with("get_sum_") && one[2].starts_with("get_sum_") && one[1] != one[2], "{one:?}");
    }

    #[test]
    fn no_name_is_too_long_for_a_model() {
        let (long, longer) = ("x".repeat(200), format!("{}y", "x".repeat(199)));
        let server = "s".repeat(LONGEST_SERVER);
        let names = fitted(&server, &[&long, &longer]);
        assert!(names.iter().all(|name| server.len() + 1 + name.len() == LONGEST), "{names:?}");
        assert_ne!(names[0], names[1]);
    }
}
