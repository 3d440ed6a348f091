//! One member of a group.

use std::task::Waker;

use super::Lent;
use crate::position::Timestamp;

#[derive(Debug)]
pub(in crate::engine::group) struct Member {
    pub(in crate::engine::group) id: u64,
    pub(in crate::engine::group) share: usize,
    /// Messages it holds.
    pub(in crate::engine::group) in_flight: usize,
    /// None of those is before this offset.
    pub(in crate::engine::group) oldest: u64,
    /// Messages it may hold.
    pub(in crate::engine::group) most: usize,
    /// What it claimed ahead.
    pub(in crate::engine::group) lent: Lent,
    /// Whether it takes no more messages, and only settles what it holds.
    pub(in crate::engine::group) retired: bool,
    pub(super) parked: Option<Parked>,
    /// Whether it stands in its share's queue.
    pub(super) queued: bool,
    /// Whether it was woken and has not come since.
    pub(super) called: bool,
    /// Whether it was woken to sleep again with a timer.
    pub(super) asked: bool,
}

impl Member {
    /// One that came just now, and may hold so many messages.
    pub(super) fn new(id: u64, most: usize, lent: Lent) -> Self {
        Self {
            id,
            share: 0,
            in_flight: 0,
            oldest: 0,
            most,
            lent,
            retired: false,
            parked: None,
            queued: false,
            called: false,
            asked: false,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.in_flight >= self.most
    }

    /// It holds so many more, from this offset on.
    #[inline]
    pub(in crate::engine::group) fn hold(&mut self, offset: u64, count: usize) {
        self.oldest = if self.in_flight == 0 { offset } else { self.oldest.min(offset) };
        self.in_flight += count;
    }

    pub(in crate::engine::group) fn waits(&self) -> bool {
        self.parked.as_ref().is_some_and(|parked| !parked.for_end)
    }
}

/// How a member waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    /// Whether [`Members::unpark`](super::Members::unpark) follows if it stops waiting.
    pub(crate) guarded: bool,
    /// Whether it can wake by itself when something is due.
    pub(crate) timed: bool,
}

#[derive(Debug)]
pub(in crate::engine) struct Parked {
    pub(super) waker: Waker,
    pub(super) how: Wait,
    pub(super) armed: Option<Timestamp>,
    /// Whether it waits for the end alone.
    pub(super) for_end: bool,
}

impl Parked {
    pub(in crate::engine) fn into_waker(self) -> Waker {
        self.waker
    }

    /// Whether it comes when it is called for a message.
    pub(super) fn is_sure(&self) -> bool {
        self.how.guarded && !self.for_end
    }
}
