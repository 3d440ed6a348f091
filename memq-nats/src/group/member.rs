//! A member of a group.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};

use memq::spi::{
    Boxed, Capability, Fault, GroupRequest, Handed, MoveFault, OpenFault, ReadEnd, RemoteGroup,
};
use memq::{GroupStats, MemberStats, Offset, Start};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::figures;
use super::held::Held;
use super::lane;
use super::parts::{ensure, main, tidy};
use super::recover::grow;
use super::register::{Epoch, Register};
use super::runner::Runner;
use super::shared::{ACK, Arrived, End, PROGRESS, Shared, State};
use super::token::Delivery;
use super::wants::Ahead;
use super::watch::{self, Ending};
use crate::names::{self, offset, sequence};
use crate::start;
use crate::topic::Core;

/// A member. Its tasks end once it is gone, and have given back what it had.
#[derive(Debug)]
pub(super) struct Member {
    shared: Arc<Shared>,
    /// The lane of messages without a key, or of all.
    lane: Arc<Runner>,
}

impl Member {
    /// Joins the group of this register.
    pub(super) async fn open(
        core: Arc<Core>,
        request: &GroupRequest,
        register: Register,
    ) -> Result<Self, OpenFault> {
        let readings = core.readings().await.map_err(Fault::from)?;
        let stream = core.look_patiently().await?;
        let stats = figures::of(&request.name, &register, &readings, &stream);
        let member = u64::from_str_radix(&names::unique()[..16], 16).unwrap_or_default();
        let (outbox, posted) = mpsc::unbounded_channel();
        let (state, group) = (State::new(register, stats), request.name.clone());
        let most = request.max_in_flight.max(1);
        let prefetch = Ahead::new(request.prefetch, &state.register.rules);
        let shared = Shared::new(core, group, member, most, prefetch, state, outbox);
        let shared = Arc::new(shared);
        let link = &shared.core.link;
        link.tasks.detach(Shared::post(link.client.clone(), posted, shared.quiet()));
        link.tasks.detach(watch::run(Ending(shared.clone())));
        let lane = Box::pin(lane::run(shared.clone(), main(&shared.rules)));
        let lane = Runner::new(lane, shared.bell.clone(), link.tasks.clone());
        link.tasks.detach(lane.clone().keep(shared.rules.ack_deadline / 20));
        grow(&shared);
        Ok(Self { shared, lane })
    }
}

impl RemoteGroup for Member {
    fn member(&self) -> u64 {
        self.shared.member
    }

    fn poll_next(
        &mut self,
        max: usize,
        into: &mut Vec<Handed>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ReadEnd>> {
        let shared = &self.shared;
        if self.lane.comes() {
            // It sees itself what has come.
            let waker = shared.locked().waker.take();
            drop(waker);
            self.lane.go_on();
        }
        let mut state = shared.locked();
        if let Some(end) = state.end {
            return Poll::Ready(Err(end.read()));
        }
        if let Some(cause) = state.outage.take() {
            return Poll::Ready(Err(Fault::Unavailable(cause).into()));
        }
        let room = max.min(shared.most.saturating_sub(state.held.len()));
        let run = room.min(state.ready.len());
        if run == 0 {
            let before = state.wait(cx.waker());
            let free = state.room(shared.most);
            let rings = state.wants.want(room, free);
            drop(state);
            drop(before);
            shared.call(rings);
            self.lane.go_on();
            if !self.lane.waits(cx.waker()) {
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        // The deadline of what lay here for a while begins when it is handed out.
        let late = Instant::now().checked_sub(shared.rules.ack_deadline / 10);
        for _ in 0..run {
            let Some(message) = state.ready.pop_front() else { break };
            into.push(hand_out(shared, &mut state, message, late));
        }
        let (ready, free) = (state.ready.len(), state.room(shared.most));
        let rings = state.wants.satisfied(shared.prefetch, ready, free);
        drop(state);
        if !rings.is_none() {
            shared.call(rings);
            self.lane.go_on();
        }
        Poll::Ready(Ok(()))
    }

    fn stop_waiting(&mut self) {
        let mut state = self.shared.locked();
        state.wants.give_up();
        let waker = state.waker.take();
        drop(state);
        drop(waker);
    }

    fn retire(&mut self) {
        self.shared.retire();
    }

    fn commit(&self, _: Offset) -> Boxed<Result<(), MoveFault>> {
        let fault = Fault::Unsupported(Capability::Commit);
        Box::pin(std::future::ready(Err(fault.into())))
    }

    fn seek(&mut self, start: Start) -> Boxed<Result<Offset, MoveFault>> {
        Box::pin(move_to(self.shared.clone(), start))
    }

    fn stats(&self) -> Option<GroupStats> {
        let mut state = self.shared.locked();
        if let Some(End::GroupDeleted | End::Deleted) = state.end {
            return None;
        }
        let mut member = MemberStats::idle(self.shared.member, self.shared.most);
        member.held = state.held.keys().copied().collect();
        member.held.sort_unstable();
        member.waiting = state.waker.is_some();
        let mut stats = state.stats.clone();
        stats.members.push(member);
        // For the next time.
        state.stale = true;
        drop(state);
        self.shared.ring();
        Some(stats)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.shared.leave();
    }
}

/// Hands out what arrived; with another deadline where that was before `late`.
fn hand_out(
    shared: &Arc<Shared>,
    state: &mut State,
    message: Arrived,
    late: Option<Instant>,
) -> Handed {
    let Arrived { part, incoming, attempt, reply, since } = message;
    if shared.rules.auto_ack {
        shared.tell(&reply, ACK);
        return Handed::new(incoming, attempt, None);
    }
    if late.is_some_and(|late| since < late) {
        shared.tell(&reply, PROGRESS);
    }
    let (offset, serial, moves) = (incoming.offset, state.next_serial(), state.moves);
    state.held.insert(offset, Held { serial, part, reply });
    let (shared, spent) = (shared.clone(), AtomicBool::new(false));
    let token = Delivery { shared, offset, serial, moves, spent };
    Handed::new(incoming, attempt, Some(Arc::new(token)))
}

/// Moves the group: its members go over to other consumers.
async fn move_to(shared: Arc<Shared>, start: Start) -> Result<Offset, MoveFault> {
    let (core, group) = (&shared.core, &*shared.group);
    let found = Register::read(core, group).await.map_err(Fault::from)?;
    let Some(mut register) = found.filter(|register| register.id == shared.id) else {
        return Err(MoveFault::GroupDeleted);
    };
    let readings = core.readings().await.map_err(Fault::from)?;
    let stream = core.look_patiently().await?;
    let start = match start {
        Start::Committed => sequence(figures::of(group, &register, &readings, &stream).committed),
        start => start::resolve(core, start).await?,
    };
    register.epoch = Epoch::at(start);
    register.update(core, group).await.map_err(Fault::from)?;
    let made = ensure(core, group, &register, false).await;
    made.map_err(|fault| match fault {
        OpenFault::Fault(fault) => fault,
        other => Fault::Unavailable(Box::new(other)),
    })?;
    shared.moved(register);
    shared.ring();
    tidy(core, group).await.map_err(Fault::from)?;
    Ok(offset(start.max(stream.state.first_sequence)))
}
