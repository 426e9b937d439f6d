//! What a role no longer works for: a run whose work its workers die of, or everybody if they die of more than one run's.
//!
//! Whoever is refused asks a person, and work that a person wants tried again opens the role.

use indexmap::IndexMap;

use crate::agents::Assignment;
use crate::run::RunId;

/// For how many runs a role can have stopped; the first is forgotten when there are more.
const MOST_STOPPED: usize = 1_000;

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
    why: IndexMap<Whom, String>,
}

impl Stops {
    /// The role stops for these.
    pub(super) fn stop(&mut self, whom: Whom, why: String) {
        self.why.insert(whom, why);
        let is_everybody = |(whom, _): (&Whom, &String)| *whom == Whom::Everybody;
        if self.why.len() > MOST_STOPPED
            && let Some(first) = self.why.iter().position(|stop| !is_everybody(stop))
        {
            self.why.shift_remove_index(first);
        }
    }

    /// True if nothing at all is worked on.
    pub(super) fn for_everybody(&self) -> bool {
        self.why.contains_key(&Whom::Everybody)
    }

    /// Why this is not worked on, if so.
    pub(super) fn refuses(&mut self, assignment: &Assignment) -> Option<String> {
        let stops = [Whom::Everybody, Whom::Run(assignment.run)];
        if assignment.urged {
            for whom in &stops {
                self.why.shift_remove(whom);
            }
        }
        stops.iter().find_map(|whom| self.why.get(whom).cloned())
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

    fn work(of: RunId, urged: bool) -> Assignment {
        Assignment { run: of, urged, ..assignment("x", &Arc::default()) }
    }

    #[test]
    fn the_fault_is_a_runs_if_workers_died_of_nothing_else() {
        assert_eq!(Whom::at_fault(&[Some(run(1)), Some(run(1))]), Whom::Run(run(1)));
        assert_eq!(Whom::at_fault(&[Some(run(1)), Some(run(2))]), Whom::Everybody);
        assert_eq!(Whom::at_fault(&[None, None]), Whom::Everybody);
        assert_eq!(Whom::at_fault(&[Some(run(1)), None]), Whom::Everybody);
    }

    #[test]
    fn a_run_that_is_refused_goes_on_when_a_person_says_so() {
        let mut stops = Stops::default();
        stops.stop(Whom::Run(run(1)), "it dies".to_owned());
        assert_eq!(stops.refuses(&work(run(2), false)), None, "the others go on");
        assert_eq!(stops.refuses(&work(run(2), true)), None);
        for _ in 0..2 {
            assert_eq!(stops.refuses(&work(run(1), false)).as_deref(), Some("it dies"));
        }
        assert_eq!(stops.refuses(&work(run(1), true)), None);
        assert_eq!(stops.refuses(&work(run(1), false)), None);
    }

    #[test]
    fn what_stopped_for_everybody_goes_on_for_everybody() {
        let mut stops = Stops::default();
        stops.stop(Whom::Everybody, "they die".to_owned());
        assert!(stops.for_everybody());
        assert!(stops.refuses(&work(run(1), false)).is_some() && stops.refuses(&work(run(2), false)).is_some());
        assert_eq!(stops.refuses(&work(run(2), true)), None);
        assert_eq!(stops.refuses(&work(run(1), false)), None);
        assert!(!stops.for_everybody());
    }

    #[test]
    fn runs_that_are_long_gone_are_forgotten() {
        let mut stops = Stops::default();
        stops.stop(Whom::Everybody, "they die".to_owned());
        (0..2 * MOST_STOPPED as u128).for_each(|n| stops.stop(Whom::Run(run(n)), "it dies".to_owned()));
        assert_eq!(stops.why.len(), MOST_STOPPED);
        assert!(stops.for_everybody());
    }
}
