use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::{Account, Message, Usage};
use super::*;
use crate::clock::{ManualClock, Timestamp};

/// A model that replies as it is told to, and counts.
struct Scripted {
    name: &'static str,
    script: Mutex<VecDeque<Result<&'static str, ModelError>>>,
    asked: AtomicUsize,
    seen: Mutex<Vec<Request>>,
}

fn scripted(name: &'static str, script: impl IntoIterator<Item = Result<&'static str, ModelError>>) -> Arc<Scripted> {
    let script = Mutex::new(script.into_iter().collect());
    Arc::new(Scripted { name, script, asked: AtomicUsize::new(0), seen: Mutex::default() })
}

#[async_trait]
impl Model for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.seen.lock().unwrap().push(request.clone());
        let next = self.script.lock().unwrap().pop_front();
        match next {
            Some(Ok("hang")) => future::pending().await,
            Some(said) => said.map(|text| Reply {
                text: text.to_owned(),
                usage: Usage { input_tokens: 10, output_tokens: 2 },
                ..Reply::default()
            }),
            None => Err(ModelError::new(Trouble::Rejected, "the script is at its end")),
        }
    }

    fn stream<'a>(&'a self, request: &'a Request) -> Pieces<'a> {
        stream::once(self.reply(request))
            .flat_map(|reply| match reply {
                Ok(reply) if reply.text == "breaks" => stream::iter(vec![
                    Ok(Piece::Text("bre".to_owned())),
                    Err(ModelError::new(Trouble::Unavailable, "the connection is lost")),
                ]),
                Ok(reply) => stream::iter(vec![Ok(Piece::Text(reply.text.clone())), Ok(Piece::Done(reply))]),
                Err(error) => stream::iter(vec![Err(error)]),
            })
            .boxed()
    }
}

/// Who asks, and notes the hops.
#[derive(Default)]
struct Noting(Mutex<Vec<Hop>>);

#[async_trait]
impl Asker for Noting {
    fn account(&self) -> Option<&Account> {
        None
    }

    async fn hopped(&self, hop: Hop) {
        self.0.lock().unwrap().push(hop);
    }
}

fn wrong(trouble: Trouble) -> Result<&'static str, ModelError> {
    Err(ModelError::new(trouble, format!("it is {trouble}")))
}

fn link(model: &Arc<Scripted>) -> Link {
    let breaker = Arc::new(Breaker::new(model.name, BreakerSettings::default()));
    Link::new(model.clone(), Known::default(), breaker)
}

fn router(models: &[&Arc<Scripted>], clock: &ManualClock) -> Router {
    let links = models.iter().map(|model| link(model)).collect();
    Router::new("default", links, Patience::default(), Budget::none(), Arc::new(clock.clone()))
}

fn request() -> Request {
    Request { messages: vec![Message::User { text: "Say it.".to_owned() }], ..Request::default() }
}

fn clock() -> ManualClock {
    ManualClock::at(Timestamp(1_000_000))
}

/// What came of asking, the hops, and how long was waited by the clock, which is moved on while somebody sleeps.
async fn asked(router: &Router, clock: &ManualClock) -> (Result<Reply, ModelError>, Vec<Hop>, Duration) {
    let (noting, begun, request) = (Noting::default(), clock.now(), request());
    let result = {
        let asking = router.reply_to(&request, &noting);
        tokio::pin!(asking);
        loop {
            tokio::select! {
                biased;
                result = &mut asking => break result,
                () = tokio::task::yield_now() => clock.advance(Duration::from_millis(100)),
            }
        }
    };
    let hops = noting.0.into_inner().unwrap();
    (result, hops, clock.now().since(begun))
}

#[tokio::test]
async fn the_next_model_is_asked_as_each_trouble_has_it_and_every_hop_is_told() {
    // The trouble, how often the first model is asked, whether the second is.
    let table = [
        (Trouble::Busy, 3, true),
        (Trouble::Unavailable, 3, true),
        (Trouble::TimedOut, 1, true),
        (Trouble::Malformed, 2, true),
        (Trouble::Truncated, 1, true),
        (Trouble::Refused, 1, false),
        (Trouble::TooLong, 1, true),
        (Trouble::Rejected, 1, true),
    ];
    for (trouble, tries, hops_on) in table {
        let (first, second) = (scripted("openai/a", vec![wrong(trouble); 9]), scripted("ollama/b", [Ok("b")]));
        let clock = clock();
        let (result, hops, _) = asked(&router(&[&first, &second], &clock), &clock).await;
        assert_eq!(first.asked.load(Ordering::SeqCst), tries, "{trouble}");
        assert_eq!(second.asked.load(Ordering::SeqCst), usize::from(hops_on), "{trouble}");
        if hops_on {
            let reply = result.unwrap();
            assert_eq!((reply.text.as_str(), reply.model.as_deref()), ("b", Some("ollama/b")));
            let hop = Hop {
                alias: "default".to_owned(),
                from: "openai/a".to_owned(),
                to: "ollama/b".to_owned(),
                trouble: trouble.to_string(),
                message: format!("it is {trouble}"),
            };
            assert_eq!(hops, [hop]);
        } else {
            assert_eq!(result.unwrap_err().trouble, trouble);
            assert_eq!(hops, []);
        }
    }
}

#[tokio::test]
async fn a_busy_provider_is_waited_for_as_long_as_it_says_and_no_longer_than_patience_has_it() {
    let busy =
        |seconds| Err(ModelError { after: Some(Duration::from_secs(seconds)), ..ModelError::new(Trouble::Busy, "x") });
    let clock = clock();
    let model = scripted("openai/a", [busy(7), Ok("a")]);
    let (result, hops, waited) = asked(&router(&[&model], &clock), &clock).await;
    assert_eq!((result.unwrap().text.as_str(), hops), ("a", vec![]));
    assert!((7_000..8_000).contains(&waited.as_millis()), "{waited:?}");

    // More than a minute together is not waited: 40 s, then the next model at once.
    let (model, next) = (scripted("openai/a", [busy(40), busy(40), Ok("a")]), scripted("ollama/b", [Ok("b")]));
    let (result, _, waited) = asked(&router(&[&model, &next], &clock), &clock).await;
    assert_eq!(result.unwrap().text, "b");
    assert!((40_000..41_000).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test]
async fn a_model_that_hangs_is_given_up_in_time() {
    let (hangs, next) = (scripted("openai/a", [Ok("hang")]), scripted("ollama/b", [Ok("b")]));
    let clock = clock();
    let (result, hops, waited) = asked(&router(&[&hangs, &next], &clock), &clock).await;
    assert_eq!(result.unwrap().text, "b");
    assert_eq!(hops[0].trouble, "timed_out");
    assert!((300_000..301_000).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test]
async fn when_nobody_replies_all_is_told_and_it_is_worth_trying_again_if_one_may() {
    let clock = clock();
    let models =
        [scripted("openai/a", vec![wrong(Trouble::Unavailable); 9]), scripted("ollama/b", [wrong(Trouble::Rejected)])];
    let (result, hops, _) = asked(&router(&models.each_ref(), &clock), &clock).await;
    let error = result.unwrap_err();
    assert_eq!((error.trouble, hops.len()), (Trouble::Unavailable, 1));
    assert_eq!(error.message, "no model of `default` has replied: it is unavailable; it is rejected");
}

#[tokio::test]
async fn a_provider_that_fails_again_and_again_is_left_alone_by_all_aliases() {
    let clock = clock();
    let (first, second) =
        (scripted("openai/a", vec![wrong(Trouble::Unavailable); 6]), scripted("ollama/b", vec![Ok("b"); 9]));
    let breaker = Arc::new(Breaker::new("openai", BreakerSettings::default()));
    let chain = |alias| {
        let links = vec![Link::new(first.clone(), Known::default(), breaker.clone()), link(&second)];
        Router::new(alias, links, Patience::default(), Budget::none(), Arc::new(clock.clone()))
    };
    let (default, fast) = (chain("default"), chain("fast"));
    asked(&default, &clock).await.0.unwrap();
    asked(&fast, &clock).await.0.unwrap();
    let before = first.asked.load(Ordering::SeqCst);
    assert_eq!(before, 5, "it opens after five failures in a row");
    let (result, hops, waited) = asked(&fast, &clock).await;
    assert_eq!((result.unwrap().text.as_str(), first.asked.load(Ordering::SeqCst)), ("b", before));
    assert!(hops[0].message.contains("is left alone for another"), "{hops:?}");
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    // Once the pause is over, one request goes to it: it fails, and it is left alone again.
    clock.advance(Duration::from_secs(16));
    asked(&default, &clock).await.0.unwrap();
    assert_eq!((first.asked.load(Ordering::SeqCst), breaker.health(clock.now())), (before + 1, Health::Open));
}

#[tokio::test]
async fn a_request_is_fitted_to_each_models_window_and_what_never_fits_is_never_sent() {
    let (small, large) = (scripted("ollama/small", [Ok("small")]), scripted("ollama/large", vec![Ok("large"); 2]));
    let clock = clock();
    let links = [(&small, 1_000), (&large, 100_000)].map(|(model, window)| Link {
        window: Some(window),
        reply: Some(500),
        ..link(model)
    });
    let router = Router::new("default", links.to_vec(), Patience::default(), Budget::none(), Arc::new(clock.clone()));
    let task = Message::User { text: "Read it. ".repeat(400) };
    let noting = Noting::default();
    let reply =
        router.reply_to(&Request { messages: vec![task.clone()], ..Request::default() }, &noting).await.unwrap();
    assert_eq!((reply.text.as_str(), small.asked.load(Ordering::SeqCst)), ("large", 0));
    assert_eq!(noting.0.lock().unwrap()[0].trouble, "too_long");

    let turns = (0..50).map(|_| Message::Assistant { text: "I have read some of it. ".repeat(10), calls: Vec::new() });
    let messages: Vec<Message> = [Message::User { text: "Read it.".to_owned() }].into_iter().chain(turns).collect();
    let reply = router.reply(&Request { messages, ..Request::default() }).await.unwrap();
    assert_eq!(reply.text, "small");
    let seen = small.seen.lock().unwrap();
    assert!(seen[0].messages.len() < 15 && seen[0].reply_tokens == Some(500), "{}", seen[0].messages.len());
}

async fn streamed(router: &Router) -> Vec<Result<Piece, ModelError>> {
    router.stream(&request()).collect().await
}

#[tokio::test]
async fn a_stream_goes_on_with_the_next_model_only_before_its_first_piece() {
    let clock = clock();
    let (first, second) =
        (scripted("openai/a", [wrong(Trouble::TimedOut), Ok("breaks"), Ok("a")]), scripted("ollama/b", [Ok("b")]));
    let router = router(&[&first, &second], &clock);
    let pieces = streamed(&router).await;
    assert_eq!(pieces[0], Ok(Piece::Text("b".to_owned())));
    assert!(matches!(&pieces[1], Ok(Piece::Done(reply)) if reply.model.as_deref() == Some("ollama/b")), "{pieces:?}");
    let pieces = streamed(&router).await;
    assert_eq!(pieces[0], Ok(Piece::Text("bre".to_owned())));
    assert_eq!(pieces[1].as_ref().unwrap_err().trouble, Trouble::Unavailable);
    assert_eq!((pieces.len(), second.asked.load(Ordering::SeqCst)), (2, 1));
    assert_eq!(streamed(&router).await.len(), 2, "text and its end");
}
