//! MCP servers as a user has them: in a configuration file, called by workflows, through the program.

mod browser;
mod everything;
mod filesystem;
mod trouble;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::cli::stage::Stage;

/// The file of a package that tests/peers/install installed.
fn installed(file: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"));
    let path = target.join("peers/node_modules").join(file);
    assert!(path.is_file(), "{} is not there; tests/peers/install installs it", path.display());
    path
}

/// A configuration with a server that node runs.
fn node_server(name: &str, file: &str, arguments: &[&str], more: &str) -> String {
    let script = installed(file).display().to_string();
    let command: Vec<&str> = ["node", &script].into_iter().chain(arguments.iter().copied()).collect();
    format!("[mcp.{name}]\ncommand = {command:?}\n{more}\n")
}

/// Begins a run of a workflow file, which must complete, and returns its result.
fn result_of(stage: &Stage, file: &str) -> Value {
    let run = stage.json(&["run", file]);
    assert_eq!(run["status"], "completed", "{run:#}");
    run["result"].clone()
}

/// The processes whose command line holds `text`.
fn processes(text: &str) -> Vec<String> {
    let found = Command::new("pgrep").args(["-f", "--", text]).output().unwrap();
    String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect()
}
