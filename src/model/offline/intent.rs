//! What a person wants of a conversation: a small grammar over whole utterances.
//!
//! It is used twice. The offline model chooses tools by it. And whatever a model chooses, a decision that binds (accepting,
//! rejecting, taking back, a run that changes the world, a note that stays) is only taken if the person's own words ask for
//! it by this grammar. So what binds is read from utterances that hold nothing else: “yes, but mail it to Maria” is no yes.

use crate::model::talk::Now;

/// What a person wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// The open proposal is accepted: these steps, or all if there are none; and carried out at once, if that is said.
    Accept {
        /// The steps.
        steps: Vec<String>,
        /// Whether it is to be carried out.
        run: bool,
    },
    /// The open proposal is rejected.
    Reject {
        /// Why, if that is said.
        reason: Option<String>,
    },
    /// Another proposal is wanted in the place of the last one.
    Another,
    /// Something is to be accepted or rejected, and nothing waits for that.
    NothingToDecide,
    /// What was accepted is taken back.
    Undo,
    /// A workflow is carried out: the one in front if none is named.
    Run {
        /// The workflow.
        workflow: Option<String>,
        /// Its inputs, as they were written.
        inputs: Vec<(String, String)>,
    },
    /// The same, without any effect.
    Simulate {
        /// The workflow.
        workflow: Option<String>,
    },
    /// A question about runs.
    AskRuns,
    /// A workflow is to be shown or explained.
    Show {
        /// The workflow.
        workflow: Option<String>,
    },
    /// A question, or a search, that the memory may answer.
    Search {
        /// What is looked for.
        query: String,
    },
    /// Something is to be remembered.
    Remember {
        /// What.
        text: String,
    },
    /// What was carried out once is to be kept.
    Keep {
        /// The name.
        name: Option<String>,
    },
    /// The person greets, thanks, or asks what can be done.
    Talk,
    /// All else: something is to be made or changed.
    Propose,
}

/// Words that say yes.
const YES: &str = "y yes yep yeah ok okay sure fine agreed accept accepted apply approve approved confirm confirmed good great \
    perfect right correct go ahead lgtm ja";
/// Verbs that accept by themselves, so that steps may be named.
const ACCEPTING: &str = "accept apply approve confirm take";
/// Words that say no.
const NO: &str = "no nope reject rejected discard decline cancel drop leave nothing nein";
/// Those of them that also edit, and what they edit then.
const EDITING: &str = "drop cancel leave discard";
const PARTS: &str = "step steps edit edits";
/// Words that turn a verb round.
const NOT: &str = "not don't dont never";
/// Words that ask for another proposal, and what may stand beside them.
const ANOTHER: &str = "another different else again differently alternative";
const BESIDE_ANOTHER: &str =
    "no nope please try propose suggest something one it a an proposal way give show me make do find idea the";
/// Verbs that take back.
const UNDO: &str = "undo revert rollback";
/// Words that may stand beside a decision and say nothing more.
const FILLER: &str = "please thanks thank you now then just it that this them the a all of everything change changes proposal \
    edit edits workflow version one is looks sounds do let's lets so and as with to me i we for alone be back last previous \
    steps step only again once too also rest remaining others other left";
/// Verbs that carry something out.
const RUN: &str = "run start execute launch";
/// Verbs that carry something out without effects.
const SIMULATE: &str = "simulate simulation dry-run dryrun";
/// Words that begin a question.
const ASKING: &str = "why what when how where which who whose did does do is are was were has have had will would any";
/// What questions about runs speak of.
const RUNS: &str = "run runs ran running fail fails failed failing failure error errors crashed broke break cost costs spent \
    spend expensive price tokens long took take duration slow waiting waits wait stuck parked blocked result results outcome \
    finished finish completed complete ended succeeded succeed status progress happened happen";
/// When a run was, and whose it is: what a question about runs may hold besides.
const BESIDE_RUNS: &str = "last latest recent night night's nights yesterday yesterday's today today's morning this's evening week \
    ago first previous so far total much many tell show list my our your's get far it's run's in on at by from there here \
    exactly about going wrong went come came out";
/// Words that only name what a question about a run is about.
const ABOUT_WORKFLOWS: &str = "workflow graph steps step flow plan";
/// What is said to somebody, and asks for nothing.
const TALK: &str = "hello hi hey thanks thank help hallo danke";
/// What may stand before a request and says nothing.
const POLITE: [&str; 10] =
    ["please ", "can you ", "could you ", "would you ", "will you ", "now ", "then ", "ok, ", "okay, ", "and "];
/// What begins something to be remembered.
const REMEMBER: [&str; 9] = [
    "remember that ",
    "remember: ",
    "remember ",
    "please remember ",
    "note that ",
    "note: ",
    "keep in mind that ",
    "keep in mind: ",
    "don't forget that ",
];
/// What begins a search of the memory.
const SEARCH: [&str; 11] = [
    "search the memory for ",
    "search memory for ",
    "search for ",
    "look up ",
    "recall ",
    "what do you know about ",
    "what do we know about ",
    "what do you remember about ",
    "what do we remember about ",
    "tell me about ",
    "find out from memory ",
];

/// What a person wants by these words, as things stand.
#[must_use]
pub fn intent(text: &str, now: &Now) -> Intent {
    let whole = text.trim();
    let lower = whole.to_lowercase().replace('’', "'");
    if let Some(text) = after(whole, &lower, &REMEMBER) {
        // “Remember what … was?” asks.
        if !lower.ends_with('?') {
            return Intent::Remember { text };
        }
    }
    let words = split(&lower);
    if words.is_empty() {
        return Intent::Talk;
    }
    if let Some(decided) = decision(&words, now).filter(|_| !asks(&lower, &words)) {
        return decided;
    }
    if let Some(reason) = rejected_because(whole, &lower, now) {
        return Intent::Reject { reason: Some(reason) };
    }
    // “Yes” and “no” alone may answer a question; these cannot.
    let decides = words.first().is_some_and(|word| ["accept", "reject", "approve"].contains(word));
    if decides && !lower.ends_with('?') && words[1..].iter().all(|word| is(FILLER, word)) {
        return Intent::NothingToDecide;
    }
    if words.iter().any(|word| is(ANOTHER, word))
        && words.iter().all(|word| is(ANOTHER, word) || is(BESIDE_ANOTHER, word))
    {
        return Intent::Another;
    }
    if words.iter().all(|word| is(TALK, word) || is(FILLER, word) || *word == "there")
        && words.iter().any(|word| is(TALK, word))
        || lower.starts_with("what can you do")
    {
        return Intent::Talk;
    }
    if let Some(query) = after(whole, &lower, &SEARCH)
        && !speaks_of_runs(&split(&query.to_lowercase()), now)
    {
        return Intent::Search { query: query.trim_end_matches(['?', '.']).to_owned() };
    }
    let (plain, plain_words) = without_politeness(&lower, &words);
    if let Some(carried_out) = carrying_out(plain, &plain_words, whole, now) {
        return carried_out;
    }
    if let Some(kept) = keeping(&plain_words) {
        return kept;
    }
    // “Can you …?” asks for something to be done.
    let plain = if plain.len() == lower.len() { plain } else { plain.trim_end_matches('?') };
    question(whole, plain, &plain_words, now).unwrap_or(Intent::Propose)
}

/// Whether something is asked: “is that right?” decides nothing. “Can you accept it?” asks for it.
fn asks(lower: &str, words: &[&str]) -> bool {
    const CHECKING: [&str; 10] = ["is", "are", "was", "do", "does", "did", "should", "shall", "what", "why"];
    let is_wish = words.first().is_some_and(|word| ["can", "could", "would", "will", "please"].contains(word));
    words.first().is_some_and(|word| CHECKING.contains(word)) && words.get(1) != Some(&"not")
        || lower.trim_end().ends_with('?') && !is_wish
}

/// A decision about a proposal, if the words hold nothing else.
fn decision(words: &[&str], now: &Now) -> Option<Intent> {
    let first = *words.first()?;
    let plain = |word: &&str| is(FILLER, word);
    if is(UNDO, first) || matches!(words, ["take", "that" | "it", "back", ..] | ["roll", "back", ..]) {
        let rest = words.iter().filter(|word| !plain(word) && !is(UNDO, word) && !["take", "roll"].contains(*word));
        return (rest.count() == 0).then_some(Intent::Undo);
    }
    let proposal = now.proposal.as_ref()?;
    let negative = words.iter().any(|word| is(NO, word) || is(NOT, word));
    if negative {
        if proposal.in_part {
            return None;
        }
        let known =
            |word: &&str| plain(word) || is(NO, word) || is(NOT, word) || is(ACCEPTING, word) || *word == "keep";
        // “nothing else” and the like are about something else, and “drop the last step” is an edit.
        let is_edit = words.iter().any(|word| is(EDITING, word)) && words.iter().any(|word| is(PARTS, word));
        let is_plain = words.iter().all(known) && !is_edit;
        return is_plain.then_some(Intent::Reject { reason: None });
    }
    let run = words.iter().any(|word| is(RUN, word));
    let names_steps = words.iter().any(|word| is(ACCEPTING, word));
    let mut steps: Vec<String> = Vec::new();
    let mut says_yes = false;
    for word in words {
        if is(YES, word) || is(ACCEPTING, word) {
            says_yes = true;
        } else if names_steps && proposal.steps.iter().any(|step| step == word) {
            steps.push((*word).to_owned());
        } else if !plain(word) && !is(RUN, word) {
            return None;
        }
    }
    // “Run it” while a proposal is open: what is not accepted cannot be run, so both are meant.
    let means_both = run && is(RUN, first);
    // What is left of one that is accepted in part is only accepted by a word that says so: “ok, thanks” is no such word.
    let says_yes = if proposal.in_part { names_steps } else { says_yes };
    (says_yes || means_both && !proposal.in_part).then_some(Intent::Accept { steps, run })
}

/// Why the open proposal is rejected: “no, because it mails everybody”, “reject it: too expensive”.
fn rejected_because(whole: &str, lower: &str, now: &Now) -> Option<String> {
    // In lower case a text may have another length, and then the reason is taken as it is there.
    let text = if whole.len() == lower.len() { whole } else { lower };
    let (at, length) = [" because ", ": "].iter().filter_map(|link| Some((lower.find(link)?, link.len()))).min()?;
    let said = decision(&split(lower.get(..at)?), now)?;
    let reason = text.get(at + length..)?.trim();
    (said == Intent::Reject { reason: None } && !reason.is_empty()).then(|| reason.to_owned())
}

fn carrying_out(plain: &str, words: &[&str], whole: &str, now: &Now) -> Option<Intent> {
    let first = *words.first()?;
    let is_dry = is(SIMULATE, first) || matches!(words, ["dry", "run", ..] | ["try", "it" | "this", "out", ..]);
    let is_run = is(RUN, first) || matches!(words, ["kick", "off", ..] | ["carry", "out", ..]);
    if !is_dry && !is_run {
        return None;
    }
    let known = |name: &str| now.workflows.iter().find(|workflow| *workflow == name).cloned();
    let (object, with) = match plain.split_once(" with ") {
        Some((before, with)) if with.contains('=') => {
            // Inputs as they were written: the lower-case text is as long as the other, or their case is lost.
            let from = whole.len().checked_sub(with.len()).filter(|from| whole.is_char_boundary(*from));
            (split(before), Some(from.map_or(with, |from| &whole[from..])))
        }
        _ => (words.to_vec(), None),
    };
    let skipped = 1 + usize::from(matches!(object[..], ["dry" | "try" | "kick" | "carry", ..]) || first == "dry");
    let mut named = None;
    let joined = object.iter().skip(skipped.min(object.len())).copied().filter(|word| !is(FILLER, word));
    let rest: Vec<&str> = joined.filter(|word| *word != "out").collect();
    if !rest.is_empty() {
        named = Some(known(&rest.join("_")).or_else(|| known(&rest.join("")))?);
    }
    if is_dry {
        return Some(Intent::Simulate { workflow: named });
    }
    let inputs = with.map(pairs).unwrap_or_default();
    Some(Intent::Run { workflow: named, inputs })
}

/// `topic=Rust, sections=3`
fn pairs(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for part in text.split([',', ';']) {
        match part.split_once('=') {
            Some((key, value)) => {
                let key = key.trim().trim_start_matches("and ").trim();
                found.push((key.to_owned(), value.trim().trim_matches('"').to_owned()));
            }
            None => {
                if let Some((_, value)) = found.last_mut() {
                    value.push(',');
                    value.push_str(part);
                }
            }
        }
    }
    found
}

/// `save this as a workflow called weekly brief`, `keep it`
fn keeping(words: &[&str]) -> Option<Intent> {
    if !matches!(words, ["save" | "keep", "this" | "it" | "that", ..]) {
        return None;
    }
    let name_at = words.iter().position(|word| ["called", "named"].contains(word)).map(|at| at + 1);
    let (said, name) = match name_at {
        Some(at) => (&words[..at - 1], Some(words[at..].join("_"))),
        None => match words {
            [_, _, "as", name] if *name != "workflow" => (&words[..3], Some((*name).to_owned())),
            _ => (words, None),
        },
    };
    let is_plain = said.iter().all(|word| is(FILLER, word) || ["save", "keep", "workflow"].contains(word));
    is_plain.then(|| Intent::Keep { name: name.filter(|name| !name.is_empty()) })
}

fn question(whole: &str, lower: &str, words: &[&str], now: &Now) -> Option<Intent> {
    let first = *words.first()?;
    let tells = matches!(words, ["tell" | "show", "me", ..] | ["show" | "explain" | "describe" | "list", ..]);
    let is_question = lower.ends_with('?') || (is(ASKING, first) && !["when", "any", "do"].contains(&first));
    if !is_question && !tells {
        return None;
    }
    let begins_work = lower.starts_with("tell me when") || lower.starts_with("tell me if");
    if begins_work {
        return None;
    }
    let shown = named(words, now);
    let about_workflow = words.iter().any(|word| is(ABOUT_WORKFLOWS, word));
    let what_it_does = words.contains(&"does") && words.last().is_some_and(|word| ["do", "work"].contains(word));
    if matches!(words, ["what", "did", "it" | "that", "do"]) {
        return Some(Intent::AskRuns);
    }
    if (tells && (about_workflow || shown.is_some()) && !speaks_of_runs(words, now)) || what_it_does {
        return Some(Intent::Show { workflow: shown });
    }
    if speaks_of_runs(words, now) {
        return Some(Intent::AskRuns);
    }
    is_question.then(|| Intent::Search { query: whole.trim_end_matches('?').to_owned() })
}

/// Whether words speak of runs, and of nothing else: what a licence costs is no question about runs.
fn speaks_of_runs(words: &[&str], now: &Now) -> bool {
    if words.iter().any(|word| ["run", "runs"].contains(word)) {
        return true;
    }
    let name = named(words, now).unwrap_or_default();
    let is_known = |word: &&str| {
        is(RUNS, word)
            || is(BESIDE_RUNS, word)
            || is(FILLER, word)
            || is(ASKING, word)
            || is(ABOUT_WORKFLOWS, word)
            || name == *word
            || name.split('_').any(|part| part == *word)
    };
    words.iter().any(|word| is(RUNS, word)) && words.iter().all(is_known)
}

/// The saved workflow that is named: `weekly_brief`, or `weekly brief`.
fn named(words: &[&str], now: &Now) -> Option<String> {
    let said = format!(" {} ", words.join(" "));
    now.workflows
        .iter()
        .find(|name| said.contains(&format!(" {name} ")) || said.contains(&format!(" {} ", name.replace('_', " "))))
        .cloned()
}

/// What follows the first of these beginnings that the text has.
fn after(whole: &str, lower: &str, beginnings: &[&str]) -> Option<String> {
    // The beginnings are ASCII, so that a byte is a byte in both.
    let length = beginnings.iter().find(|beginning| lower.starts_with(**beginning))?.len();
    let rest = whole.get(length..)?.trim();
    (!rest.is_empty()).then(|| rest.to_owned())
}

fn without_politeness<'t>(lower: &'t str, words: &[&'t str]) -> (&'t str, Vec<&'t str>) {
    let mut plain = lower;
    while let Some(rest) = POLITE.iter().find_map(|polite| plain.strip_prefix(polite)) {
        plain = rest;
    }
    if plain.len() == lower.len() { (lower, words.to_vec()) } else { (plain, split(plain)) }
}

/// The words, without what stands around them.
fn split(text: &str) -> Vec<&str> {
    text.split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|word| !word.is_empty())
        .collect()
}

fn is(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|other| other == word)
}

#[cfg(test)]
mod tests;
