use super::*;
use crate::model::talk::OpenProposal;

fn now() -> Now {
    Now {
        focus: Some("weekly_brief".to_owned()),
        workflows: vec!["weekly_brief".to_owned(), "backup".to_owned()],
        ..Now::default()
    }
}

fn with_proposal() -> Now {
    let proposal = OpenProposal {
        id: "p7".to_owned(),
        workflow: "weekly_brief".to_owned(),
        steps: vec!["fetch".to_owned(), "mail".to_owned()],
        in_part: false,
    };
    Now { proposal: Some(proposal), ..now() }
}

fn accept(steps: &[&str], run: bool) -> Intent {
    Intent::Accept { steps: steps.iter().map(|step| (*step).to_owned()).collect(), run }
}

#[test]
fn a_decision_is_read_from_words_that_hold_nothing_else() {
    for (text, expected) in [
        ("yes", accept(&[], false)),
        ("Yes, please!", accept(&[], false)),
        ("ok, apply it", accept(&[], false)),
        ("looks good", accept(&[], false)),
        ("accept all of it", accept(&[], false)),
        ("accept only fetch", accept(&["fetch"], false)),
        ("apply the mail step and fetch", accept(&["mail", "fetch"], false)),
        ("yes, run it", accept(&[], true)),
        ("run it", accept(&[], true)),
        ("y", accept(&[], false)),
        ("no", Intent::Reject { reason: None }),
        ("No, leave it as it is.", Intent::Reject { reason: None }),
        ("don't apply that", Intent::Reject { reason: None }),
        ("Don’t", Intent::Reject { reason: None }),
        ("reject it", Intent::Reject { reason: None }),
        ("undo that", Intent::Undo),
        ("take it back please", Intent::Undo),
        // More than a decision: it is asked for anew.
        ("drop the last step", Intent::Propose),
        ("cancel the steps", Intent::Propose),
        ("yes, but mail it to Maria instead", Intent::Propose),
        ("no, use Slack", Intent::Propose),
        ("apply the discount to all orders", Intent::Propose),
        ("undo the last commit in the repository", Intent::Propose),
        ("accept invoices above 100 euros", Intent::Propose),
    ] {
        assert_eq!(intent(text, &with_proposal()), expected, "{text}");
    }
}

#[test]
fn a_question_decides_nothing() {
    for text in [
        "is that right?",
        "is everything ok?",
        "do you accept this?",
        "looks good?",
        "ok?",
        "is it good",
        "should I accept it?",
        "why not?",
        "reject it?",
        "undo that?",
        "no?",
    ] {
        let meant = intent(text, &with_proposal());
        assert!(!matches!(meant, Intent::Accept { .. } | Intent::Reject { .. } | Intent::Undo), "{text}: {meant:?}");
    }
}

#[test]
fn a_rejection_may_say_why() {
    for (text, reason) in [
        ("No, because it mails Everybody", "it mails Everybody"),
        ("reject it: too expensive.", "too expensive."),
        ("don't, because the folder is shared: see the list", "the folder is shared: see the list"),
    ] {
        assert_eq!(intent(text, &with_proposal()), Intent::Reject { reason: Some(reason.to_owned()) }, "{text}");
    }
    for text in ["mail it to Maria, because she asked", "add a step: fetch", "no, mail it to Maria because she asked"] {
        assert_eq!(intent(text, &with_proposal()), Intent::Propose, "{text}");
    }
}

#[test]
fn another_proposal_is_asked_for_by_words_that_say_only_that() {
    for text in ["another", "something else, please", "No, try it differently", "propose another one"] {
        assert_eq!(intent(text, &with_proposal()), Intent::Another, "{text}");
    }
    for text in ["add another step", "mail something else", "try another folder"] {
        assert_eq!(intent(text, &with_proposal()), Intent::Propose, "{text}");
    }
}

#[test]
fn the_rest_of_what_is_accepted_in_part_is_accepted_by_a_word_for_it() {
    let mut now = with_proposal();
    now.proposal =
        now.proposal.map(|proposal| OpenProposal { steps: vec!["mail".to_owned()], in_part: true, ..proposal });
    for (text, expected) in [
        ("accept the rest", accept(&[], false)),
        ("accept mail too", accept(&["mail"], false)),
        ("apply the rest and run it", accept(&[], true)),
    ] {
        assert_eq!(intent(text, &now), expected, "{text}");
    }
    for text in ["ok, thanks", "yes", "good", "no", "run it"] {
        assert!(!matches!(intent(text, &now), Intent::Accept { .. } | Intent::Reject { .. }), "{text}");
    }
}

#[test]
fn nothing_is_accepted_while_nothing_is_proposed() {
    for text in ["yes", "ok, apply it", "looks good", "run it and accept"] {
        assert!(!matches!(intent(text, &now()), Intent::Accept { .. }), "{text}");
    }
    for text in ["accept the rest", "accept it", "reject that"] {
        assert_eq!(intent(text, &now()), Intent::NothingToDecide, "{text}");
    }
    assert_eq!(intent("accept the invoice", &now()), Intent::Propose);
}

#[test]
fn what_is_wanted_is_told_apart() {
    let run = |workflow: Option<&str>, inputs: &[(&str, &str)]| Intent::Run {
        workflow: workflow.map(str::to_owned),
        inputs: inputs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
    };
    let search = |query: &str| Intent::Search { query: query.to_owned() };
    for (text, expected) in [
        ("run it", run(None, &[])),
        ("please run the workflow now", run(None, &[])),
        ("run weekly brief", run(Some("weekly_brief"), &[])),
        ("start backup with folder=/srv/Data, days=3", run(Some("backup"), &[("folder", "/srv/Data"), ("days", "3")])),
        ("run the tests and mail me what fails", Intent::Propose),
        ("simulate it", Intent::Simulate { workflow: None }),
        ("dry run backup", Intent::Simulate { workflow: Some("backup".to_owned()) }),
        ("Why did last night's run fail?", Intent::AskRuns),
        ("what did it cost", Intent::AskRuns),
        ("How long did the backup take?", Intent::AskRuns),
        ("How long is the harbour wall?", search("How long is the harbour wall")),
        ("what does the licence cost?", search("what does the licence cost")),
        ("what is it waiting for?", Intent::AskRuns),
        ("what did it do?", Intent::AskRuns),
        ("show me the result of the last run", Intent::AskRuns),
        ("what does it do?", Intent::Show { workflow: None }),
        ("describe the backup workflow", Intent::Show { workflow: Some("backup".to_owned()) }),
        ("show me the steps", Intent::Show { workflow: None }),
        ("remember that Maria signs the invoices", Intent::Remember { text: "Maria signs the invoices".to_owned() }),
        ("What do we know about the harbour?", search("the harbour")),
        ("who signs the invoices?", search("who signs the invoices")),
        ("save this as a workflow", Intent::Keep { name: None }),
        ("save this as a workflow called harbour brief", Intent::Keep { name: Some("harbour_brief".to_owned()) }),
        ("keep it", Intent::Keep { name: None }),
        ("hello", Intent::Talk),
        ("what can you do?", Intent::Talk),
        ("", Intent::Talk),
        ("every Monday at 9, mail me the open issues", Intent::Propose),
        ("when a run fails, tell me on Slack", Intent::Propose),
        ("can you add a step that asks Maria?", Intent::Propose),
        ("tell me when the backup fails", Intent::Propose),
        ("keep only the rows of this year", Intent::Propose),
        ("Research Rust, compare it with Go and write a brief for the board, checked", Intent::Propose),
    ] {
        assert_eq!(intent(text, &now()), expected, "{text}");
    }
}

#[test]
fn no_text_is_too_strange() {
    for text in [
        "İİİ remember that İ",
        "run with =",
        "run it with =,=;",
        "\u{0}",
        "’’’",
        "remember that ",
        "?",
        "save it called",
    ] {
        let _ = (intent(text, &now()), intent(text, &with_proposal()));
    }
}
