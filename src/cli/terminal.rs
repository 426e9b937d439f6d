//! The terminal while keys are read from it. Its mode is set once, and set back whatever ends the program but a kill.

use std::io;
use std::sync::{Mutex, PoisonError};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// How the terminal was set before keys were read.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// For as long as this lives, what is typed comes key by key and is not echoed.
#[derive(Debug)]
pub(super) struct Keys(());

impl Keys {
    /// Sets the terminal of standard input.
    pub(super) fn read() -> io::Result<Self> {
        let stdin = rustix::stdio::stdin();
        let before = tcgetattr(stdin)?;
        let mut keys = before.clone();
        keys.make_raw();
        // Lines end as they did: what is shown is shown line by line.
        keys.output_modes = before.output_modes;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        tcsetattr(stdin, OptionalActions::Now, &keys)?;
        Ok(Self(()))
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        set_back();
    }
}

/// Sets the terminal back to how it was. Whoever ends the process without unwinding calls this first.
pub(super) fn set_back() {
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // A terminal that is gone needs no mode.
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &before);
    }
}
