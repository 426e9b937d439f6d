//! A reply that comes in pieces, whoever sends it.

use std::future::Future;

use futures::stream::{self, StreamExt as _};

use super::{ModelError, Piece, Pieces, Reply};

/// A reply on its way.
pub(super) trait Arriving: Send {
    /// More of the text; `None` once all has come.
    fn next(&mut self) -> impl Future<Output = Result<Option<String>, ModelError>> + Send;

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
            Some(text) => (Piece::Text(text), State::Arriving(arriving)),
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
