//! What can go wrong with a bridge.

use std::fmt;

use thiserror::Error;

use super::{AdminError, OpenError, PublishError, RecvError};
use crate::name::TopicNameError;
use crate::position::Offset;

/// One of the two brokers of a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BridgeSide {
    /// The one that was given first.
    Local,
    /// The other one.
    Remote,
}

impl BridgeSide {
    /// What could not be opened on this side.
    pub(crate) fn open(self, source: OpenError) -> BridgeError {
        BridgeError::Open { side: self, source }
    }

    /// What could not be learned on this side.
    pub(crate) fn admin(self, source: AdminError) -> BridgeError {
        BridgeError::Admin { side: self, source }
    }
}

impl fmt::Display for BridgeSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Remote => "remote",
        })
    }
}

/// A bridge could not be opened, or could not go on. No message is lost by it: opened again, it goes on
/// where it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BridgeError {
    /// It has no topic.
    #[error(
        "a bridge without topics carries nothing: say `.topic::<T>().mirror_out()`, or `.mirror_in()`"
    )]
    Empty,
    /// The name is not one of a bridge.
    #[error(
        "{name:?} is not the name of a bridge: use 1 to 88 characters of A-Z, a-z, 0-9, '_' and '-'"
    )]
    Name {
        /// The name asked for.
        name: String,
    },
    /// The name is not one of a topic.
    #[error(transparent)]
    TopicName(#[from] TopicNameError),
    /// It may have no message on its way.
    #[error("topic {topic:?}: window = 0 is not possible: at least one message is on its way")]
    Window {
        /// The topic.
        topic: String,
    },
    /// It is said twice that a topic is mirrored in one direction.
    #[error(
        "topic {topic:?} is mirrored twice in one direction: say it once, or open another bridge with a name of its own"
    )]
    Twice {
        /// The topic.
        topic: String,
    },
    /// Both brokers have the same topic.
    #[error(
        "topic {topic:?} would be mirrored into itself: a bridge goes from one broker to another"
    )]
    SameTopic {
        /// The topic.
        topic: String,
    },
    /// A topic could not be opened on one of the sides.
    #[error("a topic could not be opened on the {side} broker")]
    Open {
        /// Which.
        side: BridgeSide,
        /// Why.
        source: OpenError,
    },
    /// Nothing could be learned of a topic on one of the sides.
    #[error("nothing could be learned of a topic on the {side} broker")]
    Admin {
        /// Which.
        side: BridgeSide,
        /// Why.
        source: AdminError,
    },
    /// The other side does not take a message, and would not take it later.
    #[error(
        "the message at offset {offset} of topic {topic:?} is not stored on the other side: see the cause, or pass over such messages with `skip_refused`"
    )]
    Publish {
        /// The topic.
        topic: String,
        /// The offset of the message where it comes from.
        offset: Offset,
        /// Why.
        source: PublishError<()>,
    },
    /// There is nothing more to read.
    #[error("topic {topic:?} cannot be read any more")]
    Receive {
        /// The topic.
        topic: String,
        /// Why.
        source: RecvError,
    },
    /// The consumer group that keeps how far the bridge is cannot be moved.
    #[error("how far topic {topic:?} is mirrored cannot be kept in its group {group:?}: {reason}")]
    Position {
        /// The topic.
        topic: String,
        /// The consumer group, of the topic where messages come from.
        group: String,
        /// Why.
        reason: String,
    },
}
