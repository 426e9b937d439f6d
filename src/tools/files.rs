//! Files in one folder, and nowhere else.

mod append;
mod content;
mod copy;
mod delete;
mod folder;
mod info;
mod list;
mod read;
mod relocate;
mod walk;
mod write;

pub use append::FilesAppend;
pub use copy::FilesCopy;
pub use delete::FilesDelete;
pub use folder::Folder;
pub use info::FilesInfo;
pub use list::FilesList;
pub use read::FilesRead;
pub use relocate::FilesMove;
pub use write::FilesWrite;

use std::sync::Arc;

use super::Tool;

/// Every tool that works on files in `folder`.
#[must_use]
pub fn all(folder: &Folder) -> Vec<Arc<dyn Tool>> {
    vec![
        Arc::new(FilesAppend::new(folder.clone())),
        Arc::new(FilesCopy::new(folder.clone())),
        Arc::new(FilesDelete::new(folder.clone())),
        Arc::new(FilesInfo::new(folder.clone())),
        Arc::new(FilesList::new(folder.clone())),
        Arc::new(FilesMove::new(folder.clone())),
        Arc::new(FilesRead::new(folder.clone())),
        Arc::new(FilesWrite::new(folder.clone())),
    ]
}
