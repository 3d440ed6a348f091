//! Who waits, and how they are woken. Plain data structures under the topic's lock: they run no
//! waker, and neither clone nor drop one.

use std::collections::VecDeque;
use std::task::Waker;

use slab::Slab;

/// Wakers of parked tasks, one for each waiter.
#[derive(Debug, Default)]
pub(crate) struct WaitList {
    /// Counts the wake-ups, so that a ticket from before one is known to be void.
    round: u64,
    wakers: Slab<Waker>,
}

/// A waiter's place in the list, if it has one.
#[derive(Debug, Default)]
pub(crate) struct Ticket(Option<(u64, usize)>);

/// Waiters that are let in one after the other, in the order in which they came.
///
/// The first keeps its place until it leaves, also while it is awake: nobody overtakes it.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The number of the next to come.
    next: u64,
    /// By number.
    waiters: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
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

    /// Adds a waiter at the end, or lets one sleep again. The waker that was replaced is to be
    /// dropped outside the lock.
    #[must_use]
    pub(crate) fn park(&mut self, place: &mut Place, waker: Waker) -> Option<Waker> {
        if let Some(index) = self.index(place) {
            return self.waiters[index].waker.replace(waker);
        }
        place.0 = Some(self.next);
        self.waiters.push_back(Waiter { number: self.next, waker: Some(waker) });
        self.next += 1;
        None
    }

    /// Removes a waiter. Its waker is to be dropped outside the lock. Whoever is first now is not
    /// woken yet.
    #[must_use]
    pub(crate) fn leave(&mut self, place: &mut Place) -> Option<Waker> {
        let index = self.index(place)?;
        place.0 = None;
        self.waiters.remove(index)?.waker
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

/// Wakers taken out of a list, to be run where no lock is held.
#[derive(Debug)]
#[must_use = "whoever waits is woken by `run`"]
pub(crate) enum Wake {
    Nobody,
    /// The usual case, without an allocation.
    One(Waker),
    All(Vec<Waker>),
}

impl WaitList {
    /// Adds a waiter, or renews its waker. The one that was replaced is to be dropped outside the
    /// lock, since that may drop a task.
    #[must_use]
    pub(crate) fn park(&mut self, ticket: &mut Ticket, waker: Waker) -> Option<Waker> {
        match self.place(ticket) {
            Some(parked) => Some(std::mem::replace(parked, waker)),
            None => {
                ticket.0 = Some((self.round, self.wakers.insert(waker)));
                None
            }
        }
    }

    /// Removes a waiter that no longer waits. Its waker is to be dropped outside the lock.
    #[must_use]
    pub(crate) fn leave(&mut self, ticket: &mut Ticket) -> Option<Waker> {
        self.place(ticket)?;
        let (_, key) = ticket.0.take()?;
        self.wakers.try_remove(key)
    }

    /// Takes everybody out.
    pub(crate) fn wake_all(&mut self) -> Wake {
        if self.wakers.is_empty() {
            return Wake::Nobody;
        }
        self.round += 1;
        let mut woken = self.wakers.drain();
        match (woken.next(), woken.len()) {
            (None, _) => Wake::Nobody,
            (Some(one), 0) => Wake::One(one),
            (Some(first), _) => Wake::All(std::iter::once(first).chain(woken).collect()),
        }
    }

    fn place(&mut self, ticket: &Ticket) -> Option<&mut Waker> {
        let (round, key) = ticket.0?;
        if round == self.round { self.wakers.get_mut(key) } else { None }
    }
}

impl Wake {
    /// Adds those of another list, or of the same one at another time.
    pub(crate) fn add(&mut self, others: Self) {
        if matches!(others, Self::Nobody) {
            return;
        }
        *self = match (std::mem::replace(self, Self::Nobody), others) {
            (Self::Nobody, others) => others,
            (own, others) => {
                Self::All(own.into_vec().into_iter().chain(others.into_vec()).collect())
            }
        };
    }

    fn into_vec(self) -> Vec<Waker> {
        match self {
            Self::Nobody => Vec::new(),
            Self::One(waker) => vec![waker],
            Self::All(wakers) => wakers,
        }
    }

    pub(crate) fn run(self) {
        match self {
            Self::Nobody => {}
            Self::One(waker) => waker.wake(),
            Self::All(wakers) => Rest(wakers.into_iter()).run(),
        }
    }
}

/// Wakers still to be run. Where one panics, the others are run all the same.
struct Rest(std::vec::IntoIter<Waker>);

impl Rest {
    fn run(&mut self) {
        self.0.by_ref().for_each(Waker::wake);
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        self.run();
    }
}
