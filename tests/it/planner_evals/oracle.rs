//! A workflow made of an expectation: the proof that a case can be met, and that the scorer would say so.

use std::collections::{BTreeMap, HashMap};

use callboard::app::OfferedTool;
use callboard::workflow::yaml::{from_json, step_to_json, to_json};
use callboard::workflow::{Step, Workflow};
use serde_json::{Map, Value, json};

use super::case::WantedTrigger;
use super::expected::{Element, Head};
use super::tree;

/// The steps of a list in the file's form, and the needs of what follows them.
type List = (Vec<Value>, Vec<String>);

pub(super) struct Oracle<'a> {
    tools: &'a [OfferedTool],
    before: Option<&'a Workflow>,
    old: HashMap<&'a str, &'a Step>,
    /// The last step that calls a tool, or has one in its body that does.
    by_tool: HashMap<String, String>,
    /// The names of the items of the loops around.
    items: Vec<String>,
    made: usize,
}

impl<'a> Oracle<'a> {
    pub(super) fn new(tools: &'a [OfferedTool], before: Option<&'a Workflow>) -> Self {
        let old = before.map(|before| tree::steps(&before.steps)).unwrap_or_default();
        Self {
            tools,
            before,
            old: old.into_iter().map(|step| (step.id.as_str(), step)).collect(),
            by_tool: HashMap::new(),
            items: Vec::new(),
            made: 0,
        }
    }

    /// The workflow that a reading describes.
    pub(super) fn workflow(
        mut self,
        expected: &[Element],
        triggers: Option<&[WantedTrigger]>,
    ) -> Result<Workflow, String> {
        let mut workflow = self.before.map_or_else(|| json!({ "name": "made" }), to_json);
        workflow["steps"] = self.list(expected, &[]).0.into();
        if let Some(triggers) = triggers {
            workflow["triggers"] = triggers.iter().map(trigger).collect();
        }
        from_json(&workflow).map_err(|problems| format!("{problems:#?}\n{workflow:#}"))
    }

    fn list(&mut self, expected: &[Element], earlier: &[String]) -> List {
        let mut steps = Vec::new();
        let mut earlier = earlier.to_vec();
        for element in expected {
            match &element.head {
                Head::Either(lists) => {
                    let (made, last) = self.list(&lists[0], &earlier);
                    steps.extend(made);
                    earlier = last;
                }
                Head::AnyOrder(lists) | Head::SideBySide(lists) => {
                    let made: Vec<List> = lists.iter().map(|list| self.list(list, &earlier)).collect();
                    earlier = made.iter().flat_map(|(_, last)| last.clone()).collect();
                    steps.extend(made.into_iter().flat_map(|(made, _)| made));
                }
                _ => {
                    let made = self.step(element, &earlier);
                    earlier = vec![made[0]["id"].as_str().unwrap().to_owned()];
                    steps.extend(made);
                }
            }
        }
        (steps, earlier)
    }

    /// A step, and those that hang on its outcomes.
    fn step(&mut self, element: &Element, earlier: &[String]) -> Vec<Value> {
        let kept = match &element.head {
            Head::Kept(id, _) => Some(id.clone()),
            _ => element.id.clone(),
        };
        let id = kept.unwrap_or_else(|| {
            self.made += 1;
            format!("made_{}", self.made)
        });
        let old = self.old.get(id.as_str()).map(|step| step_to_json(step));
        let mut step = old.clone().unwrap_or_else(|| json!({ "id": id }));
        let mut arms: BTreeMap<String, &[Element]> =
            element.arms.iter().map(|(outcome, steps)| (outcome.clone(), steps.as_slice())).collect();
        match &element.head {
            Head::Tool(tool, arguments) => {
                step["process"] = json!({ "tool": tool });
                let input = self.input(tool, arguments, step.get("input"));
                step["input"] = input;
                self.by_tool.insert(tool.clone(), id.clone());
            }
            Head::Kept(_, body) => {
                if let Some(each) = step["process"].get("for_each").cloned() {
                    let name = each.get("as").and_then(Value::as_str).unwrap_or("item").to_owned();
                    step["process"]["for_each"]["steps"] = self.body(body, name);
                }
                if let Some(tool) = step["process"]["tool"].as_str() {
                    self.by_tool.insert(tool.to_owned(), id.clone());
                }
            }
            Head::Human(words) | Head::Work(words) => step["process"] = human(element, words, old.as_ref()),
            Head::Agent(roles, words) => {
                let role = roles.first().map_or("analysis", String::as_str);
                self.by_tool.insert("agent".to_owned(), id.clone());
                step["process"] = json!({ "agent": role, "goal": format!("Work on {}", words.join(" and ")) });
            }
            Head::Wait(time) => {
                step["process"] = json!({ "wait": { "for": humantime::format_duration(*time).to_string() } });
            }
            Head::Each(source, body) => {
                let items = self.items_of(source);
                let name = old
                    .as_ref()
                    .and_then(|old| old["process"]["for_each"]["as"].as_str().map(str::to_owned))
                    .unwrap_or_else(|| format!("thing_{id}"));
                let mut each = json!({ "items": items, "as": name, "steps": self.body(body, name.clone()) });
                for setting in ["on_error", "concurrency"] {
                    if let Some(value) = element.settings.get(setting) {
                        each[setting] = value.clone();
                    }
                }
                step["process"] = json!({ "for_each": each });
            }
            Head::Repeat(condition, body) => {
                let steps = self.list(body, &[]).0;
                let last = vec![steps.last().unwrap()["id"].as_str().unwrap().to_owned()];
                let (word, condition) = condition.split_once(' ').unwrap();
                let max = element.settings.get("max").cloned().unwrap_or(json!(5));
                step["process"] =
                    json!({ "repeat": { word: self.condition(condition, &last), "max": max, "steps": steps } });
            }
            Head::Branch(cases, otherwise) => {
                let names: Vec<String> =
                    match old.as_ref().and_then(|old| old["process"]["branch"].as_object().cloned()) {
                        Some(old) => old.keys().cloned().collect(),
                        None => (1..=cases.len()).map(|number| format!("case_{number}")).collect(),
                    };
                let mut branch = Map::new();
                for (name, (condition, steps)) in names.into_iter().zip(cases) {
                    branch.insert(name.clone(), self.condition(condition, earlier).into());
                    arms.insert(name, steps);
                }
                step["process"] = json!({ "branch": branch });
                arms.insert("otherwise".to_owned(), otherwise);
            }
            Head::AnyOrder(_) | Head::SideBySide(_) | Head::Either(_) => unreachable!("a group is no step"),
        }
        if let Some(attempts) = element.retry.first() {
            step["retry"] = json!({ "max_attempts": attempts });
        }
        if let Some(timeout) = element.timeout {
            step["timeout"] = humantime::format_duration(timeout).to_string().into();
        }
        step["needs"] = earlier.to_vec().into();
        if let Some(fields) = step.as_object_mut() {
            fields.shift_remove("join");
        }
        let mut steps = vec![step];
        for (outcome, list) in arms {
            steps.extend(self.list(list, &[format!("{id}.{outcome}")]).0);
        }
        steps
    }

    fn body(&mut self, body: &[Element], item: String) -> Value {
        self.items.push(item);
        let steps = self.list(body, &[]).0;
        self.items.pop();
        steps.into()
    }

    /// What a tool is given: what is expected, what it was given before, and anything for what it must have.
    fn input(&self, tool: &str, expected: &Map<String, Value>, old: Option<&Value>) -> Value {
        let schema = self.tools.iter().find(|known| known.name == tool).and_then(|tool| tool.input_schema.as_ref());
        let properties = |name: &str| schema.map(|schema| schema["properties"][name].clone()).unwrap_or_default();
        let required = schema.and_then(|schema| schema.get("required")?.as_array()).into_iter().flatten();
        let mut input = Map::new();
        for name in required.filter_map(Value::as_str) {
            input.insert(name.to_owned(), anything(&properties(name)));
        }
        // What belonged to another tool is not for this one.
        let old = old.and_then(Value::as_object).into_iter().flatten();
        input.extend(
            old.filter(|(name, _)| !properties(name).is_null()).map(|(name, value)| (name.clone(), value.clone())),
        );
        input.extend(expected.iter().map(|(name, value)| (name.clone(), self.value(value, &properties(name)))));
        input.into()
    }

    fn value(&self, expected: &Value, schema: &Value) -> Value {
        match expected {
            Value::String(text) if text == "$_" => anything(schema),
            Value::String(text) if text.starts_with('$') => format!("{{{{ {} }}}}", self.source(&text[1..])).into(),
            Value::Object(any) => self.value(&any["any"][0], schema),
            Value::Array(all) if schema["type"] == "string" => all
                .iter()
                .map(|one| self.value(one, schema).as_str().unwrap().to_owned() + " ")
                .collect::<String>()
                .into(),
            constant => constant.clone(),
        }
    }

    /// An expression of what `item`, `=ID#FIELD` or `TOOL#FIELD` stands for.
    fn source(&self, source: &str) -> String {
        if source == "item" {
            return self.items.last().unwrap_or_else(|| panic!("there is no loop around `$item`")).clone();
        }
        let (step, field) = source.split_once('#').map_or((source, None), |(step, field)| (step, Some(field)));
        let id = match step.strip_prefix('=') {
            Some(id) => id,
            None => self.by_tool.get(step).unwrap_or_else(|| panic!("nothing before it calls {step}")),
        };
        let field = field.map(|field| format!(".{field}")).unwrap_or_default();
        format!("steps.{id}.output{field}")
    }

    fn items_of(&self, source: &Value) -> Value {
        match source {
            Value::String(source) => format!("{{{{ {} }}}}", self.source(source)).into(),
            list => list.clone(),
        }
    }

    fn condition(&self, expected: &str, earlier: &[String]) -> String {
        let (field, test) = expected.split_once(' ').unwrap();
        let name = if field == "_" { "it" } else { field };
        let is_input = self.before.is_some_and(|before| before.inputs.contains_key(name));
        let base = match (is_input, self.items.last(), earlier.last()) {
            (true, ..) => format!("inputs.{name}"),
            (false, Some(item), _) => format!("{item}.{name}"),
            (false, None, Some(step)) => format!("steps.{step}.output.{name}"),
            (false, None, None) => panic!("nothing comes before `{expected}`"),
        };
        let text = match test {
            "is true" => base,
            "is false" => format!("not {base}"),
            "is empty" => format!("{base} | length == 0"),
            "not empty" => format!("{base} | length > 0"),
            test => {
                let (operator, constant) = test.split_once(' ').unwrap();
                match constant.parse::<f64>() {
                    Ok(_) => format!("{base} {operator} {constant}"),
                    Err(_) => format!("{base} {operator} '{constant}'"),
                }
            }
        };
        format!("{{{{ {text} }}}}")
    }
}

fn trigger(wanted: &WantedTrigger) -> Value {
    match wanted {
        WantedTrigger::Cron { cron, timezone: None } => json!({ "cron": cron }),
        WantedTrigger::Cron { cron, timezone: Some(zone) } => json!({ "cron": cron, "timezone": zone }),
        WantedTrigger::Webhook { webhook } => json!({ "webhook": { "path": webhook } }),
        WantedTrigger::Run { run } => json!({ "run_ended": { "workflow": run } }),
    }
}

fn human(element: &Element, words: &[String], old: Option<&Value>) -> Value {
    let mut human = old.map_or_else(|| json!({}), |old| old["process"]["human"].clone());
    if human.get("ask").is_none() {
        human = json!({ "ask": format!("Please see to {}", words.join(" and ")) });
    }
    for setting in ["to", "default"] {
        if let Some(value) = element.settings.get(setting) {
            human[setting] = value.clone();
        }
    }
    if element.arms.keys().any(|outcome| outcome != "rejected") {
        human["choices"] = element.arms.keys().cloned().collect();
    }
    json!({ "human": human })
}

/// A value that a schema allows.
fn anything(schema: &Value) -> Value {
    if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("number" | "integer") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!(["x"]),
        Some("object") => json!({}),
        _ => json!("x"),
    }
}
