//! What publishers do with a topic: storing, reserving, waiting for room.

use std::ops::Range;
use std::sync::Arc;
use std::task::Waker;

use super::{Phase, Refusal, State};
use crate::engine::after::After;
use crate::engine::offer::{ANY, Head, Offer};
use crate::engine::queue::{PERMIT, Place};
use crate::options::{Overflow, Retain};
use crate::position::{Offset, Timestamp};

impl<P> State<P> {
    /// Appends a message, if it is this publisher's turn and there is room. Its place is given up
    /// then.
    #[inline]
    pub(in crate::engine) fn append(
        &mut self,
        offer: &mut impl Offer<P>,
        id: Option<&Arc<str>>,
        now: Timestamp,
        place: &mut Place,
        after: &mut After<P>,
    ) -> Result<Offset, Refusal> {
        self.forget_few(now, after);
        let offset = match id.and_then(|id| self.repeated(id, now)) {
            Some(offset) => offset,
            None => self.append_new(offer, id, now, place, after)?,
        };
        self.unpark_publisher(place, after);
        Ok(offset)
    }

    #[inline]
    fn append_new(
        &mut self,
        offer: &mut impl Offer<P>,
        id: Option<&Arc<str>>,
        now: Timestamp,
        place: &Place,
        after: &mut After<P>,
    ) -> Result<Offset, Refusal> {
        let Some(head) = offer.head() else { unreachable!("nothing is offered") };
        self.admit(head.size, now, place, after)?;
        let offset = self.store(offer, head, now, after);
        if let (Some(id), Some(window)) = (id, self.said.dedup) {
            self.dedup.add(id.clone(), offset.0, window, now);
        }
        Ok(offset)
    }

    /// Where a message of this id was stored, if that was not long ago.
    fn repeated(&mut self, id: &str, now: Timestamp) -> Option<Offset> {
        let window = self.said.dedup.filter(|_| self.phase == Phase::Open)?;
        self.dedup.find(id, window, now).map(Offset)
    }

    /// Whether a message of this size can be stored by this publisher now.
    #[inline]
    fn admit(
        &mut self,
        size: u32,
        now: Timestamp,
        place: &Place,
        after: &mut After<P>,
    ) -> Result<(), Refusal> {
        if let Some(refusal) = self.refusal(size) {
            return Err(refusal);
        }
        self.expire(now, after);
        if self.has_room(size as usize, place, after) { Ok(()) } else { Err(Refusal::Full) }
    }

    /// Appends until nothing more is offered or the next message is refused. Says what was stored, too.
    pub(in crate::engine) fn append_all(
        &mut self,
        offer: &mut impl Offer<P>,
        now: Timestamp,
        place: &mut Place,
        after: &mut After<P>,
    ) -> (Range<u64>, Result<(), Refusal>) {
        self.forget_few(now, after);
        let first = self.log.tail();
        let mut result = Ok(());
        while let Some(head) = offer.head() {
            result = self.admit(head.size, now, place, after);
            if result.is_err() {
                break;
            }
            self.store_run(offer, head, now, place, after);
        }
        if result.is_ok() {
            self.unpark_publisher(place, after);
        }
        (first..self.log.tail(), result)
    }

    /// Stores a message that was admitted, and those after it that surely are.
    fn store_run(
        &mut self,
        offer: &mut impl Offer<P>,
        mut head: Head,
        now: Timestamp,
        place: &Place,
        after: &mut After<P>,
    ) {
        let mut left = self.sure_of(offer.len(), place);
        // Messages of one partition, that follow each other.
        let (mut partition, mut count) = (head.partition, 0);
        loop {
            let offered = head;
            self.log_one(offer, &mut head, now, after);
            if partition != head.partition {
                self.call_groups(partition, count, after);
                (partition, count) = (head.partition, 0);
            }
            let alike = self.log_alike(offer, offered, head.partition, left - 1, after);
            count += 1 + alike;
            left -= 1 + alike;
            // Nothing is removed for a message that may have to wait.
            match offer.head().filter(|_| left > 0) {
                Some(next) if self.fits(next.size, after) => head = next,
                _ => break,
            }
        }
        self.call_groups(partition, count, after);
        self.log.show();
        self.trim(after);
        after.readers.add(self.parked.wake_all());
    }

    /// How many of `wanted` messages there is room for, where there is room for one, if only their
    /// number counts.
    fn sure_of(&self, wanted: usize, place: &Place) -> usize {
        if self.overflow() == Overflow::DropOldest {
            return wanted;
        }
        let others = if self.room.is_first(place) { 0 } else { self.room.len() };
        let taken = self.reserved + others + self.log.kept_from(self.passed) as usize;
        wanted.min(self.log.limits().max_messages.saturating_sub(taken)).max(1)
    }

    /// Whether the next message of a run, of those there is room for by number, is no larger than there
    /// is room for. Makes that room.
    #[inline]
    fn fits(&mut self, size: u32, after: &mut After<P>) -> bool {
        if size == u32::MAX {
            return false;
        }
        let (size, messages, passed) = (size as usize, self.reserved + 1, self.passed);
        match self.overflow() {
            Overflow::DropOldest => size <= self.log.limits().max_bytes,
            Overflow::Wait | Overflow::Reject => {
                // What those want that wait is theirs.
                let taken = self.log.bytes().saturating_add(self.room.bytes());
                size <= self.log.limits().max_bytes.saturating_sub(taken)
                    && self.log.make_room(messages, size, passed, &mut after.garbage)
            }
        }
    }

    /// Promises one message's room.
    pub(in crate::engine) fn reserve(
        &mut self,
        now: Timestamp,
        place: &mut Place,
        after: &mut After<P>,
    ) -> Result<(), Refusal> {
        if let Some(refusal) = self.refusal(0) {
            return Err(refusal);
        }
        self.expire(now, after);
        // How large its message will be is not known, so it goes before no message that waits.
        let drops = self.overflow() == Overflow::DropOldest;
        let is_turn = drops || self.room.is_first(place) || self.room.has_permits_only();
        if !is_turn || !self.has_room(PERMIT, place, after) {
            return Err(Refusal::Full);
        }
        self.reserved += 1;
        self.unpark_publisher(place, after);
        Ok(())
    }

    /// Gives promised room back.
    pub(in crate::engine) fn release(&mut self, after: &mut After<P>) {
        self.reserved -= 1;
        self.wake_publisher(after);
    }

    /// Appends in promised room.
    pub(in crate::engine) fn append_reserved(
        &mut self,
        offer: &mut impl Offer<P>,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Result<Offset, Refusal> {
        self.reserved -= 1;
        self.forget_few(now, after);
        let Some(head) = offer.head() else { unreachable!("nothing is offered") };
        match self.refusal(head.size) {
            Some(refusal) => {
                self.wake_publisher(after);
                Err(refusal)
            }
            None => {
                self.expire(now, after);
                Ok(self.store(offer, head, now, after))
            }
        }
    }

    /// Whether it is worth trying to publish a message of this size.
    pub(in crate::engine) fn worth_trying(
        &mut self,
        size: usize,
        now: Timestamp,
        place: &Place,
        after: &mut After<P>,
    ) -> bool {
        self.expire(now, after);
        self.phase != Phase::Open || self.has_room(size, place, after)
    }

    /// Takes a place for a publisher that waits awake. Returns whether it is the first.
    pub(in crate::engine) fn queue_publisher(&mut self, place: &mut Place, size: usize) -> bool {
        self.room.join(place, size);
        self.room.is_first(place)
    }

    pub(in crate::engine) fn park_publisher(
        &mut self,
        place: &mut Place,
        size: usize,
        waker: Waker,
        after: &mut After<P>,
    ) {
        after.discard(self.room.park(place, size, waker));
    }

    /// A publisher no longer waits: it is the next one's turn.
    #[inline]
    pub(in crate::engine) fn unpark_publisher(&mut self, place: &mut Place, after: &mut After<P>) {
        if place.is_taken() {
            self.leave_queue(place, after);
        }
    }

    fn leave_queue(&mut self, place: &mut Place, after: &mut After<P>) {
        let was_first = self.room.is_first(place);
        after.discard(self.room.leave(place));
        if was_first {
            self.wake_publisher(after);
        }
    }

    /// Why no message of this size can be stored, whatever room there is.
    fn refusal(&self, size: u32) -> Option<Refusal> {
        let (bytes, max_bytes) = (size as usize, self.log.limits().max_bytes);
        match self.phase {
            Phase::Closed => Some(Refusal::Closed),
            Phase::Deleted => Some(Refusal::Deleted),
            // `u32::MAX` stands for every size that does not fit into one.
            Phase::Open if bytes > max_bytes || size == u32::MAX => {
                Some(Refusal::TooLarge { bytes, max_bytes })
            }
            Phase::Open => None,
        }
    }

    #[inline]
    fn store(
        &mut self,
        offer: &mut impl Offer<P>,
        mut head: Head,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Offset {
        let offset = Offset(self.log.tail());
        self.log_one(offer, &mut head, now, after);
        self.log.show();
        self.trim(after);
        after.readers.add(self.parked.wake_all());
        self.call_groups(head.partition, 1, after);
        self.foresee(head);
        offset
    }

    /// Appends the next message, whose head this is. What follows from it is left to the caller.
    #[inline]
    fn log_one(
        &mut self,
        offer: &mut impl Offer<P>,
        head: &mut Head,
        now: Timestamp,
        after: &mut After<P>,
    ) {
        if head.partition == ANY {
            head.partition = self.next_partition();
        }
        self.log.append(offer, *head, now);
        if self.log.bytes() > self.log.limits().max_bytes {
            self.log.show();
            self.trim(after);
        }
    }

    /// Appends those that follow the last message and say the same as it was offered with, of those
    /// there is room for by number.
    #[inline]
    fn log_alike(
        &mut self,
        offer: &mut impl Offer<P>,
        offered: Head,
        partition: u16,
        most: usize,
        after: &mut After<P>,
    ) -> usize {
        let takes_turns = offered.partition == ANY && self.partitions() > 1;
        if most == 0 || takes_turns {
            return 0;
        }
        let drops = self.overflow() == Overflow::DropOldest;
        // What those want that wait is theirs.
        let others = if drops { 0 } else { self.room.bytes() };
        let taken = self.log.bytes().saturating_add(others);
        let bytes = self.log.limits().max_bytes.saturating_sub(taken);
        let count = self.log.append_alike(offer, offered, partition, most, bytes);
        if count > 0 && !drops {
            self.log.shrink(self.reserved, self.passed, &mut after.garbage);
        }
        count
    }

    /// Drops what is over the limits, where that makes room.
    #[inline]
    fn trim(&mut self, after: &mut After<P>) {
        if self.overflow() == Overflow::DropOldest && self.log.is_over() {
            self.drop_oldest(after);
        }
    }

    fn drop_oldest(&mut self, after: &mut After<P>) {
        if self.retain() == Retain::WithinLimits {
            self.log.trim(u64::MAX, &mut after.garbage);
            return;
        }
        // What all have passed is not dropped, also where it comes after one that is.
        while self.log.is_over() {
            self.free_passed(after);
            let head = self.log.head();
            self.log.trim(1, &mut after.garbage);
            if self.log.head() == head {
                return;
            }
        }
    }

    /// There are so many messages in this partition.
    #[inline]
    fn call_groups(&mut self, partition: u16, count: usize, after: &mut After<P>) {
        for group in &mut self.groups {
            group.appended(partition, count, &mut after.readers);
        }
    }

    /// Deals messages that have no key to the partitions in turn.
    #[inline]
    fn next_partition(&mut self) -> u16 {
        if self.partitions() == 1 {
            return 0;
        }
        let turn = self.turn;
        self.turn = if turn + 1 < self.partitions() { turn + 1 } else { 0 };
        turn
    }

    /// Whether it is this publisher's turn, and one more message fits beside those promised, after
    /// removing what all readers have passed.
    #[inline]
    fn has_room(&mut self, size: usize, place: &Place, after: &mut After<P>) -> bool {
        self.overflow() == Overflow::DropOldest || self.makes_room(size, place, after)
    }

    fn makes_room(&mut self, size: usize, place: &Place, after: &mut After<P>) -> bool {
        let others = if self.room.is_first(place) {
            0
        } else if !place.is_taken() && self.leaves_room(size, after) {
            self.room.bytes()
        } else {
            return false;
        };
        let (messages, bytes) = (self.reserved + 1, others.saturating_add(size));
        // Readers are asked only when it matters: their positions are in caches of other cores.
        if self.log.make_room(messages, bytes, self.passed, &mut after.garbage) {
            return true;
        }
        self.passed = self.floor(after);
        self.log.make_room(messages, bytes, self.passed, &mut after.garbage)
    }

    /// Whether one more of this size keeps nobody waiting: there is, or may be made, room for all who wait
    /// as well, by number; what their bytes need is made with its own.
    fn leaves_room(&mut self, size: usize, after: &mut After<P>) -> bool {
        let (messages, bytes) =
            (self.reserved + self.room.len() + 1, self.room.bytes().saturating_add(size));
        let limits = self.log.limits();
        if bytes > limits.max_bytes || messages > limits.max_messages {
            return false;
        }
        let most = (limits.max_messages - messages) as u64;
        if self.log.kept_from(self.passed) > most {
            self.passed = self.floor(after);
        }
        self.log.kept_from(self.passed) <= most
    }

    /// Lets the publisher that waits longest look whether there is room now.
    pub(in crate::engine) fn wake_publisher(&mut self, after: &mut After<P>) {
        after.publishers.add(self.room.wake_first());
    }
}
