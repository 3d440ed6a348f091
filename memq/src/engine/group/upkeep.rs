//! What keeps a group true: time, retention, and the indexes of its leases.

use super::Group;
use super::lease::LeaseState;
use crate::engine::wake::Wake;
use crate::error::LagReason;
use crate::position::Timestamp;

impl Group {
    /// Does what is due, and wakes somebody for what is to be done then.
    pub(in crate::engine) fn tick(&mut self, now: Timestamp, wake: &mut Wake) {
        self.pass_time(now, wake);
        self.summon(wake);
    }

    /// Wakes somebody if there is what any member takes, also one that holds all it may.
    #[inline]
    pub(super) fn summon(&mut self, wake: &mut Wake) {
        if self.missed.is_some() || !self.burials.is_empty() {
            self.members.summon(wake);
        }
    }

    #[inline]
    pub(super) fn pass_time(&mut self, now: Timestamp, wake: &mut Wake) {
        if self.deadlines.may_be_due(now) {
            self.end_what_is_due(now, wake);
        }
    }

    fn end_what_is_due(&mut self, now: Timestamp, wake: &mut Wake) {
        self.take_back(wake);
        let due = self.deadlines.take_due(now, &self.leases);
        for offset in &due {
            match self.leases.get(*offset).as_deref().map(|lease| &lease.state) {
                Some(LeaseState::InFlight { .. }) => {
                    self.counters.expired += 1;
                    self.come_back(*offset, None, "its ack deadline passed", wake);
                }
                Some(LeaseState::Delayed { .. }) => {
                    self.change(*offset, LeaseState::Returned, wake)
                }
                Some(LeaseState::Dead(death) | LeaseState::Burying { death, .. }) => {
                    let reason = death.reason.clone();
                    self.die(*offset, reason, wake);
                }
                _ => {}
            }
        }
        if !due.is_empty() {
            self.cover(wake);
        }
    }

    /// What lies before `head` is gone, and `why` says why what was kept until then from an offset
    /// on is. What is in flight is still settled; the rest was missed.
    pub(in crate::engine) fn retain_from(&mut self, head: u64, reason: LagReason, wake: &mut Wake) {
        self.take_back(wake);
        // What lies before it is known to be gone.
        let mut next = std::mem::replace(&mut self.head, head);
        let mut gone = 0;
        while let Some(offset) = self.leases.next_from(next).filter(|offset| *offset < head) {
            next = offset + 1;
            let Some(lease) = self.leases.get_mut(offset) else { continue };
            match lease.state {
                LeaseState::InFlight { .. } | LeaseState::Burying { .. } => {
                    lease.gone.get_or_insert(reason);
                }
                _ => {
                    gone += 1;
                    self.remove(offset, wake);
                }
            }
        }
        self.leases.outlive(head);
        let passed = head.saturating_sub(self.position);
        self.position += passed;
        self.miss(gone + passed, reason);
        self.summon(wake);
    }

    pub(super) fn miss(&mut self, skipped: u64, reason: LagReason) {
        if skipped > 0 {
            self.counters.skipped += skipped;
            let before = self.missed.map_or(0, |(skipped, _)| skipped);
            self.missed = Some((before + skipped, reason));
        }
    }

    /// What a member was told and did not say is told to another. It is counted.
    pub(in crate::engine) fn leave_untold(
        &mut self,
        skipped: u64,
        reason: LagReason,
        wake: &mut Wake,
    ) {
        let (since, reason) = self.missed.unwrap_or((0, reason));
        self.missed = Some((since + skipped, reason));
        self.summon(wake);
    }

    /// A message that was handed out comes back, unless this was its last attempt.
    pub(super) fn come_back(
        &mut self,
        offset: u64,
        at: Option<Timestamp>,
        why: &str,
        wake: &mut Wake,
    ) {
        if self.vanished(offset, wake) {
            return;
        }
        let Some(lease) = self.leases.get(offset) else { return };
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
    pub(super) fn vanished(&mut self, offset: u64, wake: &mut Wake) -> bool {
        let Some(reason) = self.leases.get(offset).and_then(|lease| lease.gone) else {
            return false;
        };
        self.remove(offset, wake);
        self.miss(1, reason);
        true
    }

    /// Removes a lease, and lets the next of its key have its turn.
    #[inline]
    pub(super) fn remove(&mut self, offset: u64, wake: &mut Wake) {
        let Some(lease) = self.leases.remove(offset) else { return };
        self.forget(offset, lease.partition, &lease.state, wake);
        if let Some(next) = self.keys.leave(lease.partition, lease.key, offset) {
            // It comes before what was claimed ahead.
            self.take_back(wake);
            self.change(next, LeaseState::Fresh, wake);
        }
    }

    /// Moves a lease into another state, and keeps every index of it. That a hand-out ends is added
    /// by who makes it.
    pub(super) fn change(&mut self, offset: u64, state: LeaseState, wake: &mut Wake) {
        let Some(lease) = self.leases.get_mut(offset) else { return };
        let partition = lease.partition;
        let former = std::mem::replace(&mut lease.state, state);
        self.forget(offset, partition, &former, wake);
        let Some(lease) = self.leases.get(offset) else { return };
        self.idle += usize::from(lease.state.is_idle());
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
                    member.hold(offset, 1);
                }
            }
            LeaseState::Delayed { until } | LeaseState::Burying { until, .. } => {
                self.deadlines.add(*until, offset);
            }
            LeaseState::Dead(death) => match death.retry {
                Some(at) => self.deadlines.add(at, offset),
                None => drop(self.burials.insert(offset)),
            },
            LeaseState::Behind => {}
        }
    }

    /// A member holds so many messages less.
    #[inline]
    pub(super) fn landed(&mut self, key: usize, count: usize, wake: &mut Wake) {
        let was_full = self.in_flight >= self.rules.max_in_flight;
        self.in_flight -= count;
        if let Some(member) = self.members.get_mut(key) {
            let held_all = member.in_flight >= member.most;
            member.in_flight -= count;
            if held_all {
                self.members.call_one(key, wake);
            }
        }
        if was_full {
            self.members.call_each(wake);
        }
    }

    /// Takes a lease that was in this state out of every index.
    #[inline]
    fn forget(&mut self, offset: u64, partition: u16, state: &LeaseState, wake: &mut Wake) {
        if let Some(at) = state.due() {
            self.deadlines.remove(at, offset);
        }
        match state {
            LeaseState::InFlight { member, .. } => self.landed(*member, 1, wake),
            LeaseState::Fresh => {
                let share = self.members.share_of(partition);
                self.members.share(share).fresh.remove(&offset);
            }
            LeaseState::Returned => {
                let share = self.members.share_of(partition);
                self.members.share(share).returned.remove(&offset);
            }
            LeaseState::Dead(_) => {
                self.burials.remove(&offset);
                self.idle -= usize::from(state.is_idle());
            }
            LeaseState::Behind => self.idle -= 1,
            LeaseState::Delayed { .. } | LeaseState::Burying { .. } => {}
        }
    }
}
