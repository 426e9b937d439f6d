//! How people ask for something new: politely, in passing, for each of several, all at once.

use expect_test::expect;

use super::check;

#[test]
fn what_is_said_beside_it_makes_no_steps() {
    check(
        &[
            "Good morning! I would be most grateful if you could list the orders (there are about 60 of them), so that we know.",
            "Since the shop is closing next week, please delete the order and, as we agreed, let the team know in the chat.",
            "We need something that lists the tickets, which normally takes me an hour, and then sends an email.",
        ],
        &expect![[r#"
            > Good morning! I would be most grateful if you could list the orders (there are about 60 of them), so that we know.
            orders: Shop.list_orders
            > Since the shop is closing next week, please delete the order and, as we agreed, let the team know in the chat.
            delete_order: Shop.delete_order
            send_message: Chat.send_message  <- delete_order
            > We need something that lists the tickets, which normally takes me an hour, and then sends an email.
            tickets: Helpdesk.list_tickets
            send_email: Post.send_email  <- tickets
        "#]],
    );
}

#[test]
fn slips_and_verbs_apart_are_read() {
    check(
        &["Retreive the tickets, then thorw them away", "Could you set the folder up and drop me a line?"],
        &expect![[r#"
            > Retreive the tickets, then thorw them away
            tickets: Helpdesk.list_tickets
            delete: ask: Delete them.  <- tickets
            > Could you set the folder up and drop me a line?
            folder: Drive.create_folder
            send_message: Chat.send_message  <- folder
        "#]],
    );
}

#[test]
fn each_of_several_is_told_in_many_ways() {
    check(
        &[
            "For each of Bern, Basel and Chur: create a folder",
            "Every order needs a ticket in the helpdesk",
            "Send each of the customers an email",
            "Go through the orders: expired ones get deleted, the rest updated.",
            "List the tickets, and for those whose priority is 'high' send a message, for the others add a comment.",
        ],
        &expect![[r#"
            > For each of Bern, Basel and Chur: create a folder
            each_name: for name in 
              folder: Drive.create_folder
            > Every order needs a ticket in the helpdesk
            orders: Shop.list_orders
            each_order: for order in {{ steps.orders.output }}  <- orders
              ticket: Helpdesk.create_ticket
            > Send each of the customers an email
            customers: Shop.list_customers
            each_customer: for customer in {{ steps.customers.output }}  <- customers
              send_email: Post.send_email
            > Go through the orders: expired ones get deleted, the rest updated.
            orders: Shop.list_orders
            each_order: for order in {{ steps.orders.output }}  <- orders
              check: {{ order.status == 'expired' }}
              delete_order: Shop.delete_order  <- check.case_1
              update_order: Shop.update_order  <- check.otherwise
            > List the tickets, and for those whose priority is 'high' send a message, for the others add a comment.
            tickets: Helpdesk.list_tickets
            each_ticket: for ticket in {{ steps.tickets.output }}  <- tickets
              check_priority: {{ ticket.priority == 'high' }}
              send_message: Chat.send_message  <- check_priority.case_1
              comment: Helpdesk.create_comment  <- check_priority.otherwise
        "#]],
    );
}

#[test]
fn what_goes_on_at_the_same_time_needs_the_same() {
    check(
        &[
            "At the same time, list the orders and the channels; then send an email.",
            "List the orders. Meanwhile, list the channels.",
        ],
        &expect![[r#"
            > At the same time, list the orders and the channels; then send an email.
            orders: Shop.list_orders
            channels: Chat.list_channels
            send_email: Post.send_email  <- orders, channels
            > List the orders. Meanwhile, list the channels.
            orders: Shop.list_orders
            channels: Chat.list_channels
        "#]],
    );
}

#[test]
fn what_is_sent_is_there_before() {
    check(
        &["Send the orders to the boss by email", "I'd like to have all tickets in an email"],
        &expect![[r#"
            > Send the orders to the boss by email
            orders: Shop.list_orders
            send_email: Post.send_email  <- orders
            > I'd like to have all tickets in an email
            tickets: Helpdesk.list_tickets
            send_email: Post.send_email  <- tickets
        "#]],
    );
}
