//! What is typed, or comes through a pipe.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use console::{Key, Term};
use tokio::sync::mpsc;

use crate::cli::terminal::Keys;

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
    /// Held for as long as keys are wanted.
    _keys: Option<Keys>,
}

impl Input {
    /// Standard input: keys if it is a terminal and so is standard output, else lines.
    pub(super) fn new(is_live: bool) -> Self {
        let is_terminal = is_live && std::io::stdin().is_terminal();
        let keys = if is_terminal { Keys::read().ok() } else { None };
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
        Self { wanted, heard, is_asked: false, is_terminal, _keys: keys }
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
