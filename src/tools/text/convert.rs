//! `text.convert`: the same in another format.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::document::Style;
use super::{document, markdown};
use crate::run::Permit;
use crate::tools::table::{Layout, Table, layout_schema};
use crate::tools::{Caller, Origin, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// The longest text, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;

/// `text.convert`: the same in another format.
#[derive(Clone, Copy, Debug)]
pub struct TextConvert;

#[derive(Deserialize)]
struct Arguments {
    text: String,
    from: Format,
    to: Format,
    #[serde(flatten)]
    layout: Layout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Markdown,
    Html,
    Text,
    Json,
    Yaml,
    Csv,
}

/// What can be made of what, as the description says it.
const PAIRS: &str =
    "markdown to html or text, html to text or markdown, json to yaml or csv, yaml to json or csv, csv to json or yaml";

fn convert(arguments: &Arguments) -> Result<String, ToolError> {
    use Format::{Csv, Html, Json, Markdown, Text, Yaml};
    let Arguments { text, from, to, layout } = arguments;
    if text.len() > LONGEST {
        let length = text.len();
        return Err(ToolError::give_up(
            "too_large",
            format!("the text has {length} bytes, more than the limit of {LONGEST}"),
        ));
    }
    match (from, to) {
        (Markdown, Html) => Ok(markdown::to_html(text)),
        (Markdown, Text) => Ok(markdown::to_text(text)),
        (Html, Text) => document::Format::Html.text(text.as_bytes(), Style::Text),
        (Html, Markdown) => document::Format::Html.text(text.as_bytes(), Style::Markdown),
        (Json, Yaml) => yaml(&of_json(text)?),
        (Json, Csv) => csv(of_json(text)?),
        (Yaml, Json) => pretty(&of_yaml(text)?),
        (Yaml, Csv) => csv(of_yaml(text)?),
        (Csv, Json) => pretty(&Value::Array(Table::of_csv(text, layout)?.into_objects())),
        (Csv, Yaml) => yaml(&Value::Array(Table::of_csv(text, layout)?.into_objects())),
        _ => Err(ToolError::give_up("bad_arguments", format!("that cannot be converted; what can: {PAIRS}"))),
    }
}

fn of_json(text: &str) -> Result<Value, ToolError> {
    serde_json::from_str(text)
        .map_err(|error| ToolError::give_up("bad_document", format!("the text is not JSON: {error}")))
}

fn of_yaml(text: &str) -> Result<Value, ToolError> {
    // `yes`, `no` and `on` are words, and a country.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let options = serde_saphyr::render_options! { snippets: serde_saphyr::SnippetMode::Off };
        let told = error.render_with_options(options);
        ToolError::give_up("bad_document", format!("the text is not YAML that JSON could hold: {}", told.trim()))
    })
}

fn yaml(value: &Value) -> Result<String, ToolError> {
    serde_saphyr::to_string(value)
        .map_err(|error| ToolError::give_up("bad_document", format!("it cannot be written as YAML: {error}")))
}

fn pretty(value: &Value) -> Result<String, ToolError> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|error| ToolError::give_up("bad_document", format!("it cannot be written as JSON: {error}")))
}

fn csv(value: Value) -> Result<String, ToolError> {
    let rows: Vec<Map<String, Value>> = serde_json::from_value(value).map_err(|_| {
        ToolError::give_up(
            "bad_document",
            "only a list of objects can become CSV, one object a row; pick or make one first",
        )
    })?;
    Table::of_rows(rows)?.to_csv()
}

#[async_trait]
impl Tool for TextConvert {
    fn name(&self) -> &'static str {
        "text.convert"
    }

    fn description(&self) -> &'static str {
        "Converts a text: Markdown to safe HTML or plain text, HTML to plain text or Markdown, and between JSON, YAML and CSV."
    }

    fn parameters(&self) -> Value {
        let format =
            |what: &str| json!({ "enum": ["markdown", "html", "text", "json", "yaml", "csv"], "description": what });
        let mut properties = json!({
            "text": { "type": "string", "description": "The text" },
            "from": format("What it is"),
            "to": format(&format!("What it becomes: {PAIRS}"))
        });
        if let (Some(properties), Value::Object(layout)) = (properties.as_object_mut(), layout_schema()) {
            properties.extend(layout);
        }
        json!({
            "type": "object",
            "properties": properties,
            "required": ["text", "from", "to"],
            "additionalProperties": false
        })
    }

    fn output(&self) -> Option<Value> {
        Some(json!({
            "type": "object",
            "properties": { "text": { "type": "string" } },
            "required": ["text"],
            "additionalProperties": false
        }))
    }

    fn worst(&self) -> Effect {
        Effect::Pure
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        CallEffect::of(Effect::Pure)
    }

    /// What goes in comes out.
    fn origin(&self) -> Origin {
        Origin::Untrusted
    }

    async fn call(&self, arguments: Value, _permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let arguments: Arguments = crate::tools::arguments(arguments)?;
        crate::tools::blocking(move || Ok(json!({ "text": convert(&arguments)? }))).await
    }
}
