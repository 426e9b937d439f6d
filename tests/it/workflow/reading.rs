//! Reading a file: what it yields, and what is said of a bad one.

use std::time::Duration;

use callboard::workflow::{Workflow, yaml};
use expect_test::{Expect, expect};

use super::timed;

/// The problems of a text, one a line.
fn check(text: &str, expected: Expect) {
    let problems = yaml::parse(text).expect_err("the text has problems");
    expected.assert_eq(&problems.iter().map(|problem| format!("{problem}\n")).collect::<String>());
}

fn parse(text: &str) -> Workflow {
    yaml::parse(text).unwrap_or_else(|problems| panic!("{problems:#?}")).workflow
}

#[test]
fn the_example_is_read() {
    let workflow = parse(include_str!("../../../examples/brief.yaml"));
    assert_eq!(workflow.name, "brief");
    assert_eq!(workflow.steps.len(), 7);
    assert_eq!(yaml::parse(&yaml::write(&workflow)).unwrap().workflow, workflow);
}

#[test]
fn a_list_without_needs_is_a_chain() {
    let chain = parse("{name: w, steps: [{id: a, process: {tool: t}}, {id: b, process: {tool: t}}]}");
    let explicit = parse("{name: w, steps: [{id: a, process: {tool: t}}, {id: b, needs: [a], process: {tool: t}}]}");
    assert_eq!(chain, explicit);
    let apart = parse("{name: w, steps: [{id: a, needs: [], process: {tool: t}}, {id: b, process: {tool: t}}]}");
    assert!(apart.steps.iter().all(|step| step.needs.is_empty()));
    assert_eq!(parse(&yaml::write(&apart)), apart);
}

#[test]
fn every_problem_is_reported_at_once() {
    check(
        r#"
name: Weekly Brief
descripton: Research
inputs: [topic]
triggers:
  - cron: "0 9 * * MON"
    timezon: Europe/Berlin
  - mail: x
steps:
  - id: gather
    proces: { agent: research }
  - id: gather
    need: [x]
    join: some
    timeout: 30
    retry: { max_attempts: -1, initial: 3 parsecs }
    process: { agent: research, gaol: Find, tool: x }
  - process: { transfrom: 1 }
  - id: loop
    process:
      for_each: { itms: "{{ x }}", concurrency: "2", steps: [{ id: inner, process: { human: { choices: ok } } }] }
  - id: r
    process: { repeat: { until: a, while: b, steps: {} } }
  - 7
"#,
        expect![[r#"
            2:7: name: `Weekly Brief` cannot be the name of this workflow (a small letter, then small letters, digits and `_`: 64 at most)
            3:1: descripton: there is no key `descripton` here (did you mean `description`?)
            4:9: inputs: expected an object: names with JSON Schemas, found a list
            7:5: triggers[0].timezon: there is no key `timezon` here (did you mean `timezone`?)
            8:5: triggers[1]: this is no kind of trigger (one of `cron`, `webhook`, `event`, `run_ended`)
            11:5: steps[0].proces: there is no key `proces` here (did you mean `process`?)
            11:13: steps[0].process: the key `goal` is missing
            12:9: steps[1].id: the id `gather` is taken by steps[0] (ids are unique in the file, bodies included)
            13:5: steps[1].need: there is no key `need` here (did you mean `needs`?)
            14:11: steps[1].join: `some` is none of `all`, `any` (one of `all`, `any`)
            15:14: steps[1].timeout: expected a length of time such as `30s`, `5m` or `1d 12h`, found a number
            16:28: steps[1].retry.max_attempts: expected a whole number, 0 or more, found a number
            16:41: steps[1].retry.initial: `3 parsecs` is no length of time: unknown time unit "parsecs", supported units: ns, us/µs, ms, sec, min, hours, days, weeks, months, years (and few variations) (write it like `30s`, `5m` or `1d 12h`)
            17:45: steps[1].process: a process is of one kind; this is `agent` and `tool` (remove one of them)
            18:5: steps[2]: the key `id` is missing
            18:16: steps[2].process: this is no kind of process (did you mean `transform`?)
            21:19: steps[3].process.for_each.itms: there is no key `itms` here (did you mean `items`?)
            21:49: steps[3].process.for_each.concurrency: expected a whole number, 0 or more, found text
            21:93: steps[3].process.for_each.steps[0].process.human: the key `ask` is missing
            21:104: steps[3].process.for_each.steps[0].process.human.choices: expected a list of outcomes: `[approved, rejected]`, found text
            23:24: steps[4].process.repeat: a `repeat` has either `until` or `while` (`until` is tested after each body, `while` before)
            23:24: steps[4].process.repeat: the key `max` is missing
            23:53: steps[4].process.repeat.steps: expected a list of steps, found an object
            24:5: steps[5]: expected an object with `id`, `name`, `needs`, `join`, `input`, `process`, `output`, `retry`, `timeout`, found a number
        "#]],
    );
}

#[test]
fn bad_names_are_reported() {
    check(
        r"
name: 2fast
inputs: { Topic: { type: string } }
vars: { a-b: 1 }
steps:
  - { id: Step, process: { branch: { otherwise: x, done: y, Big: z } } }
  - { id: twice, process: { human: { ask: Well?, choices: [error, fine, fine] } } }
  - { id: each, process: { for_each: { items: [], as: steps, steps: [{ id: twice, process: { tool: t } }] } } }
",
        expect![[r#"
            2:7: name: `2fast` cannot be the name of this workflow (a small letter, then small letters, digits and `_`: 64 at most)
            3:18: inputs.Topic: `Topic` cannot be the name of this input (a small letter, then small letters, digits and `_`: 64 at most)
            4:14: vars.a-b: `a-b` cannot be the name of this var (a small letter, then small letters, digits and `_`: 64 at most)
            6:11: steps[0].id: `Step` cannot be the name of this step (a small letter, then small letters, digits and `_`: 64 at most)
            6:49: steps[0].process.branch.otherwise: no case may be named `otherwise`: every such step has that end (choose another name)
            6:58: steps[0].process.branch.done: no case may be named `done`: every such step has that end (choose another name)
            6:66: steps[0].process.branch.Big: `Big` cannot be the name of this case (a small letter, then small letters, digits and `_`: 64 at most)
            7:60: steps[1].process.human.choices[0]: no choice may be named `error`: every such step has that end (choose another name)
            7:73: steps[1].process.human.choices[2]: the choice `fine` is given twice
            8:55: steps[2].process.for_each.as: `steps` means something else in expressions (choose another name for the item)
            8:76: steps[2].process.for_each.steps[0].id: the id `twice` is taken by steps[1] (ids are unique in the file, bodies included)
        "#]],
    );
}

#[test]
fn syntax_errors_name_the_place() {
    for (text, expected) in [
        (
            "",
            expect![[r#"
                1:1: the file is empty
            "#]],
        ),
        (
            "- just\n- a list\n",
            expect![[r#"
                1:1: expected an object with `name`, `description`, `inputs`, `vars`, `triggers`, `steps`, `result`, found a list
            "#]],
        ),
        (
            "name: w\nsteps:\n  - id: a\n    process: { tool: \"x",
            expect![[r#"
                4:22: unclosed quote
            "#]],
        ),
        (
            "name: w\n\tsteps: []\n",
            expect![[r#"
                1:7: while scanning a plain scalar, found a tab
            "#]],
        ),
        (
            "name: w\nname: v\nsteps: []\n",
            expect![[r#"
                2:1: name: the key `name` is given twice (keep one of them)
            "#]],
        ),
        (
            "name: w\nsteps:\n  - { id: a, process: { tool: x } }\n  - { id: b, process: { tool: x, tool: y } }\n",
            expect![[r#"
                4:34: steps[1].process.tool: the key `tool` is given twice (keep one of them)
            "#]],
        ),
        (
            "name: w\nsteps: *nowhere\n",
            expect![[r#"
                2:8: while parsing node, found unknown anchor
            "#]],
        ),
        (
            "name: w\nsteps: &s [*s]\n",
            expect![[r#"
                2:12: an alias may not stand inside what it names
            "#]],
        ),
        (
            "name: w\nsteps: !!python/object []\n",
            expect![[r#"
                2:24: tags (`!…`) are not used in workflow files (leave the tag out)
            "#]],
        ),
        (
            "name: w\n---\nname: v\n",
            expect![[r#"
                2:1: a second document begins here (one file holds one workflow)
            "#]],
        ),
        (
            "name: w\nvars: { x: .inf }\nsteps: []",
            expect![[r#"
                2:12: `.inf` is no number that JSON can hold (quote it if it is text)
            "#]],
        ),
        (
            "\u{7f}ELF\0\u{1}binary",
            expect![[r#"
                1:1: a control character (U+007F) is in the way (a workflow file is plain text; is this the right file?)
            "#]],
        ),
        (
            "{\"name\": \"w\", \"steps\": [}",
            expect![[r#"
                1:24: mismatched bracket '[' closed by '}'
            "#]],
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn hostile_files_are_refused_within_a_second() {
    let bomb = std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned())
        .chain((1..20).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "))))
        .collect::<String>();
    let chain = (1..3000).fold("a0: &a0 [x]\n".to_owned(), |text, n| format!("{text}a{n}: &a{n} [*a{}]\n", n - 1));
    let hostile = [
        (
            "long",
            "# a comment\n".repeat(900_000),
            expect![[r#"
                the file has 10800000 bytes; at most 4194304 are read (split the workflow and call the parts by `workflow` steps)
            "#]],
        ),
        (
            "lists",
            "[".repeat(200_000),
            expect![[r#"
                1:256: values are nested more than 100 deep here
            "#]],
        ),
        (
            "objects",
            "{a: ".repeat(200_000),
            expect![[r#"
                1:1021: values are nested more than 100 deep here
            "#]],
        ),
        (
            "dashes",
            "- ".repeat(200_000),
            expect![[r#"
                1:201: values are nested more than 100 deep here
            "#]],
        ),
        (
            "json",
            format!("{{\"name\": {}1{}}}", "[".repeat(50_000), "]".repeat(50_000)),
            expect![[r#"
                1:264: values are nested more than 100 deep here
            "#]],
        ),
        (
            "alias bomb",
            bomb,
            expect![[r#"
                6:45: the file holds more than 1000000 values (aliases count each time they are used)
            "#]],
        ),
        (
            "alias ladder",
            chain,
            expect![[r#"
                100:12: values are nested more than 100 deep here
            "#]],
        ),
        (
            "unknown keys",
            (0..50_000).map(|n| format!("key{n}: {n}\n")).collect(),
            expect![[r#"
                1:1: key0: there is no key `key0` here (one of `name`, `description`, `inputs`, `vars`, `triggers`, `steps`, `result`)
            "#]],
        ),
    ];
    for (what, text, expected) in hostile {
        let (parsed, taken) = timed(|| yaml::parse(&text));
        let problems = parsed.expect_err(what);
        assert!(taken < Duration::from_secs(1), "{what} took {taken:?}");
        let first = &problems[0];
        expected.assert_eq(&format!("{first}\n"));
    }
}

#[test]
fn any_prefix_of_a_file_is_read_or_refused() {
    let text = include_str!("../../../examples/brief.yaml");
    for (end, _) in text.char_indices() {
        if let Err(problems) = yaml::parse(&text[..end]) {
            assert!(
                !problems.is_empty() && problems.iter().all(|problem| problem.place.line.is_some()),
                "{problems:#?}"
            );
        }
    }
}

#[test]
fn places_are_found_by_path() {
    let text = "name: w\nsteps:\n  - id: a\n    process: { tool: t }\n    input:\n      a.b: [1, 2]\n";
    let places = yaml::parse(text).unwrap().places;
    let at = |path: &str| {
        let place = places.place(path);
        (place.line.unwrap(), place.column.unwrap())
    };
    assert_eq!(at("steps[0].process.tool"), (4, 22));
    assert_eq!(at("steps[0].input.a.b[1]"), (6, 16));
    assert_eq!(at("steps[0].needs[3]"), (3, 5), "the innermost that there is");
}

#[test]
fn a_plan_is_tools_with_or_without_arguments() {
    let plan = "plan: [mail.send, { tool: files.write, with: { path: brief.md } }, { tool: echo }]";
    let workflow = parse(&format!("{{name: w, steps: [{{id: a, process: {{agent: qa, goal: x, {plan}}}}}]}}"));
    let written = yaml::write(&workflow);
    assert!(written.contains("mail.send") && written.contains("brief.md"), "{written}");
    assert_eq!(parse(&written), workflow);
    // A plan of nothing is none, and its step the same as before there were plans.
    let without = parse("{name: w, steps: [{id: a, process: {agent: qa, goal: x}}]}");
    assert_eq!(parse("{name: w, steps: [{id: a, process: {agent: qa, goal: x, plan: []}}]}"), without);
    assert!(!yaml::write(&without).contains("plan"));
    check(
        "{name: w, steps: [{id: a, process: {agent: qa, goal: x, plan: [7, {tol: a}, {tool: b, with: c}]}}, {id: b, process: {agent: qa, goal: x, plan: y}}]}",
        expect![[r#"
            1:64: steps[0].process.plan[0]: expected an object with `tool`, `with`, found a number
            1:68: steps[0].process.plan[1].tol: there is no key `tol` here (did you mean `tool`?)
            1:93: steps[0].process.plan[2].with: expected an object: names with values, found text
            1:144: steps[1].process.plan: expected a list of tools: `[files.write]`, found text
        "#]],
    );
}
