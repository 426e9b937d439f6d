//! The Unix socket on which the owner of a data folder is reached.
//!
//! The socket lies in the folder if its path is short enough for the system, else in a private folder of its own for
//! temporary files; a file in the data folder says where. Whoever owns the folder replaces what an earlier owner left:
//! that the folder could be taken proves that nobody listens there any more.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use axum::Router;
use tokio::net::UnixListener;
use uuid::Uuid;

use super::serving::Serving;

/// The socket's name in the data folder.
const SOCKET: &str = "callboard.sock";

/// The file in the data folder that says where the socket is.
const RECORD: &str = "callboard.socket";

/// The longest path that can be bound everywhere: 104 bytes with a zero at the end on some systems.
const LONGEST_PATH: usize = 103;

/// The API, served on the folder's socket until it is stopped.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    record: PathBuf,
    serving: Serving,
}

/// Serves the API on the socket of a folder that this process owns. `fresh` names a socket outside the folder.
///
/// # Errors
/// If the socket cannot be made.
pub fn serve(folder: &Path, fresh: Uuid, router: Router) -> io::Result<Socket> {
    let path = place(folder, fresh)?;
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    let record = folder.join(RECORD);
    // Renamed into its place, so that no reader ever sees half of it.
    let half = folder.join(format!("{RECORD}.new"));
    std::fs::write(&half, path.as_os_str().as_bytes())?;
    std::fs::rename(&half, &record)?;
    Ok(Socket { path, record, serving: Serving::of(listener, router) })
}

impl Socket {
    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes no new connection, lets those that are open finish for at most `limit`, and removes the socket.
    pub async fn stop(self, limit: std::time::Duration) {
        // First, so that nobody new comes.
        let _ = std::fs::remove_file(&self.record);
        let _ = std::fs::remove_file(&self.path);
        if let Some(folder) = self.path.parent().filter(|_| self.path.file_name() != Some(SOCKET.as_ref())) {
            let _ = std::fs::remove_dir(folder);
        }
        self.serving.stop(limit).await;
    }
}

/// Where the owner of the folder can be reached, if it says.
#[must_use]
pub fn find(folder: &Path) -> Option<PathBuf> {
    let path = std::fs::read(folder.join(RECORD)).ok()?;
    (!path.is_empty()).then(|| PathBuf::from(std::ffi::OsStr::from_bytes(&path)))
}

/// Where the socket of a folder goes.
fn place(folder: &Path, fresh: Uuid) -> io::Result<PathBuf> {
    let inside = std::path::absolute(folder)?.join(SOCKET);
    if inside.as_os_str().len() <= LONGEST_PATH {
        return Ok(inside);
    }
    let private = std::env::temp_dir().join(format!("callboard-{}", fresh.simple()));
    let outside = private.join("sock");
    if outside.as_os_str().len() > LONGEST_PATH {
        let message = format!(
            "the paths of {} and of the folder for temporary files are too long for a socket; choose a shorter --data or TMPDIR",
            folder.display()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    DirBuilder::new().mode(0o700).create(&private)?;
    Ok(outside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_path_is_inside_the_folder_and_a_long_one_outside() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(place(folder.path(), Uuid::nil()).unwrap(), folder.path().join(SOCKET));

        let long = folder.path().join("x".repeat(120));
        let fresh = Uuid::from_u128(u128::from(std::process::id()) << 64 | 0x5eed);
        let outside = place(&long, fresh).unwrap();
        assert!(outside.as_os_str().len() <= LONGEST_PATH);
        assert_eq!(outside.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::remove_dir(outside.parent().unwrap()).unwrap();
    }
}
