//! What can go wrong with messages on their way: publishing, receiving, seeking.

use std::fmt;

use thiserror::Error;

use super::{Cause, DecodeError, EncodeError};
use crate::position::{Offset, Partition};

/// A message was not published; it is inside.
///
/// [`into_message`](Self::into_message) takes it out.
#[non_exhaustive]
pub enum PublishError<T> {
    /// There is no room, and the topic rejects or the call does not wait.
    Full(T),
    /// There was no room until the deadline.
    Timeout(T),
    /// The topic or its broker is closed.
    Closed(T),
    /// The topic was deleted; it is not created again unless it is opened again.
    Deleted(T),
    /// The message alone is larger than the topic may be.
    TooLarge {
        /// The message.
        message: T,
        /// What it counts in the topic.
        bytes: usize,
        /// What the topic holds at most.
        max_bytes: usize,
    },
    /// The message could not be encoded.
    Encode {
        /// The message.
        message: T,
        /// Why.
        source: EncodeError,
    },
    /// The topic has no such partition.
    Partition {
        /// The message.
        message: T,
        /// The partition asked for.
        partition: Partition,
        /// How many there are.
        partitions: u16,
    },
    /// The message has an id, and the topic remembers none.
    NoDedup(T),
    /// The system that keeps the topic cannot do this. In memory there is no such thing.
    Unsupported {
        /// The message.
        message: T,
        /// What it cannot do.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The system that keeps the topic cannot be reached, or refuses: the message is not stored. In
    /// memory there is none.
    Unavailable {
        /// The message.
        message: T,
        /// What the connection to it said.
        source: Cause,
    },
    /// The message was sent to the system that keeps the topic, and whether it is stored is not
    /// known. In memory that is always known.
    Unknown {
        /// The message.
        message: T,
        /// What the connection to it said.
        source: Cause,
    },
}

impl<T> PublishError<T> {
    /// The message that was not published.
    pub fn into_message(self) -> T {
        self.split().1
    }

    /// The error and the message, apart.
    pub fn split(self) -> (PublishError<()>, T) {
        match self {
            Self::Full(message) => (PublishError::Full(()), message),
            Self::Timeout(message) => (PublishError::Timeout(()), message),
            Self::Closed(message) => (PublishError::Closed(()), message),
            Self::Deleted(message) => (PublishError::Deleted(()), message),
            Self::TooLarge { message, bytes, max_bytes } => {
                (PublishError::TooLarge { message: (), bytes, max_bytes }, message)
            }
            Self::Encode { message, source } => {
                (PublishError::Encode { message: (), source }, message)
            }
            Self::Partition { message, partition, partitions } => {
                (PublishError::Partition { message: (), partition, partitions }, message)
            }
            Self::NoDedup(message) => (PublishError::NoDedup(()), message),
            Self::Unsupported { message, what, remedy } => {
                (PublishError::Unsupported { message: (), what, remedy }, message)
            }
            Self::Unavailable { message, source } => {
                (PublishError::Unavailable { message: (), source }, message)
            }
            Self::Unknown { message, source } => {
                (PublishError::Unknown { message: (), source }, message)
            }
        }
    }
}

impl PublishError<()> {
    /// The same error around a message.
    pub(crate) fn with<T>(self, message: T) -> PublishError<T> {
        match self {
            Self::Full(()) => PublishError::Full(message),
            Self::Timeout(()) => PublishError::Timeout(message),
            Self::Closed(()) => PublishError::Closed(message),
            Self::Deleted(()) => PublishError::Deleted(message),
            Self::TooLarge { bytes, max_bytes, .. } => {
                PublishError::TooLarge { message, bytes, max_bytes }
            }
            Self::Encode { source, .. } => PublishError::Encode { message, source },
            Self::Partition { partition, partitions, .. } => {
                PublishError::Partition { message, partition, partitions }
            }
            Self::NoDedup(()) => PublishError::NoDedup(message),
            Self::Unsupported { what, remedy, .. } => {
                PublishError::Unsupported { message, what, remedy }
            }
            Self::Unavailable { source, .. } => PublishError::Unavailable { message, source },
            Self::Unknown { source, .. } => PublishError::Unknown { message, source },
        }
    }
}

/// Does not show the message, which need not be `Debug`.
impl<T> fmt::Debug for PublishError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("Full(..)"),
            Self::Timeout(_) => f.write_str("Timeout(..)"),
            Self::Closed(_) => f.write_str("Closed(..)"),
            Self::Deleted(_) => f.write_str("Deleted(..)"),
            Self::TooLarge { bytes, max_bytes, .. } => f
                .debug_struct("TooLarge")
                .field("bytes", bytes)
                .field("max_bytes", max_bytes)
                .finish_non_exhaustive(),
            Self::Encode { source, .. } => {
                f.debug_struct("Encode").field("source", source).finish_non_exhaustive()
            }
            Self::Partition { partition, partitions, .. } => f
                .debug_struct("Partition")
                .field("partition", partition)
                .field("partitions", partitions)
                .finish_non_exhaustive(),
            Self::NoDedup(_) => f.write_str("NoDedup(..)"),
            Self::Unsupported { what, .. } => {
                f.debug_struct("Unsupported").field("what", what).finish_non_exhaustive()
            }
            Self::Unavailable { source, .. } => {
                f.debug_struct("Unavailable").field("source", source).finish_non_exhaustive()
            }
            Self::Unknown { source, .. } => {
                f.debug_struct("Unknown").field("source", source).finish_non_exhaustive()
            }
        }
    }
}

impl<T> fmt::Display for PublishError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str(
                "the topic is full: publish again later, raise `max` or `max_bytes`, or let `publish` wait, as it does with `overflow = Wait`",
            ),
            Self::Timeout(_) => f.write_str(
                "the topic stayed full until the deadline: a subscriber is slow or gone, see the topic's statistics",
            ),
            Self::Closed(_) => f.write_str("the topic is closed, or its last `Broker` was dropped"),
            Self::Deleted(_) => {
                f.write_str("the topic was deleted: open a new publisher to create it again")
            }
            Self::TooLarge { bytes, max_bytes, .. } => write!(
                f,
                "the message counts {bytes} bytes, and the topic holds {max_bytes} at most: raise `max_bytes`, or the limit of the server that keeps the topic, or split the message"
            ),
            // The cause says what to do, so it is said here, and what caused that is the source.
            Self::Encode { source, .. } => write!(f, "the message could not be encoded: {source}"),
            Self::Partition { partition, partitions, .. } => write!(
                f,
                "there is no partition {partition}: the topic has {partitions}, numbered from 0"
            ),
            Self::NoDedup(_) => f.write_str(
                "the topic remembers no message ids: declare it with `dedup = \"2m\"`, or publish without an id",
            ),
            Self::Unsupported { what, remedy, .. } => {
                write!(f, "{what} is not possible where the topic is kept: {remedy}")
            }
            Self::Unavailable { .. } => f.write_str(
                "the message is not stored, since the system that keeps the topic did not take it: publish it again",
            ),
            Self::Unknown { .. } => f.write_str(
                "the message may be stored or not: publish it again, under the same id if it is not to be there twice",
            ),
        }
    }
}

impl<T> std::error::Error for PublishError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Encode { source, .. } => source.source(),
            Self::Unavailable { source, .. } | Self::Unknown { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

/// A batch was published in part; the rest is inside, in order.
#[non_exhaustive]
pub struct BatchError<T> {
    /// The offsets of those that were published: the first ones of the batch. Of a topic that is kept
    /// elsewhere there may be others among them, which were on their way when one was refused.
    pub published: Vec<Offset>,
    /// Why the first of the others was not. Its message is the first of [`rest`](Self::rest).
    pub reason: Box<PublishError<()>>,
    /// What was not published, in order; elsewhere also that of which it is not known.
    pub rest: Vec<T>,
}

/// Does not show the messages, which need not be `Debug`.
impl<T> fmt::Debug for BatchError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchError")
            .field("published", &self.published.len())
            .field("reason", &self.reason)
            .field("rest", &self.rest.len())
            .finish()
    }
}

impl<T> fmt::Display for BatchError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the batch stopped after {} messages: {}", self.published.len(), self.reason)
    }
}

impl<T> std::error::Error for BatchError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.reason.source()
    }
}

/// Why messages went before a subscriber had read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LagReason {
    /// The topic held `max` messages.
    MaxMessages,
    /// The topic held `max_bytes`.
    MaxBytes,
    /// They were older than `ttl`.
    Expired,
    /// Every subscriber of the time had passed them, and their room was needed.
    Consumed,
    /// The system that keeps the topic removed them, and does not tell why. Not in memory.
    Removed,
}

impl fmt::Display for LagReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaxMessages => {
                "the topic holds `max` messages: read faster, raise `max`, or use `overflow = Wait`"
            }
            Self::MaxBytes => {
                "the topic holds `max_bytes`: read faster, raise it, or use `overflow = Wait`"
            }
            Self::Expired => "they were older than `ttl`: read faster, or raise `ttl`",
            Self::Consumed => "all subscribers had passed them before: subscribe, or seek, earlier",
            Self::Removed => {
                "the system that keeps the topic removed them: read faster, or raise its limits"
            }
        })
    }
}

/// No message this time.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecvError {
    /// Retention removed messages before this subscriber had read them. Said once; the next
    /// receive goes on with the oldest message kept.
    Lagged {
        /// How many.
        skipped: u64,
        /// Why the last of them went.
        reason: LagReason,
    },
    /// The record at this offset could not be decoded. The next receive goes on after it. In a group
    /// without dead letters it comes back, unless the group acknowledges by itself.
    Decode {
        /// The record's offset.
        offset: Offset,
        /// Why.
        source: DecodeError,
    },
    /// The topic or its broker is closed, and everything was read.
    Closed,
    /// The topic was deleted, with what was in it.
    Deleted,
    /// The consumer group was deleted.
    GroupDeleted,
    /// The system that keeps the topic cannot be reached, or refuses. Said once; the next receive
    /// goes on where this one was. In memory there is none. To a subscriber also where that system has set the
    /// topic back to an older copy, as of a backup: the next receive goes on with what was published since.
    Unavailable {
        /// What the connection to it said.
        source: Cause,
    },
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lagged { skipped, reason } => {
                write!(f, "skipped {skipped}, gone unread because {reason}")
            }
            // As for a message that could not be encoded.
            Self::Decode { offset, source } => write!(
                f,
                "the record at offset {offset} could not be decoded, and the next receive goes on after it: {source}"
            ),
            Self::Closed => f.write_str(
                "the topic is closed, or its last `Broker` was dropped, and everything was read",
            ),
            Self::Deleted => {
                f.write_str("the topic was deleted: open a new subscriber to create it again")
            }
            Self::GroupDeleted => f.write_str(
                "the consumer group was deleted: open a new consumer to create it again",
            ),
            Self::Unavailable { .. } => f.write_str(
                "the system that keeps the topic did not answer, or has set it back, as the source says: receive again",
            ),
        }
    }
}

impl std::error::Error for RecvError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Decode { source, .. } => source.source(),
            Self::Unavailable { source } => Some(&**source),
            _ => None,
        }
    }
}

/// A subscriber or a group could not be moved; it stays where it is.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SeekError {
    /// The offset lies beyond the one that is published next.
    #[error("cannot seek to offset {requested}: the next message gets {end}")]
    BeyondEnd {
        /// The offset asked for.
        requested: Offset,
        /// The offset of the next message.
        end: Offset,
    },
    /// A subscriber has no group, and so no committed offset.
    #[error("a subscriber has no committed offset: name an offset or a time, or open a consumer")]
    NotAGroup,
    /// The topic was deleted.
    #[error("the topic was deleted: open a new subscriber to create it again")]
    Deleted,
    /// The consumer group was deleted.
    #[error("the consumer group was deleted: open a new consumer to create it again")]
    GroupDeleted,
    /// The system that keeps the topic cannot do this. In memory there is no such thing.
    #[error("{what} is not possible where the topic is kept: {remedy}")]
    Unsupported {
        /// What it cannot do.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The system that keeps the topic cannot be reached, or refuses. In memory there is none.
    #[error(
        "the system that keeps the topic did not answer: try again, or see the cause: {reason}"
    )]
    Unavailable {
        /// What the connection to it said, with all causes.
        reason: String,
    },
}

/// What a group has done could not be committed; it stays where it is.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitError {
    /// There is no message at this offset yet.
    #[error("cannot commit offset {requested}: the next message gets {end}")]
    BeyondEnd {
        /// The offset asked for.
        requested: Offset,
        /// The offset of the next message.
        end: Offset,
    },
    /// The topic was deleted.
    #[error("the topic was deleted: open a new consumer to create it again")]
    Deleted,
    /// The consumer group was deleted.
    #[error("the consumer group was deleted: open a new consumer to create it again")]
    GroupDeleted,
    /// The system that keeps the topic cannot do this. In memory there is no such thing.
    #[error("{what} is not possible where the topic is kept: {remedy}")]
    Unsupported {
        /// What it cannot do.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The system that keeps the topic cannot be reached, or refuses. In memory there is none.
    #[error(
        "the system that keeps the topic did not answer: try again, or see the cause: {reason}"
    )]
    Unavailable {
        /// What the connection to it said, with all causes.
        reason: String,
    },
}

/// A delivery could not be settled as asked.
///
/// None of these loses the message: either it is settled, or it comes back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SettleError {
    /// The message is settled: by `commit`, by `auto_ack`, or by whom it was handed to after this
    /// delivery. Or its group was moved by `seek`, and what is to be handled from there on is handed
    /// out anew. Or retention removed it after the deadline.
    #[error("the message is settled already, or its group was moved: nothing is left to do")]
    AlreadySettled,
    /// The ack deadline passed, or the consumer was dropped, and the message was handed out again:
    /// whoever has it now settles it.
    #[error(
        "the message was handed out again: settle within the ack deadline, `extend` it, or open the group with a longer one; and keep the consumer as long as its deliveries"
    )]
    HandedOutAgain,
    /// The ack deadline passed, or the consumer was dropped, so it cannot be extended. It can still be settled
    /// until the message is handed out again.
    #[error(
        "the ack deadline has passed, or the consumer is gone: extend it sooner, or open the group with a longer one; and keep the consumer as long as its deliveries"
    )]
    Expired,
    /// The group has no dead-letter topic, so nothing can be rejected. The message comes back.
    #[error(
        "the group has no dead-letter topic to reject to: open it without `without_dead_letters`, or `ack` what is not wanted"
    )]
    NoDeadLetterTopic,
    /// The dead-letter topic did not take the message. It is tried again.
    #[error("the dead-letter topic {topic:?} did not take the message; it is tried again")]
    DeadLetter {
        /// The dead-letter topic.
        topic: String,
        /// Why.
        source: PublishError<()>,
    },
    /// The topic was deleted, with the message.
    #[error("the topic was deleted, and the message with it")]
    Deleted,
    /// The consumer group was deleted.
    #[error("the consumer group was deleted")]
    GroupDeleted,
    /// The system that keeps the topic cannot be reached, or refuses: the message may be settled or
    /// not. Where it is not, it comes back. In memory there is none.
    #[error("whether the message is settled is not known: if it is not, it comes back")]
    Unavailable {
        /// What the connection to it said.
        source: Cause,
    },
}
