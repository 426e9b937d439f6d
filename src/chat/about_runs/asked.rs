//! What a question about runs is about: which run, and what of it.

use uuid::Uuid;

use super::Here;
use crate::clock::Timestamp;
use crate::run::RunId;

/// A question, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What is asked.
    pub what: What,
    /// Of which run.
    pub which: Which,
    /// Of which workflow's run, if one is named.
    pub workflow: Option<String>,
    /// Whether it is about several runs.
    pub several: bool,
    /// Whether it takes for granted that the run has failed.
    pub is_said_to_have_failed: bool,
}

/// What is asked of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Why it failed.
    Failure,
    /// What it cost.
    Cost,
    /// How long it took.
    Duration,
    /// What it waits for, or how it stands.
    Waiting,
    /// What it did.
    Steps,
    /// What came of it.
    Result,
    /// Which runs there are.
    List,
}

/// Which run is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The last one.
    Last,
    /// One that began then.
    Between {
        /// From then on.
        from: Timestamp,
        /// Until before then.
        until: Timestamp,
    },
    /// This one.
    Given(RunId),
}

const HOUR: i64 = 60 * 60 * 1_000;
const DAY: i64 = 24 * HOUR;

/// The words that ask for each thing, the most telling first.
const WORDS: [(What, &str); 6] = [
    (What::Cost, "cost costs spent spend expensive price tokens"),
    (What::Duration, "long duration slow"),
    (What::Failure, "fail fails failed failing failure error errors crashed crash broke wrong cancelled"),
    (What::Waiting, "waiting waits wait stuck parked blocked hanging status progress"),
    (What::Result, "result results outcome output produce produced yield answer"),
    (What::Steps, "did do does happened happen steps went"),
];

impl Asked {
    /// Reads a question.
    #[must_use]
    pub fn read(question: &str, here: &Here) -> Self {
        let lower = question.to_lowercase().replace('’', "'");
        let words: Vec<&str> =
            lower.split(|c: char| !c.is_alphanumeric() && !"_'-".contains(c)).filter(|word| !word.is_empty()).collect();
        let has = |word: &str| words.contains(&word);
        let mut what =
            WORDS.iter().find(|(_, list)| list.split_whitespace().any(has)).map_or(What::Steps, |(what, _)| *what);
        let several = has("runs") || has("all") || has("total") || has("everything");
        let lists = several && (what == What::Steps || has("list"));
        if lists || (has("runs") && what == What::Failure && !has("why")) {
            what = What::List;
        }
        Self {
            what,
            which: which(&words, here),
            workflow: workflow(&words, here),
            several,
            is_said_to_have_failed: what == What::Failure && (has("why") || has("failed") || has("fail")),
        }
    }
}

fn which(words: &[&str], here: &Here) -> Which {
    let given = words.iter().find_map(|word| Uuid::try_parse(word).ok());
    if let Some(run) = given {
        return Which::Given(RunId(run));
    }
    // Days are those of UTC, as everywhere in the program's output.
    let today = here.now.0.div_euclid(DAY) * DAY;
    let between = |from: i64, until: i64| Which::Between { from: Timestamp(from), until: Timestamp(until) };
    let has = |word: &str| words.contains(&word);
    let follows =
        |first: &str, second: &[&str]| words.windows(2).any(|pair| pair[0] == first && second.contains(&pair[1]));
    if follows("last", &["night", "night's", "nights"]) {
        return between(today - 6 * HOUR, today + 8 * HOUR);
    }
    if follows("this", &["morning", "morning's"]) {
        return between(today + 4 * HOUR, today + 12 * HOUR);
    }
    if has("yesterday") || has("yesterday's") {
        return between(today - DAY, today);
    }
    if has("today") || has("today's") {
        return between(today, today + DAY);
    }
    if follows("last", &["week", "week's"]) || follows("this", &["week", "week's"]) {
        return between(today - 7 * DAY, today + DAY);
    }
    Which::Last
}

/// The workflow that is named: `weekly_brief`, or `weekly brief`.
fn workflow(words: &[&str], here: &Here) -> Option<String> {
    let said = format!(" {} ", words.join(" ").replace("'s", ""));
    let is_named =
        |name: &&String| said.contains(&format!(" {name} ")) || said.contains(&format!(" {} ", name.replace('_', " ")));
    // The longest, so that `weekly` does not stand in the way of `weekly_brief`.
    here.workflows.iter().filter(is_named).max_by_key(|name| name.len()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Here {
        // 2026-11-21, 09:30.
        let now = Timestamp(20_778 * DAY + 9 * HOUR + HOUR / 2);
        Here {
            now,
            workflows: vec!["weekly".to_owned(), "weekly_brief".to_owned(), "hello".to_owned()],
            ..Here::default()
        }
    }

    #[test]
    fn a_question_says_what_is_asked_of_which_run() {
        let today = 20_778 * DAY;
        let night = Which::Between { from: Timestamp(today - 6 * HOUR), until: Timestamp(today + 8 * HOUR) };
        let id = "0198c2a4-0000-7000-8000-000000000001";
        for (question, what, which, workflow) in [
            ("Why did last night's run fail?", What::Failure, night, None),
            ("why did last night’s run of the weekly brief fail", What::Failure, night, Some("weekly_brief")),
            ("What did it cost?", What::Cost, Which::Last, None),
            ("how much did hello's last run cost", What::Cost, Which::Last, Some("hello")),
            ("how long did it take?", What::Duration, Which::Last, None),
            ("what is it waiting for?", What::Waiting, Which::Last, None),
            ("what did it do?", What::Steps, Which::Last, None),
            ("where is its result?", What::Result, Which::Last, None),
            ("show me the runs", What::List, Which::Last, None),
            ("which runs failed?", What::List, Which::Last, None),
            (
                "what went wrong yesterday?",
                What::Failure,
                Which::Between { from: Timestamp(today - DAY), until: Timestamp(today) },
                None,
            ),
            (
                "why did 0198c2a4-0000-7000-8000-000000000001 fail?",
                What::Failure,
                Which::Given(id.parse().unwrap()),
                None,
            ),
        ] {
            let asked = Asked::read(question, &here());
            assert_eq!((asked.what, asked.which, asked.workflow.as_deref()), (what, which, workflow), "{question}");
        }
    }
}
