//! Forms that results and tools ask for, and single prompts.

use super::*;

async fn ask(prompt: &str, output: Option<Value>) -> String {
    let messages = vec![Message::User { text: prompt.to_owned() }];
    let reply = Offline.reply(&Request { messages, output, ..Request::default() }).await.unwrap();
    assert!(reply.calls.is_empty());
    reply.text
}

async fn fill(prompt: &str, schema: Value) -> Value {
    let text = ask(prompt, Some(schema.clone())).await;
    let value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{schema}: {text}"));
    jsonschema::validate(&schema, &value).unwrap();
    value
}

const MAIL: &str = "Read this mail and fill in the form.\n\nDear team, our invoice INV-2207 of 2026-04-30 over 1,249 euros has \
    not been paid. The delivery of 12 pallets arrived late on Monday. Please answer to billing@example.com or see \
    https://example.com/invoices/2207. This is urgent.\nReference: INV-2207\n";

#[tokio::test]
async fn a_form_is_filled_from_the_text_by_names_and_types() {
    let filled = fill(
        MAIL,
        json!({
            "type": "object",
            "required": ["email", "url", "invoice_date", "pallets", "reference", "urgency"],
            "properties": {
                "email": { "type": "string", "format": "email" },
                "url": { "type": "string" },
                "invoice_date": { "type": "string", "format": "date" },
                "pallets": { "type": "integer" },
                "amount_in_euros": { "type": "number" },
                "reference": { "type": "string" },
                "urgency": { "enum": ["low", "urgent"] },
                "delivery": { "type": "string", "description": "what is said about the delivery" }
            }
        }),
    )
    .await;
    assert_eq!(filled["email"], "billing@example.com");
    assert_eq!(filled["url"], "https://example.com/invoices/2207");
    assert_eq!(filled["invoice_date"], "2026-04-30");
    assert_eq!(filled["pallets"], 12);
    assert_eq!(filled["amount_in_euros"], 1249.0);
    assert_eq!(filled["reference"], "INV-2207");
    assert_eq!(filled["urgency"], "urgent");
    assert_eq!(filled["delivery"], "The delivery of 12 pallets arrived late on Monday.");
}

#[tokio::test]
async fn what_cannot_be_filled_is_said_with_its_place() {
    for (schema, place) in [
        (
            json!({ "type": "object", "required": ["phone_number"], "properties": { "phone_number": { "type": "boolean" } } }),
            "phone_number",
        ),
        (
            json!({ "type": "object", "required": ["kind"], "properties": { "kind": { "enum": ["blue", "green"] } } }),
            "kind",
        ),
        (json!({ "type": "integer", "minimum": 1_000_000 }), "the result"),
    ] {
        let text = ask(MAIL, Some(schema)).await;
        assert!(text.starts_with(&format!("The offline model cannot fill {place}: ")), "{text}");
    }
}

#[tokio::test]
async fn schemas_with_references_alternatives_and_nesting_are_followed() {
    let filled = fill(
        MAIL,
        json!({
            "$defs": { "line": { "type": "string", "maxLength": 60 } },
            "type": "object",
            "required": ["summary", "points", "report"],
            "additionalProperties": false,
            "properties": {
                "summary": { "$ref": "#/$defs/line" },
                "points": { "type": "array", "minItems": 1, "maxItems": 2, "items": { "anyOf": [{ "type": "integer" }, { "type": "string" }] } },
                "report": { "allOf": [{ "type": "string" }, { "minLength": 3 }] }
            }
        }),
    )
    .await;
    assert!(filled["summary"].as_str().unwrap().chars().count() <= 60);
    assert!(filled["points"].as_array().unwrap().len() <= 2);
}

#[tokio::test]
async fn a_schema_that_refers_to_itself_ends() {
    let endless = json!({
        "$defs": { "node": { "type": "object", "required": ["next"], "properties": { "next": { "$ref": "#/$defs/node" } } } },
        "$ref": "#/$defs/node"
    });
    let text = ask(MAIL, Some(endless)).await;
    assert!(text.contains("cannot fill"), "{text}");
    let text = ask(MAIL, Some(json!({ "$defs": { "a": { "$ref": "#/$defs/a" } }, "$ref": "#/$defs/a" }))).await;
    assert!(!text.is_empty());
}

#[tokio::test]
async fn a_choice_is_made_by_what_the_text_says() {
    let kinds = json!({ "enum": ["complaint", "praise"] });
    assert_eq!(
        fill("Is this praise or not? Classify it.\n\nI have a complaint about the soup.", kinds).await,
        json!("complaint")
    );
}

#[tokio::test]
async fn a_prompt_is_answered_from_its_text_in_the_number_of_sentences_that_it_asks_for() {
    let text = "The bridge was closed in March for repairs. Its cables had rusted since 1974. Lunch was good. The repairs \
        of the bridge cost nine million euros and end in June.";
    let answer = ask(&format!("Summarize in two sentences what happens to the bridge:\n\n{text}"), None).await;
    assert!(answer.contains("bridge") && !answer.contains("Lunch"), "{answer}");
    assert_eq!(answer.matches('.').count(), 2, "{answer}");
    for sentence in answer.split_inclusive(". ") {
        assert!(text.contains(sentence.trim()), "{sentence}");
    }
    let list = ask(&format!("Give me 3 bullet points.\n\n{text}"), None).await;
    assert_eq!(list.lines().filter(|line| line.starts_with("- ")).count(), 3, "{list}");
}

#[tokio::test]
async fn a_prompt_without_material_is_not_answered_with_an_invention() {
    for prompt in ["", "Who won?", "   \n "] {
        let answer = ask(prompt, None).await;
        assert!(answer.contains("nothing to answer this from"), "{answer}");
    }
}

#[tokio::test]
async fn a_tool_that_the_goal_names_is_called_with_arguments_from_the_text() {
    let tool = ToolSpec {
        name: "tickets.create".to_owned(),
        description: "Opens a ticket.".to_owned(),
        parameters: json!({
            "type": "object",
            "required": ["title", "priority", "contact"],
            "properties": {
                "title": { "type": "string" },
                "priority": { "enum": ["low", "high"] },
                "contact": { "type": "string", "format": "email" },
                "count": { "type": "integer" }
            },
            "additionalProperties": false
        }),
    };
    let other = ToolSpec { name: "tickets.delete".to_owned(), ..tool.clone() };
    let input = json!({ "title": "Soup is cold", "from": "anna@example.com" });
    let asked =
        request("You help.", "Use tickets.create with high priority for this mail", &input, None, vec![other, tool]);
    let reply = Offline.reply(&asked).await.unwrap();
    assert_eq!(reply.calls.len(), 1, "{reply:?}");
    assert_eq!(reply.calls[0].name, "tickets.create");
    assert_eq!(
        reply.calls[0].arguments,
        json!({ "title": "Soup is cold", "priority": "high", "contact": "anna@example.com" })
    );

    let mut again = asked;
    let call = reply.calls[0].clone();
    again.messages.push(Message::Assistant { text: String::new(), calls: vec![call.clone()] });
    again
        .messages
        .push(Message::Tool { call: call.id, result: json!({ "text": "Ticket 17 was opened for the cold soup." }) });
    let reply = Offline.reply(&again).await.unwrap();
    assert!(reply.calls.is_empty() && reply.text.contains("Ticket 17"), "{reply:?}");
}

#[tokio::test]
async fn no_request_makes_it_stumble() {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    for text in [
        "```",
        "```json\n{",
        "# Goal",
        "# Goal\n\n# Input\n\n```json\nnull\n```",
        "{\"goal\": 3}",
        "[F1] [F1",
        "é. É! …",
        &deep,
        "\u{0}",
        "1. 2. 3.",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "“”",
        "- \n- [ ]\n> ",
    ] {
        for output in [
            None,
            Some(json!({})),
            Some(json!(true)),
            Some(json!({ "type": 7 })),
            Some(json!({ "type": "array", "minItems": 3 })),
        ] {
            for tools in [Vec::new(), vec![search_spec()]] {
                let messages = vec![
                    Message::User { text: text.to_owned() },
                    Message::Tool { call: "none".to_owned(), result: Value::Null },
                ];
                Offline
                    .reply(&Request { messages, tools, output: output.clone(), ..Request::default() })
                    .await
                    .unwrap();
            }
        }
    }
    Offline.reply(&Request::default()).await.unwrap();
}

#[tokio::test]
async fn usage_is_estimated_from_what_is_read_and_written() {
    let short = Offline
        .reply(&Request { messages: vec![Message::User { text: "a".repeat(40) }], ..Request::default() })
        .await
        .unwrap();
    let long = Offline
        .reply(&Request { messages: vec![Message::User { text: "a".repeat(4040) }], ..Request::default() })
        .await
        .unwrap();
    assert_eq!(long.usage.input_tokens - short.usage.input_tokens, 1000);
    assert!(short.usage.output_tokens > 0);
}
