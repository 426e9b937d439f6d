//! What a run's events fold to: outcomes, counts and references, never values.
//!
//! The state keeps its own frontier: `attention` names just the places where something is to be
//! decided, `timers` what the clock will decide. So deciding costs what changed, not what exists.
//! Bodies that have ended are dropped; a `for_each` of any length holds only its open ones.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{
    CallKey, Category, Failure, MessageId, Output, QuestionKind, RunId, RunStatus, ScopePath, StepPath, ValueRef,
};
use crate::clock::Timestamp;
use crate::workflow::graph::Node;
use crate::workflow::{CallEffect, Graph, ListId, Outcome, StepIndex};

/// What a run's events fold to.
#[derive(Clone, Debug, PartialEq)]
pub struct RunState {
    pub(super) run: RunId,
    pub(super) graph: Arc<Graph>,
    pub(super) seq: u64,
    pub(super) life: Life,
    pub(super) depth: u8,
    pub(super) deadline: Option<Timestamp>,
    pub(super) scopes: HashMap<ScopePath, Scope>,
    pub(super) attention: BTreeSet<Attention>,
    pub(super) timers: BTreeSet<(Timestamp, Timer)>,
    /// Steps that the executor works on.
    pub(super) working: BTreeSet<StepPath>,
    /// Runs that steps of this one have started.
    pub(super) children: BTreeMap<RunId, StepPath>,
    /// Signals that no step has taken yet, by the number of their event.
    pub(super) signals: BTreeMap<u64, String>,
    /// Steps that wait for a signal.
    pub(super) listening: BTreeSet<(ScopePath, StepIndex)>,
    pub(super) questions: BTreeMap<Arc<str>, OpenQuestion>,
}

/// Whether anything can happen at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Unborn,
    Live,
    Cancelling { reason: String },
    Ended(RunStatus),
}

/// One execution of a list of steps.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scope {
    pub(super) list: ListId,
    pub(super) slots: Vec<Slot>,
    /// Steps that have neither ended nor been skipped.
    pub(super) open: usize,
    /// The first failure that no step handles.
    pub(super) failure: Option<Failure>,
}

/// How one step of a scope stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Slot {
    /// Its needs are open.
    Idle {
        met: u32,
        lost: u32,
    },
    /// Its needs came true.
    Ready,
    /// Its needs can no longer come true.
    Doomed,
    Active(Box<Active>),
    Ended {
        outcome: Outcome,
        output: Option<ValueRef>,
    },
    Skipped,
}

/// A step that has started and not ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Active {
    pub(super) attempt: u32,
    /// Attempts that count against `retry`.
    pub(super) failures: u32,
    pub(super) phase: Phase,
    pub(super) calls: BTreeMap<CallKey, CallState>,
    /// What agents have said to each other at their work on it.
    pub(super) said: BTreeSet<MessageId>,
    /// The attempt that a person wants made although the one before could not go on.
    pub(super) urged: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Phase {
    /// The shell evaluates its bindings, and what they say comes back as an event.
    Evaluating,
    /// The executor works on it.
    Working {
        deadline: Option<Timestamp>,
    },
    /// The attempt failed, and what that means is to be decided.
    Failing(Failure),
    Backoff {
        until: Timestamp,
    },
    /// Signals up to event `tried` were offered to it.
    Waiting {
        until: Option<Timestamp>,
        signal: Option<String>,
        tried: u64,
    },
    Parked {
        question: Arc<str>,
        deadline: Option<Timestamp>,
    },
    /// What it was parked for is answered: the next attempt can begin.
    Resuming,
    Child {
        run: RunId,
        deadline: Option<Timestamp>,
    },
    Each(Each),
    Loop(Loop),
    /// Its outcome is known, and is to be recorded.
    Done {
        outcome: Outcome,
        output: Output,
    },
}

/// A `for_each` whose items are known.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Each {
    pub(super) count: u64,
    /// The first item that was not begun.
    pub(super) next: u64,
    /// Bodies that have begun and not ended.
    pub(super) open: u64,
    /// Set once no further item may begin.
    pub(super) stopped: Option<Failure>,
    pub(super) items: ValueRef,
}

/// A `repeat`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Loop {
    pub(super) index: u64,
    pub(super) stage: LoopStage,
    pub(super) last: Option<ValueRef>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopStage {
    /// The body `index` is to begin.
    Open,
    /// The body `index` runs.
    Body,
    /// The condition is to be tested.
    Test,
}

/// One call of a step's attempts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CallState {
    pub(super) tool: String,
    pub(super) effect: CallEffect,
    pub(super) status: CallStatus,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CallStatus {
    /// It was about to be made.
    Intended,
    /// It returned; the event that carries the result.
    Returned(ValueRef),
    /// It is known not to have taken effect.
    Failed,
    /// Nobody knows.
    Unknown,
    /// A person said that it may be made.
    Approved,
    /// A person said that it may be made again.
    Repeatable,
    /// A person said that it may not be made.
    Forbidden,
}

impl CallState {
    /// True if nobody knows whether it took effect, and making it again could do harm.
    pub(super) fn is_unresolved(&self) -> bool {
        matches!(self.status, CallStatus::Intended | CallStatus::Unknown) && !self.effect.may_repeat()
    }
}

/// A question that nobody has answered yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OpenQuestion {
    pub(super) step: StepPath,
    pub(super) kind: QuestionKind,
    pub(super) choices: Vec<Outcome>,
    pub(super) default: Option<Outcome>,
}

/// A place where something is to be decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Attention {
    Step(ScopePath, StepIndex),
    /// All steps of the scope have ended.
    ScopeEnd(ScopePath),
}

/// What the clock decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    RunDeadline,
    Step(StepPath),
}

/// What became of a step, as expressions see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepResult<'a> {
    /// It ended by this outcome; the value is its output, or its failure if the outcome is `error`.
    Ended(&'a Outcome, Option<ValueRef>),
    /// It was skipped, or has not ended.
    Nothing,
}

impl RunState {
    /// The state before the first event.
    #[must_use]
    pub fn new(run: RunId, graph: Arc<Graph>) -> Self {
        Self {
            run,
            graph,
            seq: 0,
            life: Life::Unborn,
            depth: 0,
            deadline: None,
            scopes: HashMap::new(),
            attention: BTreeSet::new(),
            timers: BTreeSet::new(),
            working: BTreeSet::new(),
            children: BTreeMap::new(),
            signals: BTreeMap::new(),
            listening: BTreeSet::new(),
            questions: BTreeMap::new(),
        }
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> RunId {
        self.run
    }

    /// The number of the last event; 0 before the first.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// How many `workflow` steps lie above it.
    #[must_use]
    pub fn depth(&self) -> u8 {
        self.depth
    }

    /// When it is cancelled if it has not ended.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        match &self.life {
            Life::Ended(status) => *status,
            Life::Cancelling { .. } => RunStatus::Cancelling,
            Life::Unborn => RunStatus::Running,
            Life::Live if !self.working.is_empty() || !self.attention.is_empty() => RunStatus::Running,
            Life::Live if !self.questions.is_empty() => RunStatus::Parked,
            Life::Live => RunStatus::Waiting,
        }
    }

    /// When the clock will next decide something. While a run is being cancelled it decides nothing.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.timers.first().filter(|_| self.life == Life::Live).map(|(at, _)| *at)
    }

    /// The runs that steps of this one have started and that have not ended, as far as it knows.
    pub fn children(&self) -> impl Iterator<Item = (RunId, &StepPath)> {
        self.children.iter().map(|(run, step)| (*run, step))
    }

    /// The attempts that the executor works on: each step with its attempt.
    pub fn working(&self) -> impl Iterator<Item = (&StepPath, u32)> {
        self.working.iter().filter_map(|step| Some((step, self.active(step)?.attempt)))
    }

    /// True if a person wants this attempt made, although the one before could not go on.
    #[must_use]
    pub fn is_urged(&self, step: &StepPath, attempt: u32) -> bool {
        self.active(step).is_some_and(|active| active.urged == Some(attempt))
    }

    /// True if `attempt` of `step` is what the executor should be working on.
    #[must_use]
    pub fn is_working(&self, step: &StepPath, attempt: u32) -> bool {
        self.active(step)
            .is_some_and(|active| active.attempt == attempt && matches!(active.phase, Phase::Working { .. }))
    }

    /// True if this was said at the work on `step` already.
    #[must_use]
    pub fn was_said(&self, step: &StepPath, message: &MessageId) -> bool {
        self.active(step).is_some_and(|active| active.said.contains(message))
    }

    /// The definition of the step at `path`, in its scope.
    #[must_use]
    pub fn node(&self, path: &StepPath) -> Option<&Node> {
        let (scope, index) = self.locate(path)?;
        Some(self.graph.list(self.scopes.get(&scope)?.list).node(index))
    }

    /// What became of the step `id` as seen from `scope`: of this scope, or of one around it.
    #[must_use]
    pub fn result_of(&self, scope: &ScopePath, id: &str) -> StepResult<'_> {
        let mut scope = scope.clone();
        loop {
            if let Some(held) = self.scopes.get(&scope)
                && let Some(index) = self.graph.list(held.list).index_of(id)
            {
                return match &held.slots[index.0 as usize] {
                    Slot::Ended { outcome, output } => StepResult::Ended(outcome, *output),
                    _ => StepResult::Nothing,
                };
            }
            match scope.owner() {
                Some((owner, _)) => scope = owner.scope(),
                None => return StepResult::Nothing,
            }
        }
    }

    /// The `for_each` items around `scope`, innermost first: the name that the item has, where the
    /// list is, and the item's index. A `repeat` has no item.
    #[must_use]
    pub fn bodies_around(&self, scope: &ScopePath) -> Vec<Around<'_>> {
        let mut around = Vec::new();
        let mut scope = scope.clone();
        while let Some((owner, index)) = scope.owner() {
            let item = match (self.node(&owner).map(|node| &node.step.process), self.active(&owner)) {
                (Some(crate::workflow::Process::ForEach(each)), Some(Active { phase: Phase::Each(state), .. })) => {
                    Some((each.item_name.as_str(), state.items))
                }
                _ => None,
            };
            around.push(Around { index, item });
            scope = owner.scope();
        }
        around
    }

    /// A `for_each` whose items are known: the event that carries them, and how many they are.
    #[must_use]
    pub fn items_of(&self, step: &StepPath) -> Option<(ValueRef, u64)> {
        match &self.active(step)?.phase {
            Phase::Each(each) => Some((each.items, each.count)),
            _ => None,
        }
    }

    /// The open question `id`: its step, what it is about and its choices.
    #[must_use]
    pub fn question(&self, id: &str) -> Option<(&StepPath, &QuestionKind, &[Outcome])> {
        self.questions.get(id).map(|open| (&open.step, &open.kind, open.choices.as_slice()))
    }

    /// The ids of the open questions.
    pub fn questions(&self) -> impl Iterator<Item = &str> {
        self.questions.keys().map(|id| &**id)
    }

    /// The ends of the run's own steps so far: what a retry can take over.
    pub fn root_results(&self) -> impl Iterator<Item = (&crate::workflow::Step, &Outcome, Option<ValueRef>)> {
        self.scopes.get(&ScopePath::root()).into_iter().flat_map(|scope| {
            let nodes = self.graph.list(scope.list).nodes();
            scope.slots.iter().zip(nodes).filter_map(|(slot, node)| match slot {
                Slot::Ended { outcome, output } => Some((&*node.step, outcome, *output)),
                _ => None,
            })
        })
    }

    pub(super) fn locate(&self, path: &StepPath) -> Option<(ScopePath, StepIndex)> {
        let scope = path.scope();
        let list = self.scopes.get(&scope)?.list;
        let index = self.graph.list(list).index_of(path.id())?;
        Some((scope, index))
    }

    pub(super) fn slot(&self, scope: &ScopePath, index: StepIndex) -> Option<&Slot> {
        self.scopes.get(scope)?.slots.get(index.0 as usize)
    }

    pub(super) fn active(&self, path: &StepPath) -> Option<&Active> {
        let (scope, index) = self.locate(path)?;
        match self.slot(&scope, index)? {
            Slot::Active(active) => Some(active),
            _ => None,
        }
    }

    /// The value of a scope: the output of its last step, in written order, that ran.
    pub(super) fn value_of(scope: &Scope) -> Option<ValueRef> {
        scope.slots.iter().rev().find_map(|slot| match slot {
            Slot::Ended { outcome, output } if outcome.as_str() != Outcome::ERROR => Some(*output),
            _ => None,
        })?
    }
}

/// One body around a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Around<'a> {
    /// The body's index.
    pub index: u64,
    /// For a `for_each`: the item's name, and the event that carries the list.
    pub item: Option<(&'a str, ValueRef)>,
}

impl Phase {
    /// When the clock ends this phase.
    pub(super) fn timer(&self) -> Option<Timestamp> {
        match self {
            Self::Working { deadline } | Self::Child { deadline, .. } | Self::Parked { deadline, .. } => *deadline,
            Self::Backoff { until } => Some(*until),
            Self::Waiting { until, .. } => *until,
            _ => None,
        }
    }

    /// True if something is to be decided about it without the clock or the world moving.
    pub(super) fn wants_decision(&self, concurrency: u64) -> bool {
        match self {
            Self::Evaluating | Self::Failing(_) | Self::Resuming | Self::Done { .. } => true,
            // Signals are looked at through `listening`.
            Self::Working { .. }
            | Self::Backoff { .. }
            | Self::Parked { .. }
            | Self::Child { .. }
            | Self::Waiting { .. } => false,
            Self::Each(each) => {
                each.open == 0 || (each.stopped.is_none() && each.next < each.count && each.open < concurrency)
            }
            Self::Loop(state) => state.stage != LoopStage::Body,
        }
    }
}

impl Failure {
    /// True if another attempt may be made, as far as the failure goes.
    pub(super) fn may_go_better(&self) -> bool {
        self.category == Category::Retry
    }
}
