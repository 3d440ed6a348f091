//! How a subscriber takes messages of a topic that is kept elsewhere.

use std::task::{Context, Poll, Waker};

use super::{Subscriber, Taken, YIELD_EVERY};
use crate::error::RecvError;
use crate::payload::Payload;
use crate::position::Offset;

impl<T: Payload> Subscriber<T> {
    /// The next message, once there is one.
    #[inline(never)]
    pub(super) fn poll_there(&mut self, cx: &mut Context<'_>) -> Poll<Result<Taken<T>, RecvError>> {
        while self.budget > 0 {
            self.budget -= 1;
            match self.source.poll_there(cx) {
                Poll::Ready(next) => {
                    if let Some(taken) = next.and_then(|offset| self.made(offset)).transpose() {
                        return Poll::Ready(taken);
                    }
                }
                Poll::Pending => {
                    self.budget = YIELD_EVERY;
                    return Poll::Pending;
                }
            }
        }
        self.let_others_run(cx)
    }

    /// The next message if it has come, before `end` where that is said.
    #[inline(never)]
    pub(super) fn take_there(
        &mut self,
        mut end: Option<Offset>,
    ) -> Result<Option<Taken<T>>, RecvError> {
        let mut filtered = 0_u32;
        let mut cx = Context::from_waker(Waker::noop());
        while end.is_none_or(|end| self.source.position() < end) {
            let Poll::Ready(next) = self.source.poll_there(&mut cx) else { break };
            if let Some(taken) = self.made(next?)? {
                return Ok(Some(taken));
            }
            filtered += 1;
            if filtered == YIELD_EVERY {
                // The filter may pass over messages as fast as they come: this ends all the same.
                end.get_or_insert(self.source.end());
            }
        }
        Ok(None)
    }
}
