//! Many messages on their way into the log.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::publish::YIELD_EVERY;
use super::remote::{self, Passages};
use super::room::Room;
use super::{Publisher, Ready};
use crate::codec::form::Form;
use crate::engine::offer::{Head, Offer};
use crate::engine::state::Refusal;
use crate::error::{BatchError, PublishError};
use crate::message::{Far, Stored};
use crate::payload::Payload;
use crate::position::{Offset, Partition};
use crate::record::Meta;
use crate::remote::Site;

/// Messages that are encoded and stored under one lock.
pub(super) const CHUNK: usize = 256;

/// The future of [`Publisher::publish_batch`].
///
/// # Cancel safety
///
/// See [`Publisher::publish_batch`].
#[must_use = "futures do nothing unless awaited"]
pub struct PublishBatch<'a, T: Payload> {
    publisher: &'a Publisher<T>,
    way: Way<'a, T>,
    /// In their order; those that were stored are absent.
    messages: Vec<Option<T>>,
    /// The first that is not stored.
    next: usize,
    /// Of those that come first then, what the log needs to know; and how many of them are stored.
    ready: Vec<Ready<T>>,
    taken: usize,
    /// Why the first message after those could not be encoded.
    fault: Option<PublishError<()>>,
    offsets: Vec<Offset>,
    /// Messages stored since others could run.
    since_yield: u64,
    /// Where all of them go, if that is said.
    partition: Option<Partition>,
}

/// How the messages get into the log: there is room here, or they go where their topic is kept.
type Way<'a, T> = Site<Room<'a, T>, Far<T, Option<Box<Passages<T>>>>>;

impl<'a, T: Payload> PublishBatch<'a, T> {
    pub(super) fn new(publisher: &'a Publisher<T>, messages: Vec<Option<T>>) -> Self {
        let way = match &publisher.site {
            Site::Here(topic) => Site::Here(Room::new(publisher, topic, publisher.within)),
            Site::There(far) => Site::There(remote::not_sent::<T>(far)),
        };
        Self {
            publisher,
            way,
            offsets: Vec::with_capacity(messages.len()),
            messages,
            next: 0,
            ready: Vec::new(),
            taken: 0,
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
        let messages = self.messages[self.next..].iter().flatten().take(CHUNK);
        self.ready.clear();
        self.taken = 0;
        self.ready.reserve(CHUNK.min(self.messages.len() - self.next));
        for message in messages {
            match self.publisher.ready(message) {
                Ok(mut ready) => {
                    if let Some(Partition(partition)) = self.partition {
                        ready.head.partition = partition;
                    }
                    self.ready.push(ready);
                }
                Err(source) => {
                    self.fault = Some(PublishError::Encode { message: (), source });
                    break;
                }
            }
        }
    }

    /// Stores what is encoded, as far as there is room.
    fn store(&mut self) -> Result<(), Refusal> {
        let room = here(&mut self.way);
        let topic = room.topic();
        let first = self.next;
        let (messages, next) = (&mut self.messages, &mut self.next);
        let (ready, taken) = (&mut self.ready, &mut self.taken);
        let mut offered = OfferedAll { messages, next, ready, taken };
        let result = topic.append_all(&mut offered, &mut self.offsets, room.place());
        let stored = &mut self.messages[first..self.next];
        self.since_yield += stored.len() as u64;
        // Where the log has their bytes they are still there, and may be code that is not ours.
        stored.fill_with(|| None);
        result
    }

    fn fail(&mut self, reason: PublishError<()>) -> BatchError<T> {
        if let Site::Here(room) = &mut self.way {
            room.leave();
        }
        self.ready.clear();
        self.taken = 0;
        BatchError {
            published: std::mem::take(&mut self.offsets),
            reason: Box::new(reason),
            rest: self.messages.drain(self.next..).flatten().collect(),
        }
    }
}

impl<T: Payload> PublishBatch<'_, T> {
    /// Sends the messages to where their topic is kept.
    #[cold]
    fn poll_there(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<Offset>, BatchError<T>>> {
        if let Some(fault) = self.fault.take() {
            return Poll::Ready(Err(self.fail(fault)));
        }
        let (Site::There(passages), Site::There(far)) = (&mut self.way, &self.publisher.site)
        else {
            unreachable!("a batch changed its way")
        };
        let passages = T::Form::there_mut(passages).get_or_insert_with(|| {
            let messages = std::mem::take(&mut self.messages);
            remote::passages(far, self.publisher.clone(), messages, self.partition)
        });
        passages.poll(cx)
    }
}

/// The room of a topic in memory.
#[inline]
fn here<'r, 'a, T: Payload>(way: &'r mut Way<'a, T>) -> &'r mut Room<'a, T> {
    match way {
        Site::Here(room) => room,
        // Those are sent, and not stored.
        Site::There(_) => unreachable!("a batch changed its way"),
    }
}

/// The first messages of a batch, offered to the log.
struct OfferedAll<'a, T: Payload> {
    messages: &'a mut [Option<T>],
    next: &'a mut usize,
    ready: &'a mut [Ready<T>],
    taken: &'a mut usize,
}

impl<T: Payload> Offer<Stored<T>> for OfferedAll<'_, T> {
    #[inline]
    fn head(&self) -> Option<Head> {
        self.ready.get(*self.taken).map(|ready| ready.head)
    }

    fn len(&self) -> usize {
        self.ready.len() - *self.taken
    }

    fn meta(&mut self) -> Option<Arc<Meta>> {
        self.ready.get_mut(*self.taken)?.meta.take()
    }

    #[inline]
    fn payload(&mut self) -> Stored<T> {
        let (message, ready) = (self.messages.get_mut(*self.next), self.ready.get_mut(*self.taken));
        let (Some(message), Some(ready)) = (message, ready) else {
            unreachable!("a message was stored twice")
        };
        *self.next += 1;
        *self.taken += 1;
        ready.offer(message).payload()
    }
}

/// Nothing in it is pinned.
impl<T: Payload> Unpin for PublishBatch<'_, T> {}

impl<T: Payload> Future for PublishBatch<'_, T> {
    type Output = Result<Vec<Offset>, BatchError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Site::There(_) = &this.way {
            return this.poll_there(cx);
        }
        loop {
            if this.taken == this.ready.len() {
                if let Some(fault) = this.fault.take() {
                    return Poll::Ready(Err(this.fail(fault)));
                }
                if this.next == this.messages.len() {
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
                    let Some(size) = this.ready.get(this.taken).map(|ready| ready.head.size) else {
                        continue;
                    };
                    match here(&mut this.way).poll(size, cx) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(refusal)) => {
                            let error = this.fail(refusal);
                            here(&mut this.way).topic().count_rejected(error.rest.len());
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
            .field("left", &(self.messages.len() - self.next))
            .finish()
    }
}
