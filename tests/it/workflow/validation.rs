//! What is said of a workflow that makes no sense.

use std::time::Duration;

use callboard::workflow::validate::{check, check_text, validate};
use callboard::workflow::{Catalog, CatalogAgent, CatalogTool, CatalogWorkflow, Effect, Workflow, yaml};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::timed;

fn catalog() -> Catalog {
    let tool =
        |parameters: Value| CatalogTool { description: String::new(), parameters, effect: Effect::Read, denied: None };
    let child = |inputs: Value, starts: &[&str]| CatalogWorkflow {
        description: String::new(),
        inputs: serde_json::from_value(inputs).unwrap(),
        starts: starts.iter().map(|name| (*name).to_owned()).collect(),
    };
    let mut catalog = Catalog::default();
    catalog.tools.insert(
        "files.read".into(),
        tool(json!({
            "type": "object", "required": ["path"], "additionalProperties": false,
            "properties": { "path": { "type": "string" }, "lines": { "type": "integer", "minimum": 1 } },
        })),
    );
    catalog.tools.insert("echo".into(), tool(json!({ "type": "object" })));
    for role in ["research", "qa"] {
        catalog.agents.insert(role.into(), CatalogAgent { description: String::new() });
    }
    catalog.workflows.insert("ping".into(), child(json!({}), &["pong"]));
    catalog.workflows.insert("pong".into(), child(json!({}), &["ping"]));
    catalog.workflows.insert("back".into(), child(json!({}), &["relay"]));
    catalog.workflows.insert("relay".into(), child(json!({}), &["w"]));
    catalog.workflows.insert(
        "report".into(),
        child(json!({ "topic": { "type": "string" }, "pages": { "type": "integer", "default": 1 } }), &[]),
    );
    catalog
}

/// The problems of a workflow named `w` with these steps and whatever comes after them, one a line.
fn refused(steps: &str, expected: Expect) {
    refused_text(&format!("name: w\nsteps:\n{steps}"), expected);
}

fn refused_text(text: &str, expected: Expect) {
    let problems = check_text(text, &catalog()).expect_err("the workflow has problems");
    expected.assert_eq(&problems.iter().map(|problem| format!("{problem}\n")).collect::<String>());
}

fn accepted(text: &str) {
    if let Err(problems) = check_text(text, &catalog()) {
        panic!("{problems:#?}");
    }
}

#[test]
fn the_example_is_valid() {
    let text = include_str!("../../../examples/brief.yaml");
    let valid = check_text(text, &Catalog::open()).unwrap();
    assert_eq!(valid.workflow().steps.len(), 7);
    assert_eq!(valid.graph().list(callboard::workflow::ListId::ROOT).nodes().len(), 7);
    assert_eq!(valid.hash().len(), 64);
}

#[test]
fn needs_are_checked() {
    refused(
        "
  - { id: gather, process: { tool: echo } }
  - { id: decide, needs: [gathr, gather, gather], process: { branch: { thin: x, thick: y } } }
  - { id: ask, needs: [decide.thn, gather.approved, ask], process: { human: { ask: Well?, choices: [ship, hold] } } }
  - { id: mail, needs: [ask, ask.approved, ask.done, decide, decide.otherwise, gather.error], process: { tool: echo } }
  - { id: loop, needs: [inner], process: { repeat: { until: 'true', max: 2, steps: [{ id: inner, needs: [mail], process: { tool: echo } }] } } }
",
        expect![[r#"
            5:27: steps[1].needs[0]: there is no step `gathr` (did you mean `gather`?)
            5:42: steps[1].needs[2]: `gather` is needed twice
            5:78: steps[1].process.branch.thin: `x` means nothing here (one of `inputs`, `vars`, `run`, `steps`)
            5:88: steps[1].process.branch.thick: `y` means nothing here (one of `inputs`, `vars`, `run`, `steps`)
            6:23: steps[2].needs: these steps need each other: ask -> ask (remove one of the needs; what is to be done again goes into a `repeat`)
            6:24: steps[2].needs[0]: the step `decide` has no outcome `thn` (did you mean `decide.thin`?)
            6:36: steps[2].needs[1]: the step `gather` has no outcome `approved` (it has `ok`, `error`, and `done` for any)
            6:53: steps[2].needs[2]: `ask` means `ask.approved`, and that is none of its choices (say which outcome is needed: `ask.ship`)
            7:25: steps[3].needs[0]: `ask` means `ask.approved`, and that is none of its choices (say which outcome is needed: `ask.ship`)
            7:30: steps[3].needs[1]: the step `ask` has no outcome `approved` (it has `ship`, `hold`, `error`, and `done` for any)
            8:25: steps[4].needs[0]: the step `inner` is not in this list (needs stay within one list; need the step whose body it is in, or is around this one)
            8:106: steps[4].process.repeat.steps[0].needs[0]: the step `mail` is not in this list (needs stay within one list; need the step whose body it is in, or is around this one)
        "#]],
    );
}

#[test]
fn what_a_slice_is_taken_of_must_be_there() {
    refused(
        "
  - { id: a, process: { transform: '{{ inputs.nope[1:] }}' } }
  - { id: b, process: { transform: '{{ (steps.nobody.output | list)[0:2] }}' } }
  - { id: c, process: { transform: '{% for x in steps.a.output[1:] if x is defined %}{{ x.y }}{{ z[:2] }}{% endfor %}' } }
",
        expect![[r#"
            4:36: steps[0].process.transform: there is no input `nope`
            5:36: steps[1].process.transform: there is no step `nobody` (one of `a`, `b`, `c`)
            6:36: steps[2].process.transform: `z` means nothing here (one of `inputs`, `vars`, `run`, `steps`)
        "#]],
    );
}

#[test]
fn circles_are_named_as_paths() {
    refused(
        "
  - { id: a, needs: [c], process: { tool: echo } }
  - { id: b, needs: [a], process: { tool: echo } }
  - { id: c, needs: [b], process: { tool: echo } }
  - { id: d, needs: [c], process: { tool: echo } }
  - { id: e, needs: [f.error, d], process: { tool: echo } }
  - { id: f, needs: [e.done], process: { tool: echo } }
",
        expect![[r#"
            4:21: steps[0].needs: these steps need each other: a -> c -> b -> a (remove one of the needs; what is to be done again goes into a `repeat`)
            8:21: steps[4].needs: these steps need each other: e -> f -> e (remove one of the needs; what is to be done again goes into a `repeat`)
        "#]],
    );
}

#[test]
fn bounds_are_kept() {
    refused(
        "
  - { id: a, timeout: 0s, retry: { max_attempts: 0, initial: 2m }, process: { branch: {} } }
  - { id: b, process: { for_each: { items: [], concurrency: 0, steps: [] } } }
  - { id: c, process: { repeat: { until: x, max: 0, steps: [{ id: d, process: { wait: { for: 11years } } }] } } }
  - { id: when, process: { wait: { until: tomorrow } } }
  - { id: e, process: { human: { ask: x, choices: [], default: { after: 1d, outcome: aproved } } } }
",
        expect![[r#"
            4:23: steps[0].timeout: 0s is not between 1ms and 10 years
            4:50: steps[0].retry.max_attempts: there are 1 to 100 attempts, not 0
            4:62: steps[0].retry.initial: the first pause is longer than the longest (`initial` is at most `max`, which is 1m unless given)
            4:87: steps[0].process.branch: there are 1 to 100 cases, not 0
            5:61: steps[1].process.for_each.concurrency: there are 1 to 1000 items at once, not 0
            5:71: steps[1].process.for_each.steps: a body has at least one step
            6:42: steps[2].process.repeat.until: `x` means nothing here (one of `index`, `inputs`, `vars`, `run`, `steps`)
            6:50: steps[2].process.repeat.max: there are 1 to 1000000 bodies, not 0
            6:94: steps[2].process.repeat.steps[0].process.wait.for: 11years is not between 1ms and 10 years
            7:43: steps[3].process.wait.until: `tomorrow` is no instant (write it like `2030-01-31T09:00:00Z`, or as an expression)
            8:51: steps[4].process.human.choices: there are 1 to 100 choices, not 0
            8:86: steps[4].process.human.default.outcome: the default `aproved` is none of the choices
        "#]],
    );
    let nested = (0..9).fold("{ id: s, process: { tool: echo } }".to_owned(), |body, n| {
        format!("{{ id: s{n}, process: {{ repeat: {{ until: x, max: 1, steps: [{body}] }} }} }}")
    });
    refused(
        &format!("  - {nested}\n"),
        expect![[r#"
            3:3: steps: bodies are nested 9 deep; at most 8 are allowed (move an inner body into a workflow of its own)
        "#]],
    );
}

#[test]
fn expressions_name_what_is_there() {
    refused_text(
        "
name: w
inputs: { topic: { type: string } }
vars: { limit: 3 }
steps:
  - { id: gather, needs: [], process: { tool: echo } }
  - { id: aside, process: { tool: echo } }
  - id: write
    needs: [gather]
    input:
      good: '{{ steps.gather.output.x }} {{ inputs.topic }} {{ vars.limit }} {{ run.id }} {{ range(3) }}'
      typo: '{{ inputs.topc }} {{ vars.limt }} {{ steps.gathr.output }}'
      aside: { deep: ['{{ steps.aside.output }}'] }
      later: '{{ steps.last.output }}'
      itself: '{{ steps.write.output }}'
      inner: '{{ steps.inner.output }}'
      field: '{{ steps.gather.ouput }} {{ steps.gather.findings }}'
      whole: '{{ steps }} {{ steps[\"gather\"] }}'
      short: '{{ gather.output }} {{ topic }} {{ limit }} {{ itm }}'
      index: '{{ index }} {{ event }} {{ item }}'
      syntax: '{{ 1 + }}'
      filter: '{{ 1 | nofilter }}'
    process: { agent: research, goal: 'About {{ inputs.topik }}' }
  - id: each
    needs: [write]
    process:
      for_each:
        items: '{{ item }}'
        as: page
        steps:
          - { id: first, process: { transform: ['{{ page }}', '{{ index }}', '{{ steps.gather.output }}', '{{ item }}'] } }
          - { id: inner, process: { transform: '{{ steps.first.output }} {{ steps.aside.output }} {{ steps.each.output }}' } }
  - id: last
    needs: [each]
    process:
      repeat:
        until: steps.body.output and index > 2 and steps.nobody.output
        max: 3
        steps:
          - { id: body, process: { wait: { event: '{{ inputs.topic }}', where: event.ok and page } } }
result: '{{ steps.last.output }} {{ steps.aside.output }} {{ steps.inner.output }} {{ index }}'
",
        expect![[r#"
            12:13: steps[2].input.typo: there is no input `topc` (did you mean `topic`?)
            12:13: steps[2].input.typo: there is no var `limt` (did you mean `limit`?)
            12:13: steps[2].input.typo: there is no step `gathr` (did you mean `gather`?)
            13:23: steps[2].input.aside.deep[0]: `aside` does not come before `write` (let `write` need `aside`, directly or through other steps)
            14:14: steps[2].input.later: `last` does not come before `write` (let `write` need `last`, directly or through other steps)
            15:15: steps[2].input.itself: `write` has not ended yet when this is evaluated (name a step that comes before)
            16:14: steps[2].input.inner: `inner` is in the body of `each` and is not known outside (`steps.each.output` holds what the body comes to)
            17:14: steps[2].input.field: a step has `output`, `outcome` and `error`, no `findings` (did you mean `steps.gather.output.findings`?)
            17:14: steps[2].input.field: a step has `output`, `outcome` and `error`, no `ouput` (did you mean `steps.gather.output`?)
            18:14: steps[2].input.whole: `steps` cannot be used as a whole (name the step: `steps.ID.output`)
            19:14: steps[2].input.short: `gather` means nothing here (did you mean `steps.gather.output`?)
            19:14: steps[2].input.short: `itm` means nothing here (one of `inputs`, `vars`, `run`, `steps`)
            19:14: steps[2].input.short: `limit` means nothing here (did you mean `vars.limit`?)
            19:14: steps[2].input.short: `topic` means nothing here (did you mean `inputs.topic`?)
            20:14: steps[2].input.index: `event` means nothing here (one of `inputs`, `vars`, `run`, `steps`)
            20:14: steps[2].input.index: `index` means nothing here (one of `inputs`, `vars`, `run`, `steps`)
            20:14: steps[2].input.index: `item` means nothing here (one of `inputs`, `vars`, `run`, `steps`)
            21:15: steps[2].input.syntax: `{{ 1 + }}`: unexpected end of input, expected expression
            22:15: steps[2].input.filter: `{{ 1 | nofilter }}`: there is no filter `nofilter`
            23:39: steps[2].process.goal: there is no input `topik` (did you mean `topic`?)
            28:16: steps[3].process.for_each.items: `item` means nothing here (one of `inputs`, `vars`, `run`, `steps`)
            31:107: steps[3].process.for_each.steps[0].process.transform[3]: `item` means nothing here (one of `page`, `index`, `inputs`, `vars`, `run`, `steps`)
            32:48: steps[3].process.for_each.steps[1].process.transform: `each` has not ended yet when this is evaluated (name a step that comes before)
            32:48: steps[3].process.for_each.steps[1].process.transform: `aside` does not come before `each` (let `each` need `aside`, directly or through other steps)
            37:16: steps[4].process.repeat.until: there is no step `nobody` (did you mean `body`?)
            40:80: steps[4].process.repeat.steps[0].process.wait.where: `page` means nothing here (one of `index`, `event`, `inputs`, `vars`, `run`, `steps`)
            41:9: result: `inner` is in the body of `each` and is not known outside (`steps.each.output` holds what the body comes to)
            41:9: result: `index` means nothing here (one of `inputs`, `vars`, `run`, `steps`)
        "#]],
    );
}

#[test]
fn what_a_workflow_refers_to_must_exist_and_fit() {
    refused(
        "
  - { id: a, process: { agent: reserch, goal: x } }
  - { id: b, process: { tool: file.read } }
  - { id: c, input: { pth: x, lines: 0 }, process: { tool: files.read } }
  - { id: d, input: { path: 7, lines: 'line {{ 1 }}' }, process: { tool: files.read } }
  - { id: e, input: { path: '{{ 7 }}', lines: '{{ 7 }}' }, process: { tool: files.read } }
  - { id: f, input: { anything: goes }, process: { tool: echo } }
  - { id: g, process: { workflow: reprot } }
  - { id: h, input: { topik: x, pages: many }, process: { workflow: report } }
  - { id: i, input: { topic: x }, process: { workflow: report } }
",
        expect![[r#"
            4:32: steps[0].process.agent: there is no agent `reserch` (did you mean `research`?)
            5:31: steps[1].process.tool: there is no tool `file.read` (did you mean `files.read`?)
            6:21: steps[2].input: the tool `files.read` needs `path` (add `path` to the step's `input`)
            6:28: steps[2].input.pth: the tool `files.read` takes no `pth` (did you mean `path`?)
            6:38: steps[2].input.lines: the tool `files.read`: the value is less than the minimum of 1
            7:29: steps[3].input.path: the tool `files.read`: the value is not of type "string"
            7:39: steps[3].input.lines: the tool `files.read` takes no text as `lines` (let the whole value be one `{{ … }}`: it keeps its type then)
            10:35: steps[6].process.workflow: there is no workflow `reprot` (did you mean `report`?)
            11:21: steps[7].input: the workflow `report` needs `topic` (add `topic` to the step's `input`)
            11:30: steps[7].input.topik: the workflow `report` takes no `topik` (did you mean `topic`?)
            11:40: steps[7].input.pages: the workflow `report`: the value is not of type "integer"
        "#]],
    );
}

#[test]
fn workflows_that_start_each_other_are_named() {
    refused(
        "
  - { id: a, process: { workflow: w } }
  - { id: b, process: { workflow: back } }
  - { id: c, process: { workflow: ping } }
",
        expect![[r#"
            4:35: steps[0].process.workflow: these workflows start each other: w -> w (a workflow may not start itself, not even through others)
            5:35: steps[1].process.workflow: these workflows start each other: w -> back -> relay -> w (a workflow may not start itself, not even through others)
            6:35: steps[2].process.workflow: these workflows start each other: ping -> pong -> ping (a workflow may not start itself, not even through others)
        "#]],
    );
}

#[test]
fn schemas_and_defaults_are_checked() {
    refused_text(
        "
name: w
inputs:
  good: { type: integer, default: 3 }
  bad: { type: integer, default: three }
  none: { type: intger }
  loop: { $ref: '#', default: 1 }
  knot: { $defs: { a: { allOf: [{ $ref: '#/$defs/b' }] }, b: { anyOf: [{ $ref: '#/$defs/a' }] } }, $ref: '#/$defs/a', default: 1 }
  tree: { type: object, properties: { child: { $ref: '#' } }, default: { child: { child: {} } } }
  remote: { $ref: 'https://example.com/schema.json' }
  regex: { type: string, pattern: '(' }
steps:
  - { id: a, output: { type: 7 }, process: { human: { ask: x, form: { required: yes } } } }
",
        expect![[r#"
            5:34: inputs.bad.default: the default does not satisfy the schema: "three" is not of type "integer"
            6:9: inputs.none: this is no JSON Schema: "intger" is not valid under any of the schemas listed in the 'anyOf' keyword (see json-schema.org, draft 2020-12; for example `{ type: string }`)
            7:9: inputs.loop: this is no JSON Schema: it refers to itself without end (see json-schema.org, draft 2020-12; for example `{ type: string }`)
            8:9: inputs.knot: this is no JSON Schema: it refers to itself without end (see json-schema.org, draft 2020-12; for example `{ type: string }`)
            10:11: inputs.remote: this is no JSON Schema: Resource 'https://example.com/schema.json' is not present in a registry and retrieving it failed: `resolve-http` feature or a custom resolver is required to resolve external schemas via HTTP (see json-schema.org, draft 2020-12; for example `{ type: string }`)
            11:10: inputs.regex: this is no JSON Schema: "(" is not a "regex" (see json-schema.org, draft 2020-12; for example `{ type: string }`)
            13:22: steps[0].output: this is no JSON Schema: 7 is not valid under any of the schemas listed in the 'anyOf' keyword (see json-schema.org, draft 2020-12; for example `{ type: string }`)
            13:69: steps[0].process.human.form: this is no JSON Schema: "yes" is not of type "array" (see json-schema.org, draft 2020-12; for example `{ type: string }`)
        "#]],
    );
}

#[test]
fn triggers_are_checked() {
    refused_text(
        "
name: w
triggers:
  - cron: '0 9 * * MON'
    timezone: Europe/Berln
  - cron: every monday
  - cron: '61 * * * *'
  - cron: '*/10 * * * * *'
  - webhook: { path: '/a b' }
  - event: ''
  - run_ended: { workflow: reprt }
  - run_ended: { workflow: w, outcome: failed }
steps:
  - { id: a, process: { tool: echo } }
",
        expect![[r#"
            5:15: triggers[0].timezone: there is no time zone `Europe/Berln` (did you mean `Europe/Berlin`?)
            6:11: triggers[1].cron: `every monday` is no cron pattern: Invalid pattern: Pattern must have 5 or 6 fields when years are disallowed. (five fields: minute, hour, day, month, weekday; `0 9 * * MON` is Mondays at nine)
            7:11: triggers[2].cron: `61 * * * *` is no cron pattern: Component error: Number out of bounds. (five fields: minute, hour, day, month, weekday; `0 9 * * MON` is Mondays at nine)
            9:22: triggers[4].webhook.path: `/a b` is no path for a webhook (letters, digits, `-`, `_`, `.` and `/` between, such as `weekly-brief`)
            10:12: triggers[5].event: `` cannot be the name of an event (1 to 200 characters without blanks, such as `invoice.paid`)
            11:28: triggers[6].run_ended.workflow: there is no workflow `reprt` (did you mean `report`?)
        "#]],
    );
}

#[test]
fn problems_of_form_and_of_meaning_come_together() {
    refused_text(
        "
name: w
steps:
  - { id: a, need: [x], process: { tool: nosuch } }
  - { id: b, needs: [c], timeout: soon, process: { tool: echo } }
",
        expect![[r#"
            4:14: steps[0].need: there is no key `need` here (did you mean `needs`?)
            4:21: steps[0].needs[0]: there is no step `x` (one of `b`)
            4:42: steps[0].process.tool: there is no tool `nosuch` (one of `files.read`, `echo`)
            5:22: steps[1].needs[0]: there is no step `c` (one of `a`)
            5:35: steps[1].timeout: `soon` is no length of time: expected number at 0 (write it like `30s`, `5m` or `1d 12h`)
        "#]],
    );
}

#[test]
fn what_is_right_is_accepted() {
    accepted("{ name: w, steps: [] }");
    accepted(
        "
name: w
inputs: { files: { type: array, default: [] } }
triggers: [{ cron: '0 9 * * MON', timezone: Europe/Berlin }]
steps:
  - { id: first, process: { tool: echo } }
  - id: each
    needs: [first]
    process:
      for_each:
        items: '{{ inputs.files }}'
        as: file
        concurrency: 4
        steps:
          - { id: read, input: { path: '{{ file }}' }, process: { tool: files.read } }
          - { id: ok, needs: [read], process: { human: 'Is {{ steps.read.output }} after {{ steps.first.output }} good?' } }
          - { id: kept, needs: [ok], process: { transform: '{{ steps.read.output }}' } }
          - { id: other, needs: [ok.rejected, read.error], join: any, process: { transform: '{{ steps.ok.outcome }}' } }
  - { id: end, needs: [each.done], process: { transform: '{{ steps.first.output }}' } }
result: '{{ steps.each.output }}'
",
    );
}

fn chain(length: usize) -> String {
    let steps = (0..length).map(|n| {
        let (needs, input) = match n.checked_sub(1) {
            Some(before) => {
                (format!("s{before}"), format!("{{{{ steps.s{before}.output }}}} {{{{ steps.s{}.output }}}}", n / 2))
            }
            None => (String::new(), "start".into()),
        };
        format!("  - {{ id: s{n}, needs: [{needs}], input: {{ text: '{input}' }}, process: {{ tool: echo }} }}\n")
    });
    format!("name: w\nsteps:\n{}", steps.collect::<String>())
}

#[test]
fn ten_thousand_steps_are_checked_within_a_second() {
    let parsed = yaml::parse(&chain(10_000)).unwrap();
    let (valid, taken) = timed(|| check(parsed.workflow, &parsed.places, &catalog()).unwrap());
    assert!(taken < Duration::from_secs(1), "{taken:?}");
    assert_eq!(valid.workflow().steps.len(), 10_000);
}

#[test]
fn a_long_circle_is_found_within_a_second() {
    let parsed = yaml::parse(&chain(10_000).replace("id: s0, needs: []", "id: s0, needs: [s9999]")).unwrap();
    let (problems, taken) = timed(|| validate(&parsed.workflow, &catalog()));
    assert!(taken < Duration::from_secs(1), "{taken:?}");
    assert_eq!(problems[0].code, "cycle");
}

#[test]
fn too_many_steps_are_refused_at_once() {
    let step = parse_one("{ name: w, steps: [{ id: a, process: { tool: echo } }] }");
    let mut workflow = step.clone();
    workflow.steps = vec![step.steps[0].clone(); 20_001];
    let problems = validate(&workflow, &catalog());
    assert!(problems.iter().any(|problem| problem.code == "too_many_steps"), "{:?}", problems.last());
}

#[test]
fn ten_thousand_unknown_needs_are_reported_within_a_second() {
    let mut workflow = yaml::parse(&chain(10_000)).unwrap().workflow;
    for step in &mut workflow.steps {
        step.needs = vec![callboard::workflow::Need {
            step: format!("x{}", step.id).as_str().into(),
            port: callboard::workflow::Port::Main,
        }];
    }
    let (problems, taken) = timed(|| validate(&workflow, &catalog()));
    assert!(taken < Duration::from_secs(1), "{taken:?}");
    assert_eq!(problems.len(), 101);
}

fn parse_one(text: &str) -> Workflow {
    yaml::parse(text).unwrap().workflow
}

#[test]
fn a_problem_of_form_hides_no_problem_of_meaning() {
    refused_text(
        "
name: w
inputs: { topic: { type: string }, pages: many }
stepps:
  - { id: gather, process: { agnt: research, goal: 'About {{ inputs.topik }}' } }
  - { id: more, neds: [gathr], process: { transfrm: '{{ steps.gather.outptu }}' } }
  - { id: ask, needs: [more], timeout: soon, process: { human: { ask: 7, choices: [ship, 2], form: { type: objekt } } } }
  - { needs: [ask.sip, ask.2, nobody], process: { tool: 7 }, input: { text: '{{ inputs.pages }} {{ inputs.page }}' } }
  - { id: read, needs: [ask], inptu: { path: [7] }, process: { tool: files.read } }
  - { id: loop, needs: [read], process: { for_each: { itms: '{{ vars.x }}', as: item, steps: [7, { id: mail, process: { tool: eco } }] } } }
  - { id: twice, process: { tool: echo, transform: 1 }, input: { a: '{{ steps.loop.output + }}' } }
result: '{{ steps.twice.output }} {{ steps.lop.output }} {{ nothing }}'
",
        expect![[r#"
            3:43: inputs.pages: expected a JSON Schema such as `{ type: string }`, found text
            4:1: stepps: there is no key `stepps` here (did you mean `steps`?)
            5:30: steps[0].process: this is no kind of process (did you mean `agent`?)
            5:52: steps[0].process.goal: there is no input `topik` (did you mean `topic`?)
            6:17: steps[1].neds: there is no key `neds` here (did you mean `needs`?)
            6:43: steps[1].process: this is no kind of process (did you mean `transform`?)
            6:53: steps[1].process.transform: a step has `output`, `outcome` and `error`, no `outptu` (did you mean `steps.gather.output`?)
            7:40: steps[2].timeout: `soon` is no length of time: expected number at 0 (write it like `30s`, `5m` or `1d 12h`)
            7:71: steps[2].process.human.ask: expected text, found a number (put it in quotes if it is text)
            7:90: steps[2].process.human.choices[1]: expected text, found a number (put it in quotes if it is text)
            7:100: steps[2].process.human.form: this is no JSON Schema: "objekt" is not valid under any of the schemas listed in the 'anyOf' keyword (see json-schema.org, draft 2020-12; for example `{ type: string }`)
            8:5: steps[3]: the key `id` is missing
            8:57: steps[3].process.tool: expected text, found a number (put it in quotes if it is text)
            8:77: steps[3].input.text: there is no input `page` (did you mean `pages`?)
            9:31: steps[4].inptu: there is no key `inptu` here (did you mean `input`?)
            9:46: steps[4].input.path: the tool `files.read`: the value is not of type "string"
            10:55: steps[5].process.for_each.itms: there is no key `itms` here (did you mean `items`?)
            10:61: steps[5].process.for_each.items: there is no var `x`
            10:95: steps[5].process.for_each.steps[0]: expected an object with `id`, `name`, `needs`, `join`, `input`, `process`, `output`, `retry`, `timeout`, found a number
            10:127: steps[5].process.for_each.steps[1].process.tool: there is no tool `eco` (did you mean `echo`?)
            11:41: steps[6].process: a process is of one kind; this is `tool` and `transform` (remove one of them)
            11:69: steps[6].input.a: `{{ steps.loop.output + }}`: unexpected end of input, expected expression
            12:9: result: `nothing` means nothing here (one of `inputs`, `vars`, `run`, `steps`)
        "#]],
    );
}

/// A workflow in which everything refers to something, so that a wrong guess about any part of it shows.
fn interwoven() -> Value {
    json!({
        "name": "w",
        "inputs": { "topic": { "type": "string" }, "list": { "type": "array" } },
        "vars": { "limit": 3 },
        "triggers": [{ "cron": "0 9 * * MON", "timezone": "Europe/Berlin" }, { "webhook": { "path": "a" } }],
        "steps": [
            { "id": "gather", "process": { "agent": "research", "goal": "{{ inputs.topic }}" }, "timeout": "3m",
              "retry": { "max_attempts": 2, "backoff": "fixed", "initial": "1s", "max": "2s" } },
            { "id": "check", "needs": ["gather"], "process": { "branch": { "good": "steps.gather.output.ok", "bad": "true" } } },
            { "id": "ask", "needs": ["check.good"], "process": { "human": {
                "ask": "{{ steps.gather.output }}?", "choices": ["ship", "hold"], "to": ["maria"],
                "default": { "after": "1d", "outcome": "hold" } } } },
            { "id": "read", "needs": ["ask.ship", "check.bad"], "join": "any", "process": { "tool": "files.read" },
              "input": { "path": "{{ steps.gather.output.path }}", "lines": 3 } },
            { "id": "each", "needs": ["read"], "process": { "for_each": {
                "items": "{{ inputs.list }}", "as": "entry", "concurrency": 2, "on_error": "collect", "steps": [
                    { "id": "note", "process": { "tool": "echo" }, "input": { "text": "{{ entry }} {{ index }}" } },
                    { "id": "tell", "process": { "model": "fast", "prompt": "{{ steps.note.output }}", "system": "s" } },
                ] } } },
            { "id": "again", "needs": ["each"], "process": { "repeat": { "until": "steps.try_it.output", "max": 3, "steps": [
                { "id": "try_it", "process": { "transform": "{{ vars.limit }}" } } ] } } },
            { "id": "sleep", "needs": ["again.exhausted"], "process": { "wait": { "event": "x", "where": "event.ok", "timeout": "2m" } } },
            { "id": "later", "needs": ["sleep.timeout"], "process": { "workflow": "report" }, "input": { "topic": "a" } },
        ],
        "result": "{{ steps.later.output }}",
    })
}

/// Every way to plant one problem of form in a value: a key misspelt, a key taken away, a value of another type.
fn damaged(value: &Value) -> Vec<(String, Value)> {
    fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
        let free = ["/input", "/vars", "/result", "/inputs"].iter().any(|free| at.ends_with(free));
        match value {
            _ if free => {}
            Value::Object(entries) => entries.iter().for_each(|(key, value)| {
                found.push(format!("{at}/{key}"));
                pointers(value, &format!("{at}/{key}"), found);
            }),
            Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| {
                found.push(format!("{at}/{index}"));
                pointers(value, &format!("{at}/{index}"), found);
            }),
            _ => {}
        }
    }
    let mut found = Vec::new();
    pointers(value, "", &mut found);
    let mut all = Vec::new();
    for pointer in found {
        let mut typed = value.clone();
        let node = typed.pointer_mut(&pointer).unwrap();
        *node = if node.is_object() { json!(7) } else { json!({ "what": { "is": "this" } }) };
        all.push((format!("{pointer} of another type"), typed));
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let mut misspelt = value.clone();
        let mut missing = value.clone();
        if let Some(entries) = misspelt.pointer_mut(parent).unwrap().as_object_mut() {
            *entries = entries
                .iter()
                .map(|(name, value)| {
                    let name = if name == key { format!("{name}s") } else { name.clone() };
                    (name, value.clone())
                })
                .collect();
            all.push((format!("{pointer} misspelt"), misspelt));
            missing.pointer_mut(parent).unwrap().as_object_mut().unwrap().shift_remove(key);
            all.push((format!("{pointer} missing"), missing));
        }
    }
    all
}

#[test]
fn a_problem_of_form_is_reported_once_and_nothing_that_only_follows_from_it() {
    accepted(&interwoven().to_string());
    let mut damages = 0;
    for (what, value) in damaged(&interwoven()) {
        let problems = check_text(&value.to_string(), &catalog()).err().unwrap_or_default();
        let form: Vec<_> = problems
            .iter()
            .filter(|problem| matches!(problem.code, "wrong_type" | "missing_key" | "unknown_key" | "unknown_kind"))
            .collect();
        if form.is_empty() {
            continue; // It has another meaning now, or none the less.
        }
        damages += 1;
        assert_eq!(problems.len(), 1, "{what}: {problems:#?}");
    }
    assert!(damages > 100, "{damages}");
}

#[test]
fn a_plan_and_a_policy_are_held_against_the_tools_that_there_are() {
    let mut catalog = catalog();
    let denied = Some("nobody may call it".to_owned());
    let tool = CatalogTool {
        description: String::new(),
        parameters: json!({ "type": "object" }),
        effect: Effect::Write,
        denied,
    };
    catalog.tools.insert("wire.transfer".into(), tool);
    let text = "
name: w
steps:
  - { id: a, process: { tool: wire.transfer } }
  - { id: b, process: { agent: qa, goal: x, plan: [echo, file.read, wire.transfer, { tool: eco }, files.*, fils.*] } }
  - { id: c, process: { agent: qa, goal: x, plan: [{ tool: echo, with: { to: '{{ steps.d.output }}', or: '{{ inputs.x }}' } }] } }
";
    let problems = check_text(text, &catalog).expect_err("the workflow has problems");
    expect![[r#"
        4:31: steps[0].process.tool: nobody may call it
        5:58: steps[1].process.plan[1]: there is no tool `file.read` (did you mean `files.read`?)
        5:69: steps[1].process.plan[2]: nobody may call it
        5:84: steps[1].process.plan[3]: there is no tool `eco` (did you mean `echo`?)
        5:108: steps[1].process.plan[5]: there is no tool `fils.*` (did you mean `files.read`?)
        6:78: steps[2].process.plan[0].with.to: there is no step `d` (one of `a`, `b`, `c`)
        6:106: steps[2].process.plan[0].with.or: there is no input `x`
    "#]]
    .assert_eq(&problems.iter().map(|problem| format!("{problem}\n")).collect::<String>());
}
