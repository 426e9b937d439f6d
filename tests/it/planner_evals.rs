//! The planner on cases of our own (evals/planner), with the offline model: how many requests it understands, and whether
//! fewer than before.

mod case;
mod expected;
mod fit;
mod oracle;
mod score;
mod tests;
mod tree;
mod world;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, thread};

use callboard::model::{Offline, TokenCount};
use callboard::planner::{Offer, Proposed, Wish, propose};

use case::{Case, Evals, Wanted, folder};
use score::{Judged, Score, drafted, judge};

#[test]
fn the_offline_planner_understands_no_fewer_requests_than_it_did() {
    let evals = Evals::read();
    let offer = evals.offer();
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let share = evals.cases.len().div_ceil(cores);
    // In the order of the cases: the shares are joined in the order in which they were handed out.
    let proposed: Vec<Proposed> = thread::scope(|scope| {
        let shares: Vec<_> = evals.cases.chunks(share).map(|cases| scope.spawn(|| plan_all(cases, &offer))).collect();
        shares.into_iter().flat_map(|share| share.join().unwrap()).collect()
    });
    let mut score = Score::default();
    let mut report = String::new();
    for (case, proposed) in evals.cases.iter().zip(&proposed) {
        let judged = judge(case, proposed);
        score.add(case, &judged);
        if !judged.is_exact {
            report.push_str(&told(case, proposed, &judged));
        }
    }
    write!(report, "\n{score}").unwrap();
    println!("{report}");
    let results = results();
    fs::create_dir_all(&results).unwrap();
    fs::write(results.join("report.txt"), &report).unwrap();
    let text = serde_json::to_string_pretty(&score).unwrap() + "\n";
    fs::write(results.join("score.json"), &text).unwrap();

    let file = folder().join("score.json");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&file, text).unwrap();
        return;
    }
    let kept = fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; UPDATE_EXPECT=1 makes it", file.display()));
    let kept: Score = serde_json::from_str(&kept).unwrap();
    let worse = score.worse_than(&kept);
    assert!(
        worse.is_empty(),
        "the planner is worse than evals/planner/score.json says: {}. If that is how it should be, run this test with \
         UPDATE_EXPECT=1 and commit the file; {} says what was made of each request",
        worse.join("; "),
        results.join("report.txt").display()
    );
    if score.total.exact > kept.total.exact {
        println!("better than evals/planner/score.json says: UPDATE_EXPECT=1 keeps it");
    }
}

/// Where the results go: beside what was built.
fn results() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_callboard"));
    program.parent().and_then(Path::parent).unwrap().join("planner-evals")
}

fn plan_all(cases: &[Case], offer: &Offer) -> Vec<Proposed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let count = TokenCount::of("offline");
    let plan = |case: &Case| {
        let wish = Wish { request: &case.say, workflow: case.before.as_ref(), offer, turns: &case.turns, memory: &[] };
        runtime
            .block_on(propose(&Offline, &count, &wish, &mut |_| ()))
            .unwrap_or_else(|error| panic!("{}: {error}", case.id))
    };
    cases.iter().map(plan).collect()
}

/// What was made of a request that was not understood.
fn told(case: &Case, proposed: &Proposed, judged: &Judged) -> String {
    let mut text = String::new();
    let level = if judged.has_structure { "structure" } else { "missed" };
    let touched = if judged.preserves == Some(false) { ", not preserved" } else { "" };
    writeln!(text, "{} ({level}{touched}): {}", case.id, case.say).unwrap();
    for turn in &case.turns {
        writeln!(text, "        {:?}: {}", turn.role, turn.text).unwrap();
    }
    match &case.wanted {
        Wanted::Steps { triggers, written, .. } => {
            writeln!(text, "  want  {written}").unwrap();
            if let Some(triggers) = triggers {
                writeln!(text, "        started by {triggers:?}").unwrap();
            }
        }
        Wanted::Question { between } => writeln!(text, "  want  a question between {between:?}").unwrap(),
        Wanted::Nothing => writeln!(text, "  want  no edits").unwrap(),
    }
    let proposal = &proposed.proposal;
    write!(text, "  got   {:?}", proposal.standing).unwrap();
    let workflow = drafted(case, proposed);
    write!(text, " {}", tree::shown(&tree::tree(&workflow.steps))).unwrap();
    if !workflow.triggers.is_empty() {
        write!(text, "\n        started by {:?}", workflow.triggers).unwrap();
    }
    if tree::has_dead_steps(&workflow.steps) {
        write!(text, "\n        with a step that can never run").unwrap();
    }
    text.push('\n');
    for problem in &proposal.problems {
        writeln!(text, "        problem: {problem}").unwrap();
    }
    for question in &proposal.questions {
        let choices: Vec<&str> = question.choices.iter().map(|choice| choice.label.as_str()).collect();
        writeln!(text, "        asks: {} {choices:?}", question.ask).unwrap();
    }
    text
}
