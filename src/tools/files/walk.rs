//! From a folder to what is in it, step by step, so that nothing leads out.
//!
//! Each step is taken from a folder that is held open, and refuses to go through a link; links are read and followed here, where
//! what leads out is seen. `..` goes back to the folder that we came from, whatever the system would say is above. So it does not
//! matter what others do to the names meanwhile: what was found inside is used, and not what its name has become.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::folder::failed;
use crate::tools::ToolError;

/// The most links that are followed on one way.
const MOST_LINKS: usize = 40;

/// An open folder and the name of something in it, which need not be there.
pub(super) struct Spot {
    pub(super) folder: OwnedFd,
    /// A plain name; `.` for the folder itself.
    pub(super) name: OsString,
}

/// What is done about folders on the way that are not there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Refuse,
    Make,
}

/// What is done if the last name is a link.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LastLink {
    Follow,
    /// The link itself is meant.
    Keep,
}

/// Walks from `root` along `relative`, which holds plain names only. `path` is what it was called, for errors. What is at or
/// below a path of `own` is refused, unless `root` is itself within that; and so is what holds it, if the last name's own self is
/// meant.
pub(super) fn walk(
    root: &Path,
    relative: &Path,
    path: &str,
    missing: Missing,
    last_link: LastLink,
    own: &[PathBuf],
) -> Result<Spot, ToolError> {
    let fail = |error: io::Error| failed("reach", path, &error);
    let root = root.canonicalize().map_err(fail)?;
    // Where we are, by names that are no links.
    let mut real = root.clone();
    let refuse_own = |real: &Path| {
        let is_own = |own: &PathBuf| {
            !root.starts_with(own) && (real.starts_with(own) || (last_link == LastLink::Keep && own.starts_with(real)))
        };
        if own.iter().any(is_own) { Err(callboards(path)) } else { Ok(()) }
    };
    let mut way = vec![open_folder(CWD, root.as_os_str()).map_err(|error| fail(error.into()))?];
    // What lies ahead, the next name last.
    let mut ahead: Vec<OsString> = relative.iter().rev().map(OsStr::to_owned).collect();
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        if name == ".." {
            way.pop();
            real.pop();
        }
        let Some(here) = way.last() else { return Err(outside(path)) };
        if name == ".." {
            continue;
        }
        let is_last = ahead.is_empty();
        if !(is_last && last_link == LastLink::Keep)
            && let Some(target) = link(here, &name).map_err(|error| fail(error.into()))?
        {
            links += 1;
            if links > MOST_LINKS {
                return Err(fail(io::Error::other("its links lead in circles")));
            }
            let mut target = Path::new(&target);
            if target.is_absolute() {
                target = target.strip_prefix(&root).map_err(|_| outside(path))?;
                way.truncate(1);
                real.clone_from(&root);
            }
            for component in target.components().rev() {
                match component {
                    Component::Normal(name) => ahead.push(name.to_owned()),
                    Component::ParentDir => ahead.push("..".into()),
                    Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
                }
            }
            continue;
        }
        if is_last {
            let Some(folder) = way.pop() else { return Err(outside(path)) };
            refuse_own(&real.join(&name))?;
            return Ok(Spot { folder, name });
        }
        real.push(&name);
        if own.iter().any(|own| !root.starts_with(own) && real.starts_with(own)) {
            return Err(callboards(path));
        }
        let next = match open_folder(here, &name) {
            Err(Errno::NOENT) if missing == Missing::Make => make_folder(here, &name),
            opened => opened,
        };
        way.push(next.map_err(|error| match error {
            Errno::NOTDIR | Errno::LOOP => {
                let name = name.to_string_lossy();
                ToolError::give_up("not_a_folder", format!("`{path}`: `{name}` is not a folder"))
            }
            error => fail(error.into()),
        })?);
    }
    refuse_own(&real)?;
    way.pop().map(|folder| Spot { folder, name: ".".into() }).ok_or_else(|| outside(path))
}

/// Opens a folder; a link to one is none.
pub(super) fn open_folder(at: impl std::os::fd::AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(at, name, flags, Mode::empty())
}

fn make_folder(at: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    match rustix::fs::mkdirat(at, name, Mode::from_raw_mode(0o777)) {
        Ok(()) => rustix::fs::fsync(at)?,
        Err(Errno::EXIST) => {}
        Err(error) => return Err(error),
    }
    open_folder(at, name)
}

/// Where a link leads; `None` if it is none or not there.
fn link(at: &OwnedFd, name: &OsStr) -> Result<Option<OsString>, Errno> {
    match rustix::fs::readlinkat(at, name, Vec::new()) {
        Ok(target) => Ok(Some(OsString::from_vec(target.into_bytes()))),
        Err(Errno::INVAL | Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(error),
    }
}

fn callboards(path: &str) -> ToolError {
    let whose = "is Callboard's own: its configuration, roles, prompts or data";
    ToolError::give_up("forbidden", format!("`{path}` {whose}; set tools.files.root to a folder of your files"))
}

fn outside(path: &str) -> ToolError {
    ToolError::give_up("outside", format!("`{path}` leads out of the folder that files are kept in"))
}

impl Spot {
    /// Opens what is there, if it is a file.
    pub(super) fn open(&self, flags: OFlags, path: &str) -> Result<File, ToolError> {
        // A pipe that nobody writes to is not waited for, and a terminal does not become ours.
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.folder, &self.name, flags, Mode::from_raw_mode(0o666));
        let file = File::from(opened.map_err(|error| match error {
            Errno::ISDIR | Errno::NXIO | Errno::LOOP => not_a_file(path),
            error => failed("open", path, &error.into()),
        })?);
        let found = file.metadata().map_err(|error| failed("open", path, &error))?;
        if found.is_file() { Ok(file) } else { Err(not_a_file(path)) }
    }

    /// Has what changed in the folder on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(self.folder.as_fd())?)
    }
}

pub(super) fn not_a_file(path: &str) -> ToolError {
    ToolError::give_up("not_a_file", format!("`{path}` is not a file; name a file in the folder"))
}
