//! Consumer groups: their rules, their members, and what settles a delivery.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{Boxed, Incoming, MoveFault, ReadEnd, SettleFault};
use crate::engine::stats::GroupStats;
use crate::name::TopicName;
use crate::options::Start;
use crate::position::Offset;

/// A member of a group. Dropped, what it holds goes back to the others at once: what is buffered and
/// what its tokens would settle.
///
/// What a group does with a message is the back end's: who gets it, that it comes back after its
/// delay or its deadline, how often it was handed out. Attempts are not limited there: that a message
/// is dead, and its way to the dead-letter topic, is memq's, so that it is the same everywhere.
pub trait RemoteGroup: fmt::Debug + Send + Sync + 'static {
    /// Tells the members of one group apart, if that is known.
    fn member(&self) -> u64;

    /// Adds deliveries for this member, `max` at most. As
    /// [`RemoteReader::poll_next`](super::RemoteReader::poll_next).
    ///
    /// It hands out no more than the member may hold. What is buffered beyond what was asked for is
    /// kept from others, so it is little where [`prefetch`](GroupRequest::prefetch) does not say more, and
    /// its deadline does not run out meanwhile.
    ///
    /// # Errors
    ///
    /// [`ReadEnd::Closed`] once the topic is closed and everything is settled.
    fn poll_next(
        &mut self,
        max: usize,
        into: &mut Vec<Handed>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ReadEnd>>;

    /// Nobody waits any more for what [`poll_next`](Self::poll_next) was asked for, as where a `recv` is
    /// given up. Often another one follows at once. What comes after a while should be the others'.
    fn stop_waiting(&mut self) {}

    /// It takes no more messages; those it holds stay. What is buffered goes back.
    fn retire(&mut self);

    /// Everything up to and including this offset is done, for the whole group. With
    /// [`Capability::Commit`](super::Capability::Commit).
    fn commit(&self, upto: Offset) -> Boxed<Result<(), MoveFault>>;

    /// Moves the whole group, and says which offset is handed out next. With
    /// [`Capability::GroupSeek`](super::Capability::GroupSeek).
    fn seek(&mut self, start: Start) -> Boxed<Result<Offset, MoveFault>>;

    /// What the group has done, as it was last heard; exact figures are
    /// [`RemoteTopic::stats`](super::RemoteTopic::stats). `None` once it is deleted.
    fn stats(&self) -> Option<GroupStats>;
}

/// A message that was handed to a member.
#[derive(Debug)]
#[non_exhaustive]
pub struct Handed {
    /// The message.
    pub message: Incoming,
    /// How often it was handed out, with this time: 1 for the first.
    pub attempt: u32,
    /// What settles it; `None` where the group settles by `auto_ack`.
    pub token: Option<Arc<dyn Token>>,
}

impl Handed {
    /// A message that is handed out for this time.
    #[must_use]
    pub fn new(message: Incoming, attempt: u32, token: Option<Arc<dyn Token>>) -> Self {
        Self { message, attempt, token }
    }
}

/// What settles one delivery. It is used in `Drop`, in any thread, also outside a runtime; so it
/// enqueues and never waits. It is not told when it is dropped that nobody settles: memq does that.
pub trait Token: fmt::Debug + Send + Sync + 'static {
    /// Settles, as far as is known at once.
    ///
    /// # Errors
    ///
    /// What is known without asking. What is lost on the way comes back to a member.
    fn settle(&self, how: Settle) -> Result<(), SettleFault>;

    /// Settles, and waits for the system's word, as long as that may come. It is done once: where the
    /// word does not come, the delivery has ended all the same, and the message may come back.
    ///
    /// # Errors
    ///
    /// [`SettleFault`]; [`Unavailable`](super::Fault::Unavailable) where it is not known whether the system
    /// has heard it.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has settled or brings the message back.
    fn settle_confirmed(&self, how: Settle) -> Boxed<Result<(), SettleFault>>;

    /// Keeps the message for this long from now on; without
    /// [`Capability::ExtendBy`](super::Capability::ExtendBy) for another ack deadline, whatever is
    /// said.
    ///
    /// # Errors
    ///
    /// What is known without asking.
    fn extend(&self, by: Duration) -> Result<(), SettleFault>;
}

/// How a delivery ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settle {
    /// It is done.
    Ack,
    /// It comes back at once.
    Return,
    /// It comes back after this long.
    Delay(Duration),
    /// It is given up and never handed out again: a dead letter was stored in its place, or it has
    /// expired.
    Forget,
}

/// Who wants to be a member of which group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupRequest {
    /// The group: 1 to 100 characters of A-Z, a-z, 0-9, `_` and `-`.
    pub name: Box<str>,
    /// The rules, whole: those of the group where they are known, else those of a new one.
    pub rules: GroupRules,
    /// Where it starts if it is new. As [`ReaderRequest::start`](super::ReaderRequest::start), and
    /// `Committed` is the earliest message kept.
    pub start: Start,
    /// Messages that this member may hold.
    pub max_in_flight: usize,
    /// Messages to fetch before they are asked for, at most and within `max_in_flight`; `None` leaves it to
    /// the back end, which then fetches none that would count as an attempt. One that has everything at hand
    /// need not look at it.
    pub prefetch: Option<usize>,
}

impl GroupRequest {
    /// A member of this group, which may hold so many messages, and says nothing of `prefetch`.
    #[must_use]
    pub fn new(name: &str, rules: GroupRules, start: Start, max_in_flight: usize) -> Self {
        Self { name: name.into(), rules, start, max_in_flight, prefetch: None }
    }
}

/// What a group was opened with. A back end keeps all of it, and compares all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupRules {
    /// How long a message may be in flight.
    pub ack_deadline: Duration,
    /// Hand-outs after which a message is dead; `None` for any number. memq's to decide.
    pub max_attempts: Option<u32>,
    /// Messages that the members may hold together; `None` for any number.
    pub max_in_flight: Option<usize>,
    /// Whether a message is settled when it is handed out.
    pub auto_ack: bool,
    /// Where dead messages go.
    pub dead_letter: Option<TopicName>,
    /// In which order messages are handed out.
    pub order: GroupOrder,
}

/// In which order a group hands out messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GroupOrder {
    /// Those of one key one after the other: the next one once the one before it is settled.
    #[default]
    ByKey,
    /// Any.
    Any,
}

/// 30 seconds, any number of attempts and in flight, by key, without dead letters.
impl Default for GroupRules {
    fn default() -> Self {
        Self {
            ack_deadline: Duration::from_secs(30),
            max_attempts: None,
            max_in_flight: None,
            auto_ack: false,
            dead_letter: None,
            order: GroupOrder::ByKey,
        }
    }
}
