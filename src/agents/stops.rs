//! What a role no longer works for: a run whose work its workers die of, or everybody if they die of more than one run's.
//!
//! Whoever is refused asks a person. Work that was refused and comes again was sent by one, and what was stopped goes on.

use std::collections::HashMap;

use super::pool::Work;
use crate::agents::Assignment;
use crate::run::{RunId, StepPath};

/// How much refused work is remembered, so that its return is noticed.
const MOST_REFUSED: usize = 10_000;

/// For whom a role has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Whom {
    Everybody,
    Run(RunId),
}

impl Whom {
    /// Whose fault it is that workers died of the work of these runs, or of none.
    pub(super) fn at_fault(deaths: &[Option<RunId>]) -> Self {
        match deaths {
            [Some(first), others @ ..] if others.iter().all(|other| other == &Some(*first)) => Self::Run(*first),
            _ => Self::Everybody,
        }
    }
}

/// For whom a role has stopped, and why.
#[derive(Debug, Default)]
pub(super) struct Stops {
    stopped: HashMap<Whom, Stop>,
}

#[derive(Debug)]
struct Stop {
    why: String,
    /// The attempts that were refused.
    refused: HashMap<(RunId, StepPath), u32>,
}

impl Stops {
    /// The role stops for these.
    pub(super) fn stop(&mut self, whom: Whom, why: String) {
        self.stopped.insert(whom, Stop { why, refused: HashMap::new() });
    }

    /// This work, of which a worker died, counts as refused.
    pub(super) fn refused(&mut self, whom: Whom, work: &Work) {
        if let Some(stop) = self.stopped.get_mut(&whom) {
            stop.refused.insert((work.run, work.step.clone()), work.attempt);
        }
    }

    /// True if nothing at all is worked on.
    pub(super) fn for_everybody(&self) -> bool {
        self.stopped.contains_key(&Whom::Everybody)
    }

    /// Why this is not worked on, if so.
    pub(super) fn refuses(&mut self, assignment: &Assignment) -> Option<String> {
        [Whom::Everybody, Whom::Run(assignment.run)].into_iter().find_map(|whom| {
            let stop = self.stopped.get_mut(&whom)?;
            let work = (assignment.run, assignment.step.clone());
            if stop.refused.get(&work).is_some_and(|attempt| *attempt < assignment.attempt) {
                self.stopped.remove(&whom);
                return None;
            }
            if stop.refused.len() < MOST_REFUSED {
                stop.refused.insert(work, assignment.attempt);
            }
            Some(stop.why.clone())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::agents::testing::assignment;

    fn run(n: u128) -> RunId {
        RunId(Uuid::from_u128(n))
    }

    fn work(of: RunId, attempt: u32) -> Assignment {
        Assignment { run: of, attempt, ..assignment("x", &Arc::default()) }
    }

    #[test]
    fn the_fault_is_a_runs_if_workers_died_of_nothing_else() {
        assert_eq!(Whom::at_fault(&[Some(run(1)), Some(run(1))]), Whom::Run(run(1)));
        assert_eq!(Whom::at_fault(&[Some(run(1)), Some(run(2))]), Whom::Everybody);
        assert_eq!(Whom::at_fault(&[None, None]), Whom::Everybody);
        assert_eq!(Whom::at_fault(&[Some(run(1)), None]), Whom::Everybody);
    }

    #[test]
    fn a_run_that_is_refused_goes_on_when_its_work_comes_again() {
        let mut stops = Stops::default();
        stops.stop(Whom::Run(run(1)), "it dies".to_owned());
        assert_eq!(stops.refuses(&work(run(2), 1)), None, "the others go on");
        for _ in 0..2 {
            assert_eq!(stops.refuses(&work(run(1), 1)).as_deref(), Some("it dies"), "the same attempt");
        }
        assert_eq!(stops.refuses(&work(run(1), 2)), None);
        assert_eq!(stops.refuses(&work(run(1), 1)), None);
    }

    #[test]
    fn what_stopped_for_everybody_goes_on_for_everybody() {
        let mut stops = Stops::default();
        stops.stop(Whom::Everybody, "they die".to_owned());
        assert!(stops.for_everybody());
        assert!(stops.refuses(&work(run(1), 1)).is_some() && stops.refuses(&work(run(2), 3)).is_some());
        assert_eq!(stops.refuses(&work(run(2), 4)), None);
        assert_eq!(stops.refuses(&work(run(1), 1)), None);
        assert!(!stops.for_everybody());
    }
}
