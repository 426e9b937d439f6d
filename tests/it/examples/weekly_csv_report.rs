//! `examples/weekly_csv_report.yaml`.

use serde_json::json;

use super::{asked, parked, read, shorten, staged};

const FILE: &str = "examples/weekly_csv_report.yaml";
const THIS_WEEK: &str = "examples/fixtures/weekly_csv_report/this-week.csv";
const LAST_WEEK: &str = "examples/fixtures/weekly_csv_report/last-week.csv";

/// The weeks the other way round, so that sales fall.
fn fallen() -> [String; 6] {
    ["run", FILE, "-i", &format!("this_week={LAST_WEEK}"), "-i", &format!("last_week={THIS_WEEK}")].map(str::to_owned)
}

/// The net sales of a region in a file, in cents, counted without the workflow; of all regions if it is empty.
fn cents(text: &str, region: &str) -> i64 {
    let rows = text.lines().skip(1).map(|line| line.split(';').collect::<Vec<_>>());
    let rows = rows.filter(|fields| fields[4].parse::<u32>().is_ok() && (region.is_empty() || fields[2] == region));
    rows.map(|fields| fields[5].replace(',', "").parse::<i64>().unwrap()).sum()
}

#[test]
fn the_week_is_added_up_by_region_and_compared() {
    let stage = staged("weekly_csv_report");
    let run = stage.json(&["run", FILE]);
    let (this_week, last_week) = (read(&stage, THIS_WEEK), read(&stage, LAST_WEEK));
    let result = &run["result"];
    assert_eq!(result["course"], "otherwise");
    assert_eq!(result["cents"], json!(cents(&this_week, "")));
    assert_eq!(result["before"], json!(cents(&last_week, "")));
    for region in result["regions"].as_array().unwrap() {
        let name = region["region"].as_str().unwrap();
        assert_eq!(region["cents"], json!(cents(&this_week, name)), "{name}");
    }

    let report = read(&stage, "report.md");
    for line in [
        "# Sales from 2026-11-16 to 2026-11-22",
        "| North | 12 | 24 | 3062.20 | 69.7 % |",
        "| Online | 6 | 16 | 1960.10 | new |",
        "| South | 6 | 12 | 1529.00 | -51.9 % |",
        "| **Total** | 30 | 66 | 7604.70 | 29.9 % |",
        "- `2026-11-18;SO-16900;North;Tern wall clock;two;119,80`",
        "South sold 12 units in 6 orders for 1529.00 euros, 51.9 % less than the week before [F3].",
    ] {
        assert!(report.lines().any(|found| found == line), "no line `{line}`:\n{report}");
    }
}

#[test]
fn a_week_without_a_week_before_it_is_reported_alone() {
    let stage = staged("weekly_csv_report");
    let run = stage.json(&["run", FILE, "-i", "last_week=nowhere.csv", "-i", "report=reports/w47.md"]);
    assert_eq!(run["result"]["before"], 0);
    let report = read(&stage, "reports/w47.md");
    assert!(report.contains("| **Total** | 30 | 66 | 7604.70 | new |"), "{report}");
    assert!(!report.contains("than the week before ["), "{report}");
}

#[test]
fn a_person_looks_at_a_fall_before_it_is_reported() {
    let stage = staged("weekly_csv_report");
    let arguments = fallen();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = parked(&stage, &arguments);
    assert_eq!(asked(&run), ["look"]);
    assert!(run["questions"][0]["ask"].as_str().unwrap().contains("from 7604 to 5854 euros"), "{run:#}");
    assert!(!stage.path().join("report.md").exists());

    stage.done(&["answer", "last", "look", "send", "--form", "remark=Two stands were closed."]);
    let report = read(&stage, "report.md");
    assert!(report.contains("| **Total** | 30 | 62 | 5854.10 | -23.0 % |"), "{report}");
    assert!(report.contains("\nTwo stands were closed.\n"), "{report}");

    std::fs::remove_file(stage.path().join("report.md")).unwrap();
    parked(&stage, &arguments);
    assert_eq!(stage.json(&["answer", "last", "look", "hold"])["status"], "completed");
    assert!(!stage.path().join("report.md").exists(), "it was held back");
}

#[test]
fn a_fall_that_nobody_looks_at_is_reported_in_the_end() {
    let stage = staged("weekly_csv_report");
    shorten(&stage, "weekly_csv_report", "after: 4h", "after: 1s");
    let arguments = fallen();
    parked(&stage, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let resumed = stage.json(&["resume", "--wait"]);
    assert_eq!(resumed[0]["status"], "completed");
    assert!(read(&stage, "report.md").contains("5854.10"));
}

#[test]
fn an_export_without_rows_is_said_to_be_one() {
    let stage = staged("weekly_csv_report").with("empty.csv", "date;order;region;product;units;net_eur\n");
    let run = stage.json(&["run", FILE, "-i", "this_week=empty.csv"]);
    assert_eq!((&run["result"]["course"], &run["result"]["cents"]), (&json!("empty"), &json!(0)));
    let report = read(&stage, "report.md");
    assert!(report.starts_with("# No sales this week\n") && report.contains("empty.csv"), "{report}");
}
