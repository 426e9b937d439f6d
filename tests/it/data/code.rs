//! `code.run`, with the program's own worker.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callboard::tools::{CodeRun, ToolError};
use serde_json::{Value, json};

use crate::cli::stage::Stage;

fn tool() -> CodeRun {
    CodeRun::new(env!("CARGO_BIN_EXE_callboard"))
}

async fn run(code: &str, input: Value) -> Result<Value, ToolError> {
    super::call(Arc::new(tool()), json!({ "code": code, "input": input })).await
}

async fn value(code: &str, input: Value) -> Value {
    run(code, input).await.unwrap_or_else(|error| panic!("{code}: {error}"))["value"].clone()
}

#[tokio::test]
async fn the_value_is_what_an_expression_a_body_or_a_function_comes_to() {
    let input = json!({ "rows": [{ "n": 1 }, { "n": 2 }], "name": "Größe ✓" });
    for (code, expected) in [
        ("input.rows.length", json!(2)),
        ("{ sum: input.rows.reduce((sum, row) => sum + row.n, 0) }", json!({ "sum": 3 })),
        ("input.rows.map(row => row.n) // a comment at the end", json!([1, 2])),
        ("const twice = n => 2 * n;\nreturn input.rows.map(row => twice(row.n));", json!([2, 4])),
        ("if (input.rows.length > 1) { return 'many' }\nreturn 'few'", json!("many")),
        ("return await Promise.resolve(7)", json!(7)),
        ("await Promise.all([1, 2].map(async n => n + 1))", json!([2, 3])),
        ("(input) => input.name", json!("Größe ✓")),
        ("async function main(given) { return given.rows[1] }", json!({ "n": 2 })),
        ("new Promise(resolve => resolve('later'))", json!("later")),
        ("return", Value::Null),
        ("console.log('only that')", Value::Null),
        ("null", Value::Null),
        ("[undefined, NaN, 1e300 * 1e10]", json!([null, null, null])),
        ("'a\\u0000b'", json!("a\u{0}b")),
        ("new Date(0)", json!("1970-01-01T00:00:00.000Z")),
        ("new Date(2026, 0, 1).toISOString()", json!("2026-01-01T00:00:00.000Z")),
        ("[...new Set([3, 3, 1])].sort()", json!([1, 3])),
        ("/(?<year>\\d{4})/.exec('in 2026').groups.year", json!("2026")),
        ("9007199254740991", json!(9_007_199_254_740_991_i64)),
        ("0.1 + 0.2", json!(0.1 + 0.2)),
    ] {
        assert_eq!(value(code, input.clone()).await, expected, "{code}");
    }
    assert_eq!(run("1 + 1", Value::Null).await, Ok(json!({ "value": 2, "log": [] })));
}

#[tokio::test]
async fn what_is_logged_is_told_and_bounded() {
    let code = "console.log('a', 1, { b: [2] }, undefined, null, new TypeError('bad'), x => x);\n\
                console.error('second'); console.log(); return 1";
    let log = run(code, Value::Null).await.unwrap()["log"].clone();
    assert_eq!(log, json!(["a 1 {\"b\":[2]} undefined null TypeError: bad x => x", "second", ""]));

    let log = run("for (let i = 0; i < 1e4; i++) console.log(i)", Value::Null).await.unwrap()["log"].clone();
    assert_eq!(log.as_array().unwrap().len(), 1001);
    assert_eq!(log[1000], "… and 9000 more that were not kept");
    let log = run("console.log('x'.repeat(1e6)); console.log('short')", Value::Null).await.unwrap()["log"].clone();
    assert_eq!(log, json!(["short", "… and 1 more that were not kept"]));
}

#[tokio::test]
async fn a_failure_says_what_and_where() {
    for (code, expected_code, message) in [
        ("const a = 1;\nconst b = ;\nreturn a", "bad_code", "the code cannot be read in line 2: SyntaxError: "),
        ("input.rows.length +", "bad_code", "the code cannot be read in line 1: SyntaxError: "),
        ("import fs from 'fs'\nreturn fs", "bad_code", "the code cannot be read in line 1: SyntaxError: "),
        (
            "const a = 1;\n\nreturn input.rows.length",
            "code_failed",
            "in line 3: TypeError: cannot read property 'length' of",
        ),
        ("missing()", "code_failed", "in line 1: ReferenceError: missing is not defined"),
        (
            "const f = () => {\n  throw new RangeError('too far')\n}\nf()",
            "code_failed",
            "in line 2: RangeError: too far",
        ),
        ("await Promise.resolve();\nthrow new Error('later')", "code_failed", "in line 2: Error: later"),
        ("throw 'plainly'", "code_failed", "the code failed: it threw plainly"),
        ("throw { toString() { throw 1 } }", "code_failed", "the code failed: it threw something"),
        ("JSON.parse('{')", "code_failed", "in line 1: SyntaxError: "),
        ("undeclared = 1", "code_failed", "in line 1: ReferenceError: "),
        ("new Promise(() => {})", "code_failed", "waits for a promise that nothing will settle"),
        ("Symbol('s')", "bad_output", "returned a symbol, which JSON does not have"),
        ("10n", "code_failed", "BigInt"),
        ("const a = {}; a.a = a; return a", "code_failed", "circular"),
        (
            "let v = 1; for (let i = 0; i < 1000; i++) v = [v]; return v",
            "bad_output",
            "cannot be passed on: recursion limit",
        ),
        ("'x'.repeat(5e6)", "bad_output", "more than the limit of 4194304; return less"),
        (
            "console.log('at the door'); throw new Error('no')",
            "code_failed",
            "Error: no; the last that it logged: at the door",
        ),
    ] {
        let error = run(code, json!({})).await.unwrap_err();
        assert!(matches!(error, ToolError::GiveUp { .. }), "{code}: {error:?}");
        assert_eq!(error.code(), expected_code, "{code}: {error}");
        assert!(error.to_string().contains(message), "{code}: {error}");
    }
}

#[tokio::test]
async fn what_never_ends_is_stopped() {
    let quick = |code: &'static str| async move {
        let tool = tool().with_timeout(Duration::from_millis(300));
        let began = Instant::now();
        let error = super::call(Arc::new(tool), json!({ "code": code })).await.unwrap_err();
        (error, began.elapsed())
    };
    for code in [
        "for (;;);",
        "while (true) { try { for (;;); } catch {} finally { for (;;); } }",
        "const again = async () => { for (;;) await null; }; return again()",
        "const f = () => Promise.resolve().then(f); return f()",
        "/^(a+)+$/.test('a'.repeat(40) + '!')",
        "/(x+x+)+y/.exec('x'.repeat(50))",
        "for (const one of (function* () { for (;;) yield 1 })());",
        "return { toJSON() { for (;;); } }",
        "throw { get message() { for (;;); }, toString() { for (;;); } }",
        "new Proxy({}, { get() { for (;;); } }).a",
        "console.log({ toJSON() { for (;;); } })",
        "[3, 2, 1].sort(() => { for (;;); })",
    ] {
        let (error, took) = quick(code).await;
        assert_eq!(error.code(), "out_of_time", "{code}: {error}");
        // By itself, that is: its process would be killed after ten more seconds.
        assert!(took < Duration::from_secs(9), "{code}: {took:?}");
    }
}

#[tokio::test]
async fn what_takes_too_much_is_stopped() {
    for code in [
        "const kept = []; for (;;) kept.push(new Array(1e5).fill(kept.length))",
        "let text = 'x'; for (;;) text += text",
        "'x'.repeat(2 ** 29)",
        "new ArrayBuffer(2 ** 31)",
        "new Uint8Array(1e9)",
        "const m = new Map(); for (let i = 0; ; i++) m.set(i, 'x'.repeat(1000) + i)",
        "const f = () => f() + 1; return f()",
        "const a = []; a.length = 2 ** 32 - 1; return a.fill(0)",
        "let v = []; for (let i = 0; i < 1e6; i++) v = [v]; return JSON.stringify(v)",
        "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1e9)",
        "new Function('x'.repeat(1e6) + '(')",
        "eval('('.repeat(1e6))",
        "'('.repeat(1e5).match(new RegExp('('.repeat(1e5) + ')'.repeat(1e5)))",
    ] {
        let error = run(code, Value::Null).await.expect_err(code);
        assert!(matches!(error, ToolError::GiveUp { .. }), "{code}: {error:?}");
        assert!(
            ["out_of_memory", "code_failed", "bad_output", "out_of_time", "code_died"].contains(&error.code()),
            "{code}: {error:?}"
        );
    }
    // What it was told of it can act on, and the next one is none the worse for it.
    let code = "try { 'x'.repeat(2 ** 29) } catch (error) { return String(error) }";
    assert!(value(code, Value::Null).await.as_str().unwrap().contains("memory"), "caught");
    let small = tool().with_memory(2 * 1024 * 1024);
    let error = super::call(Arc::new(small), json!({ "code": "'x'.repeat(4e6).length" })).await.unwrap_err();
    assert_eq!(error.code(), "out_of_memory");
}

#[tokio::test]
async fn there_is_nothing_to_reach_out_with() {
    for name in [
        "std",
        "os",
        "bjson",
        "require",
        "module",
        "exports",
        "process",
        "Deno",
        "Bun",
        "fetch",
        "XMLHttpRequest",
        "WebSocket",
        "Worker",
        "SharedWorker",
        "importScripts",
        "setTimeout",
        "setInterval",
        "setImmediate",
        "performance",
        "navigator",
        "window",
        "self",
        "document",
        "localStorage",
        "indexedDB",
        "crypto",
        "scriptArgs",
        "print",
        "load",
        "loadScript",
        "loadFile",
        "gc",
        "Buffer",
        "global",
        "WebAssembly",
        "ActiveXObject",
        "java",
        "Java",
        "Packages",
        "__dirname",
        "__filename",
    ] {
        assert_eq!(value(&format!("typeof {name}"), Value::Null).await, "undefined", "{name}");
    }
    // All that there is, so that a new version of the engine cannot bring something in unnoticed.
    let names = value("Object.getOwnPropertyNames(globalThis).sort().join(' ')", Value::Null).await;
    let names = names.as_str().unwrap().split(' ').collect::<Vec<_>>();
    let known = "\
        AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean \
        DataView Date DisposableStack Error EvalError Float16Array Float32Array Float64Array Function Infinity \
        Int16Array Int32Array Int8Array InternalError Iterator JSON Map Math NaN Number Object Promise Proxy \
        RangeError ReferenceError Reflect RegExp Set SharedArrayBuffer String SuppressedError Symbol SyntaxError \
        TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakSet console decodeURI \
        decodeURIComponent encodeURI encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt \
        queueMicrotask undefined unescape";
    assert_eq!(names, known.split(' ').collect::<Vec<_>>());

    for code in [
        "await import('fs')",
        "await import('std')",
        "await import('os')",
        "await import('./code.js')",
        "await import('/etc/passwd')",
        "await import('https://example.com/x.js')",
        "await import('data:text/javascript,export default 1')",
        "await eval(\"import('std')\")",
        "await new Function(\"return import('os')\")()",
        "Function('return this')().require('fs')",
        "(0, eval)('require')('child_process')",
        "[].constructor.constructor('return process')().exit()",
        "console.log.constructor('return std')().open('/etc/passwd')",
    ] {
        let error = run(code, Value::Null).await.expect_err(code);
        assert_eq!(error.code(), "code_failed", "{code}: {error}");
    }
}

#[tokio::test]
async fn neither_time_nor_chance_is_known() {
    for code in [
        "Date.now()",
        "new Date()",
        "Date()",
        "new Date(0).constructor.now()",
        "new (new Date(0).constructor)()",
        "Reflect.construct(Date, [], Object)",
        "Reflect.construct(Date, [], function () {})",
        "Object.getPrototypeOf(new Date(0)).constructor()",
        "new (class extends Date {})()",
        "Math.random()",
    ] {
        let error = run(code, Value::Null).await.expect_err(code);
        assert!(error.to_string().contains("hand"), "{code}: {error}");
    }
    let code = "const d = new Date('2026-11-21T09:00:00Z'); d.setDate(d.getDate() + 1); return [d, d instanceof Date, Date.UTC(1970, 0)]";
    assert_eq!(value(code, Value::Null).await, json!(["2026-11-22T09:00:00.000Z", true, 0]));
}

#[tokio::test]
async fn what_the_code_changes_of_the_language_does_not_reach_us() {
    for (code, expected) in [
        ("JSON.stringify = () => 'fake'; return { a: 1 }", json!({ "a": 1 })),
        ("Promise.prototype.then = () => 'fake'; return 1", json!(1)),
        ("globalThis.Promise = null; return await 1", json!(1)),
        ("Object.prototype.outcome = 'fake'; Object.prototype.value = 'fake'; return {}", json!({})),
        ("globalThis.input = 'fake'; return input", json!("real")),
        ("console = { log() {} }; return 1", json!(1)),
        ("Array.prototype.map = 1; Array.prototype[Symbol.iterator] = 1; return [1]", json!([1])),
        ("delete globalThis.JSON; return [2]", json!([2])),
        ("Object.freeze(globalThis); return 3", json!(3)),
        ("return { then(resolve) { resolve('settled') } }", json!("settled")),
        ("return { value: 1, outcome: { failed: null } }", json!({ "value": 1, "outcome": { "failed": null } })),
    ] {
        assert_eq!(value(code, json!("real")).await, expected, "{code}");
    }
    // `toJSON` on every object is the code's own doing, to its own value.
    assert_eq!(value("Object.prototype.toJSON = () => 'own'; return {}", Value::Null).await, "own");
    // A wrapper that the code breaks out of is no way out, either.
    for code in ["1)); globalThis.out = 1; ((0", "}); throw new Error('out'); (() => {", "*/ 1 /*", "`", "\\"] {
        match run(code, Value::Null).await {
            Ok(answer) => assert!(answer["value"].is_null() || answer["value"].is_number(), "{code}: {answer}"),
            Err(error) => assert!(["bad_code", "code_failed"].contains(&error.code()), "{code}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_a_process_starts() {
    let error = run("input.length", json!("x".repeat(5 * 1024 * 1024))).await.unwrap_err();
    assert_eq!(error.code(), "too_large");
    let error = run(&"x".repeat(300 * 1024), Value::Null).await.unwrap_err();
    assert_eq!(error.code(), "bad_arguments");
    assert_eq!(value("input.length", json!("x".repeat(4 * 1024 * 1024 - 100))).await, 4 * 1024 * 1024 - 100);
}

#[tokio::test]
async fn a_program_that_is_no_worker_is_told_of() {
    for (program, code) in [("/nowhere/callboard", "no_worker"), ("/bin/true", "code_died"), ("/bin/cat", "code_died")]
    {
        let error = super::call(Arc::new(CodeRun::new(program)), json!({ "code": "1" })).await.unwrap_err();
        assert_eq!(error.code(), code, "{program}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_each_get_their_own() {
    let tool = Arc::new(tool());
    let calls = (0..50).map(|n| {
        let code = "globalThis.mine = (globalThis.mine ?? 0) + input; return mine";
        tokio::spawn(super::call(Arc::clone(&tool) as _, json!({ "code": code, "input": n })))
    });
    for (n, answer) in futures::future::join_all(calls).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap().unwrap()["value"], json!(n));
    }
}

/// The workers below a process.
fn workers(parent: u32) -> Vec<u32> {
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let below = |id: &u32| {
        let read = |file: &str| fs::read_to_string(PathBuf::from(format!("/proc/{id}/{file}"))).unwrap_or_default();
        let stat = read("stat");
        let parent_of = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse::<u32>().ok());
        parent_of == Some(parent) && read("cmdline").contains("code-worker")
    };
    processes.filter(below).collect()
}

fn alive(id: u32) -> bool {
    // What has ended and is not yet fetched is gone all the same.
    fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

const ENDLESS: &str =
    "name: endless\nsteps:\n  - id: spin\n    input: { code: 'for (;;);' }\n    process: { tool: code.run }\n";

#[test]
fn a_worker_can_open_nothing_and_ends_with_whoever_started_it() {
    let stage = Stage::new().with("endless.yaml", ENDLESS).with("callboard.toml", "tools.code.timeout = \"5m\"\n");
    let mut program = stage.command(&["run", "endless.yaml"]).spawn().unwrap();
    wait_for("a worker starts", || !workers(program.id()).is_empty());
    let worker = workers(program.id())[0];
    let read = |file: &str| fs::read_to_string(format!("/proc/{worker}/{file}")).unwrap_or_default();
    wait_for("its limits are set", || {
        read("limits").lines().any(|line| line.starts_with("Max open files            0 "))
    });
    for (limit, expected) in
        [("Max file size", "0"), ("Max processes", "0"), ("Max core file size", "0"), ("Max cpu time", "303")]
    {
        let limits = read("limits");
        let line = limits.lines().find(|line| line.starts_with(limit)).unwrap();
        assert_eq!(line[26..].split_whitespace().take(2).collect::<Vec<_>>(), [expected, expected], "{line}");
    }
    let address_space = read("limits").lines().find(|line| line.starts_with("Max address space")).unwrap().to_owned();
    assert!(!address_space.contains("unlimited"), "{address_space}");
    assert_eq!(fs::read(format!("/proc/{worker}/environ")).unwrap(), b"TZ=UTC0\0");
    for descriptor in fs::read_dir(format!("/proc/{worker}/fd")).unwrap() {
        // Whoever runs the tests may have handed some down to all of us.
        let target = fs::read_link(descriptor.unwrap().path()).unwrap();
        assert!(!target.starts_with(stage.path()), "nothing of ours is handed down: {}", target.display());
    }
    let folder = fs::read_link(format!("/proc/{worker}/cwd")).unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{}", folder.display());

    program.kill().unwrap();
    program.wait().unwrap();
    wait_for("the worker is gone, too", || !alive(worker));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_leaves_no_worker() {
    let endless = super::call(Arc::new(tool().with_timeout(Duration::from_mins(5))), json!({ "code": "for (;;);" }));
    let call = tokio::spawn(endless);
    // Other tests of this process, where they share one, have workers of their own.
    let before = workers(std::process::id());
    let mut worker = None;
    wait_for("a worker starts", || {
        worker = workers(std::process::id()).into_iter().find(|id| !before.contains(id));
        worker.is_some() || !before.is_empty()
    });
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    for worker in worker.into_iter().chain(before) {
        wait_for("the worker is gone", || !alive(worker));
    }
}
