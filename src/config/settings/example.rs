//! All settings as a file, each with its default.

use std::fmt::Write as _;

use super::{Kind, SETTINGS, Setting};

/// The width at which the example's comments are wrapped.
const EXAMPLE_WIDTH: usize = 100;

/// See [`crate::config::Config::example`].
pub(in crate::config) fn example() -> String {
    let mut text = String::from(
        "# Everything that can be set, each with its default. Copy this to `callboard.toml` in the folder where\n\
         # you work, or to `config.toml` in the data folder, and take the `#` from what you want to change.\n\
         #\n\
         # Every setting can come from the environment too: CALLBOARD_DATA, CALLBOARD_TOOLS__HTTP__TIMEOUT, …\n\
         # (`__` for the dot; lists with commas). `callboard config` shows what holds, and where it was set.\n",
    );
    let mut section = "";
    for setting @ Setting { key, kind, default, about } in SETTINGS {
        let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
        text.push('\n');
        if table != section {
            section = table;
            // A section with a name is only there once somebody names it.
            let comment = if table.contains('*') { "#" } else { "" };
            let _ = writeln!(text, "{comment}[{}]", table.replace('*', "NAME"));
        }
        for line in wrapped(about, EXAMPLE_WIDTH) {
            let _ = writeln!(text, "# {line}");
        }
        let default = match kind {
            Kind::List | Kind::Chain if default.is_empty() => "[]".to_owned(),
            Kind::List => format!(
                "[{}]",
                default.split(',').map(|item| format!("\"{}\"", item.trim())).collect::<Vec<_>>().join(", ")
            ),
            Kind::Count | Kind::Flag => (*default).to_owned(),
            _ => format!("\"{default}\""),
        };
        let name = if setting.is_named() && name == "*" { "NAME" } else { name };
        let _ = writeln!(text, "#{name} = {default}");
    }
    text
}

/// The words of `text` in lines of at most `width` bytes, unless a word is longer.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
