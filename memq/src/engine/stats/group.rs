//! What a consumer group and its members have done, as numbers.

use std::time::Duration;

use crate::position::{Offset, Partition};

/// A consumer group at one moment, since it was created or last moved by `seek`.
///
/// Of what was published since its start,
/// `since_start == settled + dead_lettered + skipped + lag`, always.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupStats {
    /// Its name.
    pub name: String,
    /// Everything before this offset is settled: where the group resumes. A message that retention
    /// removed while a member holds it is not settled yet.
    pub committed: Offset,
    /// The oldest message that is kept and not settled, which keeps it and what follows in the topic;
    /// the next one where all are.
    pub oldest: Offset,
    /// The next message that no member was given or passed yet.
    pub position: Offset,
    /// Messages from its start to the newest, kept or not.
    pub since_start: u64,
    /// Messages that are not settled: in flight, to come back, or still to come.
    pub lag: u64,
    /// Messages that members hold.
    pub in_flight: u64,
    /// Messages that come back after a delay.
    pub delayed: u64,
    /// Messages that wait for an earlier one of their key, of those before `position`: whether a later one
    /// has to is not known before. None with [`any_order`](crate::ConsumerBuilder::any_order).
    pub behind_key: u64,
    /// Messages on their way to the dead-letter topic: it is asked to take them each second.
    pub dead: u64,
    /// The dead-letter topic, if the group has one.
    pub dead_letter_topic: Option<String>,
    /// Whether messages of one key may overtake each other.
    pub any_order: bool,
    /// Messages that members may hold together; `None` for only what each may.
    pub max_in_flight: Option<usize>,
    /// Hand-outs to members, each attempt counted.
    pub delivered: u64,
    /// Hand-outs after the first of a message.
    pub redelivered: u64,
    /// Hand-outs that ended by the ack deadline.
    pub expired: u64,
    /// Messages acknowledged or committed; elsewhere also those moved to the dead-letter topic, where
    /// the system that keeps the group does not tell them apart.
    pub settled: u64,
    /// Messages moved to the dead-letter topic, where they are told apart. In memory they are.
    pub dead_lettered: u64,
    /// Messages that retention removed before they were settled.
    pub skipped: u64,
    /// How long ago the message at `oldest` was published; `None` where all are settled.
    pub oldest_unsettled: Option<Duration>,
    /// Where the message at `oldest` is.
    pub oldest_state: Option<Unsettled>,
    /// Members, in the order in which they came.
    pub members: Vec<MemberStats>,
}

impl GroupStats {
    /// Those of a group that has done nothing and stands at this offset: for
    /// back ends, which set what they know.
    #[must_use]
    pub fn at(name: impl Into<String>, position: Offset) -> Self {
        Self {
            name: name.into(),
            committed: position,
            oldest: position,
            position,
            since_start: 0,
            lag: 0,
            in_flight: 0,
            delayed: 0,
            behind_key: 0,
            dead: 0,
            dead_letter_topic: None,
            max_in_flight: None,
            any_order: false,
            delivered: 0,
            redelivered: 0,
            expired: 0,
            settled: 0,
            dead_lettered: 0,
            skipped: 0,
            oldest_unsettled: None,
            oldest_state: None,
            members: Vec::new(),
        }
    }
}

/// Where a message is that a group has not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsettled {
    /// Not handed out yet.
    New,
    /// Behind an earlier message of its key.
    BehindKey,
    /// With the member of this id.
    InFlight {
        /// The member.
        member: u64,
    },
    /// Comes back after a delay.
    Delayed,
    /// Came back, and is handed out to whoever asks.
    Returned,
    /// On its way to the dead-letter topic.
    Dead,
}

/// A member of a group at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberStats {
    /// Tells members of one group apart.
    pub id: u64,
    /// The partitions it serves; others may serve them too.
    pub partitions: Vec<Partition>,
    /// What it holds: an offset for each message, however many those are.
    pub held: Vec<Offset>,
    /// How many messages it may hold.
    pub max_in_flight: usize,
    /// Whether it waits for a message.
    pub waiting: bool,
}

impl MemberStats {
    /// Those of a member that holds nothing: for back ends, which set what they know.
    #[must_use]
    pub fn idle(id: u64, max_in_flight: usize) -> Self {
        Self { id, partitions: Vec::new(), held: Vec::new(), max_in_flight, waiting: false }
    }
}
