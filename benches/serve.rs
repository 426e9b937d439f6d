//! B4: what a streamed reply takes through `callboard serve`, beside the same reply straight from the provider.
//!
//! `cargo bench --bench serve`. The provider begins after 20 ms and sends 20 pieces, 5 ms apart, as the mock of the
//! side-by-side scripts; the program is a process of its own, as people run it. Both are asked in turn, in every round.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on stops; what it prints is its result"
)]

mod support;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

const KEY: &str = "a-key-of-the-bench";
const ROUNDS: usize = 3;
/// How many at once, and how many in all, in a round.
const PHASES: [(usize, usize); 2] = [(1, 50), (16, 400)];

fn main() {
    let pace =
        support::provider::Pace { latency: Duration::from_millis(20), gap: Duration::from_millis(5), pieces: 20 };
    let provider = support::provider::provider(pace);
    let folder = tempfile::tempdir().expect("a folder");
    let (_program, listening) = serve(folder.path(), provider);
    support::runtime().block_on(async {
        let direct = Asked::of(provider, "mock");
        let through = Asked::of(listening, "default");
        for asked in [&direct, &through] {
            asked.phase(4, 30).await;
        }
        for (at_once, all) in PHASES {
            let (mut plain, mut added) = (Times::default(), Times::default());
            for _ in 0..ROUNDS {
                plain.add(direct.phase(at_once, all).await);
                added.add(through.phase(at_once, all).await);
            }
            println!("{at_once} at once, {} in all of each:", all * ROUNDS);
            let first = tell("first piece", &mut plain.first, &mut added.first);
            tell("whole reply", &mut plain.whole, &mut added.whole);
            println!("  added to the first piece, p50: {first:+.2} ms (goal at 16 at once: under 1 ms)");
        }
    });
}

/// A process that does not outlive the bench, however that ends.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program, listening.
fn serve(folder: &Path, provider: SocketAddr) -> (Program, SocketAddr) {
    let program = Command::new(env!("CARGO_BIN_EXE_callboard"))
        .args(["serve", "--listen", "127.0.0.1:0", "--format", "json", "--data"])
        .arg(folder)
        .env("CALLBOARD_AGENTS__FOLDER", concat!(env!("CARGO_MANIFEST_DIR"), "/agents"))
        .env("CALLBOARD_AGENTS__PROMPTS", concat!(env!("CARGO_MANIFEST_DIR"), "/prompts"))
        .env("CALLBOARD_MODELS__DEFAULT", "openai/mock")
        .env("CALLBOARD_MODELS__OPENAI__BASE_URL", format!("http://{provider}/v1"))
        .env("OPENAI_API_KEY", "sk-mock")
        .env("CALLBOARD_KEY", KEY)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut program = Program(program);
    let mut line = String::new();
    BufReader::new(program.0.stdout.take().expect("it is piped"))
        .read_line(&mut line)
        .expect("it says where it listens");
    let said: serde_json::Value = serde_json::from_str(&line).expect("it says so in JSON");
    let url = said["url"].as_str().expect("the address");
    let address = url.trim_start_matches("http://").trim_end_matches("/v1").parse().expect("an address and a port");
    (program, address)
}

/// In milliseconds.
#[derive(Default)]
struct Times {
    first: Vec<f64>,
    whole: Vec<f64>,
}

impl Times {
    fn add(&mut self, more: Self) {
        self.first.extend(more.first);
        self.whole.extend(more.whole);
    }
}

/// Who is asked, over connections that are kept.
#[derive(Clone)]
struct Asked {
    address: SocketAddr,
    request: Arc<String>,
    free: Arc<Mutex<Vec<TcpStream>>>,
}

impl Asked {
    fn of(address: SocketAddr, model: &str) -> Self {
        let body =
            format!(r#"{{"model": "{model}", "stream": true, "messages": [{{"role": "user", "content": "hello"}}]}}"#);
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        Self { address, request: Arc::new(request), free: Arc::default() }
    }

    /// `all` replies, `at_once` at a time.
    async fn phase(&self, at_once: usize, all: usize) -> Times {
        let workers: Vec<_> = (0..at_once)
            .map(|_| {
                let asked = self.clone();
                tokio::spawn(async move {
                    let mut times = Times::default();
                    for _ in 0..all / at_once {
                        let (first, whole) = asked.once().await;
                        times.first.push(first);
                        times.whole.push(whole);
                    }
                    times
                })
            })
            .collect();
        let mut times = Times::default();
        for worker in workers {
            times.add(worker.await.expect("every reply is whole"));
        }
        times
    }

    /// One reply: until its first piece came, and until its end.
    async fn once(&self) -> (f64, f64) {
        let kept = self.free.lock().await.pop();
        let mut stream = match kept {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address).await.expect("it listens");
                stream.set_nodelay(true).expect("a socket");
                stream
            }
        };
        let begun = Instant::now();
        stream.write_all(self.request.as_bytes()).await.expect("it reads");
        let (mut reply, mut first) = (Vec::new(), None);
        while !reply.ends_with(b"0\r\n\r\n") {
            let n = stream.read_buf(&mut reply).await.expect("it replies");
            assert!(n > 0, "it closed early: {}", String::from_utf8_lossy(&reply));
            if first.is_none() && reply.windows(7).any(|window| window == b"The sum") {
                first = Some(begun.elapsed());
            }
        }
        let whole = begun.elapsed();
        let text = String::from_utf8_lossy(&reply);
        assert!(
            text.starts_with("HTTP/1.1 200") && text.matches(" tok").count() == 19 && text.contains("[DONE]"),
            "{text}"
        );
        self.free.lock().await.push(stream);
        (first.expect("a piece").as_secs_f64() * 1e3, whole.as_secs_f64() * 1e3)
    }
}

/// Both, and how much more the second one's median is.
fn tell(what: &str, direct: &mut [f64], through: &mut [f64]) -> f64 {
    for times in [&mut *direct, &mut *through] {
        times.sort_by(f64::total_cmp);
    }
    let at = |times: &[f64], p| support::quantile(times, p);
    println!(
        "  {what}: direct p50 {:.2} ms, p99 {:.2} ms; callboard p50 {:.2} ms, p99 {:.2} ms",
        at(direct, 0.5),
        at(direct, 0.99),
        at(through, 0.5),
        at(through, 0.99),
    );
    at(through, 0.5) - at(direct, 0.5)
}
