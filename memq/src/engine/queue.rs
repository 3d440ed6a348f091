//! Who waits for its turn. A plain data structure under the topic's lock: it runs no waker, and
//! neither clones nor drops one.

use std::collections::VecDeque;
use std::task::Waker;

use super::wake::Wake;

/// Waiters that are let in one after the other, in the order in which they came.
///
/// The first keeps its place until it leaves, also while it is awake. Who comes later may go before
/// only where there is room for all of them.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The number of the next to come.
    next: u64,
    /// By number.
    waiters: VecDeque<Waiter>,
    /// The bytes that all of them want.
    bytes: usize,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    bytes: usize,
    /// Absent from when it is woken to when it parks again.
    waker: Option<Waker>,
}

/// A waiter's place in the queue, if it has one.
#[derive(Debug, Default)]
pub(crate) struct Place(Option<u64>);

impl Place {
    /// Whether it is one.
    pub(crate) fn is_taken(&self) -> bool {
        self.0.is_some()
    }
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Whether nobody is before this place, or where it is none, whether nobody is there at all.
    pub(crate) fn is_first(&self, place: &Place) -> bool {
        self.waiters.front().is_none_or(|first| Some(first.number) == place.0)
    }

    /// Whether the first one sleeps, so that somebody has to wake it.
    pub(crate) fn first_sleeps(&self) -> bool {
        self.waiters.front().is_some_and(|first| first.waker.is_some())
    }

    /// The bytes that all who wait want.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a waiter at the end that does not sleep, and wants this many bytes. One that is there
    /// keeps its place, and may want others than before.
    pub(crate) fn join(&mut self, place: &mut Place, bytes: usize) {
        match self.index(place) {
            Some(index) => {
                let wanted = std::mem::replace(&mut self.waiters[index].bytes, bytes);
                self.bytes = self.bytes.saturating_sub(wanted);
            }
            None => {
                place.0 = Some(self.next);
                self.waiters.push_back(Waiter { number: self.next, bytes, waker: None });
                self.next += 1;
            }
        }
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Adds a waiter at the end, or lets one sleep again. The waker that was replaced is to be
    /// dropped outside the lock.
    #[must_use]
    pub(crate) fn park(&mut self, place: &mut Place, bytes: usize, waker: Waker) -> Option<Waker> {
        self.join(place, bytes);
        match self.index(place) {
            Some(index) => self.waiters[index].waker.replace(waker),
            None => Some(waker),
        }
    }

    /// Removes a waiter. Its waker is to be dropped outside the lock. Whoever is first now is not
    /// woken yet.
    #[must_use]
    pub(crate) fn leave(&mut self, place: &mut Place) -> Option<Waker> {
        let index = self.index(place)?;
        place.0 = None;
        let left = self.waiters.remove(index)?;
        self.bytes = self.bytes.saturating_sub(left.bytes);
        left.waker
    }

    /// Wakes the first, if it sleeps.
    pub(crate) fn wake_first(&mut self) -> Wake {
        match self.waiters.front_mut().and_then(|first| first.waker.take()) {
            Some(waker) => Wake::One(waker),
            None => Wake::Nobody,
        }
    }

    /// Wakes everybody. They keep their places until they leave.
    pub(crate) fn wake_all(&mut self) -> Wake {
        Wake::All(self.waiters.iter_mut().filter_map(|waiter| waiter.waker.take()).collect())
    }

    fn index(&self, place: &Place) -> Option<usize> {
        self.waiters.binary_search_by_key(&place.0?, |waiter| waiter.number).ok()
    }
}
