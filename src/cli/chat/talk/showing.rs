//! What happens in a conversation, as a person sees it; as JSON lines, for programs.

use std::io::IsTerminal as _;

use indexmap::IndexSet;

use super::prompt::Prompt;
use crate::chat::event::{Doing, Event, Link, Offered, Recorded, TurnEnd};
use crate::chat::state::{Author, Message, State};
use crate::cli::Format;
use crate::cli::chat::diff::{Paint, diff};
use crate::cli::chat::markdown::{render, settled};
use crate::cli::output::{Output, clipped};
use crate::run::RunId;
use crate::workflow::{StepId, yaml};

/// How many links are shown below a reply.
const MOST_LINKS: usize = 4;

/// How much of what goes on is shown beside the prompt.
const DOING_WIDTH: usize = 48;

/// What is shown.
pub(super) struct Showing<'o> {
    output: &'o Output,
    paint: Paint,
    /// What the model has said in this turn.
    streamed: String,
    /// How much of it is shown.
    shown: usize,
    doing: String,
    /// The steps of runs that go on.
    working: IndexSet<(RunId, StepId)>,
    prompt: Prompt,
}

impl<'o> Showing<'o> {
    pub(super) fn new(output: &'o Output) -> Self {
        let has_colours = output.is_live() && std::env::var_os("NO_COLOR").is_none() && std::io::stdout().is_terminal();
        let paint = if has_colours { Paint::Ansi } else { Paint::Plain };
        let doing = "thinking".to_owned();
        Self {
            output,
            paint,
            streamed: String::new(),
            shown: 0,
            doing,
            working: IndexSet::new(),
            prompt: Prompt::default(),
        }
    }

    /// What goes on, in a few words.
    pub(super) fn doing(&self) -> String {
        if self.working.is_empty() {
            return self.doing.clone();
        }
        let steps: Vec<&str> = self.working.iter().map(|(_, step)| step.as_str()).collect();
        clipped(&format!("at work: {}", steps.join(", ")), DOING_WIDTH)
    }

    /// Shows where something can be typed, and what was typed so far.
    pub(super) fn prompt(&mut self, mark: &str, typed: &str) {
        let paint = self.paint;
        if let Some(drawn) = self.prompt.draw(mark, typed, columns(), |mark| paint.styled("2", mark)) {
            self.output.raw(&drawn);
        }
    }

    /// Takes the prompt away.
    pub(super) fn clear_prompt(&mut self) {
        if let Some(cleared) = self.prompt.clear(columns()) {
            self.output.raw(&cleared);
        }
    }

    /// The terminal has another size: what stands in its last line is drawn anew.
    pub(super) fn resized(&mut self) {
        self.clear_prompt();
    }

    /// What was typed stays, as a line of its own.
    pub(super) fn typed(&mut self, line: &str) {
        self.clear_prompt();
        self.output.styled(&self.paint.styled("1", &format!("› {}", line.trim())));
    }

    /// Shows a text of the program.
    pub(super) fn line(&mut self, text: &str) {
        if self.output.format() == Format::Text {
            self.clear_prompt();
            self.output.line(text);
        }
    }

    /// Shows Markdown.
    pub(super) fn said(&mut self, text: &str) {
        if self.output.format() == Format::Json {
            return;
        }
        self.clear_prompt();
        if self.output.is_live() {
            for line in render(text, self.paint) {
                self.output.styled(&line);
            }
        } else {
            self.output.line(text.trim_end());
        }
        self.output.line("");
    }

    /// Shows a message of before.
    pub(super) fn again(&mut self, message: &Message) {
        match message.by {
            Author::Person => self.output.line(format!("> {}", clipped(&message.text, 200))),
            Author::Callboard => self.said(&message.text),
        }
    }

    /// Shows what happened.
    pub(super) fn show(&mut self, recorded: &Recorded, state: &State) {
        if self.output.format() == Format::Json {
            self.output.json_line(recorded);
            return;
        }
        match &recorded.event {
            Event::TurnBegan { .. } => {
                self.streamed.clear();
                self.shown = 0;
                "thinking".clone_into(&mut self.doing);
            }
            Event::Piece { text } => self.stream(text),
            Event::Withdrawn => {
                if self.shown > 0 {
                    self.line("\n(What the model has said so far is no part of the reply.)\n");
                }
                self.streamed.clear();
                self.shown = 0;
            }
            Event::Doing(doing) => self.does(doing),
            Event::Proposed(offered) => self.proposed(offered),
            Event::Replied { text, links } => {
                self.replied(text);
                self.links(links);
            }
            Event::Reported { run, text, links, artifacts, .. } => {
                self.working.retain(|(of, _)| of != run);
                self.said(text);
                if !artifacts.is_empty() && !text.contains(&artifacts[0]) {
                    self.line(&format!("Files: {}", artifacts.join(", ")));
                }
                self.links(links);
            }
            Event::TurnEnded { end, why } => self.ended(*end, why.as_deref(), state),
            _ => {}
        }
    }

    /// More of what the model says: whole blocks on a terminal, as it comes in a pipe.
    fn stream(&mut self, text: &str) {
        self.streamed.push_str(text);
        self.clear_prompt();
        if self.output.is_live() {
            let until = settled(&self.streamed[self.shown..]) + self.shown;
            if until > self.shown {
                for line in render(&self.streamed[self.shown..until], self.paint) {
                    self.output.styled(&line);
                }
                self.output.line("");
                self.shown = until;
            }
        } else {
            self.output.part(text);
            self.shown = self.streamed.len();
        }
    }

    /// The reply: what of it is not shown yet.
    fn replied(&mut self, text: &str) {
        let rest = if self.shown > 0 && text.starts_with(self.streamed[..self.shown].trim_end()) {
            text.get(self.shown..).unwrap_or_default()
        } else {
            text
        };
        if self.output.is_live() || self.shown == 0 {
            self.said(rest);
        } else {
            // It goes on in the line in which the last piece ended.
            self.output.part(rest);
            self.output.line("\n");
        }
        self.streamed.clear();
        self.shown = 0;
    }

    fn does(&mut self, doing: &Doing) {
        match doing {
            Doing::Calling { tool } => self.doing = tool.replace('_', " "),
            Doing::Planning { round: 1 } => "planning".clone_into(&mut self.doing),
            Doing::Planning { round } => self.doing = format!("planning, round {round}"),
            Doing::Edit { text } => self.doing = clipped(text, DOING_WIDTH),
            Doing::Mending { problems } => {
                let first = problems.first().map(String::as_str).unwrap_or_default();
                self.doing = clipped(&format!("mending: {first}"), DOING_WIDTH);
            }
            Doing::Step { run, step, standing, .. } => {
                let at_work = (*run, step.clone());
                if standing == "began" || standing.starts_with("attempt") {
                    self.working.insert(at_work);
                } else {
                    self.working.shift_remove(&at_work);
                }
                if standing != "began" {
                    let code = if standing == "error" { "31" } else { "2" };
                    let line = self.paint.styled(code, &format!("  {:<16}  {standing}", step.as_str()));
                    self.clear_prompt();
                    self.output.styled(&line);
                }
            }
        }
    }

    fn proposed(&mut self, offered: &Offered) {
        let before = offered.base.as_ref().map(|base| base.text.as_str()).unwrap_or_default();
        // As the program would write it: how somebody laid the file out is no change.
        let before = yaml::parse(before).map_or_else(|_| before.to_owned(), |parsed| yaml::write(&parsed.workflow));
        self.clear_prompt();
        for line in diff(&before, &offered.text, self.paint) {
            self.output.styled(&line);
        }
        self.output.line("");
    }

    fn links(&mut self, links: &[Link]) {
        for link in links.iter().take(MOST_LINKS) {
            let line = self.paint.styled("2", &format!("  → {}", link.command));
            self.output.styled(&line);
        }
        if !links.is_empty() {
            self.output.line("");
        }
    }

    fn ended(&mut self, end: TurnEnd, why: Option<&str>, state: &State) {
        let why = why.unwrap_or_default();
        if self.shown < self.streamed.len() && self.output.is_live() {
            let rest = self.streamed[self.shown..].to_owned();
            self.said(&rest);
        }
        self.streamed.clear();
        self.shown = 0;
        match end {
            TurnEnd::Done | TurnEnd::Steered => {}
            TurnEnd::Stopped => self.line("(stopped; what had come stays)"),
            TurnEnd::Interrupted => self.line(&format!("(interrupted: {why})")),
            TurnEnd::Failed => self.line(&format!("This could not be answered: {why}")),
        }
        if !state.queue().is_empty() && self.output.is_live() {
            self.line(&format!("({} more to answer)", state.queue().len()));
        }
    }
}

/// How wide the terminal is.
fn columns() -> usize {
    console::Term::stdout().size_checked().map_or(80, |(_, columns)| usize::from(columns))
}
