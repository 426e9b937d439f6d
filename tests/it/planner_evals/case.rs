//! The cases, as evals/planner holds them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use callboard::agents::Roles;
use callboard::app::OfferedTool;
use callboard::model::planning::{Role, Turn};
use callboard::planner::{About, Offer};
use callboard::workflow::{Catalog, CatalogTool, CatalogWorkflow, Effect, Workflow, yaml};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::expected::{self, Element};

/// One request, and what a good reader would make of it.
pub(super) struct Case {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) say: String,
    pub(super) before: Option<Workflow>,
    pub(super) turns: Vec<Turn>,
    pub(super) wanted: Wanted,
}

/// What should come of a request.
pub(super) enum Wanted {
    /// One of these workflows.
    Steps {
        readings: Vec<Vec<Element>>,
        /// What starts it, if that is to be something else than before.
        triggers: Option<Vec<WantedTrigger>>,
        /// Whether steps that follow each other in the expectation may also go on side by side.
        is_loose: bool,
        /// As the file has it, to be shown.
        written: String,
    },
    /// A question, which speaks of these.
    Question { between: Vec<String> },
    /// Nothing.
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum WantedTrigger {
    Cron {
        cron: String,
        #[serde(default)]
        timezone: Option<String>,
    },
    Webhook {
        webhook: String,
    },
    Run {
        run: String,
    },
}

/// A case as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    say: String,
    #[serde(default)]
    before: Option<String>,
    #[serde(default)]
    turns: Vec<BTreeMap<String, String>>,
    #[serde(default)]
    expect: Option<Value>,
    #[serde(default)]
    any_of: Option<Vec<Value>>,
    #[serde(default)]
    triggers: Option<Vec<WantedTrigger>>,
    #[serde(default)]
    loose: bool,
    #[serde(default)]
    asks: Option<Asks>,
    #[serde(default)]
    no_edits: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asks {
    #[serde(default)]
    between: Vec<String>,
}

/// All cases with what they are made of.
pub(super) struct Evals {
    pub(super) cases: Vec<Case>,
    pub(super) tools: Vec<OfferedTool>,
    pub(super) catalog: Catalog,
    pub(super) befores: IndexMap<String, Workflow>,
}

pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("evals/planner")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The YAML files of a folder, by their stems.
fn files(name: &str) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder().join(name)).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), read(&path))).collect()
}

impl Evals {
    pub(super) fn read() -> Self {
        let tools: Vec<OfferedTool> = serde_json::from_str(&read(&folder().join("tools.json"))).unwrap();
        let befores: IndexMap<String, Workflow> = files("before")
            .into_iter()
            .map(|(name, text)| {
                let parsed = yaml::parse(&text).unwrap_or_else(|problems| panic!("before/{name}.yaml: {problems:#?}"));
                (name, parsed.workflow)
            })
            .collect();
        let mut cases = Vec::new();
        for (kind, text) in files("cases") {
            let written: Vec<Written> =
                serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("cases/{kind}.yaml: {error}"));
            cases.extend(written.into_iter().map(|written| written.case(&kind, &befores)));
        }
        let catalog = catalog(&tools, &befores);
        Self { cases, tools, catalog, befores }
    }

    /// What there is to make workflows of.
    pub(super) fn offer(&self) -> Offer {
        let about = |tool: &OfferedTool| About { output: tool.output_schema.clone(), is_own: false };
        Offer::new(self.catalog.clone(), &self.tools.iter().map(|tool| (tool.name.clone(), about(tool))).collect())
    }
}

fn catalog(tools: &[OfferedTool], befores: &IndexMap<String, Workflow>) -> Catalog {
    let tool = |tool: &OfferedTool| CatalogTool {
        description: tool.description.clone(),
        parameters: tool.input_schema.clone().unwrap_or_else(|| json!({ "type": "object" })),
        effect: tool.effect.unwrap_or(Effect::Write),
        denied: None,
    };
    let workflow = |workflow: &Workflow| CatalogWorkflow {
        description: workflow.description.clone(),
        inputs: workflow.inputs.clone(),
        starts: Vec::new(),
    };
    Catalog {
        open: false,
        tools: tools.iter().map(|known| (known.name.clone(), tool(known))).collect(),
        agents: Roles::built_in().unwrap().catalog(),
        workflows: befores.iter().map(|(name, known)| (name.clone(), workflow(known))).collect(),
    }
}

impl Written {
    fn case(self, kind: &str, befores: &IndexMap<String, Workflow>) -> Case {
        let Self { id, say, before, turns, expect, any_of, triggers, loose, asks, no_edits } = self;
        let written = any_of.or(expect.map(|tree| vec![tree]));
        let wanted = match (written, asks, no_edits) {
            (Some(trees), None, false) => Wanted::Steps {
                readings: trees
                    .iter()
                    .map(|tree| expected::sequence(tree).unwrap_or_else(|why| panic!("{id}: {why}")))
                    .collect(),
                triggers,
                is_loose: loose,
                written: trees.iter().map(Value::to_string).collect::<Vec<_>>().join("\n        or  "),
            },
            (None, Some(asks), false) => Wanted::Question { between: asks.between },
            (None, None, true) => Wanted::Nothing,
            _ => panic!("{id}: exactly one of `expect` or `any_of`, `asks`, and `no_edits` is to be given"),
        };
        let before = before
            .map(|name| befores.get(&name).cloned().unwrap_or_else(|| panic!("{id}: there is no before/{name}.yaml")));
        let turn = |turn: BTreeMap<String, String>| {
            let (who, text) = turn.into_iter().next().unwrap_or_else(|| panic!("{id}: an empty turn"));
            let role = match who.as_str() {
                "user" => Role::User,
                "callboard" => Role::Assistant,
                other => panic!("{id}: a turn is `user`'s or `callboard`'s, not `{other}`'s"),
            };
            Turn { role, text }
        };
        let turns = turns.into_iter().map(turn).collect();
        Case { kind: kind.to_owned(), say, before, turns, wanted, id }
    }
}
