//! How messages get into a log.

use std::sync::Arc;

use super::{FEW_SLOTS, FIRST_SLOTS, Log, SEGMENT_BYTES, SLOTS, Stretch};
use crate::engine::offer::{Head, Offer};
use crate::engine::segment::{Filler, Segment};
use crate::position::Timestamp;

impl<P> Log<P> {
    /// Stores a message at `tail` and dates it; [`show`](Self::show) follows. Does not ask for room, and
    /// leaves making it again to [`trim`](Self::trim).
    #[inline]
    pub(crate) fn append(&mut self, offer: &mut impl Offer<P>, head: Head, now: Timestamp) {
        self.newest = self.newest.max(now);
        let size = head.size as usize;
        if !self.continues(head) {
            self.grow(head);
        }
        if let Some(last) = self.segments.back_mut() {
            last.size = last.size.filter(|size| *size == head.size);
        }
        if let Some(filler) = &mut self.filler {
            // It stands where the log ends.
            let stored = filler.push(offer, head, self.newest);
            debug_assert!(stored);
        }
        if let Some(partition) = self.partitions.get_mut(usize::from(head.partition)) {
            partition.published += 1;
            partition.depth += 1;
            partition.bytes += size as u64;
        }
        self.tail += 1;
        self.bytes += size;
        self.segment_left = self.segment_left.saturating_sub(size);
    }

    /// Stores those that follow the last message, which this is the head of, and say the same: where that
    /// is plain, in its segment, and within these bytes. One look is enough for all of them. How many
    /// those were.
    #[inline]
    pub(crate) fn append_alike(
        &mut self,
        offer: &mut impl Offer<P>,
        head: Head,
        partition: u16,
        most: usize,
        bytes: usize,
    ) -> usize {
        let Some(filler) = self.filler.as_mut().filter(|_| head.is_plain()) else { return 0 };
        let size = (head.size as usize).max(1);
        let most = most.min(self.segment_left.div_ceil(size)).min(bytes / size);
        let count = filler.push_alike(offer, head, most);
        let bytes = head.size as usize * count;
        if let Some(partition) = self.partitions.get_mut(usize::from(partition)) {
            partition.published += count as u64;
            partition.depth += count as u64;
            partition.bytes += bytes as u64;
        }
        self.tail += count as u64;
        self.bytes += bytes;
        self.segment_left = self.segment_left.saturating_sub(bytes);
        count
    }

    /// Shows readers what was appended.
    #[inline]
    pub(crate) fn show(&mut self) {
        if let Some(filler) = &mut self.filler {
            filler.show();
        }
    }

    /// Whether the last segment takes this message. It holds an eighth of what the limits allow at
    /// most, or a few messages, since that is what may stay in memory after it was removed.
    #[inline]
    fn continues(&self, head: Head) -> bool {
        let since = |began: Timestamp| self.newest.since(began);
        !head.borrows
            && self.filler.as_ref().is_some_and(Filler::has_room)
            && self.segment_left > 0
            && self.limits.ttl().is_none_or(|ttl| since(self.segment_began) <= ttl / 8)
    }

    /// Begins a segment at `tail` for this message: with twice as many slots as the last one used, or
    /// for what is borrowed.
    #[cold]
    fn grow(&mut self, head: Head) {
        // A reader that finds the end finds what comes before it.
        self.show();
        self.segment_left = SEGMENT_BYTES.min(self.limits.max_bytes / 8).max(1);
        self.segment_began = self.newest;
        let (filler, segment) = if head.borrows {
            Segment::borrowing(self.tail)
        } else {
            let used = self.segments.back().map(|last| (self.tail - last.base) as usize);
            let kept = self.limits.max_messages;
            let most = SLOTS.min((kept / 8).max(FEW_SLOTS.min(kept / 2)));
            let slots = used.map_or(FIRST_SLOTS, |used| used.saturating_mul(2)).min(most).max(1);
            let labels = self.filler.as_ref().map_or(slots, |last| last.labels_for(slots));
            Segment::new(self.tail, slots, labels, self.pool.clone())
        };
        self.filler = Some(filler);
        let segment = Arc::new(segment);
        if let Some(last) = self.segments.back() {
            last.segment.continue_in(&segment);
        }
        if self.segments.capacity() == 0 {
            // Many topics are quiet.
            self.segments.reserve_exact(1);
        }
        self.segments.push_back(Stretch { base: self.tail, segment, size: Some(head.size) });
        self.look_at_first();
    }
}
