//! The conversation on a real pseudo-terminal, with keys.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use serde_json::{Value, json};

use super::{HELLO, PATIENCE, calling, is_planning, saying, stage_with, words};
use crate::cli::stage::Stage;
use crate::models::server::{Answer, End, Sent, Server};

/// So high that nothing scrolls away.
const ROWS: u16 = 400;

/// A command on a terminal of its own.
struct Terminal {
    child: Child,
    /// The side of whoever types and looks.
    keys: File,
    /// The program's side, held so that its mode can be read when the program has gone.
    line: File,
    seen: Arc<Mutex<Seen>>,
    before: LocalModes,
}

struct Seen {
    /// All that was written to the terminal.
    raw: Vec<u8>,
    /// What a person sees of it.
    screen: vt100::Parser,
}

fn size(columns: u16) -> Winsize {
    Winsize { ws_row: ROWS, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn some(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

impl Terminal {
    fn open(stage: &Stage, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let keys: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        tcsetwinsize(&keys, size(100)).unwrap();
        let name = std::ffi::OsString::from_vec(ptsname(&keys, Vec::new()).unwrap().into_bytes());
        let line = File::options().read(true).write(true).open(name).unwrap();
        let before = tcgetattr(&line).unwrap().local_modes;
        let program = stage.command(&[&["chat"], arguments].concat());
        // Its terminal is the one of standard input, as a shell has it.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program.get_program()).args(program.get_args()).current_dir(stage.path());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR").envs(environment.iter().copied());
        let end = || line.try_clone().unwrap();
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let screen = vt100::Parser::new(some(ROWS), some(100), 0);
        let seen = Arc::new(Mutex::new(Seen { raw: Vec::new(), screen }));
        let (mut from, to) = (File::from(keys.try_clone().unwrap()), Arc::clone(&seen));
        // It ends with the terminal.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                let mut seen = to.lock().unwrap();
                seen.raw.extend_from_slice(&bytes[..count]);
                seen.screen.process(&bytes[..count]);
            }
        });
        Self { child, keys: keys.into(), line, seen, before }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn raw(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap().raw).into_owned()
    }

    fn screen(&self) -> String {
        self.seen.lock().unwrap().screen.screen().contents()
    }

    /// The line in which the cursor is.
    fn bottom(&self) -> String {
        self.screen().trim_end_matches('\n').lines().last().unwrap_or_default().to_owned()
    }

    fn until(&self, what: &str, is_it: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is_it(self) {
            assert!(begun.elapsed() < PATIENCE, "{what} is not seen:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until this is seen.
    fn shows(&self, text: &str) {
        self.until(&format!("`{text}`"), |terminal| terminal.screen().contains(text));
    }

    /// Waits until the last line begins like this.
    fn asks(&self, text: &str) {
        self.until(&format!("a line that begins with `{text}`"), |terminal| terminal.bottom().starts_with(text));
    }

    fn is_asking(&self) -> bool {
        let bottom = self.bottom();
        bottom.starts_with('p') && bottom.trim_end().ends_with(": accept? [y]es [n]o [e]lse ›")
    }

    /// Waits until a key decides about a proposal.
    fn asks_to_decide(&self) {
        self.until("a question about a proposal", Self::is_asking);
    }

    fn resize(&self, columns: u16) {
        self.seen.lock().unwrap().screen.set_size(some(ROWS), some(columns));
        tcsetwinsize(&self.keys, size(columns)).unwrap();
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end: the code, once the terminal is as it was.
    fn ends(&mut self) -> Option<i32> {
        let begun = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(begun.elapsed() < PATIENCE, "it goes on:\n{}", self.screen()),
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(tcgetattr(&self.line).unwrap().local_modes, self.before, "the terminal is not as it was");
        status.code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn keys_accept_and_reject_and_say_what_is_to_be_different() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    let mut terminal = Terminal::open(&stage, &["--workflow", "hello.yaml"], &[]);
    terminal.asks("›");
    assert!(!tcgetattr(&terminal.line).unwrap().local_modes.contains(LocalModes::ICANON), "keys are read");

    terminal.press("rename greet to wellcome\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}come\r");
    terminal.asks_to_decide();
    let raw = terminal.raw();
    assert!(raw.contains("\x1b[31m- ") && raw.contains("\x1b[32m+ ") && raw.contains("id: welcome"), "{raw:?}");
    terminal.press("y");
    terminal.shows("Accepted and saved: hello");
    terminal.asks("›");
    let file = || std::fs::read_to_string(stage.path().join("hello.yaml")).unwrap();
    assert!(file().contains("welcome"), "{}", file());

    terminal.press("remove shout\r");
    terminal.asks_to_decide();
    terminal.press("N");
    terminal.shows("Rejected. Nothing is changed.");
    terminal.asks("›");
    assert!(file().contains("shout"));

    terminal.press("remove shout\r");
    terminal.asks_to_decide();
    terminal.press("e");
    terminal.asks("what is to be different ›");
    // What is typed now is text, whatever letters it begins with.
    terminal.press("rename shout to yell\r");
    terminal.until("another proposal", |terminal| {
        terminal.is_asking() && terminal.screen().contains("Calls shout yell from now on")
    });
    terminal.press("y");
    terminal.until("what was accepted", |_| file().contains("yell"));
    terminal.asks("›");
    terminal.press("half a th");
    terminal.asks("› half a th");
    terminal.press("\x03");
    terminal.until("an empty line", |terminal| terminal.bottom().trim() == "›");
    terminal.press("\x03");
    assert_eq!(terminal.ends(), Some(0));
    let shown = stage.json(&["chat", "show", "last"]);
    assert_eq!(shown["proposal"], Value::Null, "{shown:#}");
}

#[test]
fn whoever_wants_no_colours_gets_none() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    let mut terminal = Terminal::open(&stage, &["--workflow", "hello.yaml"], &[("NO_COLOR", "1")]);
    terminal.asks("›");
    terminal.press("rename greet to welcome\r");
    terminal.asks_to_decide();
    terminal.press("\x04");
    assert_eq!(terminal.ends(), Some(0));
    let raw = terminal.raw();
    assert!(raw.contains("+ ") && raw.contains("id: welcome"), "{raw:?}");
    let styled = raw.match_indices("\x1b[").find(|(at, _)| {
        let code = raw[at + 2..].trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        code.starts_with('m')
    });
    assert_eq!(styled, None, "{raw:?}");
}

const LONG: &str = "# Otters\n\nThey are **fast** and `wet`.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nAnd then there is \
    more, which takes a while to say, since otters live in rivers and by the sea, and sleep in the water, and never come to an end";

/// Says the beginning of a long text and hangs, if it is asked to.
fn hanging(sent: &Sent) -> Answer {
    if words(sent).contains("hang") {
        let whole = saying(LONG);
        whole.cut(std::iter::repeat(150)).first(18).ending(End::Hang)
    } else {
        saying(&format!("You said **{}**.", words(sent)))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_shown_as_it_comes_and_is_stopped_by_a_key_which_then_leaves() {
    let server = Server::start(hanging).await;
    let stage = stage_with(&server);
    let mut terminal = Terminal::open(&stage, &[], &[]);
    terminal.asks("›");
    terminal.press("hang\r");
    terminal.shows("They are fast and wet.");
    let (raw, screen) = (terminal.raw(), terminal.screen());
    assert!(raw.contains("\x1b[1;4mOtters") && raw.contains("\x1b[1mfast") && raw.contains("\x1b[36mwet"), "{raw:?}");
    assert!(!screen.contains("**") && !screen.contains("# Otters"), "{screen}");
    terminal.asks("thinking ›");
    // What is typed meanwhile waits.
    terminal.press("and now this\r");
    terminal.asks("thinking ›");
    terminal.press("\x03");
    terminal.shows("(stopped; what had come stays)");
    terminal.shows("You said and now this.");
    terminal.asks("›");
    terminal.press("\x03");
    assert_eq!(terminal.ends(), Some(0));
    let shown = stage.json(&["chat", "show", "last"]);
    let cuts: Vec<&Value> = shown["messages"].as_array().unwrap().iter().map(|message| &message["cut"]).collect();
    assert!(cuts.contains(&&json!("stopped")), "{shown:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_in_the_middle_of_a_turn_leaves_the_terminal_as_it_was() {
    let server = Server::start(hanging).await;
    for signals in [&["TERM"][..], &["INT"], &["TERM", "TERM"]] {
        let stage = stage_with(&server);
        let mut terminal = Terminal::open(&stage, &[], &[]);
        terminal.asks("›");
        terminal.press("hang\r");
        terminal.shows("They are fast and wet.");
        for signal in signals {
            terminal.signal(signal);
        }
        assert_eq!(terminal.ends(), Some(130), "{signals:?}:\n{}", terminal.screen());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_line_is_typed_in_one_row_and_the_terminal_may_become_narrower() {
    let server = Server::start(hanging).await;
    let stage = stage_with(&server);
    let mut terminal = Terminal::open(&stage, &[], &[]);
    terminal.asks("›");
    let text = "0123456789".repeat(15);
    for part in text.as_bytes().chunks(7) {
        terminal.press(std::str::from_utf8(part).unwrap());
    }
    terminal.until("the end of what is typed", |terminal| {
        let bottom = terminal.bottom();
        bottom.starts_with("› …") && bottom.ends_with("0123456789") && bottom.chars().count() == 99
    });
    let prompts = |terminal: &Terminal| terminal.screen().lines().filter(|line| line.starts_with('›')).count();
    assert_eq!(prompts(&terminal), 1, "{}", terminal.screen());
    terminal.resize(40);
    terminal.until("a narrower line", |terminal| {
        let bottom = terminal.bottom();
        bottom.starts_with("› …") && bottom.ends_with("0123456789") && bottom.chars().count() == 39
    });
    terminal.resize(70);
    terminal.until("a wider line", |terminal| terminal.bottom().chars().count() == 69);
    terminal.press("\r");
    terminal
        .until("all of it said", |terminal| terminal.screen().replace('\n', "").contains(&format!("You said {text}")));
    terminal.asks("›");
    terminal.press("/quit\r");
    assert_eq!(terminal.ends(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_that_work_side_by_side_are_seen_at_work() {
    let agent = |id: &str| {
        json!({ "do": "add", "step": id, "work": { "kind": "agent", "agent": "analysis", "goal": format!("Say what {id} is") },
            "input": [], "set": [], "after": [], "before": [], "within": null })
    };
    let task = json!({
        "edits": [
            { "do": "workflow", "set": [{ "name": "name", "value": "two" }] }, agent("left"), agent("right"),
        ],
        "questions": [], "assumptions": [], "doubts": []
    });
    let server = Server::start(move |sent| {
        let body = sent.json();
        let is_talk = body["tools"]
            .as_array()
            .is_some_and(|tools| tools.iter().any(|tool| tool["function"]["name"] == "propose"));
        match is_talk {
            true => calling("", "propose", &json!({ "request": "do both" })),
            false if is_planning(sent) && body.get("response_format").is_some() => saying(&task.to_string()),
            // The agents think.
            false => Answer::silence(),
        }
    })
    .await;
    let stage = stage_with(&server);
    let mut terminal = Terminal::open(&stage, &[], &[]);
    terminal.asks("›");
    terminal.press("do both\r");
    terminal.shows("carried out at once");
    terminal.until("both at work", |terminal| {
        terminal.bottom().starts_with("at work: left, right ›")
            || terminal.bottom().starts_with("at work: right, left ›")
    });
    // The turn that began the run is over by then: the key leaves, and does not stop it.
    std::thread::sleep(Duration::from_secs(2));
    terminal.press("\x03");
    assert_eq!(terminal.ends(), Some(0));
}
