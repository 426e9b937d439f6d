//! What a reader gets: tables, gaps, statements.

use super::*;

fn finding(id: &str, source: &str, claim: &str) -> Value {
    json!({ "id": id, "claim": claim, "quote": claim, "source": source })
}

async fn written(question: &str, findings: Vec<Value>) -> String {
    let schema = json!({ "type": "object", "required": ["text"], "properties": { "text": { "type": "string", "minLength": 1 } } });
    let input = json!({ "question": question, "findings": findings });
    let goal = "Write a one-page brief in Markdown that answers the question";
    let asked = request("# Implementation\n\nYou are the maker.", goal, &input, Some(schema), Vec::new());
    let text = work_as_json(asked).await["text"].as_str().unwrap().to_owned();
    let checked = checked(question, &text, findings).await;
    assert_eq!(checked, json!({ "verdict": "pass", "problems": [] }), "{text}");
    text
}

async fn checked(question: &str, text: &str, findings: Vec<Value>) -> Value {
    let schema = json!({
        "type": "object", "required": ["verdict", "problems"],
        "properties": { "verdict": { "enum": ["pass", "revise"] }, "problems": { "type": "array", "items": { "type": "string" } } }
    });
    let input =
        json!({ "question": question, "text": text, "findings": findings, "goal_of_the_work": "Write 60 words" });
    let goal = "Check that the brief answers the question and that the findings bear out every claim";
    work_as_json(request("# Quality\n\nYou are the reviewer.", goal, &input, Some(schema), Vec::new())).await
}

#[tokio::test]
async fn figures_of_several_subjects_stand_in_a_table_that_cites_each_cell() {
    let findings = vec![
        finding("F1", "a.md:3", "The price of Paletto is 99 euros per month."),
        finding("F2", "b.md:3", "The price of Nordlager is 49 euros per month."),
        finding("F3", "c.md:3", "The price of Shelf Line is 1,250 euros per month."),
        finding("F4", "c.md:9", "Everybody likes the colours."),
    ];
    let text = written("What is the price of each product?", findings).await;
    for line in [
        "|  | Price per month |",
        "|---|---|",
        "| Paletto | 99 euros [F1] |",
        "| Nordlager | 49 euros [F2] |",
        "| Shelf Line | 1,250 euros [F3] |",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn sources_that_give_another_figure_stand_side_by_side() {
    let findings = vec![
        finding("F1", "report.md:3", "The outage cost 41,200 euros in lost orders."),
        finding("F2", "finance.txt:1", "The outage cost 45,000 euros in lost orders."),
    ];
    let text = written("What did the outage cost?", findings).await;
    assert!(text.contains("| report.md:3 | 41,200 euros [F1] |\n| finance.txt:1 | 45,000 euros [F2] |"), "{text}");
}

#[tokio::test]
async fn figures_of_different_things_make_no_table() {
    for findings in [
        vec![
            finding("F1", "a.md:3", "The outage cost 41,200 euros in lost orders."),
            finding("F2", "b.md:3", "New racks came to 9,150 euros."),
            finding("F3", "c.md:3", "Guests paid 12 euros for lunch."),
        ],
        vec![
            finding("F1", "a.md:3", "The trial of Paletto ended on 3 May 2026."),
            finding("F2", "b.md:3", "The trial of Nordlager ended on 9 May 2026."),
            finding("F3", "c.md:3", "The trial of Shelfline ended on 11 May 2026."),
        ],
        vec![
            finding("F1", "a.md:3", "The price of Paletto is 99 euros per month."),
            finding("F2", "b.md:3", "The price of Nordlager is 49 euros per month."),
        ],
    ] {
        let text = written("What is known of the cost of the trial?", findings).await;
        assert!(!text.contains("\n|"), "{text}");
    }
}

#[tokio::test]
async fn a_comparison_of_two_is_shown_in_a_table_and_leaves_no_false_gap() {
    let findings = vec![
        finding("F1", "a.md:3", "The price of Paletto is 99 euros per month."),
        finding("F2", "b.md:3", "The price of Nordlager is 49 euros per month."),
    ];
    let text = written("How does Paletto compare with Nordlager in price?", findings).await;
    assert!(text.contains("| Paletto | 99 euros [F1] |"), "{text}");
    assert!(text.contains("## Paletto") || !text.contains("Nothing was found"), "{text}");
}

/// The findings of research, or what it says instead, when every search returns these passages.
async fn researched(question: &str, passages: &[(&str, &str)]) -> Value {
    let fields = json!({ "id": { "type": "string" }, "claim": { "type": "string" }, "quote": { "type": "string" }, "source": { "type": "string" } });
    let schema = list_of("findings", &fields, &["id", "claim", "quote", "source"]);
    let goal = "Find the passages that answer the question and quote each with its source";
    let mut asked = request("# Research", goal, &json!({ "question": question }), Some(schema), vec![search_spec()]);
    let hits: Vec<Value> =
        passages.iter().map(|(source, text)| json!({ "text": text, "source": source, "lines": [1, 9] })).collect();
    for _ in 0..8 {
        let reply = Offline.reply(&asked).await.unwrap();
        if reply.calls.is_empty() {
            return serde_json::from_str(&reply.text).unwrap_or_else(|_| panic!("{}", reply.text));
        }
        asked.messages.push(Message::Assistant { text: reply.text, calls: reply.calls.clone() });
        for call in reply.calls {
            asked.messages.push(Message::Tool { call: call.id, result: json!({ "hits": hits }) });
        }
    }
    panic!("it goes on searching");
}

#[tokio::test]
async fn what_was_found_about_each_side_of_a_comparison_counts() {
    let passages = [
        ("a.md", "Paletto runs in the browser and costs 99 euros."),
        ("b.md", "Nordlager runs on a server of its own and costs 49 euros."),
    ];
    for question in [
        "How does Paletto compare with Nordlager?",
        "What is the difference between Paletto and Nordlager?",
        "Which is cheaper, Paletto or Nordlager?",
        "Compare Paletto with Nordlager.",
    ] {
        let found = researched(question, &passages).await;
        assert_eq!(found["findings"].as_array().unwrap().len(), 2, "{question} {found}");
        assert_eq!(found["gaps"], json!([]), "{question}");
    }
    let found = researched("How does Paletto compare with Nordlager?", &passages[..1]).await;
    assert_eq!(found["gaps"], json!(["Nothing was found about: Nordlager"]));
}

#[tokio::test]
async fn findings_are_statements_and_not_what_stands_around_them() {
    let mail = "From: Anna Berg <anna@example.com>\nTo: all@example.com\nSubject: The boiler of the yard house\nDate: 3 May 2026\n\n\
        The boiler of the yard house was replaced in April.[[43]] Its pump hums. [[Prev]]\n\nThe boiler of the yard house\n\n\
        [[Prev]] [[Boiler of the yard house]] [Home]\n\n| boiler | yard house |\n|---|---|\n| boiler | yard house replaced |\n";
    let found = researched("When was the boiler of the yard house replaced?", &[("mail.txt", mail)]).await;
    let findings = found["findings"].as_array().unwrap();
    let claim = findings[0]["claim"].as_str().unwrap();
    assert!(claim.starts_with("The boiler of the yard house was replaced in April. Its pump hums."), "{found}");
    for finding in findings {
        let claim = finding["claim"].as_str().unwrap();
        for noise in ["From:", "Subject:", "[[", "Prev", "|"] {
            assert!(!claim.contains(noise), "{noise} in {claim}");
        }
    }
}

#[tokio::test]
async fn an_answer_is_found_that_is_put_otherwise_than_the_question() {
    let passages = [
        ("a.md", "The archive is on the third floor. The archive smells of dust."),
        ("b.md", "Old records can be deleted without permission."),
        ("c.md", "The canteen has a new oven."),
    ];
    let found = researched("May we erase old files?", &passages).await;
    assert!(found["findings"][0]["quote"].as_str().unwrap().contains("deleted without permission"), "{found}");
}

#[tokio::test]
async fn a_reviewer_sends_back_what_does_not_hold_as_a_whole() {
    let question = "What did the outage cost?";
    let findings = || {
        vec![
            finding("F1", "report.md:3", "The outage cost 41,200 euros in lost orders."),
            finding("F2", "finance.txt:1", "The outage cost 45,000 euros in lost orders."),
        ]
    };
    let one = "The outage cost 41,200 euros in lost orders [F1].";
    let two = "The outage cost 45,000 euros in lost orders [F2].";
    let list = "- [F1] report.md:3: “The outage cost 41,200 euros in lost orders.”\n";
    let both = format!("{list}- [F2] finance.txt:1: “The outage cost 45,000 euros in lost orders.”\n");
    let long = format!("{one} {two} {}", format!("{one} ").repeat(8));
    for (problem, text) in [
        ("has no list of sources", format!("# Cost\n\n{one} {two}\n")),
        ("[F2] is cited, but not in the list of sources", format!("# Cost\n\n{one} {two}\n\n## Sources\n\n{list}")),
        ("[F1] contradicts [F2], which the text does not show", format!("# Cost\n\n{one}\n\n## Sources\n\n{list}")),
        ("and at most 60 were asked for", format!("# Cost\n\n{long}\n\n## Sources\n\n{both}")),
        ("cites nothing", format!("# Cost\n\nA bold claim\n\n{one} {two}\n\n## Sources\n\n{both}")),
    ] {
        let checked = checked(question, &text, findings()).await;
        assert_eq!(checked["verdict"], "revise", "{problem}");
        assert!(checked["problems"].to_string().contains(problem), "{problem}: {checked}");
    }
    let fine = format!("# Cost\n\n{one} {two}\n\n## Sources\n\n{both}");
    assert_eq!(checked(question, &fine, findings()).await, json!({ "verdict": "pass", "problems": [] }));
}

#[tokio::test]
async fn a_reviewer_does_not_demand_the_figure_of_something_else() {
    let findings = vec![
        finding("F1", "tallinn.md:3", "The warehouse in Tallinn holds 40 robots."),
        finding("F2", "oslo.md:3", "The warehouse in Oslo holds 33 robots."),
    ];
    let text = "# Robots\n\nThe warehouse in Tallinn holds 40 robots [F1].\n\n## Sources\n\n\
        - [F1] tallinn.md:3: “The warehouse in Tallinn holds 40 robots.”\n";
    let checked = checked("How many robots does the warehouse in Tallinn hold?", text, findings).await;
    assert_eq!(checked, json!({ "verdict": "pass", "problems": [] }));
}

#[tokio::test]
async fn a_quotation_that_is_not_in_its_source_is_noticed_by_looking_it_up() {
    let mut findings = vec![finding(
        "F1",
        "notes/finance.txt:1",
        "Finance estimates that the outage cost 45,000 euros in lost orders.",
    )];
    let text = |quote: &str| {
        format!(
            "# Cost\n\n{} [F1].\n\n## Sources\n\n- [F1] notes/finance.txt:1: “{quote}”\n",
            quote.trim_end_matches('.')
        )
    };
    for (quote, verdict) in [
        ("Finance estimates that the outage cost 45,000 euros in lost orders.", "pass"),
        ("Finance estimates that the outage cost 4,000 euros in lost orders.", "revise"),
    ] {
        findings[0] = finding("F1", "notes/finance.txt:1", quote);
        let schema = json!({
            "type": "object", "required": ["verdict", "problems"],
            "properties": { "verdict": { "enum": ["pass", "revise"] }, "problems": { "type": "array", "items": { "type": "string" } } }
        });
        let input = json!({ "question": "What did the outage cost?", "text": text(quote), "findings": findings });
        let asked = request("# Quality", "Check the brief", &input, Some(schema), vec![search_spec()]);
        let checked = work_as_json(asked).await;
        assert_eq!(checked["verdict"], verdict, "{checked}");
        let looked_up = "The quotation of [F1] does not stand in notes/finance.txt:1";
        assert_eq!(checked["problems"].to_string().contains(looked_up), verdict == "revise", "{checked}");
    }
}

#[tokio::test]
async fn a_brief_is_as_short_when_it_is_mended_as_when_it_is_written() {
    let example = include_str!("../../../../examples/brief.yaml");
    let goal_of = |step: &str| {
        let step = example.split_once(&format!("- id: {step}\n")).unwrap().1;
        step.split_once("goal: ").unwrap().1.split_once(" }").unwrap().0
    };
    let towns =
        ["Tallinn", "Oslo", "Turku", "Malmo", "Riga", "Bergen", "Tartu", "Kiel", "Lund", "Vaasa", "Visby", "Narva"];
    let claim = |town: &str| {
        let more =
            "and its shelves are counted by hand, since nobody trusts the scanner after what happened to it then, ";
        format!("The warehouse in {town} is heated by wood, {}which is slow.", more.repeat(4))
    };
    let findings: Vec<Value> = towns
        .iter()
        .zip(1..)
        .map(|(town, id)| finding(&format!("F{id}"), &format!("{town}.md:3"), &claim(town)))
        .collect();
    let points: Vec<Value> = towns
        .iter()
        .zip(1..)
        .map(|(town, id)| json!({ "statement": claim(town), "citations": [format!("F{id}")] }))
        .collect();
    let question = "How is each warehouse heated?";
    let problems = ["“The warehouse in Narva is heated by gas [F12].” says more than its quotes bear out."];
    let schema = json!({ "type": "object", "required": ["text"], "properties": { "text": { "type": "string" } } });
    let mut lengths = Vec::new();
    for step in ["write", "revise"] {
        let mut input = json!({ "question": question, "points": points, "gaps": [], "findings": findings });
        if step == "revise" {
            input["text"] = "# Heating\n\nThe warehouse in Narva is heated by gas [F12].\n".into();
            input["problems"] = json!(problems);
        }
        let role = "# Implementation\n\nYou are the maker.";
        let asked = request(role, goal_of(step), &input, Some(schema.clone()), Vec::new());
        let text = work_as_json(asked).await["text"].as_str().unwrap().to_owned();
        let stated = text.split("## Sources").next().unwrap();
        lengths.push(stated.split_whitespace().count());
    }
    assert!(lengths.iter().all(|length| (300..700).contains(length)), "{lengths:?}");
}
