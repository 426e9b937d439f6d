//! The models that there are: by the configuration, and by what is found here.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};

use super::AppError;
use crate::agents::Roles;
use crate::clock::{Clock, Timestamp};
use crate::config::{self, Config, Exchanges};
use crate::model::{
    Breaker, BreakerSettings, Budget, Caps, Dollars, Health, Known, Link, Message, Model, Models, Offline, Ollama,
    OllamaSettings, OpenAi, OpenAiSettings, Patience, Price, Prices, Recorder, Replay, Request, Router, Scope, Trouble,
    ollama,
};
use crate::run::question::stuck;
use crate::run::{Question, QuestionKind};
use crate::secrets::{Mask, Secrets};
use crate::store::{StoreError, Workspace};

/// What stands for whatever is found.
const AUTO: &str = "auto";

/// How many models are checked at once.
const CHECKS_AT_ONCE: usize = 4;

/// How long Ollama may take to say which models it has.
const LOOK: Duration = Duration::from_secs(2);

/// How long the check of one model may take.
const CHECK_LIMIT: Duration = Duration::from_mins(1);

/// The models that there are, what was found, and how to add one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelsView {
    /// What roles and steps can name, with the models that are asked in turn.
    pub aliases: BTreeMap<String, Vec<ModelView>>,
    /// Who provides models.
    pub providers: Vec<ProviderView>,
}

/// A model of a chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelView {
    /// Its name: `PROVIDER/NAME`, or `offline`.
    pub model: String,
    /// What a million tokens cost, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// How many tokens a request and its reply may have together, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u32>,
    /// How many of them are kept for the reply, if the window or the price is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<u32>,
    /// How its tokens are counted.
    pub tokenizer: String,
    /// Whether its provider is asked, or left alone since it failed again and again.
    pub health: Health,
}

/// A provider of models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderView {
    /// Its name.
    pub provider: String,
    /// Whether it can be used.
    pub found: bool,
    /// Why, or why not.
    pub why: String,
    /// How to use it.
    pub how: String,
}

/// What a tiny call of a model came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The model.
    pub model: String,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// What went wrong, if something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The budget that the configuration sets.
pub(super) async fn budget(
    config: &Config,
    workspace: &Workspace,
    clock: &Arc<dyn Clock>,
) -> Result<Budget, StoreError> {
    let config::Budget { run, day, workspace: ever } = config.budget;
    let caps = Caps { run: run.map(Dollars), day: day.map(Dollars), workspace: ever.map(Dollars) };
    Budget::open(workspace, caps, Arc::clone(clock)).await
}

/// The chains of the configuration, and those that roles write out; the offline model under its own name besides.
pub(super) async fn build(
    config: &Config,
    roles: &Roles,
    budget: &Budget,
    secrets: &Secrets,
    clock: &Arc<dyn Clock>,
) -> Result<Models, AppError> {
    let aliases = &config.models.aliases;
    let is_auto = |model: &str| model.split(',').any(|model| model.trim() == AUTO);
    let wants_auto =
        aliases.values().flatten().any(|model| is_auto(model)) || roles.iter().any(|role| is_auto(&role.model));
    let mut chains = Chains {
        config,
        prices: read_prices(&config.models.prices)?,
        budget,
        clock,
        breakers: BTreeMap::new(),
        mask: mask(config, secrets).await?,
        auto: if wants_auto { found(config).await } else { Vec::new() },
    };
    let default = aliases.get(Models::DEFAULT).cloned().unwrap_or_default();
    let mut models = Models::default();
    for (alias, chain) in aliases {
        let chain = if chain.is_empty() { &default } else { chain };
        models.add(chains.chain(alias, chain).map_err(|reason| wrong(alias, reason))?);
    }
    if models.get(Offline.name()).is_none() {
        let offline = chains.chain(Offline.name(), &[Offline.name().to_owned()]);
        models.add(offline.map_err(|reason| wrong(Offline.name(), reason))?);
    }
    for role in roles.iter() {
        // What looks like no model is an alias that is not there: the company says so.
        let is_chain = role.model.contains(['/', ',']) || role.model == AUTO;
        if is_chain && models.get(&role.model).is_none() {
            let chain: Vec<String> = role.model.split(',').map(|model| model.trim().to_owned()).collect();
            let chain = chains
                .chain(&role.model, &chain)
                .map_err(|reason| AppError::Setting { key: "models", reason: format!("{}: {reason}", role.origin) })?;
            models.add(chain);
        }
    }
    Ok(models)
}

fn wrong(alias: &str, reason: String) -> AppError {
    let key = match alias {
        "default" => "models.default",
        "fast" => "models.fast",
        "strong" => "models.strong",
        _ => return AppError::Setting { key: "models.aliases", reason: format!("{alias}: {reason}") },
    };
    AppError::Setting { key, reason }
}

/// What chains are made of.
struct Chains<'a> {
    config: &'a Config,
    prices: Prices,
    budget: &'a Budget,
    clock: &'a Arc<dyn Clock>,
    /// By provider, for all aliases.
    breakers: BTreeMap<String, Arc<Breaker>>,
    /// What is on no cassette.
    mask: Mask,
    /// What `auto` stands for; nothing if nobody wants it.
    auto: Vec<String>,
}

impl Chains<'_> {
    fn chain(&mut self, alias: &str, models: &[String]) -> Result<Router, String> {
        let mut names = Vec::new();
        for model in models {
            match model.as_str() {
                AUTO => names.extend(self.auto.iter().cloned()),
                model => names.push(model.to_owned()),
            }
        }
        let links = names.iter().map(|name| self.link(name)).collect::<Result<Vec<_>, _>>()?;
        if links.is_empty() {
            return Err("it names no model".to_owned());
        }
        let config::Models { tries, patience, timeout, .. } = self.config.models;
        let patience = Patience {
            tries: u32::try_from(tries).unwrap_or(u32::MAX),
            pauses: patience,
            reply: timeout,
            ..Patience::default()
        };
        Ok(Router::new(alias, links, patience, self.budget.clone(), Arc::clone(self.clock)))
    }

    fn link(&mut self, name: &str) -> Result<Link, String> {
        let (model, provider) = self.model(name)?;
        let model = self.on_cassettes(model)?;
        let known = self.prices.of(name);
        let is_free = provider != OpenAi::PROVIDER;
        let price = known.price.or(is_free.then_some(Price::FREE));
        if price.is_none() && !caps(self.config).is_none() {
            return Err(format!(
                "there is a budget, and no price is known for `{name}`; write it to {}: [\"{name}\"] input = …, output = … \
                 (dollars for a million tokens, 0 if it costs nothing)",
                self.config.models.prices.display()
            ));
        }
        let breaker = self.breakers.entry(provider.to_owned());
        let breaker = breaker.or_insert_with(|| Arc::new(Breaker::new(provider, BreakerSettings::default())));
        Ok(Link::new(model, Known { price, ..known }, Arc::clone(breaker)))
    }

    /// The model, recorded or replayed if the configuration says so.
    fn on_cassettes(&self, model: Arc<dyn Model>) -> Result<Arc<dyn Model>, String> {
        let folder = &self.config.models.cassettes;
        match self.config.models.exchanges {
            _ if model.name() == Offline.name() => Ok(model),
            Exchanges::Live => Ok(model),
            Exchanges::Record => Ok(Arc::new(Recorder::new(model, folder, self.mask.clone()))),
            Exchanges::Replay => Ok(Arc::new(Replay::open(model.name(), folder, self.mask.clone())?)),
        }
    }

    /// A model by its name, and its provider.
    fn model(&self, name: &str) -> Result<(Arc<dyn Model>, &'static str), String> {
        let no_model = || format!("`{name}` is no model; write offline, openai/NAME, ollama/NAME or auto");
        if name == Offline.name() {
            return Ok((Arc::new(Offline), "offline"));
        }
        match name.split_once('/').filter(|(_, model)| !model.is_empty()).ok_or_else(no_model)? {
            (OpenAi::PROVIDER, model) => {
                let openai = &self.config.models.openai;
                let settings = OpenAiSettings {
                    base_url: openai.base_url.clone(),
                    model: model.to_owned(),
                    key: key(self.config).map(Into::into),
                    timeout: openai.timeout,
                    idle_timeout: openai.idle_timeout,
                };
                Ok((Arc::new(OpenAi::new(&settings)?), OpenAi::PROVIDER))
            }
            (Ollama::PROVIDER, model) => {
                let ollama = &self.config.models.ollama;
                let settings = OllamaSettings {
                    base_url: ollama.base_url.clone(),
                    model: model.to_owned(),
                    context: u32::try_from(ollama.context).unwrap_or(u32::MAX),
                    timeout: ollama.timeout,
                    idle_timeout: ollama.idle_timeout,
                };
                Ok((Arc::new(Ollama::new(&settings)?), Ollama::PROVIDER))
            }
            _ => Err(no_model()),
        }
    }
}

/// What is on no cassette: the provider's key, and all secrets.
async fn mask(config: &Config, secrets: &Secrets) -> Result<Mask, AppError> {
    if config.models.exchanges == Exchanges::Live {
        return Ok(Mask::new());
    }
    let known = secrets.mask().await;
    let known = known.map_err(|error| AppError::Setting { key: "models.exchanges", reason: error.to_string() })?;
    Ok(known.and(key(config).map(Into::into)))
}

/// What `auto` stands for: what is found here, or the offline model if that is nothing.
async fn found(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    if key(config).is_some() {
        found.push(format!("{}/{}", OpenAi::PROVIDER, config.models.openai.model));
    }
    if let Ok(installed) = ollama::list(&config.models.ollama.base_url, LOOK).await {
        found.extend(talking(&installed).next().map(|name| format!("{}/{name}", Ollama::PROVIDER)));
    }
    if found.is_empty() {
        found.push(Offline.name().to_owned());
    }
    found
}

/// The models that reply in words: those that only turn texts into vectors say so in their names.
fn talking(installed: &[ollama::Installed]) -> impl Iterator<Item = &str> {
    installed.iter().map(|model| model.name.as_str()).filter(|name| !name.contains("embed"))
}

fn caps(config: &Config) -> Caps {
    let config::Budget { run, day, workspace } = config.budget;
    Caps { run: run.map(Dollars), day: day.map(Dollars), workspace: workspace.map(Dollars) }
}

/// The key of OpenAI, or of whoever speaks the same, if it is there.
fn key(config: &Config) -> Option<String> {
    std::env::var(&config.models.openai.key_variable).ok().filter(|key| !key.is_empty())
}

/// What is known of models by a file; nothing if it is not there.
fn read_prices(file: &Path) -> Result<Prices, AppError> {
    let wrong =
        |reason: String| AppError::Setting { key: "models.prices", reason: format!("{}: {reason}", file.display()) };
    match std::fs::read_to_string(file) {
        Ok(text) => text.parse().map_err(wrong),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Prices::default()),
        Err(error) => Err(wrong(format!("cannot be read ({error})"))),
    }
}

/// Which limit an answer raises, if it does.
pub(super) fn raised(question: &Question, choice: &str) -> Option<Scope> {
    let QuestionKind::Stuck { failure } = &question.kind else { return None };
    let scope = failure.code.strip_suffix(stuck::BUDGET).filter(|_| choice == stuck::RAISE)?;
    [Scope::Run, Scope::Day, Scope::Workspace].into_iter().find(|known| known.as_str() == scope)
}

/// See [`super::App::models_found`].
pub(super) async fn view(config: &Config, models: &Models, now: Timestamp) -> ModelsView {
    let chain = |alias: &str| {
        let links = models.chain(alias).map(|chain| chain.links()).unwrap_or_default();
        links.iter().map(|link| model_view(link, now)).collect::<Vec<_>>()
    };
    let aliases = models.aliases().map(|alias| (alias.to_owned(), chain(alias))).collect();
    ModelsView { aliases, providers: providers(config).await }
}

fn model_view(link: &Link, now: Timestamp) -> ModelView {
    let is_limited = link.window().is_some() || link.price().is_some_and(|price| price != Price::FREE);
    ModelView {
        model: link.name().to_owned(),
        price: link.price(),
        window: link.window(),
        reply: is_limited.then(|| link.reply_room()),
        tokenizer: link.tokenizer().to_owned(),
        health: link.breaker().health(now),
    }
}

async fn providers(config: &Config) -> Vec<ProviderView> {
    let config::OpenAi { base_url, key_variable, model, .. } = &config.models.openai;
    let has_key = key(config).is_some();
    let openai = ProviderView {
        provider: OpenAi::PROVIDER.to_owned(),
        found: has_key,
        why: if has_key {
            format!("there is a key in {key_variable}; the server is {base_url}")
        } else {
            format!("there is no key in {key_variable}")
        },
        how: if has_key {
            format!("[models] default = \"openai/{model}\", or \"auto\"")
        } else {
            format!(
                "put a key in {key_variable}, then [models] default = \"openai/NAME\"; for a server of your own that speaks \
                 the same, set models.openai.base_url"
            )
        },
    };
    let offline = ProviderView {
        provider: Offline.name().to_owned(),
        found: true,
        why: "it is built in, and needs neither key nor network".to_owned(),
        how: "[models] default = \"offline\"".to_owned(),
    };
    vec![openai, ollama_view(config).await, offline]
}

async fn ollama_view(config: &Config) -> ProviderView {
    let base_url = &config.models.ollama.base_url;
    let installed = ollama::list(base_url, LOOK).await;
    let pull = "callboard models pull NAME gets a model";
    let (found, why, how) = match &installed {
        Err(error) => {
            let how =
                "start Ollama, or say in models.ollama.base_url where it is; then [models] default = \"ollama/NAME\"";
            (false, error.message.clone(), how.to_owned())
        }
        Ok(installed) => match talking(installed).collect::<Vec<_>>().as_slice() {
            [] => (false, format!("it answers at {base_url}, and has no model yet"), pull.to_owned()),
            names @ [first, ..] => {
                let why = format!("it answers at {base_url}, and has {}", names.join(", "));
                (true, why, format!("[models] default = \"ollama/{first}\", or \"auto\"; {pull}"))
            }
        },
    };
    ProviderView { provider: Ollama::PROVIDER.to_owned(), found, why, how }
}

/// See [`super::App::check_models`].
pub(super) async fn check(models: &Models, budget: &Budget, clock: &Arc<dyn Clock>) -> Vec<Checked> {
    let mut links: BTreeMap<&str, &Link> = BTreeMap::new();
    for alias in models.aliases() {
        links.extend(models.chain(alias).into_iter().flat_map(|chain| chain.links()).map(|link| (link.name(), link)));
    }
    let links: Vec<Link> = links.into_values().cloned().collect();
    let (budget, clock) = (budget.clone(), Arc::clone(clock));
    let checks = stream::iter(links).map(move |link| check_one(link, budget.clone(), Arc::clone(&clock)));
    checks.buffered(CHECKS_AT_ONCE).collect().await
}

async fn check_one(link: Link, budget: Budget, clock: Arc<dyn Clock>) -> Checked {
    let name = link.name().to_owned();
    let patience = Patience { tries: 1, reply: CHECK_LIMIT, ..Patience::default() };
    let chain = Router::new("check", vec![link], patience, budget, Arc::clone(&clock));
    let request = Request {
        messages: vec![Message::User { text: "Reply with the word: ready".to_owned() }],
        reply_tokens: Some(64),
        temperature: None,
        ..Request::default()
    };
    let begun = clock.now();
    let result = chain.reply(&request).await;
    let error = match result {
        // It did reply, at more length than was asked for.
        Err(error) if error.trouble != Trouble::Truncated => Some(error.message),
        _ => None,
    };
    Checked { model: name, ms: u64::try_from(clock.now().since(begun).as_millis()).unwrap_or(u64::MAX), error }
}
