//! A consumer group as a plain state machine: `&mut self` and `now` in, values out.
//!
//! One log and leases: everything before `position` that has no lease is settled. A lease is fresh,
//! behind another of its key, in flight, delayed, returned or dead; see [`lease`]. It knows no log,
//! no lock and no payload: it is told of each message's partition and key when it comes to it, and of
//! what retention removed. It runs no waker; those to be run go into a [`Wake`].

mod keys;
mod lease;
mod members;

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;
use std::time::Duration;

use self::keys::Keys;
use self::lease::{Lease, LeaseState};
use self::members::Members;
use super::stats::{GroupStats, MemberStats, Unsettled};
use super::wake::Wake;
use crate::error::{LagReason, SettleError};
use crate::position::{Offset, Partition, Timestamp};

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
    leases: BTreeMap<u64, Lease>,
    /// Leases that time changes, by when it does.
    due: BTreeSet<(Timestamp, u64)>,
    /// Dead ones that somebody should bury.
    burials: BTreeSet<u64>,
    keys: Keys,
    members: Members,
    in_flight: usize,
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
    serial: u64,
}

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
            leases: BTreeMap::new(),
            due: BTreeSet::new(),
            burials: BTreeSet::new(),
            keys: Keys::default(),
            members: Members::new(),
            in_flight: 0,
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

    /// The next message that has no lease yet.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Everything before it is settled.
    pub(super) fn low_water(&self) -> u64 {
        self.leases.keys().next().copied().unwrap_or(self.position)
    }

    /// Everything from `head` up to it is settled. What lies before `head` is gone from the log, and
    /// a member that still holds it keeps nothing else there.
    pub(super) fn low_water_from(&self, head: u64) -> u64 {
        self.leases.range(head..).next().map_or(self.position, |(offset, _)| *offset)
    }

    /// Whether nothing before `tail` can be handed out any more: it is settled, or dead and its
    /// dead-letter topic has ended, or behind one of its key that is.
    pub(super) fn is_done(&self, tail: u64) -> bool {
        let over = |lease: &Lease| match lease.state {
            LeaseState::Dead { retry, ended, .. } => ended && retry.is_some(),
            LeaseState::Behind => true,
            _ => false,
        };
        self.position >= tail && self.leases.values().all(over)
    }

    // Members.

    /// The new member's key, and its id.
    pub(super) fn join(&mut self, most: usize, wake: &mut Wake) -> (usize, u64) {
        let joined = self.members.join(most);
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
        for offset in self.held(member) {
            self.come_back(offset, None, "its consumer was dropped", wake);
        }
        let waker = self.members.leave(member);
        self.deal(wake);
        self.tick(now, wake);
        waker
    }

    /// The topic has this many partitions after all.
    pub(super) fn set_partitions(&mut self, partitions: u16, wake: &mut Wake) {
        if self.partitions != partitions {
            self.partitions = partitions;
            self.deal(wake);
        }
    }

    fn held(&self, member: usize) -> Vec<u64> {
        let holds = |lease: &Lease| matches!(lease.state, LeaseState::InFlight { member: by, .. } if by == member);
        self.leases.iter().filter(|(_, lease)| holds(lease)).map(|(offset, _)| *offset).collect()
    }

    /// Deals partitions anew, and what is ready in them.
    fn deal(&mut self, wake: &mut Wake) {
        self.members.deal(self.partitions, wake);
        for (offset, lease) in &self.leases {
            let share = self.members.share_of(lease.partition);
            match lease.state {
                LeaseState::Fresh => self.members.share(share).fresh.insert(*offset),
                LeaseState::Returned => self.members.share(share).returned.insert(*offset),
                _ => false,
            };
        }
    }

    // Receiving.

    /// A member comes for messages. The waker it waited with is to be dropped outside the lock.
    pub(super) fn come(&mut self, member: usize, now: Timestamp, wake: &mut Wake) -> Option<Waker> {
        let waker = self.members.unpark(member);
        self.pass_time(now, wake);
        waker
    }

    /// What there is for this member now.
    pub(super) fn pick(&mut self, member: usize, now: Timestamp, wake: &mut Wake) -> Pick {
        if let Some((skipped, reason)) = self.missed.take() {
            return Pick::Lagged { skipped, reason };
        }
        if let Some(offset) = self.burials.first().copied() {
            if let Some(burial) = self.begin_burial(offset, wake) {
                return Pick::Bury(burial);
            }
        }
        let Some(found) = self.members.get(member) else { return Pick::Full };
        if found.in_flight >= found.most || self.in_flight >= self.rules.max_in_flight {
            return Pick::Full;
        }
        let share = self.members.share(found.share);
        match share.returned.first().or(share.fresh.first()).copied() {
            Some(offset) => match self.hand_out(offset, member, now, wake) {
                Some(ticket) => Pick::Deliver(ticket),
                None => Pick::More,
            },
            None => Pick::More,
        }
    }

    /// Takes the message at `position` in.
    pub(super) fn admit(&mut self, partition: u16, key: u64) {
        let offset = self.position;
        self.position += 1;
        let key = if self.rules.by_key { key } else { 0 };
        let state = if self.keys.enter(partition, key, offset) {
            let share = self.members.share_of(partition);
            self.members.share(share).fresh.insert(offset);
            LeaseState::Fresh
        } else {
            LeaseState::Behind
        };
        self.leases
            .insert(offset, Lease { partition, key, attempt: 0, serial: 0, gone: None, state });
    }

    /// A member got something, or found that it may hold no more: the next one's turn.
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
        guarded: bool,
    ) -> (Option<Timestamp>, Option<Waker>) {
        let due = self.next_due();
        (due, self.members.park(member, waker, guarded, due))
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

    /// A message was published into this partition.
    pub(super) fn appended(&mut self, partition: u16, wake: &mut Wake) {
        if self.in_flight < self.rules.max_in_flight {
            let share = self.members.share_of(partition);
            self.members.call(share, wake);
        }
    }

    pub(super) fn wake_all(&mut self, wake: &mut Wake) {
        self.members.wake_all(wake);
    }

    /// Sees to it that somebody who waits comes by itself when time changes something.
    pub(super) fn cover(&mut self, wake: &mut Wake) {
        let due = self.next_due();
        self.members.cover(due, wake);
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    fn hand_out(
        &mut self,
        offset: u64,
        member: usize,
        now: Timestamp,
        wake: &mut Wake,
    ) -> Option<Ticket> {
        self.serials += 1;
        let until = now + self.rules.ack_deadline;
        self.change(offset, LeaseState::InFlight { member, until }, wake);
        let lease = self.leases.get_mut(&offset)?;
        lease.attempt = lease.attempt.saturating_add(1);
        lease.serial = self.serials;
        let ticket = Ticket { offset, attempt: lease.attempt, serial: lease.serial };
        self.counters.delivered += 1;
        self.counters.redelivered += u64::from(ticket.attempt > 1);
        if self.rules.auto_ack {
            self.counters.settled += 1;
            self.remove(offset, wake);
        }
        Some(ticket)
    }

    // Settling.

    /// Ends a hand-out. Where the message is dead by it, the burial is the caller's.
    pub(super) fn settle(
        &mut self,
        ticket: Ticket,
        how: Settlement,
        now: Timestamp,
        wake: &mut Wake,
    ) -> Result<Option<Burial>, SettleError> {
        if self.rules.auto_ack {
            return Err(SettleError::AlreadySettled);
        }
        self.valid(ticket)?;
        let offset = ticket.offset;
        match how {
            Settlement::Ack => {
                self.counters.settled += 1;
                self.remove(offset, wake);
            }
            Settlement::Return { reason } => self.come_back(offset, None, reason, wake),
            Settlement::Delay { delay, reason } => {
                self.come_back(offset, Some(now + delay), &reason, wake);
            }
            Settlement::Reject { reason } => {
                if self.rules.dead_letter.is_none() {
                    return Err(SettleError::NoDeadLetterTopic);
                }
                self.die(offset, reason, wake);
            }
        }
        let burial = self.begin_burial(offset, wake);
        self.cover(wake);
        self.summon(wake);
        Ok(burial)
    }

    /// Gives a hand-out until then.
    pub(super) fn extend(
        &mut self,
        ticket: Ticket,
        until: Timestamp,
        wake: &mut Wake,
    ) -> Result<(), SettleError> {
        self.valid(ticket)?;
        let Some(LeaseState::InFlight { member, .. }) =
            self.leases.get(&ticket.offset).map(|lease| &lease.state)
        else {
            return Err(SettleError::Expired);
        };
        let member = *member;
        self.change(ticket.offset, LeaseState::InFlight { member, until }, wake);
        self.cover(wake);
        Ok(())
    }

    /// Whether this hand-out still counts: the message was not handed out since, nor settled. One
    /// whose deadline passed counts until then.
    pub(super) fn valid(&self, ticket: Ticket) -> Result<(), SettleError> {
        match self.leases.get(&ticket.offset) {
            // The group was moved, and has not come to it again.
            Some(lease) if lease.serial == 0 => Err(SettleError::AlreadySettled),
            Some(lease) if lease.serial != ticket.serial => Err(SettleError::HandedOutAgain),
            Some(Lease { state: LeaseState::Burying { .. }, .. }) => {
                Err(SettleError::HandedOutAgain)
            }
            Some(_) => Ok(()),
            None => Err(SettleError::AlreadySettled),
        }
    }

    /// Everything up to and including `offset`, which is one of the log, is done.
    pub(super) fn commit(&mut self, offset: u64, wake: &mut Wake) {
        let done: Vec<u64> = self.leases.range(..=offset).map(|(offset, _)| *offset).collect();
        for offset in done {
            self.counters.settled += 1;
            self.remove(offset, wake);
        }
        if offset >= self.position {
            self.counters.settled += offset + 1 - self.position;
            self.position = offset + 1;
        }
        self.cover(wake);
    }

    /// Starts anew from `offset`. What is in flight no longer counts. What retention removed is to
    /// be told again.
    pub(super) fn seek(&mut self, offset: u64, wake: &mut Wake) {
        for key in self.members.iter().map(|(key, _)| key).collect::<Vec<_>>() {
            if let Some(member) = self.members.get_mut(key) {
                member.in_flight = 0;
            }
        }
        self.leases.clear();
        self.due.clear();
        self.burials.clear();
        self.keys.clear();
        self.in_flight = 0;
        self.missed = None;
        self.counters = Counters::default();
        (self.start, self.position, self.head) = (offset, offset, 0);
        self.deal(wake);
    }

    /// What is in flight comes back, and no longer counts as handed out.
    pub(super) fn recall(&mut self, wake: &mut Wake) {
        let members: Vec<_> = self.members.iter().map(|(key, _)| key).collect();
        for offset in members.into_iter().flat_map(|member| self.held(member)).collect::<Vec<_>>() {
            if let Some(lease) = self.leases.get_mut(&offset) {
                lease.serial = 0;
            }
            self.come_back(offset, None, "its group was moved", wake);
        }
        self.cover(wake);
    }

    // Time and retention.

    /// Does what is due, and wakes somebody for what is to be done then.
    pub(super) fn tick(&mut self, now: Timestamp, wake: &mut Wake) {
        self.pass_time(now, wake);
        self.summon(wake);
    }

    /// Wakes somebody if there is what any member takes, also one that holds all it may.
    fn summon(&mut self, wake: &mut Wake) {
        if self.missed.is_some() || !self.burials.is_empty() {
            self.members.summon(wake);
        }
    }

    fn pass_time(&mut self, now: Timestamp, wake: &mut Wake) {
        while let Some((at, offset)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            match self.leases.get(&offset).map(|lease| &lease.state) {
                Some(LeaseState::InFlight { .. }) => {
                    self.counters.expired += 1;
                    self.come_back(offset, None, "its ack deadline passed", wake);
                }
                Some(LeaseState::Delayed { .. }) => self.change(offset, LeaseState::Returned, wake),
                Some(LeaseState::Dead { reason, .. }) => {
                    let reason = reason.clone();
                    self.die(offset, reason, wake);
                }
                _ => {
                    self.due.remove(&(at, offset));
                }
            }
        }
        self.cover(wake);
    }

    /// What lies before `head` is gone, and `why` says why what was kept until then from an offset
    /// on is. What is in flight is still settled; the rest was missed.
    /// Returns whether that is new.
    pub(super) fn retain_from(
        &mut self,
        head: u64,
        why: impl Fn(u64) -> LagReason,
        wake: &mut Wake,
    ) -> bool {
        if head <= self.head {
            return false;
        }
        let reason = why(self.head);
        self.head = head;
        let mut gone = Vec::new();
        for (offset, lease) in self.leases.range_mut(..head) {
            match lease.state {
                LeaseState::InFlight { .. } | LeaseState::Burying { .. } => {
                    lease.gone.get_or_insert(reason);
                }
                _ => gone.push(*offset),
            }
        }
        for offset in &gone {
            self.remove(*offset, wake);
        }
        let passed = head.saturating_sub(self.position);
        self.position += passed;
        self.miss(gone.len() as u64 + passed, reason);
        self.summon(wake);
        true
    }

    fn miss(&mut self, skipped: u64, reason: LagReason) {
        if skipped > 0 {
            self.counters.skipped += skipped;
            let before = self.missed.map_or(0, |(skipped, _)| skipped);
            self.missed = Some((before + skipped, reason));
        }
    }

    // Dead messages.

    /// Takes up the burial of a message, if it waits for one.
    fn begin_burial(&mut self, offset: u64, wake: &mut Wake) -> Option<Burial> {
        if !self.burials.contains(&offset) {
            return None;
        }
        let lease = self.leases.get(&offset)?;
        let LeaseState::Dead { reason, .. } = &lease.state else { return None };
        let (attempts, reason) = (lease.attempt, reason.clone());
        self.change(offset, LeaseState::Burying { reason: reason.clone() }, wake);
        Some(Burial { offset, attempts, reason })
    }

    /// The message is in the dead-letter topic.
    pub(super) fn buried(&mut self, offset: u64, wake: &mut Wake) {
        if let Some(LeaseState::Burying { .. }) = self.leases.get(&offset).map(|lease| &lease.state)
        {
            self.counters.dead_lettered += 1;
            self.remove(offset, wake);
            self.cover(wake);
        }
    }

    /// The message could not be dead-lettered: it is tried again then. `ended` says that the
    /// dead-letter topic has.
    pub(super) fn not_buried(
        &mut self,
        offset: u64,
        retry: Timestamp,
        ended: bool,
        wake: &mut Wake,
    ) {
        if let Some(LeaseState::Burying { reason }) =
            self.leases.get(&offset).map(|lease| &lease.state)
        {
            let reason = reason.clone();
            if self.vanished(offset, wake) {
                return self.summon(wake);
            }
            self.change(offset, LeaseState::Dead { reason, retry: Some(retry), ended }, wake);
            self.cover(wake);
        }
    }

    fn die(&mut self, offset: u64, reason: Box<str>, wake: &mut Wake) {
        self.change(offset, LeaseState::Dead { reason, retry: None, ended: false }, wake);
    }

    // Leases.

    /// A message that was handed out comes back, unless this was its last attempt.
    fn come_back(&mut self, offset: u64, at: Option<Timestamp>, why: &str, wake: &mut Wake) {
        if self.vanished(offset, wake) {
            return;
        }
        let Some(lease) = self.leases.get(&offset) else { return };
        if self.rules.max_attempts.is_some_and(|most| lease.attempt >= most) {
            let reason = format!("{why} (attempt {})", lease.attempt);
            return self.die(offset, reason.into(), wake);
        }
        let state = match at {
            Some(until) => LeaseState::Delayed { until },
            None => LeaseState::Returned,
        };
        self.change(offset, state, wake);
    }

    /// Whether retention removed a message while it was handed out.
    fn vanished(&mut self, offset: u64, wake: &mut Wake) -> bool {
        let Some(reason) = self.leases.get(&offset).and_then(|lease| lease.gone) else {
            return false;
        };
        self.remove(offset, wake);
        self.miss(1, reason);
        true
    }

    /// Removes a lease, and lets the next of its key have its turn.
    fn remove(&mut self, offset: u64, wake: &mut Wake) {
        let Some(lease) = self.leases.get(&offset) else { return };
        let (partition, key) = (lease.partition, lease.key);
        self.forget(offset, wake);
        self.leases.remove(&offset);
        if let Some(next) = self.keys.leave(partition, key, offset) {
            self.change(next, LeaseState::Fresh, wake);
        }
    }

    /// Moves a lease into another state, and keeps every index of it.
    fn change(&mut self, offset: u64, state: LeaseState, wake: &mut Wake) {
        self.forget(offset, wake);
        let Some(lease) = self.leases.get_mut(&offset) else { return };
        let partition = lease.partition;
        lease.state = state;
        if let Some(at) = lease.state.due() {
            self.due.insert((at, offset));
        }
        match &lease.state {
            LeaseState::Fresh | LeaseState::Returned => {
                let fresh = matches!(lease.state, LeaseState::Fresh);
                let share = self.members.share_of(partition);
                let ready = self.members.share(share);
                if fresh {
                    ready.fresh.insert(offset)
                } else {
                    ready.returned.insert(offset)
                };
                if self.in_flight < self.rules.max_in_flight {
                    self.members.call(share, wake);
                }
            }
            LeaseState::InFlight { member, .. } => {
                self.in_flight += 1;
                if let Some(member) = self.members.get_mut(*member) {
                    member.in_flight += 1;
                }
            }
            LeaseState::Dead { retry: None, .. } => {
                self.burials.insert(offset);
            }
            _ => {}
        }
    }

    /// Takes a lease out of every index.
    fn forget(&mut self, offset: u64, wake: &mut Wake) {
        let Some(lease) = self.leases.get(&offset) else { return };
        if let Some(at) = lease.state.due() {
            self.due.remove(&(at, offset));
        }
        match lease.state {
            LeaseState::Fresh => {
                let share = self.members.share_of(lease.partition);
                self.members.share(share).fresh.remove(&offset);
            }
            LeaseState::Returned => {
                let share = self.members.share_of(lease.partition);
                self.members.share(share).returned.remove(&offset);
            }
            LeaseState::Dead { .. } => {
                self.burials.remove(&offset);
            }
            LeaseState::InFlight { member: key, .. } => {
                let was_full = self.in_flight >= self.rules.max_in_flight;
                self.in_flight -= 1;
                if let Some(member) = self.members.get_mut(key) {
                    let held_all = member.in_flight >= member.most;
                    member.in_flight -= 1;
                    if held_all {
                        self.members.call_one(key, wake);
                    }
                }
                if was_full {
                    self.members.call_each(wake);
                }
            }
            _ => {}
        }
    }

    // Statistics.

    fn place_of(&self, offset: u64) -> Unsettled {
        match self.leases.get(&offset).map(|lease| &lease.state) {
            None | Some(LeaseState::Fresh) => Unsettled::New,
            Some(LeaseState::Behind) => Unsettled::BehindKey,
            Some(LeaseState::InFlight { member, .. }) => Unsettled::InFlight {
                member: self.members.get(*member).map_or(u64::MAX, |member| member.id),
            },
            Some(LeaseState::Delayed { .. }) => Unsettled::Delayed,
            Some(LeaseState::Returned) => Unsettled::Returned,
            Some(LeaseState::Dead { .. } | LeaseState::Burying { .. }) => Unsettled::Dead,
        }
    }

    /// At one moment, of a log from `head` to `tail`; `published` says when a message was stored.
    pub(super) fn stats(
        &self,
        head: u64,
        tail: u64,
        now: Timestamp,
        published: impl Fn(u64) -> Option<Timestamp>,
    ) -> GroupStats {
        let count = |wanted: fn(&LeaseState) -> bool| {
            self.leases.values().filter(|lease| wanted(&lease.state)).count() as u64
        };
        let oldest = self.low_water_from(head);
        let member = |(key, member): (usize, &members::Member)| MemberStats {
            id: member.id,
            partitions: self
                .members
                .partitions(member.share, self.partitions)
                .map(Partition)
                .collect(),
            held: self.held(key).into_iter().map(Offset).collect(),
            max_in_flight: member.most,
            waiting: member.waits(),
        };
        GroupStats {
            name: self.name.to_string(),
            committed: Offset(self.low_water()),
            position: Offset(self.position),
            since_start: tail - self.start,
            lag: (tail - self.position) + self.leases.len() as u64,
            in_flight: self.in_flight as u64,
            delayed: count(|state| matches!(state, LeaseState::Delayed { .. })),
            behind_key: count(|state| matches!(state, LeaseState::Behind)),
            dead: count(|state| {
                matches!(state, LeaseState::Dead { .. } | LeaseState::Burying { .. })
            }),
            delivered: self.counters.delivered,
            redelivered: self.counters.redelivered,
            expired: self.counters.expired,
            settled: self.counters.settled,
            dead_lettered: self.counters.dead_lettered,
            skipped: self.counters.skipped,
            oldest_unsettled: (oldest < tail)
                .then(|| published(oldest))
                .flatten()
                .map(|at| now.since(at)),
            oldest_state: (oldest < tail).then(|| self.place_of(oldest)),
            members: self.members.iter().map(member).collect(),
        }
    }
}
