//! What a back end says when something did not work. memq makes its own errors of them.

use thiserror::Error;

use super::Capability;
use super::group::GroupRules;
use crate::error::Cause;
use crate::position::Offset;

/// What can happen to everything that is asked of a back end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Fault {
    /// It cannot do this. memq asks for nothing that [`Capabilities`](super::Capabilities) deny, so
    /// this is for what it finds out later.
    #[error("{} is not possible: {}", .0.what(), .0.remedy())]
    Unsupported(Capability),
    /// The topic was deleted, or is another one of that name now. Only where that is certain: a
    /// system that does not know at the moment is `Unavailable`.
    #[error("the topic was deleted")]
    Deleted,
    /// It cannot be reached, or does not answer, or refuses for a reason of its own. Said where
    /// trying again did not help for as long as the back end tries.
    #[error("the system did not do it")]
    Unavailable(#[source] Cause),
}

/// A topic, a publisher, a reader or a member could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenFault {
    /// The topic has another value.
    #[error("the topic has {option} = {existing}, and {requested} was asked for")]
    Conflict {
        /// The option, as [`TopicOptions`](crate::TopicOptions) or the builder names it.
        option: &'static str,
        /// What the topic has.
        existing: String,
        /// What was asked for.
        requested: String,
    },
    /// The group has other rules, which are these.
    #[error("the group has other rules")]
    Rules(Box<GroupRules>),
    /// An option has a value that it cannot have here.
    #[error("{option} = {value} is not possible: {remedy}")]
    Option {
        /// The option.
        option: &'static str,
        /// The value.
        value: String,
        /// What to do.
        remedy: String,
    },
    /// The start lies beyond the offset that is published next.
    #[error("offset {requested} lies beyond {end}")]
    BeyondEnd {
        /// The offset asked for.
        requested: Offset,
        /// The offset of the next message.
        end: Offset,
    },
    /// What can happen to everything.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A message is not stored, or that is not known.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PublishFault {
    /// There is no room, and the topic rejects.
    #[error("the topic is full")]
    Full,
    /// There was no room until the deadline. The message is not stored, and will not be.
    #[error("the topic stayed full")]
    Timeout,
    /// The topic is closed.
    #[error("the topic is closed")]
    Closed,
    /// The message is larger than the system takes. Said before it is sent.
    #[error("the message has {bytes} bytes, of {max_bytes} at most")]
    TooLarge {
        /// What it counts.
        bytes: usize,
        /// What the system takes at most.
        max_bytes: usize,
    },
    /// It was sent, and whether it is stored is not known: for a back end that has given up asking.
    #[error("whether the message is stored is not known")]
    Unknown(#[source] Cause),
    /// What can happen to everything; the message is not stored.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// No message this time.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadEnd {
    /// The topic is closed and there are no more messages; of a group, all are settled.
    #[error("the topic is closed")]
    Closed,
    /// The group was deleted.
    #[error("the group was deleted")]
    GroupDeleted,
    /// Of a group: retention removed messages before they were settled. Said once, to one member, with
    /// [`Capability::GroupLag`]; handing out goes on. Readers are not told: memq sees the gaps.
    #[error("{skipped} messages were removed before they were settled")]
    Lagged {
        /// How many.
        skipped: u64,
    },
    /// What can happen to everything. [`Fault::Unavailable`] is said once for each time that the
    /// system was away for too long, and reading goes on where it was when it is polled again.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A group could not be moved or committed; it stays where it is.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MoveFault {
    /// The offset lies beyond the one that is published next.
    #[error("offset {requested} lies beyond {end}")]
    BeyondEnd {
        /// The offset asked for.
        requested: Offset,
        /// The offset of the next message.
        end: Offset,
    },
    /// The group was deleted.
    #[error("the group was deleted")]
    GroupDeleted,
    /// What can happen to everything.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A delivery was not settled.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SettleFault {
    /// It was settled before, by this token or by moving the group.
    #[error("the message is settled already")]
    AlreadySettled,
    /// The message was handed out again. Only with
    /// [`Capability::StaleSettles`] is it always told.
    #[error("the message was handed out again")]
    HandedOutAgain,
    /// The ack deadline has passed, so that it cannot be extended.
    #[error("the ack deadline has passed")]
    Expired,
    /// The group was deleted.
    #[error("the group was deleted")]
    GroupDeleted,
    /// What can happen to everything; the message may be settled or not.
    #[error(transparent)]
    Fault(#[from] Fault),
}
