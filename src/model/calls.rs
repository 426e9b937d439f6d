//! Calls of tools as the providers' protocols have them: under names that they allow, with ids that some leave out.

use std::collections::HashSet;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{Message, Request, ToolCall, ToolSpec};

/// The longest name that the protocols allow.
const LONGEST: usize = 64;

/// The names of the tools of one request, which the protocols restrict to letters, digits, `_` and `-`.
pub(super) struct ToolNames<'a> {
    /// Each tool with its name on the wire.
    offered: Vec<(&'a str, String)>,
}

impl<'a> ToolNames<'a> {
    pub(super) fn new(tools: &'a [ToolSpec]) -> Self {
        let mut offered: Vec<(&str, String)> = Vec::with_capacity(tools.len());
        for ToolSpec { name, .. } in tools {
            let plain = allowed(name);
            let is_taken = offered.iter().any(|(_, taken)| *taken == plain);
            offered.push((name, if is_taken { distinct(name) } else { plain }));
        }
        Self { offered }
    }

    /// How the protocol calls a tool.
    pub(super) fn to_wire(&self, name: &str) -> String {
        let tool = self.offered.iter().find(|(tool, _)| *tool == name);
        tool.map_or_else(|| allowed(name), |(_, wire)| wire.clone())
    }

    /// The tool that a name on the wire stands for; what stands for none stays as it is, for whoever checks calls to tell of.
    fn to_plain(&self, wire: &str) -> String {
        let tool = self.offered.iter().find(|(_, offered)| offered == wire);
        tool.map_or(wire, |(tool, _)| tool).to_owned()
    }
}

fn allowed(name: &str) -> String {
    let plain: String = name.chars().map(|c| if is_allowed(c) { c } else { '-' }).collect();
    if plain.is_empty() || plain.len() > LONGEST { distinct(name) } else { plain }
}

/// A name that no other has.
fn distinct(name: &str) -> String {
    const HASH_BYTES: usize = 4;
    let hash = Sha256::digest(name);
    let suffix = hash[..HASH_BYTES].iter().fold(String::from("-"), |suffix, byte| format!("{suffix}{byte:02x}"));
    let plain = name.chars().map(|c| if is_allowed(c) { c } else { '-' });
    plain.take(LONGEST - suffix.len()).chain(suffix.chars()).collect()
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// A call as it came, perhaps in pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) id: String,
    pub(super) name: String,
    /// JSON text.
    pub(super) arguments: String,
}

impl Written {
    /// How long it is, in bytes.
    pub(super) fn length(&self) -> usize {
        self.name.len() + self.arguments.len()
    }
}

/// The calls of a reply: under the tools' own names, each with an id that no other call of the conversation has.
pub(super) fn read(request: &Request, names: &ToolNames<'_>, written: Vec<Written>) -> Vec<ToolCall> {
    let earlier = request.messages.iter().flat_map(|message| match message {
        Message::Assistant { calls, .. } => calls.as_slice(),
        _ => &[],
    });
    let mut taken: HashSet<String> = earlier.map(|call| call.id.clone()).collect();
    let turn = request.messages.len();
    let mut made = (0..).map(|n| format!("call_{turn}_{n}"));
    let calls = written.into_iter().map(|Written { id, name, arguments }| {
        let mut id = id;
        while id.is_empty() || !taken.insert(id.clone()) {
            id = made.next().unwrap_or_default();
        }
        ToolCall { id, name: names.to_plain(&name), arguments: arguments_of(arguments) }
    });
    calls.collect()
}

/// What is no JSON stays text: whoever checks the arguments tells the model.
fn arguments_of(written: String) -> Value {
    if written.trim().is_empty() {
        return Value::Object(Map::new());
    }
    serde_json::from_str(&written).unwrap_or(Value::String(written))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tools(names: &[&str]) -> Vec<ToolSpec> {
        let tool =
            |name: &&str| ToolSpec { name: (*name).to_owned(), description: String::new(), parameters: json!({}) };
        names.iter().map(tool).collect()
    }

    #[test]
    fn each_tool_has_a_name_that_is_allowed_and_its_own() {
        let long = format!("mcp.{}", "x".repeat(80));
        let longer = format!("{long}y");
        let all = ["memory.search", "memory-search", "memory/search", "größe", "", &long, &longer, "a_b-C9"];
        let tools = tools(&all);
        let names = ToolNames::new(&tools);
        let wires: Vec<String> = all.iter().map(|name| names.to_wire(name)).collect();
        assert_eq!((wires[0].as_str(), wires[7].as_str()), ("memory-search", "a_b-C9"));
        for (name, wire) in all.iter().zip(&wires) {
            assert!(!wire.is_empty() && wire.len() <= LONGEST && wire.chars().all(is_allowed), "{name}: {wire}");
            assert_eq!(names.to_plain(wire), *name);
        }
        assert_eq!(wires.iter().collect::<HashSet<_>>().len(), all.len(), "{wires:?}");
        assert_eq!(names.to_wire("no.more"), "no-more");
        assert_eq!(names.to_plain("unknown-1"), "unknown-1");
    }

    #[test]
    fn calls_without_an_id_or_with_one_that_was_there_get_their_own() {
        let call = |id: &str| ToolCall { id: id.to_owned(), name: "a".to_owned(), arguments: json!({}) };
        let earlier = Message::Assistant { text: String::new(), calls: vec![call("x"), call("call_1_0")] };
        let request = Request { messages: vec![earlier], ..Request::default() };
        let written = [("", ""), ("x", " "), ("y", "{\"k\":1}"), ("y", "{\"k"), ("", "{}")];
        let written = written.map(|(id, arguments)| Written {
            id: id.to_owned(),
            name: "a".to_owned(),
            arguments: arguments.to_owned(),
        });
        let calls = read(&request, &ToolNames::new(&[]), written.to_vec());
        let ids: Vec<&str> = calls.iter().map(|call| call.id.as_str()).collect();
        assert_eq!(ids, ["call_1_1", "call_1_2", "y", "call_1_3", "call_1_4"]);
        let arguments: Vec<&Value> = calls.iter().map(|call| &call.arguments).collect();
        assert_eq!(arguments, [&json!({}), &json!({}), &json!({ "k": 1 }), &json!("{\"k"), &json!({})]);
    }
}
