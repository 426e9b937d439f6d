//! The four roles, handing their work on as the example workflow does.

use super::*;

fn string() -> Value {
    json!({ "type": "string" })
}

fn findings_schema() -> Value {
    let fields = json!({ "id": string(), "claim": string(), "quote": string(), "source": string() });
    list_of("findings", &fields, &["id", "claim", "quote", "source"])
}

fn research(question: &str, output: Option<Value>) -> Request {
    let goal = "Find the passages that answer the question and quote each with its source";
    request(
        "# Research\n\nYou find what the sources say.",
        goal,
        &json!({ "question": question }),
        output,
        vec![search_spec()],
    )
}

fn analysis(findings: &Value) -> Request {
    let fields = json!({ "statement": string(), "citations": { "type": "array", "minItems": 1, "items": string() } });
    let schema = list_of("points", &fields, &["statement", "citations"]);
    let input = json!({ "question": QUESTION, "findings": findings });
    let goal = "Work out what the findings say about the question and cite them for every point";
    request("# Analysis\n\nYou are the analyst.", goal, &input, Some(schema), vec![search_spec()])
}

fn writing(input: &Value) -> Request {
    let schema = json!({ "type": "object", "required": ["text"], "properties": { "text": { "type": "string", "minLength": 1 } } });
    let goal = "Write a one-page brief in Markdown that answers the question";
    request("# Implementation\n\nYou are the maker.", goal, input, Some(schema), vec![search_spec()])
}

fn checking(text: &str, findings: &Value) -> Request {
    let schema = json!({
        "type": "object", "required": ["verdict", "problems"],
        "properties": { "verdict": { "enum": ["pass", "revise"] }, "problems": { "type": "array", "items": string() } }
    });
    let input = json!({ "question": QUESTION, "text": text, "findings": findings });
    let goal = "Check that the brief answers the question and that the findings bear out every claim";
    request("# Quality\n\nYou are the reviewer.", goal, &input, Some(schema), vec![search_spec()])
}

async fn brief() -> (String, Value) {
    let found = work_as_json(research(QUESTION, Some(findings_schema()))).await;
    let weighed = work_as_json(analysis(&found["findings"])).await;
    let input = json!({
        "question": QUESTION, "points": weighed["points"], "gaps": weighed["gaps"], "findings": found["findings"]
    });
    let written = work_as_json(writing(&input)).await;
    (written["text"].as_str().unwrap().to_owned(), found["findings"].clone())
}

#[tokio::test]
async fn research_searches_first_and_quotes_word_for_word() {
    let asked = research(QUESTION, Some(findings_schema()));
    let first = Offline.reply(&asked).await.unwrap();
    let queries: Vec<&str> = first.calls.iter().map(|call| call.arguments["query"].as_str().unwrap()).collect();
    assert!((2..=5).contains(&queries.len()), "{queries:?}");
    assert!(queries.iter().any(|query| query.contains("cost") && query.contains("checkout")), "{queries:?}");
    let mut ids: Vec<_> = first.calls.iter().map(|call| call.id.clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), queries.len());

    let found = work_as_json(asked).await;
    let findings = found["findings"].as_array().unwrap();
    for finding in findings {
        let (source, quote) = (finding["source"].as_str().unwrap(), finding["quote"].as_str().unwrap());
        assert!(document(source).contains(quote), "{quote:?} is not in {source}");
        let line: usize = source.rsplit(':').next().unwrap().parse().unwrap();
        let rest = document(source).split_inclusive('\n').skip(line - 1).collect::<String>();
        assert!(
            rest.lines().next().unwrap().contains(quote.lines().next().unwrap()),
            "{quote:?} is not in line {line}"
        );
    }
    let all = findings.iter().map(|finding| finding["quote"].as_str().unwrap()).collect::<Vec<_>>().join("\n");
    for expected in ["database\nconnections", "41,200", "before every release", "45,000"] {
        assert!(all.contains(expected), "{expected:?} was not found in:\n{all}");
    }
    assert!(!all.contains("canteen"), "{all}");
}

#[tokio::test]
async fn research_searches_once_more_when_little_is_found_and_then_says_what_is_missing() {
    let (text, queries) = work(research("Which zeppelins were ordered by the marketing department?", None)).await;
    assert!(queries.len() > 1, "{queries:?}");
    assert!(queries.len() <= 8, "{queries:?}");
    assert!(text.contains("Nothing was found about"), "{text}");
    assert!(text.contains("zeppelins"), "{text}");
}

#[tokio::test]
async fn research_that_finds_nothing_does_not_make_findings_up() {
    let (text, _) = work(research("Zeppelins?", Some(findings_schema()))).await;
    assert!(serde_json::from_str::<Value>(&text).is_err(), "{text}");
    assert!(text.contains("cannot fill findings"), "{text}");
}

#[tokio::test]
async fn analysis_answers_with_points_that_cite_and_sees_what_disagrees() {
    let found = work_as_json(research(QUESTION, Some(findings_schema()))).await;
    let weighed = work_as_json(analysis(&found["findings"])).await;
    let ids: Vec<&Value> = found["findings"].as_array().unwrap().iter().map(|finding| &finding["id"]).collect();
    let points = weighed["points"].as_array().unwrap();
    for point in points {
        let cited = point["citations"].as_array().unwrap();
        assert!(!cited.is_empty() && cited.iter().all(|id| ids.contains(&id)), "{point}");
    }
    let disagreement =
        points.iter().find(|point| point["statement"].as_str().unwrap().starts_with("The sources disagree"));
    let disagreement = disagreement.expect("two sources give different costs");
    let statement = disagreement["statement"].as_str().unwrap();
    assert!(statement.contains("41,200") && statement.contains("45,000"), "{statement}");
    assert_eq!(disagreement["citations"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_brief_cites_a_finding_for_every_claim_and_lists_its_sources_with_lines() {
    let (text, findings) = brief().await;
    assert!(text.starts_with("# Why did checkout fail"), "{text}");
    let (body, sources) = text.split_once("\n## Sources\n").unwrap();
    for line in body.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        assert!(line.contains("[F"), "nothing is cited in: {line}");
    }
    for line in sources.lines().filter(|line| !line.is_empty()) {
        let finding = findings
            .as_array()
            .unwrap()
            .iter()
            .find(|finding| line.starts_with(&format!("- [{}] ", finding["id"].as_str().unwrap())))
            .unwrap_or_else(|| panic!("no finding for {line}"));
        assert!(line.contains(finding["source"].as_str().unwrap()), "{line}");
    }
    assert!(body.contains("41,200 euros") && body.contains("connections") && body.contains("every release"), "{body}");
}

#[tokio::test]
async fn checking_passes_a_brief_that_keeps_to_its_sources() {
    let (text, findings) = brief().await;
    let checked = work_as_json(checking(&text, &findings)).await;
    assert_eq!(checked, json!({ "verdict": "pass", "problems": [] }), "{text}");
}

#[tokio::test]
async fn checking_finds_each_kind_of_fault() {
    let (text, findings) = brief().await;
    for (fault, spoilt) in [
        ("cites nothing", text.replacen("\n## Sources", "\nThe moon is made of green cheese.\n\n## Sources", 1)),
        ("is no finding", text.replacen("[F1]", "[F99]", 1)),
        ("which its quotes do not", text.replacen("41,200", "14,200", 1)),
        ("names zurich", text.replacen("lost orders", "lost orders in Zurich", 1)),
        ("not what the source says", text.replacen("“The outage cost", "“The outage saved", 1)),
    ] {
        assert_ne!(spoilt, text, "{fault}: nothing was spoilt in\n{text}");
        let checked = work_as_json(checking(&spoilt, &findings)).await;
        assert_eq!(checked["verdict"], "revise", "{fault}");
        let problems = checked["problems"].to_string();
        assert!(problems.contains(fault), "{fault}: {problems}");
    }
}

#[tokio::test]
async fn a_brief_is_mended_by_leaving_out_what_the_reviewer_named() {
    let (text, findings) = brief().await;
    let problem = "“Support answered 318 tickets about failed payments [F9].” says more than its quotes bear out.";
    let points = json!([
        { "statement": "The outage cost 41,200 euros in lost orders.", "citations": ["F1"] },
        { "statement": "Support answered 318 tickets about failed payments.", "citations": ["F2"] }
    ]);
    let input =
        json!({ "question": QUESTION, "text": text, "problems": [problem], "points": points, "findings": findings });
    let mut asked = writing(&input);
    let Some(Message::User { text: goal }) = asked.messages.get_mut(1) else { panic!() };
    *goal = goal.replace("Write a one-page brief", "Mend the brief so that none of the problems remains: a brief");
    let mended = work_as_json(asked).await;
    let mended = mended["text"].as_str().unwrap();
    assert!(mended.contains("41,200") && !mended.contains("318 tickets"), "{mended}");
}

#[tokio::test]
async fn without_a_schema_each_role_answers_in_text() {
    let (found, _) = work(research(QUESTION, None)).await;
    assert!(found.contains("- [F1] “") && found.contains("notes/incident.md:"), "{found}");
}

#[tokio::test]
async fn the_same_request_gets_the_same_reply_to_the_byte() {
    let asked = research(QUESTION, Some(findings_schema()));
    let replies = [work(asked.clone()).await, work(asked).await];
    assert_eq!(replies[0], replies[1]);
}
