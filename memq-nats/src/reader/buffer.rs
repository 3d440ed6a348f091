//! What has arrived and is not yet read, between a reader and its task.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use memq::spi::{Fault, Incoming, ReadEnd};
use memq::{Cause, Offset};
use tokio::sync::Notify;

/// Messages that are here, or asked for, at most.
pub(super) const MOST: usize = 1_024;

/// With more bytes than this, nothing is asked for.
const MOST_BYTES: usize = 2 << 20;

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The topic is closed, or the last broker is gone.
    Closed,
    Deleted,
}

/// Bounded by how much the task asks for.
#[derive(Debug)]
pub(super) struct Buffer {
    state: Mutex<State>,
    /// Rings the task: there is room again.
    room: Notify,
    /// Rings the task: nobody reads any more.
    left: Notify,
}

#[derive(Debug)]
struct State {
    /// Each with its size.
    arrived: VecDeque<(Incoming, usize)>,
    bytes: usize,
    /// What the topic's next message is stored at, as was last heard.
    end: Offset,
    /// Why the system was away for too long, until that was told.
    fault: Option<Cause>,
    /// Where the reader goes on, if that is before what it had.
    back: Option<Offset>,
    over: Option<Over>,
    waker: Option<Waker>,
}

impl Buffer {
    pub(super) fn new(end: Offset) -> Self {
        let (arrived, bytes) = (VecDeque::new(), 0);
        let (fault, back, over, waker) = (None, None, None, None);
        let state = State { arrived, bytes, end, fault, back, over, waker };
        Self { state: Mutex::new(state), room: Notify::new(), left: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something that the reader may wait for.
    fn tell(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Adds messages with their sizes, and takes them out of `run`.
    pub(super) fn add(&self, run: &mut Vec<(Incoming, usize)>) {
        if !run.is_empty() {
            self.tell(|state| {
                state.bytes += run.iter().map(|(_, bytes)| bytes).sum::<usize>();
                state.arrived.extend(run.drain(..));
            });
        }
    }

    /// The topic's next message is stored at this offset, at least.
    pub(super) fn heard(&self, end: Offset) {
        let mut state = self.state();
        state.end = state.end.max(end);
    }

    /// The topic ends here. What was heard before may have been a message that a cluster gave up when it
    /// lost its leader, and that nobody was told to be stored.
    pub(super) fn ends(&self, end: Offset) {
        self.state().end = end;
    }

    /// Says once that the system is away.
    pub(super) fn fail(&self, cause: Cause) {
        self.tell(|state| state.fault = Some(cause));
    }

    /// Says once, after what has arrived, that the topic was set back: what comes next is here. Resolves when it
    /// was told, before which nothing is to be added.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it was said or not.
    pub(super) async fn set_back(&self, to: Offset, cause: Cause) {
        self.tell(|state| (state.fault, state.back) = (Some(cause), Some(to)));
        while self.state().fault.is_some() {
            self.room.notified().await;
        }
    }

    /// Where it goes on, once after that was said.
    pub(super) fn take_back(&self) -> Option<Offset> {
        self.state().back.take()
    }

    /// Nothing more comes. What was said first counts.
    pub(super) fn finish(&self, over: Over) {
        self.tell(|state| _ = state.over.get_or_insert(over));
    }

    /// How many more messages there is room for.
    pub(super) fn room(&self) -> usize {
        let state = self.state();
        if state.bytes > MOST_BYTES { 0 } else { MOST.saturating_sub(state.arrived.len()) }
    }

    /// Resolves when there may be room again.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is lost.
    pub(super) async fn emptied(&self) {
        self.room.notified().await;
    }

    /// Nobody reads any more.
    pub(super) fn leave(&self) {
        self.left.notify_one();
    }

    /// Resolves when nobody reads any more.
    pub(super) async fn left(&self) {
        self.left.notified().await;
    }

    /// The offset of the topic's next message, as it was last heard.
    pub(super) fn end(&self) -> Offset {
        self.state().end
    }

    /// Takes messages out, as [`poll_next`](memq::spi::RemoteReader::poll_next) has it.
    pub(super) fn poll_take(
        &self,
        max: usize,
        into: &mut Vec<Incoming>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ReadEnd>> {
        let mut state = self.state();
        if state.over == Some(Over::Deleted) {
            return Poll::Ready(Err(Fault::Deleted.into()));
        }
        let count = max.min(state.arrived.len());
        if count > 0 {
            let mut bytes = 0;
            into.extend(state.arrived.drain(..count).map(|(message, size)| {
                bytes += size;
                message
            }));
            state.bytes -= bytes;
            drop(state);
            self.room.notify_one();
            return Poll::Ready(Ok(()));
        }
        if let Some(cause) = state.fault.take() {
            drop(state);
            self.room.notify_one();
            return Poll::Ready(Err(Fault::Unavailable(cause).into()));
        }
        if state.over.is_some() {
            return Poll::Ready(Err(ReadEnd::Closed));
        }
        let old = state.waker.replace(cx.waker().clone());
        drop(state);
        // A waker's `Drop` is somebody else's code.
        drop(old);
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use memq::{Record, Timestamp};

    use super::*;

    fn run(offsets: std::ops::Range<u64>) -> Vec<(Incoming, usize)> {
        let at = Timestamp::from_nanos(1);
        offsets.map(|n| (Incoming::new(Offset(n), at, Record::new("tea")), 3)).collect()
    }

    fn take(buffer: &Buffer, max: usize) -> Poll<Result<Vec<u64>, ReadEnd>> {
        let mut taken = Vec::new();
        let polled = buffer.poll_take(max, &mut taken, &mut Context::from_waker(Waker::noop()));
        polled.map_ok(|()| taken.iter().map(|message| message.offset.0).collect())
    }

    fn taken(buffer: &Buffer, max: usize) -> Vec<u64> {
        match take(buffer, max) {
            Poll::Ready(Ok(offsets)) => offsets,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_has_arrived_is_taken_in_order_and_once() {
        let buffer = Buffer::new(Offset(0));
        assert!(take(&buffer, 1).is_pending());
        buffer.add(&mut run(0..5));
        assert_eq!(taken(&buffer, 2), [0, 1]);
        buffer.add(&mut run(5..6));
        assert_eq!(taken(&buffer, 9), [2, 3, 4, 5]);
        assert!(take(&buffer, 9).is_pending());
        assert_eq!(buffer.state().bytes, 0);
    }

    #[test]
    fn an_outage_is_told_once_and_after_what_has_arrived() {
        let buffer = Buffer::new(Offset(0));
        buffer.add(&mut run(0..1));
        buffer.fail("away".into());
        assert_eq!(taken(&buffer, 9), [0]);
        let away = take(&buffer, 9);
        assert!(matches!(away, Poll::Ready(Err(ReadEnd::Fault(Fault::Unavailable(_))))));
        assert!(take(&buffer, 9).is_pending());
    }

    #[test]
    fn that_the_topic_was_set_back_is_told_before_what_comes_next() {
        let buffer = Buffer::new(Offset(0));
        buffer.add(&mut run(5..7));
        let mut says = std::pin::pin!(buffer.set_back(Offset(3), "back".into()));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(says.as_mut().poll(&mut cx).is_pending());
        assert_eq!(taken(&buffer, 9), [5, 6]);
        assert!(says.as_mut().poll(&mut cx).is_pending());
        let back = take(&buffer, 9);
        assert!(matches!(back, Poll::Ready(Err(ReadEnd::Fault(Fault::Unavailable(_))))));
        assert_eq!((buffer.take_back(), buffer.take_back()), (Some(Offset(3)), None));
        assert!(says.as_mut().poll(&mut cx).is_ready());
        buffer.add(&mut run(3..4));
        assert_eq!(taken(&buffer, 9), [3]);
    }

    #[test]
    fn closing_comes_after_the_last_message_and_deletion_at_once() {
        let buffer = Buffer::new(Offset(0));
        buffer.add(&mut run(0..1));
        buffer.finish(Over::Closed);
        assert_eq!(taken(&buffer, 9), [0]);
        for _ in 0..2 {
            assert!(matches!(take(&buffer, 9), Poll::Ready(Err(ReadEnd::Closed))));
        }
        let buffer = Buffer::new(Offset(0));
        buffer.add(&mut run(0..1));
        buffer.finish(Over::Deleted);
        for _ in 0..2 {
            let deleted = take(&buffer, 9);
            assert!(matches!(deleted, Poll::Ready(Err(ReadEnd::Fault(Fault::Deleted)))));
        }
    }

    #[test]
    fn there_is_room_for_so_many_and_for_so_many_bytes() {
        let buffer = Buffer::new(Offset(0));
        assert_eq!(buffer.room(), MOST);
        buffer.add(&mut run(0..5));
        assert_eq!(buffer.room(), MOST - 5);
        let mut large = run(5..6);
        large[0].1 = MOST_BYTES;
        buffer.add(&mut large);
        assert_eq!(buffer.room(), 0);
        taken(&buffer, 6);
        assert_eq!(buffer.room(), MOST);
    }

    #[test]
    fn the_end_goes_forward_only() {
        let buffer = Buffer::new(Offset(3));
        buffer.heard(Offset(7));
        buffer.heard(Offset(5));
        assert_eq!(buffer.end(), Offset(7));
    }
}
