//! The tools that work on data: files, texts, tables, code.

use std::sync::Arc;

use crate::config;
use crate::tools::{CodeRun, Folder, Tools, files, table, text};

use super::AppError;

/// Registers them.
pub(super) fn register(tools: &mut Tools, settings: &config::Tools) -> Result<(), AppError> {
    let folder = Folder::new(&settings.files.root).with_limit(settings.files.max_bytes);
    for tool in [files::all(&folder), table::all(&folder), text::all(&folder)].concat() {
        tools.register(tool)?;
    }
    let program = std::env::current_exe().map_err(AppError::Program)?;
    let memory = usize::try_from(settings.code.memory).unwrap_or(usize::MAX);
    tools.register(Arc::new(CodeRun::new(program).with_timeout(settings.code.timeout).with_memory(memory)))?;
    Ok(())
}
