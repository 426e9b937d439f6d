//! Finds documents in folders, and reads those that are text.

use std::fs;
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use sha2::{Digest, Sha256};

use super::decode::decode;
use super::pieces::{self, Format};
use super::{apart, pdf};
use crate::store::entries::{NewPiece, Validators};

/// The longest file that is remembered, in bytes.
pub const LONGEST_FILE: u64 = 16 * 1024 * 1024;

/// A file that was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Where it is.
    pub(super) path: PathBuf,
    /// What it is called in the memory.
    pub(super) source: String,
}

/// A document that was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) hash: String,
    pub(super) bytes: u64,
    pub(super) pieces: Vec<NewPiece>,
    pub(super) validators: Validators,
}

/// A file or page that is not remembered, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Skipped {
    /// Where it is: a path or an address.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// The files at and below some paths, sorted, and what could not be looked at. Hidden files and what a
/// `.gitignore` within a folder names are passed over; links are not followed.
pub(super) fn find(paths: &[PathBuf], base: &Path) -> (Vec<Found>, Vec<Skipped>) {
    let (mut found, mut skipped) = (Vec::new(), Vec::new());
    for path in paths {
        let path = base.join(path);
        let root = match path.canonicalize() {
            Ok(root) => root,
            Err(error) => {
                skipped.push(Skipped { path, reason: format!("cannot be found ({error})") });
                continue;
            }
        };
        let walk = ignore::WalkBuilder::new(&root)
            .parents(false)
            .git_global(false)
            .git_exclude(false)
            .require_git(false)
            .sort_by_file_path(Path::cmp)
            .build();
        for entry in walk {
            match entry {
                Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                    let path = entry.into_path();
                    found.push(Found { source: source(&path, base), path });
                }
                Ok(_) => {}
                Err(error) => skipped.push(Skipped { path: root.clone(), reason: error.to_string() }),
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found.dedup_by(|one, other| one.path == other.path);
    (found, skipped)
}

/// What a file is called in the memory: its path from `base` on if it is below that, else the whole path.
pub(super) fn source(path: &Path, base: &Path) -> String {
    let base = base.canonicalize().unwrap_or_else(|_| base.to_owned());
    path.strip_prefix(base).unwrap_or(path).to_string_lossy().into_owned()
}

/// Reads a file and cuts it into pieces, unless its content has the hash `known`: then there are no pieces.
///
/// # Errors
/// Why the file is no document.
pub(super) fn read(found: &Found, known: Option<&str>) -> Result<Read, String> {
    let cannot = |error: std::io::Error| format!("cannot be read ({error})");
    let length = fs::metadata(&found.path).map_err(cannot)?.len();
    if length > LONGEST_FILE {
        return Err(format!("has {length} bytes, more than the limit of {LONGEST_FILE}; split it"));
    }
    let content = fs::read(&found.path).map_err(cannot)?;
    take_apart(&content, Format::of(&found.source), None, known)
}

/// Cuts what was read into pieces, unless it has the hash `known`: then there are no pieces. `encoding` is what it is said to
/// be encoded in.
///
/// # Errors
/// Why it is no document.
pub(super) fn take_apart(
    content: &[u8],
    format: Format,
    encoding: Option<&'static Encoding>,
    known: Option<&str>,
) -> Result<Read, String> {
    let hash = format!("{:x}", Sha256::digest(content));
    let mut read = Read { hash, bytes: content.len() as u64, pieces: Vec::new(), validators: Validators::default() };
    if known == Some(read.hash.as_str()) {
        return Ok(read);
    }
    let content = content.to_vec();
    read.pieces = apart::take_apart(move || match format {
        Format::Pdf => pdf::cut(&content),
        format => pieces::cut(&decode(&content, encoding)?, format),
    })?;
    if read.pieces.is_empty() {
        return Err("holds no words".to_owned());
    }
    Ok(read)
}
