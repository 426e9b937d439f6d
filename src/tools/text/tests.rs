#![allow(clippy::format_collect, clippy::format_push_string, reason = "short texts are put together for a test")]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::tools::files::Folder;
use crate::tools::tests::call;
use crate::tools::{ToolError, Tools};
use crate::workflow::Effect;

fn tools(folder: &Folder) -> Tools {
    let mut tools = Tools::new();
    for tool in super::all(folder) {
        tools.register(tool).unwrap();
    }
    tools
}

async fn run(name: &str, arguments: Value) -> Result<Value, ToolError> {
    call(&tools(&Folder::new("nowhere")), name, arguments).await
}

async fn convert(text: &str, from: &str, to: &str) -> Result<String, ToolError> {
    let told = run("text.convert", json!({ "text": text, "from": from, "to": to })).await?;
    Ok(told["text"].as_str().unwrap().to_owned())
}

const PAGE: &str = "<!DOCTYPE html><html><head><title>T</title><script>alert(1)</script><style>p{}</style></head><body>\
    <h1>Prices</h1><p>See <a href=\"https://example.com/a\">the <b>list</b></a> &amp; <em>more</em>.</p>\
    <ul><li>one</li><li>two <code>x</code></li></ul><img src=\"p.png\" alt=\"a picture\"></body></html>";

#[tokio::test]
async fn a_document_gives_its_text() {
    let text = |arguments: Value| async move { run("text.extract", arguments).await.map(|told| told["text"].clone()) };
    assert_eq!(text(json!({ "text": "plain <b>" })).await, Ok(json!("plain <b>")));
    let html = text(json!({ "text": PAGE })).await.unwrap();
    for part in ["# Prices", "the", "& ", "* one"] {
        assert!(html.as_str().unwrap().contains(part), "{part}: {html}");
    }
    for part in ["alert", "p{}", "https://"] {
        assert!(!html.as_str().unwrap().contains(part), "{part}: {html}");
    }
    let marked = text(json!({ "text": PAGE, "as": "markdown" })).await.unwrap();
    assert_eq!(
        marked.as_str().unwrap(),
        "# Prices\n\nSee [the **list**](https://example.com/a) & *more*.\n- one\n- two `x`\n\n![a picture](p.png)\n"
    );
    let markdown = json!({ "text": "# Title\n\nSome *words* and [a link](x).\n\n- a\n- b\n  1. c\n\n> said\n\n```\ncode\n```\n\n|a|b|\n|-|-|\n|1|2|\n", "format": "markdown" });
    assert_eq!(
        text(markdown).await.unwrap(),
        "Title\n\nSome words and a link.\n\n- a\n- b\n  1. c\n\nsaid\n\ncode\n\na\tb\n1\t2\n"
    );
    assert_eq!(text(json!({ "base64": "R3LDvMOfZQ==" })).await, Ok(json!("Grüße")));
    assert_eq!(text(json!({ "base64": "R3L832U=" })).await, Ok(json!("Grüße")), "an old encoding");
    for (arguments, code, message) in [
        (json!({}), "bad_arguments", "give one of them"),
        (json!({ "text": "a", "path": "b" }), "bad_arguments", "give one of them"),
        (json!({ "base64": "*" }), "bad_arguments", "argument `base64`: it is not base64"),
        (json!({ "base64": "AAEC" }), "bad_document", "the document is not text"),
        (json!({ "text": "%PDF-1.4 broken" }), "bad_document", "the document cannot be read as PDF"),
        (json!({ "text": "a", "pattern": "a", "between": { "start": "a", "end": "b" } }), "bad_arguments", "not both"),
    ] {
        let error = run("text.extract", arguments.clone()).await.unwrap_err();
        assert!(error.code() == code && error.to_string().contains(message), "{arguments}: {error:?}");
    }
}

/// A PDF with a page of one line.
fn pdf(line: &str) -> Vec<u8> {
    let content = format!("BT /F1 24 Tf 72 720 Td ({line}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let (mut file, mut places) = ("%PDF-1.4\n".to_owned(), Vec::new());
    for (index, object) in objects.iter().enumerate() {
        places.push(file.len());
        file += &format!("{} 0 obj\n{object}\nendobj\n", index + 1);
    }
    let start = file.len();
    file += &format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for place in places {
        file += &format!("{place:010} 00000 n \n");
    }
    file += &format!("trailer << /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1);
    file.into_bytes()
}

#[tokio::test]
async fn files_of_the_folder_are_read_by_what_they_are() {
    let place = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("a.pdf", pdf("Total: 42 EUR")),
        ("a.htm", PAGE.into()),
        ("page", PAGE.into()),
        ("a.md", "**b**".into()),
        ("a.txt", "**b**".into()),
    ] {
        std::fs::write(place.path().join(name), content).unwrap();
    }
    let tools = tools(&Folder::new(place.path()).with_limit(100_000));
    for (name, part) in
        [("a.pdf", "Total: 42 EUR"), ("a.htm", "# Prices"), ("page", "# Prices"), ("a.md", "b\n"), ("a.txt", "**b**")]
    {
        let text = call(&tools, "text.extract", json!({ "path": name })).await.unwrap()["text"].clone();
        assert!(text.as_str().unwrap().contains(part), "{name}: {text}");
    }
    let found =
        call(&tools, "text.extract", json!({ "path": "a.pdf", "pattern": "Total: (?<sum>\\d+)" })).await.unwrap();
    assert_eq!(found["matches"][0]["groups"], json!({ "sum": "42" }));
    assert_eq!(call(&tools, "text.extract", json!({ "path": "../x" })).await.unwrap_err().code(), "bad_path");
    let effect = |arguments: Value| tools.effect("text.extract", &arguments).unwrap().effect;
    assert_eq!((effect(json!({ "path": "a" })), effect(json!({ "text": "a" }))), (Effect::Read, Effect::Pure));
}

#[tokio::test]
async fn patterns_find_matches_with_their_groups() {
    let text = "2026-01-05 paid 10\n2026-02-06 open\n";
    let find = |more: Value| {
        let mut arguments = json!({ "text": text });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        async move { run("text.extract", arguments).await }
    };
    let found = find(json!({ "pattern": "(?m)^(?<day>[\\d-]+) (paid|open)(?: (\\d+))?$" })).await.unwrap();
    let expected = json!({
        "matches": [
            { "text": "2026-01-05 paid 10", "groups": { "day": "2026-01-05", "2": "paid", "3": "10" } },
            { "text": "2026-02-06 open", "groups": { "day": "2026-02-06", "2": "open", "3": null } }
        ],
        "complete": true
    });
    assert_eq!(found, expected);
    assert_eq!(find(json!({ "pattern": "\\d+", "limit": 2 })).await.unwrap()["complete"], false);
    assert_eq!(find(json!({ "pattern": "nothing" })).await.unwrap(), json!({ "matches": [], "complete": true }));
    let between = find(json!({ "between": { "start": "-0", "end": " " } })).await.unwrap();
    let texts: Vec<_> =
        between["matches"].as_array().unwrap().iter().map(|found| found["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["1-05", "2-06"]);
    for (pattern, message) in [
        ("(", "argument `pattern`: regex parse error"),
        ("(?=a)", "look-around and back-references are not supported"),
        ("(a)\\1", "look-around and back-references are not supported"),
        ("(?:\\w{500}){500}", "too large once its repetitions are written out"),
        (&"(".repeat(60), "argument `pattern`"),
    ] {
        let error = find(json!({ "pattern": pattern })).await.unwrap_err();
        assert!(error.to_string().contains(message), "{pattern}: {error}");
    }
    assert_eq!(find(json!({ "pattern": "a".repeat(2001) })).await.unwrap_err().code(), "bad_arguments");
}

#[tokio::test]
async fn no_pattern_takes_for_ever() {
    let text = "a".repeat(1_000_000) + "!";
    for pattern in
        ["^(a+)+$", "(a|aa)+$", "(a*)*b", "(?:a?){50}a{50}b", "(x+x+)+y", ".*.*.*=.*", "(?:[a-z]{1,50}){1,10}$"]
    {
        let began = Instant::now();
        // Whether it is found, or it is said that it takes too long: there is an end.
        let answer = run("text.extract", json!({ "text": text, "pattern": pattern, "limit": 10 })).await;
        assert!(began.elapsed() < Duration::from_mins(1), "{pattern}: {:?}: {answer:.200?}", began.elapsed());
    }
}

#[tokio::test]
async fn formats_become_each_other() {
    for (from, to, text, expected) in [
        ("json", "yaml", "{\"a\":[1,\"x\",null],\"b\":{\"c\":\"yes\"}}", "a:\n- 1\n- x\n- null\nb:\n  c: \"yes\"\n"),
        (
            "yaml",
            "json",
            "a: [1, x]\nb: yes\nc: 1.5\nd: ~\n",
            "{\n  \"a\": [\n    1,\n    \"x\"\n  ],\n  \"b\": \"yes\",\n  \"c\": 1.5,\n  \"d\": null\n}\n",
        ),
        ("csv", "json", "a;b\n1;x\n", "[\n  {\n    \"a\": 1,\n    \"b\": \"x\"\n  }\n]\n"),
        ("json", "csv", "[{\"a\":1,\"b\":\"x, y\"},{\"b\":null,\"c\":[1]}]", "a,b,c\n1,\"x, y\",\n,,[1]\n"),
        ("yaml", "csv", "- a: 1\n- a: 2\n", "a\n1\n2\n"),
        ("csv", "yaml", "a\n1\n", "- a: 1\n"),
        ("html", "text", "<p>Hello <b>you</b></p>", "Hello **you**\n"),
        ("html", "markdown", "<p>Hello <i>you</i></p>", "Hello *you*\n"),
        ("markdown", "text", "Hello **you**", "Hello you\n"),
        (
            "markdown",
            "html",
            "# A\n\n|x|\n|-|\n|1|\n",
            "<h1>A</h1>\n<table><thead><tr><th>x</th></tr></thead><tbody>\n<tr><td>1</td></tr>\n</tbody></table>\n",
        ),
    ] {
        assert_eq!(convert(text, from, to).await.unwrap_or_else(|error| error.to_string()), expected, "{from} to {to}");
    }
    for (from, to, text, message) in [
        ("json", "yaml", "{", "the text is not JSON: EOF"),
        ("yaml", "json", "a: [", "the text is not YAML"),
        ("yaml", "json", "a: 1\na: 2\n", "the text is not YAML"),
        ("json", "csv", "{\"a\":1}", "only a list of objects can become CSV"),
        ("csv", "json", "a,b\n1\n", "line 2 of the CSV has 1 cells"),
        ("text", "html", "a", "that cannot be converted; what can: markdown to html"),
    ] {
        let error = convert(text, from, to).await.unwrap_err();
        assert!(error.to_string().contains(message), "{from} to {to}: {error}");
    }
    // A few lines that would be gigabytes.
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", [below.as_str(); 10].join(", "));
    }
    assert_eq!(convert(&bomb, "yaml", "json").await.unwrap_err().code(), "bad_document");
    assert_eq!(convert(&"[".repeat(100_000), "json", "yaml").await.unwrap_err().code(), "bad_document");
    assert_eq!(convert(&"[".repeat(100_000), "yaml", "json").await.unwrap_err().code(), "bad_document");
    assert_eq!(convert(&"> ".repeat(20_000), "markdown", "html").await.map(|_| ()), Ok(()));
}

#[tokio::test]
async fn html_of_markdown_does_nothing() {
    for text in [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](java\tscript:alert(1))",
        "[x](<java&#10;script:alert(1)>)",
        "[x](&#106;avascript:alert(1))",
        "[x](vbscript:x)",
        "![x](data:text/html,<script>1</script>)",
        "<javascript:alert(1)>",
        "[x]: javascript:alert(1)\n\n[x]",
        "[x](https://example.com \"\\\" onmouseover=alert(1) x=\\\"\")",
        "```\" onload=alert(1)\nx\n```",
    ] {
        let html = convert(text, "markdown", "html").await.unwrap();
        let lower = html.to_lowercase();
        assert!(!lower.contains("<script") && !lower.contains("<img src=x"), "{text}: {html}");
        for (at, _) in lower.match_indices("href=\"").chain(lower.match_indices("src=\"")) {
            let value = lower[at..].split('"').nth(1).unwrap();
            assert!(value.is_empty() || value.starts_with("https://"), "{text}: {html}");
        }
        // No attribute but those that the renderer writes itself.
        assert!(!lower.replace("&quot;", "'").contains("\" on"), "{text}: {html}");
    }
    let html =
        convert("[a](b.html#c) [m](mailto:a@example.com) [p](/a:b) [q](?a:b)", "markdown", "html").await.unwrap();
    for kept in ["b.html#c", "mailto:a@example.com", "/a:b", "?a:b"] {
        assert!(html.contains(&format!("href=\"{kept}\"")), "{kept}: {html}");
    }
}

#[tokio::test]
async fn a_difference_is_told_by_lines_or_words() {
    let diff = |before: &'static str, after: &'static str, by: &'static str| async move {
        run("text.diff", json!({ "before": before, "after": after, "by": by })).await.unwrap()
    };
    let told = diff("one\ntwo\nthree\n", "one\n2\nthree\nfour\n", "lines").await;
    let expected = json!({
        "equal": false, "added": 2, "removed": 1,
        "changes": [
            { "kind": "removed", "line": 2, "text": "two" },
            { "kind": "added", "line": 2, "text": "2" },
            { "kind": "added", "line": 4, "text": "four" }
        ],
        "unified": "--- before\n+++ after\n@@ -1,3 +1,4 @@\n one\n-two\n+2\n three\n+four\n"
    });
    assert_eq!(told, expected);
    let told = diff("The old red house.", "The new house here.", "words").await;
    assert_eq!((&told["added"], &told["removed"], &told["equal"]), (&json!(3), &json!(3), &json!(false)));
    assert!(told.get("unified").is_none());
    let same = diff("a\n", "a\n", "lines").await;
    assert_eq!(same, json!({ "equal": true, "added": 0, "removed": 0, "changes": [], "unified": "" }));
    assert_eq!(diff("", "", "words").await["equal"], true);
    assert_eq!(diff("a", "a\n", "lines").await["equal"], false);

    // Nothing in common, which is the most work.
    let many = |seed: usize| (0..60_000).map(|n| format!("{}\n", (n * 7919 + seed) % 60_013)).collect::<String>();
    let began = Instant::now();
    let told = run("text.diff", json!({ "before": many(0), "after": many(31) })).await.unwrap();
    assert_eq!(told["equal"], false);
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
}

/// JSON as it may be written, with what YAML takes for something else.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1e6..1e6_f64).prop_map(Value::from),
        "[ -~äß\n]{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "yes",
            "no",
            "null",
            "~",
            "1",
            "1.5",
            "0x1",
            "- a",
            "a: b",
            "#",
            "",
            " ",
            "true",
            "2026-01-01",
            "<<",
            "&a",
            "*a",
            "!x",
            "|",
            ">",
            "%",
            "@"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z :#-]{1,6}", inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn yaml_comes_back_as_the_json_that_it_was(value in document()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let back = runtime.block_on(async {
            let yaml = convert(&value.to_string(), "json", "yaml").await.unwrap();
            let json = convert(&yaml, "yaml", "json").await.map_err(|error| format!("{error}\n{yaml}"));
            json.unwrap()
        });
        prop_assert_eq!(serde_json::from_str::<Value>(&back).unwrap(), value);
    }

    #[test]
    fn what_was_changed_makes_the_one_text_of_the_other(before in "[ab\n ]{0,30}", after in "[ab\n ]{0,30}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let told = runtime.block_on(run("text.diff", json!({ "before": before, "after": after, "by": "words" }))).unwrap();
        let side = |without: &str| told["changes"].as_array().unwrap().iter()
            .filter(|change| change["kind"] != without)
            .map(|change| change["text"].as_str().unwrap())
            .collect::<String>();
        prop_assert_eq!(side("added"), before);
        prop_assert_eq!(side("removed"), after);
    }
}

#[tokio::test]
async fn what_nests_without_end_is_refused_at_once() {
    let deep = format!("{}x{}", "<div>".repeat(4_000), "</div>".repeat(4_000));
    for error in [
        run("text.extract", json!({ "text": deep, "format": "html" })).await.unwrap_err().to_string(),
        run("text.extract", json!({ "text": deep, "format": "html", "as": "markdown" })).await.unwrap_err().to_string(),
        convert(&deep, "html", "text").await.unwrap_err().to_string(),
    ] {
        assert!(error.contains("nests its elements more than 1000 deep"), "{error}");
    }
    let fair = format!("{}x{}", "<div>".repeat(900), "</div>".repeat(900));
    assert_eq!(convert(&fair, "html", "text").await.unwrap().trim(), "x");
}
