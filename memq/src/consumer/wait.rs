//! How a consumer waits: it lets others run, sleeps, and has a timer for what is due; and how it goes.

use std::future::{Future, poll_fn};
use std::task::{Context, Poll};

use super::{CHUNK, Consumer};
use crate::delivery::Delivery;
use crate::engine::group::Wait;
use crate::engine::state::Claim;
use crate::error::{Pending, RecvError};
use crate::payload::Payload;
use crate::position::Timestamp;

/// Messages that a consumer takes before it lets other tasks run once, so that members that share a
/// thread share the work.
pub(super) const YIELD_EVERY: u32 = 32;

impl<T: Payload> Consumer<T> {
    /// `guarded` says that `stop_waiting` follows if it is not polled again.
    pub(crate) fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        guarded: bool,
    ) -> Poll<Result<Delivery<T>, RecvError>> {
        if let Some(pending) = self.pending.pop_front() {
            return Poll::Ready(Err(pending.say()));
        }
        loop {
            if self.budget == 0 {
                self.budget = YIELD_EVERY;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.budget -= 1;
            let mut claim = self.seat.claim(&mut self.lanes);
            if let Claim::Nothing { .. } = claim {
                self.source = None;
                // Only who waits needs to know, and neither that nor a waker is cheap.
                let timed = tokio::runtime::Handle::try_current().is_ok();
                claim =
                    self.seat.claim_or_park(&mut self.lanes, cx.waker(), Wait { guarded, timed });
                if let Claim::Nothing { due } = claim {
                    self.budget = YIELD_EVERY;
                    self.parked = true;
                    if self.poll_timer(due.filter(|_| timed), cx).is_pending() {
                        return Poll::Pending;
                    }
                    continue;
                }
            }
            if let Some(taken) = self.take(claim).transpose() {
                self.parked = false;
                return Poll::Ready(taken.map_err(Pending::say));
            }
        }
    }

    /// How many messages the next ones are that are taken one after the other: so many are asked for at
    /// once elsewhere. With `auto_ack` it is one, since what lies here would be lost with the consumer.
    pub(crate) fn takes(&mut self, messages: usize) {
        let most = if self.terms.auto_ack { 1 } else { CHUNK };
        self.seat.takes(messages.clamp(1, most));
    }

    /// Lets other tasks run once in so many batches.
    pub(super) async fn let_others_run(&mut self) {
        self.budget = self.budget.saturating_sub(1);
        poll_fn(|cx| {
            if self.budget > 0 {
                return Poll::Ready(());
            }
            self.budget = YIELD_EVERY;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Waits for the end alone, and takes no messages. Others take what there is. Looks at the
    /// group's lock, but at no message.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<RecvError> {
        self.parked = true;
        loop {
            let due = match self.seat.end_or_watch(cx.waker()) {
                Ok(Claim::Deleted) => return Poll::Ready(RecvError::Deleted),
                Ok(Claim::GroupDeleted) => return Poll::Ready(RecvError::GroupDeleted),
                Ok(_) => return Poll::Ready(RecvError::Closed),
                Err(due) => due,
            };
            if self.poll_timer(due, cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Sleeps until then, or for ever.
    fn poll_timer(&mut self, due: Option<Timestamp>, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = |due| Box::pin(tokio::time::sleep_until(self.seat.instant(due)));
        self.timer = due.map(sleep);
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    /// It no longer waits, so that nobody counts on it.
    pub(crate) fn stop_waiting(&mut self) {
        self.timer = None;
        if std::mem::take(&mut self.parked) {
            self.seat.unpark();
        }
    }
}

impl<T: Payload> Drop for Consumer<T> {
    /// What its group missed, and it was to say next, another is told.
    fn drop(&mut self) {
        for pending in &self.pending {
            if let Pending::Error(RecvError::Lagged { skipped, reason }) = pending {
                self.seat.leave_untold(*skipped, *reason);
            }
        }
    }
}
