//! What expressions yield, and what is said of those that yield nothing.

use std::sync::Arc;
use std::time::Duration;

use callboard::workflow::expression::{
    Scope, StepResult, evaluate, evaluate_condition, evaluate_to_text, references, references_of_condition,
};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::timed;

fn scope() -> Scope {
    let mut scope = Scope::new()
        .with("inputs", json!({ "topic": "AI", "n": 3, "price": 2.5, "none": null, "big": "x".repeat(1 << 20) }))
        .with("vars", json!({ "list": [1, 2, 3], "deep": { "a": { "b": [{ "c": "found" }] } } }))
        .with("run", json!({ "id": "r1" }))
        .with("item", json!({ "name": "first" }))
        .with("index", json!(0));
    let output = json!({ "text": "hello", "findings": [{ "score": 2 }, { "score": 5 }] });
    scope
        .set_step("gather", StepResult { output: Arc::new(output), outcome: Some("ok".into()), error: Arc::default() });
    scope.set_step("skipped", StepResult::default());
    scope
}

fn value(text: &str) -> Value {
    evaluate(&json!(text), &scope()).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str) -> String {
    match evaluate(&json!(text), &scope()) {
        Ok(value) => panic!("{text} is {value}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn one_whole_expression_keeps_its_type() {
    for (text, expected) in [
        ("{{ inputs.n }}", json!(3)),
        ("  {{ inputs.n + 1 }}\n", json!(4)),
        ("{{- inputs.price -}}", json!(2.5)),
        ("{{ inputs.none }}", json!(null)),
        ("{{ vars.list }}", json!([1, 2, 3])),
        ("{{ vars.deep.a.b[0].c }}", json!("found")),
        ("{{ vars.list[0] }}", json!(1)),
        ("{{ vars.list | map('string') | list }}", json!(["1", "2", "3"])),
        ("{{ steps.gather.output.findings | length < 3 }}", json!(true)),
        ("{{ steps.gather.output.findings | map(attribute='score') | sum }}", json!(7)),
        ("{{ steps.gather.outcome }}", json!("ok")),
        ("{{ steps.gather }}", json!({ "output": value("{{ steps.gather.output }}"), "outcome": "ok", "error": null })),
        ("{{ steps.skipped.output }}", json!(null)),
        ("{{ (steps.skipped.output or steps.gather.output).text }}", json!("hello")),
        ("{{ item.name | upper }}", json!("FIRST")),
        ("{{ vars.list[1:] }}", json!([2, 3])),
        ("{{ [0] | chain(*[vars.list, [4]]) | list }}", json!([0, 1, 2, 3, 4])),
        ("{{ item.name[:1] ~ (vars.list | map('string') | list)[-1:][0] }}", json!("f3")),
        ("{% for n in vars.list[1:] %}{{ n }}{% endfor %}", json!("23")),
        ("{{ dict(a=vars.list[:1]).a }}", json!([1])),
        ("{{ [vars.list, vars.list[:1]] | map('length') | list }}", json!([3, 1])),
        ("{{ { 'a': { 'b': inputs.n } } }}", json!({ "a": { "b": 3 } })),
        ("{{ '}}' ~ \"{{\" }}", json!("}}{{")),
        ("{{ inputs.missing | default('other') }}", json!("other")),
        ("{{ inputs.missing is defined }}", json!(false)),
        ("{{ inputs }}", value("{{ inputs }}")),
        ("{{ 'yes' if inputs.n > 2 else 'no' }}", json!("yes")),
        ("{{ range(3) }}", json!([0, 1, 2])),
        ("{{ 7 // 2 }}", json!(3)),
        ("{{ 18446744073709551615 }}", json!(u64::MAX)),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn any_other_string_is_text() {
    for (text, expected) in [
        ("plain", "plain"),
        ("a } b { c }} d", "a } b { c }} d"),
        ("n={{ inputs.n }}", "n=3"),
        ("{{ inputs.n }}{{ inputs.n }}", "33"),
        ("{{ inputs.n }} {{ inputs.none }}.", "3 ."),
        ("list: {{ vars.list }} {{ vars.deep }}", r#"list: [1,2,3] {"a":{"b":[{"c":"found"}]}}"#),
        ("<b>{{ '<i>' }}</b>\n", "<b><i></b>\n"),
        ("{% for x in vars.list %}{{ x }};{% endfor %}", "1;2;3;"),
        ("{% if inputs.n > 2 %}big{% else %}small{% endif %}", "big"),
        ("{# a note #}seen", "seen"),
        ("{{ true }} {{ 1.5 }}", "true 1.5"),
    ] {
        assert_eq!(value(text), json!(expected), "{text}");
    }
    assert_eq!(evaluate_to_text("{{ inputs.n }}", &scope()).unwrap(), "3");
}

#[test]
fn values_are_evaluated_inside_lists_and_objects() {
    let nested = json!({ "a": ["{{ inputs.n }}", { "b": "t {{ inputs.topic }}" }], "c": 1, "d": null });
    assert_eq!(evaluate(&nested, &scope()).unwrap(), json!({ "a": [3, { "b": "t AI" }], "c": 1, "d": null }));
    let error = evaluate(&json!({ "a": [1, { "b": "{{ inputs.x }}" }] }), &scope()).unwrap_err();
    assert_eq!(error.path, "a[1].b");
}

#[test]
fn multiplication_is_of_numbers() {
    for (text, expected) in [
        ("{{ 2 * 3 + 1 }}", json!(7)),
        ("{{ 1 + 2 * 3 }}", json!(7)),
        ("{{ 2 * -3 }}", json!(-6)),
        ("{{ -2 * 3 * 4 }}", json!(-24)),
        ("{{ 12 / 4 * 3 }}", json!(9.0)),
        ("{{ 7 // 2 * 2 }}", json!(6)),
        ("{{ 2 * 3 ** 2 }}", json!(18)),
        ("{{ 2 ** 3 * 2 }}", json!(16)),
        ("{{ (1 + 2) * (3 + 4) }}", json!(21)),
        ("{{ inputs.price * inputs.n }}", json!(7.5)),
        ("{{ vars.list | length * 2 }}", json!(6)),
        ("{{ 2 * vars.list | sum }}", json!(12)),
        ("{{ 2 * 3 if 1 * 1 == 1 else 4 * 5 }}", json!(6)),
        ("{{ [2 * 3, 4 * 5][1] * 2 }}", json!(40)),
        ("{{ 2*3 > 5 and 3*2 in [6] }}", json!(true)),
        ("{{ '*' ~ 2 * 2 }}", json!("*4")),
        ("{{ inputs.n * 2 }} and {{ 3 * inputs.n }}", json!("6 and 9")),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn conditions_take_braces_or_none() {
    let holds = |condition: &str| evaluate_condition(condition, &scope()).unwrap_or_else(|error| panic!("{error}"));
    for condition in [
        "inputs.n > 2",
        "{{ inputs.n > 2 }}",
        "true",
        "vars.list",
        "inputs.topic == 'AI'",
        " {{ 'x' in ['x'] }} ",
        "1 * 1",
    ] {
        assert!(holds(condition), "{condition}");
    }
    for condition in ["inputs.n > 3", "inputs.none", "0", "''", "[]", "{{ {} }}", "steps.skipped.output", "not true"] {
        assert!(!holds(condition), "{condition}");
    }
    for (condition, expected) in [
        ("inputs.x", expect!["`inputs.x`: it has no value"]),
        ("", expect!["``: unexpected end of input, expected expression"]),
        ("a {{ b }}", expect!["`a {{ b }}`: unexpected input after expression"]),
        (
            "{{ inputs.n }} > 2",
            expect!["`{{ inputs.n }} > 2`: a condition is one expression; nothing may stand around its braces"],
        ),
        ("{% if x %}", expect!["`{% if x %}`: a condition is one expression, without `{%`"]),
        ("inputs.n >", expect!["`inputs.n >`: unexpected end of input, expected expression"]),
    ] {
        expected.assert_eq(&evaluate_condition(condition, &scope()).unwrap_err().to_string());
    }
}

#[test]
fn errors_say_what_is_wrong() {
    let check = |text: &str, expected: Expect| expected.assert_eq(&refused(text));
    check(
        "{{ inputs.missing }}",
        expect!["`{{ inputs.missing }}`: it has no value: something that it names is not there"],
    );
    check(
        "{{ inputs.missing.deeper }}",
        expect!["`{{ inputs.missing.deeper }}`: it uses a value that is not there (`inputs.missing.deeper`)"],
    );
    check(
        "about {{ steps.nobody.output }}",
        expect!["`about {{ steps.nobody.output }}`: it uses a value that is not there"],
    );
    check("{{ unknown }}", expect!["`{{ unknown }}`: it has no value: something that it names is not there"]);
    check(
        "{{ inputs.topic | no_such_filter }}",
        expect!["`{{ inputs.topic | no_such_filter }}`: filter no_such_filter is unknown"],
    );
    check(
        "{{ inputs.topic is no_such_test }}",
        expect!["`{{ inputs.topic is no_such_test }}`: test no_such_test is unknown"],
    );
    check("{{ inputs.topic.upper() }}", expect!["`{{ inputs.topic.upper() }}`: string has no method named upper"]);
    check("{{ 1 + }}", expect!["`{{ 1 + }}`: unexpected end of input, expected expression"]);
    check("{{ inputs.topic", expect!["`{{ inputs.topic`: a brace is not closed"]);
    check("{{ 'open }}", expect!["`{{ 'open }}`: a quotation is not closed"]);
    check(
        "{% set x = 1 %}{{ x }}",
        expect!["`{% set x = 1 %}{{ x }}`: `{% set %}` is not used here; only `if` and `for` are"],
    );
    check(
        "{% include 'file' %}",
        expect!["`{% include 'file' %}`: `{% include %}` is not used here; only `if` and `for` are"],
    );
    check(
        "{% if inputs.n %}no end",
        expect!["`{% if inputs.n %}no end`: unexpected end of input, expected end of block"],
    );
    check("{{ range }}", expect!["`{{ range }}`: the result is a plain object, which is no JSON"]);
    check("{{ 1 / 0 }}", expect!["`{{ 1 / 0 }}`: unable to calculate 1 / 0"]);
    check(
        "{{ inputs.topic + 1 }}",
        expect!["`{{ inputs.topic + 1 }}`: tried to use + operator on unsupported types string and number"],
    );
    check("{{ 2.0 ** 5000 }}", expect!["`{{ 2.0 ** 5000 }}`: inf is no number that JSON can hold"]);
    check(
        "{{ 99999999999 * 99999999999 }}",
        expect!["`{{ 99999999999 * 99999999999 }}`: 9999999999800000000001 is too large a number"],
    );
}

#[test]
fn bombs_fail_fast() {
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(20_000), ")".repeat(20_000));
    let long = format!("{{{{ {}1 }}}}", "1 + ".repeat(15_000));
    let signs = format!("{{{{ {}1 }}}}", "-".repeat(60_000));
    let nots = format!("{{{{ {}1 }}}}", "not ".repeat(15_000));
    let dots = format!("{{{{ inputs{} }}}}", ".a".repeat(30_000));
    let pipes = format!("{{{{ inputs.topic{} }}}}", "|upper".repeat(9_000));
    let elifs = format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(5_000));
    let ifs = format!("{}{}", "{% if 1 %}".repeat(3_000), "{% endif %}".repeat(3_000));
    let fors = "{% for a in range(99999) %}".repeat(8) + "x" + &"{% endfor %}".repeat(8);
    let lists = format!("{{{{ {}{} }}}}", "[".repeat(30_000), "]".repeat(30_000));
    let brackets = format!("{{{{ a{} }}}}", "[0]".repeat(20_000));
    for (text, expected) in [
        ("{{ 'x' * 10**9 }}", expect!["`{{ 'x' * 10**9 }}`: only numbers can be multiplied, and the product must fit"]),
        ("{{ 10**8 * 'x' }}", expect!["`{{ 10**8 * 'x' }}`: only numbers can be multiplied, and the product must fit"]),
        (
            "{{ inputs.topic * inputs.n }}",
            expect!["`{{ inputs.topic * inputs.n }}`: only numbers can be multiplied, and the product must fit"],
        ),
        ("{{ [0] * 10**8 }}", expect!["`{{ [0] * 10**8 }}`: only numbers can be multiplied, and the product must fit"]),
        ("{{ -1 * 'x' }}", expect!["`{{ -1 * 'x' }}`: only numbers can be multiplied, and the product must fit"]),
        (
            "{% for i in range(99999) %}{{ 'x' * 10**8 }}{% endfor %}",
            expect![
                "`{% for i in range(99999) %}{{ 'x' * 10**8 }}{% endfor %}`: only numbers can be multiplied, and the product must fit"
            ],
        ),
        ("{{ range(10**9) }}", expect!["`{{ range(10**9) }}`: range has too many elements"]),
        (
            "{{ range(99999) | join(inputs.big) }}",
            expect!["`{{ range(99999) | join(inputs.big) }}`: the text grows past 16 MiB"],
        ),
        (
            "{{ inputs.big | replace('x', inputs.big) }}",
            expect!["`{{ inputs.big | replace('x', inputs.big) }}`: the text grows past 16 MiB"],
        ),
        (
            "{{ inputs.big | replace('', inputs.big) }}",
            expect!["`{{ inputs.big | replace('', inputs.big) }}`: the text grows past 16 MiB"],
        ),
        ("{% for a in range(99999) %}{{ inputs.big }}{% endfor %}", expect!["the result has more than 16 MiB"]),
        (
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            expect![
                "`{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}`: it takes too many steps; let a `for_each` or a tool do the work"
            ],
        ),
        ("{{ [range(99999)|list, range(99999)|list] | map('map', 'string') | list }}", expect!["1577769 bytes"]),
        ("{{ 9**9**9**9 }}", expect!["`{{ 9**9**9**9 }}`: unable to calculate 387420489 ** 9"]),
        (
            &deep,
            expect![
                "`{{ (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((…`: brackets are nested more than 32 deep"
            ],
        ),
        (
            &long,
            expect![
                "`{{ 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1…`: it is too long (at most 1000 words and signs)"
            ],
        ),
        (
            &signs,
            expect![
                "`{{ ---------------------------------------------------------------------------------------------------------------------…`: it is too long (at most 1000 words and signs)"
            ],
        ),
        (
            &nots,
            expect![
                "`{{ not not not not not not not not not not not not not not not not not not not not not not not not not not not not not n…`: it is too long (at most 1000 words and signs)"
            ],
        ),
        (
            &dots,
            expect![
                "`{{ inputs.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.…`: it is too long (at most 1000 words and signs)"
            ],
        ),
        (
            &pipes,
            expect![
                "`{{ inputs.topic|upper|upper|upper|upper|upper|upper|upper|upper|upper|upper|upper|upper|upper|upper|upper|upper|upper|up…`: it is too long (at most 1000 words and signs)"
            ],
        ),
        (
            &elifs,
            expect![
                "`{% if 0 %}{% elif 0 %}{% elif 0 %}{% elif 0 %}{% elif 0 %}{% elif 0 %}{% elif 0 %}{% elif 0 %}{% elif 0 %}{% elif 0 %}{%…`: it holds too many statements (at most 200, nested 8 deep)"
            ],
        ),
        (
            &ifs,
            expect![
                "`{% if 1 %}{% if 1 %}{% if 1 %}{% if 1 %}{% if 1 %}{% if 1 %}{% if 1 %}{% if 1 %}{% if 1 %}{% if 1 %}{% if 1 %}{% if 1 %}…`: it holds too many statements (at most 200, nested 8 deep)"
            ],
        ),
        (
            &fors,
            expect![
                "`{% for a in range(99999) %}{% for a in range(99999) %}{% for a in range(99999) %}{% for a in range(99999) %}{% for a in …`: it takes too many steps; let a `for_each` or a tool do the work"
            ],
        ),
        (
            &lists,
            expect![
                "`{{ [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[…`: brackets are nested more than 32 deep"
            ],
        ),
        (
            &brackets,
            expect![
                "`{{ a[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0…`: it is too long (at most 1000 words and signs)"
            ],
        ),
    ] {
        let (result, taken) = timed(|| evaluate(&json!(text), &scope()));
        assert!(taken < Duration::from_secs(1), "{text:.60} took {taken:?}");
        let result = match result {
            Ok(value) => format!("{} bytes", value.to_string().len()),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&result);
    }
}

#[test]
fn what_is_as_long_as_is_allowed_does_not_exhaust_the_stack() {
    for text in [
        format!("{{{{ {}1 }}}}", "1 + ".repeat(499)),
        format!("{{{{ {}1 }}}}", "-".repeat(998)),
        format!("{{{{ {}1 }}}}", "not ".repeat(998)),
        format!("{{{{ inputs.topic{} }}}}", "|upper".repeat(498)),
        format!("{{{{ {}1{} }}}}", "(".repeat(32), ")".repeat(32)),
        format!("{{{{ {}1{} }}}}", "1 if 0 else ".repeat(249), ""),
        format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(198)),
    ] {
        // As small a stack as any thread of ours has.
        let text = json!(text);
        let evaluated = std::thread::Builder::new().stack_size(2 << 20).spawn(move || evaluate(&text, &scope()));
        let result = evaluated.unwrap().join().unwrap();
        assert!(result.is_ok(), "{result:?}");
    }
}

#[test]
fn references_are_found_without_evaluating() {
    let found = |text: &str| format!("{:?}", references(&json!(text)).unwrap());
    for (text, expected) in [
        ("no expression", expect!["[]"]),
        ("{{ steps.gather.output.findings | length }}", expect![[r#"[Step { id: "gather", field: Some(Output) }]"#]]),
        (
            "{{ inputs.a }} {{ vars.b.c }} {{ run.id }} {{ item.x }} {{ index }}",
            expect![[r#"[Input(Some("a")), Var(Some("b")), Run, Name("index"), Name("item")]"#]],
        ),
        (
            "{{ steps.a }} {{ steps['b'].output }} {{ inputs }}",
            expect![[r#"[Input(None), Step { id: "a", field: None }, Name("steps")]"#]],
        ),
        (
            "{% for x in steps.a.output %}{{ x.y }} {{ loop.index }} {{ steps.b.error }}{% endfor %}",
            expect![[r#"[Step { id: "a", field: Some(Output) }, Step { id: "b", field: Some(Error) }]"#]],
        ),
        ("{{ range(3) | map('upper') | join(inputs.sep) }} {{ dict(a=1) }}", expect![[r#"[Input(Some("sep"))]"#]]),
        (
            "{{ steps.a.output[inputs.key].z }}",
            expect![[r#"[Input(Some("key")), Step { id: "a", field: Some(Output) }]"#]],
        ),
        ("{{ 'steps.quoted.output' }} {# steps.noted.output #}", expect!["[]"]),
    ] {
        expected.assert_eq(&found(text));
    }
    assert_eq!(references(&json!({ "x": ["{{ inputs.a }}", "{{ inputs.a }}"] })).unwrap().len(), 1);
    assert_eq!(references_of_condition("steps.a.outcome == inputs.b").unwrap().len(), 2);
}

/// Not a benchmark: it fails only if a plain expression has become a hundred times too slow.
#[test]
fn plain_expressions_are_cheap() {
    let (scope, text) = (scope(), json!("{{ inputs.n }}"));
    let ((), taken) = timed(|| (0..10_000).for_each(|_| drop(evaluate(&text, &scope).unwrap())));
    assert!(taken < Duration::from_secs(2), "{:?} each", taken / 10_000);
}
