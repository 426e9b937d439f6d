//! The versions of a role: its file and its prompt, as they were whenever runs were begun with them or somebody looked.

use std::path::{Path, PathBuf};

use super::{App, AppError};
use crate::agents::{self, Role, RoleStats};
use crate::clock::Timestamp;
use crate::run::Failure;
use crate::store::{Definition, DefinitionKind, DefinitionVersion};

/// How many versions of one file are listed at most.
const MOST_VERSIONS: usize = 100;

/// A version of a role's file or of its prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleVersion {
    /// Which of the two.
    pub kind: DefinitionKind,
    /// The file's name without its extension.
    pub name: String,
    /// Hash of its text.
    pub hash: String,
    /// When it was first kept.
    pub at: Timestamp,
    /// Whether it is the one that is used now.
    pub current: bool,
}

impl App {
    /// How a role stands, if the company is at work.
    #[must_use]
    pub fn role_stats(&self, role: &str) -> Option<RoleStats> {
        self.shared.company.get()?.stats(role)
    }

    /// Lets a role have so many workers for as long as the company works; with 0 it is drained.
    ///
    /// # Errors
    /// [`AppError::Resize`]: the company is not at work, there is no such role, or that is too many.
    pub fn resize_role(&self, role: &str, workers: u32) -> Result<(), AppError> {
        let company = self.shared.company.get().ok_or_else(|| {
            let message = "no company is at work here; `workers` in the role's file is how many it begins with";
            AppError::Resize(Failure::give_up("not_at_work", message))
        })?;
        company.resize(role, workers).map_err(AppError::Resize)
    }

    /// Keeps the texts of the roles and prompts that runs pin from now on.
    pub(super) async fn define(&self) -> Result<(), AppError> {
        let mut definitions = Vec::new();
        for role in self.shared.roles.iter() {
            for ((kind, name, hash), text) in files(role).into_iter().zip([&role.text, &role.prompt]) {
                definitions.push(Definition { kind, name, hash, text: text.to_string() });
            }
        }
        Ok(self.workspace().definitions().save(&definitions, self.shared.clock.now()).await?)
    }

    /// The versions of a role's file and of its prompt, each the newest first.
    ///
    /// # Errors
    /// [`AppError::NoSuchRole`], or a failure of the store.
    pub async fn role_versions(&self, role: &str) -> Result<Vec<RoleVersion>, AppError> {
        let role = self.role(role)?;
        self.shared.defined.get_or_try_init(|| self.define()).await?;
        let mut all = Vec::new();
        for (kind, name, current) in files(role) {
            let versions = self.workspace().definitions().versions(kind, &name, MOST_VERSIONS).await?;
            all.extend(versions.into_iter().map(|DefinitionVersion { hash, at }| RoleVersion {
                kind,
                name: name.clone(),
                current: hash == current,
                hash,
                at,
            }));
        }
        Ok(all)
    }

    /// The version whose hash begins like this, and its text.
    ///
    /// # Errors
    /// [`AppError::NoSuchRole`] or [`AppError::NoSuchRoleVersion`], or a failure of the store.
    pub async fn role_version(&self, role: &str, hash: &str) -> Result<(RoleVersion, String), AppError> {
        let mut fitting = self.role_versions(role).await?;
        fitting.retain(|version| !hash.is_empty() && version.hash.starts_with(hash));
        let several = fitting.len() > 1;
        let missing = || AppError::NoSuchRoleVersion { role: role.to_owned(), hash: hash.to_owned(), several };
        let [version] = <[RoleVersion; 1]>::try_from(fitting).map_err(|_| missing())?;
        let text = self.workspace().definitions().text(version.kind, &version.name, &version.hash).await?;
        Ok((version, text.ok_or_else(missing)?))
    }

    /// Writes a version back to the role's file, or the prompt's; returns where. What is there now is kept as a version.
    /// It is used from the next start on.
    ///
    /// # Errors
    /// As of [`App::role_version`]; or [`AppError::File`] if the file cannot be written, or what is there cannot be kept.
    pub async fn revert_role(&self, role: &str, hash: &str) -> Result<(RoleVersion, PathBuf), AppError> {
        let (version, text) = self.role_version(role, hash).await?;
        let agents = &self.config().agents;
        let path = match version.kind {
            DefinitionKind::Agent => agents.folder.join(format!("{}.yaml", version.name)),
            DefinitionKind::Prompt => agents.prompts.join(format!("{}.md", version.name)),
        };
        self.keep_what_is_there(&version, &path).await?;
        let target = path.clone();
        let written = tokio::task::spawn_blocking(move || replace(&target, &text)).await;
        let written = written.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        written.map_err(|error| AppError::File { path: path.clone(), error })?;
        Ok((version, path))
    }

    /// Keeps the text of a file as a version, if the file is there.
    async fn keep_what_is_there(&self, version: &RoleVersion, path: &Path) -> Result<(), AppError> {
        let text = match tokio::fs::read_to_string(path).await {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(AppError::File { path: path.to_owned(), error }),
        };
        let RoleVersion { kind, name, .. } = version;
        let definition = Definition { kind: *kind, name: name.clone(), hash: agents::hash(&text), text };
        Ok(self.workspace().definitions().save(&[definition], self.shared.clock.now()).await?)
    }

    fn role(&self, name: &str) -> Result<&Role, AppError> {
        self.roles().get(name).map(AsRef::as_ref).ok_or_else(|| AppError::NoSuchRole {
            role: name.to_owned(),
            near: self.roles().nearest(name).map(str::to_owned),
        })
    }
}

/// The kind, name and hash of a role's file, and of its prompt.
fn files(role: &Role) -> [(DefinitionKind, String, String); 2] {
    let [agent, prompt] = role.pins();
    [(DefinitionKind::Agent, agent), (DefinitionKind::Prompt, prompt)].map(|(kind, (pin, hash))| {
        let name = pin.split_once(':').map_or(pin.as_str(), |(_, name)| name).to_owned();
        (kind, name, hash)
    })
}

/// Puts a text in a file's place, whole or not at all.
///
/// # Errors
/// The file cannot be written; what was there is as it was.
pub fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.part"));
    let mut file = std::fs::File::create(&part)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&part, path)
}
