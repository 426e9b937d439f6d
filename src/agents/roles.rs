//! The roles that there are: those built in, and those that the files of a folder add or replace.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use sha2::{Digest, Sha256};

use super::role_file::{self, Restart, Review, RoleFile, RoleLimits};
use super::talk;
use crate::tools::names_any;
use crate::workflow::{CatalogAgent, Place, Problem, nearest};

/// The largest role file or prompt, in bytes.
const LARGEST_FILE: u64 = 256 * 1024;

const BUILT_IN_ROLES: [(&str, &str); 4] = [
    ("research.yaml", include_str!("../../agents/research.yaml")),
    ("analysis.yaml", include_str!("../../agents/analysis.yaml")),
    ("implementation.yaml", include_str!("../../agents/implementation.yaml")),
    ("qa.yaml", include_str!("../../agents/qa.yaml")),
];

const BUILT_IN_PROMPTS: [(&str, &str); 4] = [
    ("research.md", include_str!("../../prompts/research.md")),
    ("analysis.md", include_str!("../../prompts/analysis.md")),
    ("implementation.md", include_str!("../../prompts/implementation.md")),
    ("qa.md", include_str!("../../prompts/qa.md")),
];

/// What an agent is, and how many may play it at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    /// Its name, `[a-z][a-z0-9_]*`.
    pub name: String,
    /// What it is good for, in a sentence.
    pub description: String,
    /// Its file.
    pub text: Arc<str>,
    /// What the model is told of itself.
    pub prompt: Arc<str>,
    /// The alias of the model that plays it.
    pub model: String,
    /// The tools that it may call: names, groups (`files.*`) or `*`.
    pub tools: Vec<String>,
    /// How many assignments are worked on at once.
    pub workers: u32,
    /// How long one assignment may go on.
    pub limits: RoleLimits,
    /// How often its workers may die before it stops and asks.
    pub restart: Restart,
    /// Who looks at its finished work before it goes out, if anybody.
    pub review: Option<Review>,
    /// Where it was read from: a path, or `built in`.
    pub origin: String,
    /// SHA-256 of its file, in hex.
    pub hash: String,
    /// SHA-256 of its prompt, in hex.
    pub prompt_hash: String,
    prompt_name: String,
    tool_places: Vec<Place>,
}

/// Where roles and prompts are looked for, besides what is built in. A later folder wins over an earlier one; a
/// folder that is not there is left out.
#[derive(Clone, Debug, Default)]
pub struct RoleFolders {
    /// Folders of `NAME.yaml`.
    pub agents: Vec<PathBuf>,
    /// Folders of `NAME.md`.
    pub prompts: Vec<PathBuf>,
}

/// All that is wrong with role files, each with its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolesError {
    /// The file, and what is wrong with it.
    pub problems: Vec<(String, Problem)>,
}

impl fmt::Display for RolesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (file, problem)) in self.problems.iter().enumerate() {
            let (newline, gap) =
                (if index == 0 { "" } else { "\n" }, if problem.place.line.is_some() { "" } else { " " });
            write!(f, "{newline}{file}:{gap}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for RolesError {}

/// The roles that there are, by name.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    by_name: IndexMap<String, Arc<Role>>,
}

/// A text with where it is from.
struct Source {
    origin: String,
    text: String,
}

impl Roles {
    /// The roles that are built in.
    ///
    /// # Errors
    /// [`RolesError`]: never with the files that the crate is built with, which a test holds.
    pub fn built_in() -> Result<Self, RolesError> {
        Self::load(&RoleFolders::default())
    }

    /// The roles that are built in, and those in the folders.
    ///
    /// # Errors
    /// [`RolesError`] with everything that is wrong in any file.
    pub fn load(folders: &RoleFolders) -> Result<Self, RolesError> {
        let mut problems = Vec::new();
        let mut roles = sources(&BUILT_IN_ROLES, &folders.agents, "yaml", &mut problems);
        let prompts = sources(&BUILT_IN_PROMPTS, &folders.prompts, "md", &mut problems);
        let mut by_name = IndexMap::new();
        for (file_name, source) in roles.drain(..) {
            let stem = file_name.strip_suffix(".yaml").unwrap_or(&file_name);
            let role = role_file::read(stem, &source.text)
                .and_then(|file| cast(file, &source, &prompts).map_err(|problem| vec![problem]));
            match role {
                Ok(role) => drop(by_name.insert(role.name.clone(), Arc::new(role))),
                Err(wrong) => problems.extend(wrong.into_iter().map(|problem| (source.origin.clone(), problem))),
            }
        }
        if problems.is_empty() { Ok(Self { by_name }) } else { Err(RolesError { problems }) }
    }

    /// Checks that every tool that a role names is there. `known` are the names of tools, and `group.` for each group
    /// whose tools are not known yet.
    ///
    /// # Errors
    /// [`RolesError`] with each that is not, and the nearest name.
    pub fn check_tools<'a>(&self, known: impl IntoIterator<Item = &'a str>) -> Result<(), RolesError> {
        let known: Vec<&str> = known.into_iter().chain(talk::NAMES).collect();
        let mut problems = Vec::new();
        for role in self.by_name.values() {
            for (tool, place) in role.tools.iter().zip(&role.tool_places) {
                if !names_any(tool, &known) {
                    let problem = Problem {
                        code: "unknown_tool",
                        place: place.clone(),
                        message: format!("there is no tool `{tool}`"),
                        suggestion: nearest(tool, known.iter().copied()).map(|near| format!("did you mean `{near}`?")),
                    };
                    problems.push((role.origin.clone(), problem));
                }
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(RolesError { problems }) }
    }

    /// The role with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Role>> {
        self.by_name.get(name)
    }

    /// All roles, those built in first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.by_name.values()
    }

    /// The name that was probably meant by `name`, which is none.
    #[must_use]
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.by_name.keys().map(String::as_str))
    }

    /// What a workflow is checked against.
    #[must_use]
    pub fn catalog(&self) -> IndexMap<String, CatalogAgent> {
        self.by_name
            .values()
            .map(|role| (role.name.clone(), CatalogAgent { description: role.description.clone() }))
            .collect()
    }

    /// The hashes of all role files and prompts, by `agent:NAME` and `prompt:NAME`, as a run pins them.
    #[must_use]
    pub fn pins(&self) -> BTreeMap<String, String> {
        self.by_name.values().flat_map(|role| role.pins()).collect()
    }
}

impl Role {
    /// Whether its allow-list names this tool.
    #[must_use]
    pub fn may_call(&self, tool: &str) -> bool {
        self.tools.iter().any(|entry| crate::tools::allows(entry, tool))
    }

    /// The hashes of its file and its prompt, by `agent:NAME` and `prompt:NAME`.
    #[must_use]
    pub fn pins(&self) -> [(String, String); 2] {
        [
            (format!("agent:{}", self.name), self.hash.clone()),
            (format!("prompt:{}", self.prompt_name), self.prompt_hash.clone()),
        ]
    }
}

/// A role of a file and the prompt that it names.
fn cast(file: RoleFile, source: &Source, prompts: &IndexMap<String, Source>) -> Result<Role, Problem> {
    let RoleFile { name, description, prompt: (prompt, prompt_place), model, tools, workers, limits, restart, review } =
        file;
    let Some(text) = prompts.get(&prompt).filter(|source| !source.text.trim().is_empty()) else {
        let known = prompts.keys().map(String::as_str);
        return Err(Problem {
            code: "unknown_prompt",
            place: prompt_place,
            message: format!("there is no prompt `{prompt}`, or it is empty"),
            suggestion: Some(match nearest(&prompt, known.filter(|name| *name != prompt)) {
                Some(near) => format!("write it to `prompts/{prompt}`, or did you mean `{near}`?"),
                None => format!("write it to `prompts/{prompt}`"),
            }),
        });
    };
    let (tools, tool_places) = tools.into_iter().unzip();
    Ok(Role {
        name,
        description,
        text: source.text.as_str().into(),
        prompt: text.text.as_str().into(),
        model,
        tools,
        workers,
        limits,
        restart,
        review,
        origin: source.origin.clone(),
        hash: hash(&source.text),
        prompt_hash: hash(&text.text),
        prompt_name: prompt.trim_end_matches(".md").to_owned(),
        tool_places,
    })
}

/// The texts that are built in and those of the folders, by file name; a later one replaces an earlier one.
fn sources(
    built_in: &[(&str, &str)],
    folders: &[PathBuf],
    extension: &str,
    problems: &mut Vec<(String, Problem)>,
) -> IndexMap<String, Source> {
    let mut found: IndexMap<String, Source> = built_in
        .iter()
        .map(|(name, text)| ((*name).to_owned(), Source { origin: "built in".to_owned(), text: (*text).to_owned() }))
        .collect();
    for folder in folders {
        let files = match files_of(folder, extension) {
            Ok(files) => files,
            Err(error) => {
                problems.push((folder.display().to_string(), unread(&error.to_string())));
                continue;
            }
        };
        for (name, path) in files {
            let origin = path.display().to_string();
            match text_of(&path) {
                Ok(text) => drop(found.insert(name, Source { origin, text })),
                Err(reason) => problems.push((origin, unread(&reason))),
            }
        }
    }
    found
}

/// The files of a folder with this extension, sorted by name; none if there is no such folder.
fn files_of(folder: &Path, extension: &str) -> std::io::Result<Vec<(String, PathBuf)>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        if let Some(name) = name
            && !name.starts_with('.')
            && path.extension().is_some_and(|found| found == extension)
        {
            files.push((name, path));
        }
    }
    files.sort();
    Ok(files)
}

fn text_of(path: &Path) -> Result<String, String> {
    let bytes = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if bytes > LARGEST_FILE {
        return Err(format!("it has {bytes} bytes; at most {LARGEST_FILE} are read"));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

fn unread(reason: &str) -> Problem {
    Problem {
        code: "unreadable",
        place: Place::default(),
        message: format!("cannot be read: {reason}"),
        suggestion: None,
    }
}

pub(crate) fn hash(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests;
