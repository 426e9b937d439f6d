use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::future::join_all;
use uuid::Uuid;

use super::*;
use crate::clock::ManualClock;
use crate::model::{
    Anybody, Asker, Breaker, BreakerSettings, Known, Link, Message, Model, Patience, Reply, Request, Router,
};
use crate::run::{Hop, StepPath};
use crate::store::model_calls::By;
use crate::store::{Store, StoreOptions, WorkspaceId};

/// A dollar for each token read and written, so that the sums are easy.
const PRICE: Price = Price { input: Dollars(1_000_000_000_000_000), output: Dollars(1_000_000_000_000_000) };

fn dollars(dollars: u64) -> Dollars {
    Dollars(dollars * 1_000_000_000)
}

struct World {
    _folder: tempfile::TempDir,
    store: Store,
    clock: ManualClock,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
        Self { _folder: folder, store, clock: ManualClock::at(Timestamp(0)) }
    }

    fn workspace(&self) -> Workspace {
        self.store.workspace(WorkspaceId::default())
    }

    async fn budget(&self, caps: Caps) -> Budget {
        Budget::open(&self.workspace(), caps, Arc::new(self.clock.clone())).await.unwrap()
    }

    async fn spent(&self) -> u64 {
        self.workspace().model_calls().spent(Limited::Workspace).await.unwrap().spent / 1_000_000_000
    }
}

fn account(run: u128, call: &str) -> Account {
    Account { run: RunId(Uuid::from_u128(run)), step: StepPath::from("write"), call: call.to_owned() }
}

/// A call that reads 5 and may write 5: ten dollars at most.
fn charge(account: &Account) -> Charge<'_> {
    Charge {
        account: Some(account),
        alias: "default",
        model: "openai/a",
        price: Some(PRICE),
        prompt: Some(5),
        reply: 5,
    }
}

fn usage(tokens: u64) -> Usage {
    Usage { input_tokens: tokens, output_tokens: 0 }
}

fn scope_of(error: &ModelError) -> Scope {
    match error.trouble {
        Trouble::Spent(scope) => scope,
        other => panic!("{other}: {error}"),
    }
}

#[tokio::test]
async fn each_limit_holds_and_says_which_it_is() {
    let world = World::new().await;
    let caps = Caps { run: Some(dollars(15)), day: Some(dollars(25)), workspace: Some(dollars(35)) };
    let budget = world.budget(caps).await;
    let spend = |run: u128| {
        let budget = budget.clone();
        async move {
            let account = account(run, "x");
            let reserved = budget.reserve(charge(&account)).await?;
            reserved.settle(Some(dollars(10)), usage(10)).await;
            Ok::<_, ModelError>(())
        }
    };
    spend(1).await.unwrap();
    let error = spend(1).await.unwrap_err();
    assert_eq!(scope_of(&error), Scope::Run);
    assert!(error.message.contains("$10.00 of $15.00 are, and a call of openai/a can cost $10.00"), "{error}");
    spend(2).await.unwrap();
    assert_eq!(scope_of(&spend(3).await.unwrap_err()), Scope::Day);
    world.clock.advance(Duration::from_hours(24));
    spend(3).await.unwrap();
    assert_eq!(scope_of(&spend(4).await.unwrap_err()), Scope::Workspace);
    assert_eq!(world.spent().await, 30);
    // The same after a restart.
    let budget = world.budget(caps).await;
    let four = account(4, "x");
    assert_eq!(scope_of(&budget.reserve(charge(&four)).await.map(drop).unwrap_err()), Scope::Workspace);
}

#[tokio::test]
async fn a_person_can_raise_a_limit_once_for_each_question() {
    let world = World::new().await;
    let budget = world.budget(Caps { run: Some(dollars(10)), ..Caps::default() }).await;
    let account = account(1, "x");
    budget.reserve(charge(&account)).await.unwrap().settle(Some(dollars(10)), usage(10)).await;
    assert!(budget.reserve(charge(&account)).await.is_err());
    for _ in 0..3 {
        budget.raise(Scope::Run, account.run, "write:attempt-1").await.unwrap();
    }
    let standing = budget.standing(Some(account.run)).await.unwrap();
    assert_eq!(standing[0], Standing { scope: Scope::Run, limit: Some(dollars(20)), spent: dollars(10) });
    budget.reserve(charge(&account)).await.unwrap().settle(Some(dollars(10)), usage(10)).await;
    assert!(budget.reserve(charge(&account)).await.is_err());
}

#[tokio::test]
async fn calls_wait_for_what_others_hold_and_ask_a_person_only_when_it_is_spent() {
    let world = World::new().await;
    let budget = world.budget(Caps { day: Some(dollars(12)), ..Caps::default() }).await;
    let (one, two) = (account(1, "x"), account(2, "y"));
    let held = budget.reserve(charge(&one)).await.unwrap();
    let waiting = budget.reserve(charge(&two));
    tokio::pin!(waiting);
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut waiting).await.is_err(), "it waits");
    held.settle(Some(dollars(2)), usage(2)).await;
    waiting.await.unwrap().release().await;
    assert_eq!(world.spent().await, 2, "what was turned away costs nothing");
}

#[tokio::test]
async fn what_is_broken_off_counts_at_its_most_until_it_is_made_again() {
    let world = World::new().await;
    let caps = Caps { run: Some(dollars(25)), ..Caps::default() };
    let account = account(1, "x");
    {
        let budget = world.budget(caps).await;
        // The process dies with a call in hand: nothing is told to the store any more.
        std::mem::forget(budget.reserve(charge(&account)).await.unwrap());
    }
    let budget = world.budget(caps).await;
    assert_eq!(world.spent().await, 10);
    let sums = || async { world.workspace().model_calls().sums(By::Model, None, 9).await.unwrap().remove(0) };
    assert_eq!((sums().await.lost, sums().await.open), (1, 0));
    let again = budget.reserve(charge(&account)).await.unwrap();
    assert_eq!(world.spent().await, 20, "both count at their most");
    again.settle(Some(dollars(3)), usage(3)).await;
    assert_eq!(world.spent().await, 6, "the lost one counts as much as the one that was made again");
    // And so it does for what comes next.
    let next = budget.reserve(charge(&account)).await.unwrap();
    drop(next);
    while sums().await.lost < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.spent().await, 16, "dropped in hand is lost");
    assert!(budget.reserve(charge(&account)).await.is_err());
}

/// A model of which every third call fails, in one way or another, and that counts what it has been paid.
struct Costly {
    calls: AtomicU64,
    charged: AtomicU64,
}

#[async_trait]
impl Model for Costly {
    fn name(&self) -> &'static str {
        "openai/costly"
    }

    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        let nth = self.calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(nth % 7)).await;
        match nth % 6 {
            1 => Err(ModelError::new(Trouble::Rejected, "no")),
            4 => {
                // It has worked, and the reply is lost on the way.
                self.charged.fetch_add(2_000, Ordering::SeqCst);
                Err(ModelError::new(Trouble::TimedOut, "too late"))
            }
            _ => {
                let written = (nth % 5) * 400;
                assert!(written <= u64::from(request.reply_tokens.unwrap()), "it is told where to end");
                self.charged.fetch_add(written, Ordering::SeqCst);
                Ok(Reply { usage: Usage { input_tokens: 0, output_tokens: written }, ..Reply::default() })
            }
        }
    }
}

struct Of(Account);

#[async_trait]
impl Asker for Of {
    fn account(&self) -> Option<&Account> {
        Some(&self.0)
    }

    async fn hopped(&self, _: Hop) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_calls_at_once_never_spend_more_than_the_limit() {
    // A token written is a millionth of a dollar.
    let price = Price { input: Dollars(0), output: Dollars(1_000_000_000) };
    for cap in [0, 1_999, 2_000, 9_000, 40_000, 1_000_000] {
        let world = World::new().await;
        let budget = world.budget(Caps { run: Some(Dollars(cap * 1_000)), ..Caps::default() }).await;
        let model = Arc::new(Costly { calls: AtomicU64::new(0), charged: AtomicU64::new(0) });
        let known = Known { price: Some(price), window: None, reply: Some(2_000) };
        let settings = BreakerSettings { failures: u32::MAX, ..BreakerSettings::default() };
        let link = Link::new(model.clone(), known, Arc::new(Breaker::new("openai", settings)));
        let clock = Arc::new(crate::clock::SystemClock);
        let router = Router::new("default", vec![link], Patience::default(), budget, clock);
        let request = Request { messages: vec![Message::User { text: "Go.".to_owned() }], ..Request::default() };
        let calls = (0..100).map(|n| {
            let (router, request) = (&router, &request);
            async move {
                let asker = Of(account(1, &n.to_string()));
                let asking = router.reply_to(request, &asker);
                if n % 10 == 9 {
                    // Somebody loses patience.
                    tokio::time::timeout(Duration::from_millis(3), asking).await.ok()
                } else {
                    Some(asking.await)
                }
            }
        });
        let ended = tokio::time::timeout(Duration::from_mins(1), join_all(calls)).await.expect("nobody waits for ever");
        let charged = model.charged.load(Ordering::SeqCst);
        assert!(charged <= cap, "{charged} of {cap}");
        let booked = world.workspace().model_calls().spent(Limited::Workspace).await.unwrap().spent / 1_000;
        assert!((charged..=cap).contains(&booked), "booked {booked}, charged {charged}, of {cap}");
        let parked = ended
            .iter()
            .flatten()
            .filter(|result| result.as_ref().is_err_and(|error| matches!(error.trouble, Trouble::Spent(Scope::Run))));
        match parked.count() {
            0 => assert!(cap >= 40_000, "{cap} was enough"),
            _ => assert!(cap < 1_000_000, "{cap} was too little"),
        }
    }
}

#[tokio::test]
async fn what_is_free_is_booked_and_never_limited_and_the_offline_model_is_not_even_booked() {
    let world = World::new().await;
    let budget = world.budget(Caps { run: Some(Dollars(0)), day: Some(Dollars(0)), workspace: Some(Dollars(0)) }).await;
    let account = account(1, "x");
    let free = Charge { price: Some(Price::FREE), ..charge(&account) };
    budget.reserve(free).await.unwrap().settle(Some(Dollars(0)), usage(7)).await;
    let offline = Charge { model: "offline", price: Some(Price::FREE), ..charge(&account) };
    budget.reserve(offline).await.unwrap().settle(Some(Dollars(0)), usage(9)).await;
    let sums = world.workspace().model_calls().sums(By::Step, Some(account.run), 9).await.unwrap();
    assert_eq!((sums.len(), sums[0].calls, sums[0].input_tokens, sums[0].cost), (1, 1, 7, 0));
    assert_eq!(sums[0].of, "write");
    // Without an account, a call goes to the workspace alone.
    let nobody = Charge { account: Anybody.account(), price: None, ..charge(&account) };
    budget.reserve(nobody).await.unwrap().settle(None, usage(3)).await;
    let sums = world.workspace().model_calls().sums(By::Run, None, 9).await.unwrap();
    assert!(sums.iter().any(|sum| sum.of.is_empty() && sum.unpriced == 1), "{sums:?}");
}
