//! What depends on what: each list of steps with its needs resolved to indices, both ways.
//!
//! Built once for a workflow; deciding then never searches.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Port, Step, StepId, Workflow};

/// One list of steps: the workflow's own (`ListId::ROOT`) or a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListId(pub u32);

impl ListId {
    /// The workflow's own list.
    pub const ROOT: Self = Self(0);
}

/// A step's place in its list, in written order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepIndex(pub u32);

/// All lists of a workflow. An index that is out of range, or a need for an unknown step, cannot occur:
/// [`Graph::of`] leaves out needs that name no step of the list (validation reports them).
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    lists: Vec<List>,
}

/// One list of steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    nodes: Vec<Node>,
    by_id: HashMap<StepId, StepIndex>,
}

/// One step, with what it needs and what needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The step.
    pub step: Arc<Step>,
    /// Its needs, resolved.
    pub needs: Vec<(StepIndex, Port)>,
    /// The steps of the list that need it, each with the port that they need; one entry a need.
    pub dependents: Vec<(StepIndex, Port)>,
    /// Its body, if it has one.
    pub body: Option<ListId>,
    /// Whether some step needs its `error`, or any end of it: if none does, its failure fails the list.
    pub error_is_needed: bool,
}

impl Graph {
    /// The graph of a workflow.
    #[must_use]
    pub fn of(workflow: &Workflow) -> Self {
        let mut graph = Self { lists: Vec::new() };
        graph.add(&workflow.steps);
        graph
    }

    /// A list by its id.
    #[must_use]
    pub fn list(&self, id: ListId) -> &List {
        &self.lists[id.0 as usize]
    }

    fn add(&mut self, steps: &[Step]) -> ListId {
        let id = ListId(u32::try_from(self.lists.len()).unwrap_or(u32::MAX));
        self.lists.push(List::default());
        let by_id: HashMap<StepId, StepIndex> =
            steps.iter().zip(0..).map(|(step, index)| (step.id.clone(), StepIndex(index))).collect();
        let mut nodes: Vec<Node> = steps
            .iter()
            .map(|step| Node {
                step: Arc::new(step.clone()),
                needs: step
                    .needs
                    .iter()
                    .filter_map(|need| Some((*by_id.get(&need.step)?, need.port.clone())))
                    .collect(),
                dependents: Vec::new(),
                body: step.process.body().map(|body| self.add(body)),
                error_is_needed: false,
            })
            .collect();
        for dependent in 0..nodes.len() {
            for (needed, port) in nodes[dependent].needs.clone() {
                let node = &mut nodes[needed.0 as usize];
                node.error_is_needed |= match &port {
                    Port::Done => true,
                    Port::Named(outcome) => outcome.as_str() == super::Outcome::ERROR,
                    Port::Main => false,
                };
                node.dependents.push((StepIndex(u32::try_from(dependent).unwrap_or(u32::MAX)), port));
            }
        }
        self.lists[id.0 as usize] = List { nodes, by_id };
        id
    }
}

impl List {
    /// The steps, in written order.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A step by its place.
    #[must_use]
    pub fn node(&self, index: StepIndex) -> &Node {
        &self.nodes[index.0 as usize]
    }

    /// A step's place by its id.
    #[must_use]
    pub fn index_of(&self, id: &str) -> Option<StepIndex> {
        self.by_id.get(id).copied()
    }
}

impl std::borrow::Borrow<str> for StepId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}
