//! Files in one folder, and nowhere else.

mod folder;
mod read;
mod write;

pub use folder::Folder;
pub use read::FilesRead;
pub use write::FilesWrite;
