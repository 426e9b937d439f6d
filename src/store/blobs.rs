//! Values that are too big for the database: files beside it, each named by the SHA-256 of what it holds.
//!
//! A file is on the disk under its name before anything can refer to it, and is never changed after that. The same
//! content from different workspaces is stored once; a file can only be asked for by its hash, which only those
//! know who have the event that names it.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncWriteExt, BufWriter};

use super::StoreError;
use crate::run::Payload;

/// JSON text up to this many bytes stays in its event.
pub const INLINE_BYTES: usize = 256 * 1024;

/// How much a [`BlobWriter`] keeps in memory.
const BUFFER_BYTES: usize = 256 * 1024;

/// The address of a stored value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRef {
    /// SHA-256 of the content, as 64 hexadecimal digits.
    pub sha256: Arc<str>,
    /// Length of the content in bytes.
    pub bytes: u64,
}

impl From<BlobRef> for Payload {
    fn from(blob: BlobRef) -> Self {
        Self::Stored { sha256: blob.sha256, bytes: blob.bytes }
    }
}

/// The files beside the database.
#[derive(Clone, Debug)]
pub struct Blobs {
    folder: PathBuf,
    unfinished: Arc<AtomicU64>,
}

impl Blobs {
    /// Opens the folder, which need not be there yet. Whatever was being written when the last owner stopped is
    /// removed: nothing can refer to it.
    pub(super) fn open(folder: PathBuf) -> Result<Self, StoreError> {
        let blobs = Self { folder, unfinished: Arc::default() };
        match std::fs::remove_dir_all(blobs.incoming()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io("clear the folder", &blobs.incoming(), error))
            }
            _ => Ok(blobs),
        }
    }

    /// Stores JSON text, or anything else, and returns once it is on the disk. Storing the same again does nothing.
    ///
    /// # Errors
    /// [`StoreError::Full`] or [`StoreError::Io`].
    pub async fn put(&self, content: impl AsRef<[u8]> + Send + 'static) -> Result<BlobRef, StoreError> {
        let blobs = self.clone();
        in_background(move || {
            let content = content.as_ref();
            let blob = BlobRef { sha256: hex(Sha256::digest(content)), bytes: content.len() as u64 };
            let target = blobs.path(&blob.sha256);
            if std::fs::metadata(&target).is_ok_and(|found| found.len() == blob.bytes) {
                return Ok(blob);
            }
            let incoming = blobs.fresh_incoming()?;
            let written = std::fs::File::create_new(&incoming)
                .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
                .map_err(|error| failed("write", &incoming, error))
                .and_then(|()| blobs.publish(&incoming, &blob.sha256));
            if written.is_err() {
                let _ = std::fs::remove_file(&incoming);
            }
            written.map(|()| blob)
        })
        .await
    }

    /// The content of this hash.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if it is not there, [`StoreError::Corrupt`] if the file does not hold what its name
    /// says, [`StoreError::Io`] if it cannot be read.
    pub async fn get(&self, sha256: &str) -> Result<Vec<u8>, StoreError> {
        if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(StoreError::Missing(format!("stored value `{sha256}`: an address is 64 hexadecimal digits")));
        }
        let sha256 = sha256.to_ascii_lowercase();
        let path = self.path(&sha256);
        in_background(move || {
            let content = std::fs::read(&path).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => StoreError::Missing(format!("stored value {sha256}")),
                _ => failed("read", &path, error),
            })?;
            if *hex(Sha256::digest(&content)) == *sha256 {
                Ok(content)
            } else {
                Err(StoreError::Corrupt {
                    what: format!("the stored value {}", path.display()),
                    reason: "the file was changed or damaged: its content does not have the hash in its name"
                        .to_owned(),
                })
            }
        })
        .await
    }

    /// Begins a value that is written piece by piece, in little memory.
    ///
    /// # Errors
    /// [`StoreError::Full`] or [`StoreError::Io`].
    pub async fn writer(&self) -> Result<BlobWriter, StoreError> {
        let blobs = self.clone();
        let (path, file) = in_background(move || {
            let path = blobs.fresh_incoming()?;
            let file = std::fs::File::create_new(&path).map_err(|error| failed("make", &path, error))?;
            Ok((path, file))
        })
        .await?;
        Ok(BlobWriter {
            blobs: self.clone(),
            path: Incoming(path),
            file: BufWriter::with_capacity(BUFFER_BYTES, tokio::fs::File::from_std(file)),
            digest: Sha256::new(),
            bytes: 0,
        })
    }

    /// The value as events carry it: in place if its JSON text has up to [`INLINE_BYTES`] bytes, else stored.
    ///
    /// # Errors
    /// [`StoreError::Full`] or [`StoreError::Io`].
    pub async fn offload(&self, value: Value) -> Result<Payload, StoreError> {
        if fits_inline(&value) {
            return Ok(Payload::of(value));
        }
        let text = serde_json::to_vec(&value)
            .map_err(|error| StoreError::Corrupt { what: "the value".to_owned(), reason: error.to_string() })?;
        drop(value);
        Ok(self.put(text).await?.into())
    }

    /// The value that a payload stands for.
    ///
    /// # Errors
    /// As [`Blobs::get`]; [`StoreError::Corrupt`] too if what is stored is not JSON.
    pub async fn load(&self, payload: &Payload) -> Result<Arc<Value>, StoreError> {
        match payload {
            Payload::Value(value) => Ok(value.clone()),
            Payload::Stored { sha256, .. } => {
                let text = self.get(sha256).await?;
                let value = serde_json::from_slice(&text).map_err(|error| StoreError::Corrupt {
                    what: format!("the stored value {sha256}"),
                    reason: error.to_string(),
                })?;
                Ok(Arc::new(value))
            }
        }
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join(&sha256[..2]).join(sha256)
    }

    fn incoming(&self) -> PathBuf {
        self.folder.join("incoming")
    }

    /// A path that nobody else writes to: one process owns the folder.
    fn fresh_incoming(&self) -> Result<PathBuf, StoreError> {
        let folder = self.incoming();
        std::fs::create_dir_all(&folder).map_err(|error| failed("make the folder", &folder, error))?;
        Ok(folder.join(self.unfinished.fetch_add(1, Ordering::Relaxed).to_string()))
    }

    /// Gives a finished file its name, durably.
    fn publish(&self, incoming: &Path, sha256: &str) -> Result<(), StoreError> {
        let target = self.path(sha256);
        let folder = target.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(folder).map_err(|error| failed("make the folder", folder, error))?;
        std::fs::rename(incoming, &target).map_err(|error| failed("write", &target, error))?;
        // Each folder may be new, made here or by somebody who has not come to syncing it yet.
        target.ancestors().skip(1).take(3).try_for_each(sync_folder)
    }
}

/// A value that is being written piece by piece. Dropped before [`BlobWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    blobs: Blobs,
    path: Incoming,
    file: BufWriter<tokio::fs::File>,
    digest: Sha256,
    bytes: u64,
}

impl BlobWriter {
    /// Adds a piece.
    ///
    /// # Errors
    /// [`StoreError::Full`] or [`StoreError::Io`].
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        self.digest.update(piece);
        self.bytes += piece.len() as u64;
        self.file.write_all(piece).await.map_err(|error| failed("write", &self.path.0, error))
    }

    /// Returns once the value is on the disk, with its address.
    ///
    /// # Errors
    /// [`StoreError::Full`] or [`StoreError::Io`].
    pub async fn finish(mut self) -> Result<BlobRef, StoreError> {
        let flushed = async {
            self.file.flush().await?;
            self.file.get_ref().sync_all().await
        };
        flushed.await.map_err(|error| failed("write", &self.path.0, error))?;
        let Self { blobs, path, digest, bytes, .. } = self;
        let sha256 = hex(digest.finalize());
        in_background(move || {
            blobs.publish(&path.0, &sha256)?;
            Ok(BlobRef { sha256, bytes })
        })
        .await
    }
}

/// A file that goes away unless it was given its name.
#[derive(Debug)]
struct Incoming(PathBuf);

impl Drop for Incoming {
    fn drop(&mut self) {
        // Renamed away if all went well; otherwise it goes at the next start at the latest.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// True if the JSON text of the value may stay in its event. Stops counting once it may not.
pub fn fits_inline(value: &Value) -> bool {
    struct Room(usize);
    impl io::Write for Room {
        fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(piece.len()).ok_or(io::ErrorKind::WriteZero)?;
            Ok(piece.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Room(INLINE_BYTES), value).is_ok()
}

async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(StoreError::io("work on", Path::new("the stored values"), io::Error::other(error))),
    }
}

/// A file's new name is durable once its folder is.
fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    std::fs::File::open(folder).and_then(|file| file.sync_all()).map_err(|error| failed("sync", folder, error))
}

fn failed(what: &'static str, path: &Path, error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::io(what, path, error),
    }
}

fn hex(digest: impl AsRef<[u8]>) -> Arc<str> {
    let mut text = String::with_capacity(64);
    for byte in digest.as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.into()
}

#[cfg(test)]
mod tests;
