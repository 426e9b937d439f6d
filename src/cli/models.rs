//! `callboard models`

use clap::{Args, Subcommand};
use futures::StreamExt as _;
use serde::Serialize;

use super::complaint::Complaint;
use super::exit::Exit;
use super::output::{Output, clipped, span};
use super::session::{Purpose, Session, Twice};
use super::{Context, Format};
use crate::app::{Checked, ModelView, ModelsView};
use crate::model::{Health, ModelError, ollama};

/// Shows the models that there are, what was found here, and how to add one
#[derive(Debug, Args)]
#[command(after_help = "\
An alias stands for a chain of models that are asked in turn until one replies. A role's file names its alias: `model: fast`.

Examples:
  callboard models
  callboard models --check                         ask each of them for a word
  callboard models pull llama3.2:3b                have Ollama get one
  callboard models --format json | jq '.aliases.default[].model'")]
pub(super) struct Models {
    #[command(subcommand)]
    what: Option<What>,
    /// Make a tiny call to each, which may cost something
    #[arg(long)]
    check: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Has Ollama get a model
    #[command(after_help = "\
Examples:
  callboard models pull llama3.2:3b")]
    Pull {
        /// Its name at Ollama
        name: String,
    },
}

/// What `--format json` shows.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    models: &'a ModelsView,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<&'a [Checked]>,
}

impl Models {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        if let Some(What::Pull { name }) = &self.what {
            return pull(context, name).await;
        }
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
        let read = async {
            let models: ModelsView = session.get("/api/models").await?;
            let mut checks: Option<Vec<Checked>> = None;
            if self.check {
                let _busy = context.screen.busy("asking each model for a word".to_owned());
                let nothing = serde_json::json!({});
                let asked =
                    context.interrupt.cuts_short(session.post("/api/models/check", &nothing, Twice::Harmless)).await;
                let Some(asked) = asked else { return Ok(None) };
                checks = Some(asked?);
            }
            Ok(Some((models, checks)))
        };
        let read: Result<_, Complaint> = read.await;
        session.close().await;
        let Some((models, checks)) = read? else { return Ok(Exit::Interrupted) };
        match context.output.format() {
            Format::Json => context.output.json(&Shown { models: &models, checks: checks.as_deref() }),
            Format::Text => write(&context.output, &models, checks.as_deref()),
        }
        let all_well = checks.iter().flatten().all(|check| check.error.is_none());
        Ok(if all_well { Exit::Done } else { Exit::Environment })
    }
}

async fn pull(context: &Context, name: &str) -> Result<Exit, Complaint> {
    let config = &context.config.models.ollama;
    let mut told = ollama::pull(&config.base_url, name, config.timeout);
    let bar = context.screen.bar();
    let pulled = context.interrupt.cuts_short(async {
        while let Some(progress) = told.next().await {
            let ollama::Progress { status, completed, total } = progress?;
            bar.show(status, total.map(|total| (completed.unwrap_or(0), total)));
        }
        Ok::<_, ModelError>(())
    });
    let pulled = pulled.await;
    drop(bar);
    match pulled {
        None => return Ok(Exit::Interrupted),
        Some(Err(error)) => return Err(Complaint::environment("not_pulled", error.message)),
        Some(Ok(())) => {}
    }
    match context.output.format() {
        Format::Json => context.output.json(&serde_json::json!({ "model": format!("ollama/{name}") })),
        Format::Text => {
            context.output.line(format!("Ollama has {name}; to use it: [models] default = \"ollama/{name}\""));
        }
    }
    Ok(Exit::Done)
}

fn write(output: &Output, models: &ModelsView, checks: Option<&[Checked]>) {
    let rows: Vec<_> = models
        .aliases
        .iter()
        .flat_map(|(alias, chain)| {
            chain.iter().enumerate().map(move |(at, model)| row(if at == 0 { alias } else { "" }, model))
        })
        .collect();
    output.table(["ALIAS", "MODEL", "WINDOW", "FOR THE REPLY", "READING", "WRITING", ""], &rows);
    output.line("");
    for provider in &models.providers {
        let found = if provider.found { "found" } else { "not found" };
        output.line(format!("{}: {found}: {}", provider.provider, provider.why));
        output.line(format!("    to use it: {}", provider.how));
    }
    for check in checks.unwrap_or_default() {
        let took = span(std::time::Duration::from_millis(check.ms));
        output.line(match &check.error {
            None => format!("{} replied after {took}", check.model),
            Some(error) => format!("{} failed after {took}: {}", check.model, clipped(error, 300)),
        });
    }
}

fn row(alias: &str, model: &ModelView) -> [String; 7] {
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let price = |part: fn(&crate::model::Price) -> crate::model::Dollars| match &model.price {
        Some(price) if *price == crate::model::Price::FREE => "free".to_owned(),
        Some(price) => part(price).to_string(),
        None => "no price".to_owned(),
    };
    let health = match model.health {
        Health::Closed => "",
        Health::Open => "left alone: it has failed again and again",
        Health::HalfOpen => "tried again: it has failed again and again",
    };
    [
        alias.to_owned(),
        model.model.clone(),
        number(model.window),
        number(model.reply),
        price(|price| price.input),
        price(|price| price.output),
        health.to_owned(),
    ]
}
