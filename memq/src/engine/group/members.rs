//! Who is in a group, which partitions each serves, and who waits. A plain data structure: it runs
//! no waker.
//!
//! Partitions are dealt into shares and members to shares, both in turn. With fewer members than
//! partitions each member has a share of its own; with more, each partition is a share that several
//! members serve together. So one partition is served by all.

mod member;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use slab::Slab;

pub(super) use self::member::Member;
pub(in crate::engine) use self::member::Parked;
pub(crate) use self::member::Wait;
use super::ahead::Lent;
use super::steps;
use crate::engine::hand::Hand;
use crate::engine::wake::Wake;
use crate::position::Timestamp;

#[derive(Debug)]
pub(super) struct Members {
    slots: Slab<Member>,
    /// The keys of those that take messages, in the order in which they came.
    order: Vec<usize>,
    /// How many there have been: the next one's id.
    ids: u64,
    /// At least one.
    shares: Vec<Share>,
    /// When those that wait wake by themselves; apart, those that may never come.
    armed: BTreeSet<(Timestamp, usize)>,
    armed_unguarded: BTreeSet<(Timestamp, usize)>,
    /// Members that were called and whose place is given on if they do not come.
    called: usize,
    /// Members that wait.
    waiting: usize,
    /// Those of them that surely come, and those of these that can wake by themselves.
    sure: usize,
    sure_timed: usize,
    /// Those that wait and hold all they may: in no queue, since messages are not for them.
    full: BTreeSet<usize>,
}

/// When a waiter without a timer wakes by itself.
const NEVER: Timestamp = Timestamp::from_nanos(u64::MAX);

/// Partitions that the same members serve, and what is ready there.
#[derive(Debug, Default)]
pub(super) struct Share {
    /// Handed out before.
    pub(super) returned: BTreeSet<u64>,
    /// Never handed out.
    pub(super) fresh: BTreeSet<u64>,
    /// Members that wait, the longest first.
    parked: VecDeque<usize>,
}

impl Share {
    fn is_ready(&self) -> bool {
        !self.returned.is_empty() || !self.fresh.is_empty()
    }
}

impl Members {
    pub(super) fn new() -> Self {
        Self {
            slots: Slab::new(),
            order: Vec::new(),
            ids: 0,
            shares: vec![Share::default()],
            armed: BTreeSet::new(),
            armed_unguarded: BTreeSet::new(),
            called: 0,
            waiting: 0,
            sure: 0,
            sure_timed: 0,
            full: BTreeSet::new(),
        }
    }

    /// In the order in which they came, with their keys.
    pub(super) fn in_order(&self) -> Vec<(usize, &Member)> {
        let mut members: Vec<_> = self.slots.iter().collect();
        members.sort_unstable_by_key(|(_, member)| member.id);
        members
    }

    #[inline]
    pub(super) fn get(&self, key: usize) -> Option<&Member> {
        self.slots.get(key)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, key: usize) -> Option<&mut Member> {
        self.slots.get_mut(key)
    }

    /// Whether nothing is ready for a member that takes messages.
    #[inline]
    pub(super) fn has_nothing_ready(&self, key: usize) -> bool {
        let member = self.slots.get(key).filter(|member| !member.retired);
        member.is_some_and(|member| !self.shares[member.share].is_ready())
    }

    /// The keys of those that take messages.
    pub(super) fn keys(&self) -> &[usize] {
        &self.order
    }

    /// Whether all serve one share, and none of them waits for a message.
    #[inline]
    pub(super) fn all_busy(&self) -> bool {
        matches!(&self.shares[..], [share] if share.parked.is_empty()) && self.full.is_empty()
    }

    #[inline]
    pub(super) fn share(&mut self, share: usize) -> &mut Share {
        &mut self.shares[share]
    }

    /// The share that a partition is in.
    #[inline]
    pub(super) fn share_of(&self, partition: u16) -> usize {
        // Mostly there is one.
        if self.shares.len() == 1 { 0 } else { usize::from(partition) % self.shares.len() }
    }

    /// The partitions of a share, of this many.
    pub(super) fn partitions(&self, share: usize, partitions: u16) -> impl Iterator<Item = u16> {
        let step = self.shares.len();
        (share..usize::from(partitions)).step_by(step).filter_map(|at| u16::try_from(at).ok())
    }

    /// Adds a member; [`deal`](Self::deal) follows. Its key, and its id.
    pub(super) fn join(&mut self, most: usize, hand: Arc<Hand>) -> (usize, u64) {
        let id = self.ids;
        let key = self.slots.insert(Member::new(id, most, Lent::new(hand)));
        self.ids += 1;
        self.order.push(key);
        (key, id)
    }

    /// A member takes no more messages; [`deal`](Self::deal) follows. Its waker is to be dropped
    /// outside the lock.
    pub(super) fn retire(&mut self, key: usize) -> Option<Waker> {
        let waker = self.unpark(key);
        self.order.retain(|other| *other != key);
        if let Some(member) = self.slots.get_mut(key) {
            (member.retired, member.share, member.queued) = (true, 0, false);
        }
        waker
    }

    /// Removes a member; [`deal`](Self::deal) follows. Its waker is to be dropped outside the lock.
    pub(super) fn leave(&mut self, key: usize) -> Option<Waker> {
        let waker = self.unpark(key);
        self.slots.try_remove(key);
        self.order.retain(|other| *other != key);
        waker
    }

    /// Deals partitions and members anew, and wakes everybody that waits, to find its new place.
    /// Returns whether the shares are others; what was ready is forgotten then.
    pub(super) fn deal(&mut self, partitions: u16, wake: &mut Wake) -> bool {
        self.wake_all(wake);
        let shares = self.order.len().min(usize::from(partitions)).max(1);
        let anew = self.shares.len() != shares;
        if anew {
            self.shares.clear();
            self.shares.resize_with(shares, Share::default);
        }
        for (rank, key) in self.order.iter().enumerate() {
            if let Some(member) = self.slots.get_mut(*key) {
                member.share = rank % shares;
            }
        }
        anew
    }

    /// Nothing is ready any more, and nobody holds anything.
    pub(super) fn clear(&mut self) {
        for share in &mut self.shares {
            share.returned.clear();
            share.fresh.clear();
        }
        for (_, member) in &mut self.slots {
            member.in_flight = 0;
        }
    }

    /// Lets a member sleep; one that is timed wakes by itself when something is due. Its former waker,
    /// if it has one, is to be dropped outside the lock.
    pub(super) fn park(
        &mut self,
        key: usize,
        waker: Waker,
        how: Wait,
        due: Option<Timestamp>,
    ) -> Option<Waker> {
        let former = self.take_parked(key);
        let Some(member) = self.slots.get_mut(key) else { return Some(waker) };
        let armed = due.filter(|_| how.timed);
        member.parked = Some(Parked { waker, how, armed, for_end: false });
        self.waiting += 1;
        self.sure += usize::from(how.guarded);
        self.sure_timed += usize::from(how.guarded && how.timed);
        if member.is_full() {
            self.full.insert(key);
        } else if !std::mem::replace(&mut member.queued, true) {
            let share = member.share;
            self.shares[share].parked.push_back(key);
        }
        match (how.guarded, armed) {
            (true, Some(at)) => self.armed.insert((at, key)),
            (false, armed) if how.timed => {
                self.armed_unguarded.insert((armed.unwrap_or(NEVER), key))
            }
            _ => false,
        };
        former.map(|former| former.waker)
    }

    /// Lets a member sleep that is in no queue, until everybody is woken. Its former waker, if it has
    /// one, is to be dropped outside the lock.
    pub(super) fn watch(&mut self, key: usize, waker: Waker) -> Option<Waker> {
        let former = self.take_parked(key);
        let Some(member) = self.slots.get_mut(key) else { return Some(waker) };
        // In none of the indexes, as one that is guarded and has no timer.
        let how = Wait { guarded: true, timed: false };
        member.parked = Some(Parked { waker, how, armed: None, for_end: true });
        self.waiting += 1;
        let share = member.share;
        if std::mem::take(&mut member.queued) {
            self.shares[share].parked.retain(|other| *other != key);
        }
        former.map(|former| former.waker)
    }

    /// A member is awake. Its waker is to be dropped outside the lock.
    pub(super) fn unpark(&mut self, key: usize) -> Option<Waker> {
        self.come(key).map(|parked| parked.waker)
    }

    /// A member is awake. How it waited.
    #[inline]
    pub(super) fn come(&mut self, key: usize) -> Option<Parked> {
        let member = self.slots.get_mut(key)?;
        if std::mem::take(&mut member.called) {
            self.called -= 1;
        }
        member.parked.as_ref()?;
        self.take_parked(key)
    }

    /// A member that has come waits as it did, unless its timer has woken it. The waker that is not used
    /// is to be dropped outside the lock.
    pub(super) fn wait_on(&mut self, key: usize, parked: Parked, now: Timestamp) -> Option<Waker> {
        let Parked { waker, how, armed, for_end } = parked;
        if for_end || armed.is_some_and(|at| at <= now) {
            return Some(waker);
        }
        self.park(key, waker, how, armed)
    }

    fn take_parked(&mut self, key: usize) -> Option<Parked> {
        let parked = self.slots.get_mut(key)?.parked.take()?;
        self.waiting -= 1;
        self.sure -= usize::from(parked.is_sure());
        self.sure_timed -= usize::from(parked.is_sure() && parked.how.timed);
        if !self.full.is_empty() {
            self.full.remove(&key);
        }
        match (parked.how.guarded, parked.armed) {
            (true, Some(at)) => self.armed.remove(&(at, key)),
            (false, armed) if parked.how.timed => {
                self.armed_unguarded.remove(&(armed.unwrap_or(NEVER), key))
            }
            _ => false,
        };
        Some(parked)
    }

    #[inline]
    pub(super) fn anybody_waits(&self) -> bool {
        self.waiting > 0
    }

    /// Whether enough of those that surely come wake by themselves at `due` or before, so that one more
    /// need not. Two are: one is left where the other is called for a message.
    pub(super) fn is_covered(&self, due: Timestamp) -> bool {
        self.armed.iter().nth(1).is_some_and(|(at, _)| *at <= due)
    }

    /// Whether a member was woken to sleep again with a timer, and has not since.
    pub(super) fn was_asked(&mut self, key: usize) -> bool {
        self.slots.get_mut(key).is_some_and(|member| std::mem::take(&mut member.asked))
    }

    /// Whether a member was woken and has not come since.
    pub(super) fn is_called(&self, key: usize) -> bool {
        self.slots.get(key).is_some_and(|member| member.called)
    }

    /// Wakes the member of a share that waits longest and may take a message. Beside one that may
    /// never come it wakes the next too. Returns whether somebody waited.
    #[inline]
    pub(super) fn call(&mut self, share: usize, wake: &mut Wake) -> bool {
        let anybody = !self.shares[share].parked.is_empty();
        if anybody {
            self.call_next(share, wake);
        }
        anybody
    }

    fn call_next(&mut self, share: usize, wake: &mut Wake) {
        while let Some(key) = self.shares[share].parked.pop_front() {
            steps::step();
            if let Some(member) = self.slots.get_mut(key) {
                member.queued = false;
            }
            // One that waits with all it may hold was there before.
            if !self.full.contains(&key) && self.wake(key, wake) {
                break;
            }
        }
    }

    /// Wakes one in each share.
    pub(super) fn call_each(&mut self, wake: &mut Wake) {
        for share in 0..self.shares.len() {
            self.call(share, wake);
        }
    }

    /// Wakes a member that waited because it held all it may.
    pub(super) fn call_one(&mut self, key: usize, wake: &mut Wake) {
        if self.full.contains(&key) {
            self.wake(key, wake);
        }
    }

    /// Wakes everybody.
    pub(super) fn wake_all(&mut self, wake: &mut Wake) {
        for share in &mut self.shares {
            share.parked.clear();
        }
        for at in 0..self.order.len() {
            let key = self.order[at];
            if let Some(member) = self.slots.get_mut(key) {
                member.queued = false;
            }
            self.wake(key, wake);
        }
    }

    /// Wakes the next of a share where something is ready; `more` says that there may be.
    #[inline]
    pub(super) fn pass_on(&mut self, share: usize, more: bool, wake: &mut Wake) {
        if more || self.shares[share].is_ready() {
            self.call(share, wake);
        }
    }

    /// Sees to it that somebody wakes by itself at `due`, if anybody waits at all. On those that may
    /// never come it relies only together.
    pub(super) fn cover(&mut self, due: Option<Timestamp>, wake: &mut Wake) {
        let Some(due) = due else { return };
        if self.waiting == 0 || self.armed.first().is_some_and(|(at, _)| *at <= due) {
            return;
        }
        if let Some(key) = self.call_surely(true, wake) {
            if let Some(member) = self.slots.get_mut(key) {
                member.asked = true;
            }
        } else if self.armed_unguarded.last().is_some_and(|(at, _)| *at > due) {
            self.wake_all(wake);
        }
    }

    /// Sees to it that somebody comes, whatever share it is in and however much it holds.
    pub(super) fn summon(&mut self, wake: &mut Wake) {
        if self.waiting > 0 && self.called == 0 && self.call_surely(false, wake).is_none() {
            self.wake_all(wake);
        }
    }

    /// Wakes somebody that surely comes, if there is anybody; only one that can wake by itself, if `timed`
    /// says so.
    fn call_surely(&mut self, timed: bool, wake: &mut Wake) -> Option<usize> {
        if (if timed { self.sure_timed } else { self.sure }) == 0 {
            return None;
        }
        let slots = &self.slots;
        let surely = |key: &usize| {
            steps::step();
            let parked = slots.get(*key).and_then(|member| member.parked.as_ref());
            parked.is_some_and(|parked| parked.is_sure() && (parked.how.timed || !timed))
        };
        let first = self.shares.iter_mut().find_map(|share| {
            let at = share.parked.iter().position(surely)?;
            share.parked.remove(at)
        });
        let found = first.or_else(|| self.full.iter().copied().find(surely));
        if let Some(member) = first.and_then(|key| self.slots.get_mut(key)) {
            member.queued = false;
        }
        found.filter(|key| self.wake(*key, wake))
    }

    /// Wakes a member that was taken out of its queue, or stands in none. Returns whether it surely
    /// comes.
    fn wake(&mut self, key: usize, wake: &mut Wake) -> bool {
        let Some(parked) = self.take_parked(key) else { return false };
        let surely = parked.is_sure();
        if let Some(member) = self.slots.get_mut(key).filter(|_| surely) {
            if !std::mem::replace(&mut member.called, true) {
                self.called += 1;
            }
        }
        wake.add(Wake::One(parked.waker));
        surely
    }
}
