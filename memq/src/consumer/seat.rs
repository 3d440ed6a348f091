//! A consumer's place in its group, here or elsewhere: what it asks for, each is told by one of them.

use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use super::remote::{self, There};
use super::wait::YIELD_EVERY;
use crate::codec::form::Form;
use crate::delivery::Held;
use crate::engine::group::Wait;
use crate::engine::member::Member;
use crate::engine::segment::Lanes;
use crate::engine::state::{Claim, Run};
use crate::engine::stats::GroupStats;
use crate::error::{CommitError, LagReason, RecvError, SeekError};
use crate::message::Stored;
use crate::options::Start;
use crate::payload::Payload;
use crate::position::{Offset, Timestamp};
use crate::remote::Site;

/// Messages from elsewhere that cost one of the budget: what settles them leaves by tasks, which are to run
/// before more is asked for.
const EACH_THERE: u32 = 8;

/// A member of a group in memory, or of one kept elsewhere.
pub(crate) struct Seat<T: Payload>(Site<Member<Stored<T>>, There<T>>);

impl<T: Payload> Seat<T> {
    pub(crate) fn here(member: Member<Stored<T>>) -> Self {
        Self(Site::Here(member))
    }

    pub(crate) fn there(member: There<T>) -> Self {
        Self(Site::There(member))
    }

    /// What there is now.
    #[inline]
    pub(super) fn claim(&mut self, lanes: &mut Lanes<Stored<T>>) -> Claim<Stored<T>> {
        match &mut self.0 {
            Site::Here(member) => member.claim(lanes),
            Site::There(far) => remote::claim::<T>(far, &mut Context::from_waker(Waker::noop())),
        }
    }

    /// What there is now; where that is nothing, it is woken when there is something.
    #[inline]
    pub(super) fn claim_or_park(
        &mut self,
        lanes: &mut Lanes<Stored<T>>,
        waker: &Waker,
        how: Wait,
    ) -> Claim<Stored<T>> {
        match &mut self.0 {
            Site::Here(member) => member.claim_or_park(lanes, waker, how),
            Site::There(far) => remote::claim::<T>(far, &mut Context::from_waker(waker)),
        }
    }

    /// What there is now, this many messages at most. Returns what came after them, if anything.
    #[inline]
    pub(super) fn claim_up_to(
        &mut self,
        most: usize,
        claimed: &mut Vec<Run<Stored<T>>>,
        lanes: &mut Lanes<Stored<T>>,
    ) -> Option<Claim<Stored<T>>> {
        match &mut self.0 {
            Site::Here(member) => member.claim_up_to(most, claimed, lanes),
            Site::There(far) => remote::claim_up_to::<T>(far, most, claimed),
        }
    }

    /// What so many messages that are taken together cost of the budget.
    #[inline]
    pub(super) fn cost(&self, messages: usize) -> u32 {
        let for_one = match &self.0 {
            Site::Here(_) => YIELD_EVERY,
            Site::There(_) => EACH_THERE,
        };
        u32::try_from(messages).unwrap_or(u32::MAX) / for_one
    }

    /// Elsewhere, how many messages are asked for at once where they are taken one by one.
    pub(super) fn takes(&mut self, messages: usize) {
        match &mut self.0 {
            Site::Here(_) => {}
            Site::There(far) => T::Form::there_mut(far).takes = messages,
        }
    }

    /// Whether its group is kept elsewhere.
    #[inline]
    pub(super) fn is_there(&self) -> bool {
        matches!(self.0, Site::There(_))
    }

    /// Elsewhere, waits until it was handed some, this many at most, for the next claim; or says what there
    /// is in their place.
    pub(super) fn poll_there(
        &mut self,
        most: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Claim<Stored<T>>>> {
        match &mut self.0 {
            Site::Here(_) => Poll::Ready(None),
            Site::There(far) => remote::poll::<T>(far, most, cx),
        }
    }

    /// How many messages there are at most that it was not handed.
    #[inline]
    pub(super) fn ahead(&self) -> usize {
        match &self.0 {
            Site::Here(member) => member.ahead(),
            // It ends with what has arrived.
            Site::There(_) => usize::MAX,
        }
    }

    /// What settles the next of the messages that were claimed, where they are settled elsewhere.
    #[inline]
    pub(super) fn hold(&mut self) -> Held<T> {
        match &mut self.0 {
            Site::Here(_) => None,
            Site::There(far) => remote::hold::<T>(far),
        }
    }

    /// What is to be told instead of a message.
    #[inline]
    pub(super) fn fault(&mut self) -> Option<RecvError> {
        match &mut self.0 {
            Site::Here(_) => None,
            Site::There(far) => T::Form::there_mut(far).fault.take(),
        }
    }

    /// How the topic or the group has ended, or when to come again. Elsewhere that is told only to
    /// who takes messages.
    #[inline]
    pub(super) fn end_or_watch(
        &self,
        waker: &Waker,
    ) -> Result<Claim<Stored<T>>, Option<Timestamp>> {
        match &self.0 {
            Site::Here(member) => member.end_or_watch(waker),
            Site::There(_) => Err(None),
        }
    }

    /// It no longer waits.
    pub(super) fn unpark(&mut self) {
        match &mut self.0 {
            Site::Here(member) => member.unpark(),
            Site::There(far) => T::Form::there_mut(far).stop_waiting(),
        }
    }

    /// When it should come by itself, as the runtime's clock has it.
    pub(super) fn instant(&self, due: Timestamp) -> Instant {
        match &self.0 {
            Site::Here(member) => member.instant(due),
            Site::There(far) => T::Form::there(far).group.clock.instant(due),
        }
    }

    pub(super) fn retire(&mut self) {
        match &mut self.0 {
            Site::Here(member) => member.retire(),
            Site::There(far) => T::Form::there_mut(far).retire(),
        }
    }

    /// It was told that so many were missed, and goes away before it says so. Elsewhere nobody else can be
    /// told.
    pub(super) fn leave_untold(&self, skipped: u64, reason: LagReason) {
        match &self.0 {
            Site::Here(member) => member.leave_untold(skipped, reason),
            Site::There(_) => {}
        }
    }

    pub(super) async fn commit(&self, offset: Offset) -> Result<(), CommitError> {
        match &self.0 {
            Site::Here(member) => member.commit(offset),
            Site::There(far) => T::Form::there(far).commit(offset).await,
        }
    }

    pub(super) async fn seek(&mut self, start: Start) -> Result<Offset, SeekError> {
        match &mut self.0 {
            Site::Here(member) => member.seek(start)?.ok_or(SeekError::GroupDeleted),
            Site::There(far) => T::Form::there_mut(far).seek(start).await,
        }
    }

    pub(super) fn stats(&self) -> Option<GroupStats> {
        match &self.0 {
            Site::Here(member) => member.stats(),
            Site::There(far) => T::Form::there(far).stats(),
        }
    }

    pub(super) fn id(&self) -> u64 {
        match &self.0 {
            Site::Here(member) => member.id(),
            Site::There(far) => T::Form::there(far).id(),
        }
    }
}

#[cfg(test)]
#[cfg(not(memq_loom))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::delivery::Near;
    use crate::message::Far;
    use crate::remote::{Group, Number};

    #[test]
    fn members_of_native_topics_have_no_place_for_what_is_elsewhere() {
        assert_eq!(size_of::<Seat<Number>>(), size_of::<Member<Stored<Number>>>());
        assert_eq!(size_of::<Held<Number>>(), 0);
        let place = size_of::<Site<Near<Number>, Far<Number, Arc<Group>>>>();
        assert_eq!(place, size_of::<Near<Number>>());
    }
}
