//! A server that is a child of this process, spoken to over its standard input and output.
//!
//! It leads a process group of its own, which ends with it, and nothing of this process' environment reaches it but
//! `PATH` and `HOME`. What it prints besides messages is passed over, within limits; past them it is given up.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use rmcp::RoleClient;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout};
use tokio_util::codec::FramedRead;

use super::lines::Lines;

/// The longest message that is read, in bytes.
pub(super) const LONGEST_MESSAGE: usize = 16 << 20;

/// Lines that are no messages, in a row, that a server may print.
const MOST_STRAY_LINES: u32 = 1_000;

/// Messages that are no answers that a server may send within [`FLOOD_WINDOW`].
const MOST_UNASKED: u32 = 2_000;

/// See [`MOST_UNASKED`].
const FLOOD_WINDOW: Duration = Duration::from_secs(1);

/// Requests of a server that wait for our answer.
const MOST_UNANSWERED: usize = 64;

/// How much of what it says on standard error is kept, in bytes.
const KEPT_STDERR: usize = 2_000;

/// How long a server may take to end once its standard input is closed.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// How long it may take to end once it is told to.
const TERMINATE_GRACE: Duration = Duration::from_secs(1);

/// What of this process' environment a server is given.
const ENVIRONMENT: [&str; 2] = ["PATH", "HOME"];

/// A server that is a child of this process.
pub(super) struct Child {
    process: tokio::process::Child,
    group: Option<Pid>,
    stdin: Arc<tokio::sync::Mutex<Option<ChildStdin>>>,
    messages: FramedRead<ChildStdout, Lines>,
    unanswered: Arc<AtomicUsize>,
    stray_lines: u32,
    unasked: u32,
    window: Instant,
    /// It does what no server may, and is not asked to end.
    misbehaves: bool,
    last_words: LastWords,
}

/// Why a child is no longer spoken to, and what it said last. Outlives it.
#[derive(Clone, Debug, Default)]
pub(super) struct LastWords {
    words: Arc<Mutex<(Option<String>, VecDeque<u8>)>>,
}

impl LastWords {
    /// Why the connection ended, and the end of standard error, as far as that is known.
    pub(super) fn text(&self) -> Option<String> {
        let (why, stderr) = &*self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let (front, back) = stderr.as_slices();
        let stderr = String::from_utf8_lossy(&[front, back].concat()).trim().replace(|c: char| c.is_control(), " ");
        let stderr = (!stderr.is_empty()).then(|| format!("its last words: {stderr}"));
        let all: Vec<String> = why.clone().into_iter().chain(stderr).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    fn because(&self, why: impl Into<String>) {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        words.0.get_or_insert(why.into());
    }

    /// Keeps the end of what is said on standard error.
    async fn listen(self, mut stderr: ChildStderr) {
        let mut piece = vec![0; KEPT_STDERR];
        while let Ok(length @ 1..) = stderr.read(&mut piece).await {
            let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
            words.1.extend(&piece[..length]);
            let too_many = words.1.len().saturating_sub(KEPT_STDERR);
            words.1.drain(..too_many);
        }
    }
}

impl Child {
    /// Starts a server.
    ///
    /// # Errors
    /// Why it cannot be started, and what to do.
    pub(super) fn start(
        command: &[String],
        environment: &BTreeMap<String, SecretString>,
        folder: &Path,
    ) -> Result<(Self, LastWords), String> {
        let (program, arguments) = command.split_first().ok_or("`command` is empty")?;
        let inherited = ENVIRONMENT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut process = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(inherited)
            .envs(environment.iter().map(|(name, value)| (name, value.expose_secret())))
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| not_started(program, folder, &error))?;
        let group = process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let last_words = LastWords::default();
        if let Some(stderr) = process.stderr.take() {
            // Ends when nobody can write to it any more.
            tokio::spawn(last_words.clone().listen(stderr));
        }
        let stdout = process.stdout.take().ok_or("it has no standard output")?;
        let child = Self {
            stdin: Arc::new(tokio::sync::Mutex::new(process.stdin.take())),
            process,
            group,
            messages: FramedRead::new(stdout, Lines::new(LONGEST_MESSAGE)),
            unanswered: Arc::default(),
            stray_lines: 0,
            unasked: 0,
            window: Instant::now(),
            misbehaves: false,
            last_words: last_words.clone(),
        };
        Ok((child, last_words))
    }

    /// Takes note of a message; why it is one too many, if it is.
    fn count(&mut self, message: &RxJsonRpcMessage<RoleClient>) -> Option<&'static str> {
        self.stray_lines = 0;
        match message {
            RxJsonRpcMessage::<RoleClient>::Response(_) | RxJsonRpcMessage::<RoleClient>::Error(_) => return None,
            RxJsonRpcMessage::<RoleClient>::Request(_) => {
                if self.unanswered.fetch_add(1, Ordering::Relaxed) >= MOST_UNANSWERED {
                    return Some("it asks more than it listens to the answers");
                }
            }
            RxJsonRpcMessage::<RoleClient>::Notification(_) => {}
        }
        if self.window.elapsed() > FLOOD_WINDOW {
            self.window = Instant::now();
            self.unasked = 0;
        }
        self.unasked += 1;
        (self.unasked > MOST_UNASKED).then_some("it floods us with messages")
    }

    fn give_up(&mut self, why: &str) {
        self.misbehaves = true;
        self.last_words.because(why);
    }

    /// Reads what it still says until it has ended, or the time is up.
    async fn ended_within(&mut self, limit: Duration) -> bool {
        let draining = async {
            // A child that cannot write may not end.
            while let Some(Ok(_)) = self.messages.next().await {}
            self.process.wait().await
        };
        timeout(limit, draining).await.is_ok()
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // Err says that nobody is left.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Transport<RoleClient> for Child {
    type Error = io::Error;

    fn send(&mut self, message: TxJsonRpcMessage<RoleClient>) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let (stdin, unanswered) = (Arc::clone(&self.stdin), Arc::clone(&self.unanswered));
        async move {
            let is_answer = matches!(
                message,
                TxJsonRpcMessage::<RoleClient>::Response(_) | TxJsonRpcMessage::<RoleClient>::Error(_)
            );
            let mut line = serde_json::to_vec(&message)?;
            line.push(b'\n');
            let mut stdin = stdin.lock().await;
            let stdin = stdin.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            stdin.write_all(&line).await?;
            stdin.flush().await?;
            if is_answer {
                // More answers than questions are the library's, to what was no message.
                let _ = unanswered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1));
            }
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            match self.messages.next().await {
                None => {
                    self.last_words.because("it ended");
                    return None;
                }
                Some(Err(error)) => {
                    self.give_up(&error.to_string());
                    return None;
                }
                Some(Ok(line)) => match serde_json::from_slice(&line) {
                    Ok(message) => {
                        if let Some(why) = self.count(&message) {
                            self.give_up(why);
                            return None;
                        }
                        return Some(message);
                    }
                    Err(_) if line.trim_ascii().is_empty() => {}
                    Err(_) => {
                        self.stray_lines += 1;
                        if self.stray_lines > MOST_STRAY_LINES {
                            self.give_up("what it prints on standard output are no messages");
                            return None;
                        }
                    }
                },
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        // Whoever holds it writes to a child that does not read.
        if let Ok(mut stdin) = self.stdin.try_lock() {
            stdin.take();
        }
        if !self.misbehaves && !self.ended_within(CLOSE_GRACE).await {
            self.signal(Signal::TERM);
            self.ended_within(TERMINATE_GRACE).await;
        }
        // What it has started and left behind ends with it.
        self.signal(Signal::KILL);
        self.group = None;
        self.process.kill().await
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

fn not_started(program: &str, folder: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound if !folder.is_dir() => {
            format!("there is no folder {}; make it, or name another as `folder`", folder.display())
        }
        io::ErrorKind::NotFound => {
            format!("there is no program `{program}`; install it, or write where it is as `command`")
        }
        _ => format!("`{program}` cannot be started: {error}"),
    }
}
