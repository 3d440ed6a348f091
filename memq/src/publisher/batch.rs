//! Many messages on their way into the log.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::publish::YIELD_EVERY;
use super::room::Room;
use super::{Origin, Publisher, Ready};
use crate::engine::segment::Entry;
use crate::engine::state::Refusal;
use crate::error::{BatchError, PublishError};
use crate::message::Stored;
use crate::payload::Payload;
use crate::position::{Offset, Partition};

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
    /// Not encoded yet.
    messages: VecDeque<T>,
    /// Encoded, and for each what gives its message back.
    entries: VecDeque<Entry<Stored<T>>>,
    origins: VecDeque<Origin<T>>,
    /// Why the first of `messages` could not be encoded.
    fault: Option<PublishError<()>>,
    offsets: Vec<Offset>,
    /// Messages stored since others could run.
    since_yield: u64,
    /// Where all of them go, if that is said.
    partition: Option<Partition>,
}

impl<'a, T: Payload> PublishBatch<'a, T> {
    pub(super) fn new(publisher: &'a Publisher<T>, messages: VecDeque<T>) -> Self {
        Self {
            publisher,
            room: Room::new(publisher, publisher.within),
            offsets: Vec::with_capacity(messages.len()),
            messages,
            entries: VecDeque::new(),
            origins: VecDeque::new(),
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
        while self.entries.len() < CHUNK {
            let Some(message) = self.messages.pop_front() else { return };
            match self.publisher.ready(message) {
                Ok(Ready { mut entry, origin }) => {
                    if let Some(Partition(partition)) = self.partition {
                        entry.partition = partition;
                    }
                    self.entries.push_back(entry);
                    self.origins.push_back(origin);
                }
                Err(error) => {
                    let (fault, message) = error.split();
                    self.messages.push_front(message);
                    self.fault = Some(fault);
                    return;
                }
            }
        }
    }

    /// Stores what is encoded, as far as there is room.
    fn store(&mut self) -> Result<(), Refusal> {
        let before = self.offsets.len();
        let topic = self.room.topic();
        let place = self.room.place();
        let result = topic.append_all(&mut self.entries, &mut self.offsets, place);
        let stored = self.offsets.len() - before;
        self.origins.drain(..stored);
        self.since_yield += stored as u64;
        result
    }

    fn fail(&mut self, reason: PublishError<()>) -> BatchError<T> {
        self.room.leave();
        let encoded = self.entries.drain(..).zip(self.origins.drain(..));
        let encoded = encoded.map(|(entry, origin)| Ready::<T> { entry, origin }.into_message());
        BatchError {
            published: std::mem::take(&mut self.offsets),
            reason: Box::new(reason),
            rest: encoded.chain(self.messages.drain(..)).collect(),
        }
    }
}

/// Nothing in it is pinned.
impl<T: Payload> Unpin for PublishBatch<'_, T> {}

impl<T: Payload> Future for PublishBatch<'_, T> {
    type Output = Result<Vec<Offset>, BatchError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            if this.entries.is_empty() {
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
                    let Some(size) = this.entries.front().map(|entry| entry.size) else { continue };
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
            .field("left", &(self.entries.len() + self.messages.len()))
            .finish()
    }
}
