//! What accepting a proposal comes to, and taking that back: the one place for proposals of conversations and all others.

use super::{App, AppError, Refused, WorkflowFile};
use crate::chat::event::{BaseVersion, Offered};
use crate::chat::port::{Done, Live, Undone};
use crate::model::Usage;
use crate::model::edits::Asked;
use crate::planner::{Accepted, Proposal, Standing, empty, undo};
use crate::workflow::edit::Edit;
use crate::workflow::yaml::Rewritten;
use crate::workflow::{StepId, Workflow, yaml};

/// How many names are tried for a new workflow whose name is taken.
const MOST_NAMES: u32 = 1_000;

impl App {
    /// What accepting these steps of a proposal comes to, or all of it if there are none, on top of what is live by now. It is saved
    /// beside that.
    ///
    /// # Errors
    /// What would come of it is not valid, or conflicts with what was changed otherwise.
    pub(super) async fn accept(&self, offered: &Offered, steps: &[StepId]) -> Result<Done, AppError> {
        let base = offered.base.as_ref().map(|base| parsed(&base.text)).transpose()?;
        let before = match &base {
            Some(base) => self.live_version(&base.name).await?,
            None => None,
        };
        let base = base.unwrap_or_else(empty);
        let now = match &before {
            Some(before) => parsed(&before.text)?,
            None => base.clone(),
        };
        let proposal = stored(offered)?;
        let catalog = self.whole_catalog().await?;
        let Accepted { mut workflow, diff, besides, .. } = if steps.is_empty() {
            proposal.accept(&base, &now, &catalog)?
        } else {
            proposal.accept_steps(steps, &base, &now, &catalog)?
        };
        let mut taken = None;
        if offered.base.is_none() {
            let free = self.free_name(&workflow.name).await?;
            if free != workflow.name {
                taken = Some(std::mem::replace(&mut workflow.name, free));
            }
        }
        let Rewritten { text, lost_comments } = match &before {
            Some(before) => yaml::rewrite(&before.text, &workflow),
            None => Rewritten { text: yaml::write(&workflow), lost_comments: 0 },
        };
        let version = self.save_text(&workflow.name, &text, Live::No).await?;
        let after = BaseVersion { version, text };
        Ok(Done { workflow: workflow.name, taken, before, after, diff, besides, lost_comments })
    }

    /// What taking an accepted proposal back comes to: the exact version from before it, unless the workflow has gone on since; then
    /// what else was done to it stays, and is saved beside what is live.
    ///
    /// # Errors
    /// Something else was done to the same steps since.
    pub(super) async fn take_back(
        &self,
        workflow: &str,
        before: Option<BaseVersion>,
        after: &BaseVersion,
    ) -> Result<Undone, AppError> {
        let Some(now) = self.live_version(workflow).await? else { return Ok(Undone::NotInUse) };
        match before {
            Some(before) if now.version == after.version => Ok(Undone::Exactly(before)),
            None if now.version == after.version => Ok(Undone::Retired),
            Some(before) => {
                let catalog = self.whole_catalog().await?;
                let undone = undo(&parsed(&before.text)?, &parsed(&after.text)?, &parsed(&now.text)?, &catalog)?;
                let text = yaml::rewrite(&now.text, &undone.workflow).text;
                let version = self.save_text(workflow, &text, Live::No).await?;
                let version = BaseVersion { version, text };
                Ok(Undone::Merged { onto: now.version, version, diff: undone.diff })
            }
            None => {
                let why = format!("`{workflow}` has been changed since it was made; take that back first");
                Err(AppError::Refused(Refused { code: "changed_since", why }))
            }
        }
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

    /// A name that no saved workflow has: this one, or this one with a number.
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
