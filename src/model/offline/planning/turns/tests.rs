use super::super::Turn;
use super::*;

fn turns(said: &[&str]) -> Vec<Turn> {
    let role = |at: usize| if at.is_multiple_of(2) { Role::User } else { Role::Assistant };
    said.iter().enumerate().map(|(at, text)| Turn { role: role(at), text: (*text).to_owned() }).collect()
}

/// What the last of what was said means, in the workflow with these steps.
fn check(said: &[&str], steps: &[&str], expected: &str) {
    let (request, before) = said.split_last().unwrap();
    let mut workflow = super::super::empty();
    for id in steps {
        let human = crate::workflow::Process::Human(crate::workflow::Human::asking("Do it.".to_owned()));
        workflow.steps.push(crate::workflow::Step::of((*id).into(), human));
    }
    let turns = turns(before);
    let ask = Ask { request, workflow: (!steps.is_empty()).then_some(&workflow), tools: &[], turns: &turns };
    let meant = match meant(&ask, &|_| Planned::default()) {
        Meant::AsSaid => "as said".to_owned(),
        Meant::Same(request) => request,
        Meant::Nothing => "nothing".to_owned(),
    };
    assert_eq!(meant, expected, "{said:?}");
}

#[test]
fn answers_go_where_the_question_came_from() {
    check(
        &["Copy the folder and tell Ines.", "Which store do you mean: Vault or Attic?", "Attic"],
        &[],
        "Copy the folder with Attic and tell Ines",
    );
    check(
        &[
            "Copy the folder and tell Ines.",
            "Which store do you mean: Vault or Attic?",
            "the first one",
            "How shall Ines be told: by mail or by phone?",
            "by phone",
        ],
        &[],
        "Copy the folder with Vault and tell Ines by phone",
    );
    check(
        &["Call the plumber.", "Shall that be before or after the visit is booked?", "Before."],
        &[],
        "Call the plumber before the visit is booked",
    );
}

#[test]
fn yes_and_no_to_an_offer() {
    let offered = ["What comes last?", "The step tidy empties the folder. Shall I remove it?"];
    check(&[offered[0], offered[1], "yes please"], &["fetch", "tidy"], "remove the step tidy");
    check(&[offered[0], offered[1], "no, keep it"], &["fetch", "tidy"], "nothing");
    check(&["No, leave everything as it is."], &["fetch"], "nothing");
}

#[test]
fn corrections_take_the_place_of_what_they_correct() {
    check(
        &["Translate it into Czech.", "I would translate it into Czech.", "Sorry, I meant Slovak."],
        &[],
        "Translate it into Slovak.",
    );
    check(
        &["Every Monday fetch the news", "Here is a proposal.", "make it daily instead"],
        &[],
        "daily fetch the news",
    );
    check(&["Mail it to ada@example.com", "Done.", "no, to bob@example.com"], &[], "Mail it to bob@example.com");
}

#[test]
fn what_stands_for_something_else() {
    check(&["Which step tidies?", "The step tidy does.", "Remove it."], &["fetch", "tidy"], "Remove the step tidy.");
    check(
        &["What comes then?", "First fetch, then tidy.", "Drop the second one."],
        &["fetch", "tidy"],
        "Drop the step tidy.",
    );
    check(
        &[
            "What lists are there?",
            "The members of the club, and the guests.",
            "Take the latter and mail each of them.",
        ],
        &[],
        "Take the guests and mail each of them.",
    );
    check(&["What is new?", "Nothing.", "Remove the step tidy and rename it."], &["fetch", "tidy"], "as said");
}

#[test]
fn a_request_goes_on() {
    check(
        &["Send the report to sales@example.com.", "Here is a proposal.", "and then also to legal@example.com"],
        &[],
        "Send the report to sales@example.com, and then also Send the report to legal@example.com",
    );
}

#[test]
fn facts_are_found_by_what_they_are_about() {
    let facts = Facts::of(&turns(&["Our plumber's number is +43 1 555 0142.", "Noted."]));
    let found: Vec<String> = facts.said_of(&tokens("text the plumber")).into_iter().map(|said| said.text).collect();
    assert_eq!(found, ["+43 1 555 0142"]);
    assert!(facts.said_of(&tokens("text the baker")).is_empty());
}
