//! How far a topic is mirrored, and where that is kept.
//!
//! In a consumer group of the topic that is read: it is moved past what is stored on the other side,
//! and hands out nothing. In memory by a commit, for each run of messages; on a server that has none by
//! a seek, every second and at the end. What comes from a server to a target in memory has its position
//! beside that target as well, exactly, for as long as that topic is there.
//!
//! A group that is committed goes past what retention took, and nobody is told. So for a topic in memory the
//! position is beside that topic too: what lies between the two was lost while no bridge ran.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Sleep;

use super::path::Route;
use crate::broker::{Broker, RemoveGroup};
use crate::codec::Stages;
use crate::consumer::Consumer;
use crate::error::{AdminError, BridgeError, BridgeSide, CommitError, SeekError};
use crate::name::TopicName;
use crate::options::Start;
use crate::position::Offset;
use crate::record::Record;
use crate::spi::{Boxed, Capability};

/// How often a group is moved that cannot be committed.
const PAUSE: Duration = Duration::from_secs(1);

/// Nothing was mirrored yet.
const FRESH: u64 = u64::MAX;

/// How far a topic is mirrored.
pub(super) struct Position {
    /// Beside the target; of a source in memory, beside that.
    beside: Option<Arc<AtomicU64>>,
    group: Option<Kept>,
}

/// A group that keeps it.
struct Kept {
    topic: TopicName,
    name: String,
    state: State,
    /// What it is moved to.
    at: u64,
    /// The oldest message that was kept when it was opened.
    earliest: u64,
    /// Whether it is moved by commits.
    commits: bool,
    /// When it may be moved again.
    due: Option<Pin<Box<Sleep>>>,
    /// Removes it, where it is of no use without the target.
    remove: Option<RemoveGroup>,
}

enum State {
    Idle(Box<Consumer<Record>>),
    /// It is being moved to this offset.
    Moving(u64, Boxed<Moved>),
    /// Between the two.
    Gone,
}

/// A member of a group, and whether it was moved.
type Moved = (Box<Consumer<Record>>, Result<(), Failure>);

/// Why a group was not moved.
enum Failure {
    /// It may be later, or whoever reads the topic is told.
    Passing,
    Lasting(String),
}

/// Where the position of a mirror is to be kept, and where the mirror begins if there is none.
pub(super) struct Wanted<'w> {
    pub(super) source: &'w Broker,
    /// Which broker that is.
    pub(super) here: BridgeSide,
    pub(super) target: &'w Broker,
    pub(super) topic: &'w TopicName,
    pub(super) stages: &'w Stages,
    pub(super) route: Route,
    /// What the bridge is called.
    pub(super) name: Option<&'w str>,
    pub(super) start: Start,
}

impl Position {
    /// Finds the position, or makes one; and where to read from.
    pub(super) async fn open(wanted: Wanted<'_>) -> Result<(Self, Start), BridgeError> {
        let Wanted { source, target, topic, route, name, start, .. } = wanted;
        // A group in memory goes with its topic, and so does what is beside that; of topics in memory
        // there may be any number, one after the other, so nothing of them is left beside the target.
        let beside = match source.is_in_memory() {
            true => source.mirrored(topic, route.source, Some(&group_of(&wanted)), FRESH),
            false => target.mirrored(topic, route.source, name, FRESH),
        };
        let known = beside.as_ref().map(|beside| beside.load(Ordering::Acquire));
        let known = known.filter(|known| *known != FRESH);
        // A server keeps no groups for the copies of processes that come and go.
        if name.is_none() && beside.is_some() && !source.is_in_memory() {
            let start = known.map_or(start, |known| Start::Offset(Offset(known)));
            return Ok((Self { beside, group: None }, start));
        }
        let kept = Kept::open(&wanted).await?;
        let at = match known {
            // The group was only moved past what is gone: the reader is told how much that was.
            Some(known) if known < kept.at && kept.at <= kept.earliest => known,
            // In memory the group is as exact, and somebody may have moved it.
            Some(known) if !source.is_in_memory() => kept.at.max(known),
            _ => kept.at,
        };
        Ok((Self { beside, group: Some(kept) }, Start::Offset(Offset(at))))
    }

    /// Everything before `next` is done.
    pub(super) fn reached(&mut self, next: u64) {
        if let Some(beside) = &self.beside {
            beside.store(next, Ordering::Release);
        }
    }

    /// Moves the group where it is time for that, or `now`. Ready where nothing is left to do; with
    /// `now` also where that failed for the time being.
    pub(super) fn poll(
        &mut self,
        next: u64,
        now: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), BridgeError>> {
        match &mut self.group {
            Some(kept) => kept.poll(next, now, cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// The target was deleted.
    pub(super) fn target_deleted(&self) {
        if let Some(remove) = self.group.as_ref().and_then(|kept| kept.remove.as_ref()) {
            remove();
        }
    }
}

impl Kept {
    async fn open(wanted: &Wanted<'_>) -> Result<Self, BridgeError> {
        let Wanted { source, here, topic, stages, name, start, .. } = wanted;
        let commits = source.can(Capability::Commit);
        if !commits {
            source.able(topic, Capability::GroupSeek).map_err(|e| here.open(e))?;
        }
        let group = group_of(wanted);
        let reading = source.topic(topic.as_str()).sealed_by(stages).subscriber().keep_sealed();
        let joining = reading.from(*start).group(&group).any_order().without_dead_letters();
        let consumer = joining.await.map_err(|e| here.open(e))?;
        let stats = source.stats(topic).await.map_err(|e| here.admin(e))?;
        let found = stats.groups.iter().find(|found| found.name == group);
        let no_group = || AdminError::NoGroup { topic: topic.to_string(), group: group.clone() };
        let found = found.ok_or_else(|| here.admin(no_group()))?;
        let at = match commits {
            true => found.committed.0,
            // It never handed out anything, so it is where it begins.
            false => stats.next.0.saturating_sub(found.since_start),
        };
        let remove = if name.is_none() { source.group_remover(topic, &group) } else { None };
        Ok(Self {
            topic: (*topic).clone(),
            name: group,
            state: State::Idle(Box::new(consumer)),
            at,
            earliest: stats.earliest.unwrap_or(stats.next).0,
            commits,
            due: None,
            remove,
        })
    }

    fn poll(
        &mut self,
        next: u64,
        now: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), BridgeError>> {
        loop {
            if let State::Moving(to, moving) = &mut self.state {
                let (consumer, moved) = ready!(moving.as_mut().poll(cx));
                let to = *to;
                self.state = State::Idle(consumer);
                match moved {
                    Ok(()) => self.at = to,
                    Err(Failure::Passing) if now => return Poll::Ready(Ok(())),
                    Err(Failure::Passing) => self.due = Some(Box::pin(tokio::time::sleep(PAUSE))),
                    Err(Failure::Lasting(reason)) => {
                        let (topic, group) = (self.topic.to_string(), self.name.clone());
                        return Poll::Ready(Err(BridgeError::Position { topic, group, reason }));
                    }
                }
            }
            if next <= self.at {
                return Poll::Ready(Ok(()));
            }
            if !now {
                if !self.commits && self.due.is_none() {
                    self.due = Some(Box::pin(tokio::time::sleep(PAUSE)));
                }
                if let Some(due) = &mut self.due {
                    ready!(due.as_mut().poll(cx));
                }
            }
            self.due = None;
            let State::Idle(consumer) = std::mem::replace(&mut self.state, State::Gone) else {
                return Poll::Ready(Ok(()));
            };
            self.state = State::Moving(next, Box::pin(moved(consumer, next, self.commits)));
        }
    }
}

/// What the group is called.
fn group_of(wanted: &Wanted<'_>) -> String {
    match wanted.name {
        Some(name) => format!("memq-bridge-{name}"),
        // What is said to nobody else is of one target: another one has everything still to come.
        None => format!("memq-bridge-{:016x}", wanted.route.target),
    }
}

/// Moves a group, and gives its member back.
async fn moved(mut consumer: Box<Consumer<Record>>, next: u64, commits: bool) -> Moved {
    let moved = if commits {
        consumer.commit(next.saturating_sub(1)).await.map_err(Failure::from)
    } else {
        consumer.seek(next).await.map(drop).map_err(Failure::from)
    };
    (consumer, moved)
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Unavailable { .. } | CommitError::Deleted => Self::Passing,
            error => Self::Lasting(error.to_string()),
        }
    }
}

impl From<SeekError> for Failure {
    fn from(error: SeekError) -> Self {
        match error {
            SeekError::Unavailable { .. } | SeekError::Deleted => Self::Passing,
            error => Self::Lasting(error.to_string()),
        }
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Position")
            .field("beside", &self.beside)
            .field("group", &self.group.as_ref().map(|kept| &kept.name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_in_memory_leaves_nothing_beside_its_copy() {
        let (target, topic) = (Broker::new(), TopicName::new("jobs").unwrap());
        target.topic("jobs").create().await.unwrap();
        for _ in 0..2 {
            let source = Broker::new();
            source.topic("jobs").create().await.unwrap();
            let route = Route {
                source: source.identity(&topic).await.unwrap(),
                target: target.identity(&topic).await.unwrap(),
            };
            let (stages, start) = (Stages::default(), Start::Earliest);
            let (source, target, topic, stages) = (&source, &target, &topic, &stages);
            let wanted = Wanted {
                source,
                here: BridgeSide::Local,
                target,
                topic,
                stages,
                route,
                name: None,
                start,
            };
            let (position, start) = Position::open(wanted).await.unwrap();
            assert!(position.beside.is_some() && position.group.is_some());
            assert_eq!(start, Start::Offset(Offset(0)));
            // The one that was just made.
            let beside = target.mirrored(topic, route.source, None, 7);
            assert_eq!(beside.unwrap().load(Ordering::Acquire), 7);
        }
    }
}
