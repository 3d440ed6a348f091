//! Message ids that were seen lately, and the offset each was stored at. A plain data structure.
//!
//! What is done here at a time is little, however many ids there are, since it is done under the topic's
//! lock: ids are forgotten a few at a time and freed elsewhere, a block at a time, and what finds them
//! grows and shrinks by one [bucket](index) at a time.

mod index;

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use self::index::Index;
use crate::position::Timestamp;

/// Ids that are remembered at most; beyond that the oldest are forgotten before their time.
pub(crate) const MAX_IDS: usize = 1 << 20;

/// Ids that are forgotten at most whenever something is stored.
pub(super) const FEW: usize = 16;

/// Ids that are freed together, and are forgotten at most at a time.
pub(super) const BLOCK: usize = 64;

/// The ids of one topic.
#[derive(Debug, Default)]
pub(super) struct Dedup {
    /// Absent where there are none.
    ids: Option<Box<Ids>>,
    /// Publishes that repeated an id.
    repeated: u64,
    /// Ids that were forgotten before their time.
    forgotten: u64,
}

#[derive(Debug, Default)]
pub(super) struct Ids {
    /// In the order in which they came; each but the last is full. The first begins with those that are
    /// forgotten.
    blocks: VecDeque<Vec<Id>>,
    /// The number of the first id of the first block. Numbers begin again after the last, when the first
    /// are long forgotten.
    base: u32,
    /// The numbers of the oldest that is remembered, and of the next to come.
    oldest: u32,
    next: u32,
    index: Index,
    hasher: RandomState,
}

#[derive(Debug)]
pub(super) struct Id {
    at: Timestamp,
    hash: u32,
    offset: u64,
    id: Arc<str>,
}

/// What is forgotten, to be freed where no lock is held.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "nobody looks at it any more"))]
pub(super) enum Forgotten {
    Block(Vec<Id>),
    All(Box<Ids>),
}

impl Dedup {
    /// Where the message of this id was stored, if that is less than `window` ago.
    pub(super) fn find(&mut self, id: &str, window: Duration, now: Timestamp) -> Option<u64> {
        let found = self.ids.as_ref()?.find(id, window, now);
        self.repeated += u64::from(found.is_some());
        found
    }

    /// Remembers an id that is not known. Where there are too many, the oldest is forgotten.
    pub(super) fn add(&mut self, id: Arc<str>, offset: u64, window: Duration, now: Timestamp) {
        let ids = self.ids.get_or_insert_default();
        if ids.len() >= MAX_IDS {
            self.forgotten += u64::from(ids.due(window).is_some_and(|due| due > now));
            ids.forget_oldest();
        }
        ids.add(id, offset, now);
    }

    /// Forgets this many ids at most, a [`BLOCK`] or fewer, that are older than `window`.
    pub(super) fn forget(
        &mut self,
        most: usize,
        window: Duration,
        now: Timestamp,
    ) -> Option<Forgotten> {
        let ids = self.ids.as_mut()?;
        for _ in 0..most {
            if ids.due(window).is_none_or(|due| due > now) {
                break;
            }
            ids.forget_oldest();
        }
        if ids.len() == 0 { self.clear() } else { ids.take_block().map(Forgotten::Block) }
    }

    /// Forgets all ids.
    pub(super) fn clear(&mut self) -> Option<Forgotten> {
        self.ids.take().map(Forgotten::All)
    }

    /// Whether there are any.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_none()
    }

    /// When the oldest is to be forgotten.
    pub(super) fn due(&self, window: Duration) -> Option<Timestamp> {
        self.ids.as_ref()?.due(window)
    }

    pub(super) fn repeated(&self) -> u64 {
        self.repeated
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

impl Ids {
    /// How many are remembered.
    fn len(&self) -> usize {
        self.next.wrapping_sub(self.oldest) as usize
    }

    fn hash(&self, id: &str) -> u32 {
        self.hasher.hash_one(id) as u32
    }

    fn get(&self, number: u32) -> Option<&Id> {
        let at = number.wrapping_sub(self.base) as usize;
        self.blocks.get(at / BLOCK)?.get(at % BLOCK)
    }

    fn find(&self, id: &str, window: Duration, now: Timestamp) -> Option<u64> {
        let numbers = self.index.numbers(self.hash(id));
        // One that is not forgotten yet, although it is time, may have come again since.
        let mut known = numbers.filter_map(|number| self.get(number));
        known.find(|known| known.at + window > now && *known.id == *id).map(|known| known.offset)
    }

    fn add(&mut self, id: Arc<str>, offset: u64, at: Timestamp) {
        let hash = self.hash(&id);
        let id = Id { at, hash, offset, id };
        match self.blocks.back_mut().filter(|last| last.len() < BLOCK) {
            Some(last) => last.push(id),
            None => self.blocks.push_back(vec![id]),
        }
        self.index.add(hash, self.next);
        self.next = self.next.wrapping_add(1);
    }

    /// When the oldest is to be forgotten.
    fn due(&self, window: Duration) -> Option<Timestamp> {
        self.get(self.oldest).map(|oldest| oldest.at + window)
    }

    /// Forgets the oldest. It is still in its block.
    fn forget_oldest(&mut self) {
        if let Some(hash) = self.get(self.oldest).map(|oldest| oldest.hash) {
            self.index.remove(hash, self.oldest);
            self.oldest = self.oldest.wrapping_add(1);
        }
    }

    /// Takes out the first block, if all in it are forgotten and no more come.
    fn take_block(&mut self) -> Option<Vec<Id>> {
        if (self.oldest.wrapping_sub(self.base) as usize) < BLOCK {
            return None;
        }
        self.base = self.base.wrapping_add(BLOCK as u32);
        let block = self.blocks.pop_front();
        // It has a word or three for each block, so that this is little too, and rare.
        if self.blocks.len() < self.blocks.capacity() / 4 {
            self.blocks.shrink_to(self.blocks.len() * 2);
        }
        block
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const WINDOW: Duration = Duration::from_nanos(1000);

    fn at(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    fn name(number: u64) -> Arc<str> {
        number.to_string().into()
    }

    fn held(forgotten: &Forgotten) -> usize {
        match forgotten {
            Forgotten::Block(block) => block.len(),
            Forgotten::All(ids) => ids.blocks.iter().map(Vec::len).sum(),
        }
    }

    /// As a map does, whose numbers go round, and which is forgotten from now and then.
    #[test]
    fn ids_are_found_within_their_window_whenever_they_are_forgotten() {
        let (mut dedup, mut known) = (Dedup::default(), HashMap::new());
        let mut dice = 0x9E37_79B9_7F4A_7C15_u64;
        let mut below = move |end: u64| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            (dice >> 11) % end
        };
        let first = u32::MAX - 5_000;
        dedup.ids =
            Some(Box::new(Ids { base: first, oldest: first, next: first, ..Ids::default() }));
        let (mut now, mut added, mut freed) = (0, 0, 0);
        for step in 0..200_000_u64 {
            // Many within a window, and few.
            now += if step / 10_000 % 2 == 0 { u64::from(below(8) == 0) } else { below(200) };
            let id = below(1 << (4 + step / 20_000));
            let before: Option<&(u64, u64)> = known.get(&id);
            let expected = before.filter(|(_, then)| then + 1000 > now).map(|(offset, _)| *offset);
            let found = dedup.find(&name(id), WINDOW, at(now));
            assert_eq!(found, expected, "step {step}");
            if found.is_none() {
                dedup.add(name(id), step, WINDOW, at(now));
                known.insert(id, (step, now));
                added += 1;
            }
            if below(3) == 0 {
                freed += dedup.forget(FEW, WINDOW, at(now)).as_ref().map_or(0, held);
            }
        }
        let kept = dedup.clear().as_ref().map_or(0, held);
        assert_eq!(freed + kept, added);
        assert!(freed > added / 2 && added > 20_000);
    }

    #[test]
    fn few_are_forgotten_at_a_time_and_all_is_given_back_with_the_last() {
        let mut dedup = Dedup::default();
        (0..1000).for_each(|id| dedup.add(name(id), id, WINDOW, at(id)));
        assert!(dedup.forget(BLOCK, WINDOW, at(999)).is_none());
        let (mut left, mut freed) = (1000, 0);
        while !dedup.is_empty() {
            let forgotten = dedup.forget(FEW, WINDOW, at(5000)).as_ref().map_or(0, held);
            left -= FEW.min(left);
            freed += forgotten;
            assert!(forgotten <= BLOCK);
            assert_eq!(dedup.ids.as_ref().map_or(0, |ids| ids.len()), left);
        }
        assert_eq!((left, freed, dedup.due(WINDOW)), (0, 1000, None));
    }
}
