//! A topic that is kept elsewhere, and what it is opened with.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use super::{
    Boxed, Fault, GroupRequest, GroupRules, OpenFault, ReaderRequest, RemoteGroup, RemotePublisher,
    RemoteReader,
};
use crate::engine::stats::TopicStats;
use crate::name::TopicName;
use crate::options::{Compression, Format, Overflow, Retain, TopicOptions};
use crate::position::Timestamp;

/// A topic as it was found: one incarnation of it. Once it was deleted, and also when it was created
/// again, everything asked of this one is [`Fault::Deleted`], and never the other one's messages.
pub trait RemoteTopic: Debug + Send + Sync + 'static {
    /// Its name.
    fn name(&self) -> &TopicName;

    /// Tells it from one of the same name that was deleted or is created later.
    fn incarnation(&self) -> Incarnation;

    /// What it runs with, as it was last heard. Once there is a publisher, or a message, it does not
    /// change, but for the format if that is [`Format::Raw`].
    fn options(&self) -> TopicOptions;

    /// The names of its [stages](crate::codec::Stage), in their order. memq lets nobody publish who
    /// does not have them.
    fn stages(&self) -> Vec<String>;

    /// The way in for one publisher.
    fn publisher(&self) -> Boxed<Result<Arc<dyn RemotePublisher>, OpenFault>>;

    /// A reader of its own.
    ///
    /// # Errors
    ///
    /// [`OpenFault::BeyondEnd`] where the start lies beyond the next offset.
    fn reader(&self, request: ReaderRequest) -> Boxed<Result<Box<dyn RemoteReader>, OpenFault>>;

    /// Joins a group. Creates it by the rules of the request where there is none; never changes one.
    ///
    /// # Errors
    ///
    /// [`OpenFault::Rules`] with the rules of the group, where they are others, and
    /// [`OpenFault::BeyondEnd`] where it is new and cannot start there. Without
    /// [`Capability::Groups`](super::Capability::Groups) it is not asked, and says
    /// [`Fault::Unsupported`].
    fn group(&self, request: GroupRequest) -> Boxed<Result<Box<dyn RemoteGroup>, OpenFault>>;

    /// The rules of a group, if there is one of this name.
    fn group_rules(&self, group: &str) -> Boxed<Result<Option<GroupRules>, Fault>>;

    /// Removes a group, with where it was: its members get
    /// [`GroupDeleted`](super::ReadEnd::GroupDeleted). `false` where there was none.
    fn delete_group(&self, group: &str) -> Boxed<Result<bool, Fault>>;

    /// What was stored at this time or before has expired, as far as it is known here, by the clock
    /// that dates messages; `None` where nothing expires, or that clock is not known. memq hands out
    /// nothing of it, also where it was fetched before. It is never later than the truth, and quick, since
    /// it is asked for each message.
    fn expired(&self) -> Option<Timestamp> {
        None
    }

    /// What the topic and those who use it have done, as far as the system tells:
    /// [`depth`](TopicStats::depth), [`earliest`](TopicStats::earliest),
    /// [`next`](TopicStats::next) and [`published`](TopicStats::published) are exact, and
    /// `published == depth + dropped.total() + consumed`. What a group has done adds up too, as
    /// [`GroupStats`](crate::GroupStats) says. What both tell apart is with
    /// [`Capability::DropCauses`](super::Capability::DropCauses) and
    /// [`Capability::DeadLetterCounts`](super::Capability::DeadLetterCounts).
    fn stats(&self) -> Boxed<Result<TopicStats, Fault>>;

    /// No more messages: publishers are told from now on, readers once they have read what there is.
    fn close(&self) -> Boxed<Result<(), Fault>>;
}

/// Tells topics of one name apart: when it was created, say, or a number at random. It is to differ
/// from those of other systems too, since bridges know topics by it: do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Incarnation(pub u128);

/// The options somebody asks for on opening a topic; `None` is "whatever it has".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicRequest {
    /// The topic.
    pub name: TopicName,
    /// The format of messages that do not name another.
    pub format: Option<Format>,
    /// The compression of messages that do not name another, and its level. memq compresses; a back
    /// end only remembers it.
    pub compression: Option<(Compression, i32)>,
    /// The id of the dictionary that memq compresses with.
    pub dictionary: Option<u32>,
    /// How long a message is kept.
    pub ttl: Option<Duration>,
    /// Messages kept at most.
    pub max_messages: Option<usize>,
    /// Bytes kept at most, as the system counts them.
    pub max_bytes: Option<usize>,
    /// What happens when there is no room.
    pub overflow: Option<Overflow>,
    /// How many partitions it has.
    pub partitions: Option<u16>,
    /// How long ids are remembered.
    pub dedup: Option<Duration>,
    /// When a message that nobody has to read any more is freed.
    pub retain: Option<Retain>,
    /// The names of the stages; none for whatever it has.
    pub stages: Vec<String>,
}

impl TopicRequest {
    /// The topic of this name, with whatever it has.
    #[must_use]
    pub fn new(name: TopicName) -> Self {
        Self {
            name,
            format: None,
            compression: None,
            dictionary: None,
            ttl: None,
            max_messages: None,
            max_bytes: None,
            overflow: None,
            partitions: None,
            dedup: None,
            retain: None,
            stages: Vec::new(),
        }
    }

    /// What a topic runs with that is created by this request.
    ///
    /// ```
    /// use memq::spi::TopicRequest;
    /// use memq::{TopicName, TopicOptions};
    ///
    /// let mut request = TopicRequest::new(TopicName::new("orders")?);
    /// request.max_messages = Some(500);
    /// let options = request.over(TopicOptions::default());
    /// assert_eq!((options.max_messages, options.partitions), (500, 1));
    /// # Ok::<(), memq::Error>(())
    /// ```
    #[must_use]
    pub fn over(&self, options: TopicOptions) -> TopicOptions {
        let (compression, level) = self.compression.unwrap_or((options.compression, options.level));
        TopicOptions {
            format: self.format.unwrap_or(options.format),
            compression,
            level,
            dictionary: self.dictionary.or(options.dictionary),
            max_messages: self.max_messages.unwrap_or(options.max_messages),
            max_bytes: self.max_bytes.unwrap_or(options.max_bytes),
            ttl: self.ttl.or(options.ttl),
            overflow: self.overflow.unwrap_or(options.overflow),
            partitions: self.partitions.unwrap_or(options.partitions),
            dedup: self.dedup.or(options.dedup),
            retain: self.retain.unwrap_or(options.retain),
        }
    }

    /// Compares what is asked for with what a topic has.
    ///
    /// # Errors
    ///
    /// [`OpenFault::Conflict`] with the first option that is said and differs.
    ///
    /// ```
    /// use memq::spi::{OpenFault, TopicRequest};
    /// use memq::{TopicName, TopicOptions};
    ///
    /// let mut request = TopicRequest::new(TopicName::new("orders")?);
    /// assert!(request.compare(&TopicOptions::default(), &[]).is_ok());
    /// request.max_messages = Some(500);
    /// let differs = request.compare(&TopicOptions::default(), &[]);
    /// assert!(matches!(differs, Err(OpenFault::Conflict { option: "max", .. })));
    /// # Ok::<(), memq::Error>(())
    /// ```
    pub fn compare(&self, has: &TopicOptions, stages: &[String]) -> Result<(), OpenFault> {
        let own = (!self.stages.is_empty()).then_some(&*self.stages);
        same("stage", stages, own)?;
        // Bytes that say nothing may be said to be something later.
        if has.format != Format::Raw {
            same("format", &has.format, self.format.as_ref())?;
        }
        let wants = self.compression.map(|(compression, level)| Level(compression, level));
        same("compress", &Level(has.compression, has.level), wants.as_ref())?;
        optional("dictionary", has.dictionary, self.dictionary)?;
        same("max", &has.max_messages, self.max_messages.as_ref())?;
        same("max_bytes", &has.max_bytes, self.max_bytes.as_ref())?;
        optional("ttl", has.ttl, self.ttl)?;
        same("overflow", &has.overflow, self.overflow.as_ref())?;
        same("partitions", &has.partitions, self.partitions.as_ref())?;
        optional("dedup", has.dedup, self.dedup)?;
        same("retain", &has.retain, self.retain.as_ref())
    }
}

/// Compares what was said with what there is.
fn same<V: PartialEq + Debug + ?Sized>(
    option: &'static str,
    has: &V,
    wants: Option<&V>,
) -> Result<(), OpenFault> {
    match wants {
        Some(wants) if wants != has => {
            let (existing, requested) = (format!("{has:?}"), format!("{wants:?}"));
            Err(OpenFault::Conflict { option, existing, requested })
        }
        _ => Ok(()),
    }
}

/// Compares what need not be there at all.
fn optional<V: PartialEq + Debug>(
    option: &'static str,
    has: Option<V>,
    wants: Option<V>,
) -> Result<(), OpenFault> {
    same(option, &Perhaps(has), wants.map(|wants| Perhaps(Some(wants))).as_ref())
}

/// What need not be there, as an error shows it.
#[derive(PartialEq)]
pub(crate) struct Perhaps<V>(pub(crate) Option<V>);

impl<V: Debug> Debug for Perhaps<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("none"),
        }
    }
}

/// A compression and its level, as an error shows them.
#[derive(PartialEq)]
pub(crate) struct Level(pub(crate) Compression, pub(crate) i32);

impl Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(Compression::None, _) => f.write_str("None"),
            Self(compression, level) => write!(f, "{compression}({level})"),
        }
    }
}
