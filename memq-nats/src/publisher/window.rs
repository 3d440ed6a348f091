//! What a publisher has under way, and in which order it is sent, as a state machine: it knows no
//! connection and no clock.
//!
//! Messages are sent in order, as many at once as the window is wide. When the outcome of one is not
//! known, all that are not known to be stored are sent again, in order and under their ids: the first
//! alone, until it is known that the server is there. What was answered before that counts no more.

use std::collections::VecDeque;

/// Messages under way, oldest first.
#[derive(Debug)]
pub(crate) struct Window<M> {
    flights: VecDeque<Flight<M>>,
    /// The number of the first; each has one more than the one before it.
    first: u64,
    /// How many of them, from the first on, were looked at for sending in this round.
    passed: usize,
    /// How many of those wait for their answer.
    under_way: usize,
    /// How many may.
    width: usize,
    most: usize,
    /// Which round this is. Answers to an earlier one are not looked at.
    round: u64,
    /// Whether one was refused since there was no room, so that nothing more is sent.
    full: bool,
}

#[derive(Debug)]
struct Flight<M> {
    /// `None` once its outcome is told.
    message: Option<M>,
    state: State,
    /// Whether it was sent and may be stored.
    sent: bool,
    /// Whether it was sent again after room was looked for.
    retried: bool,
    /// Whether it is stored.
    stored: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    UnderWay,
    Refused,
    Done,
}

/// What a message is sent under, so that its answer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) round: u64,
    pub(crate) number: u64,
}

impl<M> Window<M> {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            flights: VecDeque::new(),
            first: 0,
            passed: 0,
            under_way: 0,
            width: most,
            most,
            round: 0,
            full: false,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// Which round this is.
    pub(crate) const fn round(&self) -> u64 {
        self.round
    }

    /// Whether an answer is waited for.
    pub(crate) const fn waits(&self) -> bool {
        self.under_way > 0
    }

    /// One more, behind the others.
    pub(crate) fn push(&mut self, message: M) {
        self.flights.push_back(Flight {
            message: Some(message),
            state: State::Waiting,
            sent: false,
            retried: false,
            stored: false,
        });
    }

    /// The next one to send now.
    pub(crate) fn next(&mut self) -> Option<(Ticket, &mut M)> {
        if self.full || self.under_way >= self.width {
            return None;
        }
        while self.flights.get(self.passed)?.state != State::Waiting {
            self.passed += 1;
        }
        let number = self.first + self.passed as u64;
        let message = self.flights.get_mut(self.passed)?.message.as_mut()?;
        Some((Ticket { round: self.round, number }, message))
    }

    /// That one is sent.
    pub(crate) fn sent(&mut self) {
        if let Some(flight) = self.flights.get_mut(self.passed) {
            flight.state = State::UnderWay;
            flight.sent = true;
            self.passed += 1;
            self.under_way += 1;
        }
    }

    /// That one is not to be sent after all.
    pub(crate) fn withdraw(&mut self) -> Option<M> {
        let flight = self.flights.get_mut(self.passed)?;
        flight.state = State::Done;
        flight.message.take()
    }

    /// The message that this is the answer to, if it is waited for; it is stored.
    pub(crate) fn stored(&mut self, ticket: Ticket) -> Option<M> {
        let message = self.done(ticket, true)?;
        // Somebody is there, so that more may be sent at once.
        self.width = self.width.saturating_mul(2).min(self.most);
        Some(message)
    }

    /// The same for one that is refused alone, for good.
    pub(crate) fn refused(&mut self, ticket: Ticket) -> Option<M> {
        self.done(ticket, false)
    }

    fn done(&mut self, ticket: Ticket, stored: bool) -> Option<M> {
        let flight = self.answered(ticket)?;
        flight.state = State::Done;
        flight.stored = stored;
        flight.message.take()
    }

    /// There was no room for one. Nothing more is sent until [`stalled`](Self::stalled) was seen to.
    pub(crate) fn no_room(&mut self, ticket: Ticket) {
        if let Some(flight) = self.answered(ticket) {
            flight.state = State::Refused;
            flight.sent = false;
            self.full = true;
        }
    }

    fn answered(&mut self, ticket: Ticket) -> Option<&mut Flight<M>> {
        if ticket.round != self.round {
            return None;
        }
        let at = usize::try_from(ticket.number.checked_sub(self.first)?).ok()?;
        let flight = self.flights.get_mut(at)?;
        if flight.state != State::UnderWay {
            return None;
        }
        self.under_way -= 1;
        Some(flight)
    }

    /// The outcome of something that was sent is not known: all is sent again that is not done, and
    /// the first alone.
    pub(crate) fn again(&mut self) {
        self.round += 1;
        self.width = 1;
        self.restart();
    }

    fn restart(&mut self) {
        self.passed = 0;
        self.under_way = 0;
        self.full = false;
        for flight in &mut self.flights {
            if flight.state != State::Done {
                flight.state = State::Waiting;
            }
        }
    }

    /// Whether nothing is sent any more since there was no room, and all answers are there.
    pub(crate) const fn stalled(&self) -> bool {
        self.full && self.under_way == 0
    }

    /// Room was looked for: those that were refused are sent again, the first alone.
    pub(crate) fn retry(&mut self) {
        self.width = 1;
        for flight in &mut self.flights {
            flight.retried |= flight.state == State::Refused;
        }
        self.restart();
    }

    /// Takes out those that were refused for good, in a topic that lets nobody wait: for which room
    /// was looked for in vain, or behind which another one is stored, so that they would be out of
    /// order now.
    pub(crate) fn give_up_refused(&mut self) -> Vec<M> {
        let mut given_up = Vec::new();
        let last = self.flights.iter().rposition(|flight| flight.stored);
        for (at, flight) in self.flights.iter_mut().enumerate() {
            let late = last.is_some_and(|last| at < last);
            if flight.state == State::Refused && (flight.retried || late) {
                flight.state = State::Done;
                given_up.extend(flight.message.take());
            }
        }
        if self.flights.iter().all(|flight| flight.state != State::Refused) {
            self.full = false;
        }
        given_up
    }

    /// Takes out what is not under way and not to wait any longer.
    pub(crate) fn expire(&mut self, late: impl Fn(&M) -> bool) -> Vec<M> {
        let mut expired = Vec::new();
        for flight in &mut self.flights {
            let waits = matches!(flight.state, State::Waiting | State::Refused) && !flight.sent;
            if waits && flight.message.as_ref().is_some_and(&late) {
                flight.state = State::Done;
                expired.extend(flight.message.take());
            }
        }
        expired
    }

    /// Takes out everything; with each message, whether it may be stored.
    pub(crate) fn abandon(&mut self) -> Vec<(M, bool)> {
        let mut abandoned = Vec::new();
        for flight in &mut self.flights {
            flight.state = State::Done;
            abandoned.extend(flight.message.take().map(|message| (message, flight.sent)));
        }
        self.again();
        abandoned
    }

    /// Forgets what is done at the front, and says how many those were.
    pub(crate) fn advance(&mut self) -> usize {
        let open = self.flights.iter().position(|flight| flight.state != State::Done);
        let done = open.unwrap_or(self.flights.len());
        self.flights.drain(..done);
        self.first += done as u64;
        self.passed = self.passed.saturating_sub(done);
        done
    }

    /// Those that are not done, to be changed.
    pub(crate) fn open_mut(&mut self) -> impl Iterator<Item = &mut M> {
        self.flights.iter_mut().filter_map(|flight| flight.message.as_mut())
    }

    /// Those that are not done.
    pub(crate) fn open(&self) -> impl Iterator<Item = &M> {
        self.flights.iter().filter_map(|flight| flight.message.as_ref())
    }
}

#[cfg(test)]
mod tests;
