//! A consumer group and one member of it: the way from a consumer into the topic's lock.
//!
//! It never waits by itself and reads nothing without the lock.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::group::{Burial, Row, Rules, Settlement, Ticket, Wait};
use super::hand::Hand;
use super::segment::{Lanes, SlotRef};
use super::state::{Ahead, Claim, GroupError, GroupKey, JoinError, Run, Share};
use super::stats::GroupStats;
use super::topic::Topic;
use crate::error::{CommitError, LagReason, SettleError};
use crate::options::Start;
use crate::position::{Offset, Timestamp};

/// A group of a topic.
pub(crate) struct GroupRef<P: Send + Sync + 'static> {
    topic: Arc<Topic<P>>,
    key: GroupKey,
}

/// A member of a group. Dropped, what it holds comes back to the others.
pub(crate) struct Member<P: Send + Sync + 'static> {
    holder: Holder<P>,
    share: Share,
    /// What it claimed ahead and may not have taken yet.
    ahead: Option<Ahead<P>>,
}

/// What settles the messages of one member.
pub(crate) struct Holder<P: Send + Sync + 'static> {
    group: GroupRef<P>,
    hand: Arc<Hand>,
}

/// Hand-outs that are acknowledged under one lock at most.
const CHUNK: usize = 1024;

impl<P: Send + Sync + 'static> Clone for GroupRef<P> {
    fn clone(&self) -> Self {
        Self { topic: self.topic.clone(), key: self.key }
    }
}

impl<P: Send + Sync + 'static> Clone for Holder<P> {
    fn clone(&self) -> Self {
        Self { group: self.group.clone(), hand: self.hand.clone() }
    }
}

impl<P: Send + Sync + 'static> Holder<P> {
    pub(crate) fn topic(&self) -> &Arc<Topic<P>> {
        &self.group.topic
    }

    fn key(&self) -> GroupKey {
        self.group.key
    }

    /// Ends a hand-out. Where the message is dead by it, the burial is the caller's.
    pub(crate) fn settle(
        &self,
        ticket: Ticket,
        how: Settlement,
    ) -> Result<Option<Burial>, SettleError> {
        if matches!(how, Settlement::Ack) && self.acknowledge_ahead(ticket) {
            self.tell_publishers();
            return Ok(None);
        }
        let now =
            if let Settlement::Ack = how { self.now_if_it_matters() } else { self.topic().now() };
        self.topic()
            .locked(|state, after| state.settle_delivery(self.key(), ticket, how, now, after))
    }

    /// The time, which to an acknowledgement matters where messages expire.
    fn now_if_it_matters(&self) -> Timestamp {
        self.topic().ttl().map_or_else(Timestamp::default, |_| self.topic().now())
    }

    /// Acknowledges hand-outs to one member, as far as they still count: without the lock where they have
    /// a cell and were not called in since.
    pub(crate) fn acknowledge(&self, rows: impl Iterator<Item = Row>) {
        let is_done =
            |row: &Row| row.cell.is_some_and(|cell| self.hand.acknowledge(cell, row.serial));
        // Without the lock first, so that whoever is woken by the others sees these.
        let rows: Vec<Row> = rows.filter(|row| !is_done(row)).collect();
        if rows.is_empty() {
            return self.tell_publishers();
        }
        let now = self.now_if_it_matters();
        let acknowledge = |rows: &[Row]| {
            self.topic().locked(|state, after| state.acknowledge(self.key(), rows, now, after));
        };
        let (mut together, mut room) = (Vec::new(), CHUNK);
        for mut row in rows {
            while row.count > 0 {
                let first = row.take(room);
                room -= first.count;
                together.push(first);
                if room == 0 {
                    acknowledge(&together);
                    together.clear();
                    room = CHUNK;
                }
            }
        }
        if !together.is_empty() {
            acknowledge(&together);
        }
    }

    /// Acknowledges a hand-out without the lock, if it was claimed ahead and not called in since.
    #[inline]
    fn acknowledge_ahead(&self, ticket: Ticket) -> bool {
        ticket.cell.is_some_and(|cell| self.hand.acknowledge(cell, ticket.serial))
    }

    /// Something was acknowledged without the lock. Who waits for room is told; all else is seen by
    /// whoever comes.
    #[inline]
    fn tell_publishers(&self) {
        if self.topic().publisher_sleeps() {
            self.topic().locked(|state, after| state.acknowledged(self.key(), after));
        }
    }

    /// Keeps a message for this long from now on.
    pub(crate) fn extend(&self, ticket: Ticket, by: Duration) -> Result<(), SettleError> {
        let now = self.topic().now();
        self.topic().locked(|state, after| state.extend(self.key(), ticket, by, now, after))
    }

    /// A dead message is in its topic, or is to be tried again after this long; with it, whether that
    /// topic has ended.
    pub(crate) fn end_burial(&self, offset: u64, retry: Option<(Duration, bool)>) {
        let retry = retry.map(|(pause, ended)| (self.topic().now() + pause, ended));
        self.topic().locked(|state, after| state.end_burial(self.key(), offset, retry, after));
    }
}

impl<P: Send + Sync + 'static> Member<P> {
    /// Opens a group, or creates it, and joins it: under one lock, so that nobody deletes it in between.
    pub(crate) fn open(
        topic: Arc<Topic<P>>,
        name: &str,
        rules: &Rules,
        start: Start,
        most: usize,
    ) -> Result<Self, GroupError> {
        let (now, start, hand) = (topic.now(), topic.start(start), Arc::new(Hand::new()));
        let share = topic.locked(|state, after| {
            let group = state.open_group(name, rules, start, now, after)?;
            Ok(Share::of_new(group, most, hand.clone(), &mut after.readers))
        })?;
        let group = GroupRef { topic, key: share.group };
        Ok(Self { holder: Holder { group, hand }, share, ahead: None })
    }

    pub(crate) fn id(&self) -> u64 {
        self.share.id
    }

    fn topic(&self) -> &Arc<Topic<P>> {
        self.holder.topic()
    }

    /// What settles the messages it is handed.
    pub(crate) fn holder(&self) -> &Holder<P> {
        &self.holder
    }

    /// What there is now.
    pub(crate) fn claim(&mut self, lanes: &mut Lanes<P>) -> Claim<P> {
        if let Some((slot, ticket)) = self.take_ahead() {
            return Claim::Message(slot, ticket);
        }
        let (topic, share, ahead) = (self.holder.topic(), self.share, &mut self.ahead);
        let when = topic.when();
        let claim = topic.locked(|state, after| state.claim(share, lanes, when, ahead, after));
        lanes.release_but(matches!(claim, Claim::Message(..)));
        claim
    }

    /// The next of what was claimed ahead.
    #[inline]
    fn take_ahead(&mut self) -> Option<(SlotRef<P>, Ticket)> {
        let Ahead { run, end: until } = self.ahead.as_ref()?;
        let (topic, first) = (self.holder.topic(), run.ticket.offset);
        // The first expires first; what is lost with it is told under the lock.
        let is_fresh = topic.now() <= *until
            && run.lane.get(first).is_some_and(|entry| !topic.expired(&entry));
        let end = first + run.count as u64;
        let Some(offset) = (if is_fresh { self.holder.hand.take(end) } else { None }) else {
            self.ahead = None;
            return None;
        };
        let slot = SlotRef::of(&run.lane, Offset(offset));
        Some((slot, run.ticket.ahead((offset - first) as usize)))
    }

    /// What there is now; where that is nothing, the member is parked.
    pub(crate) fn claim_or_park(
        &mut self,
        lanes: &mut Lanes<P>,
        waker: &Waker,
        how: Wait,
    ) -> Claim<P> {
        // What was claimed ahead is given back by the claim, and so nothing is missed.
        self.ahead = None;
        let (topic, share, ahead) = (self.holder.topic(), self.share, &mut self.ahead);
        let when = topic.when();
        // Cloned here, since that may be code that is not ours.
        let waker = waker.clone();
        let claim =
            topic.locked(|state, after| match state.claim(share, lanes, when, ahead, after) {
                Claim::Nothing { .. } => {
                    Claim::Nothing { due: state.park_member(share, waker, how, when.now, after) }
                }
                claim => {
                    after.discard(Some(waker));
                    claim
                }
            });
        lanes.release_but(matches!(claim, Claim::Message(..)));
        claim
    }

    /// How the topic or the group has ended. Where neither has, the member is woken when one does,
    /// and for no message; it should come by itself at the time that is returned, if one is.
    pub(crate) fn end_or_watch(&self, waker: &Waker) -> Result<Claim<P>, Option<Timestamp>> {
        let now = self.topic().now();
        let waker = waker.clone();
        self.topic().locked(|state, after| state.end_or_watch(self.share, waker, now, after))
    }

    /// It no longer waits.
    pub(crate) fn unpark(&self) {
        self.topic().locked(|state, after| state.unpark_member(self.share, after));
    }

    /// What there is now, this many messages at most. Returns what came after them, if anything.
    pub(crate) fn claim_up_to(
        &mut self,
        most: usize,
        claimed: &mut Vec<Run<P>>,
        lanes: &mut Lanes<P>,
    ) -> Option<Claim<P>> {
        // It is claimed again, with the rest.
        self.ahead = None;
        let (topic, share, now) = (self.topic(), self.share, self.topic().now());
        let last =
            topic.locked(|state, after| state.claim_up_to(share, most, claimed, lanes, now, after));
        let count: usize = claimed.iter().map(|run| run.count).sum();
        lanes.release_but(count == most);
        last
    }

    /// How many messages there are for its group now, at most.
    pub(crate) fn ahead(&self) -> usize {
        self.topic().locked(|state, after| state.ahead(self.holder.key(), after))
    }

    /// When it should come by itself, as the runtime's clock has it.
    pub(crate) fn instant(&self, due: Timestamp) -> tokio::time::Instant {
        self.topic().clock().instant(due)
    }

    /// It takes no more messages, and only settles what it holds: its partitions are the others'.
    pub(crate) fn retire(&self) {
        self.topic().locked(|state, after| state.retire_member(self.share, after));
    }

    /// It was told that so many were missed, and goes away before it says so: another is told.
    pub(crate) fn leave_untold(&self, skipped: u64, reason: LagReason) {
        self.topic().locked(|state, after| {
            state.leave_untold(self.holder.key(), skipped, reason, after);
        });
    }

    pub(crate) fn commit(&self, offset: Offset) -> Result<(), CommitError> {
        let (topic, now) = (self.topic(), self.topic().now());
        topic.locked(|state, after| state.commit(self.holder.key(), offset, now, after))
    }

    /// `None` once the group is deleted.
    pub(crate) fn seek(&self, start: Start) -> Result<Option<Offset>, JoinError> {
        let (topic, now) = (self.topic(), self.topic().now());
        let start = topic.start(start);
        topic.locked(|state, after| state.seek_group(self.holder.key(), start, now, after))
    }

    /// `None` once the group is deleted.
    pub(crate) fn stats(&self) -> Option<GroupStats> {
        let (topic, now) = (self.topic(), self.topic().now());
        topic.locked(|state, after| state.stats_of(self.holder.key(), now, after))
    }
}

impl<P: Send + Sync + 'static> Drop for Member<P> {
    fn drop(&mut self) {
        let now = self.topic().now();
        self.topic().locked(|state, after| state.leave_group(self.share, now, after));
    }
}
