//! What goes on at the same time, as it is told: `at the same time, do this and do that`, `meanwhile …`.

use super::super::draft::Node;
use super::{Clause, Composer, depth, inner};
use crate::workflow::StepId;

impl Composer<'_, '_> {
    /// Takes note of where a clause begins.
    pub(super) fn begin_clause(&mut self) {
        let depth = depth(&self.root, &self.way);
        let start = self.list().len();
        self.clause = Clause { way: self.way[..depth].to_vec(), start, is_parallel: false };
    }

    /// What the clause did goes on at the same time, if it was said so: one thing with the one before it.
    pub(super) fn end_clause(&mut self) {
        let clause = std::mem::take(&mut self.clause);
        if clause.is_parallel
            && let Some(list) = inner(&mut self.root, &clause.way)
        {
            let made = list.len().saturating_sub(clause.start);
            let start = if made == 1 { clause.start.saturating_sub(1) } else { clause.start };
            let group: Vec<StepId> = list[start.min(list.len())..]
                .iter()
                .filter(|node| !matches!(node, Node::Fork(..)))
                .map(|node| node.step().id.clone())
                .collect();
            if group.len() > 1 {
                self.scene.known.beside.push(group);
            }
        }
        self.begin_clause();
    }
}
