//! A consumer group as a plain state machine: `&mut self` and `now` in, values out.
//!
//! One log and leases: everything before `position` that has no lease is settled. A lease is fresh,
//! behind another of its key, in flight, delayed, returned or dead; see [`lease`]. It knows no log,
//! no lock and no payload: it is told of each message's partition and key when it comes to it, and of
//! what retention removed. It runs no waker; those to be run go into a [`Wake`].

mod ahead;
mod deadlines;
mod handing;
mod keys;
mod lease;
mod leases;
mod members;
mod report;
mod settling;
mod steps;
#[cfg(all(test, not(memq_loom)))]
mod tests;
mod upkeep;
mod whole;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use self::deadlines::Deadlines;
use self::keys::Keys;
use self::lease::{Lease, LeaseState};
use self::leases::Leases;
use self::members::Members;
pub(in crate::engine) use self::members::Parked;
pub(crate) use self::members::Wait;
use super::hand::{Cell, Hand};
use super::wake::Wake;
use crate::error::LagReason;
use crate::position::{Offset, Timestamp};

/// What a group was opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// How long a message may be in flight.
    pub(crate) ack_deadline: Duration,
    /// Hand-outs after which a message is dead; `None` for any number.
    pub(crate) max_attempts: Option<u32>,
    /// Messages in flight at most.
    pub(crate) max_in_flight: usize,
    /// Whether a message is settled when it is handed out.
    pub(crate) auto_ack: bool,
    /// Where dead messages go; the name, since topics know nothing of each other.
    pub(crate) dead_letter: Option<Box<str>>,
    /// Whether a message waits until the one before it of its key is settled.
    pub(crate) by_key: bool,
}

pub(super) struct Group {
    pub(super) id: u64,
    pub(super) name: Box<str>,
    rules: Rules,
    partitions: u16,
    /// Where it started, or where `seek` put it.
    start: u64,
    /// The next message that has no lease yet.
    position: u64,
    /// The oldest message that retention left, as it was last told.
    head: u64,
    leases: Leases,
    /// When time changes them.
    deadlines: Deadlines,
    /// Dead ones that somebody should bury.
    burials: BTreeSet<u64>,
    keys: Keys,
    members: Members,
    in_flight: usize,
    /// Leases that nobody can be handed any more: dead ones whose topic has ended, and those behind
    /// one of their key.
    idle: usize,
    /// Members that may acknowledge without the lock, and have hand-outs of that which are not known to be
    /// settled. While there are any, nobody waits for a message.
    lenders: Vec<usize>,
    serials: u64,
    /// What was skipped and nobody was told of.
    missed: Option<(u64, LagReason)>,
    counters: Counters,
}

/// Since the start.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    delivered: u64,
    redelivered: u64,
    expired: u64,
    settled: u64,
    dead_lettered: u64,
    skipped: u64,
}

/// A hand-out of a message to a member: what settles it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) offset: u64,
    pub(crate) attempt: u32,
    pub(super) serial: u64,
    /// Where it is acknowledged without the lock, if it was claimed ahead.
    pub(super) cell: Option<Cell>,
}

/// Hand-outs of messages that follow each other, as their serials do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Of the first.
    offset: u64,
    pub(super) serial: u64,
    pub(super) count: usize,
    /// Where all of them are acknowledged without the lock, if they may be.
    pub(super) cell: Option<Cell>,
}

/// How long a dead message waits that its dead-letter topic did not take.
pub(crate) const BURY_AGAIN: Duration = Duration::from_secs(1);

/// A dead message that is to be moved to the dead-letter topic by whoever holds this.
#[derive(Debug)]
pub(crate) struct Burial {
    pub(crate) offset: u64,
    pub(crate) attempts: u32,
    pub(crate) reason: Box<str>,
}

/// What there is for a member.
pub(super) enum Pick {
    Deliver(Ticket),
    Bury(Burial),
    Lagged {
        skipped: u64,
        reason: LagReason,
    },
    /// Perhaps the message at `position`.
    More,
    /// It, or its group, holds all it may.
    Full,
}

/// How a delivery ends.
#[derive(Debug)]
pub(crate) enum Settlement {
    Ack,
    /// Comes back at once.
    Return {
        reason: &'static str,
    },
    /// Comes back after this long.
    Delay {
        delay: Duration,
        reason: Box<str>,
    },
    /// Is dead.
    Reject {
        reason: Box<str>,
    },
}

impl Ticket {
    /// That of a message that another system handed out, and that is settled there.
    pub(crate) fn foreign(offset: Offset, attempt: u32) -> Self {
        Self { offset: offset.0, attempt, serial: 0, cell: None }
    }

    /// Whether its message was claimed ahead, with others.
    #[cfg(all(test, memq_loom))]
    pub(crate) fn is_ahead(&self) -> bool {
        self.cell.is_some()
    }

    /// That of a message so many after this one in a run.
    #[inline]
    pub(crate) fn after(self, count: usize) -> Self {
        let count = count as u64;
        Self { offset: self.offset + count, serial: self.serial + count, ..self }
    }

    /// Whether another is that of the message so many after this one in a run. One that was claimed
    /// ahead is in none, since it is acknowledged by itself.
    pub(crate) fn goes_on(self, count: usize, next: Self) -> bool {
        let Self { offset, attempt, serial, cell } = self.after(count);
        let is_ahead = cell.or(next.cell).is_some();
        !is_ahead && (offset, attempt, serial) == (next.offset, next.attempt, next.serial)
    }

    /// The same where the run was claimed ahead.
    #[inline]
    pub(super) fn ahead(self, count: usize) -> Self {
        Self { cell: self.cell.map(|cell| cell.after(count)), ..self.after(count) }
    }
}

impl Row {
    /// Of so many hand-outs, from this one on.
    #[inline]
    pub(crate) fn of_run(first: Ticket, count: usize) -> Self {
        let Ticket { offset, serial, cell, .. } = first;
        Self { offset, serial, count, cell: cell.filter(|_| count == 1) }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Whether it is of so many hand-outs, from this one on.
    pub(crate) fn is_of(&self, first: Ticket, count: usize) -> bool {
        (self.offset, self.serial, self.count) == (first.offset, first.serial, count)
    }

    /// Whether they may be acknowledged as a whole, without the lock.
    #[cfg(test)]
    pub(crate) fn is_whole(&self) -> bool {
        self.cell.is_some()
    }

    /// Takes the first of them, this many at most.
    #[inline]
    pub(super) fn take(&mut self, most: usize) -> Self {
        let taken = Self { count: self.count.min(most), ..*self };
        self.skip(taken.count);
        taken
    }

    /// Begins after so many of them.
    #[inline]
    fn skip(&mut self, count: usize) {
        (self.offset, self.serial) = (self.offset + count as u64, self.serial + count as u64);
        self.count -= count;
    }
}

impl Group {
    pub(super) fn new(id: u64, name: Box<str>, rules: Rules, partitions: u16, start: u64) -> Self {
        Self {
            id,
            name,
            rules,
            partitions,
            start,
            position: start,
            head: 0,
            leases: Leases::default(),
            deadlines: Deadlines::default(),
            burials: BTreeSet::new(),
            keys: Keys::default(),
            members: Members::new(),
            in_flight: 0,
            idle: 0,
            lenders: Vec::new(),
            serials: 0,
            missed: None,
            counters: Counters::default(),
        }
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether what is handed out is settled by that.
    pub(super) fn settles_at_once(&self) -> bool {
        self.rules.auto_ack
    }

    /// Whether something before `head` is not settled, of which
    /// [`retain_from`](Self::retain_from) is to be told.
    #[inline]
    pub(super) fn loses_before(&mut self, head: u64) -> bool {
        if self.head < head && self.low_water() >= head {
            self.head = head;
        }
        self.head < head
    }

    /// The oldest message that retention left, as it was last told.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// The next message that has no lease yet.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Everything before it is settled.
    pub(super) fn low_water(&self) -> u64 {
        self.leases.next_from(0).unwrap_or(self.position)
    }

    /// Everything from `head` up to it is settled. What lies before `head` is gone from the log, and
    /// a member that still holds it keeps nothing else there.
    #[inline]
    pub(super) fn low_water_from(&self, head: u64) -> u64 {
        self.leases.next_from(head).unwrap_or(self.position)
    }

    /// Whether nothing before `tail` can be handed out any more: it is settled, or dead and its
    /// dead-letter topic has ended, or behind one of its key that is.
    #[inline]
    pub(super) fn is_done(&self, tail: u64) -> bool {
        self.position >= tail && self.leases.len() == self.idle
    }

    /// How many messages before `tail` are not settled.
    pub(super) fn unsettled(&self, tail: u64) -> usize {
        tail.saturating_sub(self.position) as usize + self.leases.len()
    }

    // Members.

    /// The new member's key, and its id.
    pub(super) fn join(&mut self, most: usize, hand: Arc<Hand>, wake: &mut Wake) -> (usize, u64) {
        self.take_back(wake);
        let joined = self.members.join(most, hand);
        self.deal(wake);
        joined
    }

    /// A member goes away: what it held comes back. Its waker is to be dropped outside the lock.
    pub(super) fn leave(
        &mut self,
        member: usize,
        now: Timestamp,
        wake: &mut Wake,
    ) -> Option<Waker> {
        self.take_back(wake);
        for offset in self.held(Some(member)) {
            self.come_back(offset, None, "its consumer was dropped", wake);
        }
        let waker = self.members.leave(member);
        self.deal(wake);
        self.tick(now, wake);
        waker
    }

    /// A member takes no more messages: its partitions are the others'. What it holds stays with it.
    /// Its waker is to be dropped outside the lock.
    pub(super) fn retire(&mut self, member: usize, wake: &mut Wake) -> Option<Waker> {
        self.take_back(wake);
        let waker = self.members.retire(member);
        self.deal(wake);
        waker
    }

    /// The topic has this many partitions after all.
    pub(super) fn set_partitions(&mut self, partitions: u16, wake: &mut Wake) {
        if self.partitions != partitions {
            self.take_back(wake);
            self.partitions = partitions;
            self.deal(wake);
        }
    }

    /// What is in flight, with this member alone if one is named. Looks no further than there is such.
    fn held(&self, member: Option<usize>) -> Vec<u64> {
        let (first, count) = match member {
            Some(key) => self.members.get(key).map_or((0, 0), |by| (by.oldest, by.in_flight)),
            None => (0, self.in_flight),
        };
        let holds = |lease: &Lease| match lease.state {
            LeaseState::InFlight { member: by, .. } => member.is_none_or(|member| member == by),
            _ => false,
        };
        let held = self.leases.iter_from(first).filter(|(_, lease)| holds(lease)).take(count);
        held.map(|(offset, _)| offset).collect()
    }

    /// Deals partitions anew, and what is ready in them.
    fn deal(&mut self, wake: &mut Wake) {
        if !self.members.deal(self.partitions, wake) {
            return;
        }
        for (offset, lease) in self.leases.iter() {
            let share = self.members.share_of(lease.partition);
            match lease.state {
                LeaseState::Fresh => self.members.share(share).fresh.insert(offset),
                LeaseState::Returned => self.members.share(share).returned.insert(offset),
                _ => false,
            };
        }
    }

    // Receiving.

    /// A member comes for messages. How it waited, and how much was handed out before.
    #[inline]
    pub(super) fn come(
        &mut self,
        member: usize,
        now: Timestamp,
        wake: &mut Wake,
    ) -> Option<(Parked, u64)> {
        let parked = self.members.come(member);
        self.pass_time(now, wake);
        parked.map(|parked| (parked, self.serials))
    }

    /// A member that has come was told nothing: it waits as it did, if nothing was handed to it. The waker
    /// that is not used is to be dropped outside the lock.
    pub(super) fn wait_on(
        &mut self,
        member: usize,
        (parked, serials): (Parked, u64),
        now: Timestamp,
    ) -> Option<Waker> {
        if serials != self.serials {
            return Some(parked.into_waker());
        }
        debug_assert!(self.lenders.is_empty(), "nobody claims ahead while somebody waits");
        self.members.wait_on(member, parked, now)
    }

    /// A member got something, or found that it may hold no more: the next one's turn.
    #[inline]
    pub(super) fn pass_on(&mut self, member: usize, tail: u64, wake: &mut Wake) {
        self.summon(wake);
        if self.in_flight >= self.rules.max_in_flight {
            return;
        }
        if let Some(share) = self.members.get(member).map(|member| member.share) {
            self.members.pass_on(share, self.position < tail, wake);
        }
    }

    /// Lets a member sleep until it is called, and returns when it should come by itself; see
    /// [`Members::park`]. Its former waker is to be dropped outside the lock.
    pub(super) fn park(
        &mut self,
        member: usize,
        waker: Waker,
        how: Wait,
        now: Timestamp,
    ) -> (Option<Timestamp>, Option<Waker>) {
        debug_assert!(self.lenders.is_empty(), "who waits is not told what is settled so");
        // Who was woken to get a timer gets one, also if what was due is settled meanwhile: so it is
        // not woken again for the next.
        let asked = self.members.was_asked(member);
        let due = self.next_due().or(asked.then(|| now + self.rules.ack_deadline));
        // What is due would else wake everybody who waits. Where those leave, `cover` wakes another.
        let due = due.filter(|due| !self.members.is_covered(*due));
        (due, self.members.park(member, waker, how, due))
    }

    /// Lets a member sleep until everybody is woken. Its former waker is to be dropped outside the
    /// lock.
    pub(super) fn watch(&mut self, member: usize, waker: Waker) -> Option<Waker> {
        self.members.watch(member, waker)
    }

    /// A member no longer waits. If it was called, the next one is.
    pub(super) fn unpark(&mut self, member: usize, tail: u64, wake: &mut Wake) -> Option<Waker> {
        let called = self.members.is_called(member);
        let waker = self.members.unpark(member);
        if called {
            self.pass_on(member, tail, wake);
        }
        self.cover(wake);
        waker
    }

    /// So many messages were published into this partition: as many members are called.
    #[inline]
    pub(super) fn appended(&mut self, partition: u16, count: usize, wake: &mut Wake) {
        if self.in_flight < self.rules.max_in_flight {
            let share = self.members.share_of(partition);
            for _ in 0..count {
                if !self.members.call(share, wake) {
                    return;
                }
            }
        }
    }

    pub(super) fn wake_all(&mut self, wake: &mut Wake) {
        self.members.wake_all(wake);
    }

    /// Sees to it that somebody who waits comes by itself when time changes something.
    #[inline]
    pub(super) fn cover(&mut self, wake: &mut Wake) {
        if self.members.anybody_waits() {
            let due = self.next_due();
            self.members.cover(due, wake);
        }
    }

    #[inline]
    pub(super) fn next_due(&mut self) -> Option<Timestamp> {
        self.deadlines.first(&self.leases)
    }
}
