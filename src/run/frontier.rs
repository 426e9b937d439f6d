//! The moves that folding is made of: opening a list, a step changing its phase, a step being left.
//!
//! Architecture invariant: whatever the state keeps beside its slots (attention, timers, who works, who
//! listens) changes only here, together with the slot.

use super::state::{Active, Attention, Phase, Scope, Slot, Timer};
use super::{RunState, ScopePath, StepPath};
use crate::workflow::{Join, ListId, StepIndex};

/// Whether an event could be folded, and if not, why not.
pub(super) type Fold = Result<(), String>;

impl RunState {
    pub(super) fn open_scope(&mut self, path: ScopePath, list: ListId) {
        let nodes = self.graph.list(list).nodes();
        let slots: Vec<Slot> = nodes
            .iter()
            .map(|node| if node.needs.is_empty() { Slot::Ready } else { Slot::Idle { met: 0, lost: 0 } })
            .collect();
        for (index, slot) in (0..).zip(&slots) {
            if matches!(slot, Slot::Ready) {
                self.attention.insert(Attention::Step(path.clone(), StepIndex(index)));
            }
        }
        let open = slots.len();
        if open == 0 {
            self.attention.insert(Attention::ScopeEnd(path.clone()));
        }
        self.scopes.insert(path, Scope { list, slots, open, failure: None });
    }

    pub(super) fn find(&self, step: &StepPath) -> Result<(ScopePath, StepIndex), String> {
        self.locate(step).ok_or_else(|| format!("no step {step} is open"))
    }

    pub(super) fn slot_mut(&mut self, scope: &ScopePath, index: StepIndex) -> Option<&mut Slot> {
        self.scopes.get_mut(scope)?.slots.get_mut(index.0 as usize)
    }

    pub(super) fn active_mut(&mut self, step: &StepPath) -> Result<&mut Active, String> {
        let (scope, index) = self.find(step)?;
        match self.slot_mut(&scope, index) {
            Some(Slot::Active(active)) => Ok(active),
            _ => Err(format!("step {step} has not started")),
        }
    }

    pub(super) fn expect_working(&self, step: &StepPath, attempt: u32) -> Fold {
        if self.is_working(step, attempt) {
            Ok(())
        } else {
            Err(format!("attempt {attempt} of step {step} is not in flight"))
        }
    }

    /// Puts an active step into `phase`, with all that the state keeps beside the slot.
    pub(super) fn set_phase(&mut self, step: &StepPath, phase: Phase) -> Fold {
        let (scope, index) = self.find(step)?;
        self.enter(step, &scope, index, phase);
        Ok(())
    }

    pub(super) fn enter(&mut self, step: &StepPath, scope: &ScopePath, index: StepIndex, phase: Phase) {
        self.forget(step, scope, index);
        if matches!(phase, Phase::Working { .. }) {
            self.working.insert(step.clone());
        }
        if matches!(phase, Phase::Waiting { signal: Some(_), .. }) {
            self.listening.insert((scope.clone(), index));
        }
        if let Some(at) = phase.timer() {
            self.timers.insert((at, Timer::Step(step.clone())));
        }
        if let Some(Slot::Active(active)) = self.slot_mut(scope, index) {
            active.phase = phase;
        }
        self.refresh(scope, index);
    }

    /// Drops all that the state keeps beside the slot of a step that is about to change.
    pub(super) fn forget(&mut self, step: &StepPath, scope: &ScopePath, index: StepIndex) {
        let (timer, listens, bodies) = match self.slot(scope, index) {
            Some(Slot::Active(active)) => (
                active.phase.timer(),
                matches!(active.phase, Phase::Waiting { signal: Some(_), .. }),
                match &active.phase {
                    Phase::Loop(state) => Some(state.index),
                    _ => None,
                },
            ),
            _ => (None, false, None),
        };
        if let Some(at) = timer {
            self.timers.remove(&(at, Timer::Step(step.clone())));
        }
        if listens {
            self.listening.remove(&(scope.clone(), index));
        }
        if let Some(last) = bodies {
            self.scopes.remove(&step.body(last));
            if let Some(before) = last.checked_sub(1) {
                self.scopes.remove(&step.body(before));
            }
        }
        self.working.remove(step);
        self.attention.remove(&Attention::Step(scope.clone(), index));
    }

    pub(super) fn refresh_step(&mut self, step: &StepPath) -> Fold {
        let (scope, index) = self.find(step)?;
        self.refresh(&scope, index);
        Ok(())
    }

    /// Holds `attention` to what the slot now is.
    pub(super) fn refresh(&mut self, scope: &ScopePath, index: StepIndex) {
        let wants = match self.slot(scope, index) {
            Some(Slot::Ready | Slot::Doomed) => true,
            Some(Slot::Active(active)) => match &active.phase {
                Phase::Waiting { signal: Some(name), tried, .. } => self.next_signal(name, *tried).is_some(),
                phase => phase.wants_decision(self.concurrency(scope, index)),
            },
            _ => false,
        };
        let place = Attention::Step(scope.clone(), index);
        if wants {
            self.attention.insert(place);
        } else {
            self.attention.remove(&place);
        }
    }

    pub(super) fn refresh_listeners(&mut self, name: &str) {
        let listeners: Vec<(ScopePath, StepIndex)> = self
            .listening
            .iter()
            .filter(|(scope, index)| {
                matches!(self.slot(scope, *index), Some(Slot::Active(active))
                    if matches!(&active.phase, Phase::Waiting { signal: Some(wanted), .. } if wanted == name))
            })
            .cloned()
            .collect();
        for (scope, index) in listeners {
            self.refresh(&scope, index);
        }
    }

    /// A step is left: tells those that need it.
    pub(super) fn leave(&mut self, scope: &ScopePath, index: StepIndex, end: Slot) {
        let Some(held) = self.scopes.get(scope) else { return };
        let graph = self.graph.clone();
        let node = graph.list(held.list).node(index);
        self.forget(&scope.step(&node.step.id), scope, index);
        let outcome = match &end {
            Slot::Ended { outcome, .. } => Some(outcome.clone()),
            _ => None,
        };
        let Some(held) = self.scopes.get_mut(scope) else { return };
        held.slots[index.0 as usize] = end;
        held.open -= 1;
        if held.open == 0 {
            self.attention.insert(Attention::ScopeEnd(scope.clone()));
        }
        let list = held.list;
        for (dependent, port) in &node.dependents {
            let came_true = outcome.as_ref().is_some_and(|outcome| node.step.process.satisfies(port, outcome));
            let target = graph.list(list).node(*dependent);
            let needs = u32::try_from(target.needs.len()).unwrap_or(u32::MAX);
            let join = target.step.join;
            let Some(Slot::Idle { met, lost }) = self.slot_mut(scope, *dependent) else { continue };
            if came_true {
                *met += 1;
            } else {
                *lost += 1;
            }
            let next = match join {
                Join::All if *met == needs => Slot::Ready,
                Join::All if *lost > 0 => Slot::Doomed,
                Join::Any if *met > 0 => Slot::Ready,
                Join::Any if *lost == needs => Slot::Doomed,
                _ => continue,
            };
            if let Some(slot) = self.slot_mut(scope, *dependent) {
                *slot = next;
            }
            self.refresh(scope, *dependent);
        }
    }
}
