//! Memory of segments that are gone, for those that come.
//!
//! What a reader looked at is in the caches of its core, and whoever writes there next waits for each
//! cache line to come back. So slots of values that lie in them are used again late, when as much memory
//! was used since as such a cache holds: then nobody has to be asked for them. An allocator does the
//! opposite, and gives back first what was freed last.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::slots::{Slots, Spare, Writer};
use super::sync::Mutex;

/// Bytes that are kept for all topics of a broker together, at most: twice what the caches of a core
/// hold.
const MOST: usize = 2 << 20;
/// So many have to be kept before one is used again.
const FULL: usize = MOST / 4 * 3;
/// Smaller ones are not worth it.
const LEAST: usize = 4 << 10;

/// Where a topic's segments leave their memory, and get it from.
pub(super) trait Pool<P>: Send + Sync {
    /// Slots that are all unset, so many.
    fn take(&self, count: usize) -> Option<(Writer<P>, Slots<P>)>;
    fn keep(&self, spare: Spare<P>);
}

/// The pool of all topics of a broker, whatever is in their slots. What is used goes to the end, so that
/// topics that are quiet keep nothing from the others.
#[derive(Default)]
pub(crate) struct Recycler(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// The oldest first. Each is empty: nothing is dropped with it but memory.
    spares: VecDeque<Kind>,
    bytes: usize,
}

/// A [`Spare`] of some type.
struct Kind {
    spare: Box<dyn Any + Send>,
    bytes: usize,
}

impl Kept {
    /// Takes the oldest out of so many slots.
    fn take<P: Send + Sync + 'static>(&mut self, count: usize) -> Option<Box<dyn Any + Send>> {
        if self.bytes < FULL {
            return None;
        }
        let fits = |kind: &Kind| {
            kind.spare.downcast_ref().is_some_and(|spare: &Spare<P>| spare.len() == count)
        };
        let place = self.spares.iter().position(fits)?;
        let Kind { spare, bytes } = self.spares.remove(place)?;
        self.bytes -= bytes;
        Some(spare)
    }

    /// Adds one, and takes out what is too much with it.
    fn keep(&mut self, kind: Kind) -> Vec<Kind> {
        self.bytes += kind.bytes;
        self.spares.push_back(kind);
        let mut over = Vec::new();
        while self.bytes > MOST {
            let Some(oldest) = self.spares.pop_front() else { break };
            self.bytes -= oldest.bytes;
            over.push(oldest);
        }
        over
    }
}

impl<P: Send + Sync + 'static> Pool<P> for Recycler {
    fn take(&self, count: usize) -> Option<(Writer<P>, Slots<P>)> {
        if Spare::<P>::bytes(count) < LEAST {
            return None;
        }
        let spare = self.0.lock().take::<P>(count)?;
        spare.downcast::<Spare<P>>().ok()?.renew()
    }

    fn keep(&self, spare: Spare<P>) {
        let bytes = Spare::<P>::bytes(spare.len());
        if bytes < LEAST {
            return;
        }
        let kind = Kind { spare: Box::new(spare), bytes };
        let over = self.0.lock().keep(kind);
        drop(over);
    }
}

impl Recycler {
    /// It as the pool of a topic, if its slots are worth it.
    pub(super) fn pool<P: Send + Sync + 'static>(self: &Arc<Self>) -> Option<Arc<dyn Pool<P>>> {
        if Spare::<P>::WORTH_IT { Some(self.clone()) } else { None }
    }
}

impl fmt::Debug for Recycler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recycler").field("bytes", &self.0.lock().bytes).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(memq_loom)))]
mod tests {
    use super::*;

    /// As large as a slot that is worth it.
    type Value = [u64; 8];
    const COUNT: usize = 128;

    fn gone<P>(count: usize) -> Spare<P> {
        let (writer, mut slots) = super::super::slots::slots::<P>(count);
        drop(writer);
        slots.retire().expect("nobody else has them")
    }

    fn fill(recycler: &Recycler) -> usize {
        let kept = MOST / Spare::<Value>::bytes(COUNT);
        (0..kept).for_each(|_| recycler.keep(gone::<Value>(COUNT)));
        kept
    }

    #[test]
    fn nothing_is_used_again_before_enough_is_kept() {
        let recycler = Recycler::default();
        let each = Spare::<Value>::bytes(COUNT);
        for _ in 0..FULL.div_ceil(each) {
            assert!(Pool::<Value>::take(&recycler, COUNT).is_none());
            recycler.keep(gone::<Value>(COUNT));
        }
        assert!(Pool::<Value>::take(&recycler, COUNT).is_some());
    }

    #[test]
    fn it_keeps_no_more_than_it_may_and_nothing_small() {
        let recycler = Recycler::default();
        let kept = fill(&recycler);
        for _ in 0..3 {
            recycler.keep(gone::<Value>(COUNT));
            recycler.keep(gone::<Value>(8));
        }
        let inside = recycler.0.lock();
        assert!(inside.bytes <= MOST);
        assert_eq!(inside.spares.len(), kept);
        assert_eq!(inside.bytes, inside.spares.iter().map(|kind| kind.bytes).sum::<usize>());
    }

    #[test]
    fn each_gets_slots_of_its_own_type_and_number() {
        let recycler = Recycler::default();
        fill(&recycler);
        assert!(Pool::<[i64; 8]>::take(&recycler, COUNT).is_none());
        assert!(Pool::<Value>::take(&recycler, COUNT / 2).is_none());
        let before = recycler.0.lock().bytes;
        let (writer, slots) = Pool::<Value>::take(&recycler, COUNT).expect("one of those kept");
        assert_eq!((slots.len(), writer.room()), (COUNT, COUNT));
        assert!(recycler.0.lock().bytes < before);
    }

    #[test]
    fn what_others_keep_pushes_out_what_is_not_used() {
        let recycler = Recycler::default();
        fill(&recycler);
        let each = Spare::<[i64; 9]>::bytes(COUNT);
        (0..MOST / each).for_each(|_| recycler.keep(gone::<[i64; 9]>(COUNT)));
        assert!(Pool::<Value>::take(&recycler, COUNT).is_none());
        assert!(Pool::<[i64; 9]>::take(&recycler, COUNT).is_some());
    }
}
