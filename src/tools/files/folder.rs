//! The folder that file tools are confined to.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::tools::ToolError;

/// The longest name of one file or folder that common file systems take, in bytes.
const LONGEST_NAME: usize = 255;
/// The longest path below the folder, in bytes.
const LONGEST_PATH: usize = 1024;
/// The deepest that folders may be nested below the folder.
const DEEPEST: usize = 32;

/// A folder that nothing gets out of: paths are relative to it, `..` is refused, and a symbolic
/// link counts as where it leads to.
///
/// The check and the use are two steps, so that a process beside us that swaps a folder for a link
/// between them is not held back; tools have no means to make links.
#[derive(Clone, Debug)]
pub struct Folder {
    root: Arc<Path>,
    limit: u64,
}

impl Folder {
    /// The largest file that is read or written unless told otherwise, in bytes.
    pub const DEFAULT_LIMIT: u64 = 4 * 1024 * 1024;

    /// The folder `root`, which is made when something is first written to it.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into().into(), limit: Self::DEFAULT_LIMIT }
    }

    /// Lets files be at most `bytes` long.
    #[must_use]
    pub fn with_limit(self, bytes: u64) -> Self {
        Self { limit: bytes, ..self }
    }

    /// Reads a text file.
    pub(super) fn read(&self, path: &str) -> Result<String, ToolError> {
        let relative = relative(path)?;
        let root = self.root.canonicalize().map_err(|error| failed("read", path, &error))?;
        let file = root.join(relative).canonicalize().map_err(|error| failed("read", path, &error))?;
        inside(&root, &file, path)?;
        let found = fs::metadata(&file).map_err(|error| failed("read", path, &error))?;
        if !found.is_file() {
            return Err(ToolError::give_up("not_a_file", format!("`{path}` is not a file; name a file in the folder")));
        }
        self.within_limit(path, found.len())?;
        let bytes = fs::read(&file).map_err(|error| failed("read", path, &error))?;
        self.within_limit(path, bytes.len() as u64)?;
        String::from_utf8(bytes).map_err(|_| {
            ToolError::give_up("not_text", format!("`{path}` is not UTF-8 text; only text files can be read"))
        })
    }

    /// Writes a text file: all of it or nothing, and on the disk when this returns. `key` sets this
    /// write's temporary file apart from others'.
    pub(super) fn write(&self, path: &str, text: &str, key: &str) -> Result<(), ToolError> {
        let relative = relative(path)?;
        self.within_limit(path, text.len() as u64)?;
        let fail = |error: io::Error| failed("write", path, &error);
        fs::create_dir_all(&self.root).map_err(fail)?;
        let root = self.root.canonicalize().map_err(fail)?;
        let parent = make_folders(&root, relative.parent().unwrap_or(Path::new("")), path)?;
        let Some(name) = relative.file_name() else {
            return Err(bad_path(path, "it names no file"));
        };
        let target = parent.join(name);
        if fs::metadata(&target).is_ok_and(|found| found.is_dir()) {
            return Err(ToolError::give_up("not_a_file", format!("`{path}` is a folder; name a file in it")));
        }
        let temporary = parent.join(format!(".callboard-{key}.part"));
        let written = replace(&temporary, &target, text).and_then(|()| sync_folder(&parent));
        written.map_err(|error| {
            // What is left of a write that failed is only in the way; if it cannot go, the next write replaces it.
            drop(fs::remove_file(&temporary));
            failed("write", path, &error)
        })
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

/// Makes the folders below `root` that are missing, one by one, so that none is made beyond a link that leads out.
fn make_folders(root: &Path, relative: &Path, path: &str) -> Result<PathBuf, ToolError> {
    let mut folder = root.to_owned();
    for name in relative {
        let below = folder.join(name);
        match fs::create_dir(&below) {
            Ok(()) => sync_folder(&folder).map_err(|error| failed("write", path, &error))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed("write", path, &error)),
        }
        folder = below.canonicalize().map_err(|error| failed("write", path, &error))?;
        inside(root, &folder, path)?;
        if !folder.is_dir() {
            let name = name.to_string_lossy();
            return Err(ToolError::give_up("not_a_folder", format!("`{path}`: `{name}` is not a folder")));
        }
    }
    Ok(folder)
}

fn inside(root: &Path, found: &Path, path: &str) -> Result<(), ToolError> {
    if found.starts_with(root) {
        return Ok(());
    }
    Err(ToolError::give_up("outside", format!("`{path}` leads out of the folder that files are kept in")))
}

fn replace(temporary: &Path, target: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::create(temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(temporary, target)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

fn bad_path(path: &str, reason: &str) -> ToolError {
    let shown: String = path.chars().take(80).flat_map(char::escape_debug).collect();
    ToolError::give_up("bad_path", format!("the path `{shown}` cannot be used: {reason}"))
}

fn failed(what: &str, path: &str, error: &io::Error) -> ToolError {
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
