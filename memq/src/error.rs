//! Every error, one enum for each kind of operation, and [`Error`] over all of them.
//!
//! Texts say what to do. Values that could not be published come back inside the error.

use std::fmt;

use thiserror::Error;

use crate::headers::HeaderError;
use crate::options::{Compression, Format};
use crate::position::Offset;
use crate::topic::TopicNameError;

/// The cause of a failure inside a codec, compression or stage.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Any error of memq, for functions that pass them all on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A topic could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A message could not be published; it is no longer inside.
    #[error(transparent)]
    Publish(PublishError<()>),
    /// A batch could not be published whole; the rest is no longer inside.
    #[error(transparent)]
    Batch(BatchError<()>),
    /// A message could not be received.
    #[error(transparent)]
    Recv(#[from] RecvError),
    /// A subscriber could not be moved.
    #[error(transparent)]
    Seek(#[from] SeekError),
    /// A topic could not be administered.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A message could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A record could not be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Bytes that begin like a frame are none.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The format of bytes could not be told.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// A header was refused.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A topic name was refused.
    #[error(transparent)]
    Name(#[from] TopicNameError),
}

impl<T> From<PublishError<T>> for Error {
    fn from(error: PublishError<T>) -> Self {
        Self::Publish(error.split().0)
    }
}

impl<T> From<BatchError<T>> for Error {
    fn from(error: BatchError<T>) -> Self {
        Self::Batch(BatchError {
            published: error.published,
            reason: Box::new(error.reason.split().0),
            rest: Vec::new(),
        })
    }
}

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
        }
    }
}

impl<T> fmt::Display for PublishError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str(
                "the topic is full: publish again later, raise `max` or `max_bytes`, or use `overflow = Wait`",
            ),
            Self::Timeout(_) => f.write_str(
                "the topic stayed full until the deadline: a subscriber is slow or gone, see the topic's statistics",
            ),
            Self::Closed(_) => f.write_str("the topic is closed"),
            Self::Deleted(_) => {
                f.write_str("the topic was deleted: open a new publisher to create it again")
            }
            Self::TooLarge { bytes, max_bytes, .. } => write!(
                f,
                "the message counts {bytes} bytes, and the topic holds {max_bytes} at most: raise `max_bytes` or split the message"
            ),
            Self::Encode { .. } => f.write_str("the message could not be encoded"),
        }
    }
}

impl<T> std::error::Error for PublishError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Encode { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// A batch was published in part; the rest is inside, in order.
#[non_exhaustive]
pub struct BatchError<T> {
    /// The offsets of those that were published: the first ones of the batch.
    pub published: Vec<Offset>,
    /// Why the next one was not. Its message is the first of [`rest`](Self::rest).
    pub reason: Box<PublishError<()>>,
    /// What was not published, in order.
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
        write!(f, "the batch stopped after {} messages", self.published.len())
    }
}

impl<T> std::error::Error for BatchError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.reason)
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
}

impl fmt::Display for LagReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaxMessages => "the topic holds `max` messages",
            Self::MaxBytes => "the topic holds `max_bytes`",
            Self::Expired => "they were older than `ttl`",
        })
    }
}

/// No message this time.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecvError {
    /// Retention removed messages before this subscriber had read them. Said once; the next
    /// receive goes on with the oldest message kept.
    #[error(
        "{skipped} messages went unread because {reason}: read faster, raise the limit, or use `overflow = Wait`"
    )]
    Lagged {
        /// How many.
        skipped: u64,
        /// Why the last of them went.
        reason: LagReason,
    },
    /// The record at this offset could not be decoded. The next receive goes on after it.
    #[error("the record at offset {offset} could not be decoded")]
    Decode {
        /// The record's offset.
        offset: Offset,
        /// Why.
        source: DecodeError,
    },
    /// The topic or its broker is closed, and everything was read.
    #[error("the topic is closed and everything was read")]
    Closed,
    /// The topic was deleted, with what was in it.
    #[error("the topic was deleted: open a new subscriber to create it again")]
    Deleted,
}

/// A subscriber could not be moved; it stays where it is.
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
    /// The topic was deleted.
    #[error("the topic was deleted: open a new subscriber to create it again")]
    Deleted,
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

/// A message could not become bytes.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The codec failed.
    #[error("the value could not be written as {format}")]
    Serialize {
        /// The format.
        format: Format,
        /// What the codec said.
        source: Cause,
    },
    /// Compression failed.
    #[error("the payload could not be compressed with {compression}")]
    Compress {
        /// The compression.
        compression: Compression,
        /// What it said.
        source: Cause,
    },
    /// A stage failed.
    #[error("stage {stage:?} failed")]
    Stage {
        /// The stage's name.
        stage: String,
        /// What it said.
        source: Cause,
    },
    /// A header was refused.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The bytes begin like a frame and are none.
    #[error(
        "the bytes begin like a frame and are none: publish them as a `Record` to store them as they are"
    )]
    Frame(#[source] FrameError),
    /// A compressed record does not open, so its length cannot be written into a frame.
    #[error("the record does not open, so its uncompressed length cannot be framed")]
    Length(#[source] DecodeError),
    /// The payload is longer than a frame can say.
    #[error("the payload has {bytes} bytes, and 4 GiB is the most: split the message")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// This build lacks what it takes.
    #[error("{what} is not available: {remedy}")]
    Unavailable {
        /// The format or compression.
        what: String,
        /// What to do.
        remedy: String,
    },
}

/// Bytes could not become a message.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The record is in a format that this subscriber does not read.
    #[error(
        "the record is {got} and this subscriber reads {reads}: add `.accept(memq::codec::{got})` to it"
    )]
    Format {
        /// The record's format.
        got: Format,
        /// The topic's format.
        reads: Format,
    },
    /// The bytes are not what the format says.
    #[error("the payload is not valid {format} for this type")]
    Malformed {
        /// The format.
        format: Format,
        /// What the codec said.
        source: Cause,
    },
    /// The value ends before the bytes do.
    #[error("{extra} bytes are left after the {format} value: one payload is one value")]
    Trailing {
        /// The format.
        format: Format,
        /// How many.
        extra: usize,
    },
    /// The compressed bytes are damaged.
    #[error("the payload could not be decompressed with {compression}")]
    Decompress {
        /// The compression.
        compression: Compression,
        /// What it said.
        source: Cause,
    },
    /// The payload decompresses to more than is allowed.
    #[error(
        "the payload decompresses to more than {limit} bytes: raise `max_decoded` if you trust its origin"
    )]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The payload decompresses to another length than its frame says.
    #[error("the frame declares {declared} bytes after decompression, and there are {got}")]
    Length {
        /// What the frame says.
        declared: usize,
        /// What came out; one more than declared is where it was stopped.
        got: usize,
    },
    /// A stage could not be undone.
    #[error("stage {stage:?} could not be undone: the key is another, or the bytes are damaged")]
    Stage {
        /// The stage's name.
        stage: String,
        /// What it said.
        source: Cause,
    },
    /// The record was sealed by stages that the reader does not have.
    #[error("the record is sealed by stages of its topic: read it there, or use `Record::unseal`")]
    Sealed,
    /// What the stages had sealed is not a frame.
    #[error("what the stages sealed is not a frame")]
    Frame(#[from] FrameError),
    /// The format cannot be told from the record.
    #[error("the record does not say its format: use `decode_as`, or publish it with a format")]
    Unknown,
    /// This build lacks what it takes.
    #[error("{what} is not available: {remedy}")]
    Unavailable {
        /// The format or compression.
        what: String,
        /// What to do.
        remedy: String,
    },
}

/// Bytes that begin with the magic of a frame are none. They are never taken for anything else.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// The bytes do not begin with the magic.
    #[error("the bytes do not begin with \"TMQ\", so they are no frame")]
    Magic,
    /// The frame ends too soon.
    #[error("the frame is cut: its header needs {needed} bytes, and there are {got}")]
    Cut {
        /// Bytes of a whole header.
        needed: usize,
        /// Bytes there are.
        got: usize,
    },
    /// A later version of the frame.
    #[error("frame version {0} is unknown: versions 1 and 2 are read")]
    Version(u8),
    /// A format code that is not assigned, or that is never in a frame.
    #[error("frame format {0} is unknown")]
    Format(u8),
    /// A compression code that is not assigned.
    #[error("frame compression {0} is unknown")]
    Compression(u8),
    /// A header that does not fit its own flags.
    #[error("the frame's header length {hlen} does not fit its flags {flags:#04x}")]
    Header {
        /// The length it states.
        hlen: u8,
        /// Its flags.
        flags: u8,
    },
    /// The frame insists on options that this version does not know.
    #[error("the frame requires the unknown options {0:#04x}: a newer memq wrote it")]
    Option(u8),
    /// The payload is not compressed, and its length is not the one stated.
    #[error("the frame says that its payload has {declared} bytes, and there are {got}")]
    Length {
        /// What the frame says.
        declared: u32,
        /// What there is.
        got: usize,
    },
    /// The frame is damaged.
    #[error(
        "the frame is damaged: its checksum is {stated:#010x}, and its bytes give {computed:#010x}"
    )]
    Checksum {
        /// What the frame says.
        stated: u32,
        /// What its bytes give.
        computed: u32,
    },
}

/// The format of bytes could not be told.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DetectError {
    /// There are none.
    #[error("there are no bytes")]
    Empty,
    /// They begin like a frame and are none.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Nothing fits.
    #[error(
        "the bytes are no frame, gzip, zstd, tagged CBOR, JSON object or array, nor one MessagePack map or array: say the format"
    )]
    Unknown,
}
