//! What publishers do with a topic: storing, reserving, waiting for room.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use super::{Appended, Phase, State};
use crate::engine::after::After;
use crate::engine::queue::Place;
use crate::engine::segment::{ANY, Entry};
use crate::error::PublishError;
use crate::options::Overflow;
use crate::position::{Offset, Timestamp};

impl<P> State<P> {
    /// Appends, if it is this publisher's turn and there is room. Its place is given up then.
    pub(in crate::engine) fn append(
        &mut self,
        entry: Entry<P>,
        id: Option<&Arc<str>>,
        now: Timestamp,
        place: &mut Place,
        after: &mut After<P>,
    ) -> Appended<P> {
        let offset = match self.repeated(id, now) {
            Some(offset) => {
                after.repeated = Some(entry);
                offset
            }
            None => {
                let offset = self.try_append(entry, now, place, after)?;
                if let Some(id) = id {
                    self.dedup.add(id.clone(), offset.0, now);
                }
                offset
            }
        };
        self.unpark_publisher(place, after);
        Ok(offset)
    }

    /// Where a message of this id was stored, if that was not long ago.
    fn repeated(&mut self, id: Option<&Arc<str>>, now: Timestamp) -> Option<Offset> {
        let window = self.options.dedup.filter(|_| self.phase == Phase::Open)?;
        self.dedup.find(id?, window, now).map(Offset)
    }

    fn try_append(
        &mut self,
        entry: Entry<P>,
        now: Timestamp,
        place: &Place,
        after: &mut After<P>,
    ) -> Appended<P> {
        if let Some(refusal) = self.refusal(entry.size) {
            return Err((refusal, entry));
        }
        self.expire(now, after);
        if !self.has_room(entry.size as usize, place, after) {
            return Err((PublishError::Full(()), entry));
        }
        Ok(self.store(entry, now, after))
    }

    /// Appends until the queue is empty or its first message is refused.
    pub(in crate::engine) fn append_all(
        &mut self,
        entries: &mut VecDeque<Entry<P>>,
        offsets: &mut Vec<Offset>,
        now: Timestamp,
        place: &mut Place,
        after: &mut After<P>,
    ) -> Result<(), PublishError<()>> {
        while let Some(entry) = entries.pop_front() {
            match self.try_append(entry, now, place, after) {
                Ok(offset) => offsets.push(offset),
                Err((refusal, entry)) => {
                    entries.push_front(entry);
                    return Err(refusal);
                }
            }
        }
        self.unpark_publisher(place, after);
        Ok(())
    }

    /// Promises one message's room.
    pub(in crate::engine) fn reserve(
        &mut self,
        now: Timestamp,
        place: &mut Place,
        after: &mut After<P>,
    ) -> Result<(), PublishError<()>> {
        if let Some(refusal) = self.refusal(0) {
            return Err(refusal);
        }
        self.expire(now, after);
        if !self.has_room(1, place, after) {
            return Err(PublishError::Full(()));
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
        entry: Entry<P>,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Appended<P> {
        self.reserved -= 1;
        match self.refusal(entry.size) {
            Some(refusal) => {
                self.wake_publisher(after);
                Err((refusal, entry))
            }
            None => {
                self.expire(now, after);
                Ok(self.store(entry, now, after))
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

    pub(in crate::engine) fn park_publisher(
        &mut self,
        place: &mut Place,
        waker: Waker,
        after: &mut After<P>,
    ) {
        after.discard(self.room.park(place, waker));
    }

    /// A publisher no longer waits: it is the next one's turn.
    pub(in crate::engine) fn unpark_publisher(&mut self, place: &mut Place, after: &mut After<P>) {
        if !place.is_taken() {
            return;
        }
        let was_first = self.room.is_first(place);
        after.discard(self.room.leave(place));
        if was_first {
            self.wake_publisher(after);
        }
    }

    /// Why no message of this size can be stored, whatever room there is.
    fn refusal(&self, size: u32) -> Option<PublishError<()>> {
        let (bytes, max_bytes) = (size as usize, self.options.max_bytes);
        match self.phase {
            Phase::Closed => Some(PublishError::Closed(())),
            Phase::Deleted => Some(PublishError::Deleted(())),
            // `u32::MAX` stands for every size that does not fit into one.
            Phase::Open if bytes > max_bytes || size == u32::MAX => {
                Some(PublishError::TooLarge { message: (), bytes, max_bytes })
            }
            Phase::Open => None,
        }
    }

    fn store(&mut self, entry: Entry<P>, now: Timestamp, after: &mut After<P>) -> Offset {
        let entry = self.in_a_partition(entry);
        let partition = entry.partition;
        let offset = self.log.append(entry, now);
        if self.options.overflow == Overflow::DropOldest && self.log.is_over() {
            // What all have passed is not dropped.
            self.free_passed(after);
            self.log.trim(&mut after.garbage);
        }
        after.readers.add(self.parked.wake_all());
        for (_, group) in &mut self.groups {
            group.appended(partition, &mut after.readers);
        }
        Offset(offset)
    }

    /// Deals messages that have no key to the partitions in turn.
    fn in_a_partition(&mut self, mut entry: Entry<P>) -> Entry<P> {
        if entry.partition == ANY {
            entry.partition = self.turn;
            self.turn = if self.turn + 1 < self.options.partitions { self.turn + 1 } else { 0 };
        }
        entry
    }

    /// Whether it is this publisher's turn, and one more message fits beside those promised, after
    /// removing what all readers have passed.
    fn has_room(&mut self, size: usize, place: &Place, after: &mut After<P>) -> bool {
        if self.options.overflow == Overflow::DropOldest {
            return true;
        }
        if !self.room.is_first(place) {
            return false;
        }
        let messages = self.reserved + 1;
        // Readers are asked only when it matters: their positions are in caches of other cores.
        if self.log.make_room(messages, size, 0, &mut after.garbage) {
            return true;
        }
        let floor = self.floor();
        self.log.make_room(messages, size, floor, &mut after.garbage)
    }

    /// Lets the publisher that waits longest look whether there is room now.
    pub(in crate::engine) fn wake_publisher(&mut self, after: &mut After<P>) {
        after.publishers.add(self.room.wake_first());
    }
}
