//! Memory as people use it: `callboard remember` of 200 documents of together 5 MB, `callboard recall`, and a brief
//! over them, each from the start of the process to its end.
//!
//! `cargo bench --bench memory` makes the documents itself, the same every time, with those of `examples/documents`
//! among them, which the brief is about; `BENCH_DOCUMENTS=folder BENCH_QUESTION=…` takes others.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on stops; what it prints is its result"
)]

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use callboard::clock::{SystemClock, Timestamp};
use callboard::memory::index::Filter;
use callboard::memory::{EdgeIndex, Embedders, Memory};
use callboard::model::{Embedder, ModelError};
use callboard::store::entries::{EntryScope, NewDocument, NewNote, NewPiece, Validators};
use callboard::store::{Store, StoreOptions, WorkspaceId};

const DOCUMENTS: usize = 200;
const BYTES: usize = 5_000_000;
const ROUNDS: usize = 5;
/// Different words; the first are the most frequent, as Zipf has it.
const VOCABULARY: usize = 30_000;
const FUNCTION_WORDS: [&str; 16] =
    ["the", "of", "and", "to", "a", "in", "is", "that", "for", "it", "was", "with", "as", "be", "by", "not"];

fn main() {
    // `BENCH_ONLY=scale` leaves out what runs the program.
    if std::env::var("BENCH_ONLY").as_deref() == Ok("scale") {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        return runtime.block_on(scale(folder.path()));
    }
    let folder = match std::env::var_os("BENCH_DATA") {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }
    .expect("a folder");
    let documents =
        std::env::var_os("BENCH_DOCUMENTS").map_or_else(|| make(&folder.path().join("documents")), Into::into);
    let data = folder.path().join("data");

    let mut remembered = Vec::new();
    let mut report = serde_json::Value::Null;
    for _ in 0..ROUNDS {
        let _ = fs::remove_dir_all(&data);
        let (seconds, output) =
            callboard(&data, &[OsStr::new("remember"), documents.as_os_str(), OsStr::new("--format=json")]);
        report = serde_json::from_slice(&output.stdout).expect("a report");
        remembered.push(seconds);
    }
    let megabytes = report["bytes"].as_f64().expect("bytes") / 1e6;
    let (median, worst) = median_and_worst(&mut remembered);
    println!(
        "remember: {} documents of {megabytes:.2} MB as {} entries: {median:.2} s, {:.2} MB/s (worst of {ROUNDS}: {worst:.2} s)",
        report["added"],
        report["entries"],
        megabytes / median,
    );

    let mut recalled: Vec<f64> = (0..ROUNDS)
        .map(|_| callboard(&data, &[OsStr::new("recall"), OsStr::new("what did the outage cost")]).0)
        .collect();
    let (median, worst) = median_and_worst(&mut recalled);
    println!("recall: {:.0} ms (worst of {ROUNDS}: {:.0} ms)", median * 1e3, worst * 1e3);

    let question = std::env::var("BENCH_QUESTION").ok().map(|question| format!("question={question}"));
    let mut briefs: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let mut arguments = vec![OsStr::new("run"), OsStr::new("examples/brief.yaml")];
            if let Some(question) = &question {
                arguments.extend([OsStr::new("--input"), OsStr::new(question)]);
            }
            callboard(&data, &arguments).0
        })
        .collect();
    assert!(data.join("files/brief.md").exists(), "the brief is there");
    let (median, worst) = median_and_worst(&mut briefs);
    println!("a brief over them: {median:.2} s (worst of {ROUNDS}: {worst:.2} s)");

    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime").block_on(scale(folder.path()));
}

/// A memory in this process that holds many entries, searched alone and while another task notes one thing after the
/// other. `BENCH_DIMENSIONS=384` gives them vectors, too; `BENCH_ENTRIES` says how many there are.
async fn scale(folder: &Path) {
    let number = |name: &str, usual| std::env::var(name).ok().and_then(|n| n.parse::<usize>().ok()).unwrap_or(usual);
    let (entries, dimensions) = (number("BENCH_ENTRIES", 100_000), number("BENCH_DIMENSIONS", 0));
    let data = folder.join("scale");
    let store = Store::open(&data, StoreOptions::default()).await.expect("a store");
    let sql = store.workspace(WorkspaceId::default()).entries();
    let current = (dimensions > 0).then(|| Arc::new(Made(dimensions)) as Arc<dyn Embedder>);
    let embedders = Embedders { current, former: None };
    let index = Arc::new(EdgeIndex::new(&data.join("memory")));
    let memory = Memory::with_embedders(sql.clone(), index, Arc::new(SystemClock), embedders).expect("a memory");
    let mut random = fastrand::Rng::with_seed(11);
    let words: Vec<String> = (0..VOCABULARY).map(|_| word(&mut random)).collect();
    let begun = Instant::now();
    for document in 0..entries.div_ceil(100) {
        let piece = |_| NewPiece { position: None, heading: None, text: sentence(&mut random, &words, 120) };
        let new = NewDocument {
            scope: EntryScope::Workspace,
            source: format!("{document}.md"),
            hash: document.to_string(),
            author: None,
            provenance: None,
            confidence: None,
            validators: Validators::default(),
            pieces: (0..100).map(piece).collect(),
        };
        sql.remember(new, Timestamp(0)).await.expect("stored");
    }
    let stored = begun.elapsed().as_secs_f64();
    memory.catch_up().await.expect("indexed");
    println!(
        "{entries} entries of 120 words: stored in {stored:.1} s, found by words after {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    if dimensions > 0 {
        memory.recall("begin", &Filter::default(), 1).await.expect("found");
        while memory.waiting().await.expect("counted").is_some_and(|(_, waiting)| waiting > 0) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        println!("  and by vectors of {dimensions} numbers after {:.1} s", begun.elapsed().as_secs_f64());
    }
    search(&memory, &words, "alone").await;
    // Fifty a second is more than a company of agents notes. The timer makes the other a pause of up to a millisecond.
    for (pause, how) in [(Duration::from_millis(20), "50 a second"), (Duration::ZERO, "with hardly a pause")] {
        search_beside(&memory, &words, pause, how).await;
    }
}

/// Searches while another task notes one thing after the other.
async fn search_beside(memory: &Memory, words: &[String], pause: Duration, how: &str) {
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (memory, words, stop) = (memory.clone(), words.to_vec(), Arc::clone(&stop));
        async move {
            let (mut random, mut noted) = (fastrand::Rng::with_seed(5), 0);
            while !stop.load(Ordering::Relaxed) {
                let note = NewNote {
                    scope: EntryScope::Workspace,
                    source: "bench".to_owned(),
                    author: None,
                    heading: None,
                    text: sentence(&mut random, &words, 120),
                    confidence: None,
                    provenance: None,
                    key: None,
                };
                memory.note(note).await.expect("noted");
                noted += 1;
                tokio::time::sleep(pause).await;
            }
            noted
        }
    });
    let begun = Instant::now();
    search(memory, words, &format!("while another task writes {how}")).await;
    stop.store(true, Ordering::Relaxed);
    let noted = writing.await.expect("it wrote");
    println!("    which noted {:.0} entries a second", f64::from(noted) / begun.elapsed().as_secs_f64());
}

async fn search(memory: &Memory, words: &[String], when: &str) {
    const SEARCHES: usize = 500;
    let mut random = fastrand::Rng::with_seed(3);
    let mut took = Vec::new();
    for _ in 0..SEARCHES {
        let long = random.usize(3..10);
        let question = sentence(&mut random, words, long);
        let begun = Instant::now();
        memory.recall(&question, &Filter::default(), 8).await.expect("found");
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    took.sort_by(f64::total_cmp);
    println!(
        "  recall {when}: p50 {:.1} ms, p99 {:.1} ms, worst of {SEARCHES} {:.1} ms",
        took[SEARCHES / 2],
        took[SEARCHES * 99 / 100],
        took[SEARCHES - 1]
    );
}

/// Vectors made of a text's hash: as many numbers as a model's, and no meaning.
struct Made(usize);

#[async_trait::async_trait]
impl Embedder for Made {
    fn name(&self) -> &str {
        "bench/made"
    }
    fn dimensions(&self) -> Option<usize> {
        Some(self.0)
    }
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, ModelError> {
        let seed =
            |text: &String| text.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let vector = |text: &String| {
            let mut random = fastrand::Rng::with_seed(seed(text));
            (0..self.0).map(|_| random.f32() - 0.5).collect()
        };
        Ok(texts.iter().map(vector).collect())
    }
}

/// Runs the program from the repository's root; how long it took from start to end.
fn callboard(data: &Path, arguments: &[&OsStr]) -> (f64, Output) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callboard"));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CALLBOARD_TOOLS__FILES__ROOT", data.join("files"))
        .arg("--data")
        .arg(data)
        .args(arguments);
    fs::create_dir_all(data.join("files")).expect("a folder");
    let begun = Instant::now();
    let output = command.output().expect("callboard runs");
    let took = begun.elapsed().as_secs_f64();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    (took, output)
}

/// Documents of Markdown whose words are as frequent as those of a language.
fn make(folder: &Path) -> PathBuf {
    fs::create_dir_all(folder).expect("a folder");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/documents");
    let (mut count, mut bytes) = (0, 0);
    for example in fs::read_dir(examples).expect("the examples").flatten() {
        if example.path().is_file() {
            bytes += fs::copy(example.path(), folder.join(example.file_name())).expect("copied") as usize;
            count += 1;
        }
    }
    let mut random = fastrand::Rng::with_seed(7);
    let words: Vec<String> = (0..VOCABULARY).map(|_| word(&mut random)).collect();
    while count < DOCUMENTS {
        let length = (BYTES.saturating_sub(bytes)) / (DOCUMENTS - count);
        let text = document(&mut random, &words, length);
        fs::write(folder.join(format!("{count:03}.md")), &text).expect("written");
        bytes += text.len();
        count += 1;
    }
    folder.to_owned()
}

fn word(random: &mut fastrand::Rng) -> String {
    let syllables = random.usize(1..=4);
    (0..syllables)
        .map(|_| {
            format!(
                "{}{}",
                random.choice(["b", "d", "k", "l", "m", "n", "r", "st", "t", "v"]).unwrap(),
                random.choice(["a", "e", "i", "o", "ur", "an"]).unwrap()
            )
        })
        .collect()
}

fn document(random: &mut fastrand::Rng, words: &[String], length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        write!(text, "## {}\n\n", sentence(random, words, 4)).expect("text");
        for _ in 0..random.usize(1..5) {
            for _ in 0..random.usize(2..7) {
                let long = random.usize(6..22);
                write!(text, "{}. ", sentence(random, words, long)).expect("text");
            }
            text.push_str("\n\n");
        }
    }
    text
}

fn sentence(random: &mut fastrand::Rng, words: &[String], length: usize) -> String {
    let word = |random: &mut fastrand::Rng| {
        if random.f64() < 0.4 {
            FUNCTION_WORDS[random.usize(..FUNCTION_WORDS.len())]
        } else {
            words[((words.len() as f64).powf(random.f64()) as usize).min(words.len() - 1)].as_str()
        }
    };
    (0..length).map(|_| word(random)).collect::<Vec<_>>().join(" ")
}

fn median_and_worst(seconds: &mut [f64]) -> (f64, f64) {
    seconds.sort_by(f64::total_cmp);
    (seconds[seconds.len() / 2], seconds[seconds.len() - 1])
}
