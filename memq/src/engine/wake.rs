//! Who waits and is woken together, and how. A plain data structure under the topic's lock: it runs
//! no waker, and neither clones nor drops one.

use std::task::Waker;

use slab::Slab;

use crate::foreign::contain;

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

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.wakers.is_empty()
    }

    /// Takes everybody out.
    #[inline]
    pub(crate) fn wake_all(&mut self) -> Wake {
        if self.is_empty() { Wake::Nobody } else { self.drain() }
    }

    fn drain(&mut self) -> Wake {
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
    #[inline]
    pub(crate) fn add(&mut self, others: Self) {
        if !matches!(others, Self::Nobody) {
            self.join(others);
        }
    }

    fn join(&mut self, others: Self) {
        *self = match (std::mem::replace(self, Self::Nobody), others) {
            (Self::Nobody, others) => others,
            (own, others) => {
                let mut all = own.into_vec();
                all.extend(others.into_vec());
                Self::All(all)
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

    /// A panic of one ends there.
    pub(crate) fn run(self) {
        match self {
            Self::Nobody => {}
            Self::One(waker) => contain(|| waker.wake()),
            Self::All(wakers) => {
                wakers.into_iter().for_each(|waker| contain(|| waker.wake()));
            }
        }
    }
}
