//! How hand-outs end: settled, back, dead, or void because the group was moved.

use std::time::Duration;

use super::lease::{Death, Lease, LeaseState};
use super::{Burial, Counters, Group, Row, Settlement, Ticket};
use crate::engine::wake::Wake;
use crate::error::SettleError;
use crate::position::Timestamp;

/// A burial takes an instant. One that takes this long was given up, in a panic say.
const BURIAL: Duration = Duration::from_secs(60);

impl Group {
    /// Ends a hand-out. Where the message is dead by it, the burial is the caller's.
    pub(in crate::engine) fn settle(
        &mut self,
        ticket: Ticket,
        how: Settlement,
        now: Timestamp,
        wake: &mut Wake,
    ) -> Result<Option<Burial>, SettleError> {
        if self.rules.auto_ack {
            return Err(SettleError::AlreadySettled);
        }
        let offset = ticket.offset;
        if let Settlement::Ack = how {
            // Of a void hand-out it is told whether the message was handed out since.
            if self.valid(offset, ticket.serial).is_err() {
                self.take_back(wake);
            }
            self.acknowledge_one(ticket.offset, ticket.serial, wake)?;
            self.cover(wake);
            self.summon(wake);
            return Ok(None);
        }
        self.take_back(wake);
        self.valid(offset, ticket.serial)?;
        match how {
            Settlement::Ack => {}
            Settlement::Return { reason } => self.come_back(offset, None, reason, wake),
            Settlement::Delay { delay, reason } => {
                let at = (!delay.is_zero()).then(|| now + delay);
                self.come_back(offset, at, &reason, wake);
            }
            Settlement::Reject { reason } => {
                if self.rules.dead_letter.is_none() {
                    return Err(SettleError::NoDeadLetterTopic);
                }
                self.die(offset, reason, wake);
            }
        }
        let burial = self.begin_burial(offset, now, wake);
        self.cover(wake);
        self.summon(wake);
        Ok(burial)
    }

    /// Acknowledges hand-outs of one member, as far as they still count.
    pub(in crate::engine) fn acknowledge(&mut self, rows: &[Row], wake: &mut Wake) {
        if self.rules.auto_ack {
            return;
        }
        self.acknowledge_all(rows.iter().copied(), wake);
        self.cover(wake);
        self.summon(wake);
    }

    /// The same. What is owed for that to those who wait is the caller's.
    pub(super) fn acknowledge_all(&mut self, rows: impl Iterator<Item = Row>, wake: &mut Wake) {
        // They were held by one member, which is called once.
        let (mut holder, mut landed) = (None, 0);
        for mut row in rows {
            while row.count > 0 {
                let count = match self.leases.land_on(row) {
                    Some((member, count)) => {
                        debug_assert!(holder.is_none_or(|holder| holder == member));
                        holder = Some(member);
                        landed += count;
                        count
                    }
                    None => {
                        drop(self.acknowledge_one(row.offset, row.serial, wake));
                        1
                    }
                };
                row.skip(count);
            }
        }
        if let Some(holder) = holder {
            self.counters.settled += landed as u64;
            self.landed(holder, landed, wake);
        }
    }

    #[inline]
    fn acknowledge_one(
        &mut self,
        offset: u64,
        serial: u64,
        wake: &mut Wake,
    ) -> Result<(), SettleError> {
        if let Some(member) = self.leases.land(offset, serial) {
            self.counters.settled += 1;
            self.landed(member, 1, wake);
            return Ok(());
        }
        self.valid(offset, serial)?;
        self.done(offset, wake);
        Ok(())
    }

    #[inline]
    fn done(&mut self, offset: u64, wake: &mut Wake) {
        self.counters.settled += 1;
        self.remove(offset, wake);
    }

    /// Gives a hand-out until then.
    pub(in crate::engine) fn extend(
        &mut self,
        ticket: Ticket,
        now: Timestamp,
        until: Timestamp,
        wake: &mut Wake,
    ) -> Result<(), SettleError> {
        if until <= now || self.valid(ticket.offset, ticket.serial).is_err() {
            // It comes back before what was claimed ahead, or was handed out again.
            self.take_back(wake);
        } else if ticket.cell.is_some() {
            self.withdraw(ticket, wake);
        }
        self.valid(ticket.offset, ticket.serial)?;
        let Some(LeaseState::InFlight { until: was, .. }) =
            self.leases.get_mut(ticket.offset).map(|lease| &mut lease.state)
        else {
            return Err(SettleError::Expired);
        };
        let was = std::mem::replace(was, until);
        self.deadlines.remove(was, ticket.offset);
        self.deadlines.add(until, ticket.offset);
        self.cover(wake);
        Ok(())
    }

    /// Whether this hand-out still counts: the message was not handed out since, nor settled. One
    /// whose deadline passed counts until then.
    #[inline]
    pub(super) fn valid(&self, offset: u64, serial: u64) -> Result<(), SettleError> {
        match self.leases.get(offset).as_deref() {
            // The group was moved, and has not come to it again.
            Some(lease) if lease.serial == 0 => Err(SettleError::AlreadySettled),
            Some(lease) if lease.serial != serial => Err(SettleError::HandedOutAgain),
            Some(Lease { state: LeaseState::Burying { .. }, .. }) => {
                Err(SettleError::HandedOutAgain)
            }
            Some(_) => Ok(()),
            None => Err(SettleError::AlreadySettled),
        }
    }

    /// Everything up to and including `offset`, which is one of the log, is done.
    pub(in crate::engine) fn commit(&mut self, offset: u64, wake: &mut Wake) {
        self.take_back(wake);
        let leases = self.leases.iter().map(|(offset, _)| offset);
        let done: Vec<u64> = leases.take_while(|done| *done <= offset).collect();
        for offset in done {
            self.done(offset, wake);
        }
        if offset >= self.position {
            self.counters.settled += offset + 1 - self.position;
            self.position = offset + 1;
        }
        self.cover(wake);
    }

    /// Starts anew from `offset`. What is in flight no longer counts. What retention removed is to
    /// be told again.
    pub(in crate::engine) fn seek(&mut self, offset: u64, wake: &mut Wake) {
        self.take_back(wake);
        self.leases.clear();
        self.deadlines.clear();
        self.burials.clear();
        self.keys.clear();
        self.members.clear();
        (self.in_flight, self.idle) = (0, 0);
        self.missed = None;
        self.counters = Counters::default();
        (self.start, self.position, self.head) = (offset, offset, 0);
        self.deal(wake);
    }

    /// What is in flight comes back, and no longer counts as handed out: that was no attempt.
    pub(in crate::engine) fn recall(&mut self, wake: &mut Wake) {
        self.take_back(wake);
        for offset in self.held(None) {
            let Some(lease) = self.leases.get_mut(offset) else { continue };
            lease.serial = 0;
            lease.attempt -= 1;
            if !self.vanished(offset, wake) {
                self.change(offset, LeaseState::Returned, wake);
            }
        }
        self.cover(wake);
        self.summon(wake);
    }

    /// Takes up the burial of a message, if it waits for one.
    pub(super) fn begin_burial(
        &mut self,
        offset: u64,
        now: Timestamp,
        wake: &mut Wake,
    ) -> Option<Burial> {
        if self.burials.is_empty() || !self.burials.contains(&offset) {
            return None;
        }
        let lease = self.leases.get(offset)?;
        let LeaseState::Dead(death) = &lease.state else { return None };
        let (attempts, reason) = (lease.attempt, death.reason.clone());
        let death = Box::new(Death { reason: reason.clone(), retry: None, ended: false });
        self.change(offset, LeaseState::Burying { death, until: now + BURIAL }, wake);
        Some(Burial { offset, attempts, reason })
    }

    /// The message is in the dead-letter topic.
    pub(in crate::engine) fn buried(&mut self, offset: u64, wake: &mut Wake) {
        let lease = self.leases.get(offset);
        if let Some(Lease { state: LeaseState::Burying { .. }, .. }) = lease.as_deref() {
            self.counters.dead_lettered += 1;
            self.remove(offset, wake);
            self.cover(wake);
        }
    }

    /// The message could not be dead-lettered: it is tried again then. `ended` says that the
    /// dead-letter topic has.
    pub(in crate::engine) fn not_buried(
        &mut self,
        offset: u64,
        retry: Timestamp,
        ended: bool,
        wake: &mut Wake,
    ) {
        let lease = self.leases.get(offset);
        if let Some(Lease { state: LeaseState::Burying { death, .. }, .. }) = lease.as_deref() {
            let reason = death.reason.clone();
            if self.vanished(offset, wake) {
                return self.summon(wake);
            }
            let death = Death { reason, retry: Some(retry), ended };
            self.change(offset, LeaseState::Dead(Box::new(death)), wake);
            self.cover(wake);
        }
    }

    pub(super) fn die(&mut self, offset: u64, reason: Box<str>, wake: &mut Wake) {
        let death = Death { reason, retry: None, ended: false };
        self.change(offset, LeaseState::Dead(Box::new(death)), wake);
    }
}
