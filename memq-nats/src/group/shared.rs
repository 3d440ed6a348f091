//! What a member, its tokens and its tasks share.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use async_nats::Subject;
use bytes::Bytes;
use futures_util::FutureExt as _;
use memq::spi::{Fault, GroupRules, Incoming, ReadEnd, SettleFault};
use memq::{Cause, GroupStats, Offset};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::unconstrained;
use tokio::time::Instant;

use super::asking::{Asking, Asks, Quiet};
use super::bell::{Bell, Rest};
use super::held::Holds;
use super::parts::Part;
use super::register::Register;
use crate::topic::Core;

/// What the server is told of a delivery.
pub(super) const ACK: Bytes = Bytes::from_static(b"+ACK");
pub(super) const RETURN: Bytes = Bytes::from_static(b"-NAK");
pub(super) const FORGET: Bytes = Bytes::from_static(b"+TERM");
pub(super) const PROGRESS: Bytes = Bytes::from_static(b"+WPI");

/// Messages that a pull brings at most: far fewer than the client keeps for who does not look.
const PULL: usize = 1_024;

/// What is fetched before it is asked for: what one member has is not for the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    /// Messages, at most.
    most: usize,
    /// The part of what waits in the group that they are at most.
    share: u64,
}

impl Ahead {
    /// As was said. Else nothing where attempts are counted against a message: what is given back unused
    /// counts as one too. Nothing where members may hold so many together: it would be of what the others
    /// may.
    pub(super) fn new(said: Option<usize>, rules: &GroupRules) -> Self {
        match (said, rules.max_attempts) {
            _ if rules.max_in_flight.is_some() => Self { most: 0, share: 1 },
            (Some(most), _) => Self { most, share: 1 },
            (None, None) => Self { most: 64, share: 16 },
            (None, Some(_)) => Self { most: 0, share: 1 },
        }
    }
}

pub(super) struct Shared {
    pub(super) core: Arc<Core>,
    pub(super) group: Box<str>,
    pub(super) member: u64,
    /// Tells the group from another one of its name.
    pub(super) id: String,
    pub(super) rules: GroupRules,
    /// Messages that this member may hold.
    pub(super) most: usize,
    pub(super) prefetch: Ahead,
    /// To who sends what settles: a subject, and what to say.
    pub(super) outbox: mpsc::UnboundedSender<(Subject, Bytes)>,
    /// Rings the tasks.
    pub(super) turn: watch::Sender<()>,
    /// Rings those that ask for nothing at the moment.
    pub(super) wanted: Notify,
    /// Rings who goes on with the lane of messages without a key, or of all.
    pub(super) bell: Arc<Bell>,
    asking: watch::Sender<Asking>,
    /// Held while it is looked at what became of the group: one of its tasks does that.
    pub(super) looking: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

pub(super) struct State {
    /// The group, as it was last heard.
    pub(super) register: Register,
    /// Counts how often it was moved. What was handed out before that is settled by it.
    pub(super) moves: u64,
    /// What arrived, and was not handed out.
    pub(super) ready: VecDeque<Arrived>,
    /// Whether a task sees to it that it is kept.
    pub(super) watched: bool,
    /// What was handed out, and not settled.
    pub(super) held: Holds,
    /// The last offset that has arrived. Nothing after it is in either.
    last: Option<Offset>,
    serial: u64,
    /// Messages that are waited for.
    wanted: usize,
    /// Messages that are fetched ahead.
    ahead: usize,
    pub(super) waker: Option<Waker>,
    pub(super) end: Option<End>,
    /// An outage to tell of, once.
    pub(super) outage: Option<Cause>,
    /// Whether it takes no more.
    retired: bool,
    /// Whether it is gone.
    left: bool,
    /// Consumers that are asked for messages.
    pub(super) lanes: usize,
    /// Messages without a key, or all, that nobody was handed yet.
    pending: u64,
    pub(super) stats: GroupStats,
    /// Whether they are asked for.
    pub(super) stale: bool,
}

/// What a consumer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Messages, at most.
    pub(super) batch: usize,
    /// Whether it waits for the first, since none may be there.
    pub(super) waits: bool,
}

/// A message that arrived.
pub(super) struct Arrived {
    pub(super) incoming: Incoming,
    pub(super) attempt: u32,
    /// What the server is told to settle it.
    pub(super) reply: Subject,
    /// When its deadline began.
    pub(super) since: Instant,
}

/// Why there will be no more messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Closed,
    GroupDeleted,
    Deleted,
}

impl End {
    pub(super) fn read(self) -> ReadEnd {
        match self {
            Self::Closed => ReadEnd::Closed,
            Self::GroupDeleted => ReadEnd::GroupDeleted,
            Self::Deleted => Fault::Deleted.into(),
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("topic", &self.core.name)
            .field("name", &self.group)
            .field("member", &self.member)
            .finish_non_exhaustive()
    }
}

impl State {
    pub(super) fn new(register: Register, stats: GroupStats) -> Self {
        Self {
            register,
            moves: 0,
            ready: VecDeque::new(),
            watched: false,
            held: Holds::default(),
            last: None,
            serial: 0,
            wanted: 0,
            ahead: 0,
            waker: None,
            end: None,
            outage: None,
            retired: false,
            left: false,
            // The main one.
            lanes: 1,
            pending: 0,
            stats,
            stale: false,
        }
    }

    /// Whether it takes no more messages.
    pub(super) fn is_over(&self) -> bool {
        self.left || self.retired || self.end.is_some()
    }

    /// Whether there is nothing left to do for it.
    pub(super) fn is_left(&self) -> bool {
        self.left || self.end.is_some_and(|end| end != End::Closed)
    }

    /// A number that no other hand-out has.
    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// It waits for this many, or for more where it has asked for more since the last one came: who
    /// wants many takes what there is, and then waits for the first. What is returned is dropped without
    /// the lock: it may hold deliveries of the member.
    #[must_use]
    pub(super) fn want(&mut self, messages: usize, waker: &Waker) -> Option<Waker> {
        self.wanted = self.wanted.max(messages);
        if self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return None;
        }
        self.waker.replace(waker.clone())
    }

    /// It has some. More is fetched once half of what may lie here is left.
    pub(super) fn satisfied(&mut self, prefetch: Ahead) {
        self.wanted = 0;
        let Ahead { most, share } = prefetch;
        let most = usize::try_from(self.pending / share).unwrap_or(usize::MAX).min(most);
        let low = self.ready.len() * 2 < most;
        self.ahead = if low { most - self.ready.len() } else { 0 };
    }

    /// A pull was told that nothing is there.
    pub(super) fn found_nothing(&mut self) {
        (self.pending, self.ahead) = (0, 0);
    }

    /// What a part is to be asked for, by a member that may hold so many. Where some are known to wait
    /// many are asked for without an end, which is less work for the server; if others took them meanwhile
    /// another pull follows, and so one message is asked for by one that waits. What nobody waits for is
    /// fetched by none that waits. Where the group may be full only one that waits is answered.
    fn asks(&self, part: Part, most: usize) -> Asked {
        let (wanted, known) = match part {
            Part::Keyed(_) => (self.wanted.min(1), 0),
            Part::All | Part::Unkeyed => (self.wanted.max(self.ahead), self.pending),
        };
        let room = most.saturating_sub(self.held.len() + self.ready.len());
        let batch = wanted.min(room).min(PULL);
        let limited = self.register.rules.max_in_flight.is_some();
        Asked { batch, waits: self.wanted > 0 && (batch < 2 || known == 0 || limited) }
    }

    /// Whether something is to be fetched ahead.
    pub(super) fn fetches(&self) -> bool {
        self.ahead > 0
    }
}

impl Shared {
    pub(super) fn new(
        core: Arc<Core>,
        group: Box<str>,
        member: u64,
        most: usize,
        prefetch: Ahead,
        state: State,
        outbox: mpsc::UnboundedSender<(Subject, Bytes)>,
    ) -> Self {
        let (id, rules) = (state.register.id.clone(), state.register.rules.clone());
        let (turn, wanted) = (watch::Sender::new(()), Notify::new());
        let (asking, looking) = (watch::Sender::default(), tokio::sync::Mutex::default());
        let (bell, state) = (Arc::default(), Mutex::new(state));
        Self {
            core,
            group,
            member,
            id,
            rules,
            most,
            prefetch,
            outbox,
            turn,
            wanted,
            bell,
            asking,
            looking,
            state,
        }
    }

    pub(super) fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rings all tasks.
    pub(super) fn ring(&self) {
        self.turn.send_replace(());
    }

    /// The lane of a part only waits, as long as this lives.
    pub(super) fn rest(&self, part: Part) -> Option<Rest<'_>> {
        // Those of messages with a key have tasks of their own.
        (!matches!(part, Part::Keyed(_))).then(|| self.bell.rest())
    }

    /// A pull begins.
    pub(super) fn asks(&self) -> Asks {
        self.asking.send_modify(|asking| asking.pulls += 1);
        Asks(self.asking.clone())
    }

    pub(super) fn quiet(&self) -> Quiet {
        Quiet(self.asking.subscribe())
    }

    /// Tells the server something about a delivery. What is lost on the way comes back.
    pub(super) fn tell(&self, reply: &Subject, what: Bytes) {
        // What brings no message back waits for nobody, and may overtake what does not settle.
        if what == ACK || what == FORGET {
            let telling = self.core.link.client.publish(reply.clone(), what.clone());
            if unconstrained(telling).now_or_never().is_some() {
                return;
            }
        }
        let _ = self.outbox.send((reply.clone(), what));
    }

    /// What a part is called on the server.
    pub(super) fn durable(&self, part: Part, state: &State) -> String {
        part.durable(&self.group, &state.register.epoch, self.core.options().partitions)
    }

    /// What a part is to be asked for now; `None` where it is over.
    pub(super) fn request(&self, part: Part) -> Option<Asked> {
        let state = self.locked();
        if state.is_over() {
            return None;
        }
        Some(state.asks(part, self.most))
    }

    /// Takes in what arrived together; gives it back where it is over or the group was moved.
    pub(super) fn arrive(&self, part: Part, moves: u64, run: &mut Vec<Arrived>, pending: u64) {
        let mut state = self.locked();
        if state.moves != moves || run.is_empty() {
            return;
        }
        if state.is_over() {
            run.iter().for_each(|message| self.tell(&message.reply, RETURN));
            return;
        }
        for message in &*run {
            let offset = message.incoming.offset;
            if state.last.is_some_and(|last| offset <= last) {
                // Handed out again: what was handed out before does not count any more.
                state.held.remove(&offset);
                state.ready.retain(|ready| ready.incoming.offset != offset);
            }
            state.last = state.last.max(Some(offset));
        }
        state.ready.extend(run.drain(..));
        (state.wanted, state.ahead) = (0, 0);
        if !matches!(part, Part::Keyed(_)) {
            state.pending = pending;
        }
        let (waker, watched) = (state.waker.take(), std::mem::replace(&mut state.watched, true));
        drop(state);
        self.bell.tell(waker);
        if !watched {
            self.ring();
        }
    }

    /// There will be no more messages. The first word counts, but that it is deleted always does.
    pub(super) fn finish(&self, end: End) {
        let mut state = self.locked();
        if matches!(state.end, None | Some(End::Closed)) {
            state.end = Some(end);
        }
        self.give_back(&mut state);
        let waker = state.waker.take();
        drop(state);
        self.bell.tell(waker);
        self.bell.end();
        self.ring();
    }

    /// It takes no more messages.
    pub(super) fn retire(&self) {
        self.asking.send_modify(|asking| asking.over = true);
        let mut state = self.locked();
        state.retired = true;
        self.give_back(&mut state);
        drop(state);
        self.bell.end();
        self.ring();
    }

    /// It is gone, with all that it holds.
    pub(super) fn leave(&self) {
        self.asking.send_modify(|asking| asking.over = true);
        let mut state = self.locked();
        state.left = true;
        self.give_back(&mut state);
        for (_, held) in state.held.drain() {
            self.tell(&held.reply, RETURN);
        }
        drop(state);
        self.bell.end();
        self.ring();
    }

    /// Gives back what was not handed out, the oldest first.
    fn give_back(&self, state: &mut State) {
        for message in state.ready.drain(..) {
            self.tell(&message.reply, RETURN);
        }
    }

    /// The group was moved, by this member or another one: all that it had is settled.
    pub(super) fn moved(&self, register: Register) {
        let mut state = self.locked();
        if state.register.epoch != register.epoch {
            state.moves += 1;
            state.ready.clear();
            state.held.clear();
            state.pending = 0;
            state.register = register;
        }
    }

    /// The hand-out with this serial ends; what the message is to be told is for the caller, by what is
    /// returned.
    pub(super) fn release(
        &self,
        offset: Offset,
        serial: u64,
        moves: u64,
    ) -> Result<Subject, SettleFault> {
        let mut state = self.locked();
        Self::counts(&state, moves)?;
        let full = state.held.len() + state.ready.len() >= self.most;
        let held = match state.held.entry(offset) {
            Entry::Occupied(held) if held.get().serial == serial => held.remove(),
            _ => return Err(SettleFault::HandedOutAgain),
        };
        if full {
            // There is room for one more now.
            let waker = state.waker.take();
            drop(state);
            self.bell.tell(waker);
            self.wanted.notify_waiters();
        }
        Ok(held.reply)
    }

    /// What the server is told by of a hand-out, if that counts.
    pub(super) fn valid<'s>(
        &self,
        state: &'s State,
        offset: Offset,
        serial: u64,
        moves: u64,
    ) -> Result<&'s Subject, SettleFault> {
        Self::counts(state, moves)?;
        match state.held.get(&offset) {
            Some(held) if held.serial == serial => Ok(&held.reply),
            _ => Err(SettleFault::HandedOutAgain),
        }
    }

    /// Whether what was handed out before so many moves counts.
    fn counts(state: &State, moves: u64) -> Result<(), SettleFault> {
        match state.end {
            Some(End::GroupDeleted) => return Err(SettleFault::GroupDeleted),
            Some(End::Deleted) => return Err(Fault::Deleted.into()),
            Some(End::Closed) | None => {}
        }
        if state.moves != moves {
            return Err(SettleFault::AlreadySettled);
        }
        Ok(())
    }

    /// Sends what settles, as long as somebody may settle.
    pub(super) async fn post(
        client: async_nats::Client,
        mut outbox: mpsc::UnboundedReceiver<(Subject, Bytes)>,
        mut quiet: Quiet,
    ) {
        while let Some((subject, what)) = outbox.recv().await {
            quiet.comes().await;
            // The client keeps it while it is disconnected, and fails only once it is gone.
            if client.publish(subject, what).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
