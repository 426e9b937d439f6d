//! Which tools matter for a request, out of hundreds or thousands.

use crate::model::planning::{Card, Index};
use crate::workflow::Workflow;

/// All tools, made ready once to be asked often.
#[derive(Debug)]
pub struct Tools {
    cards: Vec<Card>,
    index: Index,
}

/// How many tools go into a prompt at most.
pub const MOST: usize = 40;

impl Tools {
    /// Makes the tools ready.
    #[must_use]
    pub fn new(cards: Vec<Card>) -> Self {
        let index = Index::new(cards.iter());
        Self { cards, index }
    }

    /// All of them.
    #[must_use]
    pub fn cards(&self) -> &[Card] {
        &self.cards
    }

    /// The tools that matter for a request about a workflow, the likeliest first, `most` at most. Those that the workflow
    /// calls are among them.
    #[must_use]
    pub fn relevant(&self, request: &str, workflow: Option<&Workflow>, most: usize) -> Vec<Card> {
        self.index.relevant(request, workflow, most).into_iter().map(|card| self.cards[card].clone()).collect()
    }
}
