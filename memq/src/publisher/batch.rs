//! Many messages on their way into the log.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::publish::YIELD_EVERY;
use super::room::Room;
use super::{Publisher, Ready};
use crate::engine::segment::{Entry, Head, Offer};
use crate::engine::state::Refusal;
use crate::error::{BatchError, PublishError};
use crate::message::Stored;
use crate::payload::Payload;
use crate::position::{Offset, Partition, Timestamp};

/// Messages that are encoded and stored under one lock.
const CHUNK: usize = 256;

/// The future of [`Publisher::publish_batch`].
///
/// # Cancel safety
///
/// See [`Publisher::publish_batch`].
#[must_use = "futures do nothing unless awaited"]
pub struct PublishBatch<'a, T: Payload> {
    publisher: &'a Publisher<T>,
    room: Room<'a, T>,
    /// In their order. One that was stored is absent, or still there where the log has its bytes.
    messages: VecDeque<Option<T>>,
    /// Of those that come first, what the log needs to know.
    ready: VecDeque<Ready<T>>,
    /// Why the first message after those could not be encoded.
    fault: Option<PublishError<()>>,
    offsets: Vec<Offset>,
    /// Messages stored since others could run.
    since_yield: u64,
    /// Where all of them go, if that is said.
    partition: Option<Partition>,
}

impl<'a, T: Payload> PublishBatch<'a, T> {
    pub(super) fn new(publisher: &'a Publisher<T>, messages: VecDeque<Option<T>>) -> Self {
        Self {
            publisher,
            room: Room::new(publisher, publisher.within),
            offsets: Vec::with_capacity(messages.len()),
            messages,
            ready: VecDeque::new(),
            fault: None,
            since_yield: 0,
            partition: None,
        }
    }

    /// Puts the messages into this partition, whatever their keys. With one that the topic does not
    /// have, none is published.
    pub fn partition(mut self, partition: impl Into<Partition>) -> Self {
        let partition = partition.into();
        self.fault = self.publisher.check(partition).err();
        self.partition = Some(partition);
        self
    }

    /// Encodes the next messages.
    fn fill(&mut self) {
        for message in self.messages.iter().flatten().take(CHUNK) {
            match self.publisher.ready(message) {
                Ok(mut ready) => {
                    if let Some(Partition(partition)) = self.partition {
                        ready.partition = partition;
                    }
                    self.ready.push_back(ready);
                }
                Err(source) => {
                    self.fault = Some(PublishError::Encode { message: (), source });
                    return;
                }
            }
        }
    }

    /// Stores what is encoded, as far as there is room.
    fn store(&mut self) -> Result<(), Refusal> {
        let topic = self.room.topic();
        let (messages, ready) = (&mut self.messages, &mut self.ready);
        let mut offered = OfferedAll { messages, ready, accepted: 0 };
        let result = topic.append_all(&mut offered, &mut self.offsets, self.room.place());
        let stored = offered.accepted;
        self.messages.drain(..stored);
        self.since_yield += stored as u64;
        result
    }

    fn fail(&mut self, reason: PublishError<()>) -> BatchError<T> {
        self.room.leave();
        BatchError {
            published: std::mem::take(&mut self.offsets),
            reason: Box::new(reason),
            rest: self.messages.drain(..).flatten().collect(),
        }
    }
}

/// The first messages of a batch, offered to the log.
struct OfferedAll<'a, T: Payload> {
    messages: &'a mut VecDeque<Option<T>>,
    ready: &'a mut VecDeque<Ready<T>>,
    /// How many were stored. They are dropped once the lock is released.
    accepted: usize,
}

impl<T: Payload> Offer<Stored<T>> for OfferedAll<'_, T> {
    #[inline]
    fn head(&self) -> Option<Head> {
        self.ready.front().map(Ready::head)
    }

    #[inline]
    fn accept(&mut self, partition: u16, at: Timestamp) -> Entry<Stored<T>> {
        let message = self.messages.get_mut(self.accepted);
        let (Some(message), Some(mut ready)) = (message, self.ready.pop_front()) else {
            unreachable!("a message was stored twice")
        };
        self.accepted += 1;
        ready.accept(message, partition, at)
    }
}

/// Nothing in it is pinned.
impl<T: Payload> Unpin for PublishBatch<'_, T> {}

impl<T: Payload> Future for PublishBatch<'_, T> {
    type Output = Result<Vec<Offset>, BatchError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            if this.ready.is_empty() {
                if let Some(fault) = this.fault.take() {
                    return Poll::Ready(Err(this.fail(fault)));
                }
                if this.messages.is_empty() {
                    return Poll::Ready(Ok(std::mem::take(&mut this.offsets)));
                }
                if this.since_yield >= YIELD_EVERY {
                    this.since_yield = 0;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                this.fill();
            }
            match this.store() {
                Ok(()) => {}
                Err(Refusal::Full) => {
                    let Some(size) = this.ready.front().map(|ready| ready.size) else { continue };
                    match this.room.poll(size, cx) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(refusal)) => {
                            let error = this.fail(refusal);
                            this.room.topic().count_rejected(error.rest.len());
                            return Poll::Ready(Err(error));
                        }
                        Poll::Pending => return Poll::Pending,
                    }
                }
                Err(refusal) => return Poll::Ready(Err(this.fail(refusal.into()))),
            }
        }
    }
}

impl<T: Payload> fmt::Debug for PublishBatch<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishBatch")
            .field("topic", self.publisher.topic())
            .field("published", &self.offsets.len())
            .field("left", &self.messages.len())
            .finish()
    }
}
