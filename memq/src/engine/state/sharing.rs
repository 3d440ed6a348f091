//! What the members of groups do with a topic: the log's side of [`Group`].

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::{Claim, JoinError, Phase, State, change};
use crate::engine::after::After;
use crate::engine::group::{Burial, Group, Row, Rules, Settlement, Ticket, Wait};
use crate::engine::hand::Hand;
use crate::engine::stats::GroupStats;
use crate::engine::wake::Wake;
use crate::error::{CommitError, LagReason, SettleError};
use crate::options::Start;
use crate::position::{Offset, Timestamp};

/// A group, and that it is this one and not a later one of its name: its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupKey(u64);

impl GroupKey {
    /// The group among those of its topic, unless it was deleted.
    #[inline]
    pub(super) fn find(self, groups: &mut [Group]) -> Option<&mut Group> {
        let index = groups.binary_search_by_key(&self.0, |group| group.id).ok()?;
        groups.get_mut(index)
    }
}

/// A member of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) group: GroupKey,
    pub(crate) id: u64,
    pub(super) member: usize,
}

impl Share {
    /// Of a new member.
    pub(in crate::engine) fn of_new(
        group: &mut Group,
        most: usize,
        hand: Arc<Hand>,
        wake: &mut Wake,
    ) -> Self {
        let (member, id) = group.join(most, hand, wake);
        Self { group: GroupKey(group.id), id, member }
    }
}

/// Why a group cannot be opened.
#[derive(Debug)]
pub(crate) enum GroupError {
    /// It exists with these rules.
    Rules(Box<Rules>),
    Start(JoinError),
}

impl<P> State<P> {
    /// The group of this name; if it is new, it starts there.
    pub(in crate::engine) fn open_group(
        &mut self,
        name: &str,
        rules: &Rules,
        start: Start,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Result<&mut Group, GroupError> {
        if let Some(index) = self.groups.iter().position(|group| *group.name == *name) {
            let group = &mut self.groups[index];
            return match group.rules() == rules {
                true => Ok(group),
                false => Err(GroupError::Rules(Box::new(group.rules().clone()))),
            };
        }
        let start = self.resolve(start, now, after).map_err(GroupError::Start)?;
        let id = self.group_ids;
        self.group_ids += 1;
        let group = Group::new(id, name.into(), rules.clone(), self.partitions(), start.0);
        change(&mut self.groups, |groups| groups.push(group));
        self.passed = 0;
        // The first one that reads gives back what lies before its start.
        self.free_passed(after);
        self.wake_publisher(after);
        let index = self.groups.len() - 1;
        Ok(&mut self.groups[index])
    }

    /// The rules of the group of this name.
    pub(in crate::engine) fn group_rules(&self, name: &str) -> Option<Rules> {
        self.groups.iter().find(|group| *group.name == *name).map(|group| group.rules().clone())
    }

    /// Forgets a group. Returns whether there was one.
    pub(in crate::engine) fn delete_group(&mut self, name: &str, after: &mut After<P>) -> bool {
        let found = self.groups.iter().position(|group| *group.name == *name);
        let Some(index) = found else { return false };
        let mut group = change(&mut self.groups, |groups| groups.remove(index));
        group.take_back(&mut after.readers);
        // Without anybody nothing is passed.
        self.passed = 0;
        group.wake_all(&mut after.readers);
        self.free_passed(after);
        self.wake_publisher(after);
        true
    }

    fn group(&mut self, key: GroupKey) -> Option<&mut Group> {
        key.find(&mut self.groups)
    }

    /// Tells a group what retention removed meanwhile.
    #[inline]
    pub(super) fn up_to_date(&mut self, key: GroupKey, now: Timestamp, after: &mut After<P>) {
        self.expire(now, after);
        let (log, phase) = (&self.log, self.phase);
        let Some(group) = key.find(&mut self.groups) else { return };
        if !group.loses_before(log.head()) {
            return;
        }
        let reason = log.reason_since(group.head());
        group.retain_from(log.head(), reason, &mut after.readers);
        if phase != Phase::Open && group.is_done(log.tail()) {
            group.wake_all(&mut after.readers);
        }
    }

    /// Tells every group what retention removed, where nobody comes by.
    pub(super) fn tell_groups(&mut self, now: Timestamp, after: &mut After<P>) {
        let groups: Vec<_> = self.groups.iter().map(|group| GroupKey(group.id)).collect();
        groups.into_iter().for_each(|group| self.up_to_date(group, now, after));
    }

    /// A group has settled something: others may have room, or know that all is done.
    pub(super) fn settled(&mut self, key: GroupKey, after: &mut After<P>) {
        self.free_passed(after);
        self.wake_publisher(after);
        let (tail, phase) = (self.log.tail(), self.phase);
        if phase == Phase::Open {
            return;
        }
        if let Some(group) = self.group(key).filter(|group| group.is_done(tail)) {
            group.wake_all(&mut after.readers);
        }
    }

    /// How many messages there are that a group has not settled.
    pub(in crate::engine) fn ahead(&mut self, key: GroupKey, after: &mut After<P>) -> usize {
        let tail = self.log.tail();
        let Some(group) = self.group(key) else { return 0 };
        group.hear(&mut after.readers);
        group.unsettled(tail)
    }

    // Members.

    /// A member takes no more messages, and only settles what it holds.
    pub(in crate::engine) fn retire_member(&mut self, share: Share, after: &mut After<P>) {
        let Some(group) = self.group(share.group) else { return };
        let waker = group.retire(share.member, &mut after.readers);
        after.discard(waker);
    }

    /// A member goes away: what it held comes back to the others.
    pub(in crate::engine) fn leave_group(
        &mut self,
        share: Share,
        now: Timestamp,
        after: &mut After<P>,
    ) {
        self.up_to_date(share.group, now, after);
        let Some(group) = self.group(share.group) else { return };
        let waker = group.leave(share.member, now, &mut after.readers);
        after.discard(waker);
        self.settled(share.group, after);
    }

    /// A member that was told of what was missed did not say so: another is told.
    pub(in crate::engine) fn leave_untold(
        &mut self,
        group: GroupKey,
        skipped: u64,
        reason: LagReason,
        after: &mut After<P>,
    ) {
        if let Some(group) = self.group(group) {
            group.leave_untold(skipped, reason, &mut after.readers);
        }
    }

    /// Lets a member sleep after it found nothing. Returns when it should come by itself.
    pub(in crate::engine) fn park_member(
        &mut self,
        share: Share,
        waker: Waker,
        how: Wait,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Option<Timestamp> {
        let Some(group) = self.group(share.group) else {
            after.discard(Some(waker));
            return None;
        };
        let (due, former) = group.park(share.member, waker, how, now);
        after.discard(former);
        due
    }

    /// How a member's topic or group has ended. Where neither has, the member is woken when one does,
    /// and for no message; it should come by itself at the time that is returned, if one is.
    pub(in crate::engine) fn end_or_watch(
        &mut self,
        share: Share,
        waker: Waker,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Result<Claim<P>, Option<Timestamp>> {
        self.unpark_member(share, after);
        self.up_to_date(share.group, now, after);
        if let Some(group) = self.group(share.group) {
            group.tick(now, &mut after.readers);
        }
        let (tail, phase) = (self.log.tail(), self.phase);
        let end = match (phase, self.group(share.group)) {
            (Phase::Deleted, _) => Claim::Deleted,
            (_, None) => Claim::GroupDeleted,
            (Phase::Closed, Some(group)) if group.is_done(tail) => Claim::Closed,
            (_, Some(group)) => {
                let former = group.watch(share.member, waker);
                // Time ends a topic that is open no more.
                let due = group.next_due().filter(|_| phase != Phase::Open);
                after.discard(former);
                return Err(due);
            }
        };
        after.discard(Some(waker));
        Ok(end)
    }

    /// A member no longer waits.
    pub(in crate::engine) fn unpark_member(&mut self, share: Share, after: &mut After<P>) {
        let tail = self.log.tail();
        let Some(group) = self.group(share.group) else { return };
        let waker = group.unpark(share.member, tail, &mut after.readers);
        after.discard(waker);
    }

    // Settling.

    /// Ends a hand-out. Where the message is dead by it, the burial is the caller's.
    pub(in crate::engine) fn settle_delivery(
        &mut self,
        group: GroupKey,
        ticket: Ticket,
        how: Settlement,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Result<Option<Burial>, SettleError> {
        if self.phase == Phase::Deleted {
            return Err(SettleError::Deleted);
        }
        self.up_to_date(group, now, after);
        let found = self.group(group).ok_or(SettleError::GroupDeleted)?;
        let settled = found.settle(ticket, how, now, &mut after.readers);
        self.settled(group, after);
        settled
    }

    /// Something was acknowledged without the lock while a publisher sleeps.
    pub(in crate::engine) fn acknowledged(&mut self, group: GroupKey, after: &mut After<P>) {
        if let Some(found) = self.group(group) {
            found.hear(&mut after.readers);
            self.settled(group, after);
        }
    }

    /// Acknowledges hand-outs to one member, as far as they still count.
    pub(in crate::engine) fn acknowledge(
        &mut self,
        group: GroupKey,
        rows: &[Row],
        now: Timestamp,
        after: &mut After<P>,
    ) {
        if self.phase == Phase::Deleted {
            return;
        }
        self.up_to_date(group, now, after);
        let Some(found) = self.group(group) else { return };
        found.acknowledge(rows, &mut after.readers);
        self.settled(group, after);
    }

    /// Keeps a hand-out for this long from now on.
    pub(in crate::engine) fn extend(
        &mut self,
        group: GroupKey,
        ticket: Ticket,
        by: Duration,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Result<(), SettleError> {
        if self.phase == Phase::Deleted {
            return Err(SettleError::Deleted);
        }
        self.up_to_date(group, now, after);
        let found = self.group(group).ok_or(SettleError::GroupDeleted)?;
        found.tick(now, &mut after.readers);
        found.extend(ticket, now, now + by, &mut after.readers)
    }

    /// A dead message was moved, or is to be tried again then; with it, whether its topic has ended.
    pub(in crate::engine) fn end_burial(
        &mut self,
        group: GroupKey,
        offset: u64,
        retry: Option<(Timestamp, bool)>,
        after: &mut After<P>,
    ) {
        let Some(found) = self.group(group) else { return };
        match retry {
            None => found.buried(offset, &mut after.readers),
            Some((retry, ended)) => {
                found.not_buried(offset, retry, ended, &mut after.readers);
            }
        }
        self.settled(group, after);
    }

    /// Everything up to and including `offset` is done.
    pub(in crate::engine) fn commit(
        &mut self,
        group: GroupKey,
        offset: Offset,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Result<(), CommitError> {
        if self.phase == Phase::Deleted {
            return Err(CommitError::Deleted);
        }
        let end = Offset(self.log.tail());
        if offset >= end {
            return Err(CommitError::BeyondEnd { requested: offset, end });
        }
        self.up_to_date(group, now, after);
        let found = self.group(group).ok_or(CommitError::GroupDeleted)?;
        found.commit(offset.0, &mut after.readers);
        self.settled(group, after);
        Ok(())
    }

    /// Moves a group. What is in flight no longer counts. To what is committed, that is all.
    pub(in crate::engine) fn seek_group(
        &mut self,
        group: GroupKey,
        start: Start,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Result<Option<Offset>, JoinError> {
        // What is gone may have been the oldest that was not settled.
        self.up_to_date(group, now, after);
        if start == Start::Committed && self.phase != Phase::Deleted {
            let Some(found) = self.group(group) else { return Ok(None) };
            found.tick(now, &mut after.readers);
            found.recall(&mut after.readers);
            let committed = Offset(found.low_water());
            self.settled(group, after);
            return Ok(Some(committed));
        }
        let position = self.resolve(start, now, after)?;
        let Some(found) = self.group(group) else { return Ok(None) };
        found.seek(position.0, &mut after.readers);
        self.passed = 0;
        self.up_to_date(group, now, after);
        self.settled(group, after);
        Ok(Some(position))
    }

    // Statistics.

    /// One group's numbers.
    pub(in crate::engine) fn stats_of(
        &mut self,
        group: GroupKey,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Option<GroupStats> {
        if self.phase == Phase::Deleted {
            return None;
        }
        self.up_to_date(group, now, after);
        let group = group.find(&mut self.groups)?;
        group.take_back(&mut after.readers);
        group.tick(now, &mut after.readers);
        let log = &self.log;
        Some(group.stats(log.head(), log.tail(), now, |offset| Some(log.entry(offset)?.at())))
    }

    /// Every group's numbers, in the order in which they came.
    pub(super) fn group_stats(&mut self, now: Timestamp, after: &mut After<P>) -> Vec<GroupStats> {
        let groups: Vec<_> = self.groups.iter().map(|group| GroupKey(group.id)).collect();
        groups.into_iter().filter_map(|group| self.stats_of(group, now, after)).collect()
    }
}
