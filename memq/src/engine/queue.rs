//! Who waits for its turn. A plain data structure under the topic's lock: it runs no waker, and
//! neither clones nor drops one.

use std::collections::VecDeque;
use std::task::Waker;

use super::wake::Wake;

/// What a permit for a message wants of the bytes: less than any message does.
pub(crate) const PERMIT: usize = 1;

/// Waiters for which a queue may have room that is not used.
const ROOM: usize = 64;

/// Waiters that are let in one after the other, in the order in which they came.
///
/// The first keeps its place until it leaves, also while it is awake. Who comes later may go before
/// only where there is room for all of them.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Absent until somebody comes: in most topics nobody ever waits.
    line: Option<Box<Line>>,
}

#[derive(Debug, Default)]
struct Line {
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
        self.line.as_ref().map_or(0, |line| line.waiters.len())
    }

    #[inline]
    fn first(&self) -> Option<&Waiter> {
        self.line.as_ref()?.waiters.front()
    }

    /// Whether nobody is before this place, or where it is none, whether nobody is there at all.
    #[inline]
    pub(crate) fn is_first(&self, place: &Place) -> bool {
        self.first().is_none_or(|first| Some(first.number) == place.0)
    }

    /// Whether the first one sleeps, so that somebody has to wake it.
    #[inline]
    pub(crate) fn first_sleeps(&self) -> bool {
        self.first().is_some_and(|first| first.waker.is_some())
    }

    /// Whether all who wait, wait for room alone, and not with a message.
    pub(crate) fn has_permits_only(&self) -> bool {
        self.bytes() == self.len() * PERMIT
    }

    /// The bytes that all who wait want.
    pub(crate) fn bytes(&self) -> usize {
        self.line.as_ref().map_or(0, |line| line.bytes)
    }

    /// Adds a waiter at the end that does not sleep, and wants this many bytes. One that is there
    /// keeps its place, and may want others than before.
    pub(crate) fn join(&mut self, place: &mut Place, bytes: usize) {
        let line = self.line.get_or_insert_default();
        match line.waiter(place) {
            Some(waiter) => {
                let wanted = std::mem::replace(&mut waiter.bytes, bytes);
                line.bytes = line.bytes.saturating_sub(wanted);
            }
            None => {
                place.0 = Some(line.next);
                line.waiters.push_back(Waiter { number: line.next, bytes, waker: None });
                line.next += 1;
            }
        }
        line.bytes = line.bytes.saturating_add(bytes);
    }

    /// Adds a waiter at the end, or lets one sleep again. The waker that was replaced is to be
    /// dropped outside the lock.
    #[must_use]
    pub(crate) fn park(&mut self, place: &mut Place, bytes: usize, waker: Waker) -> Option<Waker> {
        self.join(place, bytes);
        match self.line.as_mut().and_then(|line| line.waiter(place)) {
            Some(waiter) => waiter.waker.replace(waker),
            None => Some(waker),
        }
    }

    /// Removes a waiter. Its waker is to be dropped outside the lock. Whoever is first now is not
    /// woken yet.
    #[must_use]
    pub(crate) fn leave(&mut self, place: &mut Place) -> Option<Waker> {
        let line = self.line.as_mut()?;
        let index = line.index(place)?;
        place.0 = None;
        let left = line.waiters.remove(index)?;
        // What moves then is little, and so many have left since there was that room.
        if line.waiters.capacity() > ROOM.max(4 * line.waiters.len()) {
            line.waiters.shrink_to(2 * line.waiters.len());
        }
        line.bytes = line.bytes.saturating_sub(left.bytes);
        left.waker
    }

    /// Wakes the first, if it sleeps.
    pub(crate) fn wake_first(&mut self) -> Wake {
        let first = self.line.as_mut().and_then(|line| line.waiters.front_mut());
        first.and_then(|first| first.waker.take()).map_or(Wake::Nobody, Wake::One)
    }

    /// Wakes everybody. They keep their places until they leave.
    pub(crate) fn wake_all(&mut self) -> Wake {
        let waiters = self.line.iter_mut().flat_map(|line| &mut line.waiters);
        Wake::All(waiters.filter_map(|waiter| waiter.waker.take()).collect())
    }
}

impl Line {
    fn waiter(&mut self, place: &Place) -> Option<&mut Waiter> {
        let index = self.index(place)?;
        self.waiters.get_mut(index)
    }

    fn index(&self, place: &Place) -> Option<usize> {
        self.waiters.binary_search_by_key(&place.0?, |waiter| waiter.number).ok()
    }
}

#[cfg(all(test, not(memq_loom)))]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back_when_those_who_waited_have_left() {
        let (mut queue, mut places) = (Queue::default(), Vec::new());
        for _ in 0..10_000 {
            let mut place = Place::default();
            queue.join(&mut place, 1);
            places.push(place);
        }
        let room = |queue: &Queue| queue.line.as_ref().map_or(0, |line| line.waiters.capacity());
        assert!(room(&queue) >= 10_000);
        // From both ends.
        while places.len() > 1 {
            assert!(queue.leave(&mut places.swap_remove(0)).is_none());
            assert!(room(&queue) <= ROOM.max(4 * places.len()));
        }
        assert!(queue.is_first(&places[0]));
        assert_eq!((queue.len(), queue.bytes()), (1, 1));
    }
}
