//! The memory is killed while it remembers: what it acknowledged is found again.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use super::{callboard, json};

/// A word that no other entry has: letters only, so that it is one word.
fn word(number: usize) -> String {
    let letter = |digit: usize| char::from(b'a' + u8::try_from(digit).expect("a digit"));
    let digits = (0..5).map(|place| letter(number / 10_usize.pow(place) % 10));
    format!("zq{}x", digits.collect::<String>())
}

/// Twenty kills in `make test`; a fifth of `CALLBOARD_KILLS` for more.
#[test]
fn killed_at_random_moments_what_was_acknowledged_is_found() {
    let kills: usize = std::env::var("CALLBOARD_KILLS").ok().and_then(|n| n.parse().ok()).map_or(20, |n: usize| n / 5);
    let seed = std::env::var("CALLBOARD_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("replay with CALLBOARD_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut acknowledged = BTreeSet::new();
    let (mut next, mut died) = (0, 0);
    while died < kills {
        // A shell that has documents remembered one after the other, and says each that was acknowledged.
        let documents = folder.path().join(format!("documents{died}"));
        std::fs::create_dir(&documents).expect("a folder");
        let mut script = String::new();
        for _ in 0..12 {
            let text = format!("# Heading\n\nThe word {} stands here.\n\n", word(next));
            std::fs::write(documents.join(format!("{next}.md")), text).expect("written");
            script += &format!("\"$0\" \"$@\" remember {next}.md > /dev/null && echo {next}\n");
            next += 1;
        }
        let binary = callboard(&data);
        let mut shell = std::process::Command::new("sh");
        shell.arg("-c").arg(&script).arg(binary.get_program()).args(binary.get_args()).current_dir(&documents);
        // In a group of its own, so that the shell and what it runs die at once.
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        let mut child = shell.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let told = BufReader::new(child.stdout.take().expect("its output"));
        let reader = std::thread::spawn(move || {
            told.lines().map_while(Result::ok).filter_map(|line| line.parse::<usize>().ok()).collect::<Vec<_>>()
        });
        std::thread::sleep(Duration::from_millis(random.u64(20..900)));
        let group = format!("-{}", child.id());
        std::process::Command::new("kill").args(["-KILL", "--", &group]).status().expect("killed");
        child.wait().expect("it is gone");
        died += 1;
        let new = reader.join().expect("it reads");
        acknowledged.extend(new.iter().copied());

        // Those of this round, and some of all.
        let some = acknowledged.iter().copied().filter(|_| random.u8(..) < 20).collect::<Vec<_>>();
        for number in new.into_iter().chain(some) {
            found(&data, number);
        }
    }
    for number in &acknowledged {
        found(&data, *number);
    }
    assert!(acknowledged.len() >= kills / 4, "only {} were acknowledged", acknowledged.len());
    println!("{died} kills, {} acknowledged, all found", acknowledged.len());
}

fn found(data: &std::path::Path, number: usize) {
    let found = json(callboard(data).args(["recall", &word(number)]));
    assert_eq!(found["hits"].as_array().map(Vec::len), Some(1), "document {number} is lost: {found}");
}
