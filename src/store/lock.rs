//! One process owns a data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use super::StoreError;

/// The file that its owner keeps locked. The system gives the lock up when the process ends, however it ends, so it
/// can never be stale; the file stays.
pub(super) const LOCK_FILE: &str = "callboard.lock";

/// Ownership of a folder, for as long as this lives.
#[derive(Debug)]
pub(super) struct FolderLock {
    _locked: File,
}

impl FolderLock {
    /// Takes the folder, or says who has it.
    pub(super) fn take(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(LOCK_FILE);
        let io = |what| {
            let path = path.clone();
            move |error| StoreError::io(what, &path, error)
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io("open the lock file"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Who owns it is only told for the reader's sake: an unreadable file is as good as an empty one.
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(StoreError::Owned { folder: folder.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(io("lock")(error)),
        }
        file.set_len(0).map_err(io("write to"))?;
        writeln!(file, "{}", std::process::id()).map_err(io("write to"))?;
        Ok(Self { _locked: file })
    }
}
