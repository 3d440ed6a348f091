//! What can go wrong with a topic as a whole: opening it, administering it.

use thiserror::Error;

use super::Cause;
use crate::dictionary::DictionaryError;
use crate::name::TopicNameError;
use crate::position::{Offset, Partition};

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
    /// The dictionary that the topic is to compress with is none.
    #[error("the dictionary of topic {topic:?} cannot be used")]
    Dictionary {
        /// The topic.
        topic: String,
        /// Why.
        source: DictionaryError,
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
    /// The topic has no such partition.
    #[error(
        "topic {topic:?}: there is no partition {partition}: it has {partitions}, numbered from 0"
    )]
    Partition {
        /// The topic.
        topic: String,
        /// The partition asked for.
        partition: Partition,
        /// How many there are.
        partitions: u16,
    },
    /// The name is not one of a consumer group.
    #[error(
        "{group:?} is not the name of a consumer group: use 1 to 100 characters of A-Z, a-z, 0-9, '_' and '-'"
    )]
    GroupName {
        /// The name asked for.
        group: String,
    },
    /// The consumer group exists with another option.
    #[error(transparent)]
    GroupConflict(#[from] GroupConflict),
    /// There is no such consumer group.
    #[error(
        "topic {topic:?} has no consumer group {group:?}: `broker.stats` lists those there are"
    )]
    NoGroup {
        /// The topic.
        topic: String,
        /// The group asked for.
        group: String,
    },
    /// The consumer group has no dead-letter topic.
    #[error(
        "group {group:?} of topic {topic:?} has no dead letters: it was opened with `without_dead_letters` or `auto_ack`"
    )]
    NoDeadLetters {
        /// The topic.
        topic: String,
        /// The group.
        group: String,
    },
    /// The dead-letter topic of a consumer group could not be opened.
    #[error("the dead-letter topic of group {group:?} could not be opened")]
    DeadLetterTopic {
        /// The group.
        group: String,
        /// Why.
        source: Box<OpenError>,
    },
    /// The topic was deleted while it was opened.
    #[error("topic {topic:?} was deleted while it was opened: open it again")]
    Deleted {
        /// The topic.
        topic: String,
    },
    /// The system that keeps the topic cannot do this. In memory there is no such thing.
    #[error("topic {topic:?}: {what} is not possible where it is kept: {remedy}")]
    Unsupported {
        /// The topic.
        topic: String,
        /// What it cannot do.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The system that keeps the topic cannot be reached, or refuses. In memory there is none.
    #[error("topic {topic:?} could not be opened where it is kept: try again, or see the cause")]
    Unavailable {
        /// The topic.
        topic: String,
        /// What the connection to it said.
        source: Cause,
    },
}

/// A topic exists with another option, or for another type.
///
/// Options that are not said do not conflict.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "topic {topic:?} has {option} = {existing}, and was asked for with {requested}: make them equal, say it in one place alone, or delete the topic first"
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

/// A consumer group exists with another option.
///
/// Options that are not said do not conflict.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "group {group:?} of topic {topic:?} exists with {option} = {existing}, and was opened again with {requested}: make them equal, or delete the group first"
)]
#[non_exhaustive]
pub struct GroupConflict {
    /// The topic.
    pub topic: String,
    /// The group.
    pub group: String,
    /// The option that differs.
    pub option: &'static str,
    /// What the group has.
    pub existing: String,
    /// What was asked for.
    pub requested: String,
}

/// A topic could not be administered.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdminError {
    /// The system that keeps the topics cannot do this. In memory there is no such thing.
    #[error("{what} is not possible where the topics are kept: {remedy}")]
    Unsupported {
        /// What it cannot do.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The system that keeps the topics cannot be reached, or refuses. In memory there is none.
    #[error(
        "the system that keeps the topics did not answer: try again, or see the cause: {reason}"
    )]
    Unavailable {
        /// What the connection to it said, with all causes.
        reason: String,
    },
    /// There is no such topic.
    #[error("there is no topic {topic:?}: `broker.topics()` lists those there are")]
    NotFound {
        /// The name asked for.
        topic: String,
    },
    /// The topic has no such consumer group.
    #[error(
        "topic {topic:?} has no consumer group {group:?}: `broker.stats` lists those there are"
    )]
    NoGroup {
        /// The topic.
        topic: String,
        /// The group asked for.
        group: String,
    },
}
