//! Random workflows: all ten processes, both joins, every port, bodies in bodies.

use std::time::Duration;

use callboard::workflow::step::Backoff;
use callboard::workflow::{
    Condition, ForEach, Human, HumanDefault, Join, Need, OnError, Outcome, Port, Process, Repeat, Retry, Step, StepId,
    Wait, Workflow,
};
use fastrand::Rng;
use serde_json::json;

/// The longest that anything that is not lost takes, in milliseconds; every time limit is far longer.
pub(super) const LATENCY: u64 = 50;
/// The shortest time limit, in milliseconds. (A seed's crashes, calls and bodies all fit in.)
const LIMIT: u64 = 100_000;

struct Generator<'a> {
    rng: &'a mut Rng,
    next_id: u32,
    /// Steps that may still be made.
    left: usize,
    /// Steps that may never end: none where it would depend on chance which others begin.
    endless: Vec<String>,
}

/// A random workflow, and the ids of those steps that may never end.
pub(super) fn workflow(rng: &mut Rng) -> (Workflow, Vec<String>) {
    let (count, depth) = match rng.u8(..20) {
        0 => (rng.usize(..2), 0),
        1..=9 => (rng.usize(1..5), 2),
        10..=14 => (rng.usize(4..9), 1),
        15..=16 => (rng.usize(10..25), 0),
        _ => (rng.usize(1..3), 3),
    };
    let endless = rng.u8(..5) == 0;
    let mut generator = Generator { rng, next_id: 0, left: 30, endless: Vec::new() };
    let steps = generator.list(count, depth, endless);
    let workflow = Workflow {
        name: "simulated".into(),
        description: String::new(),
        inputs: indexmap::IndexMap::new(),
        vars: indexmap::IndexMap::new(),
        triggers: Vec::new(),
        steps,
        result: None,
    };
    (workflow, generator.endless)
}

impl Generator<'_> {
    fn one_in(&mut self, n: u8) -> bool {
        self.rng.u8(..n) == 0
    }

    fn limit(&mut self) -> Duration {
        Duration::from_millis(LIMIT + self.rng.u64(..LIMIT))
    }

    fn list(&mut self, count: usize, depth: u8, endless: bool) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for _ in 0..count.min(self.left) {
            self.left = self.left.saturating_sub(1);
            let step = self.step(&steps, depth, endless);
            steps.push(step);
        }
        if self.rng.bool() {
            // The written order is not the order of needs.
            self.rng.shuffle(&mut steps);
        }
        steps
    }

    fn step(&mut self, before: &[Step], depth: u8, endless: bool) -> Step {
        let id = StepId::from(format!("s{}", self.next_id).as_str());
        self.next_id += 1;
        let needs = self.needs(before);
        let process = self.process(depth, endless);
        let limited = matches!(
            process,
            Process::Agent { .. } | Process::Model { .. } | Process::Tool { .. } | Process::Workflow { .. }
        );
        if endless && self.one_in(8) {
            self.endless.push(id.to_string());
        }
        Step {
            name: None,
            join: if !needs.is_empty() && self.one_in(3) { Join::Any } else { Join::All },
            needs,
            input: indexmap::IndexMap::new(),
            output: None,
            retry: self.one_in(2).then(|| self.retry()),
            timeout: (limited && self.one_in(2)).then(|| self.limit()),
            process,
            id,
        }
    }

    fn needs(&mut self, before: &[Step]) -> Vec<Need> {
        if before.is_empty() || self.one_in(4) {
            return Vec::new();
        }
        let count = if self.one_in(3) { self.rng.usize(1..=4) } else { 1 };
        (0..count)
            .map(|_| {
                // Mostly a late one, so that chains grow.
                let newest = before.len() - 1;
                let chosen = if self.rng.bool() { newest } else { self.rng.usize(..before.len()) };
                let step = &before[chosen];
                let port = match self.rng.u8(..6) {
                    0 => Port::Done,
                    1 => Port::Named(Outcome::from(Outcome::ERROR)),
                    2 => {
                        let outcomes = step.process.outcomes();
                        Port::Named(outcomes[self.rng.usize(..outcomes.len())].clone())
                    }
                    _ => Port::Main,
                };
                Need { step: step.id.clone(), port }
            })
            .collect()
    }

    fn retry(&mut self) -> Retry {
        Retry {
            max_attempts: self.rng.u32(1..=4),
            backoff: if self.rng.bool() { Backoff::Fixed } else { Backoff::Exponential },
            initial: Duration::from_millis(self.rng.u64(..3_000)),
            max: Duration::from_millis(self.rng.u64(1_000..10_000)),
        }
    }

    fn process(&mut self, depth: u8, endless: bool) -> Process {
        let compound = depth > 0 && self.left > 0 && self.one_in(3);
        match if compound { 8 + self.rng.u8(..2) } else { self.rng.u8(..10) } {
            0 => Process::Agent { agent: "research".into(), goal: "goal".into(), plan: Vec::new() },
            1 => Process::Model { model: "small".into(), prompt: "prompt".into(), system: None },
            2 | 3 => Process::Tool { tool: "tool".into() },
            4 => Process::Transform { value: json!("value") },
            5 => {
                let cases = self.rng.usize(1..=3);
                let cases = (0..cases).map(|n| (Outcome::from(format!("case{n}").as_str()), "true".into()));
                Process::Branch { cases: cases.collect() }
            }
            6 => Process::Workflow { workflow: "other".into(), version: None },
            7 => Process::Wait(self.wait()),
            8 if compound => {
                let on_error = if self.rng.bool() { OnError::Stop } else { OnError::Collect };
                let concurrency = self.rng.u32(1..=4);
                let endless = endless && on_error == OnError::Collect;
                Process::ForEach(ForEach {
                    items: json!([]),
                    item_name: "item".into(),
                    concurrency,
                    on_error,
                    steps: self.body(depth, endless),
                })
            }
            9 if compound => {
                let test = String::from("true");
                Process::Repeat(Repeat {
                    condition: if self.rng.bool() { Condition::Until(test) } else { Condition::While(test) },
                    max: self.rng.u32(1..=4),
                    steps: self.body(depth, endless),
                })
            }
            _ => Process::Human(self.human()),
        }
    }

    fn body(&mut self, depth: u8, endless: bool) -> Vec<Step> {
        let count = if self.one_in(12) { 0 } else { self.rng.usize(1..=3) };
        self.list(count, depth - 1, endless)
    }

    fn wait(&mut self) -> Wait {
        match self.rng.u8(..6) {
            0 => Wait::For(Duration::from_millis(self.rng.u64(..20_000))),
            1 => Wait::Until("2026-01-01T00:00:00Z".into()),
            // Whoever comes first takes it: nobody may give up, or it would depend on chance who does.
            2 => Wait::Event { name: "common".into(), matching: None, timeout: None },
            _ => {
                let name = if self.rng.bool() { "news" } else { "mail" };
                let timeout = self.rng.bool().then(|| self.limit());
                Wait::Event { name: name.into(), matching: Some("event.to == me".into()), timeout }
            }
        }
    }

    fn human(&mut self) -> Human {
        let mut choices: Vec<Outcome> = vec![Outcome::APPROVED.into(), Outcome::REJECTED.into()];
        if self.one_in(3) {
            choices.push("later".into());
        }
        let default = self
            .rng
            .bool()
            .then(|| HumanDefault { after: self.limit(), outcome: choices[self.rng.usize(..choices.len())].clone() });
        Human {
            ask: "Go on?".into(),
            choices,
            form: self.rng.bool().then(|| json!({ "type": "object" })),
            to: Vec::new(),
            default,
        }
    }
}
