//! Up to which change the shard was flushed, as files beside it.
//!
//! `held` says it. `changing` is there from the first change after a flush to the next flush, and says since when the
//! machine was up: what a killed process wrote is there if the machine has been up since, and the changes since the flush
//! are applied again; if the machine went down, nobody knows what is there, and the index starts over.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::memory::index::{Held, IndexError};
use crate::store::entries::Revision;

const HELD: &str = "held";
const CHANGING: &str = "changing";
/// Tells one time that the machine is up from another, where the system does.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The files.
#[derive(Debug)]
pub(super) struct HeldFile {
    folder: PathBuf,
    /// Whether this process has said that it changes what was flushed.
    said: AtomicBool,
}

impl HeldFile {
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), said: AtomicBool::new(false) }
    }

    /// What the shard holds; `None` if nobody knows.
    pub(super) fn read(&self) -> Result<Option<Held>, IndexError> {
        let Some(revision) = self.text(HELD)?.and_then(|text| text.trim().parse().ok()).map(Revision) else {
            return Ok(None);
        };
        Ok(match self.text(CHANGING)? {
            None => Some(Held { revision, interrupted: false }),
            Some(up) if !up.is_empty() && up == boot() => Some(Held { revision, interrupted: true }),
            Some(_) => None,
        })
    }

    /// Notes that from now on more may be there than was flushed.
    pub(super) fn say_changing(&self) -> Result<(), IndexError> {
        if self.said.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let said = self.replace(CHANGING, &boot());
        self.said.store(said.is_ok(), Ordering::SeqCst);
        said
    }

    /// Notes what was flushed.
    pub(super) fn write(&self, revision: Revision) -> Result<(), IndexError> {
        self.replace(HELD, &format!("{}\n", revision.0))?;
        self.said.store(false, Ordering::SeqCst);
        self.remove(CHANGING)
    }

    /// Nobody knows any more.
    pub(super) fn forget(&self) -> Result<(), IndexError> {
        self.remove(HELD)?;
        self.said.store(false, Ordering::SeqCst);
        self.remove(CHANGING)
    }

    fn text(&self, name: &str) -> Result<Option<String>, IndexError> {
        let path = self.folder.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unavailable("read", &path, &error)),
        }
    }

    fn replace(&self, name: &str, text: &str) -> Result<(), IndexError> {
        let (path, part) = (self.folder.join(name), self.folder.join(format!("{name}.part")));
        let write = || {
            fs::create_dir_all(&self.folder)?;
            let mut file = fs::File::create(&part)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&part, &path)
        };
        write().map_err(|error| unavailable("write", &path, &error))?;
        self.sync()
    }

    fn remove(&self, name: &str) -> Result<(), IndexError> {
        let path = self.folder.join(name);
        match fs::remove_file(&path) {
            // It must be gone before what it speaks for changes.
            Ok(()) => self.sync(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(unavailable("remove", &path, &error)),
        }
    }

    fn sync(&self) -> Result<(), IndexError> {
        let synced = fs::File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| unavailable("flush", &self.folder, &error))
    }
}

/// Since when the machine is up, as the system tells it; empty if it does not.
fn boot() -> String {
    fs::read_to_string(BOOT_ID).unwrap_or_default()
}

/// Removes a folder with all that is in it, if it is there.
pub(super) fn remove(folder: &Path) -> Result<(), IndexError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unavailable("remove", folder, &error)),
        _ => Ok(()),
    }
}

pub(super) fn unavailable(what: &str, path: &Path, error: &io::Error) -> IndexError {
    IndexError::Unavailable(format!("cannot {what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_change_counts_only_while_the_machine_is_up() {
        let folder = tempfile::tempdir().unwrap();
        let read = || HeldFile::in_folder(folder.path()).read().unwrap();
        let file = HeldFile::in_folder(folder.path());
        assert_eq!(read(), None);
        file.say_changing().unwrap();
        assert_eq!(read(), None, "nothing was ever flushed");
        file.write(Revision(3)).unwrap();
        assert_eq!(read(), Some(Held { revision: Revision(3), interrupted: false }));
        file.say_changing().unwrap();
        let known = !boot().is_empty();
        assert_eq!(read(), known.then_some(Held { revision: Revision(3), interrupted: true }));
        fs::write(folder.path().join(CHANGING), "another time").unwrap();
        assert_eq!(read(), None);
        file.write(Revision(4)).unwrap();
        assert_eq!(read().map(|held| held.revision), Some(Revision(4)));
        file.forget().unwrap();
        assert_eq!(read(), None);
    }
}
