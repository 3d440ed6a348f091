//! The task of a publisher: sends what is admitted, and takes the answers.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_nats::Subscriber;
use futures_util::StreamExt as _;
use memq::spi::{Fault, PublishFault, Stored};
use memq::{Backoff, Cause, Offset, Overflow};
use tokio::time::{Instant, sleep, timeout};

use super::Shared;
use super::admitted::{Flight, Line, Outage, TooLarge};
use super::answer::{self, Answer, Inbox};
use super::late;
use super::window::{Ticket, Window};
use crate::outbound::Session;
use crate::settings::Settings;
use crate::time::clamped;
use crate::topic::{Phase, Unseen};

/// The pause between looks for room.
const FULL: Backoff = Backoff::exponential(Duration::from_millis(1), Duration::from_millis(250));

/// Answers that are looked at before anything else is done, at most.
const MOST_HEARD: usize = 128;

/// How often an answer is waited for twice as long as before, at most.
const MOST_VAIN: u32 = 4;

/// How long what is admitted is tried to be sent once the broker is gone.
const LINGER: Duration = Duration::from_secs(30);

/// Where answers come.
struct Answers {
    messages: Subscriber,
    session: Session,
}

impl Answers {
    /// Waits for answers, and adds those that are here; `false` where none comes after them.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has taken none.
    async fn next(&mut self, heard: &mut VecDeque<(Ticket, Answer)>) -> bool {
        poll_fn(|cx| {
            while heard.len() < MOST_HEARD {
                match self.messages.poll_next_unpin(cx) {
                    Poll::Ready(Some(message)) => heard.extend(answer::of(&message)),
                    Poll::Ready(None) => return Poll::Ready(false),
                    Poll::Pending if heard.is_empty() => return Poll::Pending,
                    Poll::Pending => break,
                }
            }
            Poll::Ready(true)
        })
        .await
    }
}

/// What is to be done while there is something to send on.
enum Now {
    /// Something else; whether it is still there.
    Leave(bool),
    /// It takes no more for now.
    Flush,
    /// Waiting, and whether for an answer.
    Wait(bool),
}

/// What there is to do.
enum Next {
    /// Nothing, until something is admitted.
    Wait,
    Connect,
    LookForRoom,
    Serve(Answers),
    End,
}

pub(super) struct Driver {
    shared: Arc<Shared>,
    /// Those of the line.
    answers: Option<Answers>,
    /// What the next message is stored at, at least.
    next: Offset,
    /// What was done when it was last told, and whether nothing was stored then.
    told: (u64, bool),
    /// How often room was looked for in vain.
    looks: u32,
    /// How often in a row no answer came in time.
    vain: u32,
    /// What is stored and is to be told so; empty but while that is done.
    stored: Vec<(Flight, Stored)>,
}

/// Where the task ends with its runtime, nobody sends or hears anything any more.
impl Drop for Driver {
    fn drop(&mut self) {
        let abandoned = {
            let mut state = self.shared.state();
            state.over = true;
            state.line = None;
            state.abandon()
        };
        for (flight, sent) in abandoned {
            let fault = match sent {
                true => PublishFault::Unknown("the runtime has ended".into()),
                false => PublishFault::Closed,
            };
            flight.promise.keep(Err(fault));
        }
        self.shared.room.notify_waiters();
        self.shared.done.notify_waiters();
    }
}

impl Driver {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            answers: None,
            next: Offset(0),
            told: (0, false),
            looks: 0,
            vain: 0,
            stored: Vec::new(),
        }
    }

    /// Sends until the handle is gone and everything is done.
    pub(super) async fn run(mut self) {
        let shared = self.shared.clone();
        tokio::select! {
            biased;
            () = self.work() => {}
            () = late::watch(&shared) => {}
        }
    }

    async fn work(&mut self) {
        loop {
            match self.next() {
                Next::Wait => self.shared.work.notified().await,
                Next::Connect => self.connect().await,
                Next::LookForRoom => self.look_for_room().await,
                Next::Serve(answers) => self.serve(answers).await,
                Next::End => return,
            }
            self.tell_of_done();
        }
    }

    fn next(&mut self) -> Next {
        let state = self.shared.state();
        let is_connected = state.line.as_ref().is_some_and(|line| !line.session.is_cut());
        if state.window.is_empty() && state.left {
            return Next::End;
        }
        if is_connected && !state.window.stalled() {
            return self.answers.take().map_or(Next::Connect, Next::Serve);
        }
        match state.window.is_empty() {
            true => Next::Wait,
            false if is_connected => Next::LookForRoom,
            false => Next::Connect,
        }
    }

    /// Rings those that wait for something to be done, or for room.
    fn tell_of_done(&mut self) {
        let (done, stood) = self.told;
        let state = self.shared.state();
        self.told = (state.done, state.stands());
        drop(state);
        let is_done = self.told.0 > done;
        if is_done || (self.told.1 && !stood) {
            // Each that waits looks for itself, and one that has room enough leaves some.
            self.shared.room.notify_waiters();
        }
        if is_done {
            self.shared.done.notify_waiters();
        }
    }

    /// Sends what may be sent and takes the answers, until there is something else to do.
    async fn serve(&mut self, mut answers: Answers) {
        let (shared, mut session) = (self.shared.clone(), answers.session.clone());
        let client = session.client.clone();
        let timeout = shared.core.link.settings.ack_timeout;
        let timeout = clamped(timeout.saturating_mul(1 << self.vain.min(MOST_VAIN)));
        let mut cut = pin!(session.cut());
        let mut work = pin!(shared.work.notified());
        let mut patience = pin!(sleep(timeout));
        let mut heard = VecDeque::new();
        loop {
            let is_sent = self.send();
            self.tell_of_done();
            let now = {
                let mut state = shared.state();
                let is_over = state.window.stalled() || (state.window.is_empty() && state.left);
                if state.line.is_none() || is_over {
                    state.watched = false;
                    Now::Leave(state.line.is_some())
                } else if !is_sent && !answers.session.is_cut() {
                    Now::Flush
                } else {
                    if state.window.waits() && !state.watched {
                        state.watched = true;
                        patience.as_mut().reset(state.heard + timeout);
                    }
                    Now::Wait(state.watched)
                }
            };
            let watched = match now {
                Now::Leave(is_connected) => {
                    self.answers = is_connected.then_some(answers);
                    return;
                }
                // As soon as what it has is written it takes more.
                Now::Flush => {
                    if client.flush().await.is_err() {
                        self.cut_off("the connection has ended");
                    }
                    continue;
                }
                Now::Wait(watched) => watched,
            };
            tokio::select! {
                biased;
                is_open = answers.next(&mut heard) => {
                    self.hear(&mut heard).await;
                    if !is_open {
                        self.cut_off("the connection has ended");
                    }
                }
                () = &mut cut => self.cut_off("the connection was cut"),
                () = &mut work => work.set(shared.work.notified()),
                () = &mut patience, if watched => {
                    if let Some(heard) = self.has_patience(timeout) {
                        patience.as_mut().reset(heard + timeout);
                    }
                }
            }
        }
    }

    /// Sends what may be sent; `false` where it could not.
    fn send(&self) -> bool {
        let mut too_large = Vec::new();
        let is_sent = self.shared.state().send(&mut too_large);
        too_large.into_iter().for_each(TooLarge::tell);
        is_sent
    }

    /// When something was last heard, where it is still waited for an answer and was not for too long.
    fn has_patience(&mut self, timeout: Duration) -> Option<Instant> {
        let mut state = self.shared.state();
        state.watched = state.window.waits();
        let (watched, heard) = (state.watched, state.heard);
        drop(state);
        if watched && heard.elapsed() >= timeout {
            // One that takes longer than that to be sent would else be sent again and again.
            self.vain += 1;
            self.lost(format!("no answer within {timeout:?}").into());
            return None;
        }
        watched.then_some(heard)
    }

    /// There is nothing to send on any more.
    fn cut_off(&mut self, why: &'static str) {
        let mut state = self.shared.state();
        state.line = None;
        let waits = state.window.waits();
        drop(state);
        if waits {
            self.lost(why.into());
        }
    }

    /// Answers came.
    async fn hear(&mut self, answers: &mut VecDeque<(Ticket, Answer)>) {
        while !answers.is_empty() {
            self.hear_stored(answers);
            let Some((ticket, answer)) = answers.pop_front() else { return };
            {
                let is_lost = matches!(answer, Answer::Lost(_));
                let mut state = self.shared.state();
                state.heard(is_lost);
                if !is_lost && ticket.round == state.window.round() {
                    self.vain = 0;
                }
            }
            self.answered(ticket, answer).await;
        }
    }

    /// Takes the first answers, up to one that says something else than that a message is stored where it
    /// may be, under one lock, and tells what they say.
    fn hear_stored(&mut self, answers: &mut VecDeque<(Ticket, Answer)>) {
        let mut state = self.shared.state();
        let (round, mut counts) = (state.window.round(), false);
        while let Some((ticket, answer)) = answers.front() {
            // What was answered before all was sent again counts no more.
            if ticket.round == round {
                let Answer::Stored(stored) = *answer else { break };
                if !stored.duplicate && stored.offset < self.next {
                    break;
                }
                counts = true;
                if !stored.duplicate {
                    self.next = stored.offset.next();
                }
                self.stored.extend(state.stored(*ticket).map(|flight| (flight, stored)));
            }
            answers.pop_front();
        }
        if counts {
            (self.looks, self.vain) = (0, 0);
            state.heard(false);
            state.advance();
        }
        drop(state);
        // The first ones last: who waits for them in turn is woken once, and finds all of them.
        for (flight, stored) in self.stored.drain(..).rev() {
            flight.promise.keep(Ok(stored));
        }
    }

    async fn answered(&mut self, ticket: Ticket, answer: Answer) {
        match answer {
            Answer::Stored(stored) => {
                // Offsets begin anew: this is another stream by now. If it is the same one after all,
                // what was sent is sent again, and is known there.
                let text = format!("offset {} comes after {}", stored.offset, self.next);
                match self.shared.core.look().await {
                    Err(Unseen::Deleted) => self.end(),
                    Ok(_) | Err(Unseen::Away(_)) => self.lost(text.into()),
                }
            }
            Answer::Full => self.shared.state().window.no_room(ticket),
            Answer::Refused(cause) => {
                let taken = self.shared.state().take(|window| window.refused(ticket));
                if let Some(flight) = taken {
                    flight.promise.keep(Err(Fault::Unavailable(cause).into()));
                }
            }
            Answer::Size => self.too_large(ticket).await,
            Answer::Lost(cause) => self.lost(cause),
        }
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
        let taken = self.shared.state().take(|window| window.refused(ticket));
        if let Some(flight) = taken {
            let bytes = flight.bytes;
            flight.promise.keep(Err(PublishFault::TooLarge { bytes, max_bytes }));
        }
    }

    /// It is not known what became of what was sent: it is found out before anything else is sent.
    fn lost(&mut self, cause: Cause) {
        let mut state = self.shared.state();
        state.window.again();
        state.line = None;
        match &mut state.outage {
            Some(outage) => outage.cause = cause,
            None => state.outage = Some(Outage { cause, since: Instant::now(), tries: 0 }),
        }
    }

    /// Gets something to send on, after it has asked about the stream where something was lost.
    async fn connect(&mut self) {
        self.answers = None;
        self.cut_off("the connection was cut");
        if let Some((since, tries)) = self.tries() {
            let link = &self.shared.core.link;
            let limit = if link.is_down() { Some(LINGER) } else { link.settings.give_up_after };
            if limit.is_some_and(|limit| since.elapsed() >= limit) {
                return self.give_up();
            }
            if tries > 1 {
                sleep(Settings::AWAY.delay(tries - 1)).await;
            }
            match self.shared.core.look().await {
                Ok(_) if self.shared.core.phase() == Phase::Open => {}
                Ok(_) | Err(Unseen::Deleted) => return self.end(),
                Err(Unseen::Away(cause)) => return self.lost(cause),
            }
        }
        match self.open_line().await {
            Ok((line, answers)) => {
                self.answers = Some(answers);
                self.shared.state().line = Some(line);
            }
            Err(cause) => self.lost(cause),
        }
    }

    /// Since when something is lost, and which try this is.
    fn tries(&self) -> Option<(Instant, u32)> {
        let mut state = self.shared.state();
        let outage = state.outage.as_mut()?;
        outage.tries = outage.tries.saturating_add(1);
        Some((outage.since, outage.tries))
    }

    async fn open_line(&self) -> Result<(Line, Answers), Cause> {
        let session = self.shared.core.link.outbound.session().await?;
        let inbox = Inbox::new();
        let messages = session.client.subscribe(inbox.pattern()).await?;
        let answers = Answers { messages, session: session.clone() };
        Ok((Line { session, inbox }, answers))
    }

    /// Everything that was sent was refused, or is stored: there was no room.
    async fn look_for_room(&mut self) {
        let waits = self.shared.core.options().overflow == Overflow::Wait;
        if !waits {
            let given_up = self.shared.state().take(Window::give_up_refused);
            given_up.into_iter().for_each(|flight| flight.promise.keep(Err(PublishFault::Full)));
            if !self.shared.state().window.stalled() {
                return;
            }
        }
        match self.shared.core.make_room().await {
            Ok(true) => self.looks = 0,
            // Nobody waits for room any longer than there is a broker.
            Ok(false) if waits && self.shared.core.link.is_down() => return self.end(),
            Ok(false) if waits => {
                self.looks += 1;
                let mut down = self.shared.core.link.down();
                let _ = timeout(FULL.delay(self.looks), down.wait_for(|down| *down)).await;
            }
            Ok(false) => {}
            Err(Unseen::Deleted) => return self.end(),
            Err(Unseen::Away(cause)) => return self.lost(cause),
        }
        if self.shared.core.phase() != Phase::Open {
            return self.end();
        }
        self.shared.state().window.retry();
    }

    /// The topic is closed or deleted.
    fn end(&mut self) {
        let phase = self.shared.core.phase();
        for (flight, _) in self.abandon().0 {
            let fault = match phase {
                Phase::Deleted => Fault::Deleted.into(),
                Phase::Open | Phase::Closed => PublishFault::Closed,
            };
            flight.promise.keep(Err(fault));
        }
    }

    /// It was tried for long enough.
    fn give_up(&mut self) {
        let (abandoned, outage) = self.abandon();
        let cause = outage.map(|outage| outage.cause.to_string()).unwrap_or_default();
        for (flight, sent) in abandoned {
            let cause = cause.clone().into();
            let fault = match sent {
                true => PublishFault::Unknown(cause),
                false => Fault::Unavailable(cause).into(),
            };
            flight.promise.keep(Err(fault));
        }
    }

    /// Nothing more is tried for what is admitted.
    fn abandon(&mut self) -> (Vec<(Flight, bool)>, Option<Outage>) {
        let mut state = self.shared.state();
        (state.abandon(), state.outage.take())
    }
}
