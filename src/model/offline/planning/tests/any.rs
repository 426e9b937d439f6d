//! Whatever is asked of whatever tools, what is planned can be carried out.

use proptest::prelude::*;

use super::*;

/// Words that requests are made of, so that chance finds what the grammar knows.
const WORDS: &[&str] = &[
    "create",
    "delete",
    "list",
    "send",
    "remove",
    "replace",
    "with",
    "instead",
    "of",
    "for",
    "each",
    "every",
    "all",
    "order",
    "orders",
    "the",
    "a",
    "ticket",
    "email",
    "message",
    "if",
    "unless",
    "otherwise",
    "not",
    "don't",
    "before",
    "after",
    "and",
    ",",
    ".",
    "then",
    "it",
    "them",
    "status",
    "is",
    "open",
    "'hot'",
    "100",
    "more",
    "than",
    "steps",
    "step",
    "except",
    "move",
    "swap",
    "rename",
    "to",
    "in",
    "loop",
    "in the loop",
    "Monday",
    "at",
    "9",
    "retry",
    "three",
    "times",
    "wait",
    "two",
    "days",
    "fails",
    "ask",
    "Jane",
    "approval",
    "only",
    "first",
    "finally",
    "announce",
    "check",
    "remind",
    "ü",
    "{{",
    "}}",
    "{%",
    "`x`",
    "\n",
    "-",
    "1.",
    "when",
    "webhook",
    "tracker",
    "helpdesk",
    "new",
    "copy",
    "file",
    "timeout",
    "minutes",
    "research",
    "write",
    "rejects",
    "so",
    "between",
    "should",
    "be",
    "created",
    "none",
    "of each",
    "any of",
];

/// What names and descriptions of tools are made of.
const TOLD: &[&str] = &[
    "List",
    "list",
    "get",
    "Create",
    "creates",
    "a",
    "the",
    "new",
    "user",
    "users",
    "Message",
    "is",
    "sent",
    "to",
    "of",
    "File",
    "GitLab",
    "issue",
    "Returns",
    "details",
    "3",
    "0",
    "V2",
    "deletewithwhere",
    "allows",
    "you",
    "all",
    "and",
    "ü",
    "POST",
    "single-use",
    "with",
    "it's",
    "\"",
    "(",
    "",
];

/// How many requests are tried: `CALLBOARD_REQUESTS`, which `make soak` sets.
fn cases() -> ProptestConfig {
    let cases = std::env::var("CALLBOARD_REQUESTS").ok().and_then(|text| text.parse().ok());
    ProptestConfig::with_cases(cases.unwrap_or(256))
}

fn requests() -> impl Strategy<Value = String> {
    let words = prop::collection::vec(prop::sample::select(WORDS), 0..16).prop_map(|words| words.join(" "));
    prop_oneof![3 => words, 1 => ".{0,80}"]
}

fn cards() -> impl Strategy<Value = Vec<Card>> {
    let known = prop::sample::subsequence(tools(), 0..=tools().len());
    let words = |separators: &'static [&'static str]| {
        let parts = (prop::sample::select(TOLD), prop::sample::select(separators));
        prop::collection::vec(parts, 0..8)
            .prop_map(|parts| parts.into_iter().flat_map(|(word, separator)| [word, separator]).collect::<String>())
    };
    let name = prop_oneof![words(&["", "_", "__", ".", "/", ":", " "]), ".{0,30}"];
    let description = prop_oneof![words(&[" ", " ", " ", ", ", ": ", ". ", "-", "'"]), ".{0,60}"];
    let any =
        (name, description).prop_map(|(name, description)| Card::of(name, description, Effect::Write, None, None));
    (known, prop::collection::vec(any, 0..3)).prop_map(|(mut known, any)| {
        known.extend(any);
        known
    })
}

/// Whatever is asked, what is proposed can be carried out; and asked again of the result, too.
fn holds(first: &str, second: &str, tools: &[Card], workflow: Option<&Workflow>) {
    let mut before = workflow.cloned().unwrap_or_else(empty);
    let mut turns = Vec::new();
    for request in [first, second] {
        let planned = plan(&Ask { request, workflow: Some(&before), tools, turns: &turns });
        let after = apply_all(&before, &planned.edits).unwrap_or_else(|problem| panic!("{request:?}: {problem:?}"));
        let problems = validate(&after, &Catalog::open());
        assert!(after.steps.is_empty() || problems.is_empty(), "{request:?}: {problems:?}\n{}", shown(&after));
        assert!(
            !planned.edits.is_empty() || !planned.assumptions.is_empty() || !planned.questions.is_empty(),
            "{request:?} is not answered"
        );
        before = after;
        let reply = planned.questions.first().map_or_else(String::new, |question| question.text.clone());
        turns.push(Turn { role: Role::User, text: request.to_owned() });
        turns.push(Turn { role: Role::Assistant, text: reply });
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_request_gives_edits_that_apply_and_a_valid_workflow(first in requests(), second in requests(), tools in cards()) {
        holds(&first, &second, &tools, None);
        let orders = yaml::parse(ORDERS).expect("a workflow").workflow;
        holds(&first, &second, &tools, Some(&orders));
    }

    #[test]
    fn retrieval_gives_no_more_than_is_asked_for_and_all_that_the_workflow_calls(request in requests(), most in 5_usize..12) {
        let tools = tools();
        let orders = yaml::parse(ORDERS).expect("a workflow").workflow;
        let found = Index::new(tools.iter()).relevant(&request, Some(&orders), most);
        prop_assert!(found.len() <= most);
        for tool in ["Shop.list_orders", "Post.send_email", "Helpdesk.create_ticket", "Shop.update_order", "Chat.send_message"] {
            prop_assert!(found.iter().any(|at| tools[*at].name == tool), "{tool}");
        }
    }
}
