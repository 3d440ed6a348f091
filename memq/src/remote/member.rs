//! A member of a group of a topic that is kept elsewhere.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::{Group, Hold, committed, sought};
use crate::engine::stats::GroupStats;
use crate::error::{CommitError, RecvError, SeekError};
use crate::options::Start;
use crate::position::Offset;
use crate::spi::{Capability, Fault, Handed, MoveFault, ReadEnd, RemoteGroup, Settle};

/// How long a member that is dropped waits for what it buries, before it leaves all the same.
const FAREWELL: Duration = Duration::from_secs(5);

/// A member. What it was handed it gives on in the order in which that came. Dropped, it leaves the
/// group once what it buries is buried, so that a dead message does not come back meanwhile.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) group: Arc<Group>,
    /// `None` once it has left.
    seat: Option<Box<dyn RemoteGroup>>,
    /// How many messages it takes at once, where it takes one by one.
    pub(crate) takes: usize,
    /// What was handed to it and not given on.
    handed: VecDeque<Handed>,
    /// What settles those that were given on and have no delivery yet, each if it has to be settled.
    pub(crate) holds: VecDeque<Option<Hold>>,
    /// What is to be told instead of a message.
    pub(crate) fault: Option<RecvError>,
}

impl Member {
    pub(crate) fn new(group: Arc<Group>, seat: Box<dyn RemoteGroup>) -> Self {
        let (handed, holds) = (VecDeque::new(), VecDeque::new());
        Self { group, seat: Some(seat), takes: 1, handed, holds, fault: None }
    }

    /// Whether it is handed something, this many messages at most: the [`next`](Self::next) ones.
    pub(crate) fn poll(&mut self, most: usize, cx: &mut Context<'_>) -> Poll<Result<(), ReadEnd>> {
        if self.handed.is_empty() {
            let Some(seat) = &mut self.seat else { return Poll::Ready(Err(ReadEnd::Closed)) };
            // It is empty, so that this moves nothing.
            let mut handed = Vec::from(std::mem::take(&mut self.handed));
            let polled = seat.poll_next(most, &mut handed, cx);
            self.handed = handed.into();
            ready!(polled)?;
        }
        Poll::Ready(Ok(()))
    }

    /// How many messages it was handed and has not given on.
    pub(crate) fn handed(&self) -> usize {
        self.handed.len()
    }

    /// The next message that it was handed. What has expired since is given up, and does not count.
    pub(crate) fn next(&mut self) -> Option<Handed> {
        loop {
            let handed = self.handed.pop_front()?;
            if !self.group.is_expired(handed.message.at) {
                return Some(handed);
            }
            if let Some(token) = handed.token {
                // Where that fails, it expires where it is kept.
                drop(token.settle(Settle::Forget));
            }
        }
    }

    /// It has no more use for these.
    pub(crate) fn give_back(&mut self) {
        for handed in self.handed.drain(..) {
            if let Some(token) = handed.token {
                // Where that fails, it comes back after its deadline.
                drop(token.settle(Settle::Return));
            }
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.seat.as_ref().map_or(0, |seat| seat.member())
    }

    /// Nobody waits for more.
    pub(crate) fn stop_waiting(&mut self) {
        if let Some(seat) = &mut self.seat {
            seat.stop_waiting();
        }
    }

    pub(crate) fn retire(&mut self) {
        self.give_back();
        if let Some(seat) = &mut self.seat {
            seat.retire();
        }
    }

    /// Whether the system can do this.
    fn able(&self, what: Capability) -> Result<(), MoveFault> {
        let able = self.group.transport.capabilities().has(what);
        if able { Ok(()) } else { Err(Fault::Unsupported(what).into()) }
    }

    pub(crate) async fn commit(&self, offset: Offset) -> Result<(), CommitError> {
        self.able(Capability::Commit).map_err(committed)?;
        let Some(seat) = &self.seat else { return Err(CommitError::GroupDeleted) };
        seat.commit(offset).await.map_err(committed)
    }

    pub(crate) async fn seek(&mut self, start: Start) -> Result<Offset, SeekError> {
        self.able(Capability::GroupSeek).map_err(sought)?;
        self.give_back();
        let Some(seat) = &mut self.seat else { return Err(SeekError::GroupDeleted) };
        seat.seek(start).await.map_err(sought)
    }

    /// What the group has done, as it was last heard.
    pub(crate) fn stats(&self) -> Option<GroupStats> {
        let mut stats = self.seat.as_ref()?.stats()?;
        // These the system does not know.
        let dead = self.group.dead_letters.as_ref();
        stats.dead_letter_topic = dead.map(|dead| dead.outlet.topic.to_string());
        stats.dead = *self.group.burials.borrow();
        Some(stats)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let Some(mut seat) = self.seat.take() else { return };
        self.give_back();
        if let Some(keeper) = self.group.keeper.get() {
            keeper.stop();
        }
        let mut burials = self.group.burials.subscribe();
        if *burials.borrow() > 0 {
            seat.retire();
            self.group.transport.run(Box::pin(async move {
                let buried = burials.wait_for(|burials| *burials == 0);
                // Whether they are or not, it leaves.
                drop(tokio::time::timeout(FAREWELL, buried).await);
                drop(seat);
            }));
        }
    }
}
