use proptest::prelude::*;

use super::*;
use crate::model::tokens::Counter;
use crate::model::{ToolCall, ToolSpec};

/// A token for each word, and one for each message, tool and schema.
struct Words;

fn words(text: &str) -> u32 {
    u32::try_from(text.split_whitespace().count()).unwrap()
}

impl Count for Words {
    fn frame(&self, request: &Request) -> u32 {
        let tools = u32::try_from(request.tools.len()).unwrap();
        tools + u32::from(request.output.is_some())
    }

    fn message(&self, message: &Message) -> u32 {
        1 + match message {
            Message::System { text } | Message::User { text } => words(text),
            Message::Assistant { text, calls } => {
                words(text) + calls.iter().map(|call| words(&call.arguments.to_string())).sum::<u32>()
            }
            Message::Tool { result, .. } => result.as_str().map_or_else(|| words(&result.to_string()), words),
        }
    }
}

fn system(text: &str) -> Message {
    Message::System { text: text.to_owned() }
}

fn user(text: &str) -> Message {
    Message::User { text: text.to_owned() }
}

fn says(text: &str) -> Message {
    Message::Assistant { text: text.to_owned(), calls: Vec::new() }
}

fn calls(id: &str) -> Message {
    let call = ToolCall { id: id.to_owned(), name: "memory.search".to_owned(), arguments: json!({ "query": id }) };
    Message::Assistant { text: String::new(), calls: vec![call] }
}

fn returns(id: &str, result: Value) -> Message {
    Message::Tool { call: id.to_owned(), result }
}

fn request(messages: Vec<Message>) -> Request {
    Request { messages, ..Request::default() }
}

fn fitted(messages: Vec<Message>, limit: u32) -> Vec<Message> {
    fit(&request(messages), limit, &Words).unwrap().request.into_owned().messages
}

#[test]
fn what_fits_is_left_as_it_is() {
    let request = request(vec![system("be good"), user("do it"), says("done")]);
    let fitted = fit(&request, 8, &Words).unwrap();
    assert!(matches!(fitted.request, Cow::Borrowed(same) if std::ptr::eq(same, &raw const request)));
    assert_eq!(fitted.tokens, 8);
}

#[test]
fn the_oldest_turns_go_first_and_a_call_stays_with_its_result() {
    let long = "word ".repeat(20);
    let messages = vec![
        system("be good"),
        user("do it"),
        calls("a"),
        returns("a", json!(long.clone())),
        calls("b"),
        returns("b", json!(long)),
        says("is this it?"),
        user("no, more"),
    ];
    // Of the last turn 7, of the one before 23, of what is always kept 6 and for the note 18.
    let (whole, note) = (6 + 23 + 23 + 7, Words.message(&user(LEFT_OUT)));
    assert_eq!(fitted(messages.clone(), whole), messages);
    let without_first = [&messages[..2], &[user(LEFT_OUT)], &messages[4..]].concat();
    assert_eq!(fitted(messages.clone(), 6 + note + 23 + 7), without_first);
    let only_last = [&messages[..2], &[user(LEFT_OUT)], &messages[6..]].concat();
    assert_eq!(fitted(messages, 6 + note + 22 + 7), only_last);
}

#[test]
fn of_what_was_retrieved_the_best_stays() {
    let hits: Vec<Value> = (0..10).map(|n| json!({ "text": format!("hit {n} with a few words") })).collect();
    let messages = vec![user("find it"), calls("a"), returns("a", json!({ "hits": hits }))];
    let note = Words.message(&user(LEFT_OUT));
    let fitted = fitted(messages, 3 + note + 2 + 25);
    let Some(Message::Tool { result, .. }) = fitted.last() else { panic!("{fitted:?}") };
    let kept = result["hits"].as_array().unwrap();
    assert!((1..10).contains(&kept.len()) && kept[0] == hits[0], "{kept:?}");
    assert_eq!(kept[..], hits[..kept.len()], "by rank");
    assert_eq!(result["left_out"], json!(10 - kept.len()));
}

#[test]
fn the_newest_turn_is_cut_rather_than_lost() {
    let messages = vec![user("read it"), calls("a"), returns("a", json!("word ".repeat(100)))];
    let note = Words.message(&user(LEFT_OUT));
    let fitted = fitted(messages, 3 + note + 2 + 30);
    let Some(Message::Tool { result, call }) = fitted.last() else { panic!("{fitted:?}") };
    assert_eq!(call, "a");
    let text = result.as_str().unwrap();
    assert!(text.starts_with("word word") && text.ends_with(CUT), "{text}");
}

#[test]
fn what_has_to_be_kept_and_is_too_long_is_an_error() {
    let long = "word ".repeat(50);
    let too_long = |messages| fit(&request(messages), 40, &Words).unwrap_err();
    assert_eq!(too_long(vec![system(&long)]).limit, 40);
    assert!(too_long(vec![system("be good"), user(&long)]).tokens > 40);
    assert!(too_long(vec![user("short"), says(&long)]).tokens > 40, "what the model said cannot be cut");
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec("[a-z]{1,9}", 0..40).prop_map(|words| words.join(" "))
}

/// A conversation as turns make them, and as they do not.
fn conversation() -> impl Strategy<Value = Request> {
    let turn = (0_u8..5, text(), proptest::collection::vec(text(), 1..4));
    let tools = proptest::collection::vec(text(), 0..3);
    (text(), text(), proptest::collection::vec(turn, 0..12), tools).prop_map(|(prompt, task, turns, tools)| {
        let mut messages = vec![system(&prompt), user(&task)];
        for (n, (kind, text, results)) in turns.into_iter().enumerate() {
            match kind {
                0 => messages.extend([says(&text), user(&results[0])]),
                1 => messages.push(system(&text)),
                kind => {
                    let ids: Vec<String> = (0..results.len()).map(|at| format!("call_{n}_{at}")).collect();
                    let wanted = ids.iter().map(|id| ToolCall {
                        id: id.clone(),
                        name: "memory.search".to_owned(),
                        arguments: json!({ "query": text }),
                    });
                    messages.push(Message::Assistant { text: text.clone(), calls: wanted.collect() });
                    messages.extend(ids.iter().zip(&results).map(|(id, result)| {
                        let hits: Vec<Value> = result.split(' ').map(|word| json!({ "text": word })).collect();
                        returns(id, if kind == 2 { json!({ "hits": hits }) } else { json!(result) })
                    }));
                }
            }
        }
        let tool = |text: String| ToolSpec { name: "t".to_owned(), description: text, parameters: json!({}) };
        Request { messages, tools: tools.into_iter().map(tool).collect(), ..Request::default() }
    })
}

fn total(request: &Request, count: &impl Count) -> u32 {
    request.messages.iter().map(|message| count.message(message)).sum::<u32>() + count.frame(request)
}

fn check(request: &Request, limit: u32, count: &impl Count) -> Result<(), TestCaseError> {
    let fitted = match fit(request, limit, count) {
        Ok(fitted) => fitted,
        Err(too_long) => {
            prop_assert!(too_long.tokens > limit && too_long.limit == limit);
            return Ok(());
        }
    };
    prop_assert_eq!(total(&fitted.request, count), fitted.tokens);
    prop_assert!(fitted.tokens <= limit, "{} of {}", fitted.tokens, limit);
    let again = fit(request, limit, count).unwrap();
    prop_assert_eq!(&again.request, &fitted.request, "it is the same every time");
    let messages = &fitted.request.messages;
    prop_assert_eq!(&fitted.request.tools, &request.tools);
    let systems = |messages: &[Message]| {
        messages.iter().filter(|message| matches!(message, Message::System { .. })).cloned().collect::<Vec<_>>()
    };
    prop_assert_eq!(systems(messages), systems(&request.messages));
    let task = request.messages.iter().find(|message| matches!(message, Message::User { .. })).unwrap();
    prop_assert!(messages.contains(task));
    // Each call has its results right behind it, and each result its call.
    let mut open: Vec<&str> = Vec::new();
    for message in messages {
        match message {
            Message::Tool { call, .. } => {
                prop_assert_eq!(open.first().copied(), Some(call.as_str()));
                open.remove(0);
            }
            Message::Assistant { calls, .. } => {
                prop_assert!(open.is_empty());
                open = calls.iter().map(|call| call.id.as_str()).collect();
            }
            _ => prop_assert!(open.is_empty()),
        }
    }
    prop_assert!(open.is_empty());
    // The newest turn is never left out.
    let newest = |messages: &[Message]| {
        messages.iter().rev().find(|message| matches!(message, Message::Assistant { .. })).cloned()
    };
    prop_assert_eq!(newest(messages), newest(&request.messages));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_fitted_request_is_within_its_limit_and_whole(request in conversation(), limit in 0_u32..600) {
        check(&request, limit, &Words)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_same_holds_by_a_real_tokenizer(request in conversation(), limit in 100_u32..2_000) {
        check(&request, limit, &Counter::of("gpt-4o"))?;
    }
}

/// What others wrote stays between its marks, however little of it there is room for.
#[test]
fn what_is_untrusted_stays_marked_when_it_is_shortened() {
    let hits: Vec<Value> = (0..20).map(|n| json!({ "text": format!("passage {n} says something") })).collect();
    let (found, page) = (json!({ "hits": hits }), json!("word ".repeat(200)));
    for (result, limit) in [(&found, 60), (&page, 60)] {
        let turn =
            vec![system("be good"), user("do it"), calls("a"), returns("a", untrusted::wrap("page.read", result))];
        let fitted = fitted(turn, limit);
        let Some(Message::Tool { result: shown, .. }) = fitted.last() else { panic!("{fitted:?}") };
        let (source, shorter) = untrusted::opened(shown).unwrap();
        assert_eq!(source, "page.read");
        assert!(shorter.to_string().len() < result.to_string().len(), "{shorter}");
        assert_eq!(shorter.get("left_out").is_some(), result.get("hits").is_some(), "{shorter}");
    }
}
