//! A chain of models that answers as one: the first is asked, with patience, and the next when it cannot answer.
//!
//! What is done about each [`Trouble`] is in [`reaction`]; a provider that fails again and again is left alone by its
//! [`Breaker`]. Before each try the request is fitted to the model's window, and what it can cost is reserved.

mod breaker;
mod reaction;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::channel::mpsc;
use futures::future::{self, Either};
use futures::{FutureExt as _, SinkExt as _, StreamExt as _, stream};

pub use breaker::{Breaker, BreakerSettings, Health};
pub use reaction::Patience;
use reaction::{Reaction, reaction};

use super::budget::{Charge, Reservation};
use super::fit::{Fitted, fit};
use super::tokens::Counter;
use super::{Anybody, Asker, Budget, Known, Model, ModelError, Piece, Pieces, Price, Reply, Request, Trouble};
use crate::clock::Clock;
use crate::run::Hop;

/// The room for a reply if nothing else is said, in tokens.
const USUAL_REPLY: u32 = 4_096;

/// How many pieces of a stream wait for whoever reads it.
const PIECES: usize = 16;

/// A model of a chain.
#[derive(Clone)]
pub struct Link {
    model: Arc<dyn Model>,
    breaker: Arc<Breaker>,
    price: Option<Price>,
    window: Option<u32>,
    /// How long a reply may be, if the model is to be told.
    reply: Option<u32>,
    counter: Counter,
}

impl Link {
    /// A model, and what is known of it. What is not known, the model itself is asked for; for models of OpenAI there is a
    /// table of windows.
    #[must_use]
    pub fn new(model: Arc<dyn Model>, known: Known, breaker: Arc<Breaker>) -> Self {
        let name = model.name().split_once('/').map_or(model.name(), |(_, name)| name).to_owned();
        let listed = || tiktoken_rs::model::get_context_size(&name).and_then(|window| u32::try_from(window).ok());
        let window = known.window.or_else(|| model.window()).or_else(listed);
        Self { breaker, price: known.price, window, reply: known.reply, counter: Counter::of(&name), model }
    }

    /// The model's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.model.name()
    }

    /// What it costs, if that is known.
    #[must_use]
    pub fn price(&self) -> Option<Price> {
        self.price
    }

    /// How many tokens a request and its reply may have together, if that is known.
    #[must_use]
    pub fn window(&self) -> Option<u32> {
        self.window
    }

    /// The room that is left for a reply, in tokens.
    #[must_use]
    pub fn reply_room(&self) -> u32 {
        let usual = self.window.map_or(USUAL_REPLY, |window| USUAL_REPLY.min(window / 4));
        self.reply.unwrap_or(usual)
    }

    /// How its tokens are counted.
    #[must_use]
    pub fn tokenizer(&self) -> &'static str {
        self.counter.encoding().as_str()
    }

    /// The model itself.
    #[must_use]
    pub fn model(&self) -> &Arc<dyn Model> {
        &self.model
    }

    /// The breaker of its provider.
    #[must_use]
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Whether each call of it costs something.
    fn is_paid(&self) -> bool {
        self.price.is_some_and(|price| price != Price::FREE)
    }

    /// The request as this model is sent it, and how many tokens that is, if they were counted.
    async fn fitted<'a>(&self, request: &'a Request) -> Result<(Cow<'a, Request>, Option<u32>), ModelError> {
        let mut tokens = None;
        let mut fitted = if self.window.is_some() || self.is_paid() {
            self.counter.ready().await;
            let limit = self.window.map_or(u32::MAX, |window| window.saturating_sub(self.reply_room()));
            let Fitted { request, tokens: counted } = fit(request, limit, &self.counter).map_err(|too_long| {
                let message = format!(
                    "{}: the system prompt, the task, the tools and the last turn have {} tokens, and there is room for \
                     {}; give the agent less input or fewer tools, or a model with a larger window",
                    self.name(),
                    too_long.tokens,
                    too_long.limit
                );
                ModelError::new(Trouble::TooLong, message)
            })?;
            tokens = Some(counted);
            request
        } else {
            Cow::Borrowed(request)
        };
        // What a reply may cost is known only if the model is told where to end.
        let room = if self.is_paid() { Some(self.reply_room()) } else { self.reply };
        let room = [request.reply_tokens, room].into_iter().flatten().min();
        if room != fitted.reply_tokens {
            fitted.to_mut().reply_tokens = room;
        }
        Ok((fitted, tokens))
    }
}

/// A chain of models under one name.
pub struct Router {
    alias: String,
    links: Vec<Link>,
    patience: Patience,
    budget: Budget,
    clock: Arc<dyn Clock>,
}

impl Router {
    /// A chain, asked in this order, as `alias`.
    #[must_use]
    pub fn new(alias: &str, links: Vec<Link>, patience: Patience, budget: Budget, clock: Arc<dyn Clock>) -> Self {
        Self { alias: alias.to_owned(), links, patience, budget, clock }
    }

    /// The models of the chain, in the order in which they are asked.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Asks one model after the other until one replies. Pieces of the reply go to `sink` as they come; once there was one,
    /// nobody else is asked.
    async fn route(
        &self,
        request: &Request,
        asker: &dyn Asker,
        mut sink: Option<&mut Sink>,
    ) -> Result<Reply, ModelError> {
        let mut left = self.patience.pauses;
        let mut failed: Vec<(&Link, ModelError)> = Vec::new();
        for link in &self.links {
            if let Some((from, error)) = failed.last() {
                asker.hopped(self.hop(from, link, error)).await;
            }
            match self.ask(link, request, asker, &mut left, sink.as_deref_mut()).await {
                Ok(reply) => return Ok(reply),
                Err(Gone { error, ends: true }) => return Err(error),
                Err(Gone { error, ends: false }) => failed.push((link, error)),
            }
        }
        Err(self.nobody(failed))
    }

    /// Asks one model, again and again as patience has it.
    async fn ask(
        &self,
        link: &Link,
        request: &Request,
        asker: &dyn Asker,
        left: &mut Duration,
        mut sink: Option<&mut Sink>,
    ) -> Result<Reply, Gone> {
        let (request, tokens) = link.fitted(request).await.map_err(Gone::here)?;
        let mut tries = 0;
        loop {
            tries += 1;
            let pass = link.breaker.admit(self.clock.now()).map_err(|alone| {
                let message = format!(
                    "{}: {} has failed again and again, and is left alone for another {}",
                    link.name(),
                    link.breaker.provider(),
                    humantime::format_duration(Duration::from_secs(alone.left.as_secs() + 1))
                );
                Gone::here(ModelError { after: Some(alone.left), ..ModelError::new(Trouble::Unavailable, message) })
            })?;
            let charge = Charge {
                account: asker.account(),
                alias: &self.alias,
                model: link.name(),
                price: link.price,
                prompt: tokens,
                reply: request.reply_tokens.unwrap_or_else(|| link.reply_room()),
            };
            let reserved = self.budget.reserve(charge).await.map_err(|error| Gone {
                ends: reaction(&error, tries, *left, &self.patience, 0.0) == Reaction::Stop,
                error,
            })?;
            let (result, begun) = self.attempt(link, &request, sink.as_deref_mut()).await;
            pass.tell(result.as_ref().err().map(|error| error.trouble), self.clock.now());
            let error = match result {
                Ok(reply) => return Ok(self.settled(link, reserved, reply).await),
                Err(error) => error,
            };
            settle_failed(reserved, &error).await;
            tracing::debug!(alias = self.alias, model = link.name(), trouble = %error.trouble, %error, "no reply");
            if begun {
                return Err(Gone { error, ends: true });
            }
            match reaction(&error, tries, *left, &self.patience, self.chance()) {
                Reaction::Again(pause) => {
                    *left = left.saturating_sub(pause);
                    self.clock.sleep_until(self.clock.now().after(pause)).await;
                }
                Reaction::Next => return Err(Gone::here(error)),
                Reaction::Stop => return Err(Gone { error, ends: true }),
            }
        }
    }

    /// One try; true if a piece of a reply has gone out.
    async fn attempt(
        &self,
        link: &Link,
        request: &Request,
        sink: Option<&mut Sink>,
    ) -> (Result<Reply, ModelError>, bool) {
        let Some(sink) = sink else { return (self.in_time(link, link.model.reply(request)).await, false) };
        let mut pieces = link.model.stream(request);
        let mut begun = false;
        loop {
            let next = self.in_time(link, pieces.next().map(|piece| piece.unwrap_or_else(|| Err(cut_off(link))))).await;
            match next {
                Ok(Piece::Done(reply)) => return (Ok(reply), begun),
                Ok(piece) => {
                    begun = true;
                    if sink.send(Ok(piece)).await.is_err() {
                        let gone = ModelError::new(Trouble::TimedOut, "nobody reads the reply any more");
                        return (Err(gone), begun);
                    }
                }
                Err(error) => return (Err(error), begun),
            }
        }
    }

    /// The result, if it comes in time by the clock.
    async fn in_time<T>(
        &self,
        link: &Link,
        work: impl Future<Output = Result<T, ModelError>> + Send,
    ) -> Result<T, ModelError> {
        let limit = self.patience.reply;
        let late = self.clock.sleep_until(self.clock.now().after(limit));
        match future::select(std::pin::pin!(work), late).await {
            Either::Left((result, _)) => result,
            Either::Right(((), _)) => {
                let limit = humantime::format_duration(limit);
                let message = format!("{}: nothing came within {limit}; see models.timeout", link.name());
                Err(ModelError::new(Trouble::TimedOut, message))
            }
        }
    }

    /// The reply with who gave it and what it cost, once that is on the books.
    async fn settled(&self, link: &Link, reserved: Reservation, reply: Reply) -> Reply {
        let cost = link.price.map(|price| price.cost(reply.usage));
        reserved.settle(cost, reply.usage).await;
        Reply { model: Some(link.name().to_owned()), cost, ..reply }
    }

    fn hop(&self, from: &Link, to: &Link, error: &ModelError) -> Hop {
        Hop {
            alias: self.alias.clone(),
            from: from.name().to_owned(),
            to: to.name().to_owned(),
            trouble: error.trouble.to_string(),
            message: error.message.clone(),
        }
    }

    /// What is said when no model has replied: if one of them may reply later, that it is worth trying again.
    fn nobody(&self, mut failed: Vec<(&Link, ModelError)>) -> ModelError {
        if failed.len() == 1
            && let Some((_, error)) = failed.pop()
        {
            return error;
        }
        let told: Vec<&str> = failed.iter().map(|(_, error)| error.message.as_str()).collect();
        let message = format!("no model of `{}` has replied: {}", self.alias, told.join("; "));
        let telling = failed.iter().find(|(_, error)| error.may_go_better()).or(failed.last());
        let (trouble, after) = telling.map_or((Trouble::Rejected, None), |(_, error)| (error.trouble, error.after));
        ModelError { trouble, message, after }
    }

    /// A number from 0 to 1, by the clock's randomness.
    fn chance(&self) -> f64 {
        let [.., a, b] = self.clock.fresh_id().into_bytes();
        f64::from(u16::from_be_bytes([a, b])) / f64::from(u16::MAX)
    }
}

/// The way to whoever reads a stream.
type Sink = mpsc::Sender<Result<Piece, ModelError>>;

/// A model has not replied.
struct Gone {
    error: ModelError,
    /// Nobody else is to be asked.
    ends: bool,
}

impl Gone {
    /// The next model can be asked.
    fn here(error: ModelError) -> Self {
        Self { error, ends: false }
    }
}

fn cut_off(link: &Link) -> ModelError {
    ModelError::new(Trouble::Malformed, format!("{}: the stream ended before the reply did", link.name()))
}

/// What a failed try is taken to have cost: nothing if it was turned away, the most that it can if the provider may have
/// worked on it.
async fn settle_failed(reserved: Reservation, error: &ModelError) {
    match error.trouble {
        Trouble::Busy | Trouble::Unavailable | Trouble::TooLong | Trouble::Rejected | Trouble::Spent(_) => {
            reserved.release().await;
        }
        Trouble::TimedOut | Trouble::Malformed | Trouble::Truncated | Trouble::Refused => reserved.lose().await,
    }
}

#[async_trait]
impl Model for Router {
    /// The alias, whichever model answers, so that recorded replies are found again.
    fn name(&self) -> &str {
        &self.alias
    }

    /// The largest of the chain, if all are known.
    fn window(&self) -> Option<u32> {
        let windows: Option<Vec<u32>> = self.links.iter().map(Link::window).collect();
        windows?.into_iter().max()
    }

    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        self.reply_to(request, &Anybody).await
    }

    async fn reply_to(&self, request: &Request, asker: &dyn Asker) -> Result<Reply, ModelError> {
        self.route(request, asker, None).await
    }

    fn stream<'a>(&'a self, request: &'a Request) -> Pieces<'a> {
        let (mut sink, pieces) = mpsc::channel(PIECES);
        let work = async move {
            let end = self.route(request, &Anybody, Some(&mut sink)).await.map(Piece::Done);
            // Whoever has gone away needs no end.
            let _ = sink.send(end).await;
        };
        // The work goes on while the stream is read, and no longer.
        stream::select(pieces, stream::once(work).filter_map(|()| future::ready(None))).boxed()
    }
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let links: Vec<&str> = self.links.iter().map(Link::name).collect();
        f.debug_struct("Router").field("alias", &self.alias).field("links", &links).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
