//! What a terminal shows of a run while it goes on: one line a step. In a pipe the same, as plain lines.

use std::io;
use std::time::Duration;

use indexmap::IndexMap;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

use super::output::Output;
use super::progress::{Change, Progress};
use crate::memory::Memory;

/// How often a line that is being worked on is redrawn.
const TICK: Duration = Duration::from_millis(100);

/// Lines that are redrawn at once at most; more steps than that are not looked at by anybody.
const MOST_LINES: usize = 20;

/// The part of the terminal that is redrawn. It draws nothing unless a person is looking.
#[derive(Clone, Debug)]
pub(super) struct Screen {
    lines: MultiProgress,
}

impl Screen {
    pub(super) fn new(is_live: bool) -> Self {
        let target = if is_live { ProgressDrawTarget::stdout() } else { ProgressDrawTarget::hidden() };
        Self { lines: MultiProgress::with_draw_target(target) }
    }

    /// Where the log goes, so that it does not run into what is redrawn.
    pub(super) fn log_writer(&self) -> LogWriter {
        LogWriter(self.clone())
    }

    /// Shows something that goes on, until the returned line is dropped.
    pub(super) fn busy(&self, message: String) -> Busy {
        let style = ProgressStyle::with_template("  {spinner} {msg} {elapsed:.dim}");
        let bar = self.lines.add(ProgressBar::new_spinner());
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_message(message);
        bar.enable_steady_tick(TICK);
        Busy(bar)
    }

    /// Shows how far something is, until the returned bar is dropped.
    pub(super) fn bar(&self) -> Bar {
        Bar(self.lines.add(ProgressBar::no_length()))
    }

    /// Takes away what is redrawn.
    pub(super) fn clear(&self) {
        // A terminal that is gone shows nothing anyway.
        let _ = self.lines.clear();
    }

    /// Does something that writes to the terminal.
    fn around<T>(&self, write: impl FnOnce() -> T) -> T {
        self.lines.suspend(write)
    }
}

/// Something that goes on; the line goes away with this.
#[derive(Debug)]
pub(super) struct Busy(ProgressBar);

impl Busy {
    /// Says how far the memory's index is, for as long as anything is done with it.
    pub(super) fn following(self, memory: &Memory) -> Self {
        let (mut work, bar, usual) = (memory.work(), self.0.downgrade(), self.0.message());
        tokio::spawn(async move {
            while work.changed().await.is_ok() {
                let Some(bar) = bar.upgrade() else { break };
                let doing = *work.borrow_and_update();
                bar.set_message(doing.map_or_else(|| usual.clone(), |work| work.to_string()));
            }
        });
        self
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// How far something is; the bar goes away with this.
#[derive(Debug)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// It does this, and is so many bytes far, of so many, if that is known.
    pub(super) fn show(&self, message: String, bytes: Option<(u64, u64)>) {
        let template =
            if bytes.is_some() { "  {msg} {wide_bar} {bytes} of {total_bytes}, {eta}" } else { "  {spinner} {msg}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style);
        }
        if let Some((done, of)) = bytes {
            self.0.set_length(of);
            self.0.set_position(done);
        }
        self.0.set_message(message);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Writes the log to standard error, above what is redrawn.
#[derive(Clone, Debug)]
pub(super) struct LogWriter(Screen);

impl io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.around(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'w> MakeWriter<'w> for LogWriter {
    type Writer = Self;
    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// A run as it goes on.
pub(super) struct LiveRun<'c> {
    screen: &'c Screen,
    output: &'c Output,
    busy: IndexMap<String, Busy>,
}

/// The width of the column of step ids.
const ID_WIDTH: usize = 16;

impl<'c> LiveRun<'c> {
    pub(super) fn new(screen: &'c Screen, output: &'c Output) -> Self {
        Self { screen, output, busy: IndexMap::new() }
    }

    /// Shows what an event changed.
    pub(super) fn show(&mut self, change: Option<Change>, progress: &Progress) {
        match change {
            Some(Change::Began(id)) if self.output.is_live() && self.busy.len() < MOST_LINES => {
                let busy = self.screen.busy(format!("{id:<ID_WIDTH$}"));
                self.busy.insert(id, busy);
            }
            Some(Change::Began(_)) | None => {}
            Some(Change::Ended(id)) => {
                self.busy.shift_remove(&id);
                if let Some(step) = progress.step(&id) {
                    self.line(&step.line(ID_WIDTH));
                }
            }
            Some(Change::Said(text)) => self.line(&format!("  {text}")),
        }
        for (id, busy) in &self.busy {
            if let Some(step) = progress.step(id) {
                busy.0.set_message(
                    format!("{id:<ID_WIDTH$}  {}  {}", step.standing(), step.details()).trim_end().to_owned(),
                );
            }
        }
    }

    fn line(&self, line: &str) {
        self.screen.around(|| self.output.line(line));
    }
}
