//! A consumer: a member of a group, which shares the messages of a topic with the others.

mod batch;
mod receive;
mod remote;
mod runs;
mod seat;
mod wait;

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

pub use self::batch::{Deliveries, DeliveriesIntoIter, DeliveriesIter};
use self::receive::Receive;
pub(crate) use self::seat::Seat;
use self::wait::YIELD_EVERY;
use crate::backoff::Backoff;
use crate::codec::form::Reader;
use crate::delivery::{Delivery, Lease, Source, Terms};
use crate::engine::group::Settlement;
use crate::engine::segment::{Lane, Lanes};
use crate::engine::state::Claim;
use crate::engine::stats::GroupStats;
use crate::error::{CommitError, Pending, RecvError, SeekError, with_causes};
use crate::message::{self, Stored};
use crate::name::TopicName;
use crate::options::Start;
use crate::payload::Payload;
use crate::position::Offset;

/// A member of a consumer group: each message of the topic goes to one member, and is acknowledged
/// or comes back.
///
/// Made by [`SubscriberBuilder::group`](crate::SubscriberBuilder::group). The page
/// [`delivery`](crate::docs::delivery) says what cancellation, panics and shutdown do.
///
/// Messages that come back are handed out before new ones, the earliest first. While a message is not
/// settled, later messages of its key wait, and others go on. In a topic with several partitions the
/// members divide them; see [`SubscriberBuilder::group`](crate::SubscriberBuilder::group).
///
/// It does not keep the broker alive: hold a [`Broker`](crate::Broker) for as long as it is used.
/// When it is dropped, what it holds comes back to the others at once. It is a
/// [`Stream`](futures_core::Stream) of deliveries too.
///
/// Where topics are [kept elsewhere](crate::Broker::over), one that is dropped with dead letters on their
/// way stays a member until they are there, five seconds at most.
///
/// While messages are in flight or delayed, a consumer that waits has a timer of the runtime; outside
/// a runtime it waits without, and what is due comes with the next call.
///
/// # Cancel safety
///
/// Every method that waits can be dropped at any time, in `select!` say: nothing is lost to the
/// group.
pub struct Consumer<T: Payload> {
    seat: Seat<T>,
    lanes: Lanes<Stored<T>>,
    reader: Reader<T>,
    terms: Arc<Terms<T>>,
    /// Of the last message, as in `lanes`: who finds nothing keeps nothing.
    source: Option<Arc<Source<T>>>,
    /// Wakes it when time brings something.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether it is parked, or was when it was last looked.
    parked: bool,
    /// What batches met, for the next receives.
    pending: VecDeque<Pending>,
    /// Messages until it lets others run.
    budget: u32,
    /// Whether decoding a message panicked, for whoever catches that.
    codec_panicked: bool,
    /// Whether its stream has ended.
    ended: bool,
}

/// Messages that are claimed under one lock at most.
const CHUNK: usize = 1024;

impl<T: Payload> Consumer<T> {
    pub(crate) fn new(seat: Seat<T>, reader: Reader<T>, terms: Arc<Terms<T>>) -> Self {
        Self {
            seat,
            lanes: Lanes::default(),
            reader,
            terms,
            source: None,
            timer: None,
            parked: false,
            pending: VecDeque::new(),
            budget: YIELD_EVERY,
            codec_panicked: false,
            ended: false,
        }
    }

    /// The next message for this member; waits for it.
    ///
    /// It waits also while it holds as many as it may, or the group does. A record that cannot be
    /// decoded goes to the dead-letter topic, and the next is taken.
    ///
    /// # Errors
    ///
    /// [`RecvError::Lagged`] once, to one member, where retention took messages that the group had
    /// not settled; where topics are kept elsewhere, by systems
    /// that can tell. [`RecvError::Decode`] only without a dead-letter topic; the message comes back.
    /// [`RecvError::Closed`] once the topic or the broker is closed and everything is settled, or is
    /// dead and its dead-letter topic has ended too;
    /// [`RecvError::Deleted`], [`RecvError::GroupDeleted`] and [`RecvError::Unavailable`].
    ///
    /// # Panics
    ///
    /// In a tokio runtime without its timer enabled.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has taken nothing. One that was polled and is neither polled again nor dropped keeps
    /// the message it was called for from the others.
    pub async fn recv(&mut self) -> Result<Delivery<T>, RecvError> {
        Receive::new(self).await
    }

    /// The next message, or `None` where there is none for this member now.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn try_recv(&mut self) -> Result<Option<Delivery<T>>, RecvError> {
        if let Some(pending) = self.pending.pop_front() {
            return Err(pending.say());
        }
        loop {
            let claim = self.seat.claim(&mut self.lanes);
            if let Claim::Nothing { .. } = claim {
                self.source = None;
                return Ok(None);
            }
            if let Some(delivery) = self.take(claim).map_err(Pending::say)? {
                return Ok(Some(delivery));
            }
        }
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
    ) -> Result<Option<Delivery<T>>, RecvError> {
        match tokio::time::timeout(timeout, self.recv()).await {
            Ok(received) => received.map(Some),
            // It may have run out while the consumer let others run, with messages there.
            Err(_) => self.try_recv(),
        }
    }

    /// The next messages, `max` at most, and no more than the member and its group may still
    /// [hold](crate::ConsumerBuilder::max_in_flight); waits for the first and takes what is there.
    ///
    /// At most one of each key is among them, since the next one waits until it is settled (with
    /// `auto_ack` or `any_order` it need not). Behind some thousand messages that wait so it may end
    /// before it has come to one that need not; the next receive goes on from there. A batch
    /// ends where retention took messages; the next receive says so. It passes over a message whose
    /// codec or converter panics, and the next receive panics with that. With a `max` of 0 it is empty,
    /// at once.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), where there is no message before the error.
    ///
    /// # Panics
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// A dropped future has taken nothing.
    pub async fn recv_batch(&mut self, max: usize) -> Result<Deliveries<T>, RecvError> {
        let mut deliveries = Deliveries::new();
        if max == 0 {
            return Ok(deliveries);
        }
        if self.pending.is_empty() {
            self.let_others_run().await;
            self.take_runs(max, &mut deliveries);
        }
        // From elsewhere all that comes together is taken together: what would lie here is nobody's.
        while self.seat.is_there() && deliveries.is_empty() && self.pending.is_empty() {
            self.let_others_run().await;
            match poll_fn(|cx| self.seat.poll_there(max.min(CHUNK), cx)).await {
                Some(claim) => {
                    let taken = self.take(claim).map_err(Pending::say)?;
                    taken.into_iter().for_each(|delivery| deliveries.push(delivery));
                }
                None => self.take_runs(max, &mut deliveries),
            }
        }
        if deliveries.is_empty() {
            deliveries.push(self.recv().await?);
            self.take_runs(max - 1, &mut deliveries);
        }
        Ok(deliveries)
    }

    /// The next message as a stream has it: `None` once the topic has ended.
    ///
    /// Like [`recv`](Self::recv), but the end is no error, for `while let Some(delivery)`.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has taken nothing.
    pub async fn next(&mut self) -> Option<Result<Delivery<T>, RecvError>> {
        if self.ended {
            return None;
        }
        let received = self.recv().await;
        self.streamed(received)
    }

    /// What a stream makes of what was received.
    fn streamed(
        &mut self,
        received: Result<Delivery<T>, RecvError>,
    ) -> Option<Result<Delivery<T>, RecvError>> {
        self.ended = matches!(
            received,
            Err(RecvError::Closed | RecvError::Deleted | RecvError::GroupDeleted)
        );
        match received {
            Err(RecvError::Closed) => None,
            received => Some(received),
        }
    }

    /// Ends with `None` when the topic is closed, and after one error when it or the group was
    /// deleted.
    pub(crate) fn poll_stream(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Delivery<T>, RecvError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.poll_recv(cx).map(|received| self.streamed(received))
    }

    /// [`recv`](Self::recv) for hand-written futures. Registers the task of `cx` where it returns
    /// `Pending`, which it does once in 32 messages also where there are more, so that other tasks
    /// run; it wakes itself then.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Panics
    ///
    /// As [`recv`](Self::recv).
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery<T>, RecvError>> {
        self.poll_take(cx, false)
    }

    /// Whether what was caught was a panic of a codec.
    pub(crate) fn take_codec_panic(&mut self) -> bool {
        std::mem::take(&mut self.codec_panicked)
    }

    /// Where the messages of this segment come from.
    #[inline]
    fn source(&mut self, lane: &Lane<Stored<T>>) -> Arc<Source<T>> {
        match &self.source {
            Some(source) if source.lane.is(lane) => source.clone(),
            _ => {
                let (lane, terms) = (lane.clone(), self.terms.clone());
                self.source.insert(Arc::new(Source { lane, terms })).clone()
            }
        }
    }

    /// What was claimed, as a delivery. `None` where there is to be another look.
    fn take(&mut self, claim: Claim<Stored<T>>) -> Result<Option<Delivery<T>>, Pending> {
        if !matches!(claim, Claim::Message(..) | Claim::Again) {
            self.source = None;
        }
        let error = match claim {
            Claim::Message(slot, ticket) => {
                let (source, hold) = (self.source(slot.lane()), self.seat.hold());
                return self.open(Lease::new(source, ticket, hold));
            }
            Claim::Burial(slot, burial) => {
                let hold = self.seat.hold();
                self.terms.bury(&slot, burial, &hold);
                return Ok(None);
            }
            Claim::Nothing { .. } => return Ok(None),
            Claim::Again => match self.seat.fault() {
                Some(fault) => fault,
                None => return Ok(None),
            },
            Claim::Lagged { skipped, reason } => RecvError::Lagged { skipped, reason },
            Claim::Closed => RecvError::Closed,
            Claim::Deleted => RecvError::Deleted,
            Claim::GroupDeleted => RecvError::GroupDeleted,
        };
        Err(error.into())
    }

    /// Decodes. `None` where the message could not be, and is a dead letter now.
    fn open(&mut self, mut lease: Lease<T>) -> Result<Option<Delivery<T>>, Pending> {
        let entry = lease.entry();
        let open = || message::open(entry, &self.reader);
        // One whose codec panics is not tried again at once.
        let opened = match catch_unwind(AssertUnwindSafe(open)) {
            Ok(opened) => opened,
            Err(panic) => {
                let pause = self.terms.backoff.delay(lease.attempt());
                let offset = lease.offset();
                self.codec_panicked = true;
                let _ = lease.fail(pause, "decoding it panicked");
                return Err(Pending::panic(offset, panic));
            }
        };
        match opened {
            Ok(opened) => Ok(Some(Delivery::new(opened, lease))),
            Err(source) if self.terms.dead_letter_topic().is_some() => {
                let reason = crate::dead_letter::reason(with_causes(&source));
                drop(lease.settle(Settlement::Reject { reason }));
                Ok(None)
            }
            Err(source) => {
                let offset = lease.offset();
                lease.nack();
                Err(RecvError::Decode { offset, source }.into())
            }
        }
    }

    /// Everything up to and including this offset is done, for the whole group: what other members
    /// hold of it too. It never moves backwards: an offset that is committed already changes nothing.
    ///
    /// # Errors
    ///
    /// Where there is no message at this offset yet, or the topic or the group was deleted.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has committed or not.
    pub async fn commit(&self, offset: impl Into<Offset>) -> Result<(), CommitError> {
        self.seat.commit(offset.into()).await
    }

    /// Moves the whole group to another place, and returns the offset that is handed out next. What
    /// is settled after that place is handed out again; what is in flight no longer counts, and
    /// settling it does nothing. Statistics of the group start anew.
    ///
    /// [`Start::Committed`] moves nothing: what is in flight comes back to whoever asks, as if it had
    /// not been handed out, and what is settled stays so.
    ///
    /// # Errors
    ///
    /// Where the offset lies beyond the one that is published next, or the topic or the group was
    /// deleted; the group stays where it is.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have moved it or not.
    pub async fn seek(&mut self, start: impl Into<Start>) -> Result<Offset, SeekError> {
        let start = start.into();
        let offset = self.seat.seek(start).await?;
        if start != Start::Committed {
            self.pending.clear();
        }
        self.ended = false;
        Ok(offset)
    }

    /// What the group has done and who holds what; `None` once the topic or the group is deleted.
    ///
    /// Where topics are kept elsewhere it is what was heard last, without asking;
    /// [`Broker::stats`](crate::Broker::stats) asks.
    #[must_use]
    pub fn stats(&self) -> Option<GroupStats> {
        self.seat.stats()
    }

    /// Its id in [`MemberStats`](crate::MemberStats).
    #[must_use]
    pub fn id(&self) -> u64 {
        self.seat.id()
    }

    /// The topic it reads.
    #[must_use]
    pub fn topic(&self) -> &TopicName {
        self.terms.topic()
    }

    /// The group it is a member of.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.terms.name
    }

    /// Where the group's dead messages go; `None` without a dead-letter topic.
    #[must_use]
    pub fn dead_letter_topic(&self) -> Option<&TopicName> {
        self.terms.dead_letter_topic()
    }

    /// Takes no more messages. What it holds stays with it until it is settled.
    pub(crate) fn retire(&mut self) {
        (self.timer, self.parked) = (None, false);
        self.seat.retire();
    }

    pub(crate) fn terms(&self) -> &Arc<Terms<T>> {
        &self.terms
    }

    /// Another pause before what fails from now on is tried again.
    pub(crate) fn set_backoff(&mut self, backoff: Backoff) {
        self.terms = Arc::new(self.terms.with_backoff(backoff));
        self.source = None;
    }
}

impl<T: Payload> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("topic", self.topic())
            .field("group", &self.group())
            .finish_non_exhaustive()
    }
}
