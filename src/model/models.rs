//! The models that there are, by alias.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;

use super::{Link, Model, Offline, Router, TokenCount};

/// The models that there are, by the alias that roles and steps know them by.
#[derive(Clone, Default)]
pub struct Models {
    by_alias: IndexMap<String, Entry>,
}

#[derive(Clone)]
struct Entry {
    model: Arc<dyn Model>,
    /// What is behind it, if it is a chain.
    chain: Option<Arc<Router>>,
}

impl Models {
    /// The alias that every set of models should have.
    pub const DEFAULT: &'static str = "default";

    /// One model, as `default`.
    #[must_use]
    pub fn only(model: Arc<dyn Model>) -> Self {
        let mut models = Self::default();
        models.insert(Self::DEFAULT, model);
        models
    }

    /// The offline model, as `default` and under its own name: what there is with nothing configured.
    #[must_use]
    pub fn offline() -> Self {
        let offline: Arc<dyn Model> = Arc::new(Offline);
        let mut models = Self::only(offline.clone());
        models.insert(offline.name(), offline.clone());
        models
    }

    /// Adds a model, or replaces the one with this alias. Nothing is known of what it costs.
    pub fn insert(&mut self, alias: &str, model: Arc<dyn Model>) {
        self.by_alias.insert(alias.to_owned(), Entry { model, chain: None });
    }

    /// Adds a chain under its own name, or replaces the one with this name.
    pub fn add(&mut self, chain: Router) {
        let chain = Arc::new(chain);
        self.by_alias.insert(chain.name().to_owned(), Entry { model: chain.clone(), chain: Some(chain) });
    }

    /// A model behind this alias whose price is not known, if there is one.
    #[must_use]
    pub fn unpriced(&self, alias: &str) -> Option<&str> {
        let entry = self.by_alias.get(alias)?;
        match &entry.chain {
            Some(chain) => chain.links().iter().find(|link| link.price().is_none()).map(Link::name),
            None => (entry.model.name() != Offline.name()).then(|| entry.model.name()),
        }
    }

    /// How tokens are counted for whatever is behind this alias: as for the first model of the chain.
    #[must_use]
    pub fn token_count(&self, alias: &str) -> TokenCount {
        let first = self.chain(alias).and_then(|chain| chain.links().first()).map(Link::name);
        TokenCount::of(first.or_else(|| self.get(alias).map(|model| model.name())).unwrap_or(alias))
    }

    /// The chain with this alias, if it is one.
    #[must_use]
    pub fn chain(&self, alias: &str) -> Option<&Arc<Router>> {
        self.by_alias.get(alias)?.chain.as_ref()
    }

    /// The model with this alias.
    #[must_use]
    pub fn get(&self, alias: &str) -> Option<&Arc<dyn Model>> {
        self.by_alias.get(alias).map(|entry| &entry.model)
    }

    /// The aliases, in the order in which they were added.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.by_alias.keys().map(String::as_str)
    }
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.by_alias.iter().map(|(alias, entry)| (alias, entry.model.name()))).finish()
    }
}
