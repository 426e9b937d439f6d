//! Layering the sources, and saying where something in them is wrong.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::settings::{Kind, SETTINGS, Setting, Value, setting};
use super::{ConfigError, ConfigProblem, FILE, FILE_IN_DATA, Origin, resolve};

/// Where values can come from. The process' own surroundings are passed in, so that tests can set them.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The current folder.
    pub folder: PathBuf,
    /// The file that `--config` names; `callboard.toml` in the current folder, if it exists, when `None`.
    pub file: Option<PathBuf>,
    /// Environment variables; those that do not begin with `CALLBOARD_` are passed over.
    pub environment: Vec<(String, String)>,
    /// Flags: the setting, the flag as it was written, the value.
    pub flags: Vec<(&'static str, &'static str, String)>,
}

impl Sources {
    /// The home folder of whoever runs this.
    fn home(&self) -> Option<&str> {
        let home = self.environment.iter().find(|(variable, _)| variable == "HOME");
        home.map(|(_, home)| home.as_str()).filter(|home| !home.is_empty())
    }
}

/// Environment variables begin so.
const PREFIX: &str = "CALLBOARD_";

/// Variables that are read elsewhere: the name of the configuration file, by the command line; the key of the secrets,
/// which must not be shown among the settings.
const NOT_SETTINGS: &[&str] = &["CALLBOARD_CONFIG", "CALLBOARD_SECRETS_KEY"];

/// A value with its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// The layers so far.
pub(super) struct Layers {
    entries: BTreeMap<String, Entry>,
    problems: Vec<ConfigProblem>,
    /// What `~` stands for.
    home: Option<PathBuf>,
}

impl Layers {
    /// Reads all sources.
    pub(super) fn read(sources: &Sources) -> Result<Self, ConfigError> {
        let home = sources.home().map(PathBuf::from);
        let mut layers = Self { entries: BTreeMap::new(), problems: Vec::new(), home: home.clone() };
        for setting in SETTINGS.iter().filter(|setting| !setting.is_named()) {
            layers.set_text(setting.key, setting, setting.default, &sources.folder, Origin::Default);
        }
        match &sources.file {
            Some(file) => layers.add_file(&resolve(&sources.folder, &file.to_string_lossy()), Presence::Required),
            None => layers.add_file(&sources.folder.join(FILE), Presence::Optional),
        }
        let mut above = Self { entries: BTreeMap::new(), problems: Vec::new(), home };
        above.add_environment(sources);
        above.add_flags(sources);

        if let Some(Value::Path(data)) = [&above, &layers].iter().find_map(|l| Some(&l.entries.get("data")?.value)) {
            layers.add_file(&data.join(FILE_IN_DATA), Presence::Inside);
        }
        layers.entries.append(&mut above.entries);
        layers.problems.append(&mut above.problems);
        if layers.problems.is_empty() { Ok(layers) } else { Err(ConfigError(layers.problems)) }
    }

    pub(super) fn entries(self) -> BTreeMap<String, Entry> {
        self.entries
    }

    fn add_environment(&mut self, sources: &Sources) {
        for (variable, text) in &sources.environment {
            let Some(name) = variable.strip_prefix(PREFIX) else { continue };
            if NOT_SETTINGS.contains(&variable.as_str()) {
                continue;
            }
            let origin = Origin::Environment { variable: variable.clone() };
            let key = key_of(name);
            if let Some(setting) = setting(&key) {
                self.set_text(&key, setting, text, &sources.folder, origin);
            } else {
                let spelt = |setting: &Setting| setting.like(&key).replace('.', "__").to_uppercase();
                let suggestion =
                    nearest(name, SETTINGS.iter().map(spelt)).map(|near| format!("did you mean {PREFIX}{near}?"));
                // Others use the prefix too: Kubernetes sets CALLBOARD_SERVICE_HOST and the like for a service of that
                // name. What looks like a setting must be one.
                if suggestion.is_some() || name.contains("__") {
                    self.complain(origin, None, format!("{variable} is not a setting"), suggestion);
                }
            }
        }
    }

    fn add_flags(&mut self, sources: &Sources) {
        for (key, flag, text) in &sources.flags {
            if let Some(setting) = setting(key) {
                self.set_text(key, setting, text, &sources.folder, Origin::Flag { flag: (*flag).to_owned() });
            }
        }
    }

    fn add_file(&mut self, path: &Path, presence: Presence) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error)
                if presence != Presence::Required
                    && matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
            {
                return;
            }
            Err(error) => {
                let origin = Origin::File { path: path.to_owned(), line: 1 };
                return self.complain(origin, None, format!("the configuration file cannot be read: {error}"), None);
            }
        };
        let file = File { path, text: &text, presence };
        match DeTable::parse(&text) {
            Ok(table) => {
                let before = self.problems.len();
                self.add_table(&file, "", table.get_ref());
                // The parser yields keys by name; people read from the top.
                self.problems[before..].sort_by_key(|problem| match problem.origin {
                    Origin::File { line, .. } => (line, problem.column),
                    _ => (0, None),
                });
            }
            Err(error) => {
                let (line, column) = file.place(error.span().map_or(0, |span| span.start));
                self.complain(file.origin(line), Some(column), error.message().to_owned(), None);
            }
        }
    }

    fn add_table(&mut self, file: &File<'_>, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = format!("{prefix}{}", name.get_ref());
            let (line, column) = file.place(name.span().start);
            let (origin, column) = (file.origin(line), Some(column));
            match (setting(&key), value.get_ref()) {
                (_, DeValue::Table(inner)) if is_section(&key) => self.add_table(file, &format!("{key}."), inner),
                (None, _) => {
                    let names = SETTINGS.iter().map(|setting| setting.like(&key));
                    let sections = names.clone().filter_map(|name| Some(name.rsplit_once('.')?.0.to_owned()));
                    let suggestion = nearest(&key, names.chain(sections)).map(|near| format!("did you mean {near}?"));
                    self.complain(origin, column, format!("{key} is not a setting"), suggestion);
                }
                (Some(Setting { key: "data", .. }), _) if file.presence == Presence::Inside => {
                    let message = "the data folder's own file cannot say where the data folder is".to_owned();
                    self.complain(origin, column, message, Some(format!("set it in {FILE} or by CALLBOARD_DATA")));
                }
                (Some(setting), _) => match read(setting.kind, value) {
                    Ok(value) => self.set(&key, value, file.folder(), origin),
                    Err(message) => {
                        let (line, column) = file.place(value.span().start);
                        self.complain(file.origin(line), Some(column), format!("{key}: {message}"), None);
                    }
                },
            }
        }
    }

    fn set_text(&mut self, key: &str, setting: &Setting, text: &str, folder: &Path, origin: Origin) {
        match Value::parse(setting.kind, text) {
            Ok(value) => self.set(key, value, folder, origin),
            Err(message) => self.complain(origin, None, format!("{key}: {message}"), None),
        }
    }

    fn set(&mut self, key: &str, value: Value, folder: &Path, origin: Origin) {
        let value = match value {
            Value::Path(path) => Value::Path(match (path.strip_prefix("~"), &self.home) {
                (Ok(rest), Some(home)) => home.join(rest),
                // Whoever needs the file says that there is no home folder.
                (Ok(_), None) => path,
                (Err(_), _) => resolve(folder, &path.to_string_lossy()),
            }),
            other => other,
        };
        self.entries.insert(key.to_owned(), Entry { value, origin });
    }

    fn complain(&mut self, origin: Origin, column: Option<u32>, message: String, suggestion: Option<String>) {
        self.problems.push(ConfigProblem { origin, column, message, suggestion });
    }
}

/// Whether a file has to be there, and where it lies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
    /// In the data folder, and optional.
    Inside,
}

/// A file that is being read.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
    presence: Presence,
}

impl File<'_> {
    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    fn origin(&self, line: u32) -> Origin {
        Origin::File { path: self.path.to_owned(), line }
    }

    /// Line and column, from 1, of the byte at `offset`.
    fn place(&self, offset: usize) -> (u32, u32) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }
}

fn is_section(key: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.is_within(key))
}

/// The known name that `unknown` was most likely meant to be.
fn nearest(unknown: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let likeness = |name: &str| {
        let last = |key: &str| key.rsplit('.').next().map(str::to_owned).unwrap_or_default();
        strsim::jaro_winkler(unknown, name).max(strsim::jaro_winkler(&last(unknown), &last(name)) - 0.05)
    };
    known
        .map(|name| (likeness(&name), name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.8)
        .map(|(_, name)| name)
}

/// Reads a value from a file.
fn read(kind: Kind, value: &Spanned<DeValue<'_>>) -> Result<Value, String> {
    match (kind, value.get_ref()) {
        (Kind::List | Kind::Chain, DeValue::Array(items)) => texts(items).map(Value::List),
        (Kind::Count | Kind::Bytes, DeValue::Integer(number)) if number.radix() == 10 => {
            Value::parse(kind, number.as_str())
        }
        (Kind::Flag, DeValue::Boolean(flag)) => Ok(Value::Flag(*flag)),
        (Kind::Flag, other) => Err(format!("expected true or false, found {}", with_article(other))),
        (Kind::List, other) => Err(format!("expected a list of texts, found {}", with_article(other))),
        (Kind::Count, other) => Err(format!("expected a number, found {}", with_article(other))),
        (_, DeValue::String(text)) => Value::parse(kind, text),
        (_, other) => Err(format!("expected a text in quotes, found {}", with_article(other))),
    }
}

fn texts(items: &[Spanned<DeValue<'_>>]) -> Result<Vec<String>, String> {
    items
        .iter()
        .map(|item| match item.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            other => Err(format!("expected a list of texts, found {} in it", with_article(other))),
        })
        .collect()
}

fn with_article(value: &DeValue<'_>) -> String {
    let name = value.type_str();
    format!("{} {name}", if name.starts_with(['a', 'i']) { "an" } else { "a" })
}

/// The key that a variable's name stands for. A name of the environment, as servers are given it, stays as it is.
fn key_of(name: &str) -> String {
    let key = name.replace("__", ".").to_lowercase();
    match (setting(&key), key.rsplit_once('.'), name.rsplit_once("__")) {
        (Some(setting), Some((section, _)), Some((_, own))) if setting.key.ends_with(".env.*") => {
            format!("{section}.{own}")
        }
        _ => key,
    }
}
