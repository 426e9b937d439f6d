//! `files.list`: what is in a folder.

use std::os::fd::OwnedFd;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat};
use globset::{GlobBuilder, GlobMatcher};
use rustix::fs::{AtFlags, FileType, Stat};
use rustix::io::Errno;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Folder;
use super::folder::{DEEPEST, failed, is_part, kind, names};
use super::walk::open_folder;
use crate::run::Permit;
use crate::tools::{Caller, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// How many are listed if the call does not say.
const DEFAULT_LIMIT: usize = 1000;
/// How many are listed at most.
const MOST: usize = 10_000;
/// How many are looked at at most.
const MOST_SEEN: usize = 100_000;
/// The longest pattern, in characters.
const LONGEST_GLOB: usize = 500;

/// `files.list`: the files and folders that a pattern names, with sizes and times.
#[derive(Clone, Debug)]
pub struct FilesList {
    folder: Folder,
}

#[derive(Deserialize)]
struct Arguments {
    #[serde(default = "whole")]
    path: String,
    #[serde(default = "everything")]
    glob: String,
    #[serde(default)]
    hidden: bool,
    limit: Option<usize>,
}

fn whole() -> String {
    ".".to_owned()
}

fn everything() -> String {
    "*".to_owned()
}

impl FilesList {
    /// Lists what is in `folder`.
    #[must_use]
    pub fn new(folder: Folder) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl Tool for FilesList {
    fn name(&self) -> &'static str {
        "files.list"
    }

    fn description(&self) -> &'static str {
        "Lists files and folders in the folder of this workspace, with their sizes and times of change."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "path": { "type": "string", "description": "The folder to look into, relative to the folder of the workspace; default the whole" },
                "glob": {
                    "type": "string", "minLength": 1, "maxLength": LONGEST_GLOB,
                    "description": "What is listed, relative to `path`: `*.csv`, `**/*.md` for all below, `{a,b}/*`; default `*`, what is directly in it"
                },
                "hidden": { "type": "boolean", "description": "Whether names that begin with a dot are listed; default false" },
                "limit": { "type": "integer", "minimum": 1, "maximum": MOST, "description": "How many at most; default 1000" }
            },
            "additionalProperties": false
        })
    }

    fn output(&self) -> Option<Value> {
        Some(json!({
            "type": "object",
            "properties": {
                "files": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "path": { "type": "string", "description": "As the other tools take it" },
                            "kind": { "enum": ["file", "folder", "link", "other"] },
                            "bytes": { "type": "integer" },
                            "modified": { "type": "string", "description": "As RFC 3339 in UTC" }
                        },
                        "required": ["path", "kind"],
                        "additionalProperties": false
                    }
                },
                "complete": { "type": "boolean", "description": "False if there are more than `limit`" }
            },
            "required": ["files", "complete"],
            "additionalProperties": false
        }))
    }

    fn worst(&self) -> Effect {
        Effect::Read
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        CallEffect::of(Effect::Read)
    }

    async fn call(&self, arguments: Value, _permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let arguments: Arguments = crate::tools::arguments(arguments)?;
        let folder = self.folder.clone();
        crate::tools::blocking(move || {
            let limit = arguments.limit.unwrap_or(DEFAULT_LIMIT);
            let mut listing = Listing::of(&arguments, limit)?;
            if let Some(opened) = folder.folder(&arguments.path)? {
                let path = shown(&arguments.path);
                listing.look(&opened, &path, "", 1).map_err(|error| match error {
                    Stopped::Told(error) => error,
                    Stopped::System(error) => failed("list", &arguments.path, &error.into()),
                })?;
            }
            Ok(json!({ "files": listing.files, "complete": listing.complete }))
        })
        .await
    }
}

/// What was found so far, in the order of the paths.
struct Listing {
    glob: GlobMatcher,
    deepest: usize,
    hidden: bool,
    limit: usize,
    seen: usize,
    files: Vec<Value>,
    complete: bool,
}

enum Stopped {
    Told(ToolError),
    System(Errno),
}

impl From<Errno> for Stopped {
    fn from(error: Errno) -> Self {
        Self::System(error)
    }
}

impl Listing {
    fn of(arguments: &Arguments, limit: usize) -> Result<Self, ToolError> {
        let pattern = arguments.glob.trim_start_matches("./");
        let glob = GlobBuilder::new(pattern).literal_separator(true).build().map_err(|error| {
            ToolError::give_up("bad_arguments", format!("argument `glob`: {error}; `*.csv` and `**/*.md` are patterns"))
        })?;
        // A part between braces or brackets may hold a slash, too: then it is only looked at more than is needed.
        let deepest = if pattern.contains("**") { DEEPEST } else { 1 + pattern.matches('/').count() };
        let glob = glob.compile_matcher();
        Ok(Self { glob, deepest, hidden: arguments.hidden, limit, seen: 0, files: Vec::new(), complete: true })
    }

    /// Looks into a folder: `path` is what it is called, `below` its path from where the pattern begins.
    fn look(&mut self, folder: &OwnedFd, path: &str, below: &str, depth: usize) -> Result<(), Stopped> {
        for name in names(folder)? {
            // A name that is no Unicode has no path that JSON could carry.
            let Some(text) = name.to_str() else { continue };
            if is_part(&name) || (text.starts_with('.') && !self.hidden) {
                continue;
            }
            self.seen += 1;
            if self.seen > MOST_SEEN {
                let message = format!("there are more than {MOST_SEEN} files; list a smaller folder, or without `**`");
                return Err(Stopped::Told(ToolError::give_up("too_many", message)));
            }
            let (path, below) = (format!("{path}{text}"), format!("{below}{text}"));
            let found = match rustix::fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
                // It went while we looked.
                Err(Errno::NOENT) => continue,
                found => found?,
            };
            if self.glob.is_match(&below) {
                if self.files.len() == self.limit {
                    self.complete = false;
                    return Ok(());
                }
                self.files.push(Value::Object(described(&path, &found)));
            }
            if kind(&found) == FileType::Directory && depth < self.deepest {
                match open_folder(folder, &name) {
                    Ok(opened) => self.look(&opened, &format!("{path}/"), &format!("{below}/"), depth + 1)?,
                    Err(Errno::NOENT | Errno::ACCESS | Errno::NOTDIR) => {}
                    Err(error) => return Err(error.into()),
                }
                if !self.complete {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// The path of a folder, as those of what is in it begin.
fn shown(path: &str) -> String {
    let plain: Vec<&str> = path.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
    if plain.is_empty() { String::new() } else { plain.join("/") + "/" }
}

/// What is told of a file or a folder.
pub(super) fn described(path: &str, found: &Stat) -> Map<String, Value> {
    let kind = match kind(found) {
        FileType::RegularFile => "file",
        FileType::Directory => "folder",
        FileType::Symlink => "link",
        _ => "other",
    };
    let mut told = Map::new();
    told.insert("path".to_owned(), json!(path));
    told.insert("kind".to_owned(), json!(kind));
    if kind == "file" {
        told.insert("bytes".to_owned(), json!(found.st_size));
    }
    #[allow(
        clippy::useless_conversion,
        clippy::unnecessary_fallible_conversions,
        reason = "its type depends on the system"
    )]
    let nanoseconds = u32::try_from(found.st_mtime_nsec).unwrap_or(0);
    if let Some(modified) = DateTime::from_timestamp(found.st_mtime, nanoseconds) {
        told.insert("modified".to_owned(), json!(modified.to_rfc3339_opts(SecondsFormat::Secs, true)));
    }
    told
}
