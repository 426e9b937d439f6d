//! The models that there are, by alias.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;

use super::{Model, Offline, Price};

/// The models that there are, by the alias that roles and steps know them by.
#[derive(Clone, Default)]
pub struct Models {
    by_alias: IndexMap<String, Arc<dyn Model>>,
    prices: IndexMap<String, Price>,
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
        for alias in [Self::DEFAULT, offline.name()] {
            models.set_price(alias, Some(Price::FREE));
        }
        models
    }

    /// Adds a model, or replaces the one with this alias. What it costs is not known then.
    pub fn insert(&mut self, alias: &str, model: Arc<dyn Model>) {
        self.by_alias.insert(alias.to_owned(), model);
        self.set_price(alias, None);
    }

    /// Says what the model with this alias costs.
    pub fn set_price(&mut self, alias: &str, price: Option<Price>) {
        match price {
            Some(price) => self.prices.insert(alias.to_owned(), price),
            None => self.prices.shift_remove(alias),
        };
    }

    /// What the model with this alias costs, if that is known.
    #[must_use]
    pub fn price(&self, alias: &str) -> Option<Price> {
        self.prices.get(alias).copied()
    }

    /// The model with this alias.
    #[must_use]
    pub fn get(&self, alias: &str) -> Option<&Arc<dyn Model>> {
        self.by_alias.get(alias)
    }

    /// The aliases, in the order in which they were added.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.by_alias.keys().map(String::as_str)
    }
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.by_alias.iter().map(|(alias, model)| (alias, model.name()))).finish()
    }
}
