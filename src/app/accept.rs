//! What accepting a proposal comes to, and taking that back: the one place for proposals of conversations and all others.

use super::{App, AppError, Refused, WorkflowFile};
use crate::chat::event::{Acceptance, BaseVersion, Offered};
use crate::chat::port::{Accepting, Done, Live, Undone};
use crate::model::Usage;
use crate::model::edits::Asked;
use crate::planner::{Accepted, Proposal, Standing, empty, undo};
use crate::store::LiveMove;
use crate::workflow::edit::Edit;
use crate::workflow::yaml::Rewritten;
use crate::workflow::{Workflow, yaml};

/// How many names are tried for a new workflow whose name is taken.
const MOST_NAMES: u32 = 1_000;

impl App {
    /// What accepting a proposal comes to, on top of what is live by now. It is saved beside that.
    ///
    /// # Errors
    /// What would come of it is not valid, or conflicts with what was changed otherwise.
    pub(super) async fn accept(&self, accepting: Accepting<'_>) -> Result<Done, AppError> {
        let Accepting { offered, earlier, steps, name } = accepting;
        let base = offered.base.as_ref().map(|base| parsed(&base.text)).transpose()?;
        // By now it may be called otherwise, by what was accepted of this before.
        let called = earlier.map(|earlier| earlier.workflow.as_str()).or(base.as_ref().map(|base| base.name.as_str()));
        let before = match called {
            Some(name) => self.live_version(name).await?,
            None => None,
        };
        let base = base.unwrap_or_else(empty);
        let now = match &before {
            Some(before) => parsed(&before.text)?,
            None => base.clone(),
        };
        let proposal = stored(offered)?;
        let catalog = self.whole_catalog().await?;
        let earlier = earlier.map_or(&[][..], |earlier| &earlier.steps);
        let Accepted { mut workflow, diff, besides, .. } =
            proposal.accept_further(earlier, steps, &base, &now, &catalog)?;
        let mut taken = None;
        if offered.base.is_none() {
            let free = match name {
                Some(name) => self.untaken(name).await?,
                None => self.free_name(&workflow.name).await?,
            };
            let own = std::mem::replace(&mut workflow.name, free);
            taken = Some(own).filter(|own| name.is_none() && *own != workflow.name);
        } else if workflow.name != now.name {
            workflow.name = self.untaken(&workflow.name).await?;
        }
        let Rewritten { text, lost_comments } = match &before {
            Some(before) => yaml::rewrite(&before.text, &workflow),
            None => Rewritten { text: yaml::write(&workflow), lost_comments: 0 },
        };
        let version = self.save_text(&workflow.name, &text, Live::No).await?;
        let after = BaseVersion { version, text };
        let from = before.as_ref().map(|before| (now.name.as_str(), before.version.as_str()));
        let moves = moves(from, Some((&workflow.name, &after.version)));
        Ok(Done { workflow: workflow.name, taken, before, after, moves, diff, besides, lost_comments })
    }

    /// What taking an accepted proposal back comes to: the exact version from before it, unless the workflow has gone on since; then
    /// what else was done to it stays, and is saved beside what is live.
    ///
    /// # Errors
    /// Something else was done to the same steps since.
    pub(super) async fn take_back(&self, offered: &Offered, accepted: &Acceptance) -> Result<Undone, AppError> {
        let Acceptance { steps, workflow, before, after, between } = accepted;
        let Some(now) = self.live_version(workflow).await? else {
            let (workflow, moves) = (workflow.clone(), Vec::new());
            return Ok(Undone { workflow, version: None, moves, merged: None });
        };
        let is_last = now.version == after.version && !between;
        let (name, version, merged) = match before {
            None if is_last => (workflow.clone(), None, None),
            None => {
                let why = format!("`{workflow}` has been changed since it was made; take that back first");
                return Err(AppError::Refused(Refused { code: "changed_since", why }));
            }
            Some(before) if is_last => (parsed(&before.text)?.name, Some(before.clone()), None),
            Some(before) => {
                let (catalog, live) = (self.whole_catalog().await?, parsed(&now.text)?);
                let undone = match &offered.base {
                    Some(base) if *between => {
                        stored(offered)?.take_back(steps, &parsed(&base.text)?, &live, &catalog)?
                    }
                    _ => undo(&parsed(&before.text)?, &parsed(&after.text)?, &live, &catalog)?,
                };
                let name = undone.workflow.name.clone();
                let text = yaml::rewrite(&now.text, &undone.workflow).text;
                let version = self.save_text(&name, &text, Live::No).await?;
                (name, Some(BaseVersion { version, text }), Some(undone.diff))
            }
        };
        let to = version.as_ref().map(|version| (name.as_str(), version.version.as_str()));
        let moves = moves(Some((workflow, &now.version)), to);
        Ok(Undone { workflow: name, version, moves, merged })
    }

    /// The version of a workflow that is live.
    pub(super) async fn live_version(&self, name: &str) -> Result<Option<BaseVersion>, AppError> {
        let live = self.workspace().workflows().live(name).await?;
        Ok(live.map(|live| BaseVersion { version: live.hash, text: live.text }))
    }

    /// Checks a text and saves it as a version; its hash.
    pub(super) async fn save_text(&self, name: &str, text: &str, live: Live) -> Result<String, AppError> {
        let file = WorkflowFile { file: name.to_owned(), text: text.to_owned() };
        let saved = self.save_as(&[file], live).await?;
        Ok(saved.first().map(|saved| saved.workflow.hash().to_owned()).unwrap_or_default())
    }

    /// This name, if no workflow that is in use has it.
    async fn untaken(&self, name: &str) -> Result<String, AppError> {
        if self.workspace().workflows().live(name).await?.is_none() {
            return Ok(name.to_owned());
        }
        let why = format!("there is a workflow `{name}` already; choose another name");
        Err(AppError::Refused(Refused { code: "name_taken", why }))
    }

    /// A name that no workflow in use has: this one, or this one with a number.
    async fn free_name(&self, name: &str) -> Result<String, AppError> {
        let known = self.workspace().workflows().list().await?;
        let is_taken = |name: &str| known.iter().any(|head| head.name == name);
        if !is_taken(name) {
            return Ok(name.to_owned());
        }
        let free = (2..MOST_NAMES).map(|number| format!("{name}_{number}")).find(|name| !is_taken(name));
        let why = || format!("there are too many workflows called `{name}`");
        free.ok_or_else(|| AppError::Refused(Refused { code: "name_taken", why: why() }))
    }
}

/// What makes one version live where another was: two moves if it is called otherwise.
fn moves(from: Option<(&str, &str)>, to: Option<(&str, &str)>) -> Vec<LiveMove> {
    let one = |workflow: &str, from: Option<&str>, to: Option<&str>| LiveMove {
        workflow: workflow.to_owned(),
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
    };
    match (from, to) {
        (Some((name, from)), Some((other, to))) if name == other => vec![one(name, Some(from), Some(to))],
        (from, to) => {
            let ended = from.map(|(name, from)| one(name, Some(from), None));
            ended.into_iter().chain(to.map(|(name, to)| one(name, None, Some(to)))).collect()
        }
    }
}

/// The proposal as far as it is needed to accept it.
fn stored(offered: &Offered) -> Result<Proposal, AppError> {
    let unreadable = |error: serde_json::Error| {
        let why = format!("the proposal was made by another version of the program: {error}; ask for another");
        AppError::Refused(Refused { code: "other_version", why })
    };
    let part = |name: &str| offered.proposal.get(name).cloned().unwrap_or_default();
    let edits: Vec<Edit> = serde_json::from_value(part("edits")).map_err(unreadable)?;
    let asked: Vec<Asked> = serde_json::from_value(part("asked")).map_err(unreadable)?;
    Ok(Proposal {
        standing: Standing::Ready,
        base: offered.base.as_ref().map(|base| base.version.clone()),
        edits,
        asked,
        diff: Vec::new(),
        kept: Vec::new(),
        problems: Vec::new(),
        confidence: Vec::new(),
        questions: Vec::new(),
        assumptions: Vec::new(),
        rounds: 0,
        usage: Usage::default(),
        cost: None,
    })
}

fn parsed(text: &str) -> Result<Workflow, AppError> {
    super::plan::parsed("the workflow", text)
}
