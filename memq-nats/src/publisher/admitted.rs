//! What a publisher has admitted, and what that is sent on.
//!
//! It is behind one lock, and whoever holds that sends: the handle, where the line takes more at once,
//! and otherwise the task. Each message is sent while the lock is held, so that none overtakes another.
//! Nothing is awaited and nobody is told or woken under it.

use std::fmt::Write as _;

use async_nats::client::PublishErrorKind;
use async_nats::{HeaderMap, Subject};
use futures_util::FutureExt as _;
use memq::Cause;
use memq::spi::{Outgoing, Promise, PublishFault};
use tokio::task::unconstrained;
use tokio::time::Instant;

use super::answer::Inbox;
use super::window::{Ticket, Window};
use crate::names::Place;
use crate::outbound::Session;
use crate::wire;

/// What is sent on.
pub(super) struct Line {
    pub(super) session: Session,
    pub(super) inbox: Inbox,
}

/// A message that is admitted, until its outcome is known.
pub(super) struct Flight {
    pub(super) message: Outgoing,
    pub(super) place: Place,
    /// How many were admitted before it.
    pub(super) number: u64,
    /// Made when it was checked, for the first time that it is sent.
    pub(super) headers: Option<HeaderMap>,
    pub(super) bytes: usize,
    /// When it is told what is known by then, if it was not before.
    pub(super) until: Option<Instant>,
    pub(super) promise: Promise,
}

/// What the server knows a message by: the id that it has, or one of the publisher's own.
pub(super) fn id(prefix: &str, message: &Outgoing, number: u64) -> String {
    /// What a number has at most.
    const DIGITS: usize = 20;
    match &message.id {
        Some(id) => id.as_ref().to_owned(),
        None => {
            let mut id = String::with_capacity(prefix.len() + DIGITS);
            id.push_str(prefix);
            // Into text it never fails.
            let _ = write!(id, "{number}");
            id
        }
    }
}

/// Where the subject of this place is.
fn at(place: Place) -> usize {
    2 * usize::from(place.partition.0) + usize::from(place.keyed)
}

/// A time in which it is not known what became of what was sent.
pub(super) struct Outage {
    pub(super) cause: Cause,
    pub(super) since: Instant,
    /// How often it was tried to find out.
    pub(super) tries: u32,
}

pub(super) struct Admitted {
    pub(super) window: Window<Flight>,
    pub(super) line: Option<Line>,
    /// Whether the task looks whether answers come in time. Otherwise it is rung when one is waited for.
    pub(super) watched: bool,
    /// When something was last heard, or first waited for.
    pub(super) heard: Instant,
    pub(super) outage: Option<Outage>,
    /// Messages admitted since the beginning.
    pub(super) all: u64,
    /// How many of them, from the first on, have an outcome.
    pub(super) done: u64,
    /// The size of what has none.
    pub(super) bytes: usize,
    /// When the first is told that its time is up, at the earliest.
    pub(super) soonest: Option<Instant>,
    /// Begins the ids of messages to which nobody gave one.
    pub(super) prefix: String,
    /// What was published to so far, for each partition without and with a key.
    subjects: Vec<Option<Subject>>,
    /// Whether the handle is gone.
    pub(super) left: bool,
    /// Whether the task runs.
    pub(super) runs: bool,
    /// Whether it has ended.
    pub(super) over: bool,
}

/// A message that the server there is does not take, and what it takes.
pub(super) struct TooLarge {
    flight: Flight,
    max_bytes: usize,
}

impl TooLarge {
    pub(super) fn tell(self) {
        let (bytes, max_bytes) = (self.flight.bytes, self.max_bytes);
        self.flight.promise.keep(Err(PublishFault::TooLarge { bytes, max_bytes }));
    }
}

impl Admitted {
    pub(super) fn new(window: usize, prefix: String) -> Self {
        Self {
            window: Window::new(window),
            line: None,
            watched: false,
            heard: Instant::now(),
            outage: None,
            all: 0,
            done: 0,
            bytes: 0,
            soonest: None,
            prefix,
            subjects: Vec::new(),
            left: false,
            runs: false,
            over: false,
        }
    }

    /// Whether nothing is stored at the moment, so that each place that is free counts.
    pub(super) const fn stands(&self) -> bool {
        self.outage.is_some() || self.window.stalled()
    }

    /// Sees to it that there is a subject for this place, and says how long it is.
    pub(super) fn subject(&mut self, place: Place, make: impl FnOnce() -> Subject) -> usize {
        let at = at(place);
        if self.subjects.len() <= at {
            self.subjects.resize(at + 1, None);
        }
        self.subjects.get_mut(at).map_or(0, |known| known.get_or_insert_with(make).len())
    }

    /// Takes out what has an outcome now, which is to be told once the lock is free.
    pub(super) fn take<M>(&mut self, take: impl FnOnce(&mut Window<Flight>) -> M) -> M
    where
        for<'a> &'a M: IntoIterator<Item = &'a Flight>,
    {
        let taken = take(&mut self.window);
        self.bytes -= taken.into_iter().map(|flight| flight.bytes).sum::<usize>();
        self.advance();
        taken
    }

    /// Takes out a message that is stored. [`advance`](Self::advance) counts it.
    pub(super) fn stored(&mut self, ticket: Ticket) -> Option<Flight> {
        let flight = self.window.stored(ticket)?;
        self.bytes -= flight.bytes;
        Some(flight)
    }

    /// Counts what has an outcome.
    pub(super) fn advance(&mut self) {
        self.done += self.window.advance() as u64;
    }

    /// An answer came that counts; or only the word that nobody knows.
    pub(super) fn heard(&mut self, lost: bool) {
        self.heard = Instant::now();
        if !lost {
            self.outage = None;
        }
    }

    /// Takes out everything; with each message, whether it may be stored.
    pub(super) fn abandon(&mut self) -> Vec<(Flight, bool)> {
        let abandoned = self.window.abandon();
        self.bytes = 0;
        self.advance();
        abandoned
    }

    /// Sends what may be sent now, in order; `false` where there is no line, or that takes no more for now.
    pub(super) fn send(&mut self, too_large: &mut Vec<TooLarge>) -> bool {
        let mut line = self.line.take();
        let whole = line.as_mut().filter(|line| !line.session.is_cut());
        let is_sent = whole.is_some_and(|line| self.send_on(line, too_large));
        self.line = line;
        is_sent
    }

    fn send_on(&mut self, line: &mut Line, too_large: &mut Vec<TooLarge>) -> bool {
        let client = &line.session.client;
        if !self.window.waits() {
            self.heard = Instant::now();
        }
        while let Some((ticket, flight)) = self.window.next() {
            let record = &flight.message.record;
            let again =
                || wire::headers(record, Some(id(&self.prefix, &flight.message, flight.number)));
            let headers = flight.headers.take().unwrap_or_else(again);
            let Some(Some(subject)) = self.subjects.get(at(flight.place)).cloned() else {
                unreachable!("a message was admitted without a subject")
            };
            let reply = line.inbox.subject(ticket);
            let payload = record.bytes().clone();
            let sending = client.publish_with_reply_and_headers(subject, reply, headers, payload);
            // It is for the line to say whether it takes more, and not for the budget of who publishes.
            match unconstrained(sending).now_or_never() {
                None => return false,
                Some(Err(error)) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                    // Another server takes less than the one that it was checked against.
                    let max_bytes = client.max_payload();
                    let flight = self.take(Window::withdraw);
                    too_large.extend(flight.map(|flight| TooLarge { flight, max_bytes }));
                }
                // Where the line is cut it is not answered, and is sent again.
                Some(_) => self.window.sent(),
            }
        }
        true
    }
}
