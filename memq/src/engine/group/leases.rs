//! Leases by offset, each found by its place. A plain data structure.
//!
//! A window of small chunks over what the log keeps. A chunk in which nothing is left is given back,
//! so that memory follows what is unsettled, beside one word for every 64 messages of the window.

mod chunk;

use std::collections::{BTreeMap, VecDeque};

use self::chunk::Chunk;
pub(super) use self::chunk::Found;
use super::lease::{Flight, Lease};
use super::{Row, steps};
use crate::position::Timestamp;

const CHUNK: u64 = chunk::CHUNK as u64;

#[derive(Debug, Default)]
pub(super) struct Leases {
    /// From chunk number `base` on. The first is there; only the last is kept although nothing is in
    /// it, since that is where the next one comes.
    chunks: VecDeque<Option<Box<Chunk>>>,
    base: u64,
    in_window: usize,
    /// What is before the window: a few that are held for longer than the log keeps messages must not
    /// stretch it.
    outlived: BTreeMap<u64, Lease>,
    /// A chunk that was emptied, for the next one.
    spare: Option<Box<Chunk>>,
}

/// The place of an offset in its chunk.
fn place(offset: u64) -> usize {
    (offset % CHUNK) as usize
}

/// The places of the bits of a word, from the lowest on.
pub(super) fn places(bits: u64) -> impl Iterator<Item = usize> {
    let next = |bits: &u64| Some(bits & (bits - 1)).filter(|bits| *bits != 0);
    let first = Some(bits).filter(|bits| *bits != 0);
    std::iter::successors(first, next).map(|bits| bits.trailing_zeros() as usize)
}

impl Leases {
    pub(super) fn len(&self) -> usize {
        self.in_window + self.outlived.len()
    }

    /// Where the chunk of an offset is in the window, if that has not begun after it.
    #[inline]
    fn index(&self, offset: u64) -> Option<usize> {
        (offset / CHUNK).checked_sub(self.base).map(|index| index as usize)
    }

    pub(super) fn get(&self, offset: u64) -> Option<Found<'_>> {
        match self.index(offset) {
            Some(index) => self.chunks.get(index)?.as_ref()?.get(place(offset)),
            None => self.outlived.get(&offset).map(Found::Lease),
        }
    }

    pub(super) fn get_mut(&mut self, offset: u64) -> Option<&mut Lease> {
        match self.index(offset) {
            Some(index) => self.chunks.get_mut(index)?.as_mut()?.get_mut(place(offset)),
            None => self.outlived.get_mut(&offset),
        }
    }

    /// Whether an offset has the lease of this hand-out, which is in flight until then.
    #[inline]
    pub(super) fn is_out(&self, offset: u64, serial: u64, until: Timestamp) -> bool {
        let chunk = self.index(offset).and_then(|index| self.chunks.get(index)?.as_ref());
        if let Some(flight) = chunk.and_then(|chunk| chunk.flight(place(offset))) {
            return flight.serial == serial && flight.until == until;
        }
        let is_it = |lease: Found<'_>| lease.serial == serial && lease.state.due() == Some(until);
        self.get(offset).is_some_and(is_it)
    }

    /// The chunk for a lease that is to be added; `None` where it is one from before the window.
    #[inline]
    fn chunk(&mut self, offset: u64) -> Option<&mut Chunk> {
        let within = self.index(offset).filter(|index| *index < self.chunks.len());
        let index = within.or_else(|| self.reach(offset))?;
        let spare = &mut self.spare;
        let chunk =
            self.chunks[index].get_or_insert_with(|| spare.take().unwrap_or_else(Chunk::new));
        Some(chunk)
    }

    /// Adds a lease.
    pub(super) fn insert(&mut self, offset: u64, lease: Lease) {
        let Some(chunk) = self.chunk(offset) else {
            self.outlived.insert(offset, lease);
            return;
        };
        let is_new = chunk.taken & (1 << place(offset)) == 0;
        chunk.put(place(offset), lease);
        self.in_window += usize::from(is_new);
    }

    /// Adds the lease of a message that is in flight. Inlined, since the words of a flight come out of
    /// registers then.
    #[inline(always)]
    pub(super) fn fly(&mut self, offset: u64, flight: Flight) {
        let Some(chunk) = self.chunk(offset) else {
            self.outlived.insert(offset, flight.into());
            return;
        };
        chunk.fly(place(offset), flight, 1);
        self.in_window += 1;
    }

    /// The same for messages that follow each other, each with the next serial: a chunk at a time.
    pub(super) fn fly_on(&mut self, offset: u64, flight: Flight, count: usize) {
        let mut at = 0;
        while at < count {
            let (offset, serial) = (offset + at as u64, flight.serial + at as u64);
            let (place, flight) = (place(offset), Flight { serial, ..flight });
            let Some(chunk) = self.chunk(offset) else {
                self.outlived.insert(offset, flight.into());
                at += 1;
                continue;
            };
            let run = (CHUNK as usize - place).min(count - at);
            chunk.fly(place, flight, run);
            self.in_window += run;
            at += run;
        }
    }

    /// Removes the lease of this hand-out, if it is a flight and still that. Returns who held it.
    #[inline]
    pub(super) fn land(&mut self, offset: u64, serial: u64) -> Option<usize> {
        let index = self.index(offset)?;
        let chunk = self.chunks.get_mut(index)?.as_mut()?;
        let flight = chunk.flight(place(offset)).filter(|flight| flight.serial == serial)?;
        chunk.land(place(offset), 1);
        self.removed_from(index, 1);
        Some(flight.member)
    }

    /// The same for the first of many, as far as they were handed out together and are in one chunk.
    /// Returns who held them, and how many that were; `None` where the first is none.
    #[inline]
    pub(super) fn land_on(&mut self, row: Row) -> Option<(usize, usize)> {
        let (index, place) = (self.index(row.offset)?, place(row.offset));
        let chunk = self.chunks.get_mut(index)?.as_mut()?;
        let flight = chunk.flight(place).filter(|flight| flight.serial == row.serial)?;
        let count = chunk.going_on(place).min(row.count);
        chunk.land(place, count);
        self.removed_from(index, count);
        Some((flight.member, count))
    }

    pub(super) fn remove(&mut self, offset: u64) -> Option<Lease> {
        let Some(index) = self.index(offset) else { return self.outlived.remove(&offset) };
        let lease = self.chunks.get_mut(index)?.as_mut()?.take(place(offset))?;
        self.removed_from(index, 1);
        Some(lease)
    }

    /// So many were removed from this chunk.
    #[inline]
    fn removed_from(&mut self, index: usize, count: usize) {
        self.in_window -= count;
        let is_empty = self.chunks[index].as_ref().is_some_and(|chunk| chunk.taken == 0);
        if is_empty && index + 1 < self.chunks.len() {
            self.spare = self.chunks[index].take();
            self.trim();
        }
    }

    /// Lets the window reach to an offset behind its end, and says where its chunk is; not to one
    /// before its begin. An empty window begins anew there.
    fn reach(&mut self, offset: u64) -> Option<usize> {
        if let Some(last) = self.chunks.back_mut() {
            if last.as_ref().is_some_and(|chunk| chunk.taken == 0) {
                self.spare = last.take();
            }
        }
        if self.in_window == 0 {
            self.chunks.clear();
            let number = offset / CHUNK;
            if self.outlived.keys().next_back().is_none_or(|last| last / CHUNK < number) {
                self.base = number;
            }
        }
        let index = self.index(offset)?;
        if index >= self.chunks.len() {
            self.chunks.resize_with(index + 1, || None);
        }
        Some(index)
    }

    /// Lets the window begin with what there is.
    fn trim(&mut self) {
        while let Some(None) = self.chunks.front() {
            self.chunks.pop_front();
            self.base += 1;
        }
    }

    /// How many offsets from this one on, within a chunk, surely have no lease.
    #[inline]
    pub(super) fn none_from(&self, offset: u64) -> u64 {
        let taken = match self.index(offset).map(|index| self.chunks.get(index)) {
            Some(chunk) => chunk.and_then(Option::as_ref).map_or(0, |chunk| chunk.taken),
            None if self.outlived.is_empty() => 0,
            None => u64::MAX,
        };
        let place = place(offset);
        u64::from((taken >> place).trailing_zeros()).min(CHUNK - place as u64)
    }

    /// The first one at or after this offset.
    #[inline]
    pub(super) fn next_from(&self, offset: u64) -> Option<u64> {
        if !self.outlived.is_empty() {
            if let Some((found, _)) = self.outlived.range(offset..).next() {
                return Some(*found);
            }
        }
        let (index, place) = self.index(offset).map_or((0, 0), |index| (index, place(offset)));
        let mut wanted = u64::MAX << place;
        for (chunk, number) in self.chunks.range(index.min(self.chunks.len())..).zip(index..) {
            let taken = chunk.as_ref().map_or(0, |chunk| chunk.taken) & wanted;
            if taken != 0 {
                let first = u64::from(taken.trailing_zeros());
                return Some((self.base + number as u64) * CHUNK + first);
            }
            wanted = u64::MAX;
        }
        None
    }

    /// All, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, Found<'_>)> {
        self.iter_from(0)
    }

    /// Those from this offset on, in order.
    pub(super) fn iter_from(&self, first: u64) -> impl Iterator<Item = (u64, Found<'_>)> {
        let outlived = self.outlived.range(first..);
        let index = self.index(first).unwrap_or(0).min(self.chunks.len());
        let chunks = self.chunks.range(index..).zip(self.base + index as u64..);
        let there = chunks.filter_map(|(chunk, number)| Some((chunk.as_ref()?, number * CHUNK)));
        let window = there.flat_map(move |(chunk, begin)| {
            let skipped = first.saturating_sub(begin);
            chunk.iter(skipped as usize).map(move |(place, lease)| (begin + place as u64, lease))
        });
        let outlived = outlived.map(|(offset, lease)| (*offset, Found::Lease(lease)));
        outlived.chain(window).inspect(|_| steps::step())
    }

    /// The log begins at `head` now: the window need not reach back further.
    pub(super) fn outlive(&mut self, head: u64) {
        while !self.chunks.is_empty() && self.base < head / CHUNK {
            if let Some(mut chunk) = self.chunks.pop_front().flatten() {
                let begin = self.base * CHUNK;
                for (place, offset) in (0..CHUNK as usize).zip(begin..) {
                    if let Some(lease) = chunk.take(place) {
                        self.in_window -= 1;
                        self.outlived.insert(offset, lease);
                    }
                }
            }
            self.base += 1;
        }
        self.trim();
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::lease::LeaseState;
    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        /// So far after the last one that was added.
        Insert(u64),
        /// So many flights, of this member.
        Fly(u64, usize, usize),
        /// A look at this one, that makes a lease of a flight.
        Touch(usize),
        /// This one, and so many that follow it, as far as they were added as one run of flights.
        Land(usize, usize),
        /// This one of those that are there.
        Remove(usize),
        /// One that may not be there.
        RemoveAt(u64),
        /// This far into what was added.
        Outlive(u64),
        Clear,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0..4_u64).prop_map(Step::Insert),
            10 => (0..4_u64, 0..2_usize, prop_oneof![2 => Just(1), 1 => 1..150_usize])
                .prop_map(|(skip, member, count)| Step::Fly(skip, member, count)),
            3 => any::<usize>().prop_map(Step::Touch),
            6 => (any::<usize>(), prop_oneof![Just(1), 1..100_usize])
                .prop_map(|(index, count)| Step::Land(index, count)),
            2 => (0..400_u64).prop_map(Step::Insert),
            10 => any::<usize>().prop_map(Step::Remove),
            2 => (0..600_u64).prop_map(Step::RemoveAt),
            2 => (0..300_u64).prop_map(Step::Outlive),
            1 => Just(Step::Clear),
        ];
        prop::collection::vec(step, 0..300)
    }

    fn lease(number: u64) -> Lease {
        Lease { serial: number, ..Lease::new(0, 0, LeaseState::Fresh) }
    }

    fn row(first: u64, count: usize) -> Row {
        Row { offset: first, serial: first, count, cell: None }
    }

    proptest! {
        #[test]
        fn it_is_a_map_by_offset(steps in steps()) {
            let mut leases = Leases::default();
            let (mut model, mut flights) = (BTreeMap::new(), BTreeMap::new());
            let (mut next, mut head) = (0, 0);
            for step in steps {
                match step {
                    Step::Insert(skip) => {
                        next += skip;
                        leases.insert(next, lease(next));
                        model.insert(next, next);
                        next += 1;
                    }
                    Step::Fly(skip, member, count) => {
                        next += skip;
                        let flight = Flight { serial: next, member, ..Flight::default() };
                        match count {
                            1 => leases.fly(next, flight),
                            _ => leases.fly_on(next, flight, count),
                        }
                        let all = next..next + count as u64;
                        model.extend(all.clone().map(|offset| (offset, offset)));
                        flights.extend(all.map(|offset| (offset, (member, flight.serial))));
                        next += count as u64;
                    }
                    Step::Touch(_) | Step::Land(..) | Step::Remove(_) if model.is_empty() => {}
                    Step::Touch(index) => {
                        let offset = *model.keys().nth(index % model.len()).unwrap();
                        prop_assert_eq!(leases.get_mut(offset).map(|lease| lease.serial), Some(offset));
                        flights.remove(&offset);
                    }
                    Step::Land(index, count) => {
                        let index = index % model.len();
                        let all: Vec<u64> = model.keys().skip(index).take(count).copied().collect();
                        prop_assert_eq!(leases.land(all[0], all[0] + 1), None);
                        prop_assert_eq!(leases.land_on(Row { serial: all[0] + 1, ..row(all[0], 2) }), None);
                        let holder = flights.get(&all[0]).copied();
                        let is_one = |(at, next): &(&u64, u64)| {
                            **at == *next
                                && flights.get(*at).copied() == holder
                                && next / CHUNK == all[0] / CHUNK
                        };
                        let count = all.iter().zip(all[0]..).take_while(is_one).count();
                        let holder = holder.map(|(member, _)| member);
                        let landed = match count {
                            1 => leases.land(all[0], all[0]).map(|holder| (holder, 1)),
                            _ => leases.land_on(row(all[0], all.len())),
                        };
                        prop_assert_eq!(landed, holder.map(|holder| (holder, count)));
                        for at in &all[..landed.map_or(0, |(_, count)| count)] {
                            model.remove(at);
                            flights.remove(at);
                        }
                    }
                    Step::Remove(index) => {
                        let offset = *model.keys().nth(index % model.len()).unwrap();
                        let removed = leases.remove(offset).map(|lease| lease.serial);
                        prop_assert_eq!(removed, model.remove(&offset));
                        flights.remove(&offset);
                    }
                    Step::RemoveAt(offset) => {
                        let removed = leases.remove(offset).map(|lease| lease.serial);
                        prop_assert_eq!(removed, model.remove(&offset));
                        flights.remove(&offset);
                    }
                    Step::Outlive(into) => {
                        head = next.saturating_sub(into).max(head);
                        leases.outlive(head);
                        flights.retain(|offset, _| *offset >= head / CHUNK * CHUNK);
                    }
                    Step::Clear => {
                        leases.clear();
                        model.clear();
                        flights.clear();
                    }
                }
                prop_assert_eq!(leases.len(), model.len());
                prop_assert!(flights.keys().all(|at| leases.is_out(*at, *at, Timestamp::default())));
                let first = model.keys().next().copied().unwrap_or(0);
                for offset in [0, first, head, next.saturating_sub(70), next] {
                    let found = model.range(offset..).next().map(|(offset, _)| *offset);
                    prop_assert_eq!(leases.next_from(offset), found);
                    let none = offset + leases.none_from(offset);
                    prop_assert!(found.is_none_or(|found| found >= none));
                    let from = leases.iter_from(offset).map(|(offset, lease)| (offset, lease.serial));
                    prop_assert!(from.eq(model.range(offset..).map(|(offset, lease)| (*offset, *lease))));
                    let held = leases.get(offset).map(|lease| lease.serial);
                    prop_assert_eq!(held, model.get(&offset).copied());
                }
                // The window is no longer than what lies between.
                let span = next.saturating_sub(head.max(model.keys().next().copied().unwrap_or(next)));
                prop_assert!(leases.chunks.len() as u64 <= span / CHUNK + 2);
                prop_assert!(leases.chunks.front().is_none_or(Option::is_some));
            }
        }
    }
}
