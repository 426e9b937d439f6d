//! Reads one role file: strict about what it may say, exact about where it says something wrong.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use serde_saphyr::{Location, Spanned};

use crate::model::{Dollars, dollars};
use crate::workflow::{Place, Problem, nearest};

/// Workers that a role may have.
pub const MOST_WORKERS: u32 = 1024;
/// Exchanges that a role may allow.
const MOST_TURNS: u32 = 1000;
/// The longest that one assignment may take.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);

/// A role file as written and checked by itself: whether its prompt and tools exist is another question.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RoleFile {
    pub(super) name: String,
    pub(super) description: String,
    /// The prompt's file name, and where the file names it.
    pub(super) prompt: (String, Place),
    pub(super) model: String,
    /// The tools that it may call, each with its place.
    pub(super) tools: Vec<(String, Place)>,
    pub(super) workers: u32,
    pub(super) limits: RoleLimits,
    pub(super) restart: Restart,
    pub(super) review: Option<Review>,
}

/// Who looks at a role's finished work before it goes out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// The role that reviews.
    pub by: String,
    /// How often work is sent back; it fails if it is not accepted then.
    #[serde(default = "default_rounds")]
    pub rounds: u32,
}

fn default_rounds() -> u32 {
    2
}

/// How far an agent may go with one assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleLimits {
    /// Exchanges with the model.
    pub turns: u32,
    /// Questions and objections to other roles in one assignment; an answer is an assignment of its own.
    pub questions: u32,
    /// Tokens, read and written, of all exchanges together; without limit if `None`. The exchange that goes past it is the
    /// last.
    pub tokens: Option<u64>,
    /// What the exchanges may cost in US dollars, in the same way.
    #[serde(deserialize_with = "some_dollars")]
    pub cost: Option<Dollars>,
    /// Time, from when a worker takes it up.
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
}

impl Default for RoleLimits {
    fn default() -> Self {
        Self { turns: 12, questions: 8, tokens: None, cost: None, timeout: Duration::from_mins(10) }
    }
}

/// How often workers of a role may die before the role stops and asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Restart {
    /// Deaths that are answered with a restart at once…
    pub max_restarts: u32,
    /// …in any period of this length.
    #[serde(deserialize_with = "duration")]
    pub within: Duration,
}

impl Default for Restart {
    fn default() -> Self {
        Self { max_restarts: 5, within: Duration::from_mins(1) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Spanned<String>,
    description: Spanned<String>,
    prompt: Spanned<String>,
    #[serde(default = "default_model", deserialize_with = "model")]
    model: String,
    #[serde(default)]
    tools: Vec<Spanned<String>>,
    workers: Option<Spanned<u32>>,
    limits: Option<Spanned<RoleLimits>>,
    restart: Option<Spanned<Restart>>,
    review: Option<Spanned<Review>>,
}

/// Reads a role file. `stem` is its file name without `.yaml`.
///
/// # Errors
/// Everything that is wrong with it; a single problem if it cannot be read at all.
pub(super) fn read(stem: &str, text: &str) -> Result<RoleFile, Vec<Problem>> {
    let written: Written = serde_saphyr::from_str(text).map_err(|error| vec![unreadable(&error)])?;
    let mut problems = Vec::new();
    check(&written, stem, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let Written { name, description, prompt, model, tools, workers, limits, restart, review } = written;
    Ok(RoleFile {
        name: name.value,
        description: description.value.trim().to_owned(),
        prompt: (prompt.value, place("prompt", prompt.referenced)),
        model,
        tools: tools
            .into_iter()
            .zip(0..)
            .map(|(tool, index)| (tool.value, place(&format!("tools[{index}]"), tool.referenced)))
            .collect(),
        workers: workers.map_or(DEFAULT_WORKERS, |workers| workers.value),
        limits: limits.map(|limits| limits.value).unwrap_or_default(),
        restart: restart.map(|restart| restart.value).unwrap_or_default(),
        review: review.map(|review| review.value),
    })
}

/// Workers of a role that does not say how many.
const DEFAULT_WORKERS: u32 = 2;

/// An alias or a model, or a list of models that are asked in turn, which is written with commas from here on.
fn model<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(String),
        Chain(Vec<String>),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::One(model) => model,
        Written::Chain(models) => models.join(", "),
    })
}

fn default_model() -> String {
    "default".to_owned()
}

fn check(written: &Written, stem: &str, problems: &mut Vec<Problem>) {
    let mut wrong = |path: &str, at: Location, code: &'static str, message: String, suggestion: Option<String>| {
        problems.push(Problem { code, place: place(path, at), message, suggestion });
    };
    let name = &written.name;
    if !is_name(&name.value) {
        let message = format!("`{}` is not a role's name: a-z first, then a-z, 0-9 and _", name.value);
        wrong("name", name.referenced, "bad_name", message, None);
    } else if name.value != stem {
        let message = format!("the role is named `{}`, its file `{stem}.yaml`", name.value);
        let suggestion = format!("name the file `{}.yaml`", name.value);
        wrong("name", name.referenced, "bad_name", message, Some(suggestion));
    }
    if written.description.value.trim().is_empty() {
        let message = "the description is empty".to_owned();
        let suggestion = "say in a sentence what the role is good for: others choose it by that".to_owned();
        wrong("description", written.description.referenced, "bad_description", message, Some(suggestion));
    }
    let prompt = &written.prompt;
    if !is_prompt_name(&prompt.value) {
        let message = format!("`{}` is not the name of a prompt", prompt.value);
        let suggestion = format!("write the name of a file in `prompts/`, such as `{stem}.md`");
        wrong("prompt", prompt.referenced, "bad_prompt", message, Some(suggestion));
    }
    for (index, tool) in written.tools.iter().enumerate() {
        if written.tools[..index].iter().any(|other| other.value == tool.value) {
            let message = format!("`{}` is listed twice", tool.value);
            wrong(&format!("tools[{index}]"), tool.referenced, "listed_twice", message, None);
        }
    }
    let mut range = |path: &str, at: Location, value: u32, least: u32, most: u32| {
        if !(least..=most).contains(&value) {
            wrong(path, at, "out_of_range", format!("{value} is not between {least} and {most}"), None);
        }
    };
    if let Some(workers) = &written.workers {
        range("workers", workers.referenced, workers.value, 1, MOST_WORKERS);
    }
    if let Some(limits) = &written.limits {
        range("limits.turns", limits.referenced, limits.value.turns, 1, MOST_TURNS);
        let tokens = limits.value.tokens.map_or(1, |tokens| u32::try_from(tokens).unwrap_or(u32::MAX));
        range("limits.tokens", limits.referenced, tokens, 1, u32::MAX);
    }
    let mut period = |path: &str, at: Location, value: Duration| {
        if value.is_zero() || value > LONGEST_TIMEOUT {
            let message = format!("{} is not between 1ms and 24h", humantime::format_duration(value));
            wrong(path, at, "out_of_range", message, None);
        }
    };
    if let Some(limits) = &written.limits {
        period("limits.timeout", limits.referenced, limits.value.timeout);
    }
    if let Some(restart) = &written.restart {
        period("restart.within", restart.referenced, restart.value.within);
    }
}

/// True for `[a-z][a-z0-9_]*`.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// True for a plain file name that ends in `.md`: nothing that leads out of the folder.
fn is_prompt_name(text: &str) -> bool {
    text.strip_suffix(".md")
        .is_some_and(|stem| !stem.is_empty() && stem.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'))
}

/// A file that is not YAML, or not of the shape of a role.
fn unreadable(error: &serde_saphyr::Error) -> Problem {
    let error = error.without_snippet();
    let at = error.location().unwrap_or(Location::UNKNOWN);
    let problem =
        |code, path: &str, message: String, suggestion| Problem { code, place: place(path, at), message, suggestion };
    match error {
        serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => problem(
            "unknown_key",
            "",
            format!("a role has no `{field}`"),
            Some(match nearest(field, expected.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", expected.join(", ")),
            }),
        ),
        // Only the role itself has keys that must be there, so the file's beginning is the place.
        serde_saphyr::Error::SerdeMissingField { field, .. } => Problem {
            place: Place { path: String::new(), line: Some(1), column: Some(1) },
            ..problem("missing_key", "", format!("`{field}` is missing"), None)
        },
        other => {
            let options = serde_saphyr::render_options! { snippets: serde_saphyr::SnippetMode::Off };
            let message = other.render_with_options(options);
            let place = format!(" at line {}, column {}", at.line(), at.column());
            problem("bad_yaml", "", message.trim_end_matches(&place).to_owned(), None)
        }
    }
}

fn place(path: &str, at: Location) -> Place {
    let known = |number: u64| u32::try_from(number).ok().filter(|number| *number > 0);
    Place { path: path.to_owned(), line: known(at.line()), column: known(at.column()) }
}

/// Reads an amount such as `0.25`.
fn some_dollars<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Dollars>, D::Error> {
    #[derive(Deserialize)]
    struct Amount(#[serde(deserialize_with = "dollars")] Dollars);
    Ok(Option::<Amount>::deserialize(deserializer)?.map(|Amount(dollars)| dollars))
}

/// Reads a period such as `10m` or `1h 30m`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|error| de::Error::custom(format!("`{text}` is not a period such as `30s` or `10m`: {error}")))
}
