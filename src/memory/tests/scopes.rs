//! Who sees what.

use proptest::prelude::*;

use super::*;
use crate::run::{RunEvent, RunId};
use crate::store::fixtures::{append, created, run_id};
use crate::store::{Journal as _, Workspace};

const WORKFLOWS: [&str; 2] = ["brief", "triage"];

/// A run of this workflow.
async fn begin(workspace: &Workspace, run: RunId, name: &str) {
    let mut event = created(None);
    if let RunEvent::Created { workflow, .. } = &mut event {
        *workflow = name.into();
    }
    workspace.journal().append(append(run, 0, [event])).await.unwrap();
}

fn memory_of(workspace: &Workspace, folder: &Path) -> Memory {
    let index = Arc::new(EdgeIndex::new(&folder.join(format!("index-{}", workspace.id()))));
    Memory::new(workspace.entries(), index, Arc::new(ManualClock::at(Timestamp(1_000)))).unwrap()
}

/// Runs 0 and 2 are of the first workflow, 1 and 3 of the second.
fn scope(number: usize) -> EntryScope {
    match number {
        0 => EntryScope::Workspace,
        1 | 2 => EntryScope::Workflow(WORKFLOWS[number - 1].to_owned()),
        3 | 4 => EntryScope::Conversation(format!("c{number}")),
        _ => EntryScope::Run(run_id(number as u64 - 5)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_run_finds_what_it_may_see_and_nothing_else(
        noted in prop::collection::vec((0_usize..2, 0_usize..9, any::<bool>()), 1..14),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = TempDir::new().unwrap();
            let store = Store::open(folder.path().join("data"), StoreOptions::default()).await.unwrap();
            let workspaces = ["default", "theirs"].map(|id| store.workspace(id.parse().unwrap()));
            let memories = workspaces.each_ref().map(|workspace| memory_of(workspace, folder.path()));
            for run in 0..4 {
                // The same ids in both: what keeps them apart is the workspace.
                begin(&workspaces[0], run_id(run), WORKFLOWS[usize::try_from(run).unwrap() % 2]).await;
            }
            for (number, (whose, who, as_document)) in noted.iter().enumerate() {
                let text = format!("The otter said number{number}.");
                if *as_document {
                    let name = format!("{number}.txt");
                    std::fs::write(folder.path().join(&name), &text).unwrap();
                    let wanted = Remember { scope: scope(*who), ..wanted(folder.path(), &name) };
                    memories[*whose].remember(wanted, |_| ()).await.unwrap();
                } else {
                    memories[*whose].note(NewNote { scope: scope(*who), ..note(&text) }).await.unwrap();
                }
            }
            for run in 0..4 {
                let seen = memories[0].seen_by(run_id(run)).await.unwrap();
                let found = memories[0].recall("otter", &Filter { scopes: seen, ..Filter::default() }, 100).await.unwrap();
                let mut found: Vec<String> = found.into_iter().map(|hit| hit.text).collect();
                let sees = |who: usize| {
                    let run = usize::try_from(run).unwrap();
                    who == 0 || who == 1 + run % 2 || who == 5 + run
                };
                let mut expected: Vec<String> = noted.iter().enumerate()
                    .filter(|(_, (whose, who, _))| *whose == 0 && sees(*who))
                    .map(|(number, _)| format!("The otter said number{number}."))
                    .collect();
                found.sort();
                expected.sort();
                assert_eq!(found, expected, "run {run} of {noted:?}");
            }
            // A run that the other workspace does not know sees there what all see, and its own.
            let seen = memories[1].seen_by(run_id(0)).await.unwrap();
            assert_eq!(seen, [EntryScope::Workspace, EntryScope::Run(run_id(0))]);
            drop(memories);
            store.close().await.unwrap();
        });
    }
}
