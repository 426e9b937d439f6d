use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{ToolSpec, Usage};
use crate::run::Category;

fn search() -> ToolSpec {
    ToolSpec {
        name: "memory.search".to_owned(),
        description: "Searches.".to_owned(),
        parameters: json!({
            "type": "object",
            "required": ["query"],
            "properties": { "query": { "type": "string" } },
            "additionalProperties": false
        }),
    }
}

fn turn(output: Option<Value>) -> Turn {
    let request = Request {
        messages: vec![Message::System { text: "Work.".to_owned() }, Message::User { text: "Find it.".to_owned() }],
        tools: vec![search()],
        output,
        reply_tokens: None,
        temperature: None,
    };
    Turn::new(request, TurnLimits { exchanges: 6, repairs: 2, tokens: None, cost: None })
}

fn verdict() -> Value {
    json!({ "type": "object", "required": ["verdict"], "properties": { "verdict": { "enum": ["pass", "revise"] } } })
}

fn says(text: &str) -> Reply {
    Reply { text: text.to_owned(), ..Reply::default() }
}

fn call(id: &str, name: &str, arguments: Value) -> ToolCall {
    ToolCall { id: id.to_owned(), name: name.to_owned(), arguments }
}

fn wants(calls: Vec<ToolCall>) -> Reply {
    Reply { calls, ..Reply::default() }
}

/// The conversation that the model would be sent next.
fn conversation(turn: &Turn) -> Vec<Message> {
    match turn.next() {
        Action::CallModel(request) => request.messages,
        other => panic!("the model is not asked: {other:?}"),
    }
}

fn last_results(turn: &Turn) -> Vec<(String, Value)> {
    let mut results: Vec<_> = conversation(turn)
        .into_iter()
        .rev()
        .map_while(|message| match message {
            Message::Tool { call, result } => Some((call, result)),
            _ => None,
        })
        .collect();
    results.reverse();
    results
}

fn failure(turn: &Turn) -> Failure {
    match turn.next() {
        Action::Fail(failure) => failure,
        other => panic!("not failed: {other:?}"),
    }
}

#[test]
fn asks_calls_and_is_done() {
    let mut turn = turn(Some(verdict()));
    assert_eq!(conversation(&turn).len(), 2);
    let wanted = vec![call("a", "memory.search", json!({ "query": "outage" }))];
    turn.on_reply(wants(wanted.clone())).unwrap();
    assert_eq!(turn.next(), Action::CallTools(wanted));
    turn.on_results(vec![CallResult::own("a".to_owned(), json!(["found"]))]).unwrap();
    assert_eq!(last_results(&turn), [("a".to_owned(), json!(["found"]))]);
    turn.on_reply(says(r#"{"verdict": "pass"}"#)).unwrap();
    assert_eq!(turn.next(), Action::Done(json!({ "verdict": "pass" })));
    assert_eq!(turn.exchanges(), 2);
}

#[test]
fn text_is_the_result_when_no_schema_asks_for_more() {
    let mut turn = turn(None);
    turn.on_reply(says("  # Brief\n")).unwrap();
    assert_eq!(turn.next(), Action::Done(json!({ "text": "# Brief" })));
}

#[test]
fn a_fence_around_the_json_is_forgiven() {
    for text in
        ["```json\n{\"verdict\": \"pass\"}\n```", "```\n{\"verdict\":\"pass\"}```", "```{\"verdict\":\"pass\"}```"]
    {
        let mut turn = turn(Some(verdict()));
        turn.on_reply(says(text)).unwrap();
        assert_eq!(turn.next(), Action::Done(json!({ "verdict": "pass" })), "{text}");
    }
}

#[test]
fn plain_text_satisfies_a_schema_for_text() {
    let mut turn = turn(Some(json!({ "type": "string", "minLength": 3 })));
    turn.on_reply(says("Nothing is quoted here.")).unwrap();
    assert_eq!(turn.next(), Action::Done(json!("Nothing is quoted here.")));
}

#[test]
fn unknown_tools_and_bad_arguments_go_back_and_the_rest_is_called() {
    let mut turn = turn(None);
    turn.on_reply(wants(vec![
        call("a", "memory.serch", json!({ "query": "x" })),
        call("b", "memory.search", json!({ "query": "x" })),
        call("c", "memory.search", json!({ "text": "x" })),
        call("d", "memory.search", json!("x")),
    ]))
    .unwrap();
    assert_eq!(turn.next(), Action::CallTools(vec![call("b", "memory.search", json!({ "query": "x" }))]));
    turn.on_results(vec![CallResult::own("b".to_owned(), json!(1))]).unwrap();
    let results = last_results(&turn);
    let ids: Vec<&str> = results.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c", "d"], "answered in the order in which they were said");
    assert_eq!(results[0].1["error"], "there is no tool `memory.serch`; there are: memory.search");
    assert!(results[2].1["error"].as_str().unwrap().contains("\"query\" is a required property"), "{results:?}");
    assert_eq!(results[3].1["error"], "the arguments must be a JSON object");
}

#[test]
fn when_no_call_can_be_made_the_model_is_told_at_once() {
    let mut turn = turn(None);
    turn.on_reply(wants(vec![call("a", "shell", json!({}))])).unwrap();
    assert_eq!(last_results(&turn).len(), 1);
}

#[test]
fn a_call_without_a_result_is_answered() {
    let mut turn = turn(None);
    turn.on_reply(wants(vec![call("a", "memory.search", json!({ "query": "x" }))])).unwrap();
    turn.on_results(Vec::new()).unwrap();
    assert_eq!(last_results(&turn), [("a".to_owned(), json!({ "error": "the call was not made" }))]);
}

#[test]
fn calls_get_ids_of_their_own() {
    let mut turn = turn(None);
    for _ in 0..2 {
        turn.on_reply(wants(vec![
            call("", "memory.search", json!({ "query": "x" })),
            call("", "memory.search", json!({ "query": "y" })),
            call("a", "memory.search", json!({ "query": "z" })),
        ]))
        .unwrap();
        let Action::CallTools(calls) = turn.next() else { panic!("no calls") };
        turn.on_results(calls.into_iter().map(|call| CallResult::own(call.id, json!(0))).collect()).unwrap();
    }
    let mut ids: Vec<String> = conversation(&turn)
        .into_iter()
        .filter_map(|message| match message {
            Message::Tool { call, .. } => Some(call),
            _ => None,
        })
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6);
    assert!(ids.iter().all(|id| !id.is_empty()));
}

#[test]
fn a_flood_of_calls_is_cut() {
    let mut turn = turn(None);
    let calls = (0..40).map(|n| call(&n.to_string(), "memory.search", json!({ "query": "x" }))).collect();
    turn.on_reply(wants(calls)).unwrap();
    let Action::CallTools(calls) = turn.next() else { panic!("no calls") };
    assert_eq!(calls.len(), 16);
    turn.on_results(Vec::new()).unwrap();
    assert_eq!(last_results(&turn).len(), 40, "every call is answered");
}

#[test]
fn a_long_result_is_cut_at_a_character() {
    let mut turn = turn(None);
    turn.on_reply(wants(vec![call("a", "memory.search", json!({ "query": "x" }))])).unwrap();
    turn.on_results(vec![CallResult::own("a".to_owned(), json!("ä€".repeat(200_000)))]).unwrap();
    let (_, result) = last_results(&turn).remove(0);
    assert!(result.to_string().len() < 530_000);
    assert_eq!(result["cut"], "the result has 1000000 bytes; this is its beginning");
}

#[test]
fn a_bad_result_is_sent_back_twice_and_then_fails() {
    let mut turn = turn(Some(verdict()));
    turn.on_reply(says("I would say it passes.")).unwrap();
    let told = conversation(&turn);
    let Some(Message::User { text }) = told.last() else { panic!("not told") };
    assert!(text.contains("the reply is not JSON"), "{text}");
    turn.on_reply(says(r#"{"verdict": "maybe"}"#)).unwrap();
    let told = conversation(&turn);
    let Some(Message::User { text }) = told.last() else { panic!("not told") };
    assert!(text.contains("/verdict: \"maybe\" is not one of"), "{text}");
    turn.on_reply(says("{}")).unwrap();
    let failure = failure(&turn);
    assert_eq!((failure.category, failure.code.as_str()), (Category::GiveUp, "bad_output"));
    assert!(failure.message.contains("told 2 times"), "{failure}");
}

#[test]
fn a_mended_result_is_taken() {
    let mut turn = turn(Some(verdict()));
    turn.on_reply(says("{}")).unwrap();
    turn.on_reply(says(r#"{"verdict": "revise"}"#)).unwrap();
    assert_eq!(turn.next(), Action::Done(json!({ "verdict": "revise" })));
}

#[test]
fn a_schema_that_is_none_fails_at_once() {
    let mut turn = turn(Some(json!({ "type": 7 })));
    turn.on_reply(says("{}")).unwrap();
    assert_eq!(failure(&turn).code, "bad_schema");
}

#[test]
fn exchanges_are_limited() {
    let mut turn = turn(None);
    for _ in 0..6 {
        turn.on_reply(wants(vec![call("", "memory.search", json!({ "query": "x" }))])).unwrap();
        turn.on_results(Vec::new()).unwrap();
    }
    let failure = failure(&turn);
    assert_eq!((failure.category, failure.code.as_str()), (Category::GiveUp, "too_many_turns"));
    assert!(failure.message.contains("within 6 exchanges"));
}

/// How a turn ends whose every exchange reads 100 tokens and writes 10.
fn ends_with(limits: TurnLimits) -> (String, String) {
    let mut turn = Turn { limits, ..turn(None) };
    for _ in 0..6 {
        if let Action::Fail(failure) = turn.next() {
            return (failure.code, failure.message);
        }
        let used = Usage { input_tokens: 100, output_tokens: 10 };
        let reply = wants(vec![call("", "memory.search", json!({ "query": "x" }))]);
        turn.on_reply(Reply { usage: used, cost: Some(Dollars(21_000)), ..reply }).unwrap();
        turn.on_results(Vec::new()).unwrap();
    }
    ("none".to_owned(), String::new())
}

#[test]
fn tokens_and_cost_are_limited() {
    let limits = TurnLimits { exchanges: 9, repairs: 2, tokens: None, cost: None };
    assert_eq!(ends_with(limits).0, "none");
    let (code, message) = ends_with(TurnLimits { tokens: Some(300), ..limits });
    assert_eq!(code, "too_many_tokens");
    assert!(message.contains("with 330 tokens, of 300"), "{message}");
    let (code, message) = ends_with(TurnLimits { cost: Some(Dollars(42_000)), ..limits });
    assert_eq!(code, "too_expensive");
    assert!(message.contains("for $0.000042, of $0.000042"), "{message}");
    let free = Turn { limits: TurnLimits { cost: Some(Dollars(0)), ..limits }, ..turn(None) };
    assert!(matches!(free.next(), Action::CallModel(_)), "what costs nothing is within every limit");
}

#[test]
fn an_answer_that_is_paid_for_is_taken_whatever_it_cost() {
    let limits = TurnLimits { exchanges: 9, repairs: 2, tokens: Some(5), cost: None };
    let mut turn = Turn { limits, ..turn(None) };
    turn.on_reply(Reply { usage: Usage { input_tokens: 90, output_tokens: 9 }, ..says("done") }).unwrap();
    assert_eq!(turn.next(), Action::Done(json!({ "text": "done" })));
}

#[test]
fn events_out_of_turn_change_nothing() {
    let mut turn = turn(None);
    let before = turn.clone();
    assert_eq!(turn.on_results(Vec::new()), Err(OutOfTurn { waits_for: "the model's reply" }));
    assert_eq!(turn, before);
    turn.on_reply(says("done")).unwrap();
    let before = turn.clone();
    assert_eq!(turn.on_reply(says("more")), Err(OutOfTurn { waits_for: "nothing more" }));
    assert_eq!(turn, before);
}

/// Something that a model might say, sensible or not.
fn any_reply() -> impl Strategy<Value = Reply> {
    let arguments = prop_oneof![
        Just(json!({ "query": "x" })),
        Just(json!({})),
        Just(json!(null)),
        Just(json!({ "query": 1, "more": [] })),
    ];
    let name = prop_oneof![Just("memory.search"), Just("nonsense"), Just("")];
    let id = prop_oneof![Just(""), Just("a"), Just("b")];
    let calls = prop::collection::vec((id, name, arguments).prop_map(|(id, name, args)| call(id, name, args)), 0..4);
    let text = prop_oneof![
        Just(r#"{"verdict": "pass"}"#.to_owned()),
        Just("```json\n".to_owned()),
        Just("``````".to_owned()),
        ".{0,40}",
    ];
    (text, calls).prop_map(|(text, calls)| Reply { text, calls, ..Reply::default() })
}

/// Drives a turn with these replies (the last again and again), passing it through JSON before every event if asked.
fn drive(mut turn: Turn, replies: &[Reply], through_json: bool) -> (Action, Vec<Action>) {
    let mut seen = Vec::new();
    let mut replies = replies.iter().chain(std::iter::repeat(replies.last().unwrap()));
    loop {
        if through_json {
            turn = serde_json::from_str(&serde_json::to_string(&turn).unwrap()).unwrap();
        }
        let action = turn.next();
        assert!(seen.len() < 100, "does not end");
        match &action {
            Action::CallModel(_) => turn.on_reply(replies.next().unwrap().clone()).unwrap(),
            Action::CallTools(calls) => {
                let results = calls.iter().map(|call| CallResult::own(call.id.clone(), json!([call.name])));
                turn.on_results(results.collect()).unwrap();
            }
            Action::Done(_) | Action::Fail(_) => return (action, seen),
        }
        seen.push(action);
    }
}

proptest! {
    /// Whatever is said, the turn ends, within its limits, and every call has exactly one answer after it.
    #[test]
    fn every_turn_ends(replies in prop::collection::vec(any_reply(), 1..8)) {
        let (end, seen) = drive(turn(Some(verdict())), &replies, false);
        let asked = seen.iter().filter(|action| matches!(action, Action::CallModel(_))).count();
        prop_assert!(asked <= 6);
        if let Action::Done(value) = end {
            prop_assert!(jsonschema::is_valid(&verdict(), &value));
        }
        for action in seen {
            let Action::CallModel(request) = action else { continue };
            let mut open: Vec<String> = Vec::new();
            for message in request.messages {
                match message {
                    Message::Assistant { calls, .. } => {
                        prop_assert!(open.is_empty());
                        open = calls.into_iter().map(|call| call.id).collect();
                    }
                    Message::Tool { call, .. } => prop_assert_eq!(open.remove(0), call),
                    _ => prop_assert!(open.is_empty()),
                }
            }
        }
    }

    /// Written out and read back before every event, the turn goes the same way.
    #[test]
    fn a_turn_goes_on_after_being_stored(replies in prop::collection::vec(any_reply(), 1..8)) {
        prop_assert_eq!(drive(turn(Some(verdict())), &replies, false), drive(turn(Some(verdict())), &replies, true));
    }
}
