//! What a consumer is handed of a group that is kept elsewhere, as if it came from a log here.

use std::task::{Context, Poll, Waker};

use crate::codec::form::Form;
use crate::delivery::Held;
use crate::engine::group::{Burial, Ticket};
use crate::engine::log::{SEGMENT_BYTES, SLOTS};
use crate::engine::offer::Entry;
use crate::engine::segment::{Lane, SlotRef};
use crate::engine::state::{Claim, Run};
use crate::error::RecvError;
use crate::message::{self, Far, Stored};
use crate::payload::Payload;
use crate::position::{Offset, Timestamp};
use crate::remote::{Hold, Member, received};
use crate::spi::{Handed, Incoming, ReadEnd};

/// A member of a group that is kept elsewhere.
pub(crate) type There<T> = Far<T, Box<Member>>;

/// How the last attempt ended of a message that comes again after it.
const WITHOUT_A_WORD: &str = "its last attempt ended without a word";

/// Waits until some are here, this many at most; or says what there is in their place.
pub(super) fn poll<T: Payload>(
    far: &mut There<T>,
    most: usize,
    cx: &mut Context<'_>,
) -> Poll<Option<Claim<Stored<T>>>> {
    let member = T::Form::there_mut(far);
    member.poll(most, cx).map(|polled| polled.err().map(|end| ended(member, end)))
}

/// What there is next.
pub(super) fn claim<T: Payload>(far: &mut There<T>, cx: &mut Context<'_>) -> Claim<Stored<T>> {
    let member = T::Form::there_mut(far);
    match member.poll(member.takes, cx) {
        Poll::Ready(Ok(())) => {}
        Poll::Ready(Err(end)) => return ended(member, end),
        Poll::Pending => return Claim::Nothing { due: None },
    }
    let Some(handed) = member.next() else { return Claim::Again };
    let attempt = handed.attempt;
    let (offset, entry) = arrived::<T>(far, handed);
    let slot = SlotRef::of(&Lane::of_run(offset, [entry]), offset);
    match past::<T>(far, offset, attempt) {
        Some(burial) => Claim::Burial(slot, burial),
        None => Claim::Message(slot, Ticket::foreign(offset, attempt)),
    }
}

/// What is here, this many messages at most, and what came after them if that is something else.
pub(super) fn claim_up_to<T: Payload>(
    far: &mut There<T>,
    most: usize,
    claimed: &mut Vec<Run<Stored<T>>>,
) -> Option<Claim<Stored<T>>> {
    let member = T::Form::there_mut(far);
    match member.poll(most, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(())) => {}
        Poll::Ready(Err(end)) => return Some(ended(member, end)),
        Poll::Pending => return None,
    }
    // Those that follow each other become a run, no longer than a segment of the log: a message that
    // is held holds all of them.
    let run = Vec::with_capacity(member.handed().min(most).min(SLOTS));
    let (mut first, mut run, mut bytes) = (Ticket::foreign(Offset(0), 0), run, 0);
    let mut last = Some(Claim::Again);
    for _ in 0..most {
        let Some(handed) = T::Form::there_mut(far).next() else {
            // That was all there is. To look again would ask for more, in a pull of its own.
            last = None;
            break;
        };
        let attempt = handed.attempt;
        let (offset, entry) = arrived::<T>(far, handed);
        if let Some(burial) = past::<T>(far, offset, attempt) {
            let slot = SlotRef::of(&Lane::of_run(offset, [entry]), offset);
            last = Some(Claim::Burial(slot, burial));
            break;
        }
        let next = first.after(run.len());
        let follows = (next.offset, next.attempt) == (offset.0, attempt);
        if !follows || run.len() == SLOTS || bytes >= SEGMENT_BYTES {
            close_run(first, &mut run, claimed);
            (first, bytes) = (Ticket::foreign(offset, attempt), 0);
        }
        bytes += entry.0.size as usize;
        run.push(entry);
    }
    close_run(first, &mut run, claimed);
    last
}

fn close_run<P>(first: Ticket, run: &mut Vec<(Entry<P>, Timestamp)>, claimed: &mut Vec<Run<P>>) {
    if !run.is_empty() {
        let count = run.len();
        let lane = Lane::of_run(Offset(first.offset), std::mem::take(run));
        claimed.push(Run::new(lane, first, count));
    }
}

/// A message as the log would have it. What settles it is put down.
fn arrived<T: Payload>(
    far: &mut There<T>,
    handed: Handed,
) -> (Offset, (Entry<Stored<T>>, Timestamp)) {
    let Handed { message, token, .. } = handed;
    let Incoming { offset, at, partition, record } = message;
    let hold = token.map(|token| Hold { token });
    T::Form::there_mut(far).holds.push_back(hold);
    let entry = message::arrived::<T, _>(record, partition, far);
    (offset, (entry, at))
}

/// What settles the next message that was claimed.
pub(super) fn hold<T: Payload>(far: &mut There<T>) -> Held<T> {
    let hold = T::Form::there_mut(far).holds.pop_front()??;
    Some(T::Form::instead(far, hold))
}

/// A message that is dead, since its last attempt was the one before this.
fn past<T: Payload>(far: &There<T>, offset: Offset, attempt: u32) -> Option<Burial> {
    let group = &T::Form::there(far).group;
    let attempts = group.max_attempts.filter(|_| group.is_past(attempt))?;
    Some(Burial { offset: offset.0, attempts, reason: WITHOUT_A_WORD.into() })
}

/// Why there is nothing.
fn ended<P>(member: &mut Member, end: ReadEnd) -> Claim<P> {
    match received(end) {
        RecvError::Closed => Claim::Closed,
        RecvError::Deleted => Claim::Deleted,
        RecvError::GroupDeleted => Claim::GroupDeleted,
        fault => {
            member.fault = Some(fault);
            Claim::Again
        }
    }
}
