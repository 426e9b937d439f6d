//! Expressions: what they come to is the oracle's to say. What they could see is checked.

use std::collections::BTreeMap;

use callboard::clock::Timestamp;
use callboard::run::{
    Category, Evaluation, Output, Payload, Question, QuestionKind, RunEvent, ScopePath, StepPath, StepResult,
};
use callboard::workflow::{Condition, Outcome, Process, Wait};
use serde_json::{Value, json};

use super::super::oracle::{Fate, Oracle};
use super::{START, Shell, failure};

impl Shell<'_> {
    pub(super) fn evaluate(&mut self, evaluation: Evaluation) {
        let event = match evaluation {
            Evaluation::Begin { step, attempt } => {
                assert_eq!(attempt, self.attempt(&step), "{step} begins another attempt than the current one");
                self.check_sight(&step);
                match self.scenario.oracle.evaluation(step.as_str(), attempt) {
                    Fate::Fails(category) => RunEvent::Failed { step, attempt, failure: failure(category) },
                    _ => self.begin(step, attempt),
                }
            }
            Evaluation::Test { step, attempt, index } => {
                self.check_sight_of_body(&step, index);
                match self.scenario.oracle.holds(step.as_str(), attempt, index) {
                    Ok(holds) => RunEvent::Tested { step, index, holds },
                    Err(category) => RunEvent::Failed { step, attempt, failure: failure(category) },
                }
            }
            Evaluation::Match { step, signal } => {
                let RunEvent::SignalCame { payload: Payload::Value(payload), .. } = self.history().event(signal) else {
                    panic!("event {signal} is no signal")
                };
                let holds = **payload == Oracle::value(step.as_str(), self.attempt(&step));
                RunEvent::SignalMatched { step, signal, holds }
            }
            Evaluation::Collect { step } => {
                let output = Output::Value(Payload::of(self.collect(&step).into()));
                RunEvent::Ended { step, outcome: Outcome::OK.into(), output }
            }
            Evaluation::Result { last } if self.scenario.oracle.result() => {
                RunEvent::Completed { result: last.map_or(Output::Nothing, Output::Ref) }
            }
            Evaluation::Result { .. } => RunEvent::RunFailed { failure: failure(Category::GiveUp) },
        };
        self.record(event);
    }

    fn begin(&mut self, path: StepPath, attempt: u32) -> RunEvent {
        let step = self.steps[path.id()];
        let oracle = &self.scenario.oracle;
        match &step.process {
            Process::Transform { .. } => RunEvent::Ended {
                outcome: Outcome::OK.into(),
                output: Output::Value(Payload::of(Oracle::value(path.as_str(), attempt))),
                step: path,
            },
            Process::Branch { cases } => {
                let case = oracle.case(path.as_str(), attempt, cases.len());
                let outcome = case.map_or(Outcome::OTHERWISE.into(), |case| cases.get_index(case).unwrap().0.clone());
                RunEvent::Ended { step: path, outcome, output: Output::Nothing }
            }
            Process::ForEach(each) => {
                let count = oracle.count(path.as_str(), attempt, each.steps.len());
                let items = Payload::of(json!(vec![0; usize::try_from(count).unwrap()]));
                RunEvent::Expanded { step: path, items, count }
            }
            Process::Wait(Wait::For(pause)) => {
                RunEvent::Waiting { step: path, until: Some(self.now.after(*pause)), signal: None }
            }
            Process::Wait(Wait::Until(_)) => {
                let until = Timestamp(START.0 + self.rng.i64(-1_000..30_000));
                RunEvent::Waiting { step: path, until: Some(until), signal: None }
            }
            Process::Wait(Wait::Event { name, timeout, .. }) => RunEvent::Waiting {
                step: path,
                until: timeout.map(|timeout| self.now.after(timeout)),
                signal: Some(name.clone()),
            },
            Process::Human(human) => {
                let question = Question {
                    id: path.as_str().into(),
                    step: path,
                    kind: QuestionKind::Human,
                    ask: human.ask.clone(),
                    choices: human.choices.clone(),
                    form: human.form.clone(),
                    to: human.to.clone(),
                    deadline: human.default.as_ref().map(|default| self.now.after(default.after)),
                    default: human.default.as_ref().map(|default| default.outcome.clone()),
                };
                RunEvent::Asked { question }
            }
            other => panic!("{path} has nothing to be evaluated: {other:?}"),
        }
    }

    /// The values of a `for_each`'s bodies, in order.
    fn collect(&self, each: &StepPath) -> Vec<Value> {
        let mut values = BTreeMap::new();
        for recorded in self.log.iter().chain(&self.pending) {
            if let RunEvent::BodyEnded { step, index, value, failure } = &recorded.event
                && step == each
            {
                let value = match (failure, value) {
                    (Some(_), _) => json!({ "error": true }),
                    (None, Some(value)) => self.history().value(*value),
                    (None, None) => Value::Null,
                };
                assert!(values.insert(*index, value).is_none(), "{each}[{index}] ended twice");
            }
        }
        values.into_values().collect()
    }

    /// A step's expressions see how what it needs ended, in its own list and in those around it, and
    /// which bodies it is in.
    pub(super) fn check_sight(&self, path: &StepPath) {
        let mut path = path.clone();
        let innermost = path.scope();
        let mut around = self.state.bodies_around(&innermost).into_iter();
        loop {
            let scope = path.scope();
            for need in &self.steps[path.id()].needs {
                self.check_sight_from(&innermost, &scope.step(&need.step));
            }
            let Some((owner, index)) = scope.owner() else { break };
            let body = around.next().expect("a body for each step around");
            let item = match &self.steps[owner.id()].process {
                Process::ForEach(each) => Some(each.item_name.as_str()),
                _ => None,
            };
            assert_eq!((body.index, body.item.map(|(name, _)| name)), (index, item), "the body {scope} around {path}");
            path = owner;
        }
        assert_eq!(around.next(), None, "a body around that is none");
    }

    /// The condition of a `repeat` sees how the steps of the last body ended.
    fn check_sight_of_body(&self, repeat: &StepPath, index: u64) {
        let Process::Repeat(process) = &self.steps[repeat.id()].process else { panic!("{repeat} is no repeat") };
        let is_until = matches!(process.condition, Condition::Until(_));
        if let Some(last) = if is_until { Some(index) } else { index.checked_sub(1) } {
            let scope = repeat.body(last);
            process.steps.iter().for_each(|step| self.check_sight_from(&scope, &scope.step(&step.id)));
        }
    }

    fn check_sight_from(&self, scope: &ScopePath, step: &StepPath) {
        let seen = match self.state.result_of(scope, step.id()) {
            StepResult::Ended(outcome, _) => Some(outcome),
            StepResult::Nothing => None,
        };
        assert_eq!(seen, self.ended.get(step), "what is seen of {step} from {scope:?}");
    }
}
