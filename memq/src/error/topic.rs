//! What can go wrong with a topic as a whole: opening it, administering it.

use thiserror::Error;

use crate::name::TopicNameError;
use crate::position::Offset;

/// A topic could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The name is not one of a topic.
    #[error(transparent)]
    Name(#[from] TopicNameError),
    /// The topic exists with another option, or for another type.
    #[error(transparent)]
    Conflict(#[from] TopicConflict),
    /// An option has a value it cannot have.
    #[error("topic {topic:?}: {option} = {value} is not possible: {remedy}")]
    Option {
        /// The topic.
        topic: String,
        /// The option.
        option: &'static str,
        /// The value asked for.
        value: String,
        /// What to do.
        remedy: String,
    },
    /// The topic shares values inside the process, so there are no bytes to read or write.
    #[error(
        "topic {topic:?} is native, so its messages have no bytes: give the type a format, such as `format = Json`"
    )]
    Native {
        /// The topic.
        topic: String,
    },
    /// The start lies beyond the offset that is published next.
    #[error("topic {topic:?}: cannot start at offset {requested}: the next message gets {end}")]
    BeyondEnd {
        /// The topic.
        topic: String,
        /// The offset asked for.
        requested: Offset,
        /// The offset of the next message.
        end: Offset,
    },
    /// The topic was deleted while it was opened.
    #[error("topic {topic:?} was deleted while it was opened: open it again")]
    Deleted {
        /// The topic.
        topic: String,
    },
}

/// A topic exists with another option, or for another type.
///
/// Options that are not said do not conflict.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "topic {topic:?} exists with {option} = {existing}, and was opened again with {requested}: make them equal, or delete the topic first"
)]
#[non_exhaustive]
pub struct TopicConflict {
    /// The topic.
    pub topic: String,
    /// The option that differs, or `type`.
    pub option: &'static str,
    /// What the topic has.
    pub existing: String,
    /// What was asked for.
    pub requested: String,
}

/// A topic could not be administered.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdminError {
    /// There is no such topic.
    #[error("there is no topic {topic:?}: `broker.topics()` lists those there are")]
    NotFound {
        /// The name asked for.
        topic: String,
    },
}
