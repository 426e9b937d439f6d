//! A setting: its name, what its value is, its default, and what it means. [`all`] lists them.

mod all;
mod example;
mod value;

pub(super) use all::SETTINGS;
pub(super) use example::example;
pub(super) use value::{Kind, Value};

/// One setting.
pub(super) struct Setting {
    /// Its name, with dots. A `*` between them stands for any name: `mcp.*.command`.
    pub(super) key: &'static str,
    /// What its value is.
    pub(super) kind: Kind,
    /// Its default, as the environment would spell it.
    pub(super) default: &'static str,
    /// What it means.
    pub(super) about: &'static str,
}

impl Setting {
    /// True if it can be set for any number of names.
    pub(super) fn is_named(&self) -> bool {
        self.key.split('.').any(|part| part == "*")
    }

    /// Its name, or one of its names.
    pub(super) fn matches(&self, key: &str) -> bool {
        self.key.split('.').count() == key.split('.').count() && self.begins(key)
    }

    /// True if `section` and something more is its name, or one of its names.
    pub(super) fn is_within(&self, section: &str) -> bool {
        self.key.split('.').count() > section.split('.').count() && self.begins(section)
    }

    fn begins(&self, key: &str) -> bool {
        self.key.split('.').zip(key.split('.')).all(|(part, name)| part == name || (part == "*" && is_name(name)))
    }

    /// The name of its that is likest to `key`: each `*` is what stands there in `key`.
    pub(super) fn like(&self, key: &str) -> String {
        let mut given = key.split('.');
        let part = |part: &'static str| {
            let given = given.next().filter(|given| is_name(given));
            if part == "*" { given.unwrap_or("NAME").to_owned() } else { part.to_owned() }
        };
        self.key.split('.').map(part).collect::<Vec<_>>().join(".")
    }
}

/// Whether something is a name that a `*` can stand for.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// The setting with this name.
pub(super) fn setting(key: &str) -> Option<&'static Setting> {
    let exact = SETTINGS.iter().find(|setting| setting.key == key);
    exact.or_else(|| SETTINGS.iter().find(|setting| setting.matches(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_a_name() {
        let setting = Setting { key: "mcp.*.env.*", kind: Kind::Text, default: "", about: "" };
        for (key, is_it) in [
            ("mcp.files.env.HOME", true),
            ("mcp.my-files.env.a_b2", true),
            ("mcp.files.env", false),
            ("mcp.files.env.HOME.x", false),
            ("mcp.2files.env.HOME", false),
            ("mcp..env.HOME", false),
            ("mcp.files.args.HOME", false),
        ] {
            assert_eq!(setting.matches(key), is_it, "{key}");
        }
        assert!(setting.is_within("mcp") && setting.is_within("mcp.files") && setting.is_within("mcp.files.env"));
        assert!(
            !setting.is_within("mc") && !setting.is_within("mcp.files.env.HOME") && !setting.is_within("tools.files")
        );
        assert_eq!(setting.like("mcp.files.emv.HOME"), "mcp.files.env.HOME");
        assert_eq!(setting.like("mpc"), "mcp.NAME.env.NAME");
    }
}
