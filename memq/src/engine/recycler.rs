//! Memory of segments that are gone, for those that come.
//!
//! What a reader looked at is in the caches of its core, and whoever writes there next waits for each
//! cache line to come back. So slots of values that lie in them are used again late, when as much memory
//! was left since as such a cache holds: then nobody has to be asked for them. An allocator does the
//! opposite, and gives back first what was freed last.

use std::any::{Any, TypeId};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Weak};

use super::slots::{Slots, Spare, Writer};
use super::sync::Mutex;

/// Bytes that are kept for all topics of a broker together, at most: more than the caches of a core hold.
const MOST: usize = 2 << 20;
/// So many have to be left after one before that is used again.
pub(super) const LATE: usize = MOST / 4 * 3;
/// Smaller ones are not worth it.
const LEAST: usize = 4 << 10;

/// Where a topic's segments leave their memory, and get it from.
pub(super) trait Pool<P>: Send + Sync {
    /// Slots that are all unset, so many.
    fn take(&self, count: usize) -> Option<(Writer<P>, Slots<P>)>;
    fn keep(&self, spare: Spare<P>);
}

/// The pool of all topics of a broker, whatever is in their slots. The oldest go first, so that topics
/// that are quiet keep few from the others.
#[derive(Default)]
pub(crate) struct Recycler(Mutex<Kept>);

/// Of the oldest, how many are looked at for one that fits. While none does, others are left, and push
/// the oldest out.
const NEAR: usize = 16;

/// The type of a spare, and how many slots it has.
type Kind = (TypeId, usize);

/// A [`Spare`] of some kind.
struct Left {
    kind: Kind,
    spare: Box<dyn Any + Send>,
    bytes: usize,
    /// When it was left.
    at: u64,
}

#[derive(Default)]
struct Kept {
    /// The oldest first.
    spares: VecDeque<Left>,
    /// How large they are together.
    bytes: usize,
    /// Bytes that were left so far, by which times are told.
    left: u64,
}

impl Kept {
    /// Takes the oldest of this kind, if that was left long enough ago.
    fn take(&mut self, kind: Kind) -> Option<Box<dyn Any + Send>> {
        let left = self.left;
        let mut old = self.spares.iter().take(NEAR).take_while(|it| left - it.at >= LATE as u64);
        let place = old.position(|it| it.kind == kind)?;
        let taken = self.spares.remove(place)?;
        self.bytes -= taken.bytes;
        Some(taken.spare)
    }

    fn keep(&mut self, kind: Kind, bytes: usize, spare: Box<dyn Any + Send>) {
        self.left += bytes as u64;
        self.bytes += bytes;
        self.spares.push_back(Left { kind, spare, bytes, at: self.left });
    }

    /// Takes the oldest of all, if there are too many.
    fn over(&mut self) -> Option<Left> {
        let oldest = if self.bytes > MOST { self.spares.pop_front() } else { None };
        self.bytes -= oldest.as_ref().map_or(0, |oldest| oldest.bytes);
        oldest
    }
}

impl<P: Send + Sync + 'static> Pool<P> for Recycler {
    fn take(&self, count: usize) -> Option<(Writer<P>, Slots<P>)> {
        if Spare::<P>::bytes(count) < LEAST {
            return None;
        }
        let spare = self.0.lock().take((TypeId::of::<P>(), count))?;
        spare.downcast::<Spare<P>>().ok()?.renew()
    }

    fn keep(&self, spare: Spare<P>) {
        let (kind, bytes) = ((TypeId::of::<P>(), spare.len()), Spare::<P>::bytes(spare.len()));
        if bytes < LEAST {
            return;
        }
        let spare = Box::new(spare);
        let mut over = {
            let mut kept = self.0.lock();
            kept.keep(kind, bytes, spare);
            kept.over()
        };
        // Freed without the lock.
        while over.is_some() {
            over = self.0.lock().over();
        }
    }
}

impl Recycler {
    /// It as the pool of a topic, if its slots are worth it. Not kept by that: what a handle or a message
    /// keeps of a topic outlives its broker.
    pub(super) fn pool<P: Send + Sync + 'static>(self: &Arc<Self>) -> Option<Weak<dyn Pool<P>>> {
        let pool: Arc<dyn Pool<P>> = self.clone();
        if Spare::<P>::WORTH_IT { Some(Arc::downgrade(&pool)) } else { None }
    }

    /// How many bytes it keeps.
    pub(super) fn bytes(&self) -> usize {
        self.0.lock().bytes
    }
}

impl fmt::Debug for Recycler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recycler").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(memq_loom)))]
mod tests {
    use super::*;

    /// As large as a slot that is worth it.
    type Value = [u64; 8];
    type Other = [i64; 9];
    const COUNT: usize = 128;

    /// Memory of values that were all set.
    fn gone<P: Copy>(count: usize, value: P) -> Spare<P> {
        let (mut writer, mut slots) = super::super::slots::slots(count);
        assert!((0..count).all(|_| writer.push(value, 0)));
        writer.show();
        drop(writer);
        slots.retire().expect("nobody else has them")
    }

    fn leave<P: Copy + Send + Sync + 'static>(recycler: &Recycler, value: P, times: usize) {
        (0..times).for_each(|_| recycler.keep(gone(COUNT, value)));
    }

    fn take<P: Send + Sync + 'static>(recycler: &Recycler) -> Option<(Writer<P>, Slots<P>)> {
        recycler.take(COUNT)
    }

    const EACH: usize = Spare::<Value>::bytes(COUNT);

    #[test]
    fn what_is_used_again_was_left_long_ago_and_is_unset() {
        let recycler = Recycler::default();
        for times in 0..=LATE.div_ceil(EACH) {
            assert!(take::<Value>(&recycler).is_none(), "after {times}");
            leave(&recycler, [7_u64; 8], 1);
        }
        let (writer, slots) = take::<Value>(&recycler).expect("the first one");
        assert_eq!((slots.len(), writer.room()), (COUNT, COUNT));
        assert!((0..COUNT).all(|index| slots.get(index).is_none()));
        assert!(take::<Value>(&recycler).is_none(), "the second is younger");
    }

    #[test]
    fn it_keeps_no_more_than_it_may_and_nothing_small() {
        let recycler = Recycler::default();
        let few = LEAST / EACH.div_ceil(COUNT) - 8;
        for _ in 0..3 {
            leave(&recycler, [7_u64; 8], MOST / EACH);
            recycler.keep(gone(few, [7_u64; 8]));
        }
        let inside = recycler.0.lock();
        assert!(inside.bytes <= MOST);
        assert_eq!(inside.bytes, MOST / EACH * EACH);
        assert_eq!(inside.spares.len(), MOST / EACH);
    }

    #[test]
    fn each_gets_slots_of_its_own_type_and_number() {
        let recycler = Recycler::default();
        leave(&recycler, [7_u64; 8], MOST / EACH);
        assert!(take::<[i64; 8]>(&recycler).is_none());
        assert!(Pool::<Value>::take(&recycler, COUNT / 2).is_none());
        assert!(take::<Value>(&recycler).is_some());
    }

    #[test]
    fn who_comes_later_pushes_out_who_is_quiet_and_uses_nothing_early() {
        let recycler = Recycler::default();
        leave(&recycler, [7_u64; 8], MOST / EACH);
        let (mut since, mut used) = (VecDeque::new(), 0);
        for _ in 0..4 * MOST / EACH {
            if take::<Other>(&recycler).is_some() {
                let oldest = since.pop_front().expect("one that was left");
                assert!(used - oldest >= LATE, "it was used early");
            }
            leave(&recycler, [7_i64; 9], 1);
            used += Spare::<Other>::bytes(COUNT);
            since.push_back(used);
        }
        assert!(take::<Other>(&recycler).is_some());
        let inside = recycler.0.lock();
        let is_quiet = |it: &&Left| it.kind == (TypeId::of::<Value>(), COUNT);
        let quiet = inside.spares.iter().filter(is_quiet).count();
        assert!(quiet < NEAR, "{quiet} are left of who is quiet");
        assert!(inside.bytes <= MOST);
    }

    #[test]
    fn values_are_dropped_when_their_slots_go_and_not_with_the_memory() {
        let counted = Arc::new(());
        let recycler = Arc::new(Recycler::default());
        let (mut writer, mut slots) = super::super::slots::slots::<(Arc<()>, Value)>(COUNT);
        for _ in 0..COUNT {
            assert!(writer.push((counted.clone(), [7; 8]), 0));
        }
        writer.show();
        assert!(slots.retire().is_none(), "who fills them has them, too");
        drop(writer);
        recycler.keep(slots.retire().expect("nobody else has them"));
        assert_eq!(Arc::strong_count(&counted), 1);
        assert!(recycler.bytes() > 0);
    }
}
