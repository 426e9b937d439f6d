//! What is typed, or comes through a pipe.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::process::{Command, Stdio};

use console::{Key, Term};
use tokio::sync::mpsc;

/// The longest line that is read, in bytes: what is longer is cut, and refused when it is said.
const LONGEST_LINE: u64 = 128 * 1024;

/// Something that came from whoever uses the program.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Heard {
    /// A line.
    Line(String),
    /// A key, on a terminal.
    Key(Key),
    /// There is no more.
    End,
}

/// Where lines or keys come from. Nothing is read ahead of what is asked for.
pub(super) struct Input {
    wanted: std::sync::mpsc::Sender<()>,
    heard: mpsc::Receiver<Heard>,
    is_asked: bool,
    is_terminal: bool,
    _mode: Option<Mode>,
}

/// How the terminal was set, to which it is set back: a key is read in a mode of its own, and the program may end meanwhile.
struct Mode(String);

impl Input {
    /// Standard input: keys if it is a terminal and so is standard output, else lines.
    pub(super) fn new(is_live: bool) -> Self {
        let is_terminal = is_live && std::io::stdin().is_terminal();
        let (wanted, wants) = std::sync::mpsc::channel::<()>();
        let (sender, heard) = mpsc::channel(1);
        std::thread::spawn(move || {
            let term = Term::stdout();
            while wants.recv().is_ok() {
                let heard = if is_terminal { key(&term) } else { line() };
                let is_end = heard == Heard::End;
                if sender.blocking_send(heard).is_err() || is_end {
                    break;
                }
            }
        });
        Self { wanted, heard, is_asked: false, is_terminal, _mode: is_terminal.then(Mode::now).flatten() }
    }

    /// Whether keys are read.
    pub(super) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// The next line or key. May be dropped and asked for again without losing anything.
    pub(super) async fn next(&mut self) -> Heard {
        if !self.is_asked {
            self.is_asked = self.wanted.send(()).is_ok();
        }
        let heard = self.heard.recv().await;
        self.is_asked = false;
        heard.unwrap_or(Heard::End)
    }
}

fn key(term: &Term) -> Heard {
    match term.read_key_raw() {
        Ok(key) => Heard::Key(key),
        Err(_) => Heard::End,
    }
}

fn line() -> Heard {
    let mut bytes = Vec::new();
    let mut stdin = std::io::stdin().lock();
    match stdin.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes) {
        Ok(0) | Err(_) => Heard::End,
        Ok(_) => Heard::Line(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned()),
    }
}

impl Mode {
    fn now() -> Option<Self> {
        let told = Command::new("stty").arg("-g").stdin(Stdio::inherit()).stderr(Stdio::null()).output().ok()?;
        let mode = String::from_utf8(told.stdout).ok()?.trim().to_owned();
        (told.status.success() && !mode.is_empty()).then_some(Self(mode))
    }
}

impl Drop for Mode {
    fn drop(&mut self) {
        // A terminal that is gone needs no mode.
        let _ = Command::new("stty").arg(&self.0).stdin(Stdio::inherit()).stderr(Stdio::null()).status();
    }
}
