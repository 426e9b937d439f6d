//! The Playwright server, which drives a browser.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;

const SERVER: &str = "@playwright/mcp/cli.js";

const PAGE: &str = "\
<!doctype html><html><head><title>Orders</title><link rel=icon href=data:,></head><body><h1>Orders</h1>
<form onsubmit=\"event.preventDefault(); show()\">
<label for=customer>Customer</label> <input id=customer> <label for=amount>Amount</label> <input id=amount>
<button>Order</button></form><table id=orders></table>
<script>
function show() {
  const row = (...cells) => '<tr>' + cells.map(cell => `<td>${cell}</td>`).join('') + '</tr>';
  const value = id => document.getElementById(id).value;
  orders.innerHTML = row('Customer', 'Amount') + row(value('customer'), value('amount')) + row('Grace', '7');
}
</script></body></html>";

const WORKFLOW: &str = "\
name: order
description: Orders something on a page, and reads what was ordered.
inputs:
  url: { type: string }
steps:
  - id: nothing
    process: { tool: web.browser_take_screenshot }
  - id: open
    input: { url: \"{{ inputs.url }}\" }
    process: { tool: web.browser_navigate }
  - id: fill
    input:
      fields:
        - { element: Customer, target: \"#customer\", type: textbox, name: Customer, value: Ada }
        - { element: Amount, target: \"#amount\", type: textbox, name: Amount, value: \"12\" }
    process: { tool: web.browser_fill_form }
  - id: order
    input: { element: Order, target: button }
    process: { tool: web.browser_click }
  - id: table
    input:
      function: \"() => [...document.querySelectorAll('tr')].map(row => [...row.cells].map(cell => cell.textContent))\"
    process: { tool: web.browser_evaluate }
  - id: shot
    process: { tool: web.browser_take_screenshot }
result:
  table: \"{{ steps.table.output.text }}\"
  nothing: \"{{ steps.nothing.output.files[0] }}\"
  shot: \"{{ steps.shot.output.files[0] }}\"
";

/// The browser, without what asks home and what slows it down.
const CONFIGURATION: &str = r#"{ "browser": { "launchOptions": { "args": [
    "--disable-background-networking", "--disable-component-update", "--disable-sync"
] } } }"#;

/// Serves the page for as long as the test lasts.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let head =
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\nContent-Length";
            let _ = write!(stream, "{head}: {}\r\n\r\n{PAGE}", PAGE.len());
        }
    });
    url
}

fn chromium() -> String {
    let path = std::env::var("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|folder| folder.join("chromium")).find(|program| program.is_file());
    found.expect("there is no chromium; tests/peers/install installs it").display().to_string()
}

/// The bytes of a screenshot, and how wide and high it is.
fn picture(stage: &Stage, file: &Value) -> (Vec<u8>, [u32; 2]) {
    assert_eq!(file["mime"], "image/png", "{file}");
    let bytes = std::fs::read(stage.path().join(file["path"].as_str().unwrap())).unwrap();
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes[12..16] == *b"IHDR", "{file}");
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let size = [number(16), number(20)];
    (bytes, size)
}

#[test]
fn a_browser_fills_a_form_reads_a_table_and_takes_a_picture() {
    let browser = chromium();
    let options = [
        "--executable-path",
        &browser,
        "--headless",
        "--no-sandbox",
        "--isolated",
        "--config",
        "browser.json",
        "--codegen",
        "none",
        "--output-dir",
        "browser",
        "--viewport-size",
        "640x480",
    ];
    let server = node_server("web", SERVER, &options, "tools = [\"browser_*\"]\ntimeout = \"1m\"");
    let stage = Stage::new().with("callboard.toml", server).with("browser.json", CONFIGURATION);
    stage.write("order.yaml", WORKFLOW);
    let run = stage.json(&["run", "order.yaml", "--input", &format!("url={}", serve())]);
    assert_eq!(run["status"], "completed", "{run:#}");
    let result = &run["result"];
    let table = result["table"].as_str().unwrap();
    let table: Value = serde_json::from_str(table.trim_start_matches("### Result\n")).unwrap();
    assert_eq!(table, serde_json::json!([["Customer", "Amount"], ["Ada", "12"], ["Grace", "7"]]));
    let ((nothing, _), (shot, size)) = (picture(&stage, &result["nothing"]), picture(&stage, &result["shot"]));
    assert_eq!(size, [640, 480]);
    assert!(shot.len() > nothing.len() + 1_000, "{} bytes of nothing, {} of a page", nothing.len(), shot.len());
    assert_eq!(processes(stage.path().to_str().unwrap()), Vec::<String>::new(), "the browser ended with the program");
}
