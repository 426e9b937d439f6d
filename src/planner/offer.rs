//! What a workflow can be made of: tools, roles and other workflows; for the model to choose from, and to check against.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::retrieve;
use crate::model::edits::Known;
use crate::model::planning::Card;
use crate::workflow::{Catalog, CatalogTool, Workflow};

/// What a workflow can be made of.
#[derive(Clone, Debug)]
pub struct Offer {
    catalog: Catalog,
    kit: Arc<Kit>,
}

/// The tools, made ready once to be asked often.
#[derive(Debug)]
struct Kit {
    made_of: (IndexMap<String, CatalogTool>, HashMap<String, About>),
    cards: HashMap<String, Card>,
    tools: retrieve::Tools,
    /// The tools that are described in our own words.
    own: HashSet<String>,
}

/// What is known of a tool beside what workflows are checked against.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// JSON Schema of its result, if that is known.
    pub output: Option<Value>,
    /// Whether it is described in our own words; else anybody may have written that.
    pub is_own: bool,
}

/// How many tools that the workflow calls already are shown although the request does not seem to be about them.
const MOST_USED: usize = 12;

impl Offer {
    /// What there is. Tools that nobody may call are not offered.
    #[must_use]
    pub fn new(catalog: Catalog, about: &HashMap<String, About>) -> Self {
        Self { kit: Arc::new(Kit::new(&catalog, about)), catalog }
    }

    /// The same, with the tools as they were made ready for another offer, if they are the same.
    #[must_use]
    pub fn like(other: Option<&Self>, catalog: Catalog, about: &HashMap<String, About>) -> Self {
        let same = other.filter(|other| other.kit.made_of.0 == catalog.tools && other.kit.made_of.1 == *about);
        match same {
            Some(same) => Self { kit: Arc::clone(&same.kit), catalog },
            None => Self::new(catalog, about),
        }
    }

    /// What workflows are checked against.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The tools for a request, the likeliest first; then such that the workflow calls.
    pub(super) fn tools(&self, request: &str, workflow: Option<&Workflow>) -> Vec<Known> {
        let mut chosen = self.kit.tools.relevant(request, workflow, retrieve::MOST);
        if self.kit.cards.len() <= retrieve::MOST {
            // There is room for all of them.
            let rest = self.kit.tools.cards().iter().filter(|card| !chosen.iter().any(|other| other.name == card.name));
            let rest: Vec<Card> = rest.cloned().collect();
            chosen.extend(rest);
        }
        let used = workflow.into_iter().flat_map(super::reach::steps).filter_map(|step| match &step.process {
            crate::workflow::Process::Tool { tool } => self.kit.cards.get(tool),
            _ => None,
        });
        let mut added = 0;
        for card in used {
            if added < MOST_USED && !chosen.iter().any(|other| other.name == card.name) {
                chosen.push(card.clone());
                added += 1;
            }
        }
        chosen.into_iter().map(|card| Known { is_own: self.kit.own.contains(&card.name), card }).collect()
    }

    /// The roles, with what each is good for.
    pub(super) fn agents(&self) -> BTreeMap<String, String> {
        self.catalog.agents.iter().map(|(name, agent)| (name.clone(), agent.description.clone())).collect()
    }

    /// The workflows that one can have started, but for the one in hand.
    pub(super) fn workflows(&self, in_hand: Option<&Workflow>) -> BTreeMap<String, String> {
        let others = self.catalog.workflows.iter().filter(|(name, _)| in_hand.is_none_or(|own| own.name != **name));
        others.map(|(name, workflow)| (name.clone(), workflow.description.clone())).collect()
    }
}

impl Kit {
    fn new(catalog: &Catalog, about: &HashMap<String, About>) -> Self {
        let usable = catalog.tools.iter().filter(|(_, tool)| tool.denied.is_none());
        let cards: Vec<Card> = usable
            .map(|(name, tool)| {
                let output = about.get(name).and_then(|about| about.output.as_ref());
                Card::of(name, &tool.description, tool.effect, Some(&tool.parameters), output)
            })
            .collect();
        let own = about.iter().filter(|(_, about)| about.is_own).map(|(name, _)| name.clone()).collect();
        let by_name = cards.iter().map(|card| (card.name.clone(), card.clone())).collect();
        let made_of = (catalog.tools.clone(), about.clone());
        Self { made_of, cards: by_name, tools: retrieve::Tools::new(cards), own }
    }
}
