//! The rounds from a request to a proposal.

use std::fmt::Write as _;
use std::time::Duration;

use futures::StreamExt as _;

use super::accept::Accepted;
use super::arriving::Arriving;
use super::changes::changes;
use super::confidence::{self, weigh};
use super::offer::Offer;
use super::proposal::{Drafted, Proposal, Standing, draft, empty, kept, overreach};
use super::reply::reply;
use crate::model::edits::{Asked, Brief, Detail, Pair, Said, Shortened};
use crate::model::planning::Turn;
use crate::model::{Message, Model, ModelError, Piece, Reply, Request, TokenCount, Trouble, Usage};
use crate::workflow::hash::workflow_hash;
use crate::workflow::{Catalog, Problem, StepId, Workflow};

/// What the model is told of its work.
pub const PROMPT: &str = include_str!("../../prompts/planner.md");

/// How often a model is asked before a proposal has failed.
pub const ROUNDS: u32 = 3;

/// How many tokens a first request has at most, if the tools, the memory and the request itself let it.
const BUDGET: u32 = 6_000;

/// How long all rounds may take together.
const PATIENCE: Duration = Duration::from_mins(10);

/// How many edits one reply may hold.
const MOST_EDITS: usize = 500;

/// How much of each step is shown, and how many tools: the first that fits the budget.
const DETAILS: [(Detail, usize); 7] = [
    (Detail::Texts(240), usize::MAX),
    (Detail::Texts(120), usize::MAX),
    (Detail::Texts(60), 32),
    (Detail::Texts(24), 28),
    (Detail::Texts(24), 20),
    (Detail::Outline, 20),
    (Detail::Outline, 12),
];

/// What a person wants.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// What they said.
    pub request: &'a str,
    /// The workflow in front of them; a new one is wanted if `None`.
    pub workflow: Option<&'a Workflow>,
    /// What it can be made of.
    pub offer: &'a Offer,
    /// What was said before, newest last.
    pub turns: &'a [Turn],
    /// What is remembered of the matter, the most fitting first.
    pub memory: &'a [String],
}

/// What is seen of the work on a proposal while it goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// The model is asked, for the first time or once more.
    Asking {
        /// From 1.
        round: u32,
    },
    /// An edit has come. It is not checked yet.
    Came(Asked),
    /// What came does not make a valid workflow, and goes back.
    Wrong(Vec<Problem>),
}

/// A proposal, and what would come of it.
#[derive(Clone, Debug)]
pub struct Proposed {
    /// It.
    pub proposal: Proposal,
    /// The workflow as it would be; as it is, if nothing can be accepted. `None` if there is neither.
    pub workflow: Option<Workflow>,
    /// What is said to the person.
    pub reply: String,
    /// Whether the model was shown what others wrote: then no policy may accept it in a person's place.
    pub read_others: bool,
}

impl Proposed {
    /// The same as far as it is accepted: what it changes, what it leaves alone and what is said of it are those of `accepted`, which
    /// came of `steps`. Nothing else of it was applied, so that nothing else is told as if it were.
    #[must_use]
    pub fn in_part(&self, steps: &[StepId], accepted: &Accepted, base: Option<&Workflow>, catalog: &Catalog) -> Self {
        let Accepted { workflow, edits, diff, besides } = accepted;
        let is_touched = |step: &StepId| diff.iter().any(|change| change.step.as_ref() == Some(step));
        let proposal = Proposal {
            edits: edits.clone(),
            diff: diff.clone(),
            kept: base.map(|before| kept(before, workflow)).unwrap_or_default(),
            confidence: self.proposal.confidence.iter().filter(|one| is_touched(&one.step)).cloned().collect(),
            ..self.proposal.clone()
        };
        let mut said = reply(&proposal, Some(workflow), catalog);
        let is_accepted = |step: &str| steps.iter().chain(besides).any(|accepted| accepted.as_str() == step);
        let mut left: Vec<String> = Vec::new();
        for step in self.proposal.asked.iter().filter_map(Asked::step).filter(|step| !is_accepted(step)) {
            let step = format!("`{step}`");
            if !left.contains(&step) {
                left.push(step);
            }
        }
        if !left.is_empty() {
            let _ = writeln!(said, "\nNot among what is accepted: {}.", left.join(", "));
        }
        Self { proposal, workflow: Some(workflow.clone()), reply: said, read_others: self.read_others }
    }
}

/// Asks a model for a proposal, and has it mended as long as it can be. `count` is how the model counts tokens.
///
/// # Errors
/// [`ModelError`] if the model gives no reply.
pub async fn propose(
    model: &dyn Model,
    count: &TokenCount,
    wish: &Wish<'_>,
    watch: &mut (dyn FnMut(Progress) + Send),
) -> Result<Proposed, ModelError> {
    let work = rounds(model, count, wish, watch);
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| {
        let limit = humantime::format_duration(PATIENCE);
        Err(ModelError::new(Trouble::TimedOut, format!("{}: no proposal was made within {limit}", model.name())))
    })
}

async fn rounds(
    model: &dyn Model,
    count: &TokenCount,
    wish: &Wish<'_>,
    watch: &mut (dyn FnMut(Progress) + Send),
) -> Result<Proposed, ModelError> {
    let brief = brief(wish);
    let (brief, mut request, shortened) = fitting(brief, count).await;
    let mut spent = Spent::default();
    let mut last_text = None;
    let mut round = 1;
    loop {
        watch(Progress::Asking { round });
        let reply = ask(model, &request, watch).await?;
        spent.add(&reply);
        let text = said_text(&reply);
        let attempt = Attempt::of(wish, &text, &shortened);
        // A model that repeats itself would do so again.
        let is_stuck = last_text.as_ref() == Some(&text);
        if attempt.problems.is_empty() || round == ROUNDS || is_stuck {
            return Ok(attempt.finish(wish, &brief, round, spent));
        }
        watch(Progress::Wrong(attempt.problems.clone()));
        request.messages.push(Message::Assistant { text: text.clone(), calls: Vec::new() });
        request.messages.push(Message::User { text: complaint(&attempt.problems) });
        last_text = Some(text);
        round += 1;
    }
}

fn brief(wish: &Wish<'_>) -> Brief {
    Brief {
        request: wish.request.to_owned(),
        workflow: wish.workflow.cloned(),
        tools: wish.offer.tools(wish.request, wish.workflow),
        agents: wish.offer.agents(),
        workflows: wish.offer.workflows(wish.workflow),
        turns: wish.turns.to_vec(),
        memory: wish.memory.to_vec(),
    }
}

/// The request in as much detail as the budget allows, what is left of the brief for that, and what is shown in short.
async fn fitting(mut brief: Brief, count: &TokenCount) -> (Brief, Request, Shortened) {
    count.ready().await;
    let (mut request, mut shortened) = brief.put(PROMPT, DETAILS[0].0);
    let mut counted: Option<(u64, u64)> = None;
    for (detail, tools) in &DETAILS[1..] {
        let bytes = bytes_of(&request);
        // Counting takes its time. What is far too long if its words are like those that were counted is not counted, too.
        let is_far = counted.is_some_and(|(tokens, of)| bytes * tokens > u64::from(BUDGET) * of * 5 / 4);
        if !is_far {
            let tokens = count.request(&request);
            if tokens <= BUDGET {
                break;
            }
            counted = Some((u64::from(tokens), bytes.max(1)));
        }
        brief.tools.truncate(*tools);
        (request, shortened) = brief.put(PROMPT, *detail);
    }
    (brief, request, shortened)
}

/// How long the texts of a request are.
fn bytes_of(request: &Request) -> u64 {
    let length = |message: &Message| match message {
        Message::System { text } | Message::User { text } | Message::Assistant { text, .. } => text.len(),
        Message::Tool { .. } => 0,
    };
    request.messages.iter().map(length).sum::<usize>() as u64
}

/// One exchange, with every edit told of as it comes.
async fn ask(
    model: &dyn Model,
    request: &Request,
    watch: &mut (dyn FnMut(Progress) + Send),
) -> Result<Reply, ModelError> {
    let mut pieces = model.stream(request);
    let mut arriving = Arriving::default();
    let mut is_streamed = false;
    while let Some(piece) = pieces.next().await {
        match piece? {
            Piece::Text(text) => {
                is_streamed = true;
                arriving.add(&text).into_iter().for_each(|asked| watch(Progress::Came(asked)));
            }
            Piece::Said => {}
            Piece::Done(reply) => {
                if !is_streamed {
                    arriving.add(&said_text(&reply)).into_iter().for_each(|asked| watch(Progress::Came(asked)));
                }
                return Ok(reply);
            }
        }
    }
    Err(ModelError::new(Trouble::Malformed, format!("{}: the stream ended before the reply did", model.name())))
}

/// What was used, over all rounds.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    usage: Usage,
    cost: Option<crate::model::Dollars>,
}

impl Spent {
    fn add(&mut self, reply: &Reply) {
        self.usage = self.usage.and(reply.usage);
        self.cost = match (self.cost, reply.cost) {
            (Some(before), Some(more)) => Some(before.and(more)),
            (before, more) => before.or(more),
        };
    }
}

/// The JSON of a reply. Some servers have a model answer a schema by a call; some models put a fence around what they write.
fn said_text(reply: &Reply) -> String {
    let text = reply.text.trim();
    if text.is_empty()
        && let Some(call) = reply.calls.first()
    {
        return call.arguments.to_string();
    }
    let inner = text.strip_prefix("```json").or_else(|| text.strip_prefix("```"));
    inner.and_then(|inner| inner.strip_suffix("```")).map_or(text, str::trim).to_owned()
}

/// What the model is told of what is wrong.
fn complaint(problems: &[Problem]) -> String {
    let mut text =
        "Nothing of this is applied yet, since it does not come to a valid workflow. All that is wrong:\n".to_owned();
    for problem in problems {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n- {problem}");
    }
    text.push_str("\n\nAnswer again with the whole list of edits, in which this is mended and all else is as it was.");
    text
}

/// What one reply came to.
struct Attempt {
    said: Said,
    asked: Vec<Asked>,
    drafted: Option<Drafted>,
    problems: Vec<Problem>,
}

impl Attempt {
    fn of(wish: &Wish<'_>, text: &str, shortened: &Shortened) -> Self {
        let mut attempt = Self { said: Said::default(), asked: Vec::new(), drafted: None, problems: Vec::new() };
        match serde_json::from_str::<Said>(text) {
            Ok(said) if said.edits.len() > MOST_EDITS => {
                let message = format!("the reply holds {} edits, and {MOST_EDITS} are allowed", said.edits.len());
                attempt.problems.push(Problem::new("too_many_edits", message));
                return attempt;
            }
            Ok(said) => attempt.said = said,
            Err(error) => {
                let message = format!("the reply is not the JSON that was asked for: {error}");
                attempt.problems.push(Problem::new("bad_reply", message));
                return attempt;
            }
        }
        let mut read = Vec::new();
        for (index, value) in attempt.said.edits.iter().enumerate() {
            let asked = serde_json::from_value::<Asked>(value.clone()).map_err(|error| error.to_string());
            match asked.and_then(|asked| asked.in_full(shortened)) {
                Ok(asked) => read.push((index, asked)),
                Err(why) => {
                    let mut problem = Problem::new("bad_edit", why);
                    problem.place.path = format!("edits[{index}]");
                    attempt.problems.push(problem);
                }
            }
        }
        if !attempt.said.edits.is_empty() {
            attempt.take(wish, read);
        }
        attempt
    }

    fn take(&mut self, wish: &Wish<'_>, mut read: Vec<(usize, Asked)>) {
        let is_named = read
            .iter()
            .any(|(_, asked)| matches!(asked, Asked::Workflow { set } if set.iter().any(|pair| pair.name == "name")));
        if wish.workflow.is_none() && !is_named {
            // A name is a default that can be stated, and is not worth another round.
            let name = Pair::new("name", name_for(wish.request).into());
            read.insert(0, (self.said.edits.len(), Asked::Workflow { set: vec![name] }));
        }
        let catalog = wish.offer.catalog();
        let drafted = draft(wish.workflow, &read, catalog);
        self.asked = read.into_iter().map(|(_, asked)| asked).collect();
        self.problems.extend(drafted.problems.iter().cloned());
        self.problems.extend(overreach(wish.request, wish.workflow, &drafted, &self.asked, catalog));
        self.drafted = Some(drafted);
    }

    fn finish(self, wish: &Wish<'_>, brief: &Brief, rounds: u32, spent: Spent) -> Proposed {
        let offered: Vec<String> = brief.tools.iter().map(|known| known.card.name.clone()).collect();
        let catalog = wish.offer.catalog();
        let base = wish.workflow.cloned().unwrap_or_else(empty);
        let Self { said, asked, drafted, problems } = self;
        let (edits, after) =
            drafted.map_or_else(|| (Vec::new(), base.clone()), |drafted| (drafted.edits, drafted.workflow));
        let diff = changes(&base, &after, &edits, catalog);
        let standing = match (problems.is_empty(), diff.is_empty(), said.questions.is_empty()) {
            (false, ..) => Standing::Failed,
            (true, false, _) => Standing::Ready,
            (true, true, false) => Standing::Asking,
            (true, true, true) => Standing::Nothing,
        };
        let known = confidence::Known { catalog, offered: &offered, rounds, doubts: &said.doubts };
        let proposal = Proposal {
            standing,
            base: wish.workflow.map(workflow_hash),
            confidence: weigh(&diff, &after, &known),
            kept: wish.workflow.map(|before| kept(before, &after)).unwrap_or_default(),
            edits,
            diff,
            problems,
            questions: said.questions,
            assumptions: said.assumptions,
            rounds,
            usage: spent.usage,
            cost: spent.cost,
            asked,
        };
        let workflow = match standing {
            Standing::Ready => Some(after),
            _ => wish.workflow.cloned(),
        };
        let reply = reply(&proposal, workflow.as_ref(), catalog);
        Proposed { proposal, workflow, reply, read_others: brief.has_others() }
    }
}

/// A name for a new workflow, of the first words of what was asked for.
fn name_for(request: &str) -> String {
    const WORDS: usize = 5;
    const LONGEST: usize = 40;
    const LINKS: [&str; 14] =
        ["a", "an", "and", "for", "in", "of", "on", "or", "the", "then", "to", "with", "all", "from"];
    let words = request.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words = words.map(str::to_ascii_lowercase).filter(|word| !LINKS.contains(&word.as_str()));
    let name = words.take(WORDS).collect::<Vec<_>>().join("_");
    let name: String = name.chars().skip_while(|c| !c.is_ascii_lowercase()).take(LONGEST).collect();
    let name = name.trim_end_matches('_');
    if name.is_empty() { "new_workflow".to_owned() } else { name.to_owned() }
}
