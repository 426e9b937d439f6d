//! The cases are sound, and the scorer tells right from wrong.

use std::collections::{BTreeMap, HashSet};

use callboard::planner::empty;
use callboard::workflow::validate::validate;
use callboard::workflow::{Process, Trigger, Workflow, yaml};
use serde_json::Value;

use super::case::{Evals, Wanted, WantedTrigger};
use super::expected::{Element, Head, sequence};
use super::fit::{Fit, Level, starts_as};
use super::oracle::Oracle;
use super::score::{kept, visit};
use super::tree;
use super::world::World;

#[test]
fn every_workflow_of_the_cases_is_valid() {
    let evals = Evals::read();
    for (name, workflow) in &evals.befores {
        assert_eq!(validate(workflow, &evals.catalog), [], "before/{name}.yaml");
        assert_eq!(workflow.name, *name);
    }
}

#[test]
fn every_case_can_be_met() {
    let evals = Evals::read();
    let mut ids = HashSet::new();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unmet = Vec::new();
    for case in &evals.cases {
        assert!(ids.insert(&case.id), "{} is there twice", case.id);
        assert!(case.id.starts_with(&format!("{}-", case.kind)), "{} is no id of {}", case.id, case.kind);
        *kinds.entry(&case.kind).or_default() += 1;
        let Wanted::Steps { readings, triggers, .. } = &case.wanted else { continue };
        for reading in readings {
            let old: Vec<&str> =
                case.before.iter().flat_map(|before| tree::steps(&before.steps)).map(|step| step.id.as_str()).collect();
            visit(reading, &mut |element| check(element, &evals, &old, &case.id));
            if let Err(why) = meet(case.before.as_ref(), reading, triggers.as_deref(), &evals) {
                unmet.push(format!("{}: {why}", case.id));
            }
        }
    }
    assert!(unmet.is_empty(), "{}", unmet.join("\n"));
    assert!(kinds.values().all(|count| *count >= 10), "a kind has fewer than ten cases: {kinds:?}");
    assert!(evals.cases.len() >= 130, "{} cases", evals.cases.len());
}

/// Makes a valid workflow of an expectation, which the scorer must find exact.
fn meet(
    before: Option<&Workflow>,
    reading: &[Element],
    triggers: Option<&[WantedTrigger]>,
    evals: &Evals,
) -> Result<(), String> {
    let made = Oracle::new(&evals.tools, before).workflow(reading, triggers)?;
    let shown = tree::shown(&tree::tree(&made.steps));
    let problems = validate(&made, &evals.catalog);
    if !problems.is_empty() {
        return Err(format!("{problems:?}: {shown}"));
    }
    if tree::has_dead_steps(&made.steps) {
        return Err(format!("a step can never run: {shown}"));
    }
    if triggers.is_some_and(|wanted| !starts_as(&made.triggers, wanted)) {
        return Err(format!("it is started otherwise: {:?}", made.triggers));
    }
    for level in [Level::Structure, Level::Exact] {
        let fit = Fit { world: World::new(before, &made), level, is_loose: false };
        if !fit.fits(reading) {
            return Err(format!("the scorer does not see that it is met ({level:?}): {shown}"));
        }
    }
    Ok(())
}

fn check(element: &Element, evals: &Evals, old: &[&str], case: &str) {
    match &element.head {
        Head::Tool(name, arguments) => {
            let tool = evals.tools.iter().find(|tool| tool.name == *name);
            let tool = tool.unwrap_or_else(|| panic!("{case}: there is no tool {name}"));
            let known = tool.input_schema.as_ref().map(|schema| &schema["properties"]);
            for (argument, value) in arguments {
                assert!(known.is_none_or(|known| known.get(argument).is_some()), "{case}: {name} has no `{argument}`");
                check_sources(value, evals, old, case);
            }
        }
        Head::Kept(id, _) => assert!(old.contains(&id.as_str()), "{case}: there was no step {id}"),
        Head::Agent(roles, _) => {
            for role in roles {
                assert!(evals.catalog.agents.contains_key(role), "{case}: there is no role {role}");
            }
        }
        Head::Each(Value::String(source), _) if source != "_" => check_source(source, evals, old, case),
        _ => {}
    }
}

fn check_sources(value: &Value, evals: &Evals, old: &[&str], case: &str) {
    match value {
        Value::String(text) => {
            if let Some(source) = text.strip_prefix('$').filter(|source| !["_", "item", "agent"].contains(source)) {
                check_source(source, evals, old, case);
            }
        }
        Value::Array(list) => list.iter().for_each(|one| check_sources(one, evals, old, case)),
        Value::Object(any) => any.values().for_each(|one| check_sources(one, evals, old, case)),
        _ => {}
    }
}

fn check_source(source: &str, evals: &Evals, old: &[&str], case: &str) {
    let (step, field) = source.split_once('#').map_or((source, None), |(step, field)| (step, Some(field)));
    if let Some(id) = step.strip_prefix('=') {
        assert!(old.contains(&id), "{case}: there was no step {id}");
        return;
    }
    let tool = evals.tools.iter().find(|tool| tool.name == step);
    let tool = tool.unwrap_or_else(|| panic!("{case}: there is no tool {step}"));
    let outputs = tool.output_schema.as_ref().map(|schema| &schema["properties"]);
    if let (Some(outputs), Some(field)) = (outputs, field) {
        assert!(outputs.get(field).is_some(), "{case}: {step} yields no `{field}`");
    }
}

#[test]
fn no_case_is_met_by_doing_nothing() {
    let evals = Evals::read();
    let nothing = empty();
    for case in &evals.cases {
        let Wanted::Steps { readings, triggers, is_loose, .. } = &case.wanted else { continue };
        let after = case.before.as_ref().unwrap_or(&nothing);
        let starts = triggers.as_ref().is_none_or(|wanted| starts_as(&after.triggers, wanted));
        let fits = |reading: &Vec<Element>| {
            let world = World::new(case.before.as_ref(), after);
            Fit { world, level: Level::Exact, is_loose: *is_loose }.fits(reading)
        };
        assert!(!(starts && readings.iter().any(fits)), "{} is met by doing nothing", case.id);
        if let Some(before) = &case.before {
            let world = World::new(Some(before), before);
            assert!(readings.iter().all(|reading| kept(reading).iter().all(|id| world.keeps(id))), "{}", case.id);
        }
    }
}

#[test]
fn every_case_that_keeps_all_but_triggers_is_met_by_the_workflow_before() {
    let evals = Evals::read();
    let mut met = 0;
    for case in &evals.cases {
        let (Wanted::Steps { readings, triggers: Some(_), .. }, Some(before)) = (&case.wanted, &case.before) else {
            continue;
        };
        let fit = Fit { world: World::new(Some(before), before), level: Level::Exact, is_loose: false };
        assert!(fit.fits(&readings[0]), "{}: {}", case.id, tree::shown(&tree::tree(&before.steps)));
        met += 1;
    }
    assert!(met > 0);
}

/// A workflow of steps in the file's form.
fn workflow(steps: &str) -> Workflow {
    let text = format!("name: made\nsteps:\n{}", indented(steps));
    yaml::parse(&text).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}")).workflow
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// How well steps fit an expectation: `exact`, `structure` or nothing.
fn fit(before: Option<&str>, expected: &str, after: &str) -> &'static str {
    let before = before.map(workflow);
    let after = workflow(after);
    let expected = sequence(&serde_saphyr::from_str::<Value>(expected).unwrap()).unwrap();
    let fits = |level| Fit { world: World::new(before.as_ref(), &after), level, is_loose: false }.fits(&expected);
    match (fits(Level::Structure), fits(Level::Exact)) {
        (true, true) => "exact",
        (true, false) => "structure",
        (false, exact) => {
            assert!(!exact, "exact without the structure: {expected:?}");
            "nothing"
        }
    }
}

const FIND: &str = "- { id: find, process: { tool: find } }";

#[test]
fn a_list_is_compared_in_order_and_by_what_waits_for_what() {
    let chain = format!("{FIND}\n- {{ id: send, needs: [find], process: {{ tool: send }} }}");
    let beside = format!(
        "{FIND}\n- {{ id: send, process: {{ tool: send }} }}\n- {{ id: end, needs: [send], process: {{ tool: end }} }}"
    );
    for (expected, after, result) in [
        ("[find, send]", &chain, "exact"),
        ("[send, find]", &chain, "nothing"),
        ("[find]", &chain, "nothing"),
        ("[find, send, end]", &chain, "nothing"),
        ("[any_order: [send, find]]", &chain, "exact"),
        ("[side_by_side: [send, find]]", &chain, "structure"),
        ("[find, send, end]", &beside, "structure"),
        ("[side_by_side: [[send, end], [find]]]", &beside, "exact"),
        ("[either: [[end], [find]], send]", &chain, "exact"),
    ] {
        assert_eq!(fit(None, expected, after), result, "{expected}");
    }
}

#[test]
fn arguments_are_constants_or_come_from_where_they_are_expected() {
    let after = r##"
- { id: find, process: { tool: find } }
- { id: short, needs: [find], process: { transform: "{{ steps.find.output.text | upper }}" } }
- id: send
  needs: [short]
  input: { to: "#Sales", amount: "40", text: "Found: {{ steps.short.output }}", plain: "{{ steps.find.output }}" }
  process: { tool: send }
"##;
    for (arguments, result) in [
        ("to: sales", "exact"),
        ("to: sale", "structure"),
        ("amount: 40", "exact"),
        ("amount: 41", "structure"),
        ("amount: { any: [41, 40] }", "exact"),
        ("text: $find", "exact"),
        ("text: $find#text", "exact"),
        ("text: $find#title", "structure"),
        ("text: $send", "structure"),
        ("plain: $find#text", "structure"),
        ("text: $item", "structure"),
        ("other: $_", "structure"),
        ("to: $_", "exact"),
    ] {
        assert_eq!(fit(None, &format!("[find, send: {{ {arguments} }}]"), after), result, "{arguments}");
    }
}

#[test]
fn a_loop_is_compared_by_what_it_goes_over() {
    let after = r#"
- { id: find, process: { tool: find } }
- id: each
  needs: [find]
  process:
    for_each:
      items: "{{ steps.find.output.rows }}"
      as: row
      steps:
        - { id: send, input: { to: "{{ row.mail }}" }, process: { tool: send } }
"#;
    for (expected, result) in [
        ("[find, { each: find, do: [send: { to: $item }] }]", "exact"),
        ("[find, { each: find, do: [send: { to: $find }] }]", "structure"),
        ("[find, { each: find, on_error: collect, do: [send] }]", "structure"),
        ("[find, { each: find#rows, do: [send] }]", "exact"),
        ("[find, { each: find#hits, do: [send] }]", "structure"),
        ("[find, { each: send, do: [send] }]", "nothing"),
        ("[find, { each: [a, b], do: [send] }]", "nothing"),
        ("[find, { each: find, do: [] }, send]", "nothing"),
    ] {
        assert_eq!(fit(None, expected, after), result, "{expected}");
    }
}

#[test]
fn conditions_are_compared_by_what_they_mean() {
    let exact = [
        ("amount > 50", "{{ steps.find.output.amount > 50 }}"),
        ("amount > 50", "{{ 50 < steps.find.output.amount }}"),
        ("amount > 50", "{{ not steps.find.output.amount <= 50.0 }}"),
        ("state == paid", "{{ steps.find.output.state == 'Paid' }}"),
        ("_ == paid", "{{ steps.find.output.state == 'paid' }}"),
        ("up is false", "{{ not steps.find.output.up }}"),
        ("up is false", "{{ steps.find.output.up == false }}"),
        ("_ is empty", "{{ steps.find.output.rows | length == 0 }}"),
        ("_ is empty", "{{ not steps.find.output.rows }}"),
    ];
    let other = [
        ("amount > 50", "{{ steps.find.output.amount >= 50 }}"),
        ("amount > 50", "{{ steps.find.output.amount > 500 }}"),
        ("amount > 50", "{{ steps.find.output.size > 50 }}"),
        ("state == paid", "{{ steps.find.output.state == 'unpaid' }}"),
        ("up is false", "{{ steps.find.output.up }}"),
        ("_ is empty", "{{ steps.find.output.rows | length > 0 }}"),
    ];
    let after = |condition: &str, arms: [&str; 2]| {
        format!(
            "{FIND}\n- {{ id: test, needs: [find], process: {{ branch: {{ yes: \"{condition}\" }} }} }}\n\
             - {{ id: one, needs: [test.{}], process: {{ tool: one }} }}\n\
             - {{ id: two, needs: [test.{}], process: {{ tool: two }} }}",
            arms[0], arms[1]
        )
    };
    for (expected, condition) in exact {
        let expected = format!("[find, {{ if: {expected}, then: [one], else: [two] }}]");
        assert_eq!(fit(None, &expected, &after(condition, ["yes", "otherwise"])), "exact", "{expected} {condition}");
        assert_eq!(fit(None, &expected, &after(condition, ["otherwise", "yes"])), "nothing", "{expected} {condition}");
    }
    for (expected, condition) in other {
        let expected = format!("[find, {{ if: {expected}, then: [one], else: [two] }}]");
        assert_eq!(
            fit(None, &expected, &after(condition, ["yes", "otherwise"])),
            "structure",
            "{expected} {condition}"
        );
    }
    // The same question the other way round.
    let expected = "[find, { if: amount > 50, then: [one], else: [two] }]";
    let turned = after("{{ steps.find.output.amount <= 50 }}", ["otherwise", "yes"]);
    assert_eq!(fit(None, expected, &turned), "exact");
}

#[test]
fn what_is_kept_is_kept_with_its_id_and_its_content() {
    let before = format!("{FIND}\n- {{ id: send, needs: [find], input: {{ to: ada }}, process: {{ tool: send }} }}");
    let with =
        |last: &str| format!("{FIND}\n- {{ id: wait, needs: [find], process: {{ wait: {{ for: 2h }} }} }}\n{last}");
    for (last, result) in [
        ("- { id: send, needs: [wait], input: { to: ada }, process: { tool: send } }", "exact"),
        ("- { id: send, needs: [wait], input: { to: bob }, process: { tool: send } }", "structure"),
        ("- { id: mail, needs: [wait], input: { to: ada }, process: { tool: send } }", "structure"),
        ("- { id: send, needs: [wait], input: { to: ada }, process: { tool: mail } }", "nothing"),
    ] {
        assert_eq!(fit(Some(&before), "[=find, { wait: 2h }, =send]", &with(last)), result, "{last}");
    }
}

#[test]
fn outcomes_settings_and_people_are_compared() {
    let after = r#"
- { id: ask, process: { human: { ask: May it go out?, to: [Ada] } } }
- { id: send, needs: [ask], retry: { max_attempts: 3 }, timeout: 20s, process: { tool: send } }
- { id: drop, needs: [ask.rejected], process: { tool: drop } }
- { id: warn, needs: [send.error], process: { tool: warn } }
"#;
    let whole = |settings: &str| {
        format!(
            "[{{ human: [ada], arms: {{ rejected: [drop] }} }}, {{ send: {{}}, {settings}, arms: {{ error: [warn] }} }}]"
        )
    };
    for (settings, result) in [
        ("retry: [2, 3]", "exact"),
        ("retry: 4", "structure"),
        ("timeout: 20s", "exact"),
        ("timeout: 20m", "structure"),
        ("id: send", "exact"),
        ("id: mail", "structure"),
    ] {
        assert_eq!(fit(None, &whole(settings), after), result, "{settings}");
    }
    assert_eq!(fit(None, "[{ human: [] }, send, drop, warn]", after), "nothing");
}

#[test]
fn a_step_that_waits_for_both_arms_never_runs() {
    let branch = "- { id: test, process: { branch: { yes: \"{{ inputs.x }}\" } } }\n\
                  - { id: one, needs: [test.yes], process: { tool: one } }\n\
                  - { id: two, needs: [test.otherwise], process: { tool: two } }\n";
    let with = |join: &str| {
        let last = format!("- {{ id: last, needs: [one, two], join: {join}, process: {{ tool: last }} }}");
        tree::has_dead_steps(&workflow(&format!("{branch}{last}")).steps)
    };
    assert!(with("all"));
    assert!(!with("any"));
}

#[test]
fn triggers_are_compared_by_when_they_come_true() {
    let cron = |pattern: &str| Trigger::Cron { pattern: pattern.to_owned(), timezone: None };
    let wanted = |pattern: &str| WantedTrigger::Cron { cron: pattern.to_owned(), timezone: None };
    assert!(starts_as(&[cron("0 9 * * 1")], &[wanted("0 9 * * MON")]));
    assert!(starts_as(&[cron("0 0 9 * * 1")], &[wanted("0 9 * * MON")]));
    assert!(!starts_as(&[cron("0 9 * * 2")], &[wanted("0 9 * * MON")]));
    assert!(!starts_as(&[], &[wanted("0 9 * * MON")]));
    assert!(!starts_as(&[cron("0 9 * * 1")], &[]));
}

#[test]
fn the_catalogue_has_tools_of_many_kinds() {
    let evals = Evals::read();
    let without = evals.tools.iter().filter(|tool| tool.input_schema.is_none()).count();
    assert!(evals.tools.len() >= 80 && (3..20).contains(&without), "{} tools, {without} without", evals.tools.len());
    // What confuses: the workflows of the cases use some of these tools, too.
    let used: HashSet<String> = evals.befores.values().flat_map(tree::tools).collect();
    assert!(used.len() > 20, "{used:?}");
    let is_agent = |workflow: &Workflow| {
        tree::steps(&workflow.steps).iter().any(|step| matches!(step.process, Process::Agent { .. }))
    };
    assert!(evals.befores.values().any(is_agent));
}
