//! The tools together, as a workflow has them: two files become a report.

use serde_json::json;

use crate::cli::stage::Stage;

const WORKFLOW: &str = r##"
name: overdue
description: Join invoices with customers, add up what is overdue, and write what changed since the last report.
steps:
  - id: find
    input: { glob: "in/*.csv" }
    process: { tool: files.list }
  - id: joined
    input:
      left: { path: in/invoices.csv, decimal: "," }
      right: { path: in/customers.csv }
      on: [{ left: customer, right: id }]
      kind: left
    process: { tool: table.join }
  - id: open
    input:
      table: { rows: "{{ steps.joined.output.rows }}" }
      where: [{ column: paid, op: is_null }, { column: due, op: lt, value: "2026-11-01" }]
      group_by: [name]
      aggregates:
        invoices: { fn: count }
        eur: { fn: sum, column: amount }
      order_by: [{ column: eur, descending: true }]
    process: { tool: table.aggregate }
  - id: told
    input:
      input: "{{ steps.open.output.rows }}"
      code: |
        const line = ({ name, invoices, eur }) => `- ${name ?? "unknown"}: ${invoices} for ${eur.toFixed(2)} EUR`;
        console.log(input.length, "customers");
        return ["# Overdue", "", ...input.map(line), ""].join("\n");
    process: { tool: code.run }
  - id: last
    input: { path: report.md }
    process: { tool: files.read }
  - id: changed
    input: { before: "{{ steps.last.output.text }}", after: "{{ steps.told.output.value }}" }
    process: { tool: text.diff }
  - id: keep
    input: { from: report.md, to: archive/last.md, replace: true }
    process: { tool: files.copy }
  - id: write
    input: { path: report.md, text: "{{ steps.told.output.value }}" }
    process: { tool: files.write }
  - id: page
    input: { text: "{{ steps.told.output.value }}", from: markdown, to: html }
    process: { tool: text.convert }
  - id: log
    input: { path: log.txt, text: "+{{ steps.changed.output.added }} -{{ steps.changed.output.removed }}\n" }
    process: { tool: files.append }
result:
  files: "{{ steps.find.output.files | map(attribute='path') }}"
  unmatched: "{{ steps.joined.output.unmatched }}"
  logged: "{{ steps.told.output.log }}"
  diff: "{{ steps.changed.output.unified }}"
  html: "{{ steps.page.output.text }}"
"##;

const INVOICES: &str = "\
invoice;customer;amount;due;paid
R-1;1;100,10;2026-10-01;
R-2;2;50,00;2026-10-02;
R-3;1;0,20;2026-10-03;
R-4;1;99,99;2026-10-04;2026-10-05
R-5;2;70,00;2026-12-01;
R-6;9;5,00;2026-09-01;
";

#[test]
fn two_files_become_a_report() {
    let stage = Stage::new()
        .with("overdue.yaml", WORKFLOW)
        .with("in/invoices.csv", INVOICES)
        .with("in/customers.csv", "id,name\n1,Ada\n2,\"Bo, Inc.\"\n")
        .with("report.md", "# Overdue\n\n- Ada: 1 for 1.00 EUR\n");
    let run = stage.json(&["run", "overdue.yaml"]);
    let report = "# Overdue\n\n- Ada: 2 for 100.30 EUR\n- Bo, Inc.: 1 for 50.00 EUR\n- unknown: 1 for 5.00 EUR\n";
    assert_eq!(std::fs::read_to_string(stage.path().join("report.md")).unwrap(), report);
    let kept = std::fs::read_to_string(stage.path().join("archive/last.md")).unwrap();
    assert_eq!(kept, "# Overdue\n\n- Ada: 1 for 1.00 EUR\n");
    assert_eq!(std::fs::read_to_string(stage.path().join("log.txt")).unwrap(), "+3 -1\n");
    let result = &run["result"];
    assert_eq!(result["files"], json!(["in/customers.csv", "in/invoices.csv"]));
    assert_eq!((&result["unmatched"], &result["logged"]), (&json!(1), &json!(["3 customers"])));
    assert!(
        result["diff"].as_str().unwrap().contains("-- Ada: 1 for 1.00 EUR\n+- Ada: 2 for 100.30 EUR\n"),
        "{result:#}"
    );
    assert!(result["html"].as_str().unwrap().contains("<li>Ada: 2 for 100.30 EUR</li>"), "{result:#}");
}

#[test]
fn the_thing_that_works_in_the_docs_works() {
    let docs = include_str!("../../../docs/tools.md");
    let file = docs.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let told = docs.split("The result is `").nth(1).unwrap().split("`.\n").next().unwrap();
    let run = Stage::new().with("overdue.yaml", file).json(&["run", "overdue.yaml"]);
    assert_eq!(run["result"], serde_json::from_str::<serde_json::Value>(told).unwrap());
}

#[test]
fn what_code_does_wrong_fails_the_step_and_says_where() {
    let file = "name: wrong\nsteps:\n  - id: code\n    input:\n      code: |\n        const rows = input.rows;\n        return rows.length;\n      input: {}\n    process: { tool: code.run }\n";
    let ended = Stage::new().with("wrong.yaml", file).run(&["run", "wrong.yaml"]);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(format!("{}{}", ended.stdout, ended.stderr).contains("the code failed in line 2: TypeError"), "{ended:#?}");
}
