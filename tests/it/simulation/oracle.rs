//! What the world does: a pure function of the seed, a step's path and an attempt. Shell and reference
//! ask the same oracle, and share nothing else.

use callboard::run::Category;
use callboard::workflow::{CallEffect, Effect, Human, Outcome, Process, Step, Wait};
use fastrand::Rng;

/// How often what happens, in per cent.
#[derive(Clone, Debug)]
pub(super) struct Oracle {
    seed: u64,
    /// Attempts, calls and evaluations that fail.
    failing: u8,
    /// Attempts and calls that hang, people and signals that do not come.
    silent: u8,
    /// Calls of which nobody knows the result.
    unknown: u8,
    /// A person is asked before each call with this effect or a worse one.
    pub(super) ask_from: Option<Effect>,
    /// Calls that change the world are only noted.
    pub(super) is_simulated: bool,
    /// Steps that may never end, by id.
    pub(super) endless: Vec<String>,
}

/// How an attempt, a call or an evaluation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Good,
    Fails(Category),
    /// No answer ever comes.
    Hangs,
    /// The connection is lost: it may have taken effect.
    Unknown,
}

/// How a child run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChildFate {
    Completed,
    Failed,
    Cancelled,
    Hangs,
}

/// When a signal comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignalFate {
    /// While it is waited for.
    InTime,
    /// After the wait's end, or never if it has none.
    Late,
}

impl Oracle {
    pub(super) fn new(seed: u64, rng: &mut Rng) -> Self {
        let some = |rng: &mut Rng| [0, 0, 5, 15, 30][rng.usize(..5)];
        Self {
            seed,
            failing: some(rng),
            silent: some(rng),
            unknown: some(rng),
            ask_from: (rng.u8(..8) == 0)
                .then(|| rng.choice([Effect::Read, Effect::Write, Effect::Irreversible]).unwrap()),
            is_simulated: rng.u8(..12) == 0,
            endless: Vec::new(),
        }
    }

    /// Randomness that depends on the topic only. (FNV-1a: stable across Rust versions.)
    fn roll(&self, topic: &str, path: &str, numbers: [u64; 2]) -> Rng {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ self.seed;
        for byte in topic.bytes().chain(path.bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        for number in numbers {
            hash = (hash ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
        Rng::with_seed(hash)
    }

    fn category(rng: &mut Rng) -> Category {
        match rng.u8(..8) {
            0 | 1 => Category::GiveUp,
            2 | 3 => Category::Ask,
            _ => Category::Retry,
        }
    }

    /// How the evaluation of a step's bindings goes.
    pub(super) fn evaluation(&self, path: &str, attempt: u32) -> Fate {
        let mut rng = self.roll("evaluation", path, [attempt.into(), 0]);
        if rng.u8(..100) < self.failing / 2 { Fate::Fails(Self::category(&mut rng)) } else { Fate::Good }
    }

    /// The value that an attempt yields.
    pub(super) fn value(path: &str, attempt: u32) -> serde_json::Value {
        format!("{path}@{attempt}").into()
    }

    /// How an attempt goes apart from its calls.
    pub(super) fn attempt(&self, step: &Step, path: &str, attempt: u32) -> Fate {
        let mut rng = self.roll("attempt", path, [attempt.into(), 0]);
        let dice = rng.u8(..100);
        if dice < self.failing {
            Fate::Fails(Self::category(&mut rng))
        } else if dice < self.failing + self.silent / 2 && self.may_hang(step) {
            Fate::Hangs
        } else {
            Fate::Good
        }
    }

    fn may_hang(&self, step: &Step) -> bool {
        step.timeout.is_some() || self.is_endless(step)
    }

    fn is_endless(&self, step: &Step) -> bool {
        self.endless.iter().any(|id| id == step.id.as_str())
    }

    /// The calls that every attempt of a step wants to make, one after the other.
    pub(super) fn calls(&self, step: &Step, path: &str) -> Vec<CallEffect> {
        let mut rng = self.roll("calls", path, [0, 0]);
        let count = match step.process {
            Process::Tool { .. } => 1,
            Process::Agent { .. } => rng.usize(..4),
            _ => 0,
        };
        let effects = [Effect::Pure, Effect::Read, Effect::Write, Effect::Write, Effect::Irreversible];
        (0..count)
            .map(|_| CallEffect { effect: effects[rng.usize(..effects.len())], idempotent: rng.u8(..3) == 0 })
            .collect()
    }

    /// How a call goes.
    pub(super) fn call(&self, step: &Step, path: &str, attempt: u32, nth: usize) -> Fate {
        let mut rng = self.roll("call", path, [attempt.into(), nth as u64]);
        let dice = rng.u8(..100);
        if dice < self.failing / 2 {
            Fate::Fails(Self::category(&mut rng))
        } else if dice < self.failing / 2 + self.unknown {
            Fate::Unknown
        } else if dice < self.failing / 2 + self.unknown + self.silent / 2 && step.timeout.is_some() {
            Fate::Hangs
        } else {
            Fate::Good
        }
    }

    /// What a person says about a call whose result is not known.
    pub(super) fn answer_to_unknown(&self, path: &str, attempt: u32) -> &'static str {
        let mut rng = self.roll("unknown", path, [attempt.into(), 0]);
        ["happened", "repeat", "fail"][rng.usize(..3)]
    }

    /// Whether a person wants a step to be tried again that cannot go on.
    pub(super) fn wants_it_again(&self, path: &str, attempt: u32) -> bool {
        self.roll("stuck", path, [attempt.into(), 0]).u8(..4) > 0
    }

    /// Whether a person lets a call be made.
    pub(super) fn approves(&self, path: &str, attempt: u32) -> bool {
        self.roll("approval", path, [attempt.into(), 0]).u8(..4) != 0
    }

    /// The case that is true, if one is.
    pub(super) fn case(&self, path: &str, attempt: u32, cases: usize) -> Option<usize> {
        let case = self.roll("case", path, [attempt.into(), 0]).usize(..=cases);
        (case < cases).then_some(case)
    }

    /// How many items a `for_each` has.
    pub(super) fn count(&self, path: &str, attempt: u32, body: usize) -> u64 {
        let mut rng = self.roll("count", path, [attempt.into(), 0]);
        let most = if path.contains('[') || body > 3 { 3 } else { 7 };
        rng.u64(..=most)
    }

    /// Whether the condition of a `repeat` holds; `None` if it cannot be evaluated.
    pub(super) fn holds(&self, path: &str, attempt: u32, index: u64) -> Result<bool, Category> {
        let mut rng = self.roll("holds", path, [attempt.into(), index]);
        if rng.u8(..100) < self.failing / 4 { Err(Self::category(&mut rng)) } else { Ok(rng.bool()) }
    }

    /// How the run of a `workflow` step goes.
    pub(super) fn child(&self, step: &Step, path: &str, attempt: u32) -> ChildFate {
        let mut rng = self.roll("child", path, [attempt.into(), 0]);
        let dice = rng.u8(..100);
        if dice < self.failing {
            ChildFate::Failed
        } else if dice < self.failing + self.failing / 4 {
            ChildFate::Cancelled
        } else if dice < self.failing * 2 + self.silent && self.may_hang(step) {
            ChildFate::Hangs
        } else {
            ChildFate::Completed
        }
    }

    /// When the signal comes that a step waits for.
    pub(super) fn signal(&self, step: &Step, wait: &Wait, path: &str, attempt: u32) -> SignalFate {
        let Wait::Event { matching, timeout, .. } = wait else { return SignalFate::Late };
        let mut rng = self.roll("signal", path, [attempt.into(), 0]);
        let may_be_late = matching.is_some() && (timeout.is_some() || self.is_endless(step));
        if may_be_late && rng.u8(..100) < 10 + self.silent { SignalFate::Late } else { SignalFate::InTime }
    }

    /// What a person chooses; `None` if nobody answers.
    pub(super) fn person(&self, step: &Step, human: &Human, path: &str, attempt: u32) -> Option<Outcome> {
        let mut rng = self.roll("person", path, [attempt.into(), 0]);
        let may_be_silent = human.default.is_some() || self.is_endless(step);
        if may_be_silent && rng.u8(..100) < 10 + self.silent {
            None
        } else {
            Some(human.choices[rng.usize(..human.choices.len())].clone())
        }
    }

    /// Whether the run's result can be evaluated.
    pub(super) fn result(&self) -> bool {
        self.roll("result", "", [0, 0]).u8(..100) >= self.failing / 4
    }
}
