//! Forgetting by source.

use super::*;
use crate::store::fixtures::run_id;

/// The files below a folder that hold these bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, bytes));
        } else if std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes) {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn what_is_forgotten_is_nowhere_in_any_scope_or_version() {
    let place = place().await;
    let long = "Other words about the river and its banks. ".repeat(200);
    for version in 0..3 {
        place.write("private/plan.md", format!("# Plan\n\nThe zanzibar{version} canary sings.\n\n{long}"));
        place.remember().await;
    }
    place.write("private/b.txt", "Another zanzibar canary.");
    place.write("private.txt", "A zebra stays.");
    place.remember().await;
    for scope in [EntryScope::Run(run_id(1)), EntryScope::Workflow("brief".to_owned())] {
        let wanted = Remember { scope, ..wanted(place.folder.path(), "docs/private") };
        place.memory.remember(wanted, |_| ()).await.unwrap();
    }
    let filter = Filter {
        scopes: vec![EntryScope::Workspace, EntryScope::Run(run_id(1)), EntryScope::Workflow("brief".to_owned())],
        ..Filter::default()
    };
    let data = place.folder.path().join("data");
    let found = async || place.memory.recall("zanzibar canary", &filter, 50).await.unwrap().len();
    assert!(found().await >= 2 && !holding(&data, b"zanzibar").is_empty());
    let before = place.memory.shared.index.count(None).await.unwrap();

    let base = place.folder.path().canonicalize().unwrap();
    let forgotten = place.memory.forget("docs/private/", &base, None).await.unwrap();
    assert_eq!(forgotten.documents.len(), 6, "two in each of three scopes: {forgotten:?}");
    assert_eq!(found().await, 0);
    let counts = place.memory.counts().await.unwrap();
    assert_eq!((counts.documents, counts.pieces), (1, 1));
    let after = place.memory.shared.index.count(None).await.unwrap();
    assert!(before > after && after == 1, "{before} {after}");
    assert_eq!(place.sources("zebra").await, ["docs/private.txt"]);
    assert_eq!(holding(&data, b"zanzibar"), [""; 0].map(PathBuf::from), "in no file");
    let entries = place.store.workspace(WorkspaceId::default()).entries();
    let all: Vec<EntryId> = (0..200).map(EntryId).collect();
    assert!(entries.get(&all).await.unwrap().iter().all(|entry| entry.source == "docs/private.txt"));

    let again = place.memory.forget("docs/private/", &base, None).await.unwrap();
    assert_eq!((again.documents.len(), again.entries), (0, 0));
    // Nor does it come back with a new index.
    place.memory.rebuild().await.unwrap();
    assert_eq!(found().await, 0);
}

#[tokio::test]
async fn forgetting_means_one_source_and_no_other() {
    let place = place().await;
    for name in ["a.md", "a.md.bak", "sub/a.md", "b.md"] {
        place.write(name, format!("The otter of {name} swims."));
    }
    place.remember().await;
    let wanted =
        Remember { scope: EntryScope::Workflow("brief".to_owned()), ..wanted(place.folder.path(), "docs/a.md") };
    place.memory.remember(wanted, |_| ()).await.unwrap();
    let base = place.docs().canonicalize().unwrap();

    let scope = EntryScope::Workflow("brief".to_owned());
    let one = place.memory.forget("docs/a.md", &base, Some(&scope)).await.unwrap();
    assert_eq!((one.documents.as_slice(), one.entries), (&[("docs/a.md".to_owned(), scope)][..], 1));
    let one = place.memory.forget(&base.join("a.md").to_string_lossy(), base.parent().unwrap(), None).await.unwrap();
    assert_eq!(one.documents, [("docs/a.md".to_owned(), EntryScope::Workspace)], "by its whole path");
    assert_eq!(place.sources("otter swims").await.len(), 3);
    let none = place.memory.forget("docs", base.parent().unwrap(), None).await.unwrap();
    assert_eq!((none.entries, none.near.first().map(String::as_str)), (0, Some("docs/")), "a folder has a slash");
    let none = place.memory.forget("a.md", base.parent().unwrap(), None).await.unwrap();
    assert_eq!((none.entries, none.near[0].as_str()), (0, "docs/sub/a.md"));
    for all in ["", "/", ".", "./"] {
        assert_eq!(
            place.memory.forget(all, Path::new("/"), None).await.unwrap().entries,
            0,
            "`{all}` is not everything"
        );
    }
}
