//! Random valid workflows of every kind of step, from a seed: the same seed and size yield the same workflow.

use std::time::Duration;

use callboard::workflow::step::Backoff;
use callboard::workflow::{
    Condition, ForEach, Human, HumanDefault, Join, Need, OnError, Outcome, Planned, Port, Process, Repeat, Retry, Step,
    StepId, Trigger, Wait, Workflow,
};
use fastrand::Rng;
use indexmap::IndexMap;
use serde_json::{Value, json};

/// A valid workflow of about `size` steps, bodies included. It uses the tools, agents and workflows of no catalog in
/// particular: check it against an open one.
pub(crate) fn workflow(seed: u64, size: usize) -> Workflow {
    let mut generator = Generator { rng: Rng::with_seed(seed), next: 0, left: size.max(1) };
    generator.workflow()
}

/// A valid step that needs nothing and refers to nothing, with an id that no generated workflow has.
pub(crate) fn lone_step(seed: u64) -> Step {
    let mut generator = Generator { rng: Rng::with_seed(seed), next: 0, left: 3 };
    let mut step = generator.step(&Scope { steps: Vec::new(), names: Vec::new() }, 1);
    step.id = StepId::from(format!("lone{}", seed % 1_000_000).as_str());
    step
}

struct Generator {
    rng: Rng,
    next: u32,
    left: usize,
}

/// What an expression may refer to.
#[derive(Clone)]
struct Scope {
    steps: Vec<StepId>,
    names: Vec<String>,
}

impl Generator {
    fn workflow(&mut self) -> Workflow {
        let mut inputs = IndexMap::new();
        inputs.insert("topic".to_owned(), json!({ "type": "string", "default": "EU AI Act" }));
        for index in 0..self.rng.u8(0..3) {
            inputs.insert(format!("input{index}"), json!({ "type": "integer", "default": self.rng.i64(-9..10_000) }));
        }
        let mut vars = IndexMap::new();
        for index in 0..self.rng.u8(0..3) {
            vars.insert(format!("var{index}"), self.literal(2));
        }
        let steps = self.list(&Scope { steps: Vec::new(), names: Vec::new() }, 0);
        let ids = steps.iter().map(|step| step.id.clone()).collect();
        let result = self.rng.bool().then(|| self.value(&Scope { steps: ids, names: Vec::new() }));
        Workflow {
            name: format!("w{}", self.rng.u16(..)),
            description: self.text(),
            inputs,
            vars,
            triggers: (0..self.rng.usize(0..3)).map(|_| self.trigger()).collect(),
            steps,
            result,
        }
    }

    fn trigger(&mut self) -> Trigger {
        match self.rng.u8(0..5) {
            0 => Trigger::Cron { pattern: "0 9 * * MON".into(), timezone: Some("Europe/Berlin".into()) },
            1 => Trigger::Cron { pattern: "*/5 * * * *".into(), timezone: None },
            2 => Trigger::Webhook { path: format!("hook-{}", self.rng.u8(..)) },
            3 => Trigger::Event { name: format!("event.{}", self.rng.u8(..)) },
            _ => {
                let outcome = self.choose(&[None, Some("failed"), Some("completed")]).map(str::to_owned);
                Trigger::RunEnded { workflow: format!("other{}", self.rng.u8(..)), outcome }
            }
        }
    }

    fn list(&mut self, outer: &Scope, depth: usize) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        // The steps that lie before each step of the list.
        let mut before: Vec<Vec<usize>> = Vec::new();
        let wanted = if depth == 0 { usize::MAX } else { self.rng.usize(1..4) };
        while steps.is_empty() || (steps.len() < wanted && self.left > 0) {
            let mut needed = Vec::new();
            for _ in 0..self.rng.usize(0..4).min(steps.len()) {
                // Mostly recent steps, so that the graph is deep as well as wide.
                let back = if self.rng.bool() {
                    self.rng.usize(0..steps.len().min(4))
                } else {
                    self.rng.usize(0..steps.len())
                };
                needed.push(steps.len() - 1 - back);
            }
            needed.sort_unstable();
            needed.dedup();
            let needs = needed.iter().map(|index| self.need(&steps[*index])).collect();
            let mut ancestors: Vec<usize> =
                needed.iter().flat_map(|index| before[*index].clone()).chain(needed.iter().copied()).collect();
            ancestors.sort_unstable();
            ancestors.dedup();
            let mut scope = outer.clone();
            scope.steps.extend(ancestors.iter().map(|index| steps[*index].id.clone()));
            let mut step = self.step(&scope, depth);
            step.needs = needs;
            step.join = self.choose(&[Join::All, Join::All, Join::Any]);
            steps.push(step);
            before.push(ancestors);
        }
        steps
    }

    fn need(&mut self, step: &Step) -> Need {
        let main = Port::Main;
        let outcomes = step.process.outcomes();
        let has_main = outcomes.iter().any(|outcome| step.process.satisfies(&main, outcome));
        let port = match self.rng.u8(0..4) {
            0 | 1 if has_main => main,
            2 => Port::Done,
            _ => Port::Named(self.choose(&outcomes)),
        };
        Need { step: step.id.clone(), port }
    }

    fn step(&mut self, scope: &Scope, depth: usize) -> Step {
        self.left = self.left.saturating_sub(1);
        self.next += 1;
        let id = StepId::from(format!("s{}", self.next).as_str());
        let mut input = IndexMap::new();
        for index in 0..self.rng.usize(0..3) {
            input.insert(format!("arg{index}"), self.value(scope));
        }
        Step {
            id,
            name: self.rng.bool().then(|| self.text()),
            needs: Vec::new(),
            join: Join::All,
            input,
            process: self.process(scope, depth),
            output: (self.rng.u8(0..4) == 0).then(|| json!({ "type": self.choose(&["object", "string", "array"]) })),
            retry: (self.rng.u8(0..3) == 0).then(|| self.retry()),
            timeout: (self.rng.u8(0..4) == 0).then(|| self.duration()),
        }
    }

    fn plan(&mut self, scope: &Scope) -> Vec<Planned> {
        let mut plan = Vec::new();
        for tool in ["files.read", "mail.send"] {
            if self.rng.u8(0..6) == 0 {
                let with = self.rng.bool().then(|| ("path".to_owned(), self.value(scope)));
                plan.push(Planned { tool: tool.into(), with: with.into_iter().collect() });
            }
        }
        plan
    }

    fn process(&mut self, scope: &Scope, depth: usize) -> Process {
        let kinds = if depth < 3 && self.left > 1 { 12 } else { 10 };
        match self.rng.u8(0..kinds) {
            0 => Process::Agent {
                agent: self.choose(&["research", "qa"]).into(),
                goal: self.template(scope),
                plan: self.plan(scope),
            },
            1 => {
                let system = self.rng.bool().then(|| self.text());
                Process::Model { model: "default".into(), prompt: self.template(scope), system }
            }
            2 | 3 => Process::Tool { tool: self.choose(&["files.read", "mail.send"]).into() },
            4 => Process::Transform { value: self.value(scope) },
            5 => {
                let names = self.choose(&[&["thin"][..], &["low", "high"], &["zeta", "alpha", "mid"]]);
                Process::Branch {
                    cases: names.iter().map(|name| (Outcome::from(*name), self.condition(scope))).collect(),
                }
            }
            6 => Process::Workflow {
                workflow: "child".into(),
                version: self.rng.bool().then(|| "0123456789abcdef".repeat(4)),
            },
            7 => Process::Wait(match self.rng.u8(0..4) {
                0 => Wait::For(self.duration()),
                1 => Wait::Until("2030-01-01T00:00:00Z".into()),
                _ => Wait::Event {
                    name: "paid".into(),
                    matching: self.rng.bool().then(|| "event.amount > 3".to_owned()),
                    timeout: self.rng.bool().then(|| self.duration()),
                },
            }),
            8 | 9 => Process::Human(self.human(scope)),
            10 => {
                let item_name = self.choose(&["item", "file"]).to_owned();
                let items =
                    if self.rng.bool() { self.expression(scope).into() } else { json!([1, "two", { "three": 3 }]) };
                let mut inner = scope.clone();
                inner.names.extend([item_name.clone(), "index".to_owned()]);
                Process::ForEach(ForEach {
                    items,
                    item_name,
                    concurrency: self.rng.u32(1..4),
                    on_error: self.choose(&[OnError::Stop, OnError::Collect]),
                    steps: self.list(&inner, depth + 1),
                })
            }
            _ => {
                let mut inner = scope.clone();
                inner.names.push("index".to_owned());
                let steps = self.list(&inner, depth + 1);
                inner.steps.extend(steps.iter().map(|step| step.id.clone()));
                let condition = self.condition(&inner);
                Process::Repeat(Repeat {
                    condition: if self.rng.bool() { Condition::Until(condition) } else { Condition::While(condition) },
                    max: self.rng.u32(1..5),
                    steps,
                })
            }
        }
    }

    fn human(&mut self, scope: &Scope) -> Human {
        let mut human = Human::asking(self.template(scope));
        if self.rng.u8(0..3) == 0 {
            human.choices = ["ship", "hold", "approved"][..self.rng.usize(1..4)]
                .iter()
                .map(|choice| Outcome::from(*choice))
                .collect();
        }
        if self.rng.bool() {
            human.default = Some(HumanDefault { after: self.duration(), outcome: self.choose(&human.choices) });
        }
        if self.rng.u8(0..4) == 0 {
            human.form = Some(json!({ "type": "object", "properties": { "note": { "type": "string" } } }));
            human.to = vec!["maria".into(), "#finance".into()];
        }
        human
    }

    fn retry(&mut self) -> Retry {
        if self.rng.u8(0..4) == 0 {
            return Retry::default();
        }
        let initial = self.duration();
        Retry {
            max_attempts: self.rng.u32(1..5),
            backoff: self.choose(&[Backoff::Fixed, Backoff::Exponential]),
            initial,
            max: initial + self.duration(),
        }
    }

    fn duration(&mut self) -> Duration {
        Duration::from_millis(self.choose(&[1, 250, 1_000, 1_500, 60_000, 5_400_000, 86_400_000, 2_678_400_000]))
    }

    /// A value with expressions in places.
    fn value(&mut self, scope: &Scope) -> Value {
        match self.rng.u8(0..4) {
            0 => self.expression(scope).into(),
            1 => self.template(scope).into(),
            2 => json!({ "list": [self.template(scope), self.literal(1)], "deep": { "it": self.expression(scope) } }),
            _ => self.literal(2),
        }
    }

    /// One whole expression in braces.
    fn expression(&mut self, scope: &Scope) -> String {
        format!("{{{{ {} }}}}", self.term(scope))
    }

    fn term(&mut self, scope: &Scope) -> String {
        match self.rng.u8(0..4) {
            0 | 1 if !scope.steps.is_empty() => {
                let step = self.choose(&scope.steps);
                format!("steps.{step}.{}", self.choose(&["output", "outcome", "error"]))
            }
            2 if !scope.names.is_empty() => self.choose(&scope.names),
            3 => "run.id".to_owned(),
            _ => "inputs.topic".to_owned(),
        }
    }

    fn condition(&mut self, scope: &Scope) -> String {
        let term = self.term(scope);
        match self.rng.u8(0..3) {
            0 => format!("{{{{ {term} == none }}}}"),
            1 => format!("{term} is string and {term} | length > 3"),
            _ => format!("not {term}"),
        }
    }

    fn template(&mut self, scope: &Scope) -> String {
        if self.rng.bool() {
            self.text()
        } else {
            format!("{}: {}!", self.choose(&["a", "Über", "see"]), self.expression(scope))
        }
    }

    fn literal(&mut self, depth: u8) -> Value {
        match self.rng.u8(0..if depth > 0 { 9 } else { 6 }) {
            0 => Value::Null,
            1 => self.rng.bool().into(),
            2 => self.rng.i64(..).into(),
            3 => self.choose(&[0.5, -1.25e-7, 1e300, 3.0]).into(),
            4 | 5 => self.text().into(),
            6 => (0..self.rng.usize(0..4)).map(|_| self.literal(depth - 1)).collect(),
            7 => json!({ self.text(): self.literal(depth - 1), "b": self.literal(depth - 1) }),
            _ => json!({}),
        }
    }

    /// Text that is hard on writers of YAML, but holds no expression.
    fn text(&mut self) -> String {
        const HARD: &[&str] = &[
            "",
            " ",
            "plain words",
            "yes",
            "null",
            "~",
            "true",
            "1e3",
            "0x1F",
            "0o7",
            ".5",
            "-1",
            "1_000",
            "12:30:45",
            "2024-01-01",
            "# no comment",
            "a: b",
            "- item",
            "'quoted'",
            "\"double\"",
            "back\\slash",
            "tab\there",
            "line\nline",
            "line\nline\n",
            "\nfirst is empty",
            "  indented\n more",
            "ends in blanks  \nhere",
            "two\n\n\nparagraphs\n\n",
            "crlf\r\nline",
            "trailing:",
            "{flow}",
            "[flow]",
            "&anchor",
            "*alias",
            "!tag",
            "%directive",
            "@at",
            "`tick`",
            "| block",
            "> fold",
            "? key",
            "emoji 🎭 äß",
            "\u{feff}bom",
            "nel\u{85}",
            "ls\u{2028}",
            "<<",
            "=",
            "---",
            "...",
            "a very long line of words that goes on and on until it is far wider than any screen that is used for reading YAML files by people today",
        ];
        if self.rng.bool() {
            self.choose(HARD).to_owned()
        } else {
            format!("{} {}", self.choose(HARD), self.choose(HARD))
        }
    }

    fn choose<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.rng.usize(0..from.len())].clone()
    }
}
