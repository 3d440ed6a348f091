//! A subscriber: every message of a topic from its start on, at its own pace.

mod receive;
mod remote;
mod source;

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::codec::form::{Form, Reader};
use crate::engine::cursor::Next;
use crate::engine::segment::SlotRef;
use crate::engine::stats::SubscriberStats;
use crate::error::{Pending, RecvError, SeekError};
use crate::message::{self, Batch, Message, MessageRef, Opened};
use crate::name::TopicName;
use crate::options::Start;
use crate::payload::Payload;
use crate::position::{Offset, Partition};
use crate::remote::Site;

use self::receive::Receive;
pub(crate) use self::source::Source;

/// Messages that a subscriber takes before it lets other tasks run once.
const YIELD_EVERY: u32 = 1024;

pub(crate) type Filter<T> = Box<dyn Fn(&T) -> bool + Send + Sync>;

/// Reads every message of a topic from its start on, in the order of offsets, each once.
///
/// It has a position of its own and takes nothing from other subscribers. One that is slower than
/// retention is told by [`RecvError::Lagged`] how many messages it missed, and goes on with the
/// oldest kept.
///
/// It does not keep the broker alive: hold a [`Broker`](crate::Broker) for as long as it is used.
///
/// Made by [`Broker::subscriber`](crate::Broker::subscriber). It is a
/// [`Stream`](futures_core::Stream) too.
///
/// # Cancel safety
///
/// Every method that waits can be dropped at any time, in `select!` say: nothing is lost to this
/// subscriber.
pub struct Subscriber<T: Payload> {
    source: Source<T>,
    reader: Reader<T>,
    filter: Option<Filter<T>>,
    /// The only partition it reads, if that is said.
    partition: Option<Partition>,
    /// Whether it passes over none.
    is_plain: bool,
    /// What was made of the message that is lent, if one is.
    lent: Option<Opened<T>>,
    /// What ended a batch, for the next receive.
    pending: Option<Pending>,
    /// Messages until it lets others run.
    budget: u32,
    /// Whether its stream has ended.
    pub(crate) ended: bool,
}

/// A message that passed the filter: where it is, and what was made of it.
type Taken<T> = (Offset, Opened<T>);

/// Nothing in it is pinned.
impl<T: Payload> Unpin for Subscriber<T> {}

impl<T: Payload> Subscriber<T> {
    pub(crate) fn new(
        source: Source<T>,
        reader: Reader<T>,
        filter: Option<Filter<T>>,
        partition: Option<Partition>,
    ) -> Self {
        let is_plain = filter.is_none() && partition.is_none();
        Self {
            source,
            reader,
            filter,
            partition,
            is_plain,
            lent: None,
            pending: None,
            budget: YIELD_EVERY,
            ended: false,
        }
    }

    /// The next message; waits for it.
    ///
    /// # Errors
    ///
    /// [`RecvError::Lagged`] once, where retention took messages; [`RecvError::Decode`] for one
    /// record that cannot be read; after both it goes on with the next receive.
    /// [`RecvError::Closed`] once the topic or the broker is closed and everything was read;
    /// [`RecvError::Deleted`] once the topic is deleted. [`RecvError::Unavailable`] once for each
    /// outage of a system that keeps the topic, if it lasts; it goes on where it was.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has taken nothing.
    #[inline]
    pub fn recv(&mut self) -> impl Future<Output = Result<Message<T>, RecvError>> {
        Receive::new(self, |subscriber, taken| subscriber.message(taken))
    }

    /// The next message, lent until the next receive; waits for it.
    ///
    /// What [`recv`](Self::recv) gives can be kept and sent elsewhere, which costs a reference count.
    /// This costs none: it is for whoever is done with a message before asking for the next.
    ///
    /// ```
    /// # use memq::{Broker, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[derive(Topic)]
    /// # #[topic(name = "numbers")]
    /// # struct Number(u64);
    /// # let broker = Broker::new();
    /// # let numbers = broker.publisher::<Number>().await?;
    /// let mut incoming = broker.subscriber::<Number>().await?;
    /// numbers.publish_batch((1..=10).map(Number)).await?;
    ///
    /// let mut sum = 0;
    /// for _ in 0..10 {
    ///     sum += incoming.recv_ref().await?.0;
    /// }
    /// assert_eq!(sum, 55);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// A dropped future has taken nothing.
    #[inline]
    pub fn recv_ref(&mut self) -> impl Future<Output = Result<MessageRef<'_, T>, RecvError>> {
        Receive::new(self, |subscriber, (offset, opened)| {
            let opened = subscriber.lent.insert(opened);
            MessageRef::new(offset, subscriber.source.last().1, opened)
        })
    }

    /// The next message, or `None` where there is none now; of a topic that is kept elsewhere, where
    /// none has come from there.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn try_recv(&mut self) -> Result<Option<Message<T>>, RecvError> {
        Ok(self.take(None, true)?.map(|taken| self.message(taken)))
    }

    /// The next message, or `None` where there is none for this long.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its timer enabled.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has taken nothing, and nor has one that timed out.
    pub async fn recv_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<Option<Message<T>>, RecvError> {
        match tokio::time::timeout(timeout, self.recv()).await {
            Ok(received) => received.map(Some),
            // It may have run out while the reader let others run, with messages there.
            Err(_) => self.try_recv(),
        }
    }

    /// The next messages, `max` at most; waits for the first and takes what is there.
    ///
    /// A batch ends before a message that cannot be read and where retention took some; the next
    /// receive says so. Where a codec, a converter or a filter panics it ends too, and the next receive
    /// panics with that. With a `max` of 0 it is empty, at once.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), where there is no message before the error.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has taken nothing.
    pub async fn recv_batch(&mut self, max: usize) -> Result<Batch<T>, RecvError> {
        let mut batch = Batch::new(max);
        if max == 0 {
            return Ok(batch);
        }
        let (offset, opened) = poll_fn(|cx| self.poll_take(cx)).await?;
        batch.push(self.source.last().0, offset, opened);
        // What is in the batch was passed, and would be lost with it.
        let filled = catch_unwind(AssertUnwindSafe(|| self.fill(&mut batch, max)));
        self.source.passed();
        if let Err(panic) = filled {
            self.pending.get_or_insert_with(|| Pending::panic(batch.end(), panic));
        }
        let taken = u32::try_from(batch.len()).unwrap_or(u32::MAX);
        self.budget = self.budget.saturating_sub(taken);
        Ok(batch)
    }

    /// Takes what is there into a batch of `max` at most, until an error: that is for the next receive.
    /// The caller tells publishers.
    fn fill(&mut self, batch: &mut Batch<T>, max: usize) {
        // A long batch takes what is there now, and not what is published while it is taken.
        let end = (max > YIELD_EVERY as usize).then(|| self.source.end());
        while batch.len() < max {
            if self.take_run(batch, max, end) {
                continue;
            }
            match self.take(end, false) {
                Ok(Some((offset, opened))) => batch.push(self.source.last().0, offset, opened),
                Ok(None) => return,
                Err(error) => {
                    self.pending = Some(error.into());
                    return;
                }
            }
        }
    }

    /// The next message as a stream has it: `None` once the topic has ended.
    ///
    /// Like [`recv`](Self::recv), but the end is no error, for `while let Some(message)`.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has taken nothing.
    pub async fn next(&mut self) -> Option<Result<Message<T>, RecvError>> {
        poll_fn(|cx| self.poll_stream(cx)).await
    }

    /// Moves to another place in the topic and returns the offset that is read next.
    ///
    /// Statistics of this subscriber start anew.
    ///
    /// # Errors
    ///
    /// Where the offset lies beyond the one that is published next, or the topic was deleted, or the
    /// system that keeps it does not answer; the subscriber stays where it is.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have moved it or not.
    pub async fn seek(&mut self, start: impl Into<Start>) -> Result<Offset, SeekError> {
        let start = start.into();
        if start == Start::Committed {
            return Err(SeekError::NotAGroup);
        }
        let offset = self.source.seek(start).await?;
        self.pending = None;
        self.lent = None;
        self.ended = false;
        Ok(offset)
    }

    /// The offset that is read next.
    #[must_use]
    pub fn position(&self) -> Offset {
        // What was taken, and is still to be said.
        let pending = self.pending.as_ref().and_then(Pending::offset);
        pending.unwrap_or_else(|| self.source.position())
    }

    /// What this subscriber has done since it started or was last moved. Of a topic that is kept
    /// elsewhere, up to the newest message that was heard of.
    #[must_use]
    pub fn stats(&self) -> SubscriberStats {
        self.source.stats()
    }

    /// The topic it reads.
    #[must_use]
    pub fn topic(&self) -> &TopicName {
        self.source.topic()
    }

    /// [`recv`](Self::recv) for hand-written futures. Registers the task of `cx` where it returns
    /// `Pending`, which it does once in 1,024 messages also where there are more, so that other
    /// tasks run; it wakes itself then.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message<T>, RecvError>> {
        self.poll_take(cx).map_ok(|taken| self.message(taken))
    }

    /// The message taken last, on its own.
    #[inline]
    fn message(&self, (offset, opened): Taken<T>) -> Message<T> {
        Message::new(SlotRef::of(self.source.last().0, offset), opened)
    }

    #[inline]
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Result<Taken<T>, RecvError>> {
        match self.take_at_once() {
            Some(taken) => Poll::Ready(taken),
            None => self.poll_looking(cx),
        }
    }

    /// The next message, where it is there, and none is passed over, nor anything said before.
    #[inline(always)]
    fn take_at_once(&mut self) -> Option<Result<Taken<T>, RecvError>> {
        if !self.is_plain || self.pending.is_some() || self.budget == 0 {
            return None;
        }
        if T::Form::opened().is_none() {
            // Before the next is taken: to drop it may be code that panics.
            self.lent = None;
        }
        let Site::Here(cursor) = &mut self.source.0 else { return None };
        let offset = cursor.next_at_once()?;
        self.budget -= 1;
        cursor.passed();
        if let Some(opened) = T::Form::opened() {
            return Some(Ok((offset, opened())));
        }
        self.made(offset).transpose()
    }

    #[inline(never)]
    fn poll_looking(&mut self, cx: &mut Context<'_>) -> Poll<Result<Taken<T>, RecvError>> {
        self.lent = None;
        if let Some(pending) = self.pending.take() {
            return Poll::Ready(Err(pending.say()));
        }
        loop {
            let Site::Here(cursor) = &mut self.source.0 else { return self.poll_there(cx) };
            if self.budget == 0 {
                return self.let_others_run(cx);
            }
            self.budget -= 1;
            match cursor.next_or_park(cx.waker()) {
                Next::Nothing => {
                    self.budget = YIELD_EVERY;
                    return Poll::Pending;
                }
                next => {
                    cursor.passed();
                    if let Some(taken) = self.open(next).transpose() {
                        return Poll::Ready(taken);
                    }
                }
            }
        }
    }

    #[cold]
    fn let_others_run<R>(&mut self, cx: &mut Context<'_>) -> Poll<R> {
        self.budget = YIELD_EVERY;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes a message if there is one, before `end` where that is said. `tell` says whether
    /// publishers get to know what is passed, or the caller tells them.
    fn take(&mut self, mut end: Option<Offset>, tell: bool) -> Result<Option<Taken<T>>, RecvError> {
        self.lent = None;
        if let Some(pending) = self.pending.take() {
            return Err(pending.say());
        }
        let mut filtered = 0_u32;
        loop {
            let Site::Here(cursor) = &mut self.source.0 else { return self.take_there(end) };
            // An ended topic does not grow, and the look at its end says how it ended.
            if end.is_some_and(|end| cursor.position() >= end && !cursor.topic().ended()) {
                return Ok(None);
            }
            match cursor.next() {
                Next::Nothing => return Ok(None),
                next => {
                    if tell {
                        cursor.passed();
                    }
                    if let Some(taken) = self.open(next)? {
                        return Ok(Some(taken));
                    }
                }
            }
            filtered += 1;
            if filtered == YIELD_EVERY {
                // The filter may pass over messages as fast as they come: this ends all the same.
                end.get_or_insert(self.source.end());
            }
        }
    }

    /// Takes messages of which nothing has to be made, into a batch of `max` at most. Returns whether
    /// there were any.
    #[inline]
    fn take_run(&mut self, batch: &mut Batch<T>, max: usize, end: Option<Offset>) -> bool {
        let Some(opened) = T::Form::opened().filter(|_| self.is_plain) else { return false };
        let there = end.map_or(u64::MAX, |end| end.0.saturating_sub(self.position().0));
        let most = (max - batch.len()).min(usize::try_from(there).unwrap_or(usize::MAX));
        let (first, count) = self.source.take_run(most);
        if count > 0 {
            batch.extend(self.source.last().0, first, (0..count).map(|_| opened()));
        }
        count > 0
    }

    /// Decodes and filters, where there is a message. `None` where the filter passed over it.
    #[inline]
    fn open(&mut self, next: Next) -> Result<Option<Taken<T>>, RecvError> {
        let offset = match next {
            Next::Message(offset) => offset,
            Next::Nothing => return Ok(None),
            Next::Lagged { skipped, reason } => return Err(RecvError::Lagged { skipped, reason }),
            Next::Closed => return Err(RecvError::Closed),
            Next::Deleted => return Err(RecvError::Deleted),
        };
        self.made(offset)
    }

    /// Decodes and filters the message taken last. `None` where the filter passed over it.
    ///
    /// The position is past the message already: a codec or filter that panics is not given it
    /// again.
    #[inline]
    fn made(&mut self, offset: Offset) -> Result<Option<Taken<T>>, RecvError> {
        let (_, entry) = self.source.last();
        if self.partition.is_some_and(|partition| partition.0 != entry.partition()) {
            self.source.filtered();
            return Ok(None);
        }
        let opened = message::open(entry, &self.reader)
            .map_err(|source| RecvError::Decode { offset, source })?;
        if let Some(filter) = &self.filter {
            if !filter(T::Form::get(entry.payload, &opened)) {
                self.source.filtered();
                return Ok(None);
            }
        }
        Ok(Some((offset, opened)))
    }
}

impl<T: Payload> fmt::Debug for Subscriber<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("topic", self.topic())
            .field("position", &self.position())
            .field("filtered", &self.filter.is_some())
            .finish_non_exhaustive()
    }
}
