use super::*;
use crate::store::fixtures::Fixture;

/// A note about the budget by this author, who was this sure.
fn about(author: &str, text: &str, confidence: Option<u8>) -> NewNote {
    let provenance = Some(Provenance { run: run_id(1), step: author.into() });
    NewNote {
        source: author.into(),
        heading: Some("budget".into()),
        text: text.into(),
        confidence,
        provenance,
        ..note(text)
    }
}

/// Notes these, and returns the texts that stand, and those that gave way, each with why.
async fn noted(notes: &[NewNote]) -> (Vec<String>, Vec<(String, Settled)>) {
    let fixture = fixture().await;
    for note in notes {
        fixture.workspace.entries().note(note.clone(), Timestamp(1)).await.unwrap();
    }
    how_they_stand(&fixture).await
}

async fn how_they_stand(fixture: &Fixture) -> (Vec<String>, Vec<(String, Settled)>) {
    let entries = fixture.workspace.entries();
    let all = entries.notes(&EntryScope::Run(run_id(1)), None, 100).await.unwrap();
    let standing: Vec<&Entry> = all.iter().filter(|note| note.superseded_by.is_none()).collect();
    let ids: Vec<EntryId> = standing.iter().map(|note| note.id).collect();
    assert_eq!(ids, in_pages(&entries).await, "the index holds what stands");
    let gone = all.iter().filter_map(|note| Some((note.text.clone(), note.settled.clone()?))).collect();
    (standing.iter().map(|note| note.text.clone()).collect(), gone)
}

#[tokio::test]
async fn who_noted_a_thing_may_revise_it() {
    let (stands, gone) = noted(&[about("research", "ten", Some(90)), about("research", "twelve", Some(10))]).await;
    assert_eq!((stands, gone), (vec!["twelve".into()], vec![("ten".into(), Settled::Revised)]));
}

#[tokio::test]
async fn notes_of_different_authors_stand_side_by_side() {
    let (stands, gone) = noted(&[about("research", "ten", None), about("analysis", "twelve", Some(60))]).await;
    assert_eq!((stands, gone), (vec!["ten".into(), "twelve".into()], vec![]));
    let other_step = NewNote {
        provenance: Some(Provenance { run: run_id(1), step: "again".into() }),
        ..about("research", "2", None)
    };
    let (stands, _) = noted(&[about("research", "1", None), other_step]).await;
    assert_eq!(stands, ["1", "2"], "another step of the same role is another author");
}

#[tokio::test]
async fn the_note_that_its_author_is_clearly_surer_of_holds() {
    for (first, second, holds) in [(Some(40), Some(60), "new"), (Some(90), None, "old"), (None, Some(70), "new")] {
        let (stands, gone) = noted(&[about("research", "old", first), about("analysis", "new", second)]).await;
        assert_eq!(stands, [holds], "{first:?} {second:?}");
        assert_eq!(gone[0].1, Settled::Confidence);
    }
    let (stands, _) =
        noted(&[about("a", "one", Some(60)), about("b", "two", Some(79)), about("c", "three", Some(99))]).await;
    assert_eq!(stands, ["three"], "it outweighs both");
}

#[tokio::test]
async fn notes_that_say_the_same_do_not_contradict() {
    let (stands, gone) = noted(&[about("a", "ten  euros", Some(90)), about("b", "ten euros\n", Some(10))]).await;
    assert_eq!((stands.len(), gone.len()), (2, 0));
}

#[tokio::test]
async fn a_ruling_settles_which_note_holds_and_is_kept() {
    let fixture = fixture().await;
    let entries = fixture.workspace.entries();
    let mut ids = Vec::new();
    for (author, text) in [("a", "one"), ("b", "two"), ("c", "three")] {
        ids.push(entries.note(about(author, text, None), Timestamp(1)).await.unwrap());
    }
    let scope = EntryScope::Run(run_id(1));
    let ruling = Settled::Ruling { by: "qa".into(), reason: "the minutes say so".into() };
    assert_eq!(entries.settle(None, ids[1], None, &ruling).await.unwrap(), [ids[0], ids[2]]);
    let (stands, gone) = how_they_stand(&fixture).await;
    assert_eq!(stands, ["two"]);
    assert_eq!(gone, [("one".into(), ruling.clone()), ("three".into(), ruling.clone())]);
    assert_eq!(entries.settle(None, ids[1], None, &ruling).await.unwrap(), [], "ruled again, nothing changes");
    let elsewhere = [EntryScope::Workspace];
    for (scopes, holds) in [(None, ids[0]), (Some(&elsewhere[..]), ids[1]), (None, EntryId(99))] {
        let error = entries.settle(scopes, holds, None, &ruling).await.unwrap_err();
        assert!(matches!(error, StoreError::Missing(_)), "{error}");
    }
    let notes = entries.notes(&scope, None, 9).await.unwrap();
    assert_eq!(notes.iter().map(|note| note.version).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(entries.notes(&scope, Some("team"), 9).await.unwrap(), []);
    // What comes later contradicts the one that holds, and nothing else.
    entries.note(about("d", "four", None), Timestamp(2)).await.unwrap();
    assert_eq!(how_they_stand(&fixture).await.0, ["two", "four"]);
}

#[tokio::test]
async fn a_step_of_another_workflow_is_another_author() {
    let other_run = |text: &str| NewNote {
        provenance: Some(Provenance { run: run_id(2), step: "a".into() }),
        ..about("a", text, None)
    };
    let (stands, _) = noted(&[about("a", "ten", None), other_run("twelve")]).await;
    assert_eq!(stands, ["ten", "twelve"]);
}

#[tokio::test]
async fn a_ruling_is_against_those_alone_that_it_was_about() {
    let fixture = fixture().await;
    let entries = fixture.workspace.entries();
    let mut ids = Vec::new();
    for author in ["a", "b", "late"] {
        ids.push(entries.note(about(author, author, None), Timestamp(1)).await.unwrap());
    }
    let ruling = Settled::Ruling { by: "qa".into(), reason: "because".into() };
    assert_eq!(entries.settle(None, ids[0], Some(&ids[..2]), &ruling).await.unwrap(), [ids[1]]);
    assert_eq!(how_they_stand(&fixture).await.0, ["a", "late"]);
}
