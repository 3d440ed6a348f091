//! Many messages on their way into the log.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::vec::IntoIter;

use super::publish::{YIELD_EVERY, make_way, pause};
use super::remote::{self, Passages};
use super::room::Room;
use super::{Publisher, Ready};
use crate::codec::form::Form;
use crate::engine::offer::{Head, Offer};
use crate::engine::slots::Run;
use crate::engine::state::Refusal;
use crate::error::{BatchError, PublishError};
use crate::message::{Far, Stored};
use crate::payload::Payload;
use crate::position::{Offset, Partition};
use crate::record::Meta;
use crate::remote::Site;

/// Messages that are encoded and stored under one lock.
pub(super) const CHUNK: usize = 256;

/// Messages that say the same as the one before them, for which it is worth asking some once more: those
/// that begin and end a run.
const RUN: usize = 8;

/// The future of [`Publisher::publish_batch`].
///
/// # Cancel safety
///
/// See [`Publisher::publish_batch`].
#[must_use = "futures do nothing unless awaited"]
pub struct PublishBatch<'a, T: Payload> {
    publisher: &'a Publisher<T>,
    way: Way<'a, T>,
    /// Those that are not stored, in their order.
    messages: IntoIter<T>,
    /// Of those that come first, what the log needs to know: of so many at a time.
    ready: Vec<(Ready<T>, usize)>,
    /// How many of that are done with, and how many messages are left of the others.
    taken: usize,
    left: usize,
    /// Why the first message after those could not be encoded.
    fault: Option<PublishError<()>>,
    offsets: Vec<Offset>,
    /// How many messages are not stored.
    unstored: usize,
    /// Messages stored since others could run.
    since_yield: u64,
    /// Whether others are to run before it ends, too: many small batches would let nobody.
    makes_way: bool,
    /// Whether a reader pressed then, and is to be paused for.
    presses: bool,
    /// Where all of them go, if that is said.
    partition: Option<Partition>,
}

/// How the messages get into the log: there is room here, or they go where their topic is kept.
type Way<'a, T> = Site<Room<'a, T>, Far<T, Option<Box<Passages<T>>>>>;

impl<'a, T: Payload> PublishBatch<'a, T> {
    pub(super) fn new(publisher: &'a Publisher<T>, messages: Vec<T>) -> Self {
        let way = match &publisher.site {
            Site::Here(topic) => Site::Here(Room::new(publisher, topic, publisher.within)),
            Site::There(far) => Site::There(remote::not_sent::<T>(far)),
        };
        Self {
            publisher,
            way,
            offsets: Vec::with_capacity(messages.len()),
            unstored: messages.len(),
            messages: messages.into_iter(),
            ready: Vec::new(),
            taken: 0,
            left: 0,
            fault: None,
            since_yield: 0,
            makes_way: false,
            presses: false,
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
        self.ready.clear();
        self.taken = 0;
        if !T::Form::AS_IT_IS {
            self.ready.reserve(CHUNK.min(self.messages.len()));
        }
        let publisher = self.publisher;
        let messages = self.messages.as_slice();
        let mut next = &messages[..CHUNK.min(messages.len())];
        let mut left = next.len();
        let mut in_runs = T::Form::AS_IT_IS;
        while let Some((message, others)) = next.split_first() {
            let packed = match publisher.pack(message) {
                Ok(packed) => packed,
                Err(source) => {
                    self.fault = Some(PublishError::Encode { message: (), source });
                    left -= next.len();
                    break;
                }
            };
            let said = (packed.key, packed.size);
            let looks = in_runs && !others.is_empty();
            let alike = if looks { publisher.alike(message, said, others) } else { 0 };
            in_runs &= alike >= RUN;
            let mut ready = publisher.headed(packed);
            if let Some(Partition(partition)) = self.partition {
                ready.head.partition = partition;
            }
            self.ready.push((ready, 1 + alike));
            next = &others[alike..];
        }
        self.left = left;
    }

    /// Stores what is encoded, as far as there is room.
    fn store(&mut self) -> Result<(), Refusal> {
        let room = here(&mut self.way);
        let topic = room.topic();
        let (messages, ready) = (&mut self.messages, &mut self.ready);
        let (taken, left) = (&mut self.taken, &mut self.left);
        let mut offered = OfferedAll { messages, at: 0, ready, taken, left };
        let (stored, result) = topic.append_all(&mut offered, room.place());
        self.note(stored);
        result
    }

    /// Notes what was stored.
    fn note(&mut self, stored: Range<u64>) {
        let count = stored.end - stored.start;
        // Where there has to be room, who waits for it lets others run.
        let is_time = stored.start / YIELD_EVERY != stored.end / YIELD_EVERY;
        self.makes_way |= is_time && !here(&mut self.way).topic().waits();
        self.offsets.extend(stored.map(Offset));
        self.since_yield += count;
        self.unstored -= count as usize;
        self.let_go();
    }

    /// Drops what was stored and is still there, since something was made of it. That may be code that is not
    /// ours: where it panics, the next poll goes on with it.
    fn let_go(&mut self) {
        while self.messages.len() > self.unstored {
            drop(self.messages.next());
        }
    }

    fn fail(&mut self, reason: PublishError<()>) -> BatchError<T> {
        if let Site::Here(room) = &mut self.way {
            room.leave();
        }
        self.ready.clear();
        (self.taken, self.left) = (0, 0);
        BatchError {
            published: std::mem::take(&mut self.offsets),
            reason: Box::new(reason),
            rest: std::mem::take(&mut self.messages).collect(),
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
            let messages = std::mem::take(&mut self.messages).map(Some).collect();
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
    messages: &'a mut IntoIter<T>,
    /// How many of those were stored.
    at: usize,
    ready: &'a mut [(Ready<T>, usize)],
    taken: &'a mut usize,
    left: &'a mut usize,
}

impl<T: Payload> Offer<Stored<T>> for OfferedAll<'_, T> {
    #[inline]
    fn head(&self) -> Option<Head> {
        self.ready.get(*self.taken).map(|(ready, _)| ready.head)
    }

    fn len(&self) -> usize {
        *self.left
    }

    fn meta(&mut self) -> Option<Arc<Meta>> {
        self.ready.get_mut(*self.taken)?.0.meta.take()
    }

    #[inline]
    fn payload(&mut self) -> Stored<T> {
        let Some((ready, count)) = self.ready.get_mut(*self.taken) else {
            unreachable!("a message was stored twice")
        };
        *count -= 1;
        *self.taken += usize::from(*count == 0);
        *self.left -= 1;
        self.at += 1;
        T::Form::store_next(self.messages, self.at - 1, &mut ready.made)
    }

    #[inline]
    fn take_alike(&mut self, head: Head, most: usize, mut into: Run<'_, Stored<T>>) -> usize {
        let mut done = 0;
        while let Some((ready, count)) = self.ready.get_mut(*self.taken) {
            let more = if ready.head == head { (*count).min(most - done) } else { 0 };
            if more == 0 {
                break;
            }
            // In a place of their own, which nothing else can change: so where the next one is need not be
            // read again for each.
            let mut messages = std::mem::take(self.messages);
            let mut next = self.at..;
            let stored = into.fill(more, || {
                let at = next.next().unwrap_or_default();
                T::Form::store_next(&mut messages, at, &mut ready.made)
            });
            debug_assert_eq!(stored, more);
            *self.messages = messages;
            self.at += more;
            *count -= more;
            *self.taken += usize::from(*count == 0);
            *self.left -= more;
            done += more;
        }
        done
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
        this.let_go();
        loop {
            if this.left == 0 {
                if let Some(fault) = this.fault.take() {
                    return Poll::Ready(Err(this.fail(fault)));
                }
                if std::mem::take(&mut this.makes_way) {
                    this.since_yield = 0;
                    this.presses = make_way(here(&mut this.way).topic(), cx);
                    return Poll::Pending;
                }
                if this.presses {
                    ready!(pause(here(&mut this.way).topic(), cx));
                    this.presses = false;
                }
                if this.messages.as_slice().is_empty() {
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
                    let Some(size) = this.ready.get(this.taken).map(|(ready, _)| ready.head.size)
                    else {
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
            .field("left", &self.messages.len())
            .finish()
    }
}
