//! When leases change by themselves. A plain data structure beside [`Leases`].

use std::collections::{BTreeSet, VecDeque};

use super::leases::Leases;
use crate::position::Timestamp;

/// Entries that may be void before it is worth looking for them.
const VOID: usize = 64;
/// Room for entries that is worth giving back once they are gone.
const ROOM: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Deadlines {
    /// Of hand-outs, in order, since each has as long. Those whose lease has changed since are void:
    /// most are settled in time, and what is settled need not be looked for here.
    regular: VecDeque<HandOut>,
    /// All others. None of them is void.
    others: BTreeSet<(Timestamp, u64)>,
}

/// Hand-outs of messages that follow each other, at one time.
#[derive(Clone, Copy, Debug)]
struct HandOut {
    until: Timestamp,
    /// Of the first of them.
    offset: u64,
    serial: u64,
    count: u64,
}

/// Messages of one entry at most, so that it takes few steps to look for one that counts.
const RUN: u64 = 64;

impl HandOut {
    /// The offsets of those that count.
    fn counting(self, leases: &Leases) -> impl Iterator<Item = u64> {
        let counts = move |at: &u64| leases.is_out(self.offset + at, self.serial + at, self.until);
        (0..self.count).filter(counts).map(move |at| self.offset + at)
    }

    /// Begins after so many of them.
    #[inline]
    fn skip(&mut self, count: u64) {
        self.offset += count;
        self.serial += count;
        self.count -= count;
    }

    /// Begins with the first that counts. Whether there is one.
    #[inline]
    fn counts(&mut self, leases: &Leases) -> bool {
        loop {
            self.skip(leases.none_from(self.offset).min(self.count));
            if self.count == 0 || leases.is_out(self.offset, self.serial, self.until) {
                return self.count > 0;
            }
            self.skip(1);
        }
    }
}

impl Deadlines {
    /// When a hand-out that is made now ends, if it is to end then. Whoever has read the clock first
    /// may come last, and ends with the one before it.
    #[inline]
    pub(super) fn in_order(&self, until: Timestamp) -> Timestamp {
        self.regular.back().map_or(until, |last| last.until.max(until))
    }

    /// Adds hand-outs that follow each other; `until` is what [`in_order`](Self::in_order) said.
    #[inline]
    pub(super) fn hand_out(
        &mut self,
        until: Timestamp,
        offset: u64,
        serial: u64,
        count: u64,
        leases: &Leases,
    ) {
        let mut new = HandOut { until, offset, serial, count };
        if let Some(last) = self.regular.back_mut().filter(|last| last.until == until) {
            if (last.offset + last.count, last.serial + last.count) == (offset, serial) {
                let more = count.min(RUN - last.count);
                last.count += more;
                if more == count {
                    return;
                }
                new.skip(more);
            }
        }
        while new.count > 0 {
            if self.regular.len() >= VOID + 2 * leases.len() {
                self.forget_void(leases);
            }
            let first = HandOut { count: new.count.min(RUN), ..new };
            self.regular.push_back(first);
            new.skip(first.count);
        }
    }

    #[cold]
    fn forget_void(&mut self, leases: &Leases) {
        self.regular.retain_mut(|entry| entry.counts(leases));
        self.regular.shrink_to(ROOM.max(2 * self.regular.len()));
    }

    /// Adds another time.
    pub(super) fn add(&mut self, at: Timestamp, offset: u64) {
        self.others.insert((at, offset));
    }

    /// Removes a time; that of a hand-out is void by the change of its lease.
    #[inline]
    pub(super) fn remove(&mut self, at: Timestamp, offset: u64) {
        if !self.others.is_empty() {
            self.others.remove(&(at, offset));
        }
    }

    /// The first.
    #[inline]
    pub(super) fn first(&mut self, leases: &Leases) -> Option<Timestamp> {
        while self.regular.front_mut().is_some_and(|first| !first.counts(leases)) {
            self.regular.pop_front();
        }
        if self.regular.is_empty() && self.regular.capacity() > ROOM {
            self.regular = VecDeque::new();
        }
        let regular = self.regular.front().map(|first| first.until);
        let other = self.others.first().map(|(at, _)| *at);
        regular.into_iter().chain(other).min()
    }

    /// Whether something may be due.
    #[inline]
    pub(super) fn may_be_due(&self, now: Timestamp) -> bool {
        self.regular.front().is_some_and(|first| first.until <= now)
            || self.others.first().is_some_and(|(at, _)| *at <= now)
    }

    /// Takes out what is due: the offsets, in the order of their times.
    pub(super) fn take_due(&mut self, now: Timestamp, leases: &Leases) -> Vec<u64> {
        let mut due = Vec::new();
        while let Some(first) = self.regular.front().copied().filter(|first| first.until <= now) {
            due.extend(first.counting(leases).map(|offset| (first.until, offset)));
            self.regular.pop_front();
        }
        while let Some(other) = self.others.first().copied().filter(|(at, _)| *at <= now) {
            due.push(other);
            self.others.pop_first();
        }
        due.sort_unstable();
        due.dedup();
        due.into_iter().map(|(_, offset)| offset).collect()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::lease::{Flight, LeaseState};
    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        /// After so much time; the second is how late it comes after the clock was read. Of so many.
        HandOut(u64, u64, u64),
        /// This one of those that are there is settled.
        Settle(usize),
        /// It is given so much longer, or less long.
        Extend(usize, u64),
        /// It comes back after this long.
        Delay(usize, u64),
        Pass(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => (0..3_u64, 0..3_u64, prop_oneof![4 => Just(1), 1 => 1..200_u64])
                .prop_map(|(after, late, count)| Step::HandOut(after, late, count)),
            6 => any::<usize>().prop_map(Step::Settle),
            1 => (any::<usize>(), 0..40_u64).prop_map(|(which, by)| Step::Extend(which, by)),
            1 => (any::<usize>(), 0..40_u64).prop_map(|(which, by)| Step::Delay(which, by)),
            1 => (0..15_u64).prop_map(Step::Pass),
        ];
        prop::collection::vec(step, 0..500)
    }

    const LASTS: u64 = 20;

    proptest! {
        #[test]
        fn the_first_is_exact_and_what_is_due_is_found(steps in steps()) {
            let (mut deadlines, mut leases) = (Deadlines::default(), Leases::default());
            let mut model: BTreeMap<u64, Timestamp> = BTreeMap::new();
            let (mut now, mut next) = (100, 0);
            for step in steps {
                let chosen = |which: usize| model.keys().nth(which % model.len().max(1)).copied();
                match step {
                    Step::HandOut(after, late, count) => {
                        now += after;
                        let at = Timestamp::from_nanos(now + LASTS - late);
                        let until = deadlines.in_order(at);
                        let flight = Flight { serial: next + 1, until, ..Flight::default() };
                        leases.fly_on(next, flight, count as usize);
                        deadlines.hand_out(until, next, next + 1, count, &leases);
                        model.extend((next..next + count).map(|offset| (offset, until)));
                        next += count;
                        prop_assert!(deadlines.regular.len() <= VOID + 2 * leases.len());
                    }
                    Step::Settle(which) => if let Some(offset) = chosen(which) {
                        deadlines.remove(model[&offset], offset);
                        leases.remove(offset);
                        model.remove(&offset);
                    },
                    Step::Extend(which, by) | Step::Delay(which, by) => if let Some(offset) = chosen(which) {
                        let until = Timestamp::from_nanos(now + by);
                        deadlines.remove(model[&offset], offset);
                        deadlines.add(until, offset);
                        leases.get_mut(offset).unwrap().state = match step {
                            Step::Delay(..) => LeaseState::Delayed { until },
                            _ => LeaseState::InFlight { member: 0, until },
                        };
                        model.insert(offset, until);
                    },
                    Step::Pass(by) => {
                        now += by;
                        let at = Timestamp::from_nanos(now);
                        let mut due: Vec<_> = model.iter().map(|(offset, at)| (*at, *offset)).collect();
                        due.retain(|(until, _)| *until <= at);
                        due.sort_unstable();
                        prop_assert!(due.is_empty() || deadlines.may_be_due(at));
                        let due: Vec<_> = due.into_iter().map(|(_, offset)| offset).collect();
                        prop_assert_eq!(deadlines.take_due(at, &leases), due.clone());
                        for offset in due {
                            leases.remove(offset);
                            model.remove(&offset);
                        }
                    }
                }
                prop_assert_eq!(deadlines.first(&leases), model.values().min().copied());
            }
        }
    }
}
