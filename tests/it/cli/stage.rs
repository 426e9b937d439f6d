//! A folder of its own in which the program is run.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// What no command here takes as long as.
const PATIENCE: Duration = Duration::from_mins(1);

/// A folder of its own, with the data folder in it.
pub(crate) struct Stage {
    folder: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    folder: PathBuf,
}

/// A command that goes on. It is killed if it has not ended by the end of the test.
pub(crate) struct Going {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// What was read of its standard output so far.
    read: String,
    folder: PathBuf,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The same with a file.
    pub(crate) fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(name, content);
        self
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The program, in this folder, with nothing of this process' own environment that it would heed.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callboard"));
        command.args(arguments).current_dir(self.path()).env("USER", "ada").stdin(Stdio::null());
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("CALLBOARD_") {
                command.env_remove(variable);
            }
        }
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end()
    }

    /// Runs a command that must end well.
    pub(crate) fn done(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:#?}");
        ended
    }

    /// Runs a command that must end well, and reads its standard output as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.done(&[arguments, &["--format", "json"]].concat());
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {ended:#?}"))
    }

    /// How a command ended that was made and run by hand.
    pub(crate) fn ended(&self, output: &std::process::Output) -> Ended {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        Ended { code: output.status.code(), stdout, stderr, folder: self.path().to_owned() }
    }

    /// Begins a command.
    pub(crate) fn start(&self, arguments: &[&str]) -> Going {
        self.go_on(&mut self.command(arguments))
    }

    /// Begins a command that was made by hand.
    pub(crate) fn go_on(&self, command: &mut Command) -> Going {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Going { child, stdout, read: String::new(), folder: self.path().to_owned() }
    }
}

impl Going {
    /// Reads standard output up to a line that contains `text`.
    pub(crate) fn line(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            let length = self.stdout.read_line(&mut line).unwrap();
            assert!(length > 0, "the output ended without a line that contains `{text}`: {}", self.read);
            self.read.push_str(&line);
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Sends the process a signal: `INT`, `KILL`.
    pub(crate) fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let mut errors = self.child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).unwrap();
            text
        });
        let (pid, (ended, watch)) = (self.child.id(), std::sync::mpsc::channel::<()>());
        let watchdog = std::thread::spawn(move || {
            if watch.recv_timeout(PATIENCE).is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout) {
                // Its end makes the reads below return, and the test fail by its code.
                let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
            }
        });
        let mut stdout = std::mem::take(&mut self.read);
        self.stdout.read_to_string(&mut stdout).unwrap();
        let code = self.child.wait().unwrap().code();
        drop(ended);
        watchdog.join().unwrap();
        Ended { code, stdout, stderr: errors.join().unwrap(), folder: self.folder.clone() }
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Exit code, standard output and standard error, with all that is different every time replaced.
    pub(crate) fn shown(&self) -> String {
        let mut text = self.stdout.clone();
        if !self.stderr.is_empty() {
            text.push_str("--- stderr\n");
            text.push_str(&self.stderr);
        }
        let code = self.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        let lines: String =
            steady(&text, &self.folder).lines().fold(String::new(), |lines, line| lines + line.trim_end() + "\n");
        format!("{lines}--- exit {code}\n")
    }

    /// The error that standard error holds as JSON.
    pub(crate) fn error(&self) -> Value {
        let document: Value = serde_json::from_str(&self.stderr).unwrap_or_else(|error| panic!("{error}: {self:#?}"));
        document["error"].clone()
    }

    /// The run's id that the output begins with.
    pub(crate) fn run_id(&self) -> String {
        run_id(&self.stdout)
    }
}

/// The id in `run ID of NAME`.
pub(crate) fn run_id(line: &str) -> String {
    line.split_whitespace().nth(1).unwrap().to_owned()
}

/// The text with what is different every time replaced: the folder by `DIR`, ids of runs by `RUN`, hashes by `HASH`,
/// times by `TIME`, time spans by `SPAN`.
fn steady(text: &str, folder: &Path) -> String {
    let text = text.replace(&fs::canonicalize(folder).unwrap().display().to_string(), "DIR");
    let text = text.replace(&folder.display().to_string(), "DIR");
    let mut steady = String::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let word = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-:.".contains(c))).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word.max(first));
        if is_shaped(word, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") {
            steady.push_str("RUN");
        } else if is_shaped(word, "dddd-dd-ddTdd:dd:dd.dddZ") {
            steady.push_str("TIME");
        } else if word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            steady.push_str("HASH");
        } else if let Some(after) = span_unit(word, after) {
            // Padding before a span depends on how long it is.
            let kept = steady.trim_end_matches(' ').len();
            steady.truncate(kept);
            steady.push_str(" SPAN");
            rest = after;
            continue;
        } else {
            steady.push_str(word);
        }
        rest = after;
    }
    steady
}

/// What follows the unit, if a number with a unit of time begins here.
fn span_unit<'a>(word: &str, after: &'a str) -> Option<&'a str> {
    let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let after = after.strip_prefix(" ms").or_else(|| after.strip_prefix(" s"))?;
    (is_number && !after.starts_with(|c: char| c.is_alphanumeric())).then_some(after)
}

fn is_shaped(word: &str, shape: &str) -> bool {
    word.len() == shape.len()
        && word.chars().zip(shape.chars()).all(|(c, s)| match s {
            'x' => c.is_ascii_hexdigit(),
            'd' => c.is_ascii_digit(),
            s => c == s,
        })
}

pub(crate) const HELLO: &str = "\
name: hello
description: Greets somebody as often as wanted.
inputs:
  who: { type: string, default: world }
  times: { type: integer, default: 2, minimum: 1 }
steps:
  - id: greet
    process: { transform: \"Hello, {{ inputs.who }}!\" }
  - id: often
    process:
      for_each:
        items: \"{{ range(inputs.times) }}\"
        as: time
        steps: [{ id: say, process: { transform: \"{{ steps.greet.output }}\" } }]
";

pub(crate) const ASK: &str = "\
name: ask
description: Asks before it goes on.
steps:
  - id: go_on
    process:
      human:
        ask: Go on?
        form: { type: object, properties: { words: { type: integer }, comment: { type: string } } }
  - id: done
    process: { transform: \"{{ steps.go_on.output }}\" }
";

pub(crate) const WAITS: &str = "\
name: waits
description: Waits for a signal.
steps:
  - id: payment
    process: { wait: { event: paid } }
  - id: thanks
    process: { transform: \"Thanks for {{ steps.payment.output.amount }}\" }
";

pub(crate) const READS: &str = "\
name: reads
description: Reads a file.
steps:
  - id: before
    process: { transform: kept }
  - id: read
    input: { path: note.txt }
    process: { tool: files.read }
  - id: after
    process: { transform: \"{{ steps.before.output }}\" }
";
