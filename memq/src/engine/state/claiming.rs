//! How the members of groups are handed messages.

use super::sharing::Share;
use super::{Phase, State};
use crate::engine::after::After;
use crate::engine::group::{Burial, Group, Pick, Row, Ticket};
use crate::engine::hand::{Cell, When};
use crate::engine::log::Walk;
use crate::engine::segment::{Lane, Lanes, SlotRef};
use crate::engine::wake::Wake;
use crate::error::LagReason;
use crate::options::{Overflow, Retain};
use crate::position::{Offset, Timestamp};

/// What a member is given.
pub(crate) enum Claim<P> {
    Message(SlotRef<P>, Ticket),
    /// A dead message, to be moved.
    Burial(SlotRef<P>, Burial),
    Lagged {
        skipped: u64,
        reason: LagReason,
    },
    /// Nothing now. Whoever was parked comes by itself then, if it is not woken before.
    Nothing {
        due: Option<Timestamp>,
    },
    /// Many messages of others were taken in, or all that were wanted, and there may be more: look
    /// again.
    Again,
    Closed,
    Deleted,
    GroupDeleted,
}

/// Messages that were handed out together: one, or some that follow each other in one segment.
pub(crate) struct Run<P> {
    pub(crate) lane: Lane<P>,
    /// Of the first.
    pub(crate) ticket: Ticket,
    pub(crate) count: usize,
    /// Where all of them are acknowledged without the lock, if they may be.
    pub(super) cell: Option<Cell>,
}

impl<P> Run<P> {
    pub(crate) fn new(lane: Lane<P>, ticket: Ticket, count: usize) -> Self {
        Self { lane, ticket, count, cell: None }
    }

    /// What acknowledges all of them.
    pub(crate) fn row(&self) -> Row {
        let mut row = Row::of_run(self.ticket, self.count);
        row.cell = self.cell.or(row.cell);
        row
    }
}

/// Messages that a member claimed at once, to be taken one after the other up to a time.
pub(crate) struct Ahead<P> {
    pub(crate) run: Run<P>,
    pub(crate) end: Timestamp,
}

/// Messages of others that a member takes in at most before it is handed one.
const TAKE_IN: usize = 1024;

impl<P> State<P> {
    /// What there is for a member. Where it may claim ahead it may claim more, for when it comes again.
    pub(in crate::engine) fn claim(
        &mut self,
        share: Share,
        lanes: &mut Lanes<P>,
        when: When,
        ahead: &mut Option<Ahead<P>>,
        after: &mut After<P>,
    ) -> Claim<P> {
        let (tail, member, now) = (self.log.tail(), share.member, when.now);
        let lends = self.lends();
        self.claims(share, lanes, now, after, |group, walk, wake| {
            let most = if lends { group.turn_in(member, when, tail, wake) } else { 1 };
            // Who takes the last one has its deadline from then on, too.
            let end = now + when.window;
            let run = if most > 1 { run_on(group, walk, most, member, end) } else { None };
            let Some(mut run) = run else { return look(group, walk, member, now, wake) };
            let slot = SlotRef::of(&run.lane, Offset(run.ticket.offset));
            if run.count > 1 {
                group.lend(member, &mut run.ticket, run.count);
            }
            let ticket = run.ticket;
            *ahead = (run.count > 1).then_some(Ahead { run, end });
            Claim::Message(slot, ticket)
        })
    }

    /// Whether members may claim ahead: nothing is dropped that they hold, and nothing waits for it to
    /// be freed but who publishes.
    fn lends(&self) -> bool {
        self.phase == Phase::Open
            && self.overflow() != Overflow::DropOldest
            && self.retain() == Retain::WithinLimits
    }

    /// Whether batches may be acknowledged without the lock: nothing waits for it but who publishes.
    fn lends_wholes(&self) -> bool {
        self.phase == Phase::Open && self.retain() == Retain::WithinLimits
    }

    /// What there is for a member, this many messages at most. Returns what came after them, if
    /// anything.
    pub(in crate::engine) fn claim_up_to(
        &mut self,
        share: Share,
        most: usize,
        claimed: &mut Vec<Run<P>>,
        lanes: &mut Lanes<P>,
        now: Timestamp,
        after: &mut After<P>,
    ) -> Option<Claim<P>> {
        let mut lends = self.lends_wholes();
        let last = self.claims(share, lanes, now, after, |group, walk, wake| {
            group.turn_in_for(share.member, most, wake);
            let mut left = most;
            while left > 0 {
                let run = match run_on(group, walk, left, share.member, now) {
                    Some(run) => run,
                    None => match look(group, walk, share.member, now, wake) {
                        Claim::Message(slot, ticket) => {
                            // The next of its key may wait for it.
                            lends = false;
                            Run::new(slot.into_lane(), ticket, 1)
                        }
                        last => return last,
                    },
                };
                left -= run.count;
                claimed.push(run);
            }
            for run in claimed.iter_mut().filter(|_| lends) {
                run.cell = group.lend_whole(share.member, run.row(), wake);
            }
            // Whether there is more was not asked.
            Claim::Again
        });
        Some(last).filter(|last| !matches!(last, Claim::Nothing { .. }))
    }

    /// Lets a member look so often as it likes, with what is to be done before and after it once.
    /// Returns what it saw last.
    #[inline]
    fn claims(
        &mut self,
        share: Share,
        lanes: &mut Lanes<P>,
        now: Timestamp,
        after: &mut After<P>,
        looks: impl FnOnce(&mut Group, &mut Walk<'_, P>, &mut Wake) -> Claim<P>,
    ) -> Claim<P> {
        if self.phase == Phase::Deleted {
            return Claim::Deleted;
        }
        self.up_to_date(share.group, now, after);
        let (tail, phase) = (self.log.tail(), self.phase);
        let Some(group) = share.group.find(&mut self.groups) else { return Claim::GroupDeleted };
        let waited = group.come(share.member, now, &mut after.readers);
        // Time alone may have ended the last one.
        if phase != Phase::Open && group.is_done(tail) {
            group.wake_all(&mut after.readers);
        }
        let mut claim = looks(group, &mut self.log.walk(lanes), &mut after.readers);
        if let (Claim::Nothing { .. }, Phase::Closed) = (&claim, phase) {
            if group.is_done(tail) {
                claim = Claim::Closed;
            }
        }
        if let Some(waited) = waited {
            // Who looks without waiting is still to be woken.
            after.discard(match claim {
                Claim::Nothing { .. } | Claim::Burial(..) | Claim::Again => {
                    group.wait_on(share.member, waited, now)
                }
                _ => Some(waited.0.into_waker()),
            });
        }
        group.pass_on(share.member, tail, &mut after.readers);
        group.cover(&mut after.readers);
        if group.settles_at_once() {
            self.settled(share.group, after);
        }
        claim
    }
}

/// The messages that come next for all, as far as they are this member's and in one segment.
#[inline]
fn run_on<P>(
    group: &mut Group,
    walk: &mut Walk<'_, P>,
    most: usize,
    member: usize,
    now: Timestamp,
) -> Option<Run<P>> {
    if !group.is_only_to_go_on(member) {
        return None;
    }
    walk.entry(group.position())?;
    let look = |offset, most| {
        walk.alike(offset, most).map(|(entry, count)| (entry.partition(), entry.key(), count))
    };
    let (ticket, count) = group.admit_run(most, member, now, look);
    let lane = if count > 0 { walk.lane() } else { None };
    lane.map(|lane| Run::new(lane, ticket, count))
}

/// What there is next for a member that has come.
#[inline]
fn look<P>(
    group: &mut Group,
    walk: &mut Walk<'_, P>,
    member: usize,
    now: Timestamp,
    wake: &mut Wake,
) -> Claim<P> {
    let mut taken_in = 0;
    loop {
        let ticket = match group.pick(member, now, wake) {
            Pick::Deliver(ticket) => ticket,
            Pick::Bury(burial) => match walk.slot(burial.offset) {
                Some(slot) => return Claim::Burial(slot, burial),
                None => continue,
            },
            Pick::Lagged { skipped, reason } => return Claim::Lagged { skipped, reason },
            Pick::More if taken_in == TAKE_IN => return Claim::Again,
            Pick::More => {
                let Some(entry) = walk.entry(group.position()) else {
                    if group.take_back(wake) {
                        continue;
                    }
                    return Claim::Nothing { due: None };
                };
                let (partition, key) = (entry.partition(), entry.key());
                if group.counts(key) && group.take_back(wake) {
                    // What others have claimed ahead comes before it, and has no key.
                    continue;
                }
                taken_in += 1;
                match group.admit(partition, key, member, now) {
                    Some(ticket) => ticket,
                    None => continue,
                }
            }
            // Perhaps by what is claimed ahead, or is settled and not known to be.
            Pick::Full if group.take_back(wake) => continue,
            Pick::Full => return Claim::Nothing { due: None },
        };
        if let Some(slot) = walk.slot(ticket.offset) {
            return Claim::Message(slot, ticket);
        }
    }
}
