//! `callboard costs`

use clap::{Args, ValueEnum};

use super::complaint::Complaint;
use super::exit::Exit;
use super::session::{Purpose, Session};
use super::{Context, Format};
use crate::model::{Dollars, Standing};
use crate::server::{CostSum, Costs as Found, CostsBy, CostsQuery};

/// Shows what models have cost, and what is left of the budget
#[derive(Debug, Args)]
#[command(after_help = "\
Prices are in the file that `models.prices` names; limits are `budget.run`, `budget.day` and `budget.workspace`. A call that
goes on, or of which nobody knows what it cost since it was broken off, counts with the most that it can have cost. In JSON,
costs are billionths of a dollar.

Examples:
  callboard costs
  callboard costs --by model
  callboard costs --by step --run last
  callboard costs --by run --format json | jq '.sums[] | select(.cost > 1e9)'")]
pub(super) struct Costs {
    /// How they are summed up
    #[arg(long, value_enum, default_value_t)]
    by: By,
    /// Only those of this run: its id, the beginning of one, or `last`
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
}

/// How costs are summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum By {
    /// By day (UTC), the latest first
    #[default]
    Day,
    /// By run, the latest first
    Run,
    /// By model
    Model,
    /// By step
    Step,
}

impl Costs {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let (by, heading) = match self.by {
            By::Day => (CostsBy::Day, "DAY"),
            By::Run => (CostsBy::Run, "RUN"),
            By::Model => (CostsBy::Model, "MODEL"),
            By::Step => (CostsBy::Step, "STEP"),
        };
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
        let found = session.get_with("/api/costs", &CostsQuery { by, run: self.run }).await;
        session.close().await;
        let found: Found = found?;
        let output = &context.output;
        match output.format() {
            Format::Json => output.json(&found),
            Format::Text => {
                if found.sums.is_empty() {
                    output.line("no model that costs something was asked");
                } else {
                    let rows: Vec<_> = found.sums.iter().map(row).collect();
                    output.table([heading, "CALLS", "READ", "WRITTEN", "COST", ""], &rows);
                }
                found.budget.iter().filter_map(standing).for_each(|line| output.line(line));
            }
        }
        Ok(Exit::Done)
    }
}

fn row(sum: &CostSum) -> [String; 6] {
    let of = if sum.of.is_empty() { "(no run)".to_owned() } else { sum.of.clone() };
    [
        of,
        sum.calls.to_string(),
        sum.input_tokens.to_string(),
        sum.output_tokens.to_string(),
        sum.cost.to_string(),
        remarks(sum),
    ]
}

/// What a sum leaves open.
fn remarks(sum: &CostSum) -> String {
    let remark = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
    let remarks =
        [remark(sum.unpriced, "without a known price"), remark(sum.open, "going on"), remark(sum.lost, "lost")];
    remarks.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// How a limit stands; nothing if there is none.
fn standing(standing: &Standing) -> Option<String> {
    let Standing { scope, limit, spent } = standing;
    limit.map(|limit| format!("budget.{}: {spent} of {limit} spent", scope.as_str()))
}

/// What a run has cost in one line; nothing if no model that costs something was asked.
pub(super) fn of_run(costs: &Found) -> Option<String> {
    let total = costs.sums.iter().fold(None, |total: Option<CostSum>, sum| {
        Some(match total {
            None => sum.clone(),
            Some(total) => CostSum {
                calls: total.calls + sum.calls,
                cost: total.cost.and(sum.cost),
                unpriced: total.unpriced + sum.unpriced,
                open: total.open + sum.open,
                lost: total.lost + sum.lost,
                input_tokens: total.input_tokens + sum.input_tokens,
                output_tokens: total.output_tokens + sum.output_tokens,
                of: total.of,
            },
        })
    })?;
    let remarks = remarks(&total);
    let limit = costs.budget.iter().find(|standing| standing.scope == crate::model::Scope::Run);
    let limit = limit.and_then(|standing| standing.limit).map(|limit| format!(" of {limit}")).unwrap_or_default();
    Some(format!(
        "{}{limit} for {} call{}, {} tokens read and {} written{}{remarks}",
        total.cost,
        total.calls,
        if total.calls == 1 { "" } else { "s" },
        total.input_tokens,
        total.output_tokens,
        if remarks.is_empty() { "" } else { "; " },
    ))
}

/// What a step has cost, if that is known and not nothing.
pub(super) fn of_step(costs: &Found, step: &str) -> Option<Dollars> {
    costs.sums.iter().find(|sum| sum.of == step).map(|sum| sum.cost).filter(|cost| *cost > Dollars(0))
}
