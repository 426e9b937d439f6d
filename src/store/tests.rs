use serde_json::json;

use super::fixtures::{append, append_as, asked, created, fixture, run_id, started};
use super::*;
use crate::clock::Timestamp;
use crate::run::{Origin, Output, RunEvent, RunId, RunStatus};

#[tokio::test]
async fn a_second_opener_is_told_who_owns_the_folder() {
    let fixture = fixture().await;
    let error = Store::open(fixture.folder.path(), StoreOptions::default()).await.unwrap_err();
    match &error {
        StoreError::Owned { pid, .. } => assert_eq!(*pid, Some(std::process::id())),
        other => panic!("{other}"),
    }
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    fixture.store.close().await.unwrap();
}

#[tokio::test]
async fn a_folder_can_be_taken_again_once_it_was_given_up() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..5 {
        let store = Store::open(folder.path().join("made/on/the/way"), StoreOptions::default()).await.unwrap();
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_a_newer_callboard_left_is_refused() {
    let fixture = fixture().await;
    let database = fixture.store.shared.database.clone();
    sqlx::query("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1")
        .execute(database.writing().await.unwrap().connection().unwrap())
        .await
        .unwrap();
    fixture.store.close().await.unwrap();
    drop((database, fixture.store, fixture.workspace));
    let error = Store::open(fixture.folder.path(), StoreOptions::default()).await.unwrap_err();
    assert!(matches!(error, StoreError::Migration { .. }) && error.to_string().contains("newer"), "{error}");
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("callboard.db"), "This is a letter to my aunt.".repeat(100)).unwrap();
    let error = Store::open(folder.path(), StoreOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("not a database"), "{error}");
}

#[tokio::test]
async fn the_database_is_set_up_to_lose_nothing() {
    let fixture = fixture().await;
    let mut writing = fixture.store.shared.database.writing().await.unwrap();
    let connection = writing.connection().unwrap();
    let (journal, synchronous, foreign_keys): (String, i64, i64) = sqlx::query_as(
        "SELECT journal_mode, synchronous, foreign_keys \
         FROM pragma_journal_mode, pragma_synchronous, pragma_foreign_keys",
    )
    .fetch_one(connection)
    .await
    .unwrap();
    // 2 is FULL.
    assert_eq!((journal.as_str(), synchronous, foreign_keys), ("wal", 2, 1));
}

#[tokio::test]
async fn every_table_has_a_workspace() {
    let fixture = fixture().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '_sqlx%' \
         AND NOT EXISTS (SELECT 1 FROM pragma_table_info(sqlite_schema.name) AS columns \
         WHERE columns.name = 'workspace_id' AND columns.\"notnull\")",
    )
    .fetch_all(fixture.store.shared.database.reading())
    .await
    .unwrap();
    assert!(tables.is_empty(), "{tables:?}");
}

#[test]
fn workspaces_have_plain_names() {
    for good in ["default", "a", "team-1", "0_x"] {
        assert_eq!(good.parse::<WorkspaceId>().unwrap().as_str(), good);
    }
    for bad in ["", "-a", "_a", "Team", "a b", "ä", &"a".repeat(64)] {
        assert!(bad.parse::<WorkspaceId>().is_err(), "{bad}");
    }
    assert!(serde_json::from_value::<WorkspaceId>(json!("No!")).is_err());
}

#[tokio::test]
async fn runs_are_listed_newest_first_page_by_page() {
    let fixture = fixture().await;
    let journal = fixture.workspace.journal();
    let statuses = [RunStatus::Running, RunStatus::Completed, RunStatus::Failed];
    for n in 0..30u64 {
        let mut append = append_as(run_id(n), 0, statuses[usize::try_from(n % 3).unwrap()], [created(None)]);
        // Two at a time: ties are broken by id.
        append.events[0].at = Timestamp(i64::try_from(n / 2).unwrap());
        journal.append(append).await.unwrap();
    }
    let runs = fixture.workspace.runs();
    for (status, expected) in [
        (None, (0..30).rev().collect::<Vec<_>>()),
        (Some(RunStatus::Failed), (0..30).rev().filter(|n| n % 3 == 2).collect()),
        (Some(RunStatus::Parked), vec![]),
    ] {
        let mut filter = RunFilter { status, ..RunFilter::default() };
        let mut seen = Vec::new();
        loop {
            let page = runs.list(&filter, 7).await.unwrap();
            let Some(last) = page.last() else { break };
            filter.before = Some((last.created_at, last.id));
            seen.extend(page.into_iter().map(|run| run.id));
        }
        assert_eq!(seen, expected.into_iter().map(run_id).collect::<Vec<_>>(), "{status:?}");
    }
    let other = RunFilter { workflow: Some("other".into()), ..RunFilter::default() };
    assert!(runs.list(&other, 7).await.unwrap().is_empty());
    let counts = runs.counts().await.unwrap();
    assert_eq!(counts, [(RunStatus::Completed, 10), (RunStatus::Failed, 10), (RunStatus::Running, 10)]);
}

#[tokio::test]
async fn a_run_is_found_by_the_beginning_of_its_id() {
    let fixture = fixture().await;
    let journal = fixture.workspace.journal();
    let ids = ["abcd0000-0000-7000-8000-000000000001", "abcd1111-0000-7000-8000-000000000002"];
    for id in ids {
        journal.append(append(id.parse().unwrap(), 0, [created(None)])).await.unwrap();
    }
    let runs = fixture.workspace.runs();
    let one = |found| match found {
        Found::One(run) => run.id.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(one(runs.find(ids[0]).await.unwrap()), ids[0]);
    assert_eq!(one(runs.find("ABCD1").await.unwrap()), ids[1]);
    assert_eq!(one(runs.find("abcd0000-0000-7").await.unwrap()), ids[0]);
    assert_eq!(runs.find("abcd").await.unwrap(), Found::Many(ids.map(|id| id.parse().unwrap()).to_vec()));
    for nothing in ["", "-", "abce", "brief", "abcdé", &"a".repeat(33)] {
        assert_eq!(runs.find(nothing).await.unwrap(), Found::Nothing, "{nothing}");
    }
}

#[tokio::test]
async fn recovery_finds_the_runs_that_need_an_actor() {
    let fixture = fixture().await;
    let journal = fixture.workspace.journal();
    let wait_for = |child| RunEvent::ChildStarted { step: "sub".into(), run: child };
    let heard = |child| RunEvent::ChildEnded {
        step: "sub".into(),
        run: child,
        status: RunStatus::Completed,
        output: Output::Nothing,
    };
    let by_status = [
        (1, RunStatus::Running),
        (2, RunStatus::Cancelling),
        (3, RunStatus::Waiting),
        (4, RunStatus::Parked),
        (5, RunStatus::Completed),
        (6, RunStatus::Failed),
        (7, RunStatus::Cancelled),
    ];
    for (n, status) in by_status {
        journal.append(append_as(run_id(n), 0, status, [created(None)])).await.unwrap();
    }
    // Parents that wait for a child that: runs; has ended; ended and was heard; was never made; ended, but the
    // parent has ended too.
    let waiting = RunStatus::Waiting;
    for n in [10, 11, 12, 13, 14] {
        let child = run_id(n + 100);
        journal.append(append_as(run_id(n), 0, waiting, [created(None), wait_for(child)])).await.unwrap();
    }
    let child_of = |n: u64| created(Some(Origin::Step { run: run_id(n), step: "sub".into() }));
    journal.append(append_as(run_id(110), 0, waiting, [child_of(10)])).await.unwrap();
    for n in [11, 12, 14] {
        journal.append(append_as(run_id(n + 100), 0, RunStatus::Completed, [child_of(n)])).await.unwrap();
    }
    journal.append(append_as(run_id(12), 2, waiting, [heard(run_id(112))])).await.unwrap();
    journal.append(append_as(run_id(14), 2, RunStatus::Cancelled, [started("end")])).await.unwrap();

    let mut found = fixture.workspace.runs().to_recover().await.unwrap();
    found.sort_unstable();
    assert_eq!(found, [1, 2, 11, 13].map(run_id));
    let elsewhere = fixture.store.workspace("elsewhere".parse().unwrap());
    assert!(elsewhere.runs().to_recover().await.unwrap().is_empty());
}

#[tokio::test]
async fn timers_come_in_the_order_in_which_they_are_due() {
    let fixture = fixture().await;
    let journal = fixture.workspace.journal();
    let due_at = |n: u64| Some(Timestamp(i64::try_from(n * 10).unwrap()));
    for n in [5, 3, 9, 1, 7] {
        let mut append = append_as(run_id(n), 0, RunStatus::Waiting, [created(None)]);
        append.head.wake_at = due_at(n);
        journal.append(append).await.unwrap();
    }
    // One that has ended, and one whose timer was taken away.
    let mut ended = append_as(run_id(3), 1, RunStatus::Cancelled, [started("a")]);
    ended.head.wake_at = due_at(3);
    journal.append(ended).await.unwrap();
    journal.append(append(run_id(7), 1, [started("a")])).await.unwrap();

    let runs = fixture.workspace.runs();
    let ids = |due: &[(Timestamp, RunId)]| due.iter().map(|(_, id)| *id).collect::<Vec<_>>();
    let now = Timestamp(80);
    let first = runs.due(now, None, 1).await.unwrap();
    assert_eq!(ids(&first), [run_id(1)]);
    let rest = runs.due(now, first.last().copied(), 10).await.unwrap();
    assert_eq!(ids(&rest), [run_id(5)]);
    assert_eq!(runs.next_wake(None).await.unwrap(), due_at(1));
    assert_eq!(runs.next_wake(Some(now)).await.unwrap(), due_at(9));
    assert_eq!(runs.next_wake(due_at(9)).await.unwrap(), None);
}

#[tokio::test]
async fn questions_are_open_until_answered_or_their_run_has_ended() {
    let fixture = fixture().await;
    let journal = fixture.workspace.journal();
    for n in 1..=4 {
        let mut append = append_as(run_id(n), 0, RunStatus::Parked, [created(None), asked("sign"), asked("pay")]);
        append.events.iter_mut().for_each(|event| event.at = Timestamp(i64::try_from(n).unwrap()));
        journal.append(append).await.unwrap();
    }
    let answered = |by: Option<&str>| RunEvent::Answered {
        question: "sign".into(),
        choice: "approved".into(),
        form: None,
        by: by.map(str::to_owned),
    };
    journal.append(append_as(run_id(1), 3, RunStatus::Parked, [answered(Some("ann"))])).await.unwrap();
    journal.append(append_as(run_id(2), 3, RunStatus::Parked, [answered(None), asked("sign")])).await.unwrap();
    journal.append(append_as(run_id(3), 3, RunStatus::Cancelled, [started("end")])).await.unwrap();

    let questions = fixture.workspace.questions();
    let mut seen = Vec::new();
    let mut last = None;
    loop {
        let page = questions.open(last.as_ref(), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        last = page.last().cloned();
        seen.extend(page);
    }
    let ids: Vec<_> = seen.iter().map(|open| (open.run, open.question.id.to_string())).collect();
    let pair = |n, id: &str| (run_id(n), id.to_owned());
    assert_eq!(ids, [pair(1, "pay"), pair(2, "pay"), pair(4, "pay"), pair(4, "sign"), pair(2, "sign")]);
    assert_eq!(seen[0].workflow, "brief");
    assert_eq!(seen[0].question.ask, "Shall pay go on?");
    assert_eq!(questions.of_run(run_id(4)).await.unwrap().len(), 2);
    let answer = questions.answer(run_id(1), "sign").await.unwrap().unwrap();
    assert_eq!((answer.choice.as_str(), answer.by.as_deref()), ("approved", Some("ann")));
    assert_eq!(questions.answer(run_id(2), "sign").await.unwrap(), None, "it was asked again");
}

#[tokio::test]
async fn versions_of_a_workflow_are_kept_and_one_is_live() {
    let fixture = fixture().await;
    let workflows = fixture.workspace.workflows();
    let (early, late) = (Timestamp(1), Timestamp(2));
    assert_eq!(workflows.save("brief", "h1", "name: brief # one", early).await.unwrap(), 1);
    assert_eq!(workflows.save("brief", "h2", "name: brief # two", late).await.unwrap(), 2);
    assert_eq!(workflows.save("brief", "h1", "name: brief # one", late).await.unwrap(), 1);
    assert_eq!(workflows.save("other", "h1", "name: other", late).await.unwrap(), 1);
    assert_eq!(workflows.live("brief").await.unwrap(), None);
    workflows.set_live("brief", "h2").await.unwrap();
    assert!(matches!(workflows.set_live("brief", "h3").await, Err(StoreError::Missing(_))));
    assert!(matches!(workflows.set_live("nothing", "h1").await, Err(StoreError::Missing(_))));
    assert_eq!(workflows.live("brief").await.unwrap().unwrap().text, "name: brief # two");
    let first = workflows.version("brief", "h1").await.unwrap().unwrap();
    assert_eq!((first.text.as_str(), first.created_at), ("name: brief # one", early));
    let hashes: Vec<_> = workflows.versions("brief").await.unwrap().into_iter().map(|version| version.hash).collect();
    assert_eq!(hashes, ["h2", "h1"]);
    let list = workflows.list().await.unwrap();
    assert_eq!((list[0].name.as_str(), list[0].versions, list[0].live.as_deref()), ("brief", 2, Some("h2")));
    let elsewhere = fixture.store.workspace("elsewhere".parse().unwrap()).workflows();
    assert_eq!(elsewhere.version("brief", "h1").await.unwrap(), None);
    assert_eq!(elsewhere.save("brief", "h9", "name: brief", late).await.unwrap(), 1);
}

#[tokio::test]
async fn definitions_are_kept_by_hash() {
    let fixture = fixture().await;
    let definitions = fixture.workspace.definitions();
    let prompt = |hash: &str, text: &str| Definition {
        kind: DefinitionKind::Prompt,
        name: "research".into(),
        hash: hash.into(),
        text: text.into(),
    };
    definitions.save(&[prompt("h1", "Be brief."), prompt("h2", "Be kind.")], Timestamp(1)).await.unwrap();
    definitions.save(&[prompt("h1", "never looked at"), prompt("h3", "Be bold.")], Timestamp(2)).await.unwrap();
    let text = |kind, hash| {
        let definitions = definitions.clone();
        async move { definitions.text(kind, "research", hash).await.unwrap() }
    };
    assert_eq!(text(DefinitionKind::Prompt, "h1").await.as_deref(), Some("Be brief."));
    assert_eq!(text(DefinitionKind::Prompt, "h3").await.as_deref(), Some("Be bold."));
    assert_eq!(text(DefinitionKind::Agent, "h1").await, None);
}
