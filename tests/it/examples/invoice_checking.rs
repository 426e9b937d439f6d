//! `examples/invoice_checking.yaml`.

use serde_json::{Value, json};

use super::{asked, parked, read, staged, staged_and_remembered};
use crate::cli::stage::Stage;

const FILE: &str = "examples/invoice_checking.yaml";
const WRONG: &str = "invoice=examples/fixtures/invoice_checking/invoice-wrong.txt";
const SMALL: [&str; 4] = [
    "-i",
    "invoice=examples/fixtures/invoice_checking/invoice-small-difference.txt",
    "-i",
    "delivery=examples/fixtures/invoice_checking/delivery-short.csv",
];

fn result(stage: &Stage, arguments: &[&str]) -> Value {
    stage.json(&[&["run", FILE][..], arguments].concat())["result"].clone()
}

#[test]
fn an_invoice_that_agrees_is_paid() {
    let stage = staged("invoice_checking");
    let expected =
        json!({ "invoice": "BH-2026-11873", "decision": "paid", "billed_cents": 236_822, "payable_cents": 236_822 });
    assert_eq!(result(&stage, &[]), expected);
    let decision = read(&stage, "decisions/BH-2026-11873.md");
    assert!(decision.contains("| BH-2214 | Toner cartridge black, high yield | 708.00 | 708.00 |  |"), "{decision}");
    assert!(!stage.path().join("decisions/BH-2026-11873-letter.md").exists(), "there is nothing to write about");
}

#[test]
fn a_small_difference_is_taken_off_with_a_letter() {
    let stage = staged_and_remembered("invoice_checking");
    // 6 cartridges at the price of the order and 11 pads of 12: 1,980.30 euros net.
    let expected = json!({
        "invoice": "BH-2026-11874", "decision": "paid in part", "billed_cents": 237_893, "payable_cents": 235_656
    });
    assert_eq!(result(&stage, &SMALL), expected);
    let letter = read(&stage, "decisions/BH-2026-11874-letter.md");
    for part in [
        "is billed at 119.50 euros instead of 118.00 euros [D1].",
        "12 are billed and 11 were delivered [D2].",
        "framework-agreement-brindle-hart.md:",
        "“Differences of up to 1 % of the net amount that is owed",
    ] {
        assert!(letter.contains(part), "no `{part}`:\n{letter}");
    }
}

#[test]
fn an_invoice_that_is_wrong_is_refused_with_all_its_faults() {
    let stage = staged_and_remembered("invoice_checking");
    let expected =
        json!({ "invoice": "BH-2026-11875", "decision": "refused", "billed_cents": 258_010, "payable_cents": 0 });
    assert_eq!(result(&stage, &["-i", WRONG]), expected);
    let decision = read(&stage, "decisions/BH-2026-11875.md");
    let letter = read(&stage, "decisions/BH-2026-11875-letter.md");
    for fault in [
        "BH-9001 (Express surcharge) is not in the order",
        "is billed at 138.00 euros instead of 118.00 euros",
        "The value added tax is 425.00 euros; 19 % of the net total are 409.47 euros",
    ] {
        assert!(decision.contains(fault), "no `{fault}`:\n{decision}");
        assert!(letter.contains(fault), "no `{fault}`:\n{letter}");
    }
}

#[test]
fn the_decision_does_not_hang_on_the_letter() {
    let stage = staged("invoice_checking");
    assert_eq!(result(&stage, &["-i", WRONG])["decision"], "refused", "nothing is remembered to cite");
    assert!(!stage.path().join("decisions/BH-2026-11875-letter.md").exists());
    assert!(read(&stage, "decisions/BH-2026-11875.md").starts_with("# Invoice BH-2026-11875: refused\n"));
}

#[test]
fn more_than_the_limit_is_released_by_a_person_or_not_at_all() {
    let stage = staged("invoice_checking");
    let arguments = ["run", FILE, "-i", "limit_eur=2000"];
    let run = parked(&stage, &arguments);
    assert_eq!(asked(&run), ["release"]);
    assert!(run["questions"][0]["ask"].as_str().unwrap().contains("owed 2368.22 euros"), "{run:#}");
    assert!(!stage.path().join("decisions").exists());
    let released = stage.json(&["answer", "last", "release", "approved"]);
    assert_eq!(released["result"]["decision"], "paid");

    parked(&stage, &arguments);
    let held = stage.json(&["answer", "last", "release", "rejected", "--form", "reason=The pads are too small."]);
    assert_eq!((&held["result"]["decision"], &held["result"]["payable_cents"]), (&json!("held"), &json!(0)));
    assert!(read(&stage, "decisions/BH-2026-11873.md").contains("Reason: The pads are too small."));
}

#[test]
fn what_cannot_be_read_is_set_aside() {
    let stage = staged("invoice_checking").with("letter.txt", "Dear customer,\n\nour offices move.\n");
    assert_eq!(result(&stage, &["-i", "invoice=letter.txt"])["decision"], "not checked");
    assert!(read(&stage, "decisions/not-checked.md").starts_with("# Not checked: letter.txt\n"));
    assert_eq!(result(&stage, &["-i", "delivery=nowhere.csv"])["decision"], "not checked");
    assert!(read(&stage, "decisions/not-checked.md").contains("there is no file `nowhere.csv`"));
}
