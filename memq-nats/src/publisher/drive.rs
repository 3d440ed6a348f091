//! The task of a publisher: sends what is admitted, and takes the answers.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Subscriber;
use async_nats::client::PublishErrorKind;
use futures_util::{FutureExt as _, StreamExt as _};
use memq::spi::{Fault, PublishFault, Stored};
use memq::{Backoff, Cause, Offset, Overflow};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::answer::{self, Answer};
use super::window::{Ticket, Window};
use super::{Flight, Shared};
use crate::names;
use crate::outbound::Session;
use crate::settings::Settings;
use crate::topic::{Phase, Unseen};
use crate::wire;

/// The pause between looks for room.
const FULL: Backoff = Backoff::exponential(Duration::from_millis(1), Duration::from_millis(250));

/// How long what is admitted is tried to be sent once the broker is gone.
const LINGER: Duration = Duration::from_secs(30);

/// What is sent on, and where the answers come.
struct Line {
    session: Session,
    inbox: String,
    answers: Subscriber,
}

/// What happened while it was waited.
enum Event {
    Answer(Ticket, Answer),
    /// What was sent last may not have arrived.
    Lost(Cause),
    /// There is more to send.
    Work,
}

struct Driver {
    shared: Arc<Shared>,
    window: Window<Flight>,
    line: Option<Line>,
    /// What the next message is stored at, at least.
    next: Offset,
    /// When something was last heard, or first waited for.
    heard: Instant,
    /// The size of what has an outcome since the state was last looked at.
    freed: usize,
    /// How often room was looked for in vain.
    looks: u32,
    /// Why it is not known what became of what was sent; since when, and how often it was tried.
    outage: Option<(Cause, Instant, u32)>,
}

/// Sends until the handle is gone and everything is done.
pub(super) async fn run(shared: Arc<Shared>) {
    let most = shared.core.link.settings.window;
    let mut driver = Driver {
        shared,
        window: Window::new(most),
        line: None,
        next: Offset(0),
        heard: Instant::now(),
        freed: 0,
        looks: 0,
        outage: None,
    };
    while driver.take() {
        driver.step().await;
    }
}

impl Driver {
    /// Takes what was admitted; `false` where nothing more comes.
    fn take(&mut self) -> bool {
        let done = self.window.advance() as u64;
        let stands = self.window.stalled() || self.outage.is_some();
        let mut state = self.shared.state();
        let has_room = done > 0 || (stands && !state.stands);
        state.stands = stands;
        state.done += done;
        state.bytes -= std::mem::take(&mut self.freed);
        state.queue.drain(..).for_each(|flight| self.window.push(flight));
        let goes_on = !self.window.is_empty() || !state.left;
        drop(state);
        if has_room {
            // Each that waits looks for itself, and one that has room enough leaves some.
            self.shared.room.notify_waiters();
        }
        if done > 0 {
            self.shared.done.notify_waiters();
        }
        goes_on
    }

    async fn step(&mut self) {
        if self.window.is_empty() {
            self.shared.work.notified().await;
        } else if self.line.as_ref().is_none_or(|line| line.session.is_cut()) {
            self.connect().await;
        } else if self.window.stalled() {
            self.look_for_room().await;
        } else {
            self.send().await;
            if !self.window.waits() {
                // What there was was refused here.
                return;
            }
            let event = self.wait().await;
            self.see(event).await;
            while let Some(event) = self.arrived() {
                self.see(event).await;
            }
        }
    }

    /// Sends all that may be sent.
    async fn send(&mut self) {
        let Some(line) = &self.line else { return };
        if !self.window.waits() {
            self.heard = Instant::now();
        }
        while let Some((ticket, flight)) = self.window.next() {
            let record = &flight.message.record;
            let headers =
                flight.headers.take().unwrap_or_else(|| wire::headers(record, Some(&flight.id)));
            let (subject, reply) = (flight.subject.clone(), answer::subject(&line.inbox, ticket));
            let client = &line.session.client;
            let payload = record.bytes().clone();
            let sent =
                client.publish_with_reply_and_headers(subject, reply, headers, payload).await;
            if sent.is_err_and(|error| error.kind() == PublishErrorKind::MaxPayloadExceeded) {
                // Another server takes less than the one that it was checked against.
                let max_bytes = client.max_payload();
                if let Some(flight) = self.window.refused(ticket) {
                    let bytes = flight.bytes;
                    self.freed += bytes;
                    flight.promise.keep(Err(PublishFault::TooLarge { bytes, max_bytes }));
                }
            } else if line.session.is_cut() {
                // What was not sent is not answered, and is sent again.
                return;
            }
        }
    }

    /// Waits until something happens.
    async fn wait(&mut self) -> Event {
        let timeout = self.shared.core.link.settings.ack_timeout;
        let (waits, patience) = (self.window.waits(), self.heard + timeout);
        let Some(line) = &mut self.line else { return Event::Work };
        loop {
            tokio::select! {
                biased;
                answer = line.answers.next() => match answer {
                    Some(message) => match answer::ticket(&message) {
                        Some(ticket) => return Event::Answer(ticket, answer::read(&message)),
                        None => continue,
                    },
                    None => return Event::Lost("the connection has ended".into()),
                },
                () = line.session.cut() => return Event::Lost("the connection was cut".into()),
                () = self.shared.work.notified() => return Event::Work,
                () = sleep_until(patience), if waits => {
                    return Event::Lost(format!("no answer within {timeout:?}").into());
                }
            }
        }
    }

    /// An answer that is here already.
    fn arrived(&mut self) -> Option<Event> {
        let message = self.line.as_mut()?.answers.next().now_or_never()??;
        let ticket = answer::ticket(&message)?;
        Some(Event::Answer(ticket, answer::read(&message)))
    }

    async fn see(&mut self, event: Event) {
        match event {
            Event::Work => {}
            Event::Lost(cause) => self.lost(cause),
            Event::Answer(ticket, _) if ticket.round != self.window.round() => {}
            Event::Answer(ticket, answer) => {
                self.heard = Instant::now();
                self.answered(ticket, answer).await;
            }
        }
    }

    async fn answered(&mut self, ticket: Ticket, answer: Answer) {
        if !matches!(answer, Answer::Lost(_)) {
            self.outage = None;
        }
        match answer {
            Answer::Stored(stored) if !stored.duplicate && stored.offset < self.next => {
                // Offsets begin anew: this is another stream by now. If it is the same one after all,
                // what was sent is sent again, and is known there.
                let text = format!("offset {} comes after {}", stored.offset, self.next);
                match self.shared.core.look().await {
                    Err(Unseen::Deleted) => self.end(),
                    Ok(_) | Err(Unseen::Away(_)) => self.lost(text.into()),
                }
            }
            Answer::Stored(stored) => {
                self.looks = 0;
                if !stored.duplicate {
                    self.next = stored.offset.next();
                }
                if let Some(flight) = self.window.stored(ticket) {
                    self.tell(flight, Ok(stored));
                }
            }
            Answer::Full => self.window.no_room(ticket),
            Answer::Refused(cause) => {
                if let Some(flight) = self.window.refused(ticket) {
                    self.tell(flight, Err(Fault::Unavailable(cause).into()));
                }
            }
            Answer::Size => self.too_large(ticket).await,
            Answer::Lost(cause) => self.lost(cause),
        }
    }

    /// Tells the outcome of a message.
    fn tell(&mut self, flight: Flight, outcome: Result<Stored, PublishFault>) {
        self.freed += flight.bytes;
        flight.promise.keep(outcome);
    }

    /// A message was too large for the stream, as all are for a closed one.
    async fn too_large(&mut self, ticket: Ticket) {
        let max_bytes = match self.shared.core.look().await {
            Ok(info) => usize::try_from(info.config.max_message_size).unwrap_or_default(),
            Err(Unseen::Deleted) => return self.end(),
            Err(Unseen::Away(cause)) => return self.lost(cause),
        };
        if self.shared.core.phase() != Phase::Open {
            return self.end();
        }
        if let Some(flight) = self.window.refused(ticket) {
            let bytes = flight.bytes;
            self.tell(flight, Err(PublishFault::TooLarge { bytes, max_bytes }));
        }
    }

    /// It is not known what became of what was sent: it is found out before anything else is sent.
    fn lost(&mut self, cause: Cause) {
        self.window.again();
        self.line = None;
        match &mut self.outage {
            Some((known, _, _)) => *known = cause,
            None => self.outage = Some((cause, Instant::now(), 0)),
        }
    }

    /// Gets something to send on, after it has asked about the stream where something was lost.
    async fn connect(&mut self) {
        if self.line.take().is_some_and(|line| line.session.is_cut()) {
            self.lost("the connection was cut".into());
        }
        if let Some((_, since, tries)) = &mut self.outage {
            let link = &self.shared.core.link;
            let limit = if link.is_down() { Some(LINGER) } else { link.settings.give_up_after };
            let over = limit.is_some_and(|limit| since.elapsed() >= limit);
            *tries += 1;
            let pause = Settings::AWAY.delay(*tries - 1);
            if over {
                return self.give_up();
            }
            if *tries > 1 {
                sleep(pause).await;
            }
            match self.shared.core.look().await {
                Ok(_) if self.shared.core.phase() == Phase::Open => {}
                Ok(_) | Err(Unseen::Deleted) => return self.end(),
                Err(Unseen::Away(cause)) => return self.lost(cause),
            }
        }
        match self.open_line().await {
            Ok(line) => self.line = Some(line),
            Err(cause) => self.lost(cause),
        }
    }

    async fn open_line(&self) -> Result<Line, Cause> {
        let session = self.shared.core.link.outbound.session().await?;
        let inbox = format!("_INBOX.{}", names::unique());
        let answers = session.client.subscribe(format!("{inbox}.*.*")).await?;
        Ok(Line { session, inbox, answers })
    }

    /// Everything that was sent was refused, or is stored: there was no room.
    async fn look_for_room(&mut self) {
        let waits = self.shared.core.options().overflow == Overflow::Wait;
        if !waits {
            for flight in self.window.give_up_refused() {
                self.tell(flight, Err(PublishFault::Full));
            }
            if !self.window.stalled() {
                return;
            }
        }
        let now = Instant::now();
        let late = |flight: &Flight| flight.until.is_some_and(|until| until <= now);
        for flight in self.window.expire(late) {
            self.tell(flight, Err(PublishFault::Timeout));
        }
        match self.shared.core.make_room().await {
            Ok(true) => self.looks = 0,
            // Nobody waits for room any longer than there is a broker.
            Ok(false) if waits && self.shared.core.link.is_down() => return self.end(),
            Ok(false) if waits => {
                self.looks += 1;
                let deadlines = self.window.open().filter_map(|flight| flight.until);
                let deadline = deadlines.filter(|until| *until > now).min();
                let next = now + FULL.delay(self.looks);
                let next = deadline.map_or(next, |deadline| deadline.min(next));
                let mut down = self.shared.core.link.down();
                let _ = timeout_at(next, down.wait_for(|down| *down)).await;
            }
            Ok(false) => {}
            Err(Unseen::Deleted) => return self.end(),
            Err(Unseen::Away(cause)) => return self.lost(cause),
        }
        if self.shared.core.phase() != Phase::Open {
            return self.end();
        }
        self.window.retry();
    }

    /// The topic is closed or deleted.
    fn end(&mut self) {
        let phase = self.shared.core.phase();
        self.outage = None;
        for (flight, _) in self.window.abandon() {
            let fault = match phase {
                Phase::Deleted => Fault::Deleted.into(),
                Phase::Open | Phase::Closed => PublishFault::Closed,
            };
            self.tell(flight, Err(fault));
        }
    }

    /// It was tried for long enough.
    fn give_up(&mut self) {
        let cause = self.outage.take().map(|(cause, _, _)| cause.to_string()).unwrap_or_default();
        for (flight, sent) in self.window.abandon() {
            let cause = cause.clone().into();
            let fault = match sent {
                true => PublishFault::Unknown(cause),
                false => Fault::Unavailable(cause).into(),
            };
            self.tell(flight, Err(fault));
        }
    }
}
