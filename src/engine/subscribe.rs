//! Following a run: what is stored, then what comes. There are no gaps, since both are read from the journal;
//! a notice only says that it is worth reading again.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::{Stream, stream};

use super::error::EngineError;
use super::shared::{Shared, Watch};
use crate::run::{Recorded, RunEvent, RunId};

/// Events read at once.
const PAGE: usize = 256;

struct Following {
    shared: Arc<Shared>,
    watch: Watch,
    run: RunId,
    after: u64,
    page: VecDeque<Recorded>,
    ended: bool,
}

/// The events of a run after number `after`, until its end.
pub(super) fn subscribe(
    shared: Arc<Shared>,
    run: RunId,
    after: u64,
) -> impl Stream<Item = Result<Recorded, EngineError>> + Send + use<> {
    let watch = shared.watch(run);
    let following = Following { shared, watch, run, after, page: VecDeque::new(), ended: false };
    stream::unfold(following, |mut following| async move {
        match following.next().await {
            Ok(Some(recorded)) => Some((Ok(recorded), following)),
            Ok(None) => None,
            Err(error) => {
                following.ended = true;
                Some((Err(error), following))
            }
        }
    })
}

impl Following {
    async fn next(&mut self) -> Result<Option<Recorded>, EngineError> {
        loop {
            if self.ended {
                return Ok(None);
            }
            if let Some(recorded) = self.page.pop_front() {
                self.after = recorded.seq;
                self.ended = matches!(
                    recorded.event,
                    RunEvent::Completed { .. } | RunEvent::RunFailed { .. } | RunEvent::Cancelled { .. }
                );
                return Ok(Some(recorded));
            }
            self.page = self.shared.journal.read(self.run, self.after, PAGE).await?.into();
            if self.page.is_empty() {
                match self.shared.runs.get(self.run).await? {
                    None => return Err(EngineError::NoSuchRun(self.run)),
                    // Asked for from beyond its end.
                    Some(head) if head.status.is_end() && head.seq <= self.after => return Ok(None),
                    Some(head) if head.seq > self.after => {}
                    Some(_) => {
                        let notice = self.watch.next().await;
                        if let Some(reason) = notice.stalled {
                            return Err(EngineError::Stalled { run: self.run, reason });
                        }
                    }
                }
            }
        }
    }
}
