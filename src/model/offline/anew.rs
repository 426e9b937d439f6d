//! “Create a new workflow that …”: a workflow of its own is wanted, and no change of the one that is in front of the person.

/// Words that only make the request polite, or say who speaks.
const BEFORE: &str =
    "please can could would will you now then ok okay and also i we want need like to have i'd we'd d let us let's me";
/// Verbs that make a workflow.
const MAKING: &str = "create make build set up write draft design propose plan compose generate give add have";
/// What makes it one beside the one that is there.
const OTHER: &str = "new another separate second different further fresh other own independent";
const ARTICLES: &str = "a an one the completely entirely whole brand";
const WORKFLOW: &str = "workflow flow";
const CALLED: &str = "called named titled";
/// Words with which it goes on to say what it is to do.
const LINKS: &str = "that which to for where in";
/// Verbs that put a part of what there is elsewhere, or start what there is: they speak of the workflow in front.
const OF_THIS: &str = "put move extract split take start run launch call trigger turn";

/// A request for a workflow of its own, without the words that say that; `None` if it is not for one.
pub(super) fn anew(request: &str) -> Option<String> {
    begun(request).or_else(|| placed_first(request)).or_else(|| placed_last(request))
}

/// `create a new workflow called tea that …`, `another workflow: …`
fn begun(request: &str) -> Option<String> {
    let mut words = Words::of(request);
    words.skip(BEFORE);
    words.skip(MAKING);
    words.skip(BEFORE);
    words.thing()?;
    let mut name = String::new();
    if words.next_is(CALLED) {
        words.take();
        while !words.at_stop() && !words.next_is("that which to") {
            name = format!("{name} {}", words.take()?);
        }
    }
    let called = if name.is_empty() { String::new() } else { format!(" called{name}") };
    if words.at_stop() {
        let rest = words.rest();
        return (!rest.is_empty()).then(|| {
            if called.is_empty() { rest.to_owned() } else { format!("create a workflow{called} that {rest}") }
        });
    }
    let link = words.next_is(LINKS).then(|| words.take()).flatten()?.to_lowercase();
    let link = if link == "which" { "that" } else { &link };
    let rest = words.rest();
    (!rest.is_empty()).then(|| format!("create a workflow{called} {link} {rest}"))
}

/// `in a new workflow, …`
fn placed_first(request: &str) -> Option<String> {
    let mut words = Words::of(request);
    words.next_is("in as with").then(|| words.take())?;
    words.thing()?;
    let rest = words.at_stop().then(|| words.rest())?;
    (!rest.is_empty()).then(|| rest.to_owned())
}

/// `…, in a separate workflow`
fn placed_last(request: &str) -> Option<String> {
    let text = request.trim_end_matches(['.', '!', ' ']);
    let at = [" in a", " as a"].iter().filter_map(|place| text.rfind(place)).max()?;
    let (said, place) = text.split_at(at);
    let mut words = Words::of(place);
    words.take();
    words.thing()?;
    let is_all = words.rest().is_empty();
    let is_of_this = Words::of(said).next_is(OF_THIS);
    let said = said.trim_end_matches([',', ' ', '–', '—', '-']);
    (is_all && !is_of_this && !said.is_empty()).then(|| said.to_owned())
}

/// A text, word by word.
struct Words<'t> {
    rest: &'t str,
    /// Whether the last word ended a part of the sentence.
    stopped: bool,
}

impl<'t> Words<'t> {
    fn of(text: &'t str) -> Self {
        Self { rest: text.trim(), stopped: false }
    }

    fn peek(&self) -> Option<(&'t str, &'t str)> {
        let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        (!word.is_empty()).then_some((word, rest.trim_start()))
    }

    fn take(&mut self) -> Option<&'t str> {
        let (word, rest) = self.peek()?;
        self.rest = rest;
        let bare = word.trim_matches(is_mark);
        // A dash by itself, too.
        self.stopped = word.ends_with([',', ':', '.', ';']) || rest.starts_with(['–', '—', '-']);
        if self.stopped {
            self.rest = rest.trim_start_matches(['–', '—', '-', ' ']);
        }
        Some(bare)
    }

    /// Whether the next word is one of these.
    fn next_is(&self, list: &str) -> bool {
        let is_one = |word: &str| list.split(' ').any(|one| one.eq_ignore_ascii_case(word));
        !self.stopped && self.peek().is_some_and(|(word, _)| is_one(word.trim_matches(is_mark)))
    }

    fn skip(&mut self, list: &str) {
        while self.next_is(list) && self.take().is_some() {
            // `Please, …`
            self.stopped = false;
        }
    }

    /// `a new workflow`
    fn thing(&mut self) -> Option<()> {
        self.skip(ARTICLES);
        self.next_is(OTHER).then(|| self.take())?;
        self.skip(OTHER);
        self.next_is(WORKFLOW).then(|| self.take())?;
        Some(())
    }

    fn at_stop(&self) -> bool {
        self.stopped
    }

    fn rest(&self) -> &'t str {
        self.rest.trim()
    }
}

fn is_mark(c: char) -> bool {
    !c.is_alphanumeric() && c != '_' && c != '\''
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_of_its_own_is_told_from_a_change_of_the_one_in_front() {
        for (request, rest) in [
            ("create a new workflow that asks Maria", Some("create a workflow that asks Maria")),
            ("Please make another workflow which asks Maria", Some("create a workflow that asks Maria")),
            ("I want a separate workflow to ask Maria", Some("create a workflow to ask Maria")),
            ("could you set up a second workflow that mails me?", Some("create a workflow that mails me?")),
            ("new workflow: every Monday at 9, ask Maria", Some("every Monday at 9, ask Maria")),
            ("A brand new workflow – ask Maria", Some("ask Maria")),
            ("create a new workflow. Every Monday, ask Maria", Some("Every Monday, ask Maria")),
            (
                "create a new workflow called tea brief that asks Maria",
                Some("create a workflow called tea brief that asks Maria"),
            ),
            ("create a new workflow called tea: ask Maria", Some("create a workflow called tea that ask Maria")),
            ("in a new workflow, ask Maria every Friday", Some("ask Maria every Friday")),
            ("ask Maria every Friday, in a separate workflow.", Some("ask Maria every Friday")),
            ("ask Maria every Friday as a new workflow", Some("ask Maria every Friday")),
            // Of the workflow in front, or of none.
            ("create a workflow that asks Maria", None),
            ("start another workflow that mails me", None),
            ("add a new workflow step that asks Maria", None),
            ("after that, run a separate workflow", None),
            ("put the mail step in a separate workflow", None),
            ("when another workflow ends, ask Maria", None),
            ("a new workflow", None),
            ("create a new workflow", None),
            ("create a new issue that says which workflow failed", None),
            ("", None),
        ] {
            assert_eq!(anew(request).as_deref(), rest, "{request}");
        }
    }
}
