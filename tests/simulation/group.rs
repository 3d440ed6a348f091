//! What a consumer group is meant to do, as simply as it can be said: a list of messages that are
//! not settled, and rules over it.

use std::collections::BTreeMap;

use memq::LagReason;

use super::reference::Log;
use super::steps::{Dead, Rules};

/// Messages that a member claims ahead at most.
const AHEAD: usize = 31;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    Message(Ticket),
    /// For one of these reasons: which the last one was depends on when somebody looked.
    Lagged {
        skipped: u64,
        reasons: Vec<LagReason>,
    },
    Nothing,
    Closed,
    GroupDeleted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub offset: u64,
    pub attempt: u32,
    /// The number of the hand-out.
    pub serial: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    AlreadySettled,
    HandedOutAgain,
    Expired,
    NoDeadLetterTopic,
    /// The dead-letter topic did not take it.
    DeadLetter,
    GroupDeleted,
}

/// How a message ended; each does once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Settled,
    Buried,
    Skipped,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Never handed out.
    New,
    InFlight {
        member: u64,
        until: u64,
    },
    Delayed(u64),
    Returned,
    Dead {
        reason: String,
        retry: Option<u64>,
    },
}

#[derive(Clone, Debug)]
pub struct Lease {
    pub offset: u64,
    pub attempt: u32,
    pub serial: u64,
    pub state: State,
    /// Why it went while it was in flight.
    pub gone: Option<Vec<LagReason>>,
}

#[derive(Clone, Debug)]
pub struct Member {
    pub id: u64,
    pub most: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Counters {
    pub delivered: u64,
    pub redelivered: u64,
    pub expired: u64,
}

#[derive(Clone, Debug)]
pub struct Group {
    pub id: u64,
    pub name: usize,
    pub rules: Rules,
    pub start: u64,
    pub position: u64,
    /// Messages before `position` that are not settled, in order.
    pub leases: Vec<Lease>,
    pub fates: BTreeMap<u64, Fate>,
    pub members: Vec<Member>,
    pub joined: u64,
    pub counters: Counters,
    missed: Option<(u64, Vec<LagReason>)>,
    /// What was removed before this is known.
    told: u64,
    serials: u64,
}

/// What a member finds.
pub enum Pick {
    Got(Got),
    Bury(u64),
}

impl Group {
    pub fn new(id: u64, name: usize, rules: Rules, start: u64) -> Self {
        Self {
            id,
            name,
            rules,
            start,
            position: start,
            leases: Vec::new(),
            fates: BTreeMap::new(),
            members: Vec::new(),
            joined: 0,
            counters: Counters::default(),
            missed: None,
            told: 0,
            serials: 0,
        }
    }

    pub fn lease(&mut self, offset: u64) -> Option<&mut Lease> {
        self.leases.iter_mut().find(|lease| lease.offset == offset)
    }

    pub fn fate(&self, wanted: Fate) -> u64 {
        self.fates.values().filter(|fate| **fate == wanted).count() as u64
    }

    pub fn held(&self, member: Option<u64>) -> Vec<u64> {
        let holds = |lease: &&Lease| match lease.state {
            State::InFlight { member: by, .. } => member.is_none_or(|member| member == by),
            _ => false,
        };
        self.leases.iter().filter(holds).map(|lease| lease.offset).collect()
    }

    /// The oldest message that is not settled; the floor of what may go is the oldest of those kept.
    pub fn unsettled(&self, head: u64) -> u64 {
        let kept = self.leases.iter().map(|lease| lease.offset).find(|offset| *offset >= head);
        kept.unwrap_or(self.position.max(head))
    }

    pub fn committed(&self) -> u64 {
        self.leases.first().map_or(self.position, |lease| lease.offset)
    }

    /// Whether nothing is left that can still be handed out or moved.
    pub fn is_done(&self, tail: u64) -> bool {
        self.leases.is_empty() && self.position >= tail
    }

    /// Members and partitions are dealt to shares in turn.
    pub fn serves(&self, member: u64, partition: u16, partitions: u16) -> bool {
        let shares = self.members.len().min(usize::from(partitions)).max(1);
        let rank = self.members.iter().position(|other| other.id == member).unwrap();
        rank % shares == usize::from(partition) % shares
    }

    /// Whether no earlier message of its key is unsettled, where that counts.
    pub fn is_turn(&self, offset: u64, log: &Log) -> bool {
        if self.rules.any_order {
            return true;
        }
        let own = log.at(offset);
        let before = |lease: &&Lease| lease.offset < offset;
        let same = |lease: Lease| {
            let other = log.at(lease.offset);
            own.key.is_some() && (other.key, other.partition) == (own.key, own.partition)
        };
        !self.leases.iter().filter(before).cloned().any(same)
    }

    pub fn is_full(&self, member: u64) -> bool {
        let most = self.members.iter().find(|other| other.id == member).unwrap().most;
        self.held(Some(member)).len() >= most
            || self.rules.most.is_some_and(|most| self.held(None).len() >= most)
    }

    /// Whether something waits that any member takes.
    pub fn is_urgent(&self) -> bool {
        self.missed.is_some() || self.burial().is_some()
    }

    fn burial(&self) -> Option<u64> {
        let ready = |lease: &&Lease| matches!(lease.state, State::Dead { retry: None, .. });
        self.leases.iter().find(ready).map(|lease| lease.offset)
    }

    /// Whether a member may get this message although earlier ones were never handed out, because others
    /// have claimed those ahead.
    fn may_skip_to(&self, offset: u64, log: &Log) -> bool {
        let is_new = |offset: &u64| {
            let lease = self.leases.iter().find(|lease| lease.offset == *offset);
            lease.map_or(*offset >= self.position, |lease| lease.state == State::New)
        };
        let skipped = (self.start..offset).filter(is_new);
        let skipped: Vec<u64> = skipped.filter(|offset| self.is_turn(*offset, log)).collect();
        let others = self.members.len().saturating_sub(1);
        let plain = |offset: &u64| self.rules.any_order || log.at(*offset).key.is_none();
        offset < log.tail()
            && is_new(&offset)
            && !self.rules.auto_ack
            && !skipped.is_empty()
            && skipped.len() <= AHEAD * others
            && skipped.iter().all(plain)
            && plain(&offset)
    }

    pub fn pick(&mut self, member: u64, now: u64, log: &Log, ahead: Option<u64>) -> Pick {
        if let Some((skipped, reasons)) = self.missed.take() {
            return Pick::Got(Got::Lagged { skipped, reasons });
        }
        if let Some(offset) = self.burial() {
            return Pick::Bury(offset);
        }
        if self.is_full(member) {
            return Pick::Got(Got::Nothing);
        }
        loop {
            let ready = |state: State| {
                let found = self.leases.iter().find(|lease| {
                    let partition = log.at(lease.offset).partition;
                    lease.state == state
                        && self.serves(member, partition, log.partitions)
                        && (state == State::Returned || self.is_turn(lease.offset, log))
                });
                found.map(|lease| lease.offset)
            };
            let new = || match ahead.filter(|offset| self.may_skip_to(*offset, log)) {
                Some(offset) if offset < self.position => Some(offset),
                // Comes to it.
                Some(_) => None,
                None => ready(State::New),
            };
            if let Some(offset) = ready(State::Returned).or_else(new) {
                return Pick::Got(Got::Message(self.hand_out(offset, member, now)));
            }
            if self.position == log.tail() {
                return Pick::Got(Got::Nothing);
            }
            let offset = self.position;
            self.leases.push(Lease {
                offset,
                attempt: 0,
                serial: 0,
                state: State::New,
                gone: None,
            });
            self.position += 1;
        }
    }

    fn hand_out(&mut self, offset: u64, member: u64, now: u64) -> Ticket {
        self.serials += 1;
        let (serial, until) = (self.serials, now + self.rules.deadline);
        let lease = self.lease(offset).unwrap();
        lease.attempt += 1;
        lease.serial = serial;
        lease.state = State::InFlight { member, until };
        let attempt = lease.attempt;
        self.counters.delivered += 1;
        self.counters.redelivered += u64::from(attempt > 1);
        if self.rules.auto_ack {
            self.end(offset, Fate::Settled);
        }
        Ticket { offset, attempt, serial }
    }

    pub fn end(&mut self, offset: u64, fate: Fate) {
        self.leases.retain(|lease| lease.offset != offset);
        assert_eq!(self.fates.insert(offset, fate), None, "{offset} ended twice");
    }

    fn miss(&mut self, offset: u64, reasons: &[LagReason]) {
        self.end(offset, Fate::Skipped);
        let (skipped, why) = self.missed.get_or_insert_default();
        *skipped += 1;
        why.extend(reasons);
    }

    /// What a member was to say of what was missed, another is told.
    pub fn leave_untold(&mut self, got: Got) {
        if let Got::Lagged { skipped: untold, reasons } = got {
            let (skipped, why) = self.missed.get_or_insert_default();
            *skipped += untold;
            why.extend(reasons);
        }
    }

    /// A message that was handed out comes back, unless it is gone or this was its last attempt.
    pub fn come_back(&mut self, offset: u64, at: Option<u64>, why: &str) {
        let rules = self.rules;
        let Some(lease) = self.lease(offset) else { return };
        if let Some(reasons) = lease.gone.clone() {
            return self.miss(offset, &reasons);
        }
        lease.state = match at {
            _ if rules.dead != Dead::Never && lease.attempt >= rules.attempts => {
                let reason = format!("{why} (attempt {})", lease.attempt);
                State::Dead { reason, retry: None }
            }
            Some(at) => State::Delayed(at),
            None => State::Returned,
        };
    }

    /// A burial failed.
    pub fn not_buried(&mut self, offset: u64, retry_at: u64) {
        let lease = self.lease(offset).unwrap();
        if let Some(reasons) = lease.gone.clone() {
            self.miss(offset, &reasons);
        } else if let State::Dead { retry, .. } = &mut lease.state {
            *retry = Some(retry_at);
        }
    }

    /// What retention removed is missed, but for what members hold.
    pub fn tell(&mut self, log: &Log) {
        if log.head <= self.told {
            return;
        }
        let reasons = log.reasons_since(self.told);
        self.told = log.head;
        for Lease { offset, state, .. } in self.leases.clone() {
            if offset >= log.head {
                break;
            }
            match state {
                State::InFlight { .. } => {
                    self.lease(offset).unwrap().gone.get_or_insert(reasons.clone());
                }
                _ => self.miss(offset, &reasons),
            }
        }
        for offset in self.position..log.head {
            self.miss(offset, &reasons);
        }
        self.position = self.position.max(log.head);
    }

    /// When time alone changes something next.
    pub fn due(&self) -> Option<u64> {
        let due = |lease: &Lease| match lease.state {
            State::InFlight { until: at, .. }
            | State::Delayed(at)
            | State::Dead { retry: Some(at), .. } => Some(at),
            _ => None,
        };
        self.leases.iter().filter_map(due).min()
    }

    pub fn tick(&mut self, now: u64) {
        for Lease { offset, state, .. } in self.leases.clone() {
            match state {
                State::InFlight { until, .. } if until <= now => {
                    self.counters.expired += 1;
                    self.come_back(offset, None, "its ack deadline passed");
                }
                State::Delayed(until) if until <= now => {
                    self.lease(offset).unwrap().state = State::Returned;
                }
                State::Dead { reason, retry: Some(at) } if at <= now => {
                    self.lease(offset).unwrap().state = State::Dead { reason, retry: None };
                }
                _ => {}
            }
        }
    }

    /// A hand-out counts until the message is handed out again or ends.
    pub fn valid(&self, ticket: Ticket) -> Result<&Lease, Refusal> {
        match self.leases.iter().find(|lease| lease.offset == ticket.offset) {
            Some(lease) if lease.serial == ticket.serial => Ok(lease),
            Some(lease) if lease.serial > 0 => Err(Refusal::HandedOutAgain),
            _ => Err(Refusal::AlreadySettled),
        }
    }

    pub fn extend(&mut self, ticket: Ticket, until: u64) -> Result<(), Refusal> {
        let State::InFlight { member, .. } = self.valid(ticket)?.state else {
            return Err(Refusal::Expired);
        };
        self.lease(ticket.offset).unwrap().state = State::InFlight { member, until };
        Ok(())
    }

    pub fn leave(&mut self, member: u64) {
        for offset in self.held(Some(member)) {
            self.come_back(offset, None, "its consumer was dropped");
        }
        self.members.retain(|other| other.id != member);
    }

    pub fn commit(&mut self, offset: u64) {
        for Lease { offset: done, .. } in self.leases.clone() {
            if done <= offset {
                self.end(done, Fate::Settled);
            }
        }
        for done in self.position..=offset {
            self.end(done, Fate::Settled);
        }
        self.position = self.position.max(offset + 1);
    }

    /// What is in flight comes back, and its hand-out is void.
    pub fn recall(&mut self) {
        for offset in self.held(None) {
            let lease = self.lease(offset).unwrap();
            lease.serial = 0;
            lease.attempt -= 1;
            match lease.gone.clone() {
                Some(reasons) => self.miss(offset, &reasons),
                None => self.lease(offset).unwrap().state = State::Returned,
            }
        }
    }

    pub fn seek(&mut self, position: u64) {
        let members = std::mem::take(&mut self.members);
        let (joined, serials) = (self.joined, self.serials);
        let new = Self::new(self.id, self.name, self.rules, position);
        *self = Self { members, joined, serials, ..new };
    }
}
