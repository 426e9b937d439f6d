#![allow(
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "the numbers of these tests are small, and meant exactly"
)]

use indexmap::IndexMap;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::aggregate::{Aggregate, Function, aggregate};
use super::join::{Kind, Pair, join};
use super::number::{Num, Spelling};
use super::rows::Table;
use super::select::{OrderBy, sort};
use crate::tools::files::Folder;
use crate::tools::tests::call;
use crate::tools::{ToolError, Tools};

fn tools(folder: &Folder) -> Tools {
    let mut tools = Tools::new();
    for tool in super::all(folder) {
        tools.register(tool).unwrap();
    }
    tools
}

async fn run(name: &str, arguments: Value) -> Result<Value, ToolError> {
    call(&tools(&Folder::new("nowhere")), name, arguments).await
}

async fn select(arguments: Value) -> Value {
    run("table.select", arguments.clone()).await.unwrap_or_else(|error| panic!("{arguments}: {error}"))
}

const ORDERS: &str =
    "order,region,amount,note\nA-1,North,10.50,\nA-2,South,7,late\nA-3,North,,\"a, b\"\nA-4,,3.25,late\n";

#[tokio::test]
async fn cells_are_numbers_texts_or_nulls() {
    let rows = |text: &str, more: Value| {
        let mut table = json!({ "csv": text });
        table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        async move { run("table.select", json!({ "table": table })).await.map(|told| told["rows"].clone()) }
    };
    let first = |text: &'static str, more: Value| async move {
        rows(&format!("a\n{text}\n"), more).await.unwrap()[0]["a"].clone()
    };
    for (cell, value) in [
        ("12", json!(12)),
        (" 12 ", json!(12)),
        ("-3.50", json!(-3.5)),
        ("0", json!(0)),
        ("0.1", json!(0.1)),
        ("007", json!("007")),
        ("+1", json!("+1")),
        ("1e5", json!("1e5")),
        (".5", json!(".5")),
        ("5.", json!("5.")),
        ("1.2.3", json!("1.2.3")),
        ("12345678901234567", json!(12_345_678_901_234_567_i64)),
        ("123456789012345678", json!("123456789012345678")),
        ("\"1,234\"", json!("1,234")),
        ("NaN", json!("NaN")),
        ("\"  \"", Value::Null),
        ("\"\"", Value::Null),
        ("true", json!("true")),
        ("٣", json!("٣")),
    ] {
        assert_eq!(first(cell, json!({ "delimiter": "," })).await, value, "{cell}");
    }
    let german = json!({ "delimiter": ";", "decimal": ",", "thousands": "." });
    for (cell, value) in [
        ("1.234,56", json!(1234.56)),
        ("12,5", json!(12.5)),
        ("1.5", json!("1.5")),
        ("1.2345", json!("1.2345")),
        ("1.234.567", json!(1_234_567)),
    ] {
        assert_eq!(first(cell, german.clone()).await, value, "{cell}");
    }
    assert_eq!(first("12", json!({ "numbers": false })).await, json!("12"));
    assert_eq!(
        rows("1,x\n2,y\n", json!({ "header": false })).await.unwrap()[1],
        json!({ "column_1": 2, "column_2": "y" })
    );
    assert_eq!(rows("\u{feff}a,a,\n1,2,3\n", json!({})).await.unwrap(), json!([{ "a": 1, "a_2": 2, "column_3": 3 }]));
    assert_eq!(rows("a;b\n1,5;2\n", json!({ "decimal": "," })).await.unwrap(), json!([{ "a": 1.5, "b": 2 }]));
    assert_eq!(rows("a\tb,c\n1\t2\n", json!({ "delimiter": "\t" })).await.unwrap(), json!([{ "a": 1, "b,c": 2 }]));
    assert_eq!(rows("\"x;y;z\",b\n1,2\n", json!({})).await.unwrap(), json!([{ "x;y;z": 1, "b": 2 }]));
    assert_eq!(rows("", json!({})).await.unwrap(), json!([]));
    assert_eq!(rows("a,b\n", json!({})).await.unwrap(), json!([]));
    for (text, more, message) in [
        (
            "a,b\n1,2\n3\n",
            json!({}),
            "line 3 of the CSV has 1 cells and the first has 2; cells are taken to be separated by ','",
        ),
        ("a\n1\n", json!({ "delimiter": "é" }), "cells cannot be separated by 'é'"),
        ("a\n1\n", json!({ "decimal": ",", "thousands": "," }), "must be two different marks"),
        ("a\n1\n", json!({ "decimal": "0" }), "must be two different marks"),
    ] {
        let error = rows(text, more).await.unwrap_err();
        assert!(error.to_string().contains(message), "{text}: {error}");
    }
}

#[tokio::test]
async fn columns_and_rows_are_chosen_named_and_put_in_order() {
    let told = select(json!({
        "table": { "csv": ORDERS },
        "columns": ["order", { "column": "amount", "as": "eur" }],
        "where": [{ "column": "amount", "op": "not_null" }],
        "order_by": [{ "column": "amount", "descending": true }],
        "limit": 2
    }))
    .await;
    let expected = json!({
        "columns": ["order", "eur"], "count": 2, "total": 3,
        "rows": [{ "order": "A-1", "eur": 10.5 }, { "order": "A-2", "eur": 7 }]
    });
    assert_eq!(told, expected);
    let told =
        select(json!({ "table": { "csv": ORDERS }, "columns": ["note"], "distinct": true, "format": "csv" })).await;
    assert_eq!(told["csv"], "note\n\"\"\nlate\n\"a, b\"\n");
    let told = select(json!({ "table": { "csv": ORDERS }, "offset": 3, "columns": ["order"] })).await;
    assert_eq!(told["rows"], json!([{ "order": "A-4" }]));
    let rows = json!([{ "b": [1], "a": null }, { "c": true }]);
    let told = select(json!({ "table": { "rows": rows }, "format": "csv" })).await;
    assert_eq!((&told["columns"], &told["csv"]), (&json!(["b", "a", "c"]), &json!("b,a,c\n[1],,\n,,true\n")));

    for (more, code, message) in [
        (json!({ "columns": ["amonut"] }), "no_column", "has no column `amonut`; it has: order, region, amount, note"),
        (
            json!({ "columns": ["order", { "column": "note", "as": "order" }] }),
            "bad_arguments",
            "`order` would be there twice",
        ),
        (json!({ "where": [{ "column": "note" }] }), "bad_arguments", "`column` and `op`, or `any`"),
        (json!({ "where": [{ "column": "note", "op": "in", "value": 1 }] }), "bad_arguments", "take a list"),
        (
            json!({ "where": [{ "column": "note", "op": "matches", "value": "(" }] }),
            "bad_arguments",
            "argument `where`: regex parse error",
        ),
    ] {
        let mut arguments = json!({ "table": { "csv": ORDERS } });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let error = run("table.select", arguments).await.unwrap_err();
        assert!(error.code() == code && error.to_string().contains(message), "{more}: {error:?}");
    }
    for table in [json!({}), json!({ "csv": "a\n", "rows": [] })] {
        let error = run("table.select", json!({ "table": table })).await.unwrap_err();
        assert!(error.to_string().contains("give one of them"), "{error}");
    }
}

#[tokio::test]
async fn conditions_say_which_rows() {
    let rows = json!([
        { "id": 1, "v": 10, "t": "apple" }, { "id": 2, "v": 9.5, "t": "Banana" }, { "id": 3, "v": null, "t": "2026-01-05" },
        { "id": 4, "v": "10", "t": "" }, { "id": 5, "t": true }
    ]);
    for (conditions, expected) in [
        (json!([{ "column": "v", "op": "eq", "value": 10 }]), json!([1, 4])),
        (json!([{ "column": "v", "op": "eq", "value": "10" }]), json!([1, 4])),
        (json!([{ "column": "v", "op": "eq", "value": 10.0 }]), json!([1, 4])),
        (json!([{ "column": "v", "op": "ne", "value": 10 }]), json!([2, 3, 5])),
        (json!([{ "column": "v", "op": "lt", "value": 10 }]), json!([2])),
        (json!([{ "column": "v", "op": "ge", "value": "9.5" }]), json!([1, 2, 4])),
        (json!([{ "column": "v", "op": "gt", "value": null }]), json!([])),
        (json!([{ "column": "v", "op": "in", "value": [9.5, "nothing"] }]), json!([2])),
        (json!([{ "column": "v", "op": "in", "value": [null] }]), json!([3, 5])),
        (json!([{ "column": "v", "op": "not_in", "value": [10] }]), json!([2, 3, 5])),
        (json!([{ "column": "v", "op": "is_null" }]), json!([3, 5])),
        (json!([{ "column": "v", "op": "is_number" }]), json!([1, 2])),
        (
            json!([{ "column": "t", "op": "gt", "value": "2026-01-04" }, { "column": "t", "op": "lt", "value": "2026-02" }]),
            json!([3]),
        ),
        (json!([{ "column": "t", "op": "contains", "value": "an" }]), json!([2])),
        (json!([{ "column": "t", "op": "starts_with", "value": "a" }]), json!([1])),
        (json!([{ "column": "t", "op": "ends_with", "value": "e" }]), json!([1, 5])),
        (json!([{ "column": "t", "op": "matches", "value": "(?i)^b.*a$" }]), json!([2])),
        (
            json!([{ "any": [{ "column": "id", "op": "eq", "value": 1 }, { "column": "id", "op": "eq", "value": 3 }] }, { "column": "v", "op": "not_null" }]),
            json!([1]),
        ),
    ] {
        let told = select(json!({ "table": { "rows": rows }, "where": conditions })).await;
        let ids: Vec<&Value> = told["rows"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
        assert_eq!(json!(ids), expected, "{conditions}");
    }
}

#[tokio::test]
async fn tables_are_joined_on_what_is_written_the_same() {
    let customers = "id,name,region\n1,Ada,North\n2,Bo,South\n2,Bo the second,South\n,Nobody,\n";
    let orders = json!([{ "order": "a", "customer": "1" }, { "order": "b", "customer": 2 }, { "order": "c", "customer": null }, { "order": "d", "customer": "02", "name": "own" }]);
    let arguments = |kind: &str| {
        json!({
            "left": { "rows": orders }, "right": { "csv": customers }, "on": [{ "left": "customer", "right": "id" }], "kind": kind,
            "format": "csv"
        })
    };
    let inner = run("table.join", arguments("inner")).await.unwrap();
    let expected = "order,customer,name,name_right,region\na,1,,Ada,North\nb,2,,Bo,South\nb,2,,Bo the second,South\n";
    assert_eq!((inner["csv"].as_str().unwrap(), &inner["unmatched"]), (expected, &json!(2)));
    let left = run("table.join", arguments("left")).await.unwrap();
    assert_eq!(left["csv"].as_str().unwrap(), format!("{expected}c,,,,\nd,02,own,,\n"));
    let error = run("table.join", json!({ "left": { "csv": "a\n" }, "right": { "csv": "b\n" }, "on": ["a"] }))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("on the right: the table has no column `a`"), "{error}");
    let many = "k\n".to_owned() + &"1\n".repeat(1000);
    let error =
        run("table.join", json!({ "left": { "csv": many }, "right": { "csv": many }, "on": ["k"] })).await.unwrap_err();
    assert_eq!(error.code(), "too_large");
}

#[tokio::test]
async fn groups_are_added_up_exactly() {
    let aggregates = json!({
        "orders": { "fn": "count" }, "with_note": { "fn": "count", "column": "note" }, "notes": { "fn": "count_distinct", "column": "note" },
        "sum": { "fn": "sum", "column": "amount" }, "avg": { "fn": "avg", "column": "amount" },
        "min": { "fn": "min", "column": "amount" }, "max": { "fn": "max", "column": "order" }, "median": { "fn": "median", "column": "amount" }
    });
    let told = run(
        "table.aggregate",
        json!({ "table": { "csv": ORDERS }, "group_by": ["region"], "aggregates": aggregates, "format": "csv" }),
    )
    .await
    .unwrap();
    assert_eq!(
        told["csv"],
        "region,orders,with_note,notes,sum,avg,min,max,median\nNorth,2,1,1,10.5,10.5,10.5,A-3,10.5\nSouth,1,1,1,7,7,7,A-2,7\n,1,1,1,3.25,3.25,3.25,A-4,3.25\n"
    );
    let none = run("table.aggregate", json!({ "table": { "csv": "amount,note,order\n" }, "aggregates": aggregates }))
        .await
        .unwrap();
    let expected = json!([{ "orders": 0, "with_note": 0, "notes": 0, "sum": 0, "avg": null, "min": null, "max": null, "median": null }]);
    assert_eq!(none["rows"], expected);

    let one = |function: &'static str, cells: Value| async move {
        let rows: Vec<Value> = cells.as_array().unwrap().iter().map(|cell| json!({ "v": cell })).collect();
        let told = run(
            "table.aggregate",
            json!({ "table": { "rows": rows }, "aggregates": { "it": { "fn": function, "column": "v" } } }),
        )
        .await;
        told.map(|told| told["rows"][0]["it"].clone())
    };
    for (function, cells, expected) in [
        ("sum", json!([0.1, 0.2]), json!(0.3)),
        ("sum", json!([1e300, -1e300, 1]), json!(1.0)),
        ("sum", json!(["1.10", 2]), json!(3.1)),
        ("sum", json!([i64::MAX, 1]), json!(9_223_372_036_854_775_808_u64 as f64)),
        ("avg", json!([1, 2]), json!(1.5)),
        ("median", json!([5, 1, 4]), json!(4)),
        ("median", json!([5, 1, 4, 2]), json!(3.0)),
        ("min", json!(["b", 2, "a"]), json!(2)),
        ("max", json!(["b", 2, "a"]), json!("b")),
        ("count_distinct", json!([7, "7", 7.0, "07", null]), json!(2)),
    ] {
        assert_eq!(one(function, cells.clone()).await.unwrap(), expected, "{function} {cells}");
    }
    let error = one("sum", json!([1, "two"])).await.unwrap_err();
    assert_eq!(error.code(), "no_number");
    assert!(error.to_string().starts_with("row 2 has \"two\" in column `v`, which is no number"), "{error}");
    for (more, message) in [
        (json!({ "aggregates": { "x": { "fn": "sum" } } }), "only `count` goes without a `column`"),
        (
            json!({ "aggregates": { "region": { "fn": "count" } }, "group_by": ["region"] }),
            "`region` would be there twice",
        ),
        (json!({ "aggregates": { "x": { "fn": "mode", "column": "amount" } } }), "argument `aggregates.x.fn`"),
        (json!({ "aggregates": {} }), "argument `aggregates`"),
    ] {
        let mut arguments = json!({ "table": { "csv": ORDERS } });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let error = run("table.aggregate", arguments).await.unwrap_err();
        assert!(error.to_string().contains(message), "{more}: {error}");
    }
}

#[tokio::test]
async fn tables_come_from_files_of_the_folder_only() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("secret.csv"), "a\nsecret\n").unwrap();
    let root = place.path().join("root");
    std::fs::create_dir(&root).unwrap();
    for (name, text) in [
        ("t.csv", "a\n1\n"),
        ("t.tsv", "a\tb,c\n1\t2\n"),
        ("t.json", "[{\"a\":1}]"),
        ("t.jsonl", "{\"a\":1}\n\n{\"a\":2}\n"),
        ("bad.json", "{}"),
        ("bad.jsonl", "{}\n[]\n"),
    ] {
        std::fs::write(root.join(name), text).unwrap();
    }
    let tools = tools(&Folder::new(&root).with_limit(1000));
    let read = |path: &'static str| {
        let tools = tools.clone();
        async move { call(&tools, "table.select", json!({ "table": { "path": path } })).await }
    };
    for (path, rows) in [
        ("t.csv", json!([{ "a": 1 }])),
        ("t.tsv", json!([{ "a": 1, "b,c": 2 }])),
        ("t.json", json!([{ "a": 1 }])),
        ("t.jsonl", json!([{ "a": 1 }, { "a": 2 }])),
    ] {
        assert_eq!(read(path).await.unwrap()["rows"], rows, "{path}");
    }
    for (path, code) in [
        ("../secret.csv", "bad_path"),
        ("missing.csv", "not_found"),
        ("bad.json", "bad_table"),
        ("bad.jsonl", "bad_table"),
    ] {
        assert_eq!(read(path).await.unwrap_err().code(), code, "{path}");
    }
    let effect = |arguments: Value| tools.effect("table.select", &arguments).unwrap().effect;
    assert_eq!(effect(json!({ "table": { "path": "t.csv" } })), crate::workflow::Effect::Read);
    assert_eq!(effect(json!({ "table": { "csv": "a\n" } })), crate::workflow::Effect::Pure);
}

/// A value as cells have it.
fn cell() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        3 => (-3_i64..4).prop_map(Value::from),
        1 => (-3_i64..4).prop_map(|n| json!(n.to_string())),
        1 => (-30_i64..40).prop_map(|n| json!(n as f64 / 10.0)),
        2 => "[a-c]{0,2}".prop_map(Value::from),
    ]
}

fn table(columns: &'static [&'static str]) -> impl Strategy<Value = Table> {
    prop::collection::vec(prop::collection::vec(cell(), columns.len()), 0..12)
        .prop_map(move |rows| Table { columns: columns.iter().map(|&name| name.to_owned()).collect(), rows })
}

/// Whether two cells are the same, said another way than the tools do.
fn same(one: &Value, other: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64().unwrap() {
            whole if whole.fract() == 0.0 => format!("{whole:.0}").replace("-0", "0"),
            number => number.to_string(),
        },
        other => other.to_string(),
    };
    !one.is_null() && !other.is_null() && text(one) == text(other)
}

proptest! {
    #[test]
    fn a_join_is_every_pair_that_fits(left in table(&["k", "l", "x"]), right in table(&["k", "l", "y"]), outer: bool) {
        let on = [Pair::Same("k".into()), Pair::Two { left: "l".into(), right: "l".into() }];
        let (joined, alone) = join(&left, &right, &on, if outer { Kind::Left } else { Kind::Inner }).unwrap();
        let (mut expected, mut unmatched) = (Vec::new(), 0);
        for one in &left.rows {
            let found: Vec<_> = right.rows.iter().filter(|other| same(&one[0], &other[0]) && same(&one[1], &other[1])).collect();
            for other in &found {
                expected.push(vec![one[0].clone(), one[1].clone(), one[2].clone(), other[2].clone()]);
            }
            if found.is_empty() {
                unmatched += 1;
                if outer {
                    expected.push(vec![one[0].clone(), one[1].clone(), one[2].clone(), Value::Null]);
                }
            }
        }
        prop_assert_eq!(joined.columns, ["k", "l", "x", "y"]);
        prop_assert_eq!(joined.rows, expected);
        prop_assert_eq!(alone, unmatched);
    }

    #[test]
    fn sums_of_groups_are_the_sum_of_all(cents in prop::collection::vec((-1_000_000_i64..1_000_000, 0_u8..4), 0..200)) {
        let rows: Vec<Map<String, Value>> = cents
            .iter()
            .map(|(cents, group)| Map::from_iter([("eur".to_owned(), json!(*cents as f64 / 100.0)), ("g".to_owned(), json!(group))]))
            .collect();
        let mut table = Table::of_rows(rows).unwrap();
        if cents.is_empty() {
            table.columns = vec!["eur".into(), "g".into()];
        }
        let sum = IndexMap::from([("sum".to_owned(), Aggregate { function: Function::Sum, column: Some("eur".to_owned()) })]);
        let groups = aggregate(&table, &["g".to_owned()], &sum).unwrap();
        for row in &groups.rows {
            let expected: i64 = cents.iter().filter(|(_, group)| json!(group) == row[0]).map(|(cents, _)| cents).sum();
            prop_assert_eq!(row[1].as_f64().unwrap(), expected as f64 / 100.0);
        }
        let all = aggregate(&table, &[], &sum).unwrap();
        prop_assert_eq!(all.rows[0][0].as_f64().unwrap(), cents.iter().map(|(cents, _)| cents).sum::<i64>() as f64 / 100.0);
    }

    #[test]
    fn an_order_is_stable_and_one(mut rows in table(&["k", "n"]), descending: bool) {
        for (index, row) in rows.rows.iter_mut().enumerate() {
            row[1] = json!(index);
        }
        let by = [OrderBy { column: "k".into(), descending }];
        let mut sorted = rows.clone();
        sort(&mut sorted, &by).unwrap();
        let rank = |value: &Value| match value { Value::Number(_) => 0, Value::String(_) => 1, _ => 2 };
        for pair in sorted.rows.windows(2) {
            let (one, other) = (&pair[0][0], &pair[1][0]);
            if one == other {
                prop_assert!(pair[0][1].as_u64() < pair[1][1].as_u64());
            }
            if rank(one) != rank(other) {
                prop_assert!(other.is_null() || (!one.is_null() && (rank(one) < rank(other)) != descending));
            } else if let (Some(one), Some(other)) = (one.as_f64(), other.as_f64()) {
                let fits = if descending { one >= other } else { one <= other };
                prop_assert!(fits);
            }
        }
        let mut again = sorted.clone();
        sort(&mut again, &by).unwrap();
        prop_assert_eq!(again, sorted.clone());
        sorted.rows.sort_by_key(|row| row[1].as_u64());
        prop_assert_eq!(sorted.rows, rows.rows);
    }

    #[test]
    fn csv_comes_back_as_it_was(rows in prop::collection::vec(("[^\0]{0,6}", "[a-z ,;\"\n']{1,8}"), 1..10)) {
        let rows: Vec<Map<String, Value>> = rows
            .into_iter()
            // What is only space is null once it is read.
            .map(|(one, two)| [("one", one), ("two", two)].into_iter().map(|(name, text)| {
                (name.to_owned(), if text.trim().is_empty() { Value::Null } else { json!(text) })
            }).collect())
            .collect();
        let table = Table::of_rows(rows).unwrap();
        let layout = serde_json::from_value(json!({ "numbers": false, "delimiter": "," })).unwrap();
        let back = Table::of_csv(&table.to_csv().unwrap(), &layout).unwrap();
        prop_assert_eq!(back, table);
    }

    #[test]
    fn a_number_is_what_its_digits_say(mantissa in -99_999_999_i64..99_999_999, scale in 0_u32..6) {
        let float = mantissa as f64 / 10_f64.powi(scale as i32);
        let number = Spelling::PLAIN.read(&format!("{float}")).unwrap();
        prop_assert_eq!(number.float(), float);
        prop_assert_eq!(Num::of(&json!(float)).unwrap(), number);
        prop_assert_eq!(Num::of(&number.value()).unwrap(), number);
    }

    #[test]
    fn nothing_makes_it_stumble(text: String, decimal: Option<char>) {
        if let Ok(layout) = serde_json::from_value(json!({ "decimal": decimal }))
            && let Ok(table) = Table::of_csv(&text, &layout) {
            prop_assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
            table.to_csv().unwrap();
        }
    }
}
