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
use super::parts::{self, Part};
use super::register::Register;
use super::wants::{Ahead, Asked, Rings, Wants};
use crate::topic::Core;

/// What the server is told of a delivery.
pub(super) const ACK: Bytes = Bytes::from_static(b"+ACK");
pub(super) const RETURN: Bytes = Bytes::from_static(b"-NAK");
pub(super) const FORGET: Bytes = Bytes::from_static(b"+TERM");
pub(super) const PROGRESS: Bytes = Bytes::from_static(b"+WPI");

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
    /// Ring those that ask for nothing, by [lane](Part::lane).
    pub(super) lanes: Box<[Notify]>,
    /// Rings who goes on with the lane of messages without a key, or of all.
    pub(super) bell: Arc<Bell>,
    asking: watch::Sender<Asking>,
    /// Held while it is looked at what became of the group: one of its tasks does that. When it was last.
    pub(super) looking: tokio::sync::Mutex<Instant>,
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
    pub(super) wants: Wants,
    pub(super) waker: Option<Waker>,
    pub(super) end: Option<End>,
    /// An outage to tell of, once.
    pub(super) outage: Option<Cause>,
    /// Whether it takes no more.
    retired: bool,
    /// Whether it is gone.
    left: bool,
    pub(super) stats: GroupStats,
    /// Whether they are asked for.
    pub(super) stale: bool,
}

/// A message that arrived.
pub(super) struct Arrived {
    pub(super) part: Part,
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
        let wants = Wants::new(&register.rules);
        Self {
            register,
            moves: 0,
            ready: VecDeque::new(),
            watched: false,
            held: Holds::default(),
            last: None,
            serial: 0,
            wants,
            waker: None,
            end: None,
            outage: None,
            retired: false,
            left: false,
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

    /// Messages that a member may be sent that may hold so many.
    pub(super) fn room(&self, most: usize) -> usize {
        most.saturating_sub(self.held.len() + self.ready.len())
    }

    /// It waits by this. What is returned is dropped without the lock: it may hold deliveries of the member.
    #[must_use]
    pub(super) fn wait(&mut self, waker: &Waker) -> Option<Waker> {
        if self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return None;
        }
        self.waker.replace(waker.clone())
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
        let turn = watch::Sender::new(());
        let lanes = std::iter::repeat_with(Notify::new).take(parts::most(&rules)).collect();
        let (asking, looking) = (watch::Sender::default(), tokio::sync::Mutex::new(Instant::now()));
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
            lanes,
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

    /// Rings lanes, without the lock: who is woken may poll the member there and then.
    pub(super) fn call(&self, rings: Rings) {
        rings.lanes().filter_map(|lane| self.lanes.get(lane)).for_each(Notify::notify_one);
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
        let mut state = self.locked();
        if state.is_over() {
            return None;
        }
        let room = state.room(self.most);
        let (asked, rings) = state.wants.next(part.lane(), room);
        drop(state);
        self.call(rings);
        Some(asked)
    }

    /// Tells what the lanes ask for, and rings those that go on by that.
    pub(super) fn tell_wants(&self, tell: impl FnOnce(&mut Wants, usize) -> Rings) {
        let mut state = self.locked();
        let room = state.room(self.most);
        let rings = tell(&mut state.wants, room);
        drop(state);
        self.call(rings);
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
        state.wants.came(part.lane(), run.len(), pending);
        state.ready.extend(run.drain(..));
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
    pub(super) fn give_back(&self, state: &mut State) {
        for message in state.ready.drain(..) {
            state.wants.let_go(message.part.lane());
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
            state.wants.forget();
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
        let full = state.room(self.most) == 0;
        let held = match state.held.entry(offset) {
            Entry::Occupied(held) if held.get().serial == serial => held.remove(),
            _ => return Err(SettleFault::HandedOutAgain),
        };
        let room = state.room(self.most);
        let rings = state.wants.settled(held.part.lane(), room);
        // There is room for one more now.
        let waker = if full { state.waker.take() } else { None };
        drop(state);
        self.bell.tell(waker);
        self.call(rings);
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
