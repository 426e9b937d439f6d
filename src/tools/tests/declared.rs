//! What a tool declares is held: its result, its time, that it may be called at all; and what becomes of a tool that dies.

use std::future::pending;

use tokio::time::Instant;

use super::*;
use crate::store::fixtures::fixture;

/// A tool that does one of the things that tools should not do.
struct Odd {
    effect: Effect,
    timeout: Duration,
}

#[async_trait]
impl Tool for Odd {
    fn name(&self) -> &'static str {
        "odd.do"
    }
    fn description(&self) -> &'static str {
        "Does something odd."
    }
    fn parameters(&self) -> Value {
        json!({ "type": "object", "properties": { "what": { "type": "string" } } })
    }
    fn output(&self) -> Option<Value> {
        Some(
            json!({ "type": "object", "required": ["rows"], "properties": { "rows": { "type": "array", "items": { "type": "integer" } } } }),
        )
    }
    fn worst(&self) -> Effect {
        self.effect
    }
    fn effect(&self, _: &Value) -> CallEffect {
        CallEffect::of(self.effect)
    }
    fn timeout(&self) -> Duration {
        self.timeout
    }
    async fn call(&self, arguments: Value, _: Permit, _: &Caller) -> Result<Value, ToolError> {
        match arguments["what"].as_str().unwrap_or_default() {
            "hang" => pending().await,
            "die" => panic!("the password is hush"),
            "lie" => Ok(json!({ "rows": [1, "hush"] })),
            _ => Ok(json!({ "rows": [1] })),
        }
    }
}

async fn odd(effect: Effect, what: &str) -> Result<Value, ToolError> {
    let odd = Odd { effect, timeout: Duration::from_millis(40) };
    call(&registry(odd), "odd.do", json!({ "what": what })).await
}

#[tokio::test]
async fn a_result_is_held_against_what_the_tool_declares() {
    let wrong = "tool `odd.do`: its result is not what it declares: at `/rows/1`: the value is not of type \"integer\"";
    assert_eq!(odd(Effect::Read, "well").await, Ok(json!({ "rows": [1] })));
    assert_eq!(odd(Effect::Read, "lie").await, Err(ToolError::give_up("bad_result", wrong)));
    // What changed the world has changed it: what it returned is not lost.
    let unfit = odd(Effect::Write, "lie").await.unwrap();
    assert_eq!(unfit, json!({ "unfit": wrong, "result": { "rows": [1, "hush"] } }));
    assert_eq!(unfit_in(&unfit), Some(wrong));
    assert_eq!(unfit_in(&json!({ "unfit": "x", "result": 1, "more": 2 })), None);
}

#[tokio::test]
async fn a_call_takes_no_longer_than_the_tool_says_and_dies_alone() {
    let begun = Instant::now();
    for (what, code) in [("hang", "timeout"), ("die", "panicked")] {
        for (effect, is_unknown) in [(Effect::Read, false), (Effect::Write, true), (Effect::Irreversible, true)] {
            let error = odd(effect, what).await.unwrap_err();
            assert_eq!((error.code(), matches!(error, ToolError::Unknown { .. })), (code, is_unknown), "{error}");
            assert!(error.to_string().starts_with("tool `odd.do`: ") && !error.to_string().contains("hush"), "{error}");
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn what_the_policy_does_not_allow_is_not_offered_and_not_called() {
    let mut tools = registry(Double);
    tools.register(Arc::new(Odd { effect: Effect::Read, timeout: DEFAULT_TIMEOUT })).unwrap();
    tools.set_policy(ToolPolicy { deny: vec!["odd.*".to_owned()], ..ToolPolicy::default() });
    let error = call(&tools, "odd.do", json!({})).await.unwrap_err();
    assert_eq!(error.code(), "denied");
    assert!(error.to_string().contains("`policy.deny` names `odd.*`"), "{error}");
    assert!(call(&tools, "math.double", json!({ "number": 1 })).await.is_ok());
    assert_eq!(tools.specs(&["*"]).len(), 1);
    let catalog = tools.catalog();
    assert!(catalog["odd.do"].denied.is_some() && catalog["math.double"].denied.is_none());
}

#[tokio::test]
async fn a_long_result_is_kept_whole_and_read_on_in() {
    let fixture = fixture().await;
    let blobs = fixture.workspace.blobs().clone();
    let mut tools = registry(ResultsRead::new(blobs.clone()));
    tools.set_results(Results::new(blobs, 10_000));
    let short = json!({ "rows": ["a"] });
    assert_eq!(tools.told(short.clone()).await, short);
    let rows: Vec<Value> = (0..3_000).map(|n| json!({ "n": n, "name": format!("row ä{n}") })).collect();
    let long = json!({ "path": "a.csv", "rows": rows });
    let told = tools.told(long.clone()).await;
    assert!(is_kept(&told) && told.to_string().len() < 10_000);
    assert_eq!(told["bytes"], long.to_string().len());
    let shape = "object of 2 { path: text of 5 characters, rows: list of 3000, the first: object of 2 { n: number, name: text of 6 characters } }";
    assert_eq!(told["shape"], shape);
    assert!(long.to_string().starts_with(told["beginning"].as_str().unwrap()));
    assert!(long.to_string().ends_with(told["end"].as_str().unwrap()));

    let read = async |arguments: Value| {
        let mut arguments = arguments;
        arguments["kept"] = told["kept"].clone();
        call(&tools, READ, arguments).await
    };
    assert_eq!(read(json!({ "at": "/rows/2999/name" })).await.unwrap()["text"], "row ä2999");
    assert_eq!(
        read(json!({ "at": "/rows/7/name", "from": 4, "length": 1 })).await,
        Ok(json!({ "text": "ä", "from": 4, "of": 6 }))
    );
    // Piece by piece it is all there.
    let (mut whole, mut of) = (String::new(), 1);
    while whole.chars().count() < of {
        let piece = read(json!({ "from": whole.chars().count() })).await.unwrap();
        whole += piece["text"].as_str().unwrap();
        of = usize::try_from(piece["of"].as_u64().unwrap()).unwrap();
    }
    assert_eq!(serde_json::from_str::<Value>(&whole).unwrap(), long);
    let missing = read(json!({ "at": "/lines" })).await.unwrap_err();
    assert!(missing.to_string().contains("rows: list of 3000"), "{missing}");
    let missing = call(&tools, READ, json!({ "kept": "0".repeat(64) })).await.unwrap_err();
    assert_eq!(missing.code(), "not_found");
}
