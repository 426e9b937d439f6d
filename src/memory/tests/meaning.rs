//! Finding by meaning: an embedder that fails, refuses, and is changed for another.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::memory::meaning::Others;
use crate::memory::{Embedders, SearchedBy};
use crate::model::{Embedder, ModelError, Trouble};

/// Words that mean the same.
const CONCEPTS: [&[&str]; 4] = [
    &["car", "automobile", "vehicle", "engine"],
    &["invoice", "bill", "payment", "paid"],
    &["physician", "doctor", "clinic"],
    &["holiday", "vacation", "leave"],
];

/// Counts how many words of each concept a text has: what a model does with all of a language, for sixteen words.
struct Concepts {
    name: &'static str,
    dimensions: usize,
    /// How many more texts it takes before it fails.
    takes: AtomicUsize,
}

impl Concepts {
    fn new(name: &'static str, dimensions: usize) -> Arc<Self> {
        Arc::new(Self { name, dimensions, takes: AtomicUsize::new(usize::MAX) })
    }
}

#[async_trait::async_trait]
impl Embedder for Concepts {
    fn name(&self) -> &str {
        self.name
    }
    fn dimensions(&self) -> Option<usize> {
        None
    }
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, ModelError> {
        if texts.iter().any(|text| text.contains("unspeakable")) {
            return Err(ModelError::new(Trouble::Rejected, "a text is not accepted"));
        }
        let takes = |left: usize| left.checked_sub(texts.len());
        if self.takes.load(Ordering::SeqCst) != usize::MAX
            && self.takes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, takes).is_err()
        {
            return Err(ModelError::new(Trouble::Unavailable, "the embedder is down"));
        }
        let vector = |text: &String| {
            let mut vector = vec![0.01; self.dimensions];
            for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()) {
                if let Some(concept) = CONCEPTS.iter().position(|concept| concept.contains(&word)) {
                    vector[concept] += 1.0;
                }
            }
            vector
        };
        Ok(texts.iter().map(vector).collect())
    }
}

struct Setting {
    folder: TempDir,
    old: Arc<Concepts>,
    new: Arc<Concepts>,
}

impl Setting {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("docs")).unwrap();
        Self { folder, old: Concepts::new("test/old", 5), new: Concepts::new("test/new", 4) }
    }

    async fn open(&self, current: &Arc<Concepts>) -> Place {
        let data = self.folder.path().join("data");
        let store = Store::open(&data, StoreOptions::default()).await.unwrap();
        let entries = store.workspace(WorkspaceId::default()).entries();
        let old = self.old.clone();
        let former = move |name: &str| (name == "test/old").then(|| old.clone() as Arc<dyn Embedder>);
        let embedders = Embedders { current: Some(current.clone()), former: Some(Arc::new(former)) };
        let index = Arc::new(EdgeIndex::new(&data.join("index")));
        let clock = Arc::new(ManualClock::at(Timestamp(1_000)));
        let memory = Memory::with_embedders(entries, index, clock, embedders).unwrap();
        let place = TempDir::new().unwrap();
        std::fs::create_dir(place.path().join("docs")).unwrap();
        Place { memory, store, folder: place }
    }
}

async fn close(place: Place) {
    drop(place.memory);
    place.store.close().await.unwrap();
}

async fn texts(place: &Place, query: &str) -> (Vec<String>, SearchedBy) {
    let found = place.memory.recollect(query, &Filter::default(), 3).await.unwrap();
    (found.hits.into_iter().map(|hit| hit.text).collect(), found.by)
}

const CAR: &str = "The automobile needs oil.";
const BILL: &str = "Each bill is sent on Monday.";
const DOCTOR: &str = "A physician looks after the staff.";

async fn remember_all(place: &Place) {
    for (name, text) in [("a.md", CAR), ("b.md", BILL), ("c.md", DOCTOR)] {
        place.write(name, text);
    }
    place.remember().await;
}

#[tokio::test]
async fn what_shares_no_word_is_found_by_its_meaning_and_says_so() {
    let setting = Setting::new();
    let place = setting.open(&setting.old).await;
    remember_all(&place).await;
    let found = place.memory.recollect("vehicle", &Filter::default(), 3).await.unwrap();
    assert_eq!(found.by, SearchedBy::WordsAndMeaning("test/old".to_owned()));
    let first = &found.hits[0];
    assert_eq!((first.text.as_str(), first.matched.len()), (CAR, 0));
    assert!(first.similarity.unwrap() > 0.9, "{first:?}");
    assert!(found.hits[1].similarity.unwrap() < 0.5, "{:?}", found.hits);
    // What both rankings have comes first.
    let found = place.memory.recollect("a vehicle on Monday", &Filter::default(), 3).await.unwrap();
    let bill = found.hits.iter().find(|hit| hit.text == BILL).unwrap();
    assert!(bill.matched == ["Monday"] && bill.similarity.is_some() && found.hits[0].text == BILL, "{found:?}");
    assert_eq!(place.memory.recollect("", &Filter::default(), 3).await.unwrap().hits, []);
    assert_eq!(place.memory.waiting().await.unwrap(), Some(("test/old".to_owned(), 0)));
}

#[tokio::test]
async fn without_an_embedder_it_is_words_only() {
    let place = place().await;
    place.write("a.md", CAR);
    place.remember().await;
    let found = place.memory.recollect("automobile", &Filter::default(), 3).await.unwrap();
    assert_eq!((found.by.to_string().as_str(), found.hits[0].similarity), ("words only", None));
    assert_eq!(place.memory.waiting().await.unwrap(), None);
}

#[tokio::test]
async fn an_embedder_that_is_down_loses_nothing_and_is_named() {
    let setting = Setting::new();
    setting.old.takes.store(0, Ordering::SeqCst);
    let place = setting.open(&setting.old).await;
    remember_all(&place).await;
    assert_eq!(place.memory.waiting().await.unwrap(), Some(("test/old".to_owned(), 3)));
    assert_eq!(texts(&place, "automobile").await, (vec![CAR.to_owned()], SearchedBy::Words));

    setting.old.takes.store(usize::MAX, Ordering::SeqCst);
    place.memory.embed_waiting(Others::AreWaitedFor).await.unwrap();
    assert_eq!(place.memory.waiting().await.unwrap(), Some(("test/old".to_owned(), 0)));
    assert_eq!(texts(&place, "vehicle").await.0[0], CAR);

    // It goes down while there are vectors: words still answer, and say why they do alone.
    setting.old.takes.store(0, Ordering::SeqCst);
    let (found, by) = texts(&place, "automobile").await;
    assert_eq!(found, [CAR]);
    assert!(by.to_string().contains("words only, since the embedder failed: the embedder is down"), "{by}");
    // And is asked again after a while.
    setting.old.takes.store(usize::MAX, Ordering::SeqCst);
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    assert_eq!(texts(&place, "vehicle").await.1, SearchedBy::WordsAndMeaning("test/old".to_owned()));
}

#[tokio::test]
async fn a_text_that_the_embedder_refuses_is_found_by_its_words() {
    let setting = Setting::new();
    let place = setting.open(&setting.old).await;
    place.write("d.md", "Something unspeakable about a car.");
    remember_all(&place).await;
    assert_eq!(place.memory.waiting().await.unwrap(), Some(("test/old".to_owned(), 1)));
    assert_eq!(texts(&place, "vehicle").await.0[0], CAR);
    assert!(texts(&place, "something").await.0.contains(&"Something unspeakable about a car.".to_owned()));
}

#[tokio::test]
async fn another_embedder_takes_over_once_it_has_read_everything_even_after_a_stop() {
    let setting = Setting::new();
    let place = setting.open(&setting.old).await;
    for number in 0..150 {
        place.write(&format!("{number}.md"), format!("Number {number} is about the car and the doctor."));
    }
    remember_all(&place).await;
    close(place).await;

    // It stops after some of them: the old vectors answer.
    setting.new.takes.store(64, Ordering::SeqCst);
    let place = setting.open(&setting.new).await;
    place.memory.embed_waiting(Others::AreWaitedFor).await.unwrap_err();
    assert_eq!(place.memory.waiting().await.unwrap(), Some(("test/new".to_owned(), 153 - 64)));
    let (found, by) = texts(&place, "payment").await;
    assert_eq!((found[0].as_str(), by), (BILL, SearchedBy::WordsAndMeaning("test/old".to_owned())));
    close(place).await;

    // The next start goes on where it stopped.
    setting.new.takes.store(153 - 64, Ordering::SeqCst);
    let place = setting.open(&setting.new).await;
    assert_eq!(texts(&place, "payment").await.1, SearchedBy::WordsAndMeaning("test/old".to_owned()));
    place.memory.embed_waiting(Others::AreWaitedFor).await.unwrap();
    setting.new.takes.store(usize::MAX, Ordering::SeqCst);
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    let (found, by) = texts(&place, "payment").await;
    assert_eq!((found[0].as_str(), by), (BILL, SearchedBy::WordsAndMeaning("test/new".to_owned())));
    let kept: BTreeSet<String> =
        place.memory.shared.index.meanings().await.unwrap().into_iter().map(|meaning| meaning.embedder).collect();
    assert_eq!(kept, BTreeSet::from(["test/new".to_owned()]));
}

#[tokio::test]
async fn a_rebuilt_index_is_given_its_vectors_again() {
    let setting = Setting::new();
    let place = setting.open(&setting.old).await;
    remember_all(&place).await;
    place.memory.rebuild().await.unwrap();
    place.memory.embed_waiting(Others::AreWaitedFor).await.unwrap();
    assert_eq!(texts(&place, "vehicle").await.0[0], CAR);
}
