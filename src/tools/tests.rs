//! The registry, and what the tests of the tools share.

mod declared;
mod files;
mod http;
mod lent;
mod memory;

use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::run::permit::skeleton;
use crate::run::{CallKey, ScopePath};
use crate::workflow::StepId;

pub(super) fn caller() -> Caller {
    let step = ScopePath::root().step(&StepId("step".into()));
    Caller { run: RunId(Uuid::nil()), step, agent: None }
}

/// Calls a tool as the gate would: with a permit for what the tool says that it does.
pub(super) async fn call(tools: &Tools, name: &str, arguments: Value) -> Result<Value, ToolError> {
    let effect = tools.effect(name, &arguments)?;
    let key = CallKey::of(caller().run, &caller().step, name, &arguments.to_string(), 0);
    tools.call(name, arguments, skeleton::permit(key, effect), &caller()).await
}

pub(super) fn registry(registered: impl Tool) -> Tools {
    let mut tools = Tools::new();
    tools.register(Arc::new(registered)).unwrap();
    tools
}

/// Doubles a number; writes if told to.
struct Double;

#[async_trait]
impl Tool for Double {
    fn name(&self) -> &'static str {
        "math.double"
    }
    fn description(&self) -> &'static str {
        "Doubles a number."
    }
    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "number": { "type": "integer", "maximum": 1000 },
                "options": { "type": "object", "properties": { "loud": { "type": "boolean" } }, "required": ["loud"] }
            },
            "required": ["number"],
            "additionalProperties": false
        })
    }
    fn worst(&self) -> Effect {
        Effect::Write
    }
    fn effect(&self, arguments: &Value) -> CallEffect {
        CallEffect::of(if arguments.get("options").is_some() { Effect::Write } else { Effect::Pure })
    }
    async fn call(&self, arguments: Value, _: Permit, _: &Caller) -> Result<Value, ToolError> {
        Ok(json!(arguments["number"].as_i64().unwrap() * 2))
    }
}

#[tokio::test]
async fn a_call_reaches_the_tool() {
    assert_eq!(call(&registry(Double), "math.double", json!({ "number": 21 })).await, Ok(json!(42)));
}

#[tokio::test]
async fn arguments_are_checked_and_the_wrong_one_is_named_without_its_value() {
    let tools = registry(Double);
    for (arguments, expected) in [
        (json!({}), "the argument `number` is missing"),
        (json!({ "number": "hush" }), "argument `number`: the value is not of type \"integer\""),
        (json!({ "number": 5000 }), "argument `number`: the value is greater than the maximum of 1000"),
        (json!({ "number": 1, "options": {} }), "the argument `loud` of `options` is missing"),
        (
            json!({ "number": 1, "options": { "loud": 3 } }),
            "argument `options.loud`: the value is not of type \"boolean\"",
        ),
        (json!({ "number": 1, "optoins": {} }), "there is no argument `optoins` (did you mean `options`?)"),
        (json!("hush"), "the arguments are wrong: the value is not of type \"object\""),
    ] {
        let error = call(&tools, "math.double", arguments).await.unwrap_err();
        assert_eq!(error, ToolError::give_up("bad_arguments", format!("tool `math.double`: {expected}")));
    }
}

#[tokio::test]
async fn an_unknown_tool_is_refused_with_the_nearest_name() {
    let error = call(&registry(Double), "math.duble", json!({})).await.unwrap_err();
    assert_eq!(
        error,
        ToolError::give_up("unknown_tool", "there is no tool named `math.duble`; did you mean `math.double`?")
    );
}

#[tokio::test]
async fn a_call_may_do_no_more_than_its_permit_says() {
    let tools = registry(Double);
    let pure =
        skeleton::permit(CallKey::of(caller().run, &caller().step, "math.double", "", 0), CallEffect::of(Effect::Pure));
    let arguments = json!({ "number": 1, "options": { "loud": true } });
    let error = tools.call("math.double", arguments, pure, &caller()).await.unwrap_err();
    assert_eq!(error.code(), "not_permitted");
}

#[test]
fn a_name_is_given_once_and_parameters_must_be_a_schema_of_an_object() {
    struct Bad(Value);
    #[async_trait]
    impl Tool for Bad {
        fn name(&self) -> &'static str {
            "bad"
        }
        fn description(&self) -> &'static str {
            ""
        }
        fn parameters(&self) -> Value {
            self.0.clone()
        }
        fn worst(&self) -> Effect {
            Effect::Pure
        }
        fn effect(&self, _: &Value) -> CallEffect {
            CallEffect::of(Effect::Pure)
        }
        async fn call(&self, _: Value, _: Permit, _: &Caller) -> Result<Value, ToolError> {
            Ok(Value::Null)
        }
    }
    let mut tools = registry(Double);
    assert!(matches!(tools.register(Arc::new(Double)), Err(RegisterError::Taken(name)) if name == "math.double"));
    for schema in [
        json!({ "type": "string" }),
        json!(true),
        json!({ "type": "object", "properties": { "a": { "type": "no such" } } }),
        json!({ "type": "object", "$ref": "https://example.com/elsewhere.json" }),
    ] {
        let error = tools.register(Arc::new(Bad(schema.clone()))).unwrap_err();
        assert!(matches!(error, RegisterError::BadParameters { .. }), "{schema}: {error}");
    }
}

#[test]
fn an_allow_list_names_tools_or_groups() {
    let folder = Folder::new("files");
    let mut tools = registry(Double);
    tools.register(Arc::new(FilesRead::new(folder.clone()))).unwrap();
    tools.register(Arc::new(FilesWrite::new(folder))).unwrap();
    let names = |allow: &[&str]| tools.specs(allow).into_iter().map(|spec| spec.name).collect::<Vec<_>>();

    assert_eq!(names(&["files.read", "no.such"]), ["files.read"]);
    assert_eq!(names(&["files.*"]), ["files.read", "files.write"]);
    assert_eq!(names(&["*"]), ["files.read", "files.write", "math.double"]);
    assert_eq!(names(&[]), [""; 0]);
    assert_eq!(tools.catalog()["files.write"].effect, Effect::Write);
    assert_eq!(tools.specs(&["math.double"])[0].parameters, Double.parameters());
}
