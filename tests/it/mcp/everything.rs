//! The reference everything server, over standard input and output and over streamable HTTP.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::Duration;

use super::*;

const SERVER: &str = "@modelcontextprotocol/server-everything/dist/index.js";

const WORKFLOW: &str = "\
name: everything
description: Calls what the everything server has.
steps:
  - id: echo
    input: { message: \"good evening\" }
    process: { tool: all.echo }
  - id: sum
    input: { a: 19, b: 23 }
    process: { tool: all.get_sum }
  - id: weather
    input: { location: Chicago }
    process: { tool: all.get_structured_content }
  - id: image
    process: { tool: all.get_tiny_image }
  - id: links
    input: { count: 2 }
    process: { tool: all.get_resource_links }
  - id: reference
    input: { resourceType: Text, resourceId: 1 }
    process: { tool: all.get_resource_reference }
result:
  echo: \"{{ steps.echo.output.text }}\"
  sum: \"{{ steps.sum.output.text }}\"
  weather: \"{{ steps.weather.output }}\"
  image: \"{{ steps.image.output }}\"
  links: \"{{ steps.links.output.links }}\"
  reference: \"{{ steps.reference.output.resources }}\"
";

fn check(stage: &Stage) {
    stage.write("everything.yaml", WORKFLOW);
    let result = result_of(stage, "everything.yaml");
    assert_eq!(result["echo"], "Echo: good evening");
    assert_eq!(result["sum"], "The sum of 19 and 23 is 42.");
    assert!(result["weather"]["temperature"].is_number(), "{result:#}");
    assert_eq!(result["links"].as_array().unwrap().len(), 2);
    assert!(result["reference"][0]["uri"].is_string(), "{result:#}");
    let image = &result["image"]["files"][0];
    assert_eq!(image["mime"], "image/png");
    let bytes = std::fs::read(stage.path().join(image["path"].as_str().unwrap())).unwrap();
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n") && image["bytes"] == bytes.len(), "{image}");
}

#[test]
fn over_standard_input_and_output() {
    let stage = Stage::new().with("callboard.toml", node_server("all", SERVER, &["stdio"], "tools = [\"*\"]"));
    check(&stage);
}

/// The server over HTTP, which is killed at the end.
struct Server(Child);

impl Server {
    fn start(port: u16) -> Self {
        let script = installed(SERVER);
        let mut command = Command::new("node");
        command.arg(script).arg("streamableHttp").env("PORT", port.to_string());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        // Whoever reads no more would have it end by writing on.
        let (listening, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if line.contains("listening on port") {
                    let _ = listening.send(());
                }
            }
        });
        heard.recv_timeout(Duration::from_secs(30)).expect("the server does not listen");
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn configured(port: u16) -> String {
    format!("[mcp.all]\nurl = \"http://localhost:{port}/mcp\"\ntools = [\"*\"]\n")
}

#[test]
fn over_streamable_http() {
    let port = free_port();
    let _server = Server::start(port);
    let stage = Stage::new().with("callboard.toml", configured(port));
    check(&stage);
}

#[test]
fn a_session_that_the_server_lost_is_made_anew() {
    let port = free_port();
    let server = Server::start(port);
    let steps = "\
name: twice
description: Calls before and after the server was started anew.
steps:
  - id: before
    input: { message: before }
    process: { tool: all.echo }
  - id: wait
    process: { wait: { event: restarted } }
  - id: after
    input: { message: after }
    process: { tool: all.echo }
    retry: { max_attempts: 5, initial: 200ms }
result: \"{{ steps.after.output.text }}\"
";
    let stage = Stage::new().with("callboard.toml", configured(port)).with("twice.yaml", steps);
    let mut owner = stage.start(&["run", "twice.yaml"]);
    owner.line("wait waits for signal restarted");
    drop(server);
    let _server = Server::start(port);
    stage.done(&["signal", "last", "restarted"]);
    let ended = owner.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.ends_with("Echo: after\n"), "{ended:#?}");
}
