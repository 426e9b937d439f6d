//! What people ask, and what is planned for it, with a small catalog of our own.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use serde_json::json;

mod any;
mod wishes;

use super::*;
use crate::workflow::yaml;
use crate::workflow::{Process, Step};

pub(super) fn tools() -> Vec<Card> {
    let read = |name: &str, description: &str| Card::of(name, description, Effect::Read, None, None);
    let write = |name: &str, description: &str| Card::of(name, description, Effect::Write, None, None);
    let mail = json!({
        "type": "object",
        "properties": { "to": { "type": "string" }, "subject": { "type": "string" }, "body": { "type": "string" } },
        "required": ["to", "body"],
    });
    vec![
        read("Shop.list_orders", "List all orders of the shop"),
        write("Shop.create_order", "Create an order in the shop"),
        write("Shop.update_order", "Update an order in the shop"),
        write("Shop.delete_order", "Delete an order from the shop"),
        read("Shop.list_customers", "List all customers of the shop"),
        write("Chat.send_message", "Send a message to a channel"),
        read("Chat.list_channels", "List all channels"),
        Card::of("Post.send_email", "Send an email", Effect::Irreversible, Some(&mail), None),
        read("Drive.list_files", "List the files in a folder"),
        write("Drive.copy_file", "Copy a file to another folder"),
        write("Drive.create_folder", "Create a folder"),
        write("Drive.delete_file", "Delete a file"),
        write("Helpdesk.create_ticket", "Create a ticket"),
        read("Helpdesk.list_tickets", "List all tickets"),
        write("Helpdesk.create_comment", "Add a comment to a ticket"),
        write("Tracker.create_ticket", "Create a ticket in the tracker"),
        write("Agenda.delete_event", "Delete an event"),
    ]
}

pub(super) fn ask(request: &str, workflow: Option<&Workflow>) -> (Planned, Workflow) {
    let tools = tools();
    let planned = plan(&Ask { request, workflow, tools: &tools, turns: &[] });
    let before = workflow.cloned().unwrap_or_else(empty);
    let after = apply_all(&before, &planned.edits).expect("edits apply");
    (planned, after)
}

/// A line a step: its id, what it does, what it needs.
pub(super) fn shown(workflow: &Workflow) -> String {
    fn list(steps: &[Step], depth: usize, text: &mut String) {
        for step in steps {
            let does = match &step.process {
                Process::Tool { tool } => tool.clone(),
                Process::Human(human) => format!("ask: {}", human.ask),
                Process::Agent { agent, goal, .. } => format!("{agent}: {goal}"),
                Process::Branch { cases } => cases.values().cloned().collect::<Vec<_>>().join(" | "),
                Process::ForEach(for_each) => {
                    format!("for {} in {}", for_each.item_name, for_each.items.as_str().unwrap_or_default())
                }
                other => format!("{} {:?}", other.kind(), other),
            };
            let needs: Vec<String> = step.needs.iter().map(ToString::to_string).collect();
            let needs = if needs.is_empty() { String::new() } else { format!("  <- {}", needs.join(", ")) };
            writeln!(text, "{}{}: {does}{needs}", "  ".repeat(depth), step.id).expect("a string");
            list(step.process.body().unwrap_or_default(), depth + 1, text);
        }
    }
    let mut text = String::new();
    if !workflow.triggers.is_empty() {
        writeln!(text, "{:?}", workflow.triggers).expect("a string");
    }
    list(&workflow.steps, 0, &mut text);
    text
}

fn check(requests: &[&str], expected: &Expect) {
    let text: Vec<String> =
        requests.iter().map(|request| format!("> {request}\n{}", shown(&ask(request, None).1))).collect();
    expected.assert_eq(&text.concat());
}

/// A workflow with a loop and a branch in it.
const ORDERS: &str = "
name: orders
steps:
  - id: orders
    process: { tool: Shop.list_orders }
  - id: each_order
    needs: [orders]
    process:
      for_each:
        items: '{{ steps.orders.output }}'
        as: order
        steps:
          - id: check
            process: { branch: { case_1: \"{{ order.status == 'open' }}\" } }
          - id: remind
            needs: [check.case_1]
            process: { tool: Post.send_email }
            input: { to: '{{ order.email }}', body: Pay }
          - id: ticket
            needs: [remind]
            process: { tool: Helpdesk.create_ticket }
          - id: update
            needs: [check.otherwise]
            process: { tool: Shop.update_order }
  - id: announce
    needs: [each_order]
    process: { tool: Chat.send_message }
";

pub(super) fn check_edits(requests: &[&str], expected: &Expect) {
    let before = yaml::parse(ORDERS).expect("a workflow").workflow;
    let text: Vec<String> = requests
        .iter()
        .map(|request| {
            let (planned, after) = ask(request, Some(&before));
            let old = shown(&before);
            let new = shown(&after);
            let diff = similar::TextDiff::from_lines(&old, &new);
            let changes: Vec<String> = diff
                .iter_all_changes()
                .filter(|change| change.tag() != similar::ChangeTag::Equal)
                .map(|change| format!("{} {}", change.tag(), change.value()))
                .collect();
            let questions: Vec<String> = planned
                .questions
                .iter()
                .map(|question| {
                    let choices: Vec<&str> = question.choices.iter().map(|choice| choice.request.as_str()).collect();
                    format!("? {} [{}]\n", question.text, choices.join("; "))
                })
                .collect();
            format!("> {request}\n{}{}", changes.concat(), questions.concat())
        })
        .collect();
    expected.assert_eq(&text.concat());
}

#[test]
fn steps_follow_each_other() {
    check(
        &[
            "List the orders and send a message to the chat",
            "Create a ticket in the tracker. Before that create a folder.",
            "Send an email after deleting the file",
            "Create two tickets in the helpdesk, then a comment",
            "An order should be created and then a message should be sent",
            "Create: 1. a folder 2. an order",
            "Cancel an appointment",
        ],
        &expect![[r"
            > List the orders and send a message to the chat
            orders: Shop.list_orders
            send_message: Chat.send_message  <- orders
            > Create a ticket in the tracker. Before that create a folder.
            folder: Drive.create_folder
            ticket: Tracker.create_ticket  <- folder
            > Send an email after deleting the file
            delete_file: Drive.delete_file
            send_email: Post.send_email  <- delete_file
            > Create two tickets in the helpdesk, then a comment
            ticket: Helpdesk.create_ticket
            ticket_2: Helpdesk.create_ticket  <- ticket
            comment: Helpdesk.create_comment  <- ticket_2
            > An order should be created and then a message should be sent
            order: Shop.create_order
            send_message: Chat.send_message  <- order
            > Create: 1. a folder 2. an order
            folder: Drive.create_folder
            order: Shop.create_order  <- folder
            > Cancel an appointment
            delete_event: Agenda.delete_event
        "]],
    );
}

#[test]
fn loops_go_through_what_is_listed() {
    check(
        &[
            "For each order create a ticket in the tracker",
            "List all orders and send an email for each order that has a 'late' status",
            "List the customers. For every customer list the orders and check them.",
            "Create a new folder and copy each file to it",
            "Delete all files",
            "List the orders and delete the ones that are closed",
            "List all customers and list and delete all orders that belong to any of the customers",
            "Remind every tenant",
        ],
        &expect![[r"
            > For each order create a ticket in the tracker
            orders: Shop.list_orders
            each_order: for order in {{ steps.orders.output }}  <- orders
              ticket: Tracker.create_ticket
            > List all orders and send an email for each order that has a 'late' status
            orders: Shop.list_orders
            each_order: for order in {{ steps.orders.output }}  <- orders
              check_status: {{ order.status == 'late' }}
              send_email: Post.send_email  <- check_status.case_1
            > List the customers. For every customer list the orders and check them.
            customers: Shop.list_customers
            each_customer: for customer in {{ steps.customers.output }}  <- customers
              orders: Shop.list_orders
              check: ask: Check them.  <- orders
            > Create a new folder and copy each file to it
            folder: Drive.create_folder
            files: Drive.list_files  <- folder
            each_file: for file in {{ steps.files.output }}  <- files
              copy_file: Drive.copy_file
            > Delete all files
            files: Drive.list_files
            each_file: for file in {{ steps.files.output }}  <- files
              delete_file: Drive.delete_file
            > List the orders and delete the ones that are closed
            orders: Shop.list_orders
            each_order: for order in {{ steps.orders.output }}  <- orders
              check: {{ order.status == 'closed' }}
              delete_order: Shop.delete_order  <- check.case_1
            > List all customers and list and delete all orders that belong to any of the customers
            customers: Shop.list_customers
            each_customer: for customer in {{ steps.customers.output }}  <- customers
              orders: Shop.list_orders
              each_order: for order in {{ steps.orders.output }}  <- orders
                delete_order: Shop.delete_order
            > Remind every tenant
            each_tenant: for tenant in {{ inputs.tenant }}
              send_message: Chat.send_message
        "]],
    );
}

#[test]
fn conditions_lead_to_branches() {
    check(
        &[
            "For each order, if the amount is more than 100, send an email, otherwise create a ticket in the tracker. Finally send a chat message.",
            "List all orders. If the order is not paid, delete it unless the customer is 'gold'.",
            "For each ticket in the helpdesk check if a comment exists. If not, create a comment.",
            "If the amount is at least 10 or the name contains 'x', create an order; else if the amount equals 5 delete the order, else send an email",
        ],
        &expect![[r#"
            > For each order, if the amount is more than 100, send an email, otherwise create a ticket in the tracker. Finally send a chat message.
            orders: Shop.list_orders
            each_order: for order in {{ steps.orders.output }}  <- orders
              check_amount: {{ order.amount > 100 }}
              send_email: Post.send_email  <- check_amount.case_1
              ticket: Tracker.create_ticket  <- check_amount.otherwise
            send_message: Chat.send_message  <- each_order
            > List all orders. If the order is not paid, delete it unless the customer is 'gold'.
            orders: Shop.list_orders
            each_order: for order in {{ steps.orders.output }}  <- orders
              check: {{ order.status != 'paid' }}
              check_2: {{ order.customer != 'gold' }}  <- check.case_1
              delete_order: Shop.delete_order  <- check_2.case_1
            > For each ticket in the helpdesk check if a comment exists. If not, create a comment.
            tickets: Helpdesk.list_tickets
            each_ticket: for ticket in {{ steps.tickets.output }}  <- tickets
              check: {{ ticket.comment == none }}
              comment: Helpdesk.create_comment  <- check.case_1
            > If the amount is at least 10 or the name contains 'x', create an order; else if the amount equals 5 delete the order, else send an email
            check_amount: {{ inputs.subject.amount >= 10 or 'x' in inputs.subject.name }} | {{ inputs.subject.amount == 5 }}
            order: Shop.create_order  <- check_amount.case_1
            delete_order: Shop.delete_order  <- check_amount.case_2
            send_email: Post.send_email  <- check_amount.otherwise
        "#]],
    );
}

#[test]
fn people_and_agents_do_what_no_tool_does() {
    check(
        &[
            "Research the market for bicycles, summarise what you find and write a brief for the board, then check it",
            "Ask Jane for approval before sending the email",
            "List the orders, wait two days and call the customers",
            "Ask Jane for approval. If she rejects it, send a chat message.",
        ],
        &expect![[r#"
            > Research the market for bicycles, summarise what you find and write a brief for the board, then check it
            research_market_bicycles: research: Research the market for bicycles; quote every finding with its source
            summarise_what_you_find: analysis: Summarise what you find; cite what every point rests on  <- research_market_bicycles
            write_brief: implementation: Write a brief for the board  <- summarise_what_you_find
            check: qa: Check it. It is accepted if it is what was asked for: “Write a brief for the board”, it answers “The market for bicycles”, every claim cites a finding that bears it out and what the findings do not answer is named as not known  <- write_brief
            > Ask Jane for approval before sending the email
            approval: ask: Ask Jane for approval.
            send_email: Post.send_email  <- approval
            > List the orders, wait two days and call the customers
            orders: Shop.list_orders
            wait: wait Wait(For(172800s))  <- orders
            call_customers: ask: Call the customers.  <- wait
            > Ask Jane for approval. If she rejects it, send a chat message.
            approval: ask: Ask Jane for approval.
            send_message: Chat.send_message  <- approval.rejected
        "#]],
    );
}

#[test]
fn triggers_and_settings() {
    check(
        &[
            "Every Monday at 9 list the orders",
            "When a webhook arrives, create an order. If that fails, send a chat message.",
            "Create an order, retry it three times with a timeout of 5 minutes",
        ],
        &expect![[r#"
            > Every Monday at 9 list the orders
            [Cron { pattern: "0 9 * * MON", timezone: None }]
            orders: Shop.list_orders
            > When a webhook arrives, create an order. If that fails, send a chat message.
            [Webhook { path: "start" }]
            order: Shop.create_order
            send_message: Chat.send_message  <- order.error
            > Create an order, retry it three times with a timeout of 5 minutes
            order: Shop.create_order
        "#]],
    );
    let (_, after) = ask("Create an order, retry it three times with a timeout of 5 minutes", None);
    let step = &after.steps[0];
    assert_eq!(step.retry.map(|retry| retry.max_attempts), Some(4));
    assert_eq!(step.timeout, Some(std::time::Duration::from_mins(5)));
}

#[test]
fn arguments_come_from_words_steps_and_inputs() {
    let (planned, after) =
        ask("List the orders and send an email with the subject 'Orders' to boss@example.org saying 'Look'", None);
    expect![[r#"
        {
          "to": "boss@example.org",
          "subject": "Orders",
          "body": "Look"
        }"#]]
    .assert_eq(&format!("{:#}", serde_json::to_value(&after.steps[1].input).expect("JSON")));
    assert!(planned.questions.is_empty());
    let (planned, after) = ask("Send an email", None);
    expect![[r#"
        {"to": Object {"type": String("string")}, "body": Object {"type": String("string")}}
        {"to": String("{{ inputs.to }}"), "body": String("{{ inputs.body }}")}
        `to` of `Post.send_email` was not said: it is the input `to`.
        `body` of `Post.send_email` was not said: it is the input `body`."#]]
    .assert_eq(&format!("{:?}\n{:?}\n{}", after.inputs, after.steps[0].input, planned.assumptions.join("\n")));
}

#[test]
fn steps_are_left_out() {
    check_edits(
        &[
            "Don't create the ticket",
            "Remove the step that sends the email",
            "Remove all steps if the status is open",
            "We do not need the chat message and the email",
            "Remove all steps except listing the orders",
            "Delete the announce step",
        ],
        &expect![[r"
            > Don't create the ticket
            -   ticket: Helpdesk.create_ticket  <- remind
            > Remove the step that sends the email
            -   remind: Post.send_email  <- check.case_1
            -   ticket: Helpdesk.create_ticket  <- remind
            +   ticket: Helpdesk.create_ticket  <- check.case_1
            > Remove all steps if the status is open
            -   check: {{ order.status == 'open' }}
            -   remind: Post.send_email  <- check.case_1
            -   ticket: Helpdesk.create_ticket  <- remind
            -   update: Shop.update_order  <- check.otherwise
            +   check: {{ order.status != 'open' }}
            +   update: Shop.update_order  <- check.case_1
            > We do not need the chat message and the email
            -   remind: Post.send_email  <- check.case_1
            -   ticket: Helpdesk.create_ticket  <- remind
            +   ticket: Helpdesk.create_ticket  <- check.case_1
            - announce: Chat.send_message  <- each_order
            > Remove all steps except listing the orders
            - each_order: for order in {{ steps.orders.output }}  <- orders
            -   check: {{ order.status == 'open' }}
            -   remind: Post.send_email  <- check.case_1
            -   ticket: Helpdesk.create_ticket  <- remind
            -   update: Shop.update_order  <- check.otherwise
            - announce: Chat.send_message  <- each_order
            > Delete the announce step
            - announce: Chat.send_message  <- each_order
        "]],
    );
}

#[test]
fn steps_are_exchanged() {
    check_edits(
        &[
            "Create the ticket in the tracker instead",
            "Replace the chat message with an email",
            "Instead of updating the order, delete it",
            "Use the tracker instead of the helpdesk",
            "Replace 'open' with 'late'",
        ],
        &expect![[r"
            > Create the ticket in the tracker instead
            -   ticket: Helpdesk.create_ticket  <- remind
            +   ticket: Tracker.create_ticket  <- remind
            > Replace the chat message with an email
            - announce: Chat.send_message  <- each_order
            + announce: Post.send_email  <- each_order
            > Instead of updating the order, delete it
            -   update: Shop.update_order  <- check.otherwise
            +   update: Shop.delete_order  <- check.otherwise
            > Use the tracker instead of the helpdesk
            -   ticket: Helpdesk.create_ticket  <- remind
            +   ticket: Tracker.create_ticket  <- remind
            > Replace 'open' with 'late'
            -   check: {{ order.status == 'open' }}
            +   check: {{ order.status == 'late' }}
        "]],
    );
}

#[test]
fn steps_are_put_in_and_moved() {
    check_edits(
        &[
            "Also create a folder",
            "Create a folder before sending the email",
            "Add a comment to the ticket after it is created",
            "In the loop also send a chat message",
            "If the status is open also copy the file",
            "Otherwise create a folder",
            "If the order amount is over 50, create a folder",
            "If the chat message fails then create a ticket in the tracker",
            "First list the customers",
            "Swap the email and the ticket",
            "Only send the chat message if the weather is 'fine'",
            "Rename the step announce to shout",
            "Run it every Friday at 17:30",
        ],
        &expect![[r#"
            > Also create a folder
            + folder: Drive.create_folder  <- announce
            > Create a folder before sending the email
            -   remind: Post.send_email  <- check.case_1
            +   folder: Drive.create_folder  <- check.case_1
            +   remind: Post.send_email  <- folder
            > Add a comment to the ticket after it is created
            +   comment: Helpdesk.create_comment  <- ticket
            > In the loop also send a chat message
            +   send_message: Chat.send_message  <- ticket, update
            > If the status is open also copy the file
            +   copy_file: Drive.copy_file  <- ticket
            > Otherwise create a folder
            +   folder: Drive.create_folder  <- update
            > If the order amount is over 50, create a folder
            +   check_amount: {{ order.amount > 50 }}  <- ticket, update
            +   folder: Drive.create_folder  <- check_amount.case_1
            > If the chat message fails then create a ticket in the tracker
            + ticket_2: Tracker.create_ticket  <- announce.error
            > First list the customers
            - orders: Shop.list_orders
            + customers: Shop.list_customers
            + orders: Shop.list_orders  <- customers
            > Swap the email and the ticket
            -   remind: Post.send_email  <- check.case_1
            -   ticket: Helpdesk.create_ticket  <- remind
            +   ticket: Helpdesk.create_ticket  <- check.case_1
            +   remind: Post.send_email  <- ticket
            > Only send the chat message if the weather is 'fine'
            - announce: Chat.send_message  <- each_order
            + check_2: {{ steps.orders.output.weather == 'fine' }}  <- each_order
            + announce: Chat.send_message  <- check_2.case_1
            > Rename the step announce to shout
            - announce: Chat.send_message  <- each_order
            + shout: Chat.send_message  <- each_order
            > Run it every Friday at 17:30
            + [Cron { pattern: "30 17 * * FRI", timezone: None }]
        "#]],
    );
}

#[test]
fn a_question_is_asked_where_a_guess_would_remove_something() {
    let before = yaml::parse(
        "name: two\nsteps:\n  - { id: first_note, process: { tool: Chat.send_message } }\n  - { id: second_note, process: { tool: Chat.send_message } }\n",
    )
    .expect("a workflow")
    .workflow;
    let (planned, _) = ask("Remove the chat message", Some(&before));
    assert!(planned.edits.is_empty());
    let choices: Vec<&str> = planned.questions[0].choices.iter().map(|choice| choice.request.as_str()).collect();
    assert_eq!(choices, ["Remove the step `first_note`", "Remove the step `second_note`"]);
    let (planned, after) = ask(choices[1], Some(&before));
    assert!(planned.questions.is_empty());
    assert_eq!(after.steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>(), ["first_note"]);
}

#[test]
fn several_tools_that_fit_are_asked_about_and_one_is_taken_for_now() {
    let (planned, after) = ask("Create a ticket", None);
    expect![[r#"
        ticket: Helpdesk.create_ticket
        [
            Ambiguity {
                text: "Several tools could create the ticket. Which one is meant?",
                choices: [
                    Choice {
                        label: "Helpdesk",
                        request: "Create a ticket with `Helpdesk.create_ticket`",
                    },
                    Choice {
                        label: "Tracker",
                        request: "Create a ticket with `Tracker.create_ticket`",
                    },
                ],
            },
        ]
        ["`Helpdesk.create_ticket` is called for `ticket` unless another is chosen."]"#]]
    .assert_eq(&format!("{}{:#?}\n{:?}", shown(&after), planned.questions, planned.assumptions));
}

#[test]
fn questions_and_small_talk_change_nothing() {
    for request in ["Why did the last run fail?", "What does this do?", "hello", "", "thanks!", "Does it send emails?"]
    {
        let (planned, _) = ask(request, None);
        assert!(planned.edits.is_empty(), "{request}: {:?}", planned.edits);
        assert!(!planned.assumptions.is_empty(), "{request}");
    }
}

#[test]
fn every_step_has_evidence() {
    let (planned, after) = ask("List all orders and send an email for each order that is late", None);
    let mut ids = Vec::new();
    draft::each_step(&after.steps, &mut |step| ids.push(step.id.clone()));
    for id in ids {
        let evidence =
            planned.evidence.iter().find(|evidence| evidence.step == id).unwrap_or_else(|| panic!("none for {id}"));
        assert!((0.0..=1.0).contains(&evidence.confidence));
        assert!(!evidence.said.is_empty());
    }
}
