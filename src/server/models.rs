//! The models that there are, and what they have cost.

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::select;
use crate::app::{App, Checked, ModelsView};
use crate::model::{Dollars, Standing};
use crate::store::model_calls::{By, Sum};

/// How many sums are listed at most.
const MOST_SUMS: usize = 1_000;

/// How costs are summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostsBy {
    /// By day (UTC), the latest first.
    #[default]
    Day,
    /// By run, the latest first.
    Run,
    /// By model.
    Model,
    /// By step of a run.
    Step,
}

/// Which costs are listed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostsQuery {
    /// How they are summed up.
    #[serde(default)]
    pub by: CostsBy,
    /// Only those of this run: its id, the beginning of one, or `last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// What models have cost, and how the budget stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Costs {
    /// The sums.
    pub sums: Vec<CostSum>,
    /// How the limits stand; that of the run if one was asked for.
    pub budget: Vec<Standing>,
}

/// What some calls of models came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostSum {
    /// The day, run, model or step.
    pub of: String,
    /// How many calls.
    pub calls: u64,
    /// What they cost in billionths of a US dollar, as far as prices are known; calls that go on or were lost count with the most
    /// that they can cost.
    pub cost: Dollars,
    /// Calls whose price is not known.
    pub unpriced: u64,
    /// Calls that go on.
    pub open: u64,
    /// Calls of which nobody knows what they cost, because they were broken off.
    pub lost: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

impl From<Sum> for CostSum {
    fn from(sum: Sum) -> Self {
        let Sum { of, calls, cost, unpriced, open, lost, input_tokens, output_tokens } = sum;
        Self { of, calls, cost: Dollars(cost), unpriced, open, lost, input_tokens, output_tokens }
    }
}

/// `GET /api/models`
pub(super) async fn list(State(app): State<App>) -> Json<ModelsView> {
    Json(app.models_found().await)
}

/// `POST /api/models/check`: makes a tiny call to each.
pub(super) async fn check(State(app): State<App>) -> Json<Vec<Checked>> {
    Json(app.check_models().await)
}

/// `GET /api/costs`
pub(super) async fn costs(State(app): State<App>, Query(wanted): Query<CostsQuery>) -> Result<Json<Costs>, ApiError> {
    let run = match &wanted.run {
        Some(run) => Some(select::run(&app, run).await?.id),
        None => None,
    };
    let by = match wanted.by {
        CostsBy::Day => By::Day,
        CostsBy::Run => By::Run,
        CostsBy::Model => By::Model,
        CostsBy::Step => By::Step,
    };
    let sums = app.workspace().model_calls().sums(by, run, MOST_SUMS).await?;
    let budget = app.budget().standing(run).await?;
    Ok(Json(Costs { sums: sums.into_iter().map(CostSum::from).collect(), budget }))
}
