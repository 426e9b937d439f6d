//! The folder that file tools are confined to.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::walk::{LastLink, Missing, Spot, not_a_file, open_folder, walk};
use crate::tools::ToolError;

/// The longest name of one file or folder that common file systems take, in bytes.
const LONGEST_NAME: usize = 255;
/// The longest path below the folder, in bytes.
const LONGEST_PATH: usize = 1024;
/// The deepest that folders may be nested below the folder.
pub(super) const DEEPEST: usize = 32;

/// A folder that nothing gets out of: paths are relative to it, `..` is refused, and a symbolic
/// link counts as where it leads to.
#[derive(Clone, Debug)]
pub struct Folder {
    root: Arc<Path>,
    limit: u64,
    /// What is Callboard's own and not to be touched, with no link in its path.
    own: Arc<[PathBuf]>,
    /// Held by what looks first and changes then.
    changing: Arc<Mutex<()>>,
}

/// What is done if something is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    Keep,
    Replace,
}

impl Existing {
    /// As the argument `replace` says.
    pub(super) fn replaced(replace: bool) -> Self {
        if replace { Self::Replace } else { Self::Keep }
    }
}

impl Folder {
    /// The largest file that is read or written unless told otherwise, in bytes.
    pub const DEFAULT_LIMIT: u64 = 4 * 1024 * 1024;

    /// The folder `root`, which is made when something is first written to it.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into().into(), limit: Self::DEFAULT_LIMIT, own: Arc::default(), changing: Arc::default() }
    }

    /// Leaves these alone, and all that is in them: what Callboard itself goes by.
    #[must_use]
    pub fn without(self, own: impl IntoIterator<Item = PathBuf>) -> Self {
        let plain = |path: PathBuf| {
            let path = std::path::absolute(&path).unwrap_or(path);
            // What is not there yet is where its folder is.
            path.canonicalize().unwrap_or_else(|_| {
                let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
                folder.zip(path.file_name()).map_or(path.clone(), |(folder, name)| folder.join(name))
            })
        };
        Self { own: own.into_iter().map(plain).collect(), ..self }
    }

    /// Lets files be at most `bytes` long.
    #[must_use]
    pub fn with_limit(self, bytes: u64) -> Self {
        Self { limit: bytes, ..self }
    }

    /// Reads a file.
    pub(in crate::tools) fn read(&self, path: &str) -> Result<Vec<u8>, ToolError> {
        let file = self.there(path, LastLink::Follow)?.open(OFlags::RDONLY, path)?;
        self.content(&file, path)
    }

    /// Reads a text file.
    pub(in crate::tools) fn read_text(&self, path: &str) -> Result<String, ToolError> {
        String::from_utf8(self.read(path)?).map_err(|_| {
            ToolError::give_up(
                "not_text",
                format!("`{path}` is not UTF-8 text; read it with `encoding: base64`, or its text with text.extract"),
            )
        })
    }

    /// Writes a file: all of it or nothing, and on the disk when this returns. `key` sets this
    /// write's temporary file apart from others'.
    pub(in crate::tools) fn write(&self, path: &str, bytes: &[u8], key: &str) -> Result<(), ToolError> {
        self.within_limit(path, bytes.len() as u64)?;
        replace(&self.to_be(path, LastLink::Keep)?, bytes, key, path)
    }

    /// Adds to the end of a file, which is made if it is not there. Returns how long it is then.
    pub(super) fn append(&self, path: &str, bytes: &[u8]) -> Result<u64, ToolError> {
        let _changing = self.changing();
        let spot = self.to_be(path, LastLink::Follow)?;
        let mut file = spot.open(OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE, path)?;
        let fail = |error: io::Error| failed("write", path, &error);
        let before = file.metadata().map_err(fail)?.len();
        let after = before.saturating_add(bytes.len() as u64);
        self.within_limit(path, after)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| spot.sync());
        written.map_err(|error| {
            // What was written of it is taken away again, so that the call can be said to have done nothing.
            match file.set_len(before) {
                Ok(()) => fail(error),
                Err(_) => ToolError::unknown("io", format!("`{path}`: only a part may have been added ({error})")),
            }
        })?;
        Ok(after)
    }

    /// Copies a file. If one with the same bytes is there already, that is as good. Returns how long it is.
    pub(super) fn copy(&self, from: &str, to: &str, existing: Existing, key: &str) -> Result<usize, ToolError> {
        let _changing = self.changing();
        let bytes = self.read(from)?;
        let target = self.to_be(to, LastLink::Keep)?;
        if existing == Existing::Keep && stat(&target, to)?.is_some() {
            let same = self.read(to).is_ok_and(|there| there == bytes);
            return if same { Ok(bytes.len()) } else { Err(exists(to)) };
        }
        replace(&target, &bytes, key, to)?;
        Ok(bytes.len())
    }

    /// Gives a file or a folder another path.
    pub(super) fn rename(&self, from: &str, to: &str, existing: Existing) -> Result<(), ToolError> {
        let _changing = self.changing();
        let source = self.there(from, LastLink::Keep)?;
        let found = stat(&source, from)?.ok_or_else(|| failed("move", from, &io::ErrorKind::NotFound.into()))?;
        let target = self.to_be(to, LastLink::Keep)?;
        match stat(&target, to)? {
            Some(there) if (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino) => return Ok(()),
            Some(there) if kind(&there) == FileType::Directory => {
                return Err(ToolError::give_up("exists", format!("`{to}` is a folder; name the place in it")));
            }
            Some(_) if existing == Existing::Keep => return Err(exists(to)),
            _ => {}
        }
        rustix::fs::renameat(&source.folder, &source.name, &target.folder, &target.name).map_err(
            |error| match error {
                Errno::INVAL => bad_path(to, "it is in the folder that is moved"),
                Errno::XDEV => {
                    let reason = "it is on another disk; copy the file there, then delete it here";
                    ToolError::give_up("forbidden", format!("`{to}`: {reason}"))
                }
                error => failed("move", from, &error.into()),
            },
        )?;
        let synced = target.sync().and_then(|()| source.sync());
        synced.map_err(|error| {
            ToolError::unknown("io", format!("`{to}`: moved, but not known to be on the disk ({error})"))
        })
    }

    /// Deletes a file, a link, or a folder: an empty one, or with all that is in it. Returns how many files went;
    /// `None` if it was not there.
    pub(super) fn delete(&self, path: &str, with_contents: bool) -> Result<Option<u64>, ToolError> {
        let _changing = self.changing();
        let spot = match self.there(path, LastLink::Keep) {
            Err(error) if error.code() == "not_found" => return Ok(None),
            spot => spot?,
        };
        let Some(found) = stat(&spot, path)? else { return Ok(None) };
        let mut gone = 0;
        let deleted = if kind(&found) == FileType::Directory {
            let emptied = if with_contents { empty(&spot.folder, &spot.name, DEEPEST, &mut gone) } else { Ok(()) };
            emptied.and_then(|()| rustix::fs::unlinkat(&spot.folder, &spot.name, AtFlags::REMOVEDIR))
        } else {
            gone += 1;
            rustix::fs::unlinkat(&spot.folder, &spot.name, AtFlags::empty())
        };
        deleted.map_err(|error| match error {
            Errno::NOTEMPTY | Errno::EXIST if !with_contents => ToolError::give_up(
                "not_empty",
                format!("the folder `{path}` is not empty; set `recursive` to delete what is in it, too"),
            ),
            error => failed("delete", path, &error.into()),
        })?;
        spot.sync().map_err(|error| failed("delete", path, &error))?;
        Ok(Some(gone))
    }

    /// What is known of something; `None` if it is not there.
    pub(super) fn info(&self, path: &str) -> Result<Option<Stat>, ToolError> {
        match self.there(path, LastLink::Follow) {
            Ok(spot) => stat(&spot, path),
            Err(error) if error.code() == "not_found" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The SHA-256 of a file, in hexadecimal digits.
    pub(super) fn sha256(&self, path: &str) -> Result<String, ToolError> {
        Ok(format!("{:x}", Sha256::digest(self.read(path)?)))
    }

    /// Opens a folder to look into it; `None` if it is not there. The whole folder is `.`.
    pub(super) fn folder(&self, path: &str) -> Result<Option<OwnedFd>, ToolError> {
        let opened = if is_whole(path) {
            self.root.canonicalize().and_then(|root| Ok(open_folder(rustix::fs::CWD, root.as_os_str())?))
        } else {
            let spot = self.there(path, LastLink::Follow)?;
            open_folder(&spot.folder, &spot.name).map_err(io::Error::from)
        };
        match opened {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_whole(path) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                Err(ToolError::give_up("not_a_folder", format!("`{path}` is not a folder")))
            }
            Err(error) => Err(failed("read", path, &error)),
        }
    }

    /// Where something is.
    fn there(&self, path: &str, last_link: LastLink) -> Result<Spot, ToolError> {
        walk(&self.root, &relative(path)?, path, Missing::Refuse, last_link, &self.own)
    }

    /// Where something will be; the folders on the way are made.
    fn to_be(&self, path: &str, last_link: LastLink) -> Result<Spot, ToolError> {
        let relative = relative(path)?;
        fs::create_dir_all(&self.root).map_err(|error| failed("write", path, &error))?;
        let spot = walk(&self.root, &relative, path, Missing::Make, last_link, &self.own)?;
        // A link to a folder counts as one here, wherever it leads.
        let followed = rustix::fs::statat(&spot.folder, &spot.name, AtFlags::empty());
        if last_link == LastLink::Keep && followed.is_ok_and(|found| kind(&found) == FileType::Directory) {
            return Err(ToolError::give_up("not_a_file", format!("`{path}` is a folder; name a file in it")));
        }
        Ok(spot)
    }

    fn content(&self, file: &File, path: &str) -> Result<Vec<u8>, ToolError> {
        let fail = |error: io::Error| failed("read", path, &error);
        self.within_limit(path, file.metadata().map_err(fail)?.len())?;
        let mut bytes = Vec::new();
        file.take(self.limit.saturating_add(1)).read_to_end(&mut bytes).map_err(fail)?;
        self.within_limit(path, bytes.len() as u64)?;
        Ok(bytes)
    }

    fn within_limit(&self, path: &str, bytes: u64) -> Result<(), ToolError> {
        if bytes <= self.limit {
            return Ok(());
        }
        Err(ToolError::give_up(
            "too_large",
            format!("`{path}`: {bytes} bytes are more than the limit of {} bytes for one file", self.limit),
        ))
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The path as a relative path of plain names.
fn relative(path: &str) -> Result<PathBuf, ToolError> {
    if path.contains('\0') {
        return Err(bad_path(path, "it contains a NUL character"));
    }
    if path.len() > LONGEST_PATH {
        return Err(bad_path(path, &format!("it is longer than {LONGEST_PATH} bytes")));
    }
    let mut plain = PathBuf::new();
    let mut depth = 0;
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) if name.len() > LONGEST_NAME => {
                return Err(bad_path(path, &format!("a name in it is longer than {LONGEST_NAME} bytes")));
            }
            Component::Normal(name) => plain.push(name),
            Component::CurDir => continue,
            Component::ParentDir => return Err(bad_path(path, "`..` would lead out of the folder")),
            Component::RootDir | Component::Prefix(_) => {
                return Err(bad_path(path, "it is absolute; give it relative to the folder"));
            }
        }
        depth += 1;
    }
    match depth {
        0 => Err(bad_path(path, "it names no file")),
        1..=DEEPEST => Ok(plain),
        _ => Err(bad_path(path, &format!("it is nested more than {DEEPEST} deep"))),
    }
}

fn is_whole(path: &str) -> bool {
    Path::new(path).components().all(|component| component == Component::CurDir)
}

/// What is there, links not followed.
fn stat(spot: &Spot, path: &str) -> Result<Option<Stat>, ToolError> {
    match rustix::fs::statat(&spot.folder, &spot.name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(failed("look at", path, &error.into())),
    }
}

pub(super) fn kind(found: &Stat) -> FileType {
    FileType::from_raw_mode(found.st_mode)
}

fn replace(spot: &Spot, bytes: &[u8], key: &str, path: &str) -> Result<(), ToolError> {
    let temporary = OsString::from(format!("{PART_BEGINS}{key}{PART_ENDS}"));
    let written = write_new(&spot.folder, &temporary, bytes)
        .and_then(|()| Ok(rustix::fs::renameat(&spot.folder, &temporary, &spot.folder, &spot.name)?))
        .and_then(|()| spot.sync());
    written.map_err(|error| {
        // What is left of a write that failed is only in the way; if it cannot go, the next write replaces it.
        let _ = rustix::fs::unlinkat(&spot.folder, &temporary, AtFlags::empty());
        if error.raw_os_error() == Some(Errno::ISDIR.raw_os_error()) {
            not_a_file(path)
        } else {
            failed("write", path, &error)
        }
    })
}

/// The beginning and the end of a name that only a write in progress has.
const PART_BEGINS: &str = ".callboard-";
const PART_ENDS: &str = ".part";

/// Whether this is a write in progress, or what a crash left of one.
pub(super) fn is_part(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(PART_BEGINS.as_bytes()) && name.ends_with(PART_ENDS.as_bytes())
}

fn write_new(folder: &OwnedFd, name: &OsStr, bytes: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(folder, name, flags, Mode::from_raw_mode(0o666))?);
    file.write_all(bytes)?;
    file.sync_all()
}

/// Deletes all that is in a folder; links go, and not what they lead to.
fn empty(at: &OwnedFd, name: &OsStr, deep: usize, gone: &mut u64) -> Result<(), Errno> {
    let folder = open_folder(at, name)?;
    for name in names(&folder)? {
        let found = rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        if kind(&found) == FileType::Directory {
            empty(&folder, &name, deep.checked_sub(1).ok_or(Errno::NAMETOOLONG)?, gone)?;
            rustix::fs::unlinkat(&folder, &name, AtFlags::REMOVEDIR)?;
        } else {
            rustix::fs::unlinkat(&folder, &name, AtFlags::empty())?;
            *gone += 1;
        }
    }
    Ok(())
}

/// The names in a folder, sorted.
pub(super) fn names(folder: &OwnedFd) -> Result<Vec<OsString>, Errno> {
    use std::os::unix::ffi::OsStrExt as _;
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn exists(path: &str) -> ToolError {
    ToolError::give_up("exists", format!("there is something else at `{path}`; set `replace` to replace it"))
}

pub(super) fn bad_path(path: &str, reason: &str) -> ToolError {
    let shown: String = path.chars().take(80).flat_map(char::escape_debug).collect();
    ToolError::give_up("bad_path", format!("the path `{shown}` cannot be used: {reason}"))
}

pub(super) fn failed(what: &str, path: &str, error: &io::Error) -> ToolError {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::NotFound => ToolError::give_up("not_found", format!("there is no file `{path}`")),
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => {
            ToolError::give_up("forbidden", format!("`{path}`: the system does not let us {what} it ({error})"))
        }
        Kind::InvalidFilename | Kind::NotADirectory | Kind::IsADirectory => bad_path(path, &error.to_string()),
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => {
            ToolError::retry("disk_full", format!("`{path}`: no room to {what} it ({error}); free some space"))
        }
        _ => ToolError::retry("io", format!("`{path}`: cannot {what} it ({error})")),
    }
}
