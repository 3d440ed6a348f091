//! What follows from what was done under a topic's lock, once it is released. Nothing of it is
//! decided here.

use std::task::Waker;

use super::dedup::Forgotten;
use super::log::Garbage;
use super::wake::Wake;
use crate::foreign::contain;

/// What is done once the lock is released.
pub(super) struct After<P> {
    pub(super) garbage: Garbage<P>,
    /// Message ids.
    pub(super) ids: Option<Forgotten>,
    /// Wakers that nobody will run; dropping one may drop a task. Two at most come together: one
    /// that was replaced, and one that was not needed.
    unused: [Option<Waker>; 2],
    /// Readers that have something to read.
    pub(super) readers: Wake,
    /// Publishers that may have room.
    pub(super) publishers: Wake,
}

impl<P> After<P> {
    #[inline]
    pub(super) fn new() -> Self {
        Self {
            garbage: Garbage::new(),
            ids: None,
            unused: [None, None],
            readers: Wake::Nobody,
            publishers: Wake::Nobody,
        }
    }

    /// Keeps a waker that nobody will run.
    pub(super) fn discard(&mut self, waker: Option<Waker>) {
        let free = self.unused.iter_mut().find(|place| place.is_none());
        debug_assert!(free.is_some() || waker.is_none());
        if let (Some(place), Some(waker)) = (free, waker) {
            *place = Some(waker);
        }
    }

    /// Wakers and what is dropped are code that is not ours: a panic of one ends here, and whoever came by
    /// has what the state gave him.
    #[inline]
    pub(super) fn run(self) {
        if self.is_nothing() {
            // Nothing is dropped but what is empty.
            std::mem::forget(self);
            return;
        }
        self.run_all();
    }

    #[inline]
    fn is_nothing(&self) -> bool {
        self.garbage.is_empty()
            && self.ids.is_none()
            && matches!(self.unused, [None, None])
            && matches!((&self.readers, &self.publishers), (Wake::Nobody, Wake::Nobody))
    }

    fn run_all(self) {
        let Self { garbage, ids, unused, readers, publishers } = self;
        readers.run();
        publishers.run();
        drop((garbage, ids));
        unused.into_iter().flatten().for_each(|waker| contain(|| drop(waker)));
    }
}
