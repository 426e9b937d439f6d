//! Values of settings: what they are, and how they are read and shown.

use std::path::PathBuf;
use std::time::Duration;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Kind {
    /// Any text.
    Text,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A path; a relative one starts at the folder of the file that sets it, else at the current folder, and `~` is the
    /// home folder.
    Path,
    /// The same, or nothing.
    PathOrNone,
    /// A list of texts.
    List,
    /// Models that are asked in turn: a list of texts, or one text with commas.
    Chain,
    /// An amount of US dollars such as `$2.50`; none if empty.
    Dollars,
    /// A number, at least 1.
    Count,
    /// A time span such as `30s`, at least a millisecond.
    Duration,
    /// A number of bytes such as `4 MiB`, at least 1.
    Bytes,
    /// Yes or no.
    Flag,
}

/// A value, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) enum Value {
    /// No value.
    Missing,
    Text(String),
    List(Vec<String>),
    /// Billionths.
    Dollars(Option<u64>),
    Path(PathBuf),
    Count(u64),
    Duration(Duration),
    Bytes(u64),
    Flag(bool),
}

impl Value {
    /// Reads a value from text, as the environment, a flag or a string in a file gives it.
    pub(in crate::config) fn parse(kind: Kind, text: &str) -> Result<Self, String> {
        match kind {
            Kind::Text => Ok(Self::Text(text.to_owned())),
            Kind::OneOf(choices) if choices.contains(&text) => Ok(Self::Text(text.to_owned())),
            Kind::OneOf(choices) => Err(format!("\"{text}\" is none of {}", choices.join(", "))),
            Kind::Path if text.is_empty() => Err("the path is empty".to_owned()),
            Kind::PathOrNone if text.is_empty() => Ok(Self::Missing),
            Kind::Path | Kind::PathOrNone => Ok(Self::Path(text.into())),
            Kind::List | Kind::Chain => Ok(Self::List(
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect(),
            )),
            Kind::Dollars if text.trim().is_empty() => Ok(Self::Dollars(None)),
            Kind::Dollars => parse_dollars(text)
                .map(|billionths| Self::Dollars(Some(billionths)))
                .ok_or_else(|| format!("\"{text}\" is not an amount of dollars such as $2.50, up to a million")),
            Kind::Count => match text.trim().parse() {
                Ok(count) if count > 0 && usize::try_from(count).is_ok() => Ok(Self::Count(count)),
                _ => Err(format!("\"{text}\" is not a whole number of at least 1")),
            },
            Kind::Duration => match humantime::parse_duration(text) {
                Ok(duration) if duration >= Duration::from_millis(1) => Ok(Self::Duration(duration)),
                _ => Err(format!("\"{text}\" is not a time span such as 500ms, 30s or 5m")),
            },
            Kind::Flag => match text {
                "true" => Ok(Self::Flag(true)),
                "false" => Ok(Self::Flag(false)),
                _ => Err(format!("\"{text}\" is neither true nor false")),
            },
            Kind::Bytes => parse_bytes(text)
                .map(Self::Bytes)
                .ok_or_else(|| format!("\"{text}\" is not a number of bytes such as 65536, 64 KiB or 4 MiB")),
        }
    }

    /// The text; empty if it is none.
    pub(in crate::config) fn text(&self) -> String {
        if let Self::Text(text) = self { text.clone() } else { String::new() }
    }

    /// The list; empty if it is none.
    pub(in crate::config) fn list(&self) -> Vec<String> {
        if let Self::List(list) = self { list.clone() } else { Vec::new() }
    }

    /// The amount in billionths of a dollar, if there is one.
    pub(in crate::config) fn dollars(&self) -> Option<u64> {
        if let Self::Dollars(billionths) = self { *billionths } else { None }
    }

    /// The path, if there is one.
    pub(in crate::config) fn path_or_none(&self) -> Option<PathBuf> {
        if let Self::Path(path) = self { Some(path.clone()) } else { None }
    }

    /// The path; empty if it is none.
    pub(in crate::config) fn path(&self) -> PathBuf {
        if let Self::Path(path) = self { path.clone() } else { PathBuf::new() }
    }

    /// The count; 1 if it is none.
    pub(in crate::config) fn count(&self) -> usize {
        if let Self::Count(count) = self { usize::try_from(*count).unwrap_or(usize::MAX) } else { 1 }
    }

    /// The time span; nothing if it is none.
    pub(in crate::config) fn duration(&self) -> Duration {
        if let Self::Duration(duration) = self { *duration } else { Duration::ZERO }
    }

    /// The number of bytes; 0 if it is none.
    pub(in crate::config) fn bytes(&self) -> u64 {
        if let Self::Bytes(bytes) = self { *bytes } else { 0 }
    }

    /// Yes or no; no if it is neither.
    pub(in crate::config) fn flag(&self) -> bool {
        matches!(self, Self::Flag(true))
    }

    /// As `callboard config` shows it.
    pub(in crate::config) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Missing | Self::Dollars(None) => "".into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(list) => list.as_slice().into(),
            Self::Dollars(Some(billionths)) => {
                let fraction = format!("{:09}", billionths % 1_000_000_000);
                let digits = fraction.trim_end_matches('0').len().max(2);
                format!("${}.{}", billionths / 1_000_000_000, &fraction[..digits]).into()
            }
            Self::Path(path) => path.to_string_lossy().into(),
            Self::Count(count) => (*count).into(),
            Self::Duration(duration) => humantime::format_duration(*duration).to_string().into(),
            Self::Bytes(bytes) => (*bytes).into(),
            Self::Flag(flag) => (*flag).into(),
        }
    }
}

/// `$2.50`, `2.5`, `0.000001`: billionths of a dollar, up to a million dollars.
fn parse_dollars(text: &str) -> Option<u64> {
    let text = text.trim();
    let text = text.strip_prefix('$').unwrap_or(text).trim_start();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.len() > 9 {
        return None;
    }
    let whole: u64 = whole.parse().ok().filter(|whole| *whole <= 1_000_000)?;
    Some(whole * 1_000_000_000 + format!("{fraction:0<9}").parse::<u64>().ok()?)
}

/// `65536`, `64 KiB`, `8MiB`, `1 GiB`; at least 1.
fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit: u64 = match text[digits..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(unit).filter(|bytes| *bytes > 0)
}
