//! `sql.query`, against a real PostgreSQL and SQLite files.

use serde_json::{Value, json};

use super::postgres::Postgres;
use super::{call, set};
use crate::cli::stage::Stage;

const PASSWORD: &str = "p4ssw0rd of ada";

fn configured(url: &str, password: &str) -> Stage {
    let one = |name: &str, more: &str| format!("[tools.sql.{name}]\nurl = \"{url}\"\n{password}\n{more}\n");
    let config = one("books", "timeout = \"2s\"\nmax_rows = 5\nmax_bytes = \"2 KiB\"")
        + &one("desk", "write = true\ntimeout = \"2s\"");
    Stage::new().with("callboard.toml", config)
}

fn query(stage: &Stage, connection: &str, statement: &str, params: Value) -> Result<Value, (String, String)> {
    call(stage, "sql.query", &json!({ "connection": connection, "statement": statement, "params": params }))
}

#[test]
fn postgres_is_asked_with_values_apart_and_types_kept() {
    let server = Postgres::start(PASSWORD);
    let stage = configured(&server.url("ada"), "password = \"PG\"");
    set(&stage, "PG", PASSWORD);

    // Each type comes back as JSON, and goes in as a parameter of it.
    for (kind, given, shown) in [
        ("int4", json!(7), json!(7)),
        ("int8", json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_993_i64)),
        ("int2", json!("-3"), json!(-3)),
        ("float8", json!(1.5), json!(1.5)),
        ("float8", json!("NaN"), json!("NaN")),
        ("numeric", json!("12345678901234567890.1200"), json!("12345678901234567890.1200")),
        ("numeric", json!(-0.0001), json!("-0.0001")),
        ("numeric(10,2)", json!("1e3"), json!("1000.00")),
        ("bool", json!(true), json!(true)),
        ("text", json!("o'hara; DROP TABLE x; -- ä"), json!("o'hara; DROP TABLE x; -- ä")),
        ("varchar(9)", json!("x"), json!("x")),
        ("uuid", json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("date", json!("1999-12-31"), json!("1999-12-31")),
        ("time", json!("23:59:58.123456"), json!("23:59:58.123456")),
        ("timestamp", json!("2026-01-31 12:00:00.5"), json!("2026-01-31T12:00:00.5")),
        ("timestamptz", json!("2026-01-31T12:00:00Z"), json!("2026-01-31T12:00:00+00:00")),
        ("json", json!({ "a": [1, null] }), json!({ "a": [1, null] })),
        ("jsonb", json!("text"), json!("text")),
        ("bytea", json!("/wD+"), json!("/wD+")),
        ("int4[]", json!([1, null, 3]), json!([1, null, 3])),
        ("text[]", json!([]), json!([])),
        ("text[]", json!(["a,b", "ä"]), json!(["a,b", "ä"])),
        ("int4", Value::Null, Value::Null),
    ] {
        let answer = query(&stage, "books", &format!("SELECT $1::{kind} AS value"), json!([given])).unwrap();
        assert_eq!(answer["rows"], json!([{ "value": shown }]), "{kind} {given}");
    }
    let answer = query(
        &stage,
        "books",
        "SELECT 1 AS a, 'x' AS a, interval '1 day 2 hours' AS i, $1::text::inet AS n; -- end",
        json!(["10.0.0.1"]),
    );
    let row = json!({ "a": 1, "a_2": "x", "i": "P1DT2H", "n": "10.0.0.1" });
    assert_eq!(answer.unwrap(), json!({ "columns": ["a", "a_2", "i", "n"], "rows": [row], "truncated": false }));

    // Tables are made and changed where that is allowed, and nowhere else.
    let done =
        query(&stage, "desk", "CREATE TABLE books (id int PRIMARY KEY, title text NOT NULL)", json!([])).unwrap();
    assert_eq!(done["rows"], json!([]));
    query(&stage, "desk", "CREATE SEQUENCE numbers", json!([])).unwrap();
    let added =
        query(&stage, "desk", "INSERT INTO books SELECT n, 'book ' || n FROM generate_series(1, $1) n", json!([9]))
            .unwrap();
    assert_eq!(added["affected"], 9);
    let back =
        query(&stage, "desk", "UPDATE books SET title = $2 WHERE id = $1 RETURNING *", json!([1, "first"])).unwrap();
    assert_eq!(back["rows"], json!([{ "id": 1, "title": "first" }]));
    let listed = query(&stage, "books", "SELECT id FROM books ORDER BY id DESC", json!([])).unwrap();
    assert_eq!(
        (&listed["rows"][0], listed["rows"].as_array().unwrap().len(), &listed["truncated"]),
        (&json!({ "id": 9 }), 5, &json!(true))
    );
    let long = query(&stage, "books", "SELECT repeat('x', 1500) AS x FROM books", json!([])).unwrap();
    assert_eq!((long["rows"].as_array().unwrap().len(), &long["truncated"]), (1, &json!(true)));
    let plan = query(&stage, "books", "EXPLAIN SELECT * FROM books", json!([])).unwrap();
    assert!(plan["rows"][0]["QUERY PLAN"].as_str().unwrap().contains("books"), "{plan:#}");

    for (connection, statement, params, code, hint) in [
        ("books", "DELETE FROM books", json!([]), "bad_statement", "`write = true`"),
        ("books", "WITH gone AS (DELETE FROM books RETURNING 1) SELECT 1", json!([]), "sql", "top level"),
        ("books", "SELECT setval('pg_catalog.x', 1)", json!([]), "sql", "does not exist"),
        ("books", "SELECT nextval('numbers')", json!([]), "read_only", "read-only"),
        ("books", "SELECT set_config('transaction_read_only', 'off', false)", json!([]), "sql", "before any query"),
        ("desk", "COPY books TO PROGRAM 'touch /tmp/x'", json!([]), "bad_statement", "begins with COPY"),
        ("desk", "DELETE FROM books; SELECT 1", json!([]), "bad_statement", "only one statement"),
        ("books", "SELECT title FROM books\n WHERE titel = $1", json!(["x"]), "sql", "(line 2, column 8)"),
        ("books", "SELECT $1::int", json!(["x"]), "bad_arguments", "value 1 is no INT4"),
        ("books", "SELECT $1::int", json!([]), "bad_arguments", "1 parameters, and 0 values"),
        ("books", "SELECT $1::inet", json!(["x"]), "bad_arguments", "$n::text::inet"),
        ("desk", "INSERT INTO books VALUES (1, 'again')", json!([]), "sql", "[23505]"),
        ("books", "SELECT 1 / (id - id) FROM books", json!([]), "sql", "division by zero"),
        ("books", "SELECT pg_sleep(9)", json!([]), "timeout", "statement timeout"),
    ] {
        let (found, message) = query(&stage, connection, statement, params).unwrap_err();
        assert_eq!(found, code, "{statement}: {message}");
        assert!(message.contains(hint), "{statement}: {message}");
    }
    let count = query(&stage, "books", "SELECT count(*)::int AS n FROM books", json!([])).unwrap();
    assert_eq!(count["rows"], json!([{ "n": 9 }]));

    set(&stage, "PG", "another password");
    let (code, message) = query(&stage, "books", "SELECT 1", json!([])).unwrap_err();
    assert_eq!(code, "login", "{message}");
    drop(server);
    let (code, message) = query(&stage, "books", "SELECT 1", json!([])).unwrap_err();
    assert_eq!(code, "connect", "{message}");
    assert!(!message.contains("another password"), "{message}");
}

#[test]
fn sqlite_files_are_asked_and_changed_where_that_is_allowed() {
    let stage = configured("sqlite:books.db", "").with("other.db", "").with("books.db", "");
    let done = query(
        &stage,
        "desk",
        "CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT, price REAL, cover BLOB)",
        json!([]),
    );
    assert_eq!(done.unwrap()["rows"], json!([]));
    let add = "INSERT INTO books (title, price, cover) VALUES (?1, ?2, x'ff00fe'), ('; DROP TABLE books', NULL, NULL)";
    assert_eq!(query(&stage, "desk", add, json!(["o'hara", 1.5])).unwrap()["affected"], 2);
    let listed = query(&stage, "books", "SELECT *, ?1 AS p, ?2 AS p FROM books", json!([true, { "a": 1 }])).unwrap();
    let first = json!({ "id": 1, "title": "o'hara", "price": 1.5, "cover": "/wD+", "p": 1, "p_2": "{\"a\":1}" });
    let second =
        json!({ "id": 2, "title": "; DROP TABLE books", "price": null, "cover": null, "p": 1, "p_2": "{\"a\":1}" });
    assert_eq!(listed["rows"], json!([first, second]));
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let cut = query(&stage, "books", many, json!([])).unwrap();
    assert_eq!((cut["rows"].as_array().unwrap().len(), &cut["truncated"]), (5, &json!(true)));

    let endless = format!("{many} WHERE i < 0");
    for (connection, statement, code, hint) in [
        ("books", "DELETE FROM books", "bad_statement", "`write = true`"),
        ("books", "WITH x AS (SELECT 1) DELETE FROM books", "read_only", "readonly"),
        ("desk", "ATTACH 'other.db' AS other", "bad_statement", "begins with ATTACH"),
        ("desk", "VACUUM INTO 'copy.db'", "bad_statement", "begins with VACUUM"),
        ("desk", "PRAGMA query_only = OFF", "bad_statement", "begins with PRAGMA"),
        ("desk", "SELECT 1; DELETE FROM books", "bad_statement", "only one statement"),
        ("books", "SELECT titel FROM books", "sql", "no such column: titel"),
        ("books", "SELECT ?1", "bad_arguments", "1 parameters, and 0 values"),
        ("desk", "INSERT INTO books (id) VALUES (1)", "sql", "UNIQUE constraint failed"),
        ("books", &endless, "timeout", "longer than 2s"),
    ] {
        let (found, message) = query(&stage, connection, statement, json!([])).unwrap_err();
        assert_eq!(found, code, "{statement}: {message}");
        assert!(message.contains(hint), "{statement}: {message}");
    }
    let unknown = call(&stage, "sql.query", &json!({ "statement": "SELECT 1" })).unwrap_err();
    assert!(unknown.1.contains("there are: books, desk"), "{unknown:?}");
    assert_eq!(
        query(&stage, "books", "SELECT count(*) AS n FROM books", json!([])).unwrap()["rows"],
        json!([{ "n": 2 }])
    );
    assert!(!stage.path().join("copy.db").exists());
}

#[test]
fn a_database_that_cannot_be_is_told_of_when_the_program_starts() {
    for (url, password, hint) in [
        ("mysql://localhost/x", "", "neither postgres://user@host/database nor sqlite:file"),
        ("postgres://ada:pass@localhost/x", "", "make that a secret"),
        ("sqlite:x.db", "password = \"p4ssw0rd!\"", "that is no name of a secret"),
    ] {
        let ended = configured(url, password).run(&["runs"]);
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert!(ended.stderr.contains(hint) && !ended.stderr.contains("p4ss"), "{ended:#?}");
    }
}
