//! A reply that comes in pieces, whoever sends it.

use std::future::Future;

use futures::stream::{self, StreamExt as _};

use super::{ModelError, Piece, Pieces, Reply};

/// What came of a reply on its way.
pub(super) enum Heard {
    /// More of the text.
    Text(String),
    /// There is no more of it, and nothing is called.
    Said,
}

/// A reply on its way.
pub(super) trait Arriving: Send {
    /// More of the text, or that there is no more of it; `None` once all has come.
    fn next(&mut self) -> impl Future<Output = Result<Option<Heard>, ModelError>> + Send;

    /// The whole reply, once all has come.
    fn finish(self) -> Result<Reply, ModelError>;
}

/// The pieces of a reply that `open` asks for.
pub(super) fn pieces<'a, A: Arriving + 'a>(
    open: impl Future<Output = Result<A, ModelError>> + Send + 'a,
) -> Pieces<'a> {
    let steps = stream::try_unfold(State::Asking(open), |state| async {
        let mut arriving = match state {
            State::Asking(open) => open.await?,
            State::Arriving(arriving) => arriving,
            State::Done => return Ok(None),
        };
        Ok(Some(match arriving.next().await? {
            Some(Heard::Text(text)) => (Piece::Text(text), State::Arriving(arriving)),
            Some(Heard::Said) => (Piece::Said, State::Arriving(arriving)),
            None => (Piece::Done(arriving.finish()?), State::Done),
        }))
    });
    steps.boxed()
}

enum State<F, A> {
    Asking(F),
    Arriving(A),
    Done,
}
