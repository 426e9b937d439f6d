//! What is known of the limits: what was spent, and what is reserved. Pure.

use std::collections::HashMap;

use super::Scope;
use crate::run::RunId;
use crate::store::model_calls::{Limited, Spent};

/// Of how many runs the sums are kept; they are read again when they are needed.
const RUNS: usize = 1_000;

/// The sums of one limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    /// What was spent, or may have been.
    spent: u64,
    /// What calls that go on can cost.
    reserved: u64,
    /// By how much people have raised the limit.
    raised: u64,
}

/// The sums that are known. What is not known is read from the store, which counts what is reserved as spent.
#[derive(Debug, Default)]
pub(super) struct Books {
    runs: HashMap<RunId, Sums>,
    day: Option<(i64, Sums)>,
    workspace: Option<Sums>,
    /// What calls that go on have reserved: by run and day.
    reserved: HashMap<(Option<RunId>, i64), u64>,
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may.
    Fits,
    /// It may, once others have ended and cost less than they can.
    Wait,
    /// It may not.
    Spent { scope: Scope, cap: u64, spent: u64 },
}

impl Books {
    /// The same, with the sums to be read again.
    pub(super) fn without_sums(&mut self) -> Self {
        Self { reserved: std::mem::take(&mut self.reserved), ..Self::default() }
    }

    pub(super) fn knows(&self, limited: Limited) -> bool {
        self.sums(limited).is_some()
    }

    /// Takes what the store says.
    pub(super) fn learn(&mut self, limited: Limited, Spent { spent, raised }: Spent) {
        let reserved = self
            .reserved
            .iter()
            .filter(|((run, day), _)| match limited {
                Limited::Run(of) => *run == Some(of),
                Limited::Day(of) => *day == of,
                Limited::Workspace => true,
            })
            .map(|(_, reserved)| *reserved)
            .fold(0, u64::saturating_add);
        let sums = Sums { spent: spent.saturating_sub(reserved), reserved, raised };
        match limited {
            Limited::Run(run) => {
                if self.runs.len() >= RUNS {
                    self.runs.clear();
                }
                self.runs.insert(run, sums);
            }
            Limited::Day(day) => self.day = Some((day, sums)),
            Limited::Workspace => self.workspace = Some(sums),
        }
    }

    /// Rules on a call that can cost this much. All limits are known.
    pub(super) fn rule(&self, limits: &[(Scope, Limited, u64)], most: u64) -> Verdict {
        let mut verdict = Verdict::Fits;
        for (scope, limited, cap) in limits {
            let sums = self.sums(*limited).unwrap_or_default();
            let cap = cap.saturating_add(sums.raised);
            let at_best = sums.spent.saturating_add(most);
            if at_best > cap {
                return Verdict::Spent { scope: *scope, cap, spent: sums.spent };
            }
            if at_best.saturating_add(sums.reserved) > cap {
                verdict = Verdict::Wait;
            }
        }
        verdict
    }

    pub(super) fn reserve(&mut self, root: Option<RunId>, day: i64, most: u64) {
        let reserved = self.reserved.entry((root, day)).or_default();
        *reserved = reserved.saturating_add(most);
        self.each(root, day, |sums| sums.reserved = sums.reserved.saturating_add(most));
    }

    /// What was reserved has come to this.
    pub(super) fn settle(&mut self, root: Option<RunId>, day: i64, most: u64, cost: u64) {
        if let Some(reserved) = self.reserved.get_mut(&(root, day)) {
            *reserved = reserved.saturating_sub(most);
            if *reserved == 0 {
                self.reserved.remove(&(root, day));
            }
        }
        self.each(root, day, |sums| {
            sums.reserved = sums.reserved.saturating_sub(most);
            sums.spent = sums.spent.saturating_add(cost);
        });
    }

    /// An earlier call has cost so much less than was counted.
    pub(super) fn release(&mut self, root: Option<RunId>, day: i64, amount: u64) {
        self.each(root, day, |sums| sums.spent = sums.spent.saturating_sub(amount));
    }

    fn sums(&self, limited: Limited) -> Option<Sums> {
        match limited {
            Limited::Run(run) => self.runs.get(&run).copied(),
            Limited::Day(day) => self.day.filter(|(known, _)| *known == day).map(|(_, sums)| sums),
            Limited::Workspace => self.workspace,
        }
    }

    /// The sums that a call of this run and day counts in.
    fn each(&mut self, root: Option<RunId>, day: i64, change: impl Fn(&mut Sums)) {
        if let Some(sums) = root.and_then(|root| self.runs.get_mut(&root)) {
            change(sums);
        }
        if let Some((_, sums)) = self.day.as_mut().filter(|(known, _)| *known == day) {
            change(sums);
        }
        if let Some(sums) = &mut self.workspace {
            change(sums);
        }
    }
}
