//! Workers: the loop around a consumer. Takes messages, runs a handler for each, and settles them.
//!
//! It is one future that starts no task. See [`Consumer::run`].

mod attempt;
mod handle;
mod handler;
mod report;
#[cfg(feature = "tower")]
mod service;

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use self::attempt::{Attempt, End, Finished, Hold, contain};
pub use self::handle::WorkerHandle;
use self::handle::{Progress, Shared};
use self::handler::{Begun, INSIDE};
pub use self::handler::{ByDelivery, ByMessage, ByValue, Handler};
pub use self::report::{Ended, Report};
#[cfg(feature = "tower")]
pub use self::service::{ByService, Calls};
use crate::backoff::Backoff;
use crate::consumer::Consumer;
use crate::delivery::{Delivery, Outcome};
use crate::error::{RecvError, RunError};
use crate::payload::Payload;
use crate::stopping::Deadline;

/// How much longer than its handler may run a message is kept, so that it does not go to another
/// member while the handler is stopped.
const MARGIN: Duration = Duration::from_secs(1);

impl<T: Payload> Consumer<T> {
    /// Handles the messages of the group: takes each, runs the handler, and acknowledges it, or has
    /// it tried again after a pause. See [`Worker`], which is awaited or spawned, and
    /// [`Handler`] for what the handler may be.
    ///
    /// ```
    /// # use memq::{Backoff, Broker, Ended, Topic};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[derive(Clone, Topic)]
    /// # #[topic(name = "orders")]
    /// # struct Order { #[topic(key)] customer: u64, item: String }
    /// # let broker = Broker::new();
    /// # let orders = broker.publisher::<Order>().await?;
    /// # for item in ["tea", "", "cake"] {
    /// #     orders.publish(Order { customer: 7, item: item.into() }).await?;
    /// # }
    /// # broker.close("orders").await?;
    /// async fn charge(order: Order) -> Result<(), &'static str> {
    ///     if order.item.is_empty() { Err("there is nothing to pay for") } else { Ok(()) }
    /// }
    ///
    /// let billing = broker.subscriber::<Order>().group("billing").max_attempts(3).await?;
    /// let report = billing
    ///     .run(charge)
    ///     .concurrency(16)
    ///     .retry(Backoff::exponential(Duration::from_millis(200), Duration::from_secs(60)))
    ///     .time_limit(Duration::from_secs(10))
    ///     .await?; // until the topic is closed, or `handle().drain(..)`
    ///
    /// assert_eq!((report.succeeded, report.failed, report.dead_lettered), (2, 2, 1));
    /// assert_eq!(report.ended, Ended::Closed);
    /// # Ok(())
    /// # }
    /// ```
    pub fn run<H, Kind>(self, handler: H) -> Worker<T, H, Kind>
    where
        H: Handler<T, Kind>,
    {
        let time_limit = self.terms().ack_deadline;
        Worker {
            consumer: Some(self),
            handler,
            concurrency: 1,
            retry: None,
            time_limit,
            running: FuturesUnordered::new(),
            serials: 0,
            shared: Arc::new(Shared::new(Progress::default())),
            begun: false,
            ending: None,
            deadline: Deadline::default(),
            kind: PhantomData,
        }
    }
}

/// A consumer and the handler of its messages, as one future: spawn it or await it. Made by
/// [`Consumer::run`].
///
/// An attempt fails when the handler says so, panics, is not done within its
/// [time limit](Self::time_limit), or drops its delivery. The message then comes back after a
/// [pause](Self::retry), to any member of the group, and after the group's last attempt goes to the
/// dead-letter topic with the reason. So a handler can run several times for a message, and has to
/// bear that. Messages of one key are handled one after the other, through failures too; others go
/// on meanwhile. In a group of [`any_order`](crate::ConsumerBuilder::any_order) they are not.
///
/// The future ends with a [`Report`] once the topic is closed and everything is settled, once the
/// topic or the group is deleted, and when it is [drained](WorkerHandle::drain). What retention
/// removed unread, and what cannot be decoded, is counted, and the worker goes on. So it does where the
/// system that keeps the topic is away for a time.
///
/// It starts no task. Its handlers take turns on the task it runs in: they overlap while they wait,
/// and use one core. For several cores, run several consumers of the group, each in its own task. A
/// handler that computes for long holds up the others, time limits and draining, so give that to
/// `spawn_blocking`.
///
/// # Errors
///
/// [`RunError`]: an option that is not possible, or a service that takes no more calls.
///
/// # Panics
///
/// Outside a tokio runtime with its timer enabled, and when it is polled after it has ended. A
/// panic of a handler is a failed attempt, unless panics abort the process.
///
/// # Cancel safety
///
/// Dropped, it drops the handlers that run, and what is not settled comes back to the group at once.
/// While it is neither polled nor dropped, messages that it was called for wait for it; what is in
/// flight goes to other members a second after its time limit.
#[must_use = "a worker does nothing unless it is awaited or spawned"]
pub struct Worker<T: Payload, H: Handler<T, Kind>, Kind> {
    /// `None` once it has ended.
    consumer: Option<Consumer<T>>,
    handler: H,
    concurrency: usize,
    retry: Option<Backoff>,
    time_limit: Duration,
    running: FuturesUnordered<Attempt<T, H::Future>>,
    /// Attempts that were begun.
    serials: u64,
    shared: Arc<Shared>,
    begun: bool,
    /// What it ends with once nothing runs any more.
    ending: Option<Result<Ended, RunError>>,
    /// When it stops what still runs.
    deadline: Deadline,
    kind: PhantomData<fn() -> Kind>,
}

/// Nothing is pinned in place.
impl<T: Payload, H: Handler<T, Kind>, Kind> Unpin for Worker<T, H, Kind> {}

impl<T: Payload, H: Handler<T, Kind>, Kind> Worker<T, H, Kind> {
    /// How many handlers run at a time, and messages are held, at most; 1 if not said. The
    /// consumer's [`max_in_flight`](crate::ConsumerBuilder::max_in_flight) holds too. With 0 the
    /// worker ends with [`RunError::Concurrency`]. Where topics are kept elsewhere, as many messages
    /// are asked for at once as handlers are free; for a service, and with `auto_ack`, one at a time.
    pub fn concurrency(mut self, handlers: usize) -> Self {
        self.concurrency = handlers;
        self
    }

    /// How long a message waits after a failed attempt, also after a bare
    /// [`nack`](Delivery::nack); the consumer's [`backoff`](crate::ConsumerBuilder::backoff) if not
    /// said. How many attempts there are is said by the group's
    /// [`max_attempts`](crate::ConsumerBuilder::max_attempts).
    pub fn retry(mut self, backoff: Backoff) -> Self {
        self.retry = Some(backoff);
        self
    }

    /// How long a handler may run for one message; the group's
    /// [`ack_deadline`](crate::ConsumerBuilder::ack_deadline) if not said. Then its future is
    /// dropped, as a failed attempt. The message is kept for that long, whatever the ack deadline is.
    /// With zero the worker ends with [`RunError::TimeLimit`].
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// What drains the worker, and tells how far it is. Take it before the worker is spawned.
    #[must_use]
    pub fn handle(&self) -> WorkerHandle {
        WorkerHandle { shared: self.shared.clone() }
    }

    /// Looks at the options. What comes back ends the worker.
    fn begin(&mut self) -> Option<Result<Ended, RunError>> {
        self.begun = true;
        if !self.shared.begin() {
            return Some(Ok(Ended::Drained));
        }
        if self.concurrency == 0 {
            return Some(Err(RunError::Concurrency));
        }
        if self.time_limit.is_zero() {
            return Some(Err(RunError::TimeLimit));
        }
        if let (Some(consumer), Some(backoff)) = (&mut self.consumer, self.retry) {
            consumer.set_backoff(backoff);
        }
        None
    }

    /// Stops what runs, leaves the group, and tells everybody.
    fn end(&mut self, ending: Result<Ended, RunError>) -> Result<Report, RunError> {
        self.running.clear();
        self.consumer = None;
        let ended = ending.as_ref().map_or(Ended::Failed, |ended| *ended);
        let report = self.shared.ended(ended);
        ending.map(|_| report)
    }

    /// Whether it is drained and the time for that is up.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(at) = self.drains() else { return false };
        self.deadline.has_passed(at, cx)
    }

    /// When it has to have ended, if it is drained. Then it takes no more messages.
    fn drains(&mut self) -> Option<Instant> {
        let at = self.shared.deadline()?;
        if self.ending.is_none() {
            self.ending = Some(Ok(Ended::Drained));
            // Others take over its partitions while it finishes.
            if let Some(consumer) = &mut self.consumer {
                consumer.retire();
            }
        }
        Some(at)
    }

    /// Takes messages for as long as handlers may be started. Returns whether it now waits for the
    /// next, and so is woken.
    fn fetch(&mut self, cx: &mut Context<'_>) -> bool {
        // Many handlers may be done within one poll.
        while self.drains().is_none()
            && self.ending.is_none()
            && self.running.len() < self.concurrency
        {
            let Some(consumer) = &mut self.consumer else { return true };
            let ready = contain(|| self.handler.poll_ready(cx, INSIDE));
            match ready.unwrap_or_else(|panicked| Poll::Ready(Err(panicked.into()))) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(source)) => {
                    consumer.stop_waiting();
                    let group = consumer.group().into();
                    self.ending = Some(Err(RunError::Service { group, source }));
                    return false;
                }
                Poll::Pending => match consumer.poll_end(cx) {
                    Poll::Pending => return true,
                    Poll::Ready(end) => {
                        self.ended(&end);
                        continue;
                    }
                },
            }
            // What is asked for and cannot be started would be kept from the other members.
            let free = if H::WAITS { 1 } else { self.concurrency - self.running.len() };
            consumer.takes(free);
            // A codec that panics is one more that cannot decode.
            let polled = catch_unwind(AssertUnwindSafe(|| consumer.poll_take(cx, true)));
            let taken = match polled {
                Ok(taken) => taken,
                Err(panic) if consumer.take_codec_panic() => {
                    drop(contain(|| drop(panic)));
                    self.shared.count(|report| report.undecodable += 1);
                    continue;
                }
                Err(panic) => resume_unwind(panic),
            };
            match taken {
                Poll::Pending => return true,
                Poll::Ready(Ok(delivery)) => self.start(delivery),
                Poll::Ready(Err(RecvError::Lagged { skipped, .. })) => {
                    self.shared.count(|report| report.skipped += skipped);
                }
                Poll::Ready(Err(RecvError::Decode { .. })) => {
                    self.shared.count(|report| report.undecodable += 1);
                }
                // Said once for each time that the system was away.
                Poll::Ready(Err(RecvError::Unavailable { .. })) => {}
                Poll::Ready(Err(end)) => self.ended(&end),
            }
        }
        false
    }

    /// There are no more messages.
    fn ended(&mut self, end: &RecvError) {
        self.ending = Some(Ok(match end {
            RecvError::Deleted => Ended::Deleted,
            RecvError::GroupDeleted => Ended::GroupDeleted,
            _ => Ended::Closed,
        }));
    }

    /// Runs the handler for a message.
    fn start(&mut self, delivery: Delivery<T>) {
        let Some(terms) = self.consumer.as_ref().map(Consumer::terms) else { return };
        let kept = delivery.extend_by(self.time_limit.saturating_add(MARGIN));
        let serial = self.serials;
        self.serials += 1;
        self.shared.started(serial, delivery.offset());
        if kept.is_err() && !terms.auto_ack {
            // Somebody else may have it already.
            drop(delivery);
            self.shared.finished(serial, |report| report.stale += 1);
            return;
        }
        let pause = terms.backoff.delay(delivery.attempt());
        let Begun { hold, future } = self.handler.begin(delivery, pause, INSIDE);
        match future {
            Ok(future) => {
                self.running.push(Attempt::new(serial, self.time_limit, hold, future));
            }
            Err(panicked) => {
                self.settle(Finished { serial, hold, end: End::Panicked(panicked) });
            }
        }
    }

    /// Settles what a handler has not settled, and counts it.
    fn settle(&mut self, finished: Finished<T, <H::Future as Future>::Output>) {
        let Finished { serial, hold, end } = finished;
        let Some(terms) = self.consumer.as_ref().map(Consumer::terms) else { return };
        let (mut panicked, mut timed_out) = (0, 0);
        let verdict = match end {
            // What a handler says is worded by code that is not ours.
            End::Returned(output) => {
                contain(|| H::verdict(output, INSIDE)).unwrap_or_else(|reason| {
                    panicked = 1;
                    Err(reason)
                })
            }
            End::Panicked(reason) => {
                panicked = 1;
                Err(reason)
            }
            End::TimedOut(reason) => {
                timed_out = 1;
                Err(reason)
            }
        };
        let outcome = match (hold, &verdict) {
            // It was settled when it was taken.
            (_, Ok(())) if terms.auto_ack => Some(Outcome::Acked),
            (_, Err(_)) if terms.auto_ack => Some(Outcome::Returned),
            (Hold::Lease(lease), Ok(())) => Some(lease.done()),
            (Hold::Lease(lease), Err(reason)) => {
                let pause = terms.backoff.delay(lease.attempt());
                Some(lease.fail(pause, reason))
            }
            (Hold::Watch(watch), _) => watch.outcome(),
        };
        self.shared.finished(serial, |report| {
            *match outcome {
                Some(Outcome::Acked) => &mut report.succeeded,
                Some(Outcome::Returned) => &mut report.failed,
                Some(Outcome::Dead) => &mut report.dead_lettered,
                Some(Outcome::Refused) => &mut report.refused,
                Some(Outcome::Stale) => &mut report.stale,
                None => &mut report.left_open,
            } += 1;
            report.panicked += panicked;
            report.timed_out += timed_out;
        });
    }
}

impl<T: Payload, H: Handler<T, Kind>, Kind> Future for Worker<T, H, Kind> {
    type Output = Result<Report, RunError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        assert!(this.consumer.is_some(), "a worker was polled after it had ended");
        // Before the wish to drain is looked at, so that none is missed.
        this.shared.register(cx.waker());
        if !this.begun {
            if let Some(ending) = this.begin() {
                return Poll::Ready(this.end(ending));
            }
        }
        if this.is_over(cx) {
            let failed = this.ending.take().filter(Result::is_err);
            return Poll::Ready(this.end(failed.unwrap_or(Ok(Ended::DeadlinePassed))));
        }
        loop {
            let waits = this.fetch(cx);
            // All that have finished make room together, for what is asked for at once.
            let mut finished = false;
            let running = loop {
                match Pin::new(&mut this.running).poll_next(cx) {
                    Poll::Ready(Some(one)) => {
                        this.settle(one);
                        finished = true;
                    }
                    Poll::Ready(None) => break false,
                    Poll::Pending => break true,
                }
            };
            if !running {
                if let Some(ending) = this.ending.take() {
                    return Poll::Ready(this.end(ending));
                }
            }
            // Once it waits for the next message it does not look again before it is woken, so that
            // handlers that never wait let other tasks run.
            if waits || (running && !finished) {
                return Poll::Pending;
            }
        }
    }
}

impl<T: Payload, H: Handler<T, Kind>, Kind> Drop for Worker<T, H, Kind> {
    fn drop(&mut self) {
        if self.consumer.is_some() {
            drop(self.end(Ok(Ended::Dropped)));
        }
    }
}

impl<T: Payload, H: Handler<T, Kind>, Kind> fmt::Debug for Worker<T, H, Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("consumer", &self.consumer)
            .field("concurrency", &self.concurrency)
            .field("time_limit", &self.time_limit)
            .field("in_flight", &self.running.len())
            .finish_non_exhaustive()
    }
}
