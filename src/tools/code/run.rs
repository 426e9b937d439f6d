//! `code.run`: what JavaScript makes of an input.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use super::CODE_WORKER;
use super::exchange::{Failed, Limits, Outcome, Reply, Request, Why};
use crate::run::Permit;
use crate::tools::{Caller, Origin, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// How long code may take unless told otherwise.
const DEFAULT_TIME: Duration = Duration::from_secs(10);
/// How much memory code may take unless told otherwise, in bytes.
const DEFAULT_MEMORY: usize = 64 * 1024 * 1024;
/// The longest code, in bytes.
const LONGEST_CODE: usize = 256 * 1024;
/// The longest input and the longest value, as JSON, in bytes.
const LONGEST_VALUE: usize = 4 * 1024 * 1024;
/// How long a worker takes at most beside the code: to start, to read its request, to write its reply.
const AROUND: Duration = Duration::from_secs(10);
/// How long a call waits for others to end.
const QUEUE: Duration = Duration::from_mins(2);

/// `code.run`: what JavaScript makes of an input, in a process of its own that can do nothing else.
#[derive(Clone, Debug)]
pub struct CodeRun {
    program: PathBuf,
    limits: Limits,
    running: Arc<Semaphore>,
}

#[derive(Deserialize)]
struct Arguments {
    code: String,
    #[serde(default)]
    input: Value,
}

impl CodeRun {
    /// Evaluates code in processes of `program`, which is this program: it answers the command [`CODE_WORKER`] with
    /// [`code_worker`](super::code_worker).
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let limits = Limits { time: DEFAULT_TIME, memory: DEFAULT_MEMORY, output: LONGEST_VALUE };
        // Code computes: more at once than there are cores would only take each other's time.
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { program: program.into(), limits, running: Arc::new(Semaphore::new(cores.max(2))) }
    }

    /// Lets code take this long.
    #[must_use]
    pub fn with_timeout(mut self, time: Duration) -> Self {
        self.limits.time = time;
        self
    }

    /// Lets code take this much memory, in bytes.
    #[must_use]
    pub fn with_memory(mut self, bytes: usize) -> Self {
        self.limits.memory = bytes;
        self
    }

    async fn evaluate(&self, code: String, input: Value) -> Result<Value, ToolError> {
        let request = Request { code, input, limits: self.limits };
        let mut line = serde_json::to_vec(&request).map_err(|error| no_worker(&error.to_string()))?;
        line.push(b'\n');
        let most = LONGEST_VALUE + LONGEST_CODE;
        if line.len() > most {
            let length = line.len();
            let message = format!("code and input are {length} bytes, more than the limit of {most}; hand over less");
            return Err(ToolError::give_up("too_large", message));
        }
        let _turn = tokio::time::timeout(QUEUE, self.running.acquire()).await.map_err(|_| {
            ToolError::retry("busy", format!("other code was still running after {QUEUE:?}; try again later"))
        })?;
        let folder = tempfile::tempdir().map_err(|error| no_worker(&error.to_string()))?;
        let mut worker = Worker::start(&self.program, folder.path())?;
        let answered = tokio::time::timeout(self.limits.time + AROUND, worker.ask(&line)).await;
        let answer = answered.unwrap_or_else(|_| {
            let time = self.limits.time;
            Err(ToolError::give_up("out_of_time", format!("the code had not ended after {time:?} and was stopped")))
        })?;
        let reply: Reply = serde_json::from_slice(&answer).map_err(|_| {
            let message = "the process that ran the code ended without a reply; it used up what it may, or broke off";
            ToolError::give_up("code_died", message)
        })?;
        match reply.outcome {
            Outcome::Value(value) => Ok(json!({ "value": value, "log": reply.log })),
            Outcome::Failed(failed) => Err(told(&failed, &reply.log)),
        }
    }
}

/// A worker; it is gone when this is.
struct Worker {
    child: Child,
}

impl Worker {
    fn start(program: &std::path::Path, folder: &std::path::Path) -> Result<Self, ToolError> {
        let child = Command::new(program)
            .arg(CODE_WORKER)
            .env_clear()
            // Else the C library would look for the machine's own zone in a file.
            .env("TZ", "UTC0")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C at the terminal is for us, who decide what becomes of the code.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| no_worker(&format!("{}: {error}", program.display())))?;
        Ok(Self { child })
    }

    /// Sends the request and reads the reply. Standard input stays open until then: a worker ends when it closes.
    async fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>, ToolError> {
        let (Some(mut input), Some(output)) = (self.child.stdin.take(), self.child.stdout.take()) else {
            return Err(no_worker("it has no pipes"));
        };
        // A worker that is gone already is noticed where its reply is read.
        drop(input.write_all(request).await);
        let mut answer = Vec::new();
        // A value, a log and a little: a worker of ours never says more.
        let most = 2 * LONGEST_VALUE as u64;
        output.take(most).read_to_end(&mut answer).await.map_err(|error| no_worker(&error.to_string()))?;
        drop(input);
        // It has closed its output, and so it ends; if it does not, it is killed when this is dropped.
        drop(self.child.wait().await);
        Ok(answer)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let group = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(group) = group {
            // It has none below it, and can make none; should it all the same, they go, too.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

fn no_worker(reason: &str) -> ToolError {
    ToolError::retry("no_worker", format!("no process could be started to run the code ({reason})"))
}

/// How a failure is told: where, what, and what the code said before.
fn told(failed: &Failed, log: &[String]) -> ToolError {
    let code = match failed.why {
        Why::Syntax => "bad_code",
        Why::Threw => "code_failed",
        Why::Time => "out_of_time",
        Why::Memory => "out_of_memory",
        Why::Output => "bad_output",
        Why::Worker => return no_worker(&failed.message),
    };
    let place = failed.line.map(|line| format!(" in line {line}")).unwrap_or_default();
    let what = match failed.why {
        Why::Syntax => "the code cannot be read",
        Why::Memory => "the code used up its memory",
        _ => "the code failed",
    };
    let logged = log.last().map(|last| {
        let last: String = last.chars().take(200).collect();
        format!("; the last that it logged: {last}")
    });
    ToolError::give_up(code, format!("{what}{place}: {}{}", failed.message, logged.unwrap_or_default()))
}

#[async_trait]
impl Tool for CodeRun {
    fn name(&self) -> &'static str {
        "code.run"
    }

    fn description(&self) -> &'static str {
        "Runs JavaScript on an input and returns its value and what it logged. It has the language and nothing else: no \
         files, network, modules, timers, clock or random numbers."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "code": {
                    "type": "string", "minLength": 1, "maxLength": LONGEST_CODE,
                    "description": "An expression such as `input.rows.length`, or statements that end with `return …`. \
                        `input` is the input; `await` may be used. The value must be JSON"
                },
                "input": { "description": "Any JSON value; the code sees it as `input`" }
            },
            "required": ["code"],
            "additionalProperties": false
        })
    }

    fn output(&self) -> Option<Value> {
        Some(json!({
            "type": "object",
            "properties": {
                "value": { "description": "What the code returned; null if it returned nothing" },
                "log": { "type": "array", "items": { "type": "string" }, "description": "What it wrote with console.log" }
            },
            "required": ["value", "log"],
            "additionalProperties": false
        }))
    }

    fn worst(&self) -> Effect {
        Effect::Pure
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        CallEffect::of(Effect::Pure)
    }

    fn timeout(&self) -> Duration {
        QUEUE + self.limits.time + 2 * AROUND
    }

    /// What goes in comes out.
    fn origin(&self) -> Origin {
        Origin::Untrusted
    }

    async fn call(&self, arguments: Value, _permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let Arguments { code, input } = crate::tools::arguments(arguments)?;
        self.evaluate(code, input).await
    }
}
