mod notes;

use super::*;
use crate::store::WorkspaceId;
use crate::store::fixtures::{fixture, run_id};

fn document(source: &str, hash: &str, texts: &[&str]) -> NewDocument {
    let pieces = texts.iter().map(|text| NewPiece {
        position: Some(Position::Text { bytes: 0..text.len() as u64, lines: 1..2 }),
        heading: Some("Otters".into()),
        text: (*text).into(),
    });
    NewDocument::new(EntryScope::Workspace, source, hash, pieces.collect())
}

fn note(text: &str) -> NewNote {
    NewNote {
        scope: EntryScope::Run(run_id(1)),
        source: "research".into(),
        author: Some("research".into()),
        heading: None,
        text: text.into(),
        confidence: None,
        provenance: Some(Provenance { run: run_id(1), step: "gather".into() }),
        key: None,
    }
}

#[tokio::test]
async fn a_note_with_a_key_is_made_once() {
    let fixture = fixture().await;
    let entries = fixture.workspace.entries();
    let keyed = |text: &str, key: &str| NewNote { key: Some(key.into()), ..note(text) };
    let first = entries.note(keyed("one", "k1"), Timestamp(1)).await.unwrap();
    assert_eq!(entries.note(keyed("one", "k1"), Timestamp(2)).await.unwrap(), first);
    assert_ne!(entries.note(keyed("one", "k2"), Timestamp(3)).await.unwrap(), first);
    assert_eq!(entries.counts().await.unwrap().notes, 2);
}

fn added(remembered: Remembered) -> (Vec<EntryId>, Vec<EntryId>) {
    match remembered {
        Remembered::Replaced { added, removed } => (added, removed),
        Remembered::Unchanged => panic!("nothing was written"),
    }
}

/// What an index would hold that follows the changes.
async fn follow(entries: &Entries, mut index: Vec<EntryId>) -> (Vec<EntryId>, Revision) {
    let mut after = entries.watermark().await.unwrap();
    loop {
        let changes = entries.changes(after, 2).await.unwrap();
        let Some(last) = changes.last() else { break };
        after = last.revision();
        for change in changes {
            match change {
                Change::Added(_, entry) => index.push(entry.id),
                Change::Gone(_, id) => index.retain(|other| *other != id),
            }
        }
    }
    index.sort_unstable();
    (index, after)
}

async fn in_pages(entries: &Entries) -> Vec<EntryId> {
    let mut ids = Vec::new();
    loop {
        let page = entries.page(ids.last().copied(), 2).await.unwrap();
        if page.is_empty() {
            return ids;
        }
        ids.extend(page.into_iter().map(|entry| entry.id));
    }
}

#[tokio::test]
async fn a_document_is_superseded_when_it_changed_and_only_then() {
    let fixture = fixture().await;
    let entries = fixture.workspace.entries();
    let at = Timestamp(5);
    let (first, removed) = added(entries.remember(document("a.md", "h1", &["one", "two"]), at).await.unwrap());
    assert!(removed.is_empty());
    let again = entries.remember(document("a.md", "h1", &["one", "two"]), at).await.unwrap();
    assert_eq!(again, Remembered::Unchanged);
    let (second, removed) = added(entries.remember(document("a.md", "h2", &["three"]), at).await.unwrap());
    assert_eq!(removed, first);
    let got = entries.get(&[second[0], first[0]]).await.unwrap();
    assert_eq!((got[0].text.as_str(), got[0].version, got[0].superseded_by), ("three", 2, None));
    assert_eq!((got[1].text.as_str(), got[1].version, got[1].superseded_by), ("one", 1, Some(second[0])));
    assert_eq!((got[0].source.as_str(), &got[0].scope), ("a.md", &EntryScope::Workspace));
    assert_eq!(got[0].position, Some(Position::Text { bytes: 0..5, lines: 1..2 }));
    assert_eq!(in_pages(&entries).await, second, "one version is live");
    let documents = entries.documents().await.unwrap();
    assert_eq!((documents.len(), documents[0].hash.as_str(), documents[0].entries), (1, "h2", 1));
    let all: Vec<EntryId> = first.iter().chain(&second).copied().collect();
    assert_eq!(entries.forget(&EntryScope::Workspace, "a.md").await.unwrap(), all);
    assert_eq!(entries.counts().await.unwrap(), EntryCounts::default());
    assert_eq!(entries.get(&all).await.unwrap(), []);
    let (third, _) = added(entries.remember(document("a.md", "h2", &["three"]), at).await.unwrap());
    assert!(third[0] > second[0], "an id was given twice");
}

#[tokio::test]
async fn a_few_superseded_versions_are_kept() {
    let fixture = fixture().await;
    let entries = fixture.workspace.entries();
    for version in 0..9 {
        entries.remember(document("a.md", &format!("h{version}"), &["text"]), Timestamp(version)).await.unwrap();
    }
    let all: Vec<EntryId> = (1..=9).map(EntryId).collect();
    let versions: Vec<u64> = entries.get(&all).await.unwrap().iter().map(|entry| entry.version).collect();
    assert_eq!(versions, [4, 5, 6, 7, 8, 9]);
    let kept = entries.versions(&Sources::One("a.md".to_owned())).await.unwrap();
    let told: Vec<_> = kept.iter().map(|kept| (kept.version, kept.entries, kept.at.0, kept.superseded_by)).collect();
    assert_eq!(told[..2], [(9, 1, 8, None), (8, 1, 7, Some(EntryId(9)))]);
    assert_eq!(kept.len(), 6);
    assert_eq!(entries.versions(&Sources::One("b.md".to_owned())).await.unwrap(), []);
    assert_eq!(in_pages(&entries).await, [EntryId(9)]);
}

#[tokio::test]
async fn a_page_that_is_as_it_was_may_get_other_validators() {
    let fixture = fixture().await;
    let entries = fixture.workspace.entries();
    let tagged = |etag: &str| NewDocument {
        validators: Validators { etag: Some(etag.into()), modified: None },
        ..document("https://example.org/", "h", &["text"])
    };
    entries.remember(tagged("one"), Timestamp(1)).await.unwrap();
    assert_eq!(entries.remember(tagged("two"), Timestamp(2)).await.unwrap(), Remembered::Unchanged);
    let page = entries.documents().await.unwrap().remove(0);
    assert_eq!((page.validators.etag.as_deref(), page.version, page.entries), (Some("two"), 1, 1));
    assert_eq!(page.updated_at, Timestamp(1), "its content is as it was");
}

#[tokio::test]
async fn a_long_document_keeps_the_order_of_its_pieces() {
    let fixture = fixture().await;
    let entries = fixture.workspace.entries();
    let texts: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
    let long = document("long", "h", &texts.iter().map(String::as_str).collect::<Vec<_>>());
    let (ids, _) = added(entries.remember(long, Timestamp(0)).await.unwrap());
    let got: Vec<_> = entries.get(&ids).await.unwrap().into_iter().map(|entry| entry.text).collect();
    assert_eq!(got, texts);
    let next = entries.note(note("after it"), Timestamp(1)).await.unwrap();
    assert!(ids.iter().all(|id| *id < next));
}

#[tokio::test]
async fn entries_come_in_the_order_asked_for() {
    let fixture = fixture().await;
    let entries = fixture.workspace.entries();
    let (ids, _) = added(entries.remember(document("a", "h", &["0", "1", "2"]), Timestamp(0)).await.unwrap());
    let got = entries.get(&[ids[2], ids[0], ids[1]]).await.unwrap();
    assert_eq!(got.iter().map(|entry| entry.text.as_str()).collect::<Vec<_>>(), ["2", "0", "1"]);
}

#[tokio::test]
async fn an_index_that_follows_the_changes_holds_what_the_pages_hold() {
    let fixture = fixture().await;
    let entries = fixture.workspace.entries();
    entries.remember(document("a", "1", &["one", "two", "three"]), Timestamp(1)).await.unwrap();
    let about = |text: &str| NewNote { heading: Some("otters".into()), ..note(text) };
    entries.note(about("kept"), Timestamp(1)).await.unwrap();
    let (index, revision) = follow(&entries, Vec::new()).await;
    assert_eq!(index, in_pages(&entries).await);
    entries.set_watermark(revision).await.unwrap();
    assert!(entries.changes(Revision(0), 10).await.unwrap().is_empty());
    assert_eq!(entries.latest().await.unwrap(), revision);

    entries.remember(document("a", "2", &["one"]), Timestamp(2)).await.unwrap();
    entries.remember(document("a", "3", &["one", "two"]), Timestamp(3)).await.unwrap();
    entries.note(about("better"), Timestamp(4)).await.unwrap();
    entries.note(NewNote { confidence: Some(10), source: "qa".into(), ..about("yields") }, Timestamp(5)).await.unwrap();
    let (index, revision) = follow(&entries, index).await;
    assert_eq!(index, in_pages(&entries).await);
    assert_eq!(revision, entries.latest().await.unwrap());
}

#[tokio::test]
async fn a_workspace_sees_nothing_of_another() {
    let fixture = fixture().await;
    let ours = fixture.workspace.entries();
    let theirs = fixture.store.workspace("theirs".parse::<WorkspaceId>().unwrap()).entries();
    ours.note(NewNote { heading: Some("x".into()), ..note("ours") }, Timestamp(0)).await.unwrap();
    let (ids, _) = added(ours.remember(document("a", "h", &["secret"]), Timestamp(0)).await.unwrap());
    assert!(theirs.get(&ids).await.unwrap().is_empty());
    assert!(theirs.page(None, 10).await.unwrap().is_empty());
    assert!(theirs.changes(Revision(0), 10).await.unwrap().is_empty());
    assert!(theirs.documents().await.unwrap().is_empty());
    assert!(theirs.forget(&EntryScope::Workspace, "a").await.unwrap().is_empty());
    assert!(theirs.notes(&EntryScope::Run(run_id(1)), None, 10).await.unwrap().is_empty());
    assert_eq!(theirs.counts().await.unwrap(), EntryCounts::default());
    assert_eq!(ours.counts().await.unwrap().pieces, 1);
}

#[tokio::test]
async fn a_few_entries_are_read_without_reading_all() {
    let fixture = fixture().await;
    let entries = fixture.workspace.entries();
    let texts: Vec<String> = (0..500).map(|n| n.to_string()).collect();
    entries
        .remember(document("a", "h", &texts.iter().map(String::as_str).collect::<Vec<_>>()), Timestamp(0))
        .await
        .unwrap();
    let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {WANTED}")));
    let plan = plan.bind("[]").bind("w").fetch_all(entries.reading()).await.unwrap();
    let plan: Vec<String> = plan.iter().map(|row| sqlx::Row::get(row, "detail")).collect();
    assert!(plan[0].starts_with("SCAN wanted") && plan[1].contains("entries USING INTEGER PRIMARY KEY"), "{plan:#?}");
}
