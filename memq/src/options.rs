//! What a topic can be told: format, compression, retention, overflow, where to start. Plain data.

mod text;

use std::time::{Duration, SystemTime};

pub use self::text::ParseOptionError;
use crate::dictionary::Dictionary;
use crate::position::{Offset, Timestamp};

/// Messages a topic keeps where nothing is said.
pub const DEFAULT_MAX_MESSAGES: usize = 10_000;

/// Bytes a topic keeps where nothing is said: 256 MiB.
pub const DEFAULT_MAX_BYTES: usize = 256 << 20;

/// Bytes one message may have after decompression where nothing is said: 64 MiB.
pub const DEFAULT_MAX_DECODED: usize = 64 << 20;

/// How long a message may be in flight in a consumer group where nothing is said.
pub const DEFAULT_ACK_DEADLINE: Duration = Duration::from_secs(30);

/// How often a consumer group is handed a message where nothing is said, before it is a dead letter.
pub const DEFAULT_MAX_ATTEMPTS: u32 = 5;

/// How a payload is encoded.
///
/// The discriminants are the codes in the [frame](crate::codec::frame).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Format {
    /// bincode 1.3 with its default options (feature `bincode`).
    Bincode = 0,
    /// JSON text (feature `json`).
    Json = 1,
    /// MessagePack with named fields; arrays are read too (feature `messagepack`).
    MessagePack = 2,
    /// The value itself, shared in the process. Never in a frame.
    Native = 3,
    /// postcard 1 (feature `postcard`).
    Postcard = 4,
    /// CBOR: recognised, neither written nor opened.
    Cbor = 5,
    /// Bytes that say nothing about their format.
    Raw = 6,
    /// A [codec](crate::Codec) of the user's own.
    Custom = 255,
}

impl Format {
    /// The format with this code in a frame, or `None` where the code is not assigned.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Bincode,
            1 => Self::Json,
            2 => Self::MessagePack,
            3 => Self::Native,
            4 => Self::Postcard,
            5 => Self::Cbor,
            6 => Self::Raw,
            255 => Self::Custom,
            _ => return None,
        })
    }

    /// The code in a frame.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What `Content-Type` calls it, where a system has such headers.
    ///
    /// ```
    /// assert_eq!(memq::Format::Json.content_type(), "application/json");
    /// ```
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Bincode => "application/vnd.memq.bincode",
            Self::Json => "application/json",
            Self::MessagePack => "application/msgpack",
            Self::Native => "application/vnd.memq.native",
            Self::Postcard => "application/vnd.memq.postcard",
            Self::Cbor => "application/cbor",
            Self::Raw => "application/octet-stream",
            Self::Custom => "application/vnd.memq.custom",
        }
    }

    /// Whether fields have only positions in it, so that bytes of a changed type may be read as
    /// others, without an error.
    #[must_use]
    pub const fn is_positional(self) -> bool {
        matches!(self, Self::Bincode | Self::Postcard)
    }
}

/// How a payload is compressed.
///
/// The discriminants are the codes in the [frame](crate::codec::frame).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Compression {
    /// Not at all.
    #[default]
    None = 0,
    /// gzip, levels 0 to 9, 6 where nothing is said (feature `gzip`).
    Gzip = 1,
    /// Zstandard, levels -7 to 22, 3 where nothing is said (feature `zstd`).
    Zstd = 2,
    /// LZ4: recognised, neither written nor opened.
    Lz4 = 3,
}

impl Compression {
    /// The compression with this code in a frame, or `None` where the code is not assigned.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::None,
            1 => Self::Gzip,
            2 => Self::Zstd,
            3 => Self::Lz4,
            _ => return None,
        })
    }

    /// The code in a frame.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The lowest and the highest level; `None` where there are no levels.
    #[must_use]
    pub const fn levels(self) -> Option<(i32, i32)> {
        match self {
            Self::Gzip => Some((0, 9)),
            Self::Zstd => Some((-7, 22)),
            Self::None | Self::Lz4 => None,
        }
    }

    /// The level used where nothing is said; 0 where there are no levels.
    #[must_use]
    pub const fn default_level(self) -> i32 {
        match self {
            Self::Gzip => 6,
            Self::Zstd => 3,
            Self::None | Self::Lz4 => 0,
        }
    }

    /// Whether this build can write and open it.
    #[must_use]
    pub const fn is_available(self) -> bool {
        match self {
            Self::None => true,
            Self::Gzip => cfg!(feature = "gzip"),
            Self::Zstd => cfg!(feature = "zstd"),
            Self::Lz4 => false,
        }
    }
}

/// What happens to a message for which a topic has no room.
///
/// A topic is full when it holds `max` messages or the message would take it past `max_bytes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// The oldest messages go. A subscriber that had not read them is told by
    /// [`RecvError::Lagged`](crate::RecvError::Lagged), with their exact number.
    ///
    /// Publishers do not wait for room. For a subscriber that kept up and now stands still, since the
    /// system runs something else on its processor, they pause: after each 1,024 messages
    /// `publish` and `publish_batch` let other tasks run, and where a subscriber in memory loses its next
    /// message soon (once 8,192 more come, or half of `max` where that is less), they put their thread to
    /// sleep, for 50 µs each time, as long as that is so. Of a topic all publishers together pause 64 times, and
    /// once more for each 16,384 messages, at most: 3 to 7 ms at once where a processor is free; where none is,
    /// each pause lasts until the system runs the thread again. They pause only for a subscriber that has read
    /// `max` messages since it came or lost some: for one that is slower and never catches up, no more than that
    /// once.
    /// [`try_publish`](crate::Publisher::try_publish) never pauses, nor do permits.
    #[default]
    DropOldest,
    /// The publisher gets [`PublishError::Full`](crate::PublishError::Full) with the message.
    /// Room is made only from messages that every subscriber has passed; with no subscriber, none.
    Reject,
    /// The publisher waits. Room is made only from messages that every subscriber has passed;
    /// with no subscriber it waits for one.
    ///
    /// Publishers that wait are let in in the order in which they came. Who comes later goes first
    /// only where there is room for all who wait as well; else
    /// [`try_publish`](crate::Publisher::try_publish) is refused. So a publishing future that is
    /// neither polled nor dropped holds up those behind it.
    Wait,
}

/// When a message that nobody has to read any more is freed.
///
/// `max`, `max_bytes`, `ttl` and [`Overflow`] hold besides: this frees messages earlier, never later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Retain {
    /// When the limits say so. Until then whoever comes later can read it, and who has read it can
    /// seek back to it.
    #[default]
    WithinLimits,
    /// Once every consumer group and every subscriber has passed it, with the next look at the topic, so
    /// that memory follows the backlog. While there is neither, messages are kept within the limits.
    ///
    /// Who starts behind a message has passed it: where nobody else has to read it, a subscriber that only
    /// looks at what is new ([`Start::Latest`], [`Start::Last`]) or at all there is frees it. So open the
    /// groups that are to handle the messages first.
    UntilConsumed,
}

/// Where a subscriber or a consumer group starts, or moves to by `seek`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// At the oldest message kept.
    #[default]
    Earliest,
    /// After the newest message: only what is published from now on.
    Latest,
    /// At the last so many messages: this many before the next to be published, so that these at most
    /// come at once if nobody publishes meanwhile. `Last(0)` is `Latest`; where fewer are kept it is
    /// `Earliest`, which is no lag.
    ///
    /// It counts all messages of the topic, also those that a filter or a
    /// [partition](crate::SubscriberBuilder::partition) leaves out: a subscriber with one is given what
    /// passes of them. It counts by offset: on a system where others can remove messages from amid a topic,
    /// as on NATS JetStream, fewer may be left of them, and a subscriber is told of the others as lag.
    Last(u64),
    /// At this offset. One that retention has removed is reported as lag; one beyond the next to
    /// be published is an error.
    Offset(Offset),
    /// At the first message stored at or after this time; at a time that has not come, `Latest`.
    /// Where messages share dates (see [`Timestamp`]), it begins up to 50 ms before that, so that none
    /// is missed for being dated early.
    Time(Timestamp),
    /// At the first message stored in this last stretch of time; else as `Time`.
    Ago(Duration),
    /// Where the consumer group resumes: at its oldest message that is not settled. A group that is
    /// new starts at the earliest message kept. For consumers alone; a subscriber has no group.
    Committed,
}

impl From<Offset> for Start {
    fn from(offset: Offset) -> Self {
        Self::Offset(offset)
    }
}

impl From<u64> for Start {
    fn from(offset: u64) -> Self {
        Self::Offset(Offset(offset))
    }
}

impl From<Timestamp> for Start {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

/// As the [`Timestamp`] of it.
impl From<SystemTime> for Start {
    fn from(time: SystemTime) -> Self {
        Self::Time(time.into())
    }
}

/// The options a topic runs with.
///
/// Whoever opens a topic says some of them. What is said once stays, and opening it with another
/// value is a [`TopicConflict`](crate::TopicConflict). What nobody has said when the first publisher
/// is opened stays at its default; only the format can still be said later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicOptions {
    /// The format of messages that do not name another.
    pub format: Format,
    /// The compression of messages that do not name another.
    pub compression: Compression,
    /// The level of that compression.
    pub level: i32,
    /// The id of the [dictionary](crate::Dictionary) it compresses with; `None` for without one.
    pub dictionary: Option<u32>,
    /// Messages kept at most.
    pub max_messages: usize,
    /// Bytes kept at most: payloads, keys and headers, and 64 for each message. The payload of a native
    /// message is what [`Topic::footprint`](crate::Topic::footprint) says: the size of its type, if nothing else.
    ///
    /// A message with a key or headers counts 96 more, and 64 for each header, beside their text.
    pub max_bytes: usize,
    /// How long a message is kept; `None` for as long as there is room.
    pub ttl: Option<Duration>,
    /// What happens when there is no room.
    pub overflow: Overflow,
    /// How many partitions it has, at least one.
    pub partitions: u16,
    /// How long the ids of messages are remembered; `None` for not at all.
    ///
    /// A publish that repeats an id within that time stores nothing, and returns the offset of the
    /// first.
    pub dedup: Option<Duration>,
    /// When a message that nobody has to read any more is freed.
    pub retain: Retain,
}

/// A topic of which nothing was said.
impl Default for TopicOptions {
    fn default() -> Self {
        Self {
            format: Format::Raw,
            compression: Compression::None,
            level: 0,
            dictionary: None,
            max_messages: DEFAULT_MAX_MESSAGES,
            max_bytes: DEFAULT_MAX_BYTES,
            ttl: None,
            overflow: Overflow::DropOldest,
            partitions: 1,
            dedup: None,
            retain: Retain::WithinLimits,
        }
    }
}

/// The options somebody asks for on opening a topic; `None` is "whatever it has".
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) format: Option<Format>,
    /// Compression and its level.
    pub(crate) compression: Option<(Compression, i32)>,
    pub(crate) dictionary: Option<Dictionary>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) max_messages: Option<usize>,
    pub(crate) max_bytes: Option<usize>,
    pub(crate) overflow: Option<Overflow>,
    pub(crate) partitions: Option<u16>,
    pub(crate) dedup: Option<Duration>,
    pub(crate) retain: Option<Retain>,
}

impl Request {
    /// Whether no option is asked for here and there with different values.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        fn same<V: PartialEq>(one: &Option<V>, other: &Option<V>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        same(&self.format, &other.format)
            && same(&self.compression, &other.compression)
            && same(&self.dictionary, &other.dictionary)
            && same(&self.ttl, &other.ttl)
            && same(&self.max_messages, &other.max_messages)
            && same(&self.max_bytes, &other.max_bytes)
            && same(&self.overflow, &other.overflow)
            && same(&self.partitions, &other.partitions)
            && same(&self.dedup, &other.dedup)
            && same(&self.retain, &other.retain)
    }

    /// What this asks for, and where it does not, what `other` does.
    pub(crate) fn or(&self, other: &Self) -> Self {
        Self {
            format: self.format.or(other.format),
            compression: self.compression.or(other.compression),
            dictionary: self.dictionary.as_ref().or(other.dictionary.as_ref()).cloned(),
            ttl: self.ttl.or(other.ttl),
            max_messages: self.max_messages.or(other.max_messages),
            max_bytes: self.max_bytes.or(other.max_bytes),
            overflow: self.overflow.or(other.overflow),
            partitions: self.partitions.or(other.partitions),
            dedup: self.dedup.or(other.dedup),
            retain: self.retain.or(other.retain),
        }
    }

    /// What this asks for, over `options`.
    pub(crate) fn over(&self, options: TopicOptions) -> TopicOptions {
        let (compression, level) = self.compression.unwrap_or((options.compression, options.level));
        TopicOptions {
            format: self.format.unwrap_or(options.format),
            compression,
            level,
            dictionary: self.dictionary.as_ref().map(Dictionary::id).or(options.dictionary),
            max_messages: self.max_messages.unwrap_or(options.max_messages),
            max_bytes: self.max_bytes.unwrap_or(options.max_bytes),
            ttl: self.ttl.or(options.ttl),
            overflow: self.overflow.unwrap_or(options.overflow),
            partitions: self.partitions.unwrap_or(options.partitions),
            dedup: self.dedup.or(options.dedup),
            retain: self.retain.unwrap_or(options.retain),
        }
    }
}
