//! What people say of the workflow that is there, and what becomes of it.

use expect_test::expect;
use serde_json::json;

use super::super::tests::{ask, check_edits};
use crate::workflow::yaml;
use crate::workflow::{HumanDefault, OnError, Outcome, Process, Step, Workflow};

#[test]
fn arms_are_found_by_what_they_are_called() {
    check_edits(
        &[
            "If the order is open, first copy the file",
            "For each closed order send a message as well",
            "All the other orders get a comment",
            "Closed orders shouldn't get updated any more",
            "When the order is open, nothing has to be done",
            "Open orders need no ticket",
        ],
        &expect![[r#"
            > If the order is open, first copy the file
            -   remind: Post.send_email  <- check.case_1
            +   copy_file: Drive.copy_file  <- check.case_1
            +   remind: Post.send_email  <- copy_file
            > For each closed order send a message as well
            +   send_message: Chat.send_message  <- update
            > All the other orders get a comment
            +   comment: Helpdesk.create_comment  <- update
            > Closed orders shouldn't get updated any more
            -   update: Shop.update_order  <- check.otherwise
            > When the order is open, nothing has to be done
            > Open orders need no ticket
            -   ticket: Helpdesk.create_ticket  <- remind
        "#]],
    );
}

#[test]
fn what_is_there_is_put_in_order() {
    check_edits(
        &[
            "Create the ticket first, then send the email",
            "The ticket comes before the email",
            "The ticket should only be created after a file has been copied",
            "Only create the ticket if the total is above 10",
            "After all orders are done, create a folder",
            "Please delete the email and create a folder",
        ],
        &expect![[r#"
            > Create the ticket first, then send the email
            -   remind: Post.send_email  <- check.case_1
            -   ticket: Helpdesk.create_ticket  <- remind
            +   ticket: Helpdesk.create_ticket  <- check.case_1
            +   remind: Post.send_email  <- ticket
            > The ticket comes before the email
            -   remind: Post.send_email  <- check.case_1
            -   ticket: Helpdesk.create_ticket  <- remind
            +   ticket: Helpdesk.create_ticket  <- check.case_1
            +   remind: Post.send_email  <- ticket
            > The ticket should only be created after a file has been copied
            -   ticket: Helpdesk.create_ticket  <- remind
            +   copy_file: Drive.copy_file  <- remind
            +   ticket: Helpdesk.create_ticket  <- copy_file
            > Only create the ticket if the total is above 10
            -   ticket: Helpdesk.create_ticket  <- remind
            +   check_total: {{ order.total > 10 }}  <- remind
            +   ticket: Helpdesk.create_ticket  <- check_total.case_1
            > After all orders are done, create a folder
            - announce: Chat.send_message  <- each_order
            + folder: Drive.create_folder  <- each_order
            + announce: Chat.send_message  <- folder
            > Please delete the email and create a folder
            -   remind: Post.send_email  <- check.case_1
            +   remind: Drive.create_folder  <- check.case_1
        "#]],
    );
}

#[test]
fn what_is_to_stay_stays() {
    check_edits(
        &[
            "Leave the ticket alone",
            "We no longer remind anybody, so take that step out",
            "Keep everything as it is, just drop the ticket",
            "Remove the step that feeds the goldfish",
            "Remove everything but listing the orders",
        ],
        &expect![[r#"
            > Leave the ticket alone
            > We no longer remind anybody, so take that step out
            > Keep everything as it is, just drop the ticket
            -   ticket: Helpdesk.create_ticket  <- remind
            > Remove the step that feeds the goldfish
            > Remove everything but listing the orders
            - each_order: for order in {{ steps.orders.output }}  <- orders
            -   check: {{ order.status == 'open' }}
            -   remind: Post.send_email  <- check.case_1
            -   ticket: Helpdesk.create_ticket  <- remind
            -   update: Shop.update_order  <- check.otherwise
            - announce: Chat.send_message  <- each_order
        "#]],
    );
}

#[test]
fn one_thing_gives_way_to_another() {
    check_edits(
        &[
            "Create the ticket in the Tracker, please",
            "Swap the ticket for a folder",
            "Make that ticket a message",
            "We want the Tracker rather than the Helpdesk",
        ],
        &expect![[r#"
            > Create the ticket in the Tracker, please
            -   ticket: Helpdesk.create_ticket  <- remind
            +   ticket: Tracker.create_ticket  <- remind
            > Swap the ticket for a folder
            -   ticket: Helpdesk.create_ticket  <- remind
            +   ticket: Drive.create_folder  <- remind
            > Make that ticket a message
            -   ticket: Helpdesk.create_ticket  <- remind
            +   ticket: Chat.send_message  <- remind
            > We want the Tracker rather than the Helpdesk
            -   ticket: Helpdesk.create_ticket  <- remind
            +   ticket: Tracker.create_ticket  <- remind
        "#]],
    );
}

const LETTERS: &str = r#"
name: letters
triggers: [{ cron: "0 8 * * *" }]
steps:
  - id: orders
    process: { tool: Shop.list_orders }
  - id: each_order
    needs: [orders]
    process:
      for_each:
        items: "{{ steps.orders.output }}"
        as: order
        steps:
          - id: ask
            process: { human: { ask: "Is {{ order.name }} paid?" } }
          - id: remind
            needs: [ask.rejected]
            input: { to: "{{ order.email }}", subject: Reminder, body: Pay }
            process: { tool: Post.send_email }
  - id: report
    needs: [each_order]
    process: { agent: implementation, goal: Write a report in two pages }
"#;

/// What becomes of the letters.
fn letters(request: &str) -> Workflow {
    let before = yaml::parse(LETTERS).expect("a workflow").workflow;
    ask(request, Some(&before)).1
}

fn step(workflow: &Workflow, id: &str) -> Step {
    let mut found = None;
    super::super::draft::each_step(&workflow.steps, &mut |step| {
        if step.id.as_str() == id {
            found = Some(step.clone());
        }
    });
    found.unwrap_or_else(|| panic!("there is no step `{id}`"))
}

#[test]
fn settings_are_put_on_what_they_are_said_of() {
    let seconds = std::time::Duration::from_secs;
    assert_eq!(
        step(&letters("The reminder must not take longer than 20 seconds."), "remind").timeout,
        Some(seconds(20))
    );
    assert_eq!(
        step(&letters("Try the reminder three times."), "remind").retry.map(|retry| retry.max_attempts),
        Some(3)
    );
    let each = |request: &str| match step(&letters(request), "each_order").process {
        Process::ForEach(each) => (each.concurrency, each.on_error),
        other => panic!("{other:?}"),
    };
    assert_eq!(each("Remind up to four at the same time"), (4, OnError::Stop));
    assert_eq!(each("Deal with three orders at once"), (3, OnError::Stop));
    assert_eq!(each("One failing reminder should not stop the others"), (1, OnError::Collect));
    assert_eq!(each("If one fails, carry on with the rest"), (1, OnError::Collect));
    let human = |request: &str| match step(&letters(request), "ask").process {
        Process::Human(human) => human,
        other => panic!("{other:?}"),
    };
    let rejected = HumanDefault { after: seconds(2 * 24 * 60 * 60), outcome: Outcome::from(Outcome::REJECTED) };
    assert_eq!(human("If nobody answers within two days, take it as a no").default, Some(rejected));
    assert_eq!(human("Only Ada may approve it").to, ["ada"]);
}

#[test]
fn what_a_step_is_given_is_put_otherwise() {
    let input = |request: &str, name: &str| step(&letters(request), "remind").input.get(name).cloned();
    assert_eq!(input("The subject of the email should be \"Last call\"", "subject"), Some(json!("Last call")));
    assert_eq!(input("Set the subject to \"Last call\"", "subject"), Some(json!("Last call")));
    assert_eq!(input("I'd like \"Request\" rather than \"Reminder\"", "subject"), Some(json!("Request")));
    // Nothing else changes.
    assert_eq!(input("The subject of the email should be \"Last call\"", "body"), Some(json!("Pay")));
    let goal = |request: &str| match step(&letters(request), "report").process {
        Process::Agent { goal, .. } => goal,
        other => panic!("{other:?}"),
    };
    assert_eq!(goal("The report should have three pages instead of two"), "Write a report in three pages");
}

#[test]
fn schedules_are_changed_and_dropped() {
    assert!(letters("Don't run it on a schedule any more").triggers.is_empty());
    assert_eq!(letters("Run it every day at 9").triggers.len(), 1);
    assert_eq!(letters("Also run it every day at 9").triggers.len(), 2);
}

#[test]
fn what_is_stated_before_tells_what_the_wish_speaks_of() {
    check_edits(
        &[
            "I changed my mind: the tickets are confidential, so please take out the step that creates them.",
            "The helpdesk creates the ticket now, so drop that step.",
        ],
        &expect![[r#"
            > I changed my mind: the tickets are confidential, so please take out the step that creates them.
            -   ticket: Helpdesk.create_ticket  <- remind
            > The helpdesk creates the ticket now, so drop that step.
            -   ticket: Helpdesk.create_ticket  <- remind
        "#]],
    );
}
