use std::time::Duration;

use futures::future::join_all;
use proptest::prelude::*;

use super::*;
use crate::run::{Origin, RunEvent};
use crate::store::fixtures::{append, append_as, created, fixture, fixture_with, run_id, started};
use crate::store::{Store, StoreOptions, WorkspaceId};

#[tokio::test]
async fn what_was_appended_is_read_back_in_order_and_after_reopening() {
    let fixture = fixture().await;
    let journal = fixture.workspace.journal();
    let run = run_id(1);
    let first = append(run, 0, [created(None), started("a")]);
    let second = append_as(run, 2, RunStatus::Completed, [started("b")]);
    journal.append(first.clone()).await.unwrap();
    journal.append(second.clone()).await.unwrap();
    let all = [first.events, second.events].concat();
    assert_eq!(journal.read(run, 0, 100).await.unwrap(), all);
    assert_eq!(journal.read(run, 1, 1).await.unwrap(), all[1..2]);
    assert_eq!(journal.read_one(run, 3).await.unwrap().as_ref(), Some(&all[2]));
    assert_eq!(journal.read_one(run, 4).await.unwrap(), None);

    fixture.store.close().await.unwrap();
    drop((fixture.workspace, fixture.store, journal));
    let store = Store::open(fixture.folder.path(), StoreOptions::default()).await.unwrap();
    let workspace = store.workspace(WorkspaceId::default());
    assert_eq!(workspace.journal().read(run, 0, 100).await.unwrap(), all);
    let head = workspace.runs().get(run).await.unwrap().unwrap();
    assert_eq!((head.seq, head.status, head.ended_at), (3, RunStatus::Completed, Some(Timestamp(2000))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_at_the_same_time_share_commits_and_keep_each_runs_order() {
    let fixture = fixture().await;
    let journal = fixture.workspace.journal();
    let before = fixture.store.journal_stats();
    join_all((0..50).map(|n| {
        let journal = journal.clone();
        tokio::spawn(async move {
            journal.append(append(run_id(n), 0, [created(None), started("s")])).await.unwrap();
            for after in 2..20 {
                journal.append(append(run_id(n), after, [started("s")])).await.unwrap();
            }
        })
    }))
    .await
    .into_iter()
    .for_each(|joined| joined.unwrap());
    let stats = fixture.store.journal_stats();
    assert_eq!((stats.appends, stats.events), (50 * 19, 50 * 20));
    let commits = stats.commits - before.commits;
    assert!(commits * 5 < stats.appends, "{commits} commits for {} appends", stats.appends);
    for n in 0..50 {
        let events = journal.read(run_id(n), 0, 100).await.unwrap();
        assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_stale_append_fails_alone() {
    let fixture = fixture().await;
    let journal = fixture.workspace.journal();
    let elsewhere = fixture.store.workspace("elsewhere".parse().unwrap()).journal();
    journal.append(append(run_id(1), 0, [created(None)])).await.unwrap();
    let results = join_all([
        journal.append(append(run_id(10), 0, [created(None)])),
        // Behind, ahead, again from the start, of a run that is not there, and of another workspace's.
        journal.append(append(run_id(1), 1, [started("in time")])),
        journal.append(append(run_id(1), 1, [started("late")])),
        journal.append(append(run_id(1), 7, [started("early")])),
        journal.append(append(run_id(1), 0, [created(None)])),
        journal.append(append(run_id(99), 3, [started("nowhere")])),
        elsewhere.append(append(run_id(1), 2, [started("elsewhere")])),
        journal.append(append(run_id(11), 0, [created(None)])),
    ])
    .await;
    let conflicts: Vec<_> = results
        .iter()
        .enumerate()
        .filter_map(|(n, result)| match result {
            Ok(()) => None,
            Err(JournalError::Conflict { expected, .. }) => Some((n, *expected)),
            Err(other) => panic!("{other}"),
        })
        .collect();
    assert_eq!(conflicts, [(2, 1), (3, 7), (4, 0), (5, 3), (6, 2)]);
    assert_eq!(journal.read(run_id(1), 0, 10).await.unwrap().len(), 2);
    assert_eq!(journal.read(run_id(10), 0, 10).await.unwrap().len(), 1);
    assert_eq!(journal.read(run_id(11), 0, 10).await.unwrap().len(), 1);
    assert!(journal.read(run_id(99), 0, 10).await.unwrap().is_empty());
    assert!(elsewhere.read(run_id(1), 0, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_no_continuation_is_refused() {
    let fixture = fixture().await;
    let journal = fixture.workspace.journal();
    let mut gap = append(run_id(1), 0, [created(None), started("a")]);
    gap.events[1].seq = 3;
    for (append, expected) in [
        (append(run_id(1), 0, []), "holds no event"),
        (gap, "event 3 stands where 2 is due"),
        (append(run_id(1), 0, [started("a")]), "`created` is the first event"),
        (append(run_id(1), 1, [created(None)]), "`created` is the first event"),
    ] {
        let error = journal.append(append).await.unwrap_err();
        assert!(matches!(error, JournalError::Invalid { .. }) && error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_damaged_event_is_told_by_its_number_and_others_are_read() {
    let fixture = fixture().await;
    let journal = fixture.workspace.journal();
    for n in 1..=4 {
        journal.append(append(run_id(n), 0, [created(None), started("a"), started("b")])).await.unwrap();
    }
    let damage = |sql: &'static str, run: RunId| {
        let database = fixture.workspace.shared.database.clone();
        async move {
            let mut writing = database.writing().await.unwrap();
            sqlx::query(sql).bind(run).execute(writing.connection().unwrap()).await.unwrap();
        }
    };
    damage("UPDATE events SET body = '{\"star' WHERE seq = 2 AND run = ?", run_id(1)).await;
    damage("UPDATE events SET v = 999 WHERE seq = 3 AND run = ?", run_id(2)).await;
    damage("DELETE FROM events WHERE seq = 2 AND run = ?", run_id(3)).await;
    for (run, damaged, why) in [(1, 2, "EOF"), (2, 3, "schema version 999"), (3, 2, "missing")] {
        match journal.read(run_id(run), 0, 10).await.unwrap_err() {
            JournalError::Corrupt { run: of, seq, reason } => {
                assert_eq!((of, seq), (run_id(run), damaged));
                assert!(reason.contains(why), "{reason}");
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(journal.read(run_id(4), 0, 10).await.unwrap().len(), 3);
    assert_eq!(journal.read_one(run_id(1), 3).await.unwrap().unwrap().event, started("b"));
}

#[tokio::test]
async fn bodies_of_one_step_are_paged_without_the_rest() {
    use crate::store::fixtures::body_ended;
    let fixture = fixture().await;
    let journal = fixture.workspace.journal();
    let run = run_id(1);
    journal.append(append(run, 0, [created(None)])).await.unwrap();
    let events: Vec<RunEvent> =
        (0..300).flat_map(|index| [started("each"), body_ended("each", index), body_ended("other", index)]).collect();
    journal.append(append(run, 1, events)).await.unwrap();
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = journal.bodies(run, &"each".into(), after, 64).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.ended.seq;
        seen.extend(page.into_iter().map(|body| body.ended.event));
    }
    assert_eq!(seen, (0..300).map(|index| body_ended("each", index)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_acknowledged_that_is_not_stored() {
    let fixture = fixture_with(StoreOptions { max_page_count: Some(150), ..StoreOptions::default() }).await;
    let journal = fixture.workspace.journal();
    let big = || started(&"x".repeat(3000));
    let mut acknowledged = Vec::new();
    let mut refused = Vec::new();
    for round in 0..40 {
        let runs: Vec<_> = (0..10).map(|n| run_id(1 + round * 10 + n)).collect();
        let results = join_all(runs.iter().map(|run| journal.append(append(*run, 0, [created(None), big()])))).await;
        for (run, result) in runs.into_iter().zip(results) {
            match result {
                Ok(()) => acknowledged.push(run),
                Err(JournalError::Full { folder }) => {
                    assert!(folder.contains(fixture.folder.path().to_str().unwrap()));
                    refused.push(run);
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert!(!acknowledged.is_empty() && !refused.is_empty());
    let whole = |runs: Vec<RunId>, events: usize| {
        let journal = journal.clone();
        async move {
            for run in runs {
                assert_eq!(journal.read(run, 0, 10).await.unwrap().len(), events, "{run}");
            }
        }
    };
    whole(acknowledged.clone(), 2).await;
    whole(refused.clone(), 0).await;

    fixture.store.limit_pages(None).await.unwrap();
    for run in &refused {
        journal.append(append(*run, 0, [created(None), big()])).await.unwrap();
    }
    whole(refused, 2).await;
    whole(acknowledged, 2).await;
}

#[tokio::test]
async fn closing_commits_what_waits_and_refuses_the_rest() {
    let fixture = fixture().await;
    let journal = fixture.workspace.journal();
    let waiting: Vec<_> = (0..20)
        .map(|n| {
            let journal = journal.clone();
            tokio::spawn(async move { journal.append(append(run_id(n), 0, [created(None)])).await })
        })
        .collect();
    tokio::task::yield_now().await;
    fixture.store.close().await.unwrap();
    for joined in waiting {
        joined.await.unwrap().unwrap();
    }
    let error = journal.append(append(run_id(50), 0, [created(None)])).await.unwrap_err();
    assert!(matches!(error, JournalError::Unavailable(_)), "{error}");
    let log = fixture.folder.path().join("callboard.db-wal");
    assert!(std::fs::metadata(log).map_or(0, |log| log.len()) == 0, "the log was not copied into the database");
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_the_append_and_the_journal_whole() {
    let fixture = fixture().await;
    let journal = fixture.workspace.journal();
    for n in 0..20 {
        let gone = journal.append(append(run_id(n), 0, [created(None), started("a")]));
        let _ = tokio::time::timeout(Duration::from_micros(n * 50), gone).await;
    }
    journal.append(append(run_id(100), 0, [created(None)])).await.unwrap();
    for n in 0..20 {
        assert!([0, 2].contains(&journal.read(run_id(n), 0, 10).await.unwrap().len()));
    }
}

#[tokio::test]
async fn the_head_tells_where_a_run_comes_from() {
    let fixture = fixture().await;
    let journal = fixture.workspace.journal();
    let (parent, retried) = (run_id(1), run_id(2));
    let child = Origin::Step { run: parent, step: "sub".into() };
    journal.append(append(run_id(3), 0, [created(Some(child))])).await.unwrap();
    journal.append(append(run_id(4), 0, [created(Some(Origin::RetryOf { run: retried }))])).await.unwrap();
    let runs = fixture.workspace.runs();
    assert_eq!(runs.get(run_id(3)).await.unwrap().unwrap().parent, Some((parent, "sub".into())));
    assert_eq!(runs.get(run_id(4)).await.unwrap().unwrap().retry_of, Some(retried));
    assert_eq!(runs.children(parent).await.unwrap().len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any sequence of appends to a few runs, made at once or one after the other, reads back as what was
    /// acknowledged, run by run.
    #[test]
    fn any_sequence_of_appends_reads_back(
        appends in prop::collection::vec((0..4u64, 1..90usize, any::<bool>(), "\\PC{0,20}"), 1..30)
    ) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let fixture = fixture().await;
            let journal = fixture.workspace.journal();
            let mut expected: Vec<Vec<Recorded>> = vec![Vec::new(); 4];
            let mut together = Vec::new();
            for (n, events, wait, text) in appends {
                let list = &mut expected[usize::try_from(n).unwrap()];
                let after = list.len() as u64;
                let first = (after == 0).then(|| created(None));
                let append = append(run_id(n), after, first.into_iter().chain((0..events).map(|_| started(&text))));
                list.extend(append.events.clone());
                let journal = journal.clone();
                together.push(tokio::spawn(async move { journal.append(append).await }));
                if wait {
                    for joined in together.drain(..) {
                        joined.await.unwrap().unwrap();
                    }
                }
            }
            for joined in together {
                joined.await.unwrap().unwrap();
            }
            for (n, list) in (0..).zip(expected) {
                assert_eq!(journal.read(run_id(n), 0, usize::MAX).await.unwrap(), list);
            }
        });
    }
}
