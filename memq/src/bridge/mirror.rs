//! One topic on its way in one direction: what is read, in order, and what is on its way.
//!
//! # Await points, and what each loses
//!
//! It is polled, and keeps between two polls what it read until that is stored. Dropped at any time, it
//! has moved its position past nothing that is not stored, so that the next one reads the rest again.
//! What of it was stored is then sent twice under one id.
//!
//! # When something goes wrong
//!
//! What was read is sent in order, `window` messages at once. Once the other side refuses one, nothing
//! more is read or sent until it is known what became of all others; those that were refused are then
//! sent again one by one.

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

use super::handle::MirrorStats;
use super::path::Route;
use super::position::Position;
use crate::backoff::Backoff;
use crate::error::{BridgeError, PublishError, RecvError};
use crate::message::Message;
use crate::position::{Offset, Partition};
use crate::publisher::{Publisher, Receipt};
use crate::record::Record;
use crate::spi::Boxed;
use crate::subscriber::Subscriber;

/// Bytes of messages on their way after which no further one is read.
const MOST_BYTES: usize = 16 << 20;

/// Messages that are read before others may run.
const RUN: usize = 256;

/// The pause before a message is sent again.
const AGAIN: Backoff = Backoff::exponential(Duration::from_millis(10), Duration::from_secs(2));

/// A topic that is mirrored in one direction.
pub(super) struct Mirror {
    source: Subscriber<Record>,
    target: Publisher<Record>,
    route: Route,
    position: Position,
    partitions: Option<u16>,
    window: usize,
    skip_refused: bool,
    pub(super) stats: MirrorStats,
    /// What was read and is not done, in the order of offsets.
    flights: VecDeque<Flight>,
    /// Bytes of their payloads.
    bytes: usize,
    /// The message that gets into the window of the publisher.
    admitting: Option<(u64, Boxed<Admitted>)>,
    trouble: Option<Trouble>,
    ending: Option<Ending>,
}

type Admitted = Result<Receipt<Record>, PublishError<Record>>;

/// A message that was read.
struct Flight {
    offset: u64,
    record: Record,
    partition: Option<Partition>,
    state: State,
}

enum State {
    /// It is to get into the window.
    Waiting,
    Sent(Receipt<Record>),
    Refused(PublishError<()>),
    Done,
}

/// Messages were refused, and are sent again.
#[derive(Default)]
struct Trouble {
    /// How often that was tried since one was stored.
    tries: u32,
    pause: Option<Pin<Box<Sleep>>>,
}

/// Why nothing more is read.
enum Ending {
    Wanted,
    Closed,
    Failed(RecvError),
}

/// What is needed to mirror a topic.
pub(super) struct Parts {
    pub(super) source: Subscriber<Record>,
    pub(super) target: Publisher<Record>,
    pub(super) route: Route,
    pub(super) position: Position,
    /// How many partitions both have, if it is the same.
    pub(super) partitions: Option<u16>,
    pub(super) window: usize,
    pub(super) skip_refused: bool,
    pub(super) stats: MirrorStats,
}

impl Mirror {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { source, target, route, position, partitions, window, .. } = parts;
        let (skip_refused, stats) = (parts.skip_refused, parts.stats);
        let (flights, bytes) = (VecDeque::new(), 0);
        let mut mirror = Self {
            source,
            target,
            route,
            position,
            partitions,
            window,
            skip_refused,
            stats,
            flights,
            bytes,
            admitting: None,
            trouble: None,
            ending: None,
        };
        mirror.reached(mirror.next());
        mirror.count();
        mirror
    }

    /// Goes on. Ready once there is nothing more to do: where `end` is asked for, once all that was read
    /// is stored.
    pub(super) fn poll(
        &mut self,
        end: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), BridgeError>> {
        let polled = self.drive(end, cx);
        self.count();
        polled
    }

    /// The offset that it reads next.
    pub(super) fn next(&self) -> u64 {
        self.source.position().0
    }

    /// Counts what is still to be mirrored.
    fn count(&mut self) {
        self.stats.in_flight = self.flights.len() as u64;
        self.stats.lag = self.source.stats().lag + self.stats.in_flight;
    }

    fn drive(&mut self, end: bool, cx: &mut Context<'_>) -> Poll<Result<(), BridgeError>> {
        if end && self.ending.is_none() {
            self.ending = Some(Ending::Wanted);
        }
        let mut steps = 0;
        while steps < RUN && self.step(cx)? {
            steps += 1;
        }
        let has_more = steps == RUN;
        let done = !has_more && self.flights.is_empty();
        if done {
            // Also past what was lost.
            self.reached(self.next());
        }
        let over = done && self.ending.is_some();
        let kept = self.position.poll(self.stats.position.0, over, cx)?;
        if has_more {
            cx.waker().wake_by_ref();
        }
        if !over || kept.is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(match self.ending.take() {
            Some(Ending::Failed(source)) => {
                Err(BridgeError::Receive { topic: self.stats.topic.to_string(), source })
            }
            _ => Ok(()),
        })
    }

    /// Does what can be done for one message. Returns whether there may be more to do.
    fn step(&mut self, cx: &mut Context<'_>) -> Result<bool, BridgeError> {
        self.admit(cx);
        self.look_at_receipts(cx);
        Ok(self.send_again(cx)? || self.read(cx))
    }

    /// Everything before this offset is done.
    fn reached(&mut self, next: u64) {
        if next > self.stats.position.0 {
            self.stats.position = Offset(next);
        }
        self.position.reached(self.stats.position.0);
    }

    /// Reads a message if there is place for it. Returns whether it did.
    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        let has_place = self.flights.len() < self.window && self.bytes < MOST_BYTES;
        let is_free = self.admitting.is_none() && self.trouble.is_none() && self.ending.is_none();
        if !has_place || !is_free {
            return false;
        }
        let next = self.next();
        match self.source.poll_recv(cx) {
            Poll::Pending => return false,
            Poll::Ready(Ok(message)) => self.take(message),
            Poll::Ready(Err(RecvError::Lagged { skipped, .. })) => self.stats.lost += skipped,
            // It was set back, and other messages have these offsets now, and by them the same ids.
            Poll::Ready(Err(error @ RecvError::Unavailable { .. })) if self.next() < next => {
                self.ending = Some(Ending::Failed(error));
            }
            // Said once for each time that the system was away.
            Poll::Ready(Err(RecvError::Unavailable { .. })) => self.stats.outages += 1,
            Poll::Ready(Err(RecvError::Closed)) => self.ending = Some(Ending::Closed),
            Poll::Ready(Err(error)) => self.ending = Some(Ending::Failed(error)),
        }
        true
    }

    fn take(&mut self, message: Message<Record>) {
        let (offset, at, partition) =
            (message.offset(), message.published_at(), message.partition());
        let record = message.into_inner();
        let through = self.route.through(record.headers(), offset, at);
        let is_new = through.is_some();
        let record = match through {
            Some(headers) => record.with_headers(headers),
            None => record,
        };
        self.bytes += record.bytes().len();
        // The one that is read may have been given more since.
        let there = |most: u16| (partition.0 < most).then_some(partition);
        let partition = self.partitions.and_then(there);
        let state = if is_new { State::Waiting } else { State::Done };
        self.flights.push_back(Flight { offset: offset.0, record, partition, state });
        if is_new {
            self.send(self.flights.len() - 1);
        } else {
            self.stats.returned += 1;
        }
    }

    /// Sends one of those that are on their way.
    fn send(&mut self, at: usize) {
        let Some(flight) = self.flights.get_mut(at) else { return };
        flight.state = State::Waiting;
        let (publisher, record) = (self.target.clone(), flight.record.clone());
        let (id, partition) = (self.route.id(flight.offset), flight.partition);
        let admit = async move {
            let mut message = publisher.send(record).own_id(id);
            if let Some(partition) = partition {
                message = message.partition(partition);
            }
            message.await
        };
        self.admitting = Some((flight.offset, Box::pin(admit)));
    }

    /// Looks whether the message that is sent is admitted.
    fn admit(&mut self, cx: &mut Context<'_>) {
        let Some((offset, admitting)) = &mut self.admitting else { return };
        let Poll::Ready(admitted) = admitting.as_mut().poll(cx) else { return };
        let offset = *offset;
        self.admitting = None;
        let Ok(at) = self.flights.binary_search_by_key(&offset, |flight| flight.offset) else {
            return;
        };
        if let Some(flight) = self.flights.get_mut(at) {
            flight.state = match admitted {
                Ok(receipt) => State::Sent(receipt),
                Err(error) => State::Refused(error.split().0),
            };
        }
    }

    /// Looks what became of those that are on their way: of the first ones, or of all where something
    /// was refused.
    fn look_at_receipts(&mut self, cx: &mut Context<'_>) {
        let mut at = 0;
        while let Some(flight) = self.flights.get_mut(at) {
            if let State::Sent(receipt) = &mut flight.state {
                match Pin::new(receipt).poll(cx) {
                    Poll::Pending => {}
                    Poll::Ready(Ok(_)) => {
                        flight.state = State::Done;
                        self.stats.mirrored += 1;
                        if let Some(trouble) = &mut self.trouble {
                            trouble.tries = 0;
                        }
                    }
                    Poll::Ready(Err(error)) => flight.state = State::Refused(error.split().0),
                }
            }
            match &flight.state {
                State::Done if at == 0 => self.land(),
                State::Refused(_) => {
                    self.trouble.get_or_insert_default();
                    at += 1;
                }
                _ if self.trouble.is_some() => at += 1,
                _ => return,
            }
        }
    }

    /// The first is done.
    fn land(&mut self) {
        if let Some(flight) = self.flights.pop_front() {
            self.bytes -= flight.record.bytes().len();
            self.reached(flight.offset + 1);
        }
    }

    /// Sends the first again that was refused, once it is known what became of the others. Returns
    /// whether there is more to do.
    fn send_again(&mut self, cx: &mut Context<'_>) -> Result<bool, BridgeError> {
        let Some(trouble) = &mut self.trouble else { return Ok(false) };
        let on_the_way = |flight: &Flight| matches!(flight.state, State::Sent(_));
        if self.admitting.is_some() || self.flights.iter().any(on_the_way) {
            return Ok(false);
        }
        let refused = |flight: &Flight| matches!(flight.state, State::Refused(_));
        let Some(at) = self.flights.iter().position(refused) else {
            self.trouble = None;
            return Ok(true);
        };
        let Some(flight) = self.flights.get_mut(at) else { return Ok(true) };
        let State::Refused(error) = &mut flight.state else { return Ok(true) };
        match fate(error) {
            Fate::Again => {
                let pause = || Box::pin(tokio::time::sleep(AGAIN.delay(trouble.tries + 1)));
                if trouble.pause.get_or_insert_with(pause).as_mut().poll(cx).is_pending() {
                    return Ok(false);
                }
                trouble.pause = None;
                trouble.tries = trouble.tries.saturating_add(1);
                self.stats.retried += 1;
                self.send(at);
                Ok(true)
            }
            Fate::Never if self.skip_refused => {
                flight.state = State::Done;
                self.stats.refused += 1;
                Ok(true)
            }
            Fate::Never | Fate::Over => {
                let offset = Offset(flight.offset);
                let state = std::mem::replace(&mut flight.state, State::Waiting);
                let State::Refused(source) = state else { return Ok(true) };
                if let PublishError::Deleted(()) = source {
                    self.position.target_deleted();
                }
                let topic = self.stats.topic.to_string();
                Err(BridgeError::Publish { topic, offset, source })
            }
        }
    }
}

/// What becomes of a message that was refused.
enum Fate {
    Again,
    /// It is not taken, and others may be.
    Never,
    /// None is taken any more.
    Over,
}

fn fate(error: &PublishError<()>) -> Fate {
    match error {
        PublishError::Full(())
        | PublishError::Timeout(())
        | PublishError::Unavailable { .. }
        | PublishError::Unknown { .. } => Fate::Again,
        PublishError::Closed(()) | PublishError::Deleted(()) => Fate::Over,
        _ => Fate::Never,
    }
}
