//! How readers hold on to segments, and to messages in them.

use std::ops::Deref;
use std::sync::Arc;

use super::{EntryRef, Note, Segment};
use crate::engine::offer::{Entry, Offer};
use crate::engine::sync::Ordering;
use crate::position::{Offset, Timestamp};

/// One reader's reference to a segment. Readers count theirs apart: a counter that all of them
/// change would go from core to core with each message.
pub(crate) struct Lane<P>(Arc<Reference<P>>);

struct Reference<P>(Arc<Segment<P>>);

impl<P> Drop for Reference<P> {
    #[inline]
    fn drop(&mut self) {
        self.0.uses.end();
    }
}

impl<P> Lane<P> {
    pub(crate) fn new(segment: Arc<Segment<P>>) -> Self {
        Self(Arc::new(Reference(segment)))
    }

    /// Messages that are in no log of this process, from this offset on. Their dates do not decrease.
    pub(crate) fn of_run<R>(base: Offset, run: R) -> Self
    where
        R: IntoIterator<Item = (Entry<P>, Timestamp), IntoIter: ExactSizeIterator>,
    {
        let run = run.into_iter();
        let count = run.len();
        let (mut filler, segment) = Segment::new(base.0, count, count, None);
        for (entry, at) in run {
            let mut offer = Some(entry);
            if let Some(head) = offer.head() {
                // There are as many slots and labels as messages.
                let stored = filler.push(&mut offer, head, at);
                debug_assert!(stored);
            }
        }
        filler.show();
        segment.seal();
        Self::new(Arc::new(segment))
    }

    /// Whether they are references of one reader to one segment.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// What a group's member holds of the log: a reference to the segment of its last message, so that
/// it need not make one for each.
pub(crate) struct Lanes<P> {
    last: Option<Lane<P>>,
    /// The one before. It may be all that keeps a segment, so it goes once the lock is released.
    former: Option<Lane<P>>,
}

impl<P> Default for Lanes<P> {
    fn default() -> Self {
        Self { last: None, former: None }
    }
}

impl<P> Lanes<P> {
    /// A reference to this segment, which is one of the log.
    #[inline]
    pub(in crate::engine) fn lane(&mut self, segment: &Arc<Segment<P>>) -> &Lane<P> {
        if self.last.as_ref().is_none_or(|last| !Arc::ptr_eq(&last.0.0, segment)) {
            let last = self.last.take();
            // Those between are of segments that the log still has.
            self.former = self.former.take().or(last);
        }
        self.last.get_or_insert_with(|| Lane::new(segment.clone()))
    }

    /// Lets go of what is not of the last message, and of all where there was none: who finds nothing keeps
    /// nothing. Done outside the lock.
    #[inline]
    pub(in crate::engine) fn release_but(&mut self, message: bool) {
        self.former = None;
        if !message {
            self.last = None;
        }
    }
}

impl<P> Clone for Lane<P> {
    #[inline]
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P> Deref for Lane<P> {
    type Target = Segment<P>;

    #[inline]
    fn deref(&self) -> &Segment<P> {
        &self.0.0
    }
}

/// A message that a reader holds, and with it the segment it is in.
pub(crate) struct SlotRef<P> {
    lane: Lane<P>,
    offset: u64,
}

impl<P> SlotRef<P> {
    /// A message that was seen in the segment.
    #[inline]
    pub(crate) fn of(lane: &Lane<P>, offset: Offset) -> Self {
        debug_assert!(lane.get(offset.0).is_some());
        Self { lane: lane.clone(), offset: offset.0 }
    }

    pub(crate) fn offset(&self) -> Offset {
        Offset(self.offset)
    }

    pub(crate) fn lane(&self) -> &Lane<P> {
        &self.lane
    }

    pub(crate) fn into_lane(self) -> Lane<P> {
        self.lane
    }

    /// The message for another log, which keeps in memory the segment that has it; and what else that
    /// is to be counted as: all that is in it beside the message, or 0 where it was [lent](Self::lent)
    /// from before.
    pub(crate) fn lend(&self) -> (Self, usize) {
        if let Some(borrowed) = self.lane.borrowed() {
            return (borrowed.clone(), 0);
        }
        if self.lane.lends.load(Ordering::Relaxed) {
            return (self.clone(), 0);
        }
        let sizes = self.lane.slots.iter().map(|(_, note)| Note(note).size() as usize);
        (self.clone(), sizes.sum::<usize>() - self.entry().size() as usize)
    }

    /// What it lent was stored, and its segment counted with that.
    pub(crate) fn lent(&self) {
        self.lane.lends.store(true, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn entry(&self) -> EntryRef<'_, P> {
        self.lane.seen(self.offset)
    }
}

impl<P> Clone for SlotRef<P> {
    fn clone(&self) -> Self {
        Self { lane: self.lane.clone(), offset: self.offset }
    }
}

#[cfg(all(test, not(memq_loom)))]
mod tests {
    use super::super::Slot;
    use super::*;
    use crate::engine::offer::Given;

    #[test]
    fn a_run_from_elsewhere_is_read_like_one_of_the_log() {
        let at = Timestamp::from_nanos;
        let entry = |payload, key| Entry::new(payload, None, 10).placed(key, 3);
        let lane = Lane::of_run(Offset(7), [(entry("a", 0), at(5)), (entry("b", 9), at(6))]);
        let second = SlotRef::of(&lane, Offset(8));
        let entry = second.entry();
        assert_eq!((*entry.payload, entry.key(), entry.at()), ("b", 9, at(6)));
        assert_eq!((entry.partition(), entry.size()), (3, 10));
        assert!(lane.get(6).is_none() && lane.get(7).is_some());
        assert!(matches!(lane.slot(9), Slot::Elsewhere));
    }

    /// A message on its own that borrows this one.
    fn borrower<P>(slot: SlotRef<P>, base: u64, size: usize) -> Lane<P> {
        let (mut filler, segment) = Segment::borrowing(base);
        let mut offer = Some(Entry::of(Given::Borrowed(slot), None, size));
        let stored = offer.head().map(|head| filler.push(&mut offer, head, Timestamp::default()));
        assert!(stored == Some(true) && !filler.has_room());
        filler.show();
        Lane::new(Arc::new(segment))
    }

    #[test]
    fn what_borrows_lends_what_it_borrowed_and_a_segment_is_counted_once() {
        let entry = |payload| (Entry::new(payload, None, 10), Timestamp::default());
        let lane = Lane::of_run(Offset(7), [entry("a"), entry("b")]);
        let second = SlotRef::of(&lane, Offset(8));
        assert_eq!(second.lend().1, 10, "it is not stored");
        let (lent, counted) = second.lend();
        second.lent();
        assert_eq!((counted, SlotRef::of(&lane, Offset(7)).lend().1), (10, 0));
        let letter = borrower(lent, 3, 30);
        let (again, counted) = SlotRef::of(&letter, Offset(3)).lend();
        assert!(again.lane().is(&lane) && counted == 0, "it is not kept through a chain of logs");
        let found = letter.alike(3, 5).map(|(entry, count)| (*entry.payload, entry.size(), count));
        assert_eq!(found, Some(("b", 30, 1)));
        assert!(matches!((letter.slot(2), letter.slot(4)), (Slot::Elsewhere, Slot::Elsewhere)));
    }
}
