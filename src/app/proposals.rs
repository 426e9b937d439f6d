//! Proposals that are kept outside of conversations: they are decided about later, whatever ends the process meanwhile.

use serde::{Deserialize, Serialize};

use super::{App, AppError, NewPlan, Planned, Refused, Saving, Subject};
use crate::chat::event::{Acceptance, Offered};
use crate::chat::port::{Accepting, Done, MOST_TRIES, Undone, moving};
use crate::clock::Timestamp;
use crate::model::planning::{Role, Turn};
use crate::planner::{Progress, Standing};
use crate::store::{LiveMove, ProposalId, ProposalRow, StoreError};
use crate::workflow::{StepId, yaml};

/// How many proposals that were not wanted a model is told of.
const MOST_EARLIER: usize = 4;

/// The longest reason why a proposal is not wanted, in bytes.
const LONGEST_REASON: usize = 8 << 10;

/// A proposal as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptProposal {
    /// Its id.
    pub id: ProposalId,
    /// What is proposed.
    pub made: Made,
    /// What became of it.
    pub state: ProposalState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When something was decided about it last.
    pub updated_at: Timestamp,
}

/// What is proposed. It never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The change, and all that is needed to decide about it later.
    pub offered: Offered,
    /// What was said of it.
    pub reply: String,
    /// The alias of the model that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The proposal that was not wanted, and in whose place it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<ProposalId>,
}

/// What became of a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ProposalState {
    /// Nothing yet.
    Open,
    /// It was accepted, in whole or in part, and is saved.
    Accepted(Acceptance),
    /// It was rejected.
    Rejected {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Another was asked for in its place.
    Superseded {
        /// The other one.
        by: ProposalId,
        /// Why this one was not wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Its acceptance was taken back.
    Undone {
        /// The hash of the version that is live now; `None` if none is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
}

impl ProposalState {
    /// What it is, in a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted(_) => "accepted",
            Self::Rejected { .. } => "rejected",
            Self::Superseded { .. } => "superseded",
            Self::Undone { .. } => "undone",
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Self::Rejected { reason } | Self::Superseded { reason, .. } => reason.as_deref(),
            _ => None,
        }
    }
}

/// Another proposal that is wanted in the place of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnotherWanted {
    /// What is wanted, if it is to be said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Why this one is not what was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The alias of the model that is asked; the one that was asked before if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

fn refused(code: &'static str, why: impl Into<String>) -> AppError {
    AppError::Refused(Refused { code, why: why.into() })
}

impl App {
    /// Makes a proposal for what a person wants. It is kept or accepted, as that says.
    ///
    /// # Errors
    /// The workflow cannot be read, or is not there; the model gives no reply; or the steps that were named cannot be
    /// accepted by themselves.
    pub async fn plan(&self, wanted: NewPlan, watch: &mut (dyn FnMut(Progress) + Send)) -> Result<Planned, AppError> {
        let (saving, steps) = (wanted.saving, wanted.steps.clone());
        // A file belongs to whoever has it: what becomes of a proposal about one is not for us to say.
        let is_ours = !matches!(wanted.subject, Some(Subject::Files(_)));
        let mut planned = self.propose(wanted, watch).await?;
        if saving != Saving::Nothing && is_ours {
            planned.kept = self.keep(&planned, None).await?;
        }
        if let Some(kept) = planned.kept.filter(|_| saving == Saving::Accepted && planned.base.is_some()) {
            planned.saved = Some(self.accept_proposal(kept, &steps).await?.1);
        }
        Ok(planned)
    }

    /// Keeps what can be accepted.
    async fn keep(&self, planned: &Planned, old: Option<&KeptProposal>) -> Result<Option<ProposalId>, AppError> {
        let Planned { proposed, request, model, base_version, .. } = planned;
        let (Standing::Ready, Some(after)) = (proposed.proposal.standing, &proposed.workflow) else { return Ok(None) };
        let offered = Offered {
            request: request.clone(),
            workflow: after.name.clone(),
            base: base_version.clone(),
            text: yaml::write(after),
            proposal: serde_json::to_value(&proposed.proposal)
                .map_err(|error| refused("not_kept", error.to_string()))?,
            steps: proposed.proposal.steps(),
            more_than_steps: proposed.proposal.is_about_more_than_steps(),
            task: false,
            instead_of: None,
        };
        let replaces = old.map(|old| old.id);
        let made = Made { offered, reply: proposed.reply.clone(), model: model.clone(), replaces };
        let id = ProposalId(self.clock().fresh_id());
        let now = self.clock().now();
        let row = ProposalRow {
            id,
            workflow: made.offered.workflow.clone(),
            body: written(&made)?,
            state: written(&ProposalState::Open)?,
            created_at: now,
            updated_at: now,
        };
        let superseded = match old {
            Some(old) if old.state.word() == "superseded" => Some((
                old.id,
                written(&ProposalState::Superseded { by: id, reason: old.state.reason().map(str::to_owned) })?,
            )),
            _ => None,
        };
        let superseded = superseded.as_ref().map(|(id, state)| (*id, state.as_str()));
        self.workspace().proposals().put(&row, superseded).await?;
        Ok(Some(id))
    }

    /// A proposal that is kept.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub async fn proposal(&self, id: ProposalId) -> Result<KeptProposal, AppError> {
        let row = self.workspace().proposals().get(id).await?;
        read(row.ok_or(AppError::NoSuchProposal(id))?)
    }

    /// Those that were made last; of one workflow, if one is named.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn proposals(&self, workflow: Option<&str>, limit: usize) -> Result<Vec<KeptProposal>, AppError> {
        let rows = self.workspace().proposals().list(workflow, limit).await?;
        let read = rows.into_iter().filter_map(|row| {
            let id = row.id;
            // One that another version of the program wrote hides no other.
            read(row).inspect_err(|error| tracing::warn!(proposal = %id, %error, "left out of the list")).ok()
        });
        Ok(read.collect())
    }

    /// Accepts these steps of a proposal, or all of it if there are none, and saves what comes of it as the live version. What was
    /// accepted in part before can be accepted further.
    ///
    /// # Errors
    /// Something else was decided about it, or what would come of it is not valid or conflicts with what was changed otherwise.
    pub async fn accept_proposal(&self, id: ProposalId, steps: &[StepId]) -> Result<(KeptProposal, Done), AppError> {
        let _deciding = self.shared.deciding.lock().await;
        let kept = self.proposal(id).await?;
        let earlier = match &kept.state {
            ProposalState::Open => None,
            ProposalState::Accepted(part) if !part.steps.is_empty() && kept.made.offered.base.is_some() => Some(part),
            state => return Err(refused("not_now", format!("proposal {id} is {} already", state.word()))),
        };
        let accepting = Accepting { offered: &kept.made.offered, earlier, steps, name: None };
        for _ in 0..MOST_TRIES {
            let done = self.accept(accepting).await?;
            let state = ProposalState::Accepted(accepting.acceptance(&done));
            match self.decided(&kept, state, &done.moves).await {
                Err(AppError::Store(StoreError::OtherLive(_))) => {}
                decided => return Ok((decided?, done)),
            }
        }
        Err(refused("changed_meanwhile", moving(&kept.made.offered.workflow)))
    }

    /// Rejects a proposal.
    ///
    /// # Errors
    /// Something else was decided about it.
    pub async fn reject_proposal(&self, id: ProposalId, reason: Option<String>) -> Result<KeptProposal, AppError> {
        let _deciding = self.shared.deciding.lock().await;
        let kept = self.proposal(id).await?;
        if kept.state != ProposalState::Open {
            return Err(refused("not_now", format!("proposal {id} is {} already", kept.state.word())));
        }
        let state = ProposalState::Rejected { reason: sensible(reason)? };
        self.decided(&kept, state, &[]).await
    }

    /// Takes back that a proposal was accepted.
    ///
    /// # Errors
    /// It is not accepted, or something else was done to the same steps since.
    pub async fn undo_proposal(&self, id: ProposalId) -> Result<(KeptProposal, Undone), AppError> {
        let _deciding = self.shared.deciding.lock().await;
        let kept = self.proposal(id).await?;
        let ProposalState::Accepted(accepted) = &kept.state else {
            let why = format!("proposal {id} is {}, so that nothing can be taken back", kept.state.word());
            return Err(refused("not_now", why));
        };
        for _ in 0..MOST_TRIES {
            let undone = self.take_back(&kept.made.offered, accepted).await?;
            let version = undone.version.as_ref().map(|version| version.version.clone());
            match self.decided(&kept, ProposalState::Undone { version }, &undone.moves).await {
                Err(AppError::Store(StoreError::OtherLive(_))) => {}
                decided => return Ok((decided?, undone)),
            }
        }
        Err(refused("changed_meanwhile", moving(&accepted.workflow)))
    }

    /// Asks for another proposal in the place of one that is not wanted: the model is shown what was proposed and why it was not
    /// wanted. It is made for the workflow as it is now.
    ///
    /// # Errors
    /// It was accepted, another was asked for already, or nothing else is proposed.
    pub async fn another_proposal(
        &self,
        id: ProposalId,
        wanted: AnotherWanted,
        watch: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Planned, AppError> {
        let AnotherWanted { request, reason, model } = wanted;
        let reason = sensible(reason)?;
        let mut kept = self.proposal(id).await?;
        match &kept.state {
            ProposalState::Open => kept.state = ProposalState::Superseded { by: id, reason },
            ProposalState::Rejected { .. } | ProposalState::Undone { .. } if reason.is_some() => {
                kept.state = ProposalState::Rejected { reason };
            }
            ProposalState::Rejected { .. } | ProposalState::Undone { .. } => {}
            ProposalState::Accepted(_) => {
                return Err(refused("not_now", format!("proposal {id} is accepted; take that back first")));
            }
            ProposalState::Superseded { by, .. } => {
                return Err(refused("not_now", format!("{by} was made in its place; ask for another of that")));
            }
        }
        let earlier = self.earlier(&kept).await?;
        let subject = match &kept.made.offered.base {
            Some(base) => Some(Subject::Saved(super::plan::parsed(&kept.made.offered.workflow, &base.text)?.name)),
            None => None,
        };
        let plan = NewPlan {
            request: request.unwrap_or_else(|| kept.made.offered.request.clone()),
            subject,
            turns: earlier.iter().rev().flat_map(not_wanted).collect(),
            model: model.or_else(|| kept.made.model.clone()),
            ..NewPlan::default()
        };
        let mut planned = self.propose(plan, watch).await?;
        let edits = serde_json::to_value(&planned.proposed.proposal.edits).unwrap_or_default();
        let is_again = earlier.iter().any(|old| old.made.offered.proposal.get("edits") == Some(&edits));
        if planned.proposed.proposal.standing == Standing::Ready && is_again {
            let why = "the same is proposed again as was not wanted; say what is to be different";
            return Err(refused("same_again", why));
        }
        let _deciding = self.shared.deciding.lock().await;
        let now = self.proposal(id).await?;
        if matches!(now.state, ProposalState::Accepted(_) | ProposalState::Superseded { .. }) {
            return Err(refused("not_now", format!("proposal {id} is {} by now", now.state.word())));
        }
        planned.kept = self.keep(&planned, Some(&kept)).await?;
        Ok(planned)
    }

    /// This proposal and those before it that were not wanted either, the newest first.
    async fn earlier(&self, kept: &KeptProposal) -> Result<Vec<KeptProposal>, AppError> {
        let mut earlier = vec![kept.clone()];
        while earlier.len() < MOST_EARLIER
            && let Some(before) = earlier.last().and_then(|kept| kept.made.replaces)
        {
            earlier.push(self.proposal(before).await?);
        }
        Ok(earlier)
    }

    /// Writes what became of a proposal, and moves what is live with it.
    async fn decided(
        &self,
        kept: &KeptProposal,
        state: ProposalState,
        moves: &[LiveMove],
    ) -> Result<KeptProposal, AppError> {
        let at = self.clock().now();
        let (known, now) = (written(&kept.state)?, written(&state)?);
        self.workspace().proposals().decide(kept.id, &known, &now, at, moves).await?;
        Ok(KeptProposal { state, updated_at: at, ..kept.clone() })
    }
}

/// How a model is told of a proposal that was not wanted.
fn not_wanted(kept: &KeptProposal) -> [Turn; 3] {
    let why = match kept.state.reason() {
        Some(reason) => format!("No, not like this: {reason}"),
        None => "No, not like this. Propose something else.".to_owned(),
    };
    let of_person = |text: String| Turn { role: Role::User, text };
    let said = Turn { role: Role::Assistant, text: kept.made.reply.clone() };
    [of_person(kept.made.offered.request.clone()), said, of_person(why)]
}

fn sensible(reason: Option<String>) -> Result<Option<String>, AppError> {
    let reason = reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    match &reason {
        Some(text) if text.len() > LONGEST_REASON => {
            Err(AppError::LongRequest { bytes: text.len(), most: LONGEST_REASON })
        }
        _ => Ok(reason),
    }
}

fn written(value: &impl Serialize) -> Result<String, AppError> {
    serde_json::to_string(value).map_err(|error| refused("not_kept", error.to_string()))
}

fn read(row: ProposalRow) -> Result<KeptProposal, AppError> {
    let ProposalRow { id, body, state, created_at, updated_at, .. } = row;
    let corrupt =
        |error: serde_json::Error| StoreError::Corrupt { what: format!("proposal {id}"), reason: error.to_string() };
    let made = serde_json::from_str(&body).map_err(corrupt)?;
    let state = serde_json::from_str(&state).map_err(corrupt)?;
    Ok(KeptProposal { id, made, state, created_at, updated_at })
}
