//! Deliveries that are handed on: whoever hands one on is told what became of it, and says what
//! becomes of it if it is dropped.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::{Delivery, Lease, Unsettled};
use crate::dead_letter::reason;
use crate::engine::group::Settlement;
use crate::payload::Payload;

/// What became of a hand-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Acked,
    /// It comes back.
    Returned,
    /// It is a dead letter.
    Dead,
    /// It is to become one, and its dead-letter topic did not take it.
    Refused,
    /// It no longer counted: the message was settled or handed out again before.
    Stale,
}

/// One delivery that was handed on.
#[derive(Debug)]
pub(crate) struct Watch {
    /// How long the message waits if the delivery is dropped.
    pause: Duration,
    /// It does not wait after all.
    at_once: AtomicBool,
    /// Why it was dropped, where that is known.
    reason: OnceLock<Box<str>>,
    outcome: OnceLock<Outcome>,
}

impl Watch {
    /// What became of the delivery; `None` while it is not settled.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.outcome.get().copied()
    }

    /// Says why it is about to be dropped.
    pub(crate) fn because(&self, why: &str) {
        self.reason.get_or_init(|| reason(why));
    }

    /// Says that the message is to come back without a pause.
    pub(crate) fn at_once(&self) {
        self.at_once.store(true, Ordering::Relaxed);
    }

    pub(super) fn settled(&self, outcome: Outcome) {
        self.outcome.get_or_init(|| outcome);
    }

    /// What a delivery does that is dropped, for this reason if nobody knows a better one.
    pub(super) fn dropped(&self, why: &'static str) -> Settlement {
        if self.at_once.load(Ordering::Relaxed) {
            return Settlement::Return { reason: why };
        }
        let reason = self.reason.get().cloned().unwrap_or_else(|| why.into());
        Settlement::Delay { delay: self.pause, reason }
    }
}

impl<T: Payload> Delivery<T> {
    /// Watches it. Dropped, it comes back after this long.
    pub(crate) fn watch(&mut self, pause: Duration) -> Arc<Watch> {
        let watch = Arc::new(Watch {
            pause,
            at_once: AtomicBool::new(false),
            reason: OnceLock::new(),
            outcome: OnceLock::new(),
        });
        if self.lease.unsettled.is_some() {
            self.lease.unsettled = Some(Unsettled::Watched(watch.clone()));
        }
        watch
    }
}

impl<T: Payload> Lease<T> {
    /// Acknowledges, and says what that did.
    pub(crate) fn done(mut self) -> Outcome {
        self.settle_as(Settlement::Ack).0
    }

    /// Comes back after this long; dead with this reason if it was the last attempt.
    pub(crate) fn fail(mut self, delay: Duration, why: impl fmt::Display) -> Outcome {
        self.settle_as(Settlement::Delay { delay, reason: reason(why) }).0
    }
}
