//! Whether a workflow is what a case expects.

use callboard::workflow::{Condition, OnError, Outcome, Process, Step, Trigger, Wait};
use chrono::{DateTime, Utc};
use croner::parser::{CronParser, Seconds};
use serde_json::Value;

use super::case::WantedTrigger;
use super::expected::{Element, Head, duration};
use super::tree::{self, Node};
use super::world::{World, has_word};

/// How exactly a workflow is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// The same steps in the same lists, loops and branches.
    Structure,
    /// The same values, conditions, settings and ids, too, and what comes later waits for what comes before.
    Exact,
}

/// How a workflow is compared with an expectation.
pub(super) struct Fit<'a> {
    pub(super) world: World<'a>,
    pub(super) level: Level,
    /// Whether what is expected to come later may also go on at the same time.
    pub(super) is_loose: bool,
}

impl<'a> Fit<'a> {
    /// Whether the workflow's steps are the expected ones.
    pub(super) fn fits(&self, expected: &[Element]) -> bool {
        self.list(expected, &tree::tree(&self.world.after.steps), &[])
    }

    /// Whether a list is the expected one, its beginning waiting for all of `earlier`.
    fn list(&self, expected: &[Element], nodes: &[Node<'a>], earlier: &[&'a str]) -> bool {
        let Some((first, rest)) = expected.split_first() else { return nodes.is_empty() };
        match &first.head {
            Head::Either(lists) => {
                lists.iter().any(|list| self.list(&[list.as_slice(), rest].concat(), nodes, earlier))
            }
            Head::AnyOrder(lists) | Head::SideBySide(lists) => {
                let lists: Vec<&[Element]> = lists.iter().map(Vec::as_slice).collect();
                let taken = vec![Vec::new(); lists.len()];
                let is_apart = matches!(first.head, Head::SideBySide(_)) && self.level == Level::Exact;
                self.woven(&Weave { is_apart, earlier, rest }, &lists, nodes, &taken)
            }
            _ => nodes.split_first().is_some_and(|(node, others)| {
                let id = node.step.id.as_str();
                self.waits(id, earlier) && self.step(first, node) && self.list(rest, others, &[id])
            }),
        }
    }

    /// Whether nodes are those of several lists, in the order of each; `taken` holds the ids of those that were found.
    fn woven(&self, weave: &Weave<'_, 'a>, lists: &[&[Element]], nodes: &[Node<'a>], taken: &[Vec<&'a str>]) -> bool {
        if lists.iter().all(|list| list.is_empty()) {
            let is_apart = || {
                (0..taken.len())
                    .all(|one| (0..taken.len()).all(|other| one == other || self.apart(&taken[one], &taken[other])))
            };
            let lasts: Vec<&str> = taken.iter().filter_map(|ids| ids.last().copied()).collect();
            return (!weave.is_apart || is_apart()) && self.list(weave.rest, nodes, &lasts);
        }
        (0..lists.len()).any(|index| {
            let Some((first, rest)) = lists[index].split_first() else { return false };
            if let Head::Either(choices) = &first.head {
                return choices.iter().any(|choice| {
                    let choice = [choice.as_slice(), rest].concat();
                    let mut lists = lists.to_vec();
                    lists[index] = &choice;
                    self.woven(weave, &lists, nodes, taken)
                });
            }
            let Some((node, later)) = nodes.split_first() else { return false };
            let id = node.step.id.as_str();
            let earlier = taken[index].last().map_or_else(|| weave.earlier.to_vec(), |last| vec![*last]);
            let mut others = lists.to_vec();
            others[index] = rest;
            let mut now = taken.to_vec();
            now[index].push(id);
            self.waits(id, &earlier) && self.step(first, node) && self.woven(weave, &others, later, &now)
        })
    }

    fn apart(&self, ids: &[&str], others: &[&str]) -> bool {
        !ids.iter().any(|id| others.iter().any(|other| self.world.ancestors[id].contains(other)))
    }

    fn waits(&self, id: &str, earlier: &[&str]) -> bool {
        self.is_loose
            || self.level == Level::Structure
            || earlier.iter().all(|one| self.world.ancestors[id].contains(one))
    }

    fn step(&self, expected: &Element, node: &Node<'a>) -> bool {
        let step = node.step;
        let does = match (&expected.head, &step.process) {
            (Head::Tool(tool, arguments), Process::Tool { tool: called }) => {
                tool == called && (self.level == Level::Structure || self.arguments(step, arguments))
            }
            (Head::Kept(id, body), _) => {
                let is_kept = match self.level {
                    Level::Structure => self.world.does_as(step, id),
                    Level::Exact => self.world.is_kept(step, id),
                };
                is_kept && self.list(body, &node.body, &[])
            }
            (Head::Human(words), Process::Human(human)) => self.says(words, &format!("{} {:?}", human.ask, human.to)),
            (Head::Work(words), Process::Human(human)) => self.says(words, &human.ask),
            (Head::Work(words), Process::Agent { goal, .. }) => self.says(words, goal),
            (Head::Work(words), Process::Model { prompt, .. }) => self.says(words, prompt),
            (Head::Agent(roles, words), Process::Agent { agent, goal, .. }) => {
                (roles.is_empty() || roles.contains(agent)) && self.says(words, &self.told(step, goal))
            }
            (Head::Wait(time), Process::Wait(Wait::For(waited))) => self.level == Level::Structure || time == waited,
            (Head::Each(source, body), Process::ForEach(each)) => {
                self.goes_over(&each.items, source) && self.list(body, &node.body, &[])
            }
            (Head::Repeat(condition, body), Process::Repeat(repeat)) => {
                (self.level == Level::Structure || self.repeats(&repeat.condition, condition))
                    && self.list(body, &node.body, &[])
            }
            (Head::Branch(cases, otherwise), Process::Branch { cases: found }) => {
                return self.settings(expected, step)
                    && self.branch(cases, otherwise, &found.iter().collect::<Vec<_>>(), node);
            }
            _ => false,
        };
        does && self.arms(expected, node) && (self.level == Level::Structure || self.settings(expected, step))
    }

    /// What an agent is told: its goal, and what it is given.
    fn told(&self, step: &Step, goal: &str) -> String {
        let input = step.input.values().map(|value| self.world.expanded(value)).collect::<Vec<_>>().join(" ");
        format!("{goal} {input}")
    }

    fn arms(&self, expected: &Element, node: &Node<'a>) -> bool {
        let wanted = expected.arms.iter().filter(|(_, steps)| !steps.is_empty());
        wanted.clone().count() == node.arms.len()
            && wanted
                .into_iter()
                .all(|(outcome, steps)| node.arms.get(outcome).is_some_and(|found| self.list(steps, found, &[])))
    }

    fn branch(
        &self,
        cases: &[(String, Vec<Element>)],
        otherwise: &[Element],
        found: &[(&Outcome, &String)],
        node: &Node<'a>,
    ) -> bool {
        let none = Vec::new();
        let arm = |outcome: &str| node.arms.get(outcome).unwrap_or(&none);
        let is_as = |outcome: &str, steps: &[Element]| self.list(steps, arm(outcome), &[]);
        if cases.len() != found.len() {
            return false;
        }
        let directly = cases.iter().zip(found).all(|((condition, steps), (outcome, text))| {
            (self.level == Level::Structure || self.world.condition(text, condition) == Some(true))
                && is_as(outcome.as_str(), steps)
        });
        if directly && is_as("otherwise", otherwise) {
            return true;
        }
        // “Unless it is signed” may as well be asked as “is it signed?”, with the arms the other way round.
        let ([(condition, steps)], [(outcome, text)]) = (cases, found) else { return false };
        self.world.condition(text, condition) == Some(false)
            && is_as(outcome.as_str(), otherwise)
            && is_as("otherwise", steps)
    }

    fn says(&self, words: &[String], text: &str) -> bool {
        let text = text.to_lowercase();
        self.level == Level::Structure || words.iter().all(|word| text.contains(word.as_str()))
    }

    fn arguments(&self, step: &Step, expected: &serde_json::Map<String, Value>) -> bool {
        expected.iter().all(|(name, wanted)| step.input.get(name).is_some_and(|bound| self.world.is(bound, wanted)))
    }

    fn goes_over(&self, items: &Value, source: &Value) -> bool {
        let text = self.world.expanded(items);
        match source {
            Value::Array(names) => names.iter().filter_map(Value::as_str).all(|name| has_word(&text, name)),
            Value::String(any) if any == "_" => true,
            Value::String(source) => {
                let (step, field) =
                    source.split_once('#').map_or((source.as_str(), None), |(step, field)| (step, Some(field)));
                let names = |field| self.level == Level::Structure || has_word(&text, field);
                self.world.refers(&text, step) && field.is_none_or(names)
            }
            _ => false,
        }
    }

    fn repeats(&self, found: &Condition, expected: &str) -> bool {
        let Some((word, condition)) = expected.split_once(' ') else { return false };
        match found {
            Condition::Until(found) => self.world.condition(found, condition) == Some(word == "until"),
            Condition::While(found) => self.world.condition(found, condition) == Some(word == "while"),
        }
    }

    fn settings(&self, expected: &Element, step: &Step) -> bool {
        if self.level == Level::Structure {
            return true;
        }
        let attempts = step.retry.map_or(1, |retry| retry.max_attempts);
        expected.id.as_ref().is_none_or(|id| step.id.as_str() == id)
            && (expected.retry.is_empty() || expected.retry.contains(&attempts))
            && (expected.timeout.is_none() || expected.timeout == step.timeout)
            && expected.settings.iter().all(|(name, wanted)| self.setting(step, name, wanted))
    }

    fn setting(&self, step: &Step, name: &str, wanted: &Value) -> bool {
        match (name, &step.process) {
            ("on_error", Process::ForEach(each)) => (each.on_error == OnError::Collect) == (wanted == "collect"),
            ("concurrency", Process::ForEach(each)) => Some(u64::from(each.concurrency)) == wanted.as_u64(),
            ("max", Process::Repeat(repeat)) => Some(u64::from(repeat.max)) == wanted.as_u64(),
            ("to", Process::Human(human)) => {
                let wanted = wanted.as_array().into_iter().flatten().filter_map(Value::as_str);
                human.to.iter().map(|one| one.to_lowercase()).eq(wanted.map(str::to_lowercase))
            }
            ("default", Process::Human(human)) => human.default.as_ref().is_some_and(|default| {
                duration(&wanted["after"]) == Ok(default.after) && wanted["outcome"] == default.outcome.as_str()
            }),
            _ => false,
        }
    }
}

/// What goes on around lists of which the steps are woven together.
struct Weave<'e, 'a> {
    is_apart: bool,
    earlier: &'e [&'a str],
    rest: &'e [Element],
}

/// Whether a workflow is started by just what is expected.
pub(super) fn starts_as(found: &[Trigger], expected: &[WantedTrigger]) -> bool {
    let is = |found: &Trigger, wanted: &WantedTrigger| match (found, wanted) {
        (Trigger::Cron { pattern, timezone: zone }, WantedTrigger::Cron { cron, timezone }) => {
            times(pattern).is_some_and(|found| Some(found) == times(cron)) && (timezone.is_none() || timezone == zone)
        }
        (Trigger::Webhook { path }, WantedTrigger::Webhook { webhook }) => path.trim_matches('/') == webhook,
        (Trigger::RunEnded { workflow, .. }, WantedTrigger::Run { run }) => workflow == run,
        _ => false,
    };
    found.len() == expected.len() && expected.iter().all(|wanted| found.iter().any(|found| is(found, wanted)))
}

/// When a pattern comes true after the beginning of a year: enough to tell patterns apart that people say.
fn times(pattern: &str) -> Option<Vec<DateTime<Utc>>> {
    let parsed = CronParser::builder().seconds(Seconds::Optional).build().parse(pattern).ok()?;
    let start = DateTime::from_timestamp(1_767_225_599, 0)?;
    Some(parsed.iter_after(start).take(200).collect())
}
