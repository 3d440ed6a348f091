//! What a topic, its subscribers and its groups have done, as numbers.

mod group;

use super::sync::{AtomicU64, Ordering, store_and_fence};
use crate::error::LagReason;
use crate::position::{Offset, Partition, Timestamp};

pub use self::group::{GroupStats, MemberStats, Unsettled};

/// A topic at one moment.
///
/// `published == depth + dropped.total() + consumed`, always.
///
/// With feature `serde` it can be written, as for metrics:
///
/// ```
/// # #[cfg(feature = "json")] {
/// # use memq::Broker;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let broker = Broker::new();
/// broker.topic("audit").publisher().await?.publish_bytes("signed in").await?;
///
/// let stats = serde_json::to_value(broker.stats("audit").await?)?;
/// assert_eq!(stats["published"], 1);
/// assert_eq!(stats["dropped"]["expired"], 0);
/// # Ok(())
/// # }
/// # main().unwrap();
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicStats {
    /// Messages kept.
    pub depth: u64,
    /// Bytes kept, as `max_bytes` counts them.
    pub bytes: u64,
    /// The oldest message kept; `None` where none is.
    pub earliest: Option<Offset>,
    /// The newest message kept; `None` where none is.
    pub latest: Option<Offset>,
    /// The offset that the next message gets.
    pub next: Offset,
    /// Messages published since the topic was created.
    pub published: u64,
    /// Messages that retention removed, by cause.
    pub dropped: Dropped,
    /// The last of them.
    pub last_drop: Option<LastDrop>,
    /// Messages removed after every subscriber and group had passed them: to make room, where the
    /// overflow is `Wait` or `Reject`; at once, where the topic retains until consumed. Where the system
    /// that keeps the topic does not tell why messages went, they are `dropped`.
    pub consumed: u64,
    /// Messages that were given back because the topic was full, or stayed so until the deadline.
    pub rejected: u64,
    /// Publishes that repeated a message id and stored nothing.
    pub deduplicated: u64,
    /// Message ids that were forgotten before their time, because there were too many.
    pub ids_forgotten: u64,
    /// Publishers that wait for room.
    pub waiting_publishers: usize,
    /// Partitions, by number.
    pub partitions: Vec<PartitionStats>,
    /// Subscribers, in the order in which they came.
    pub subscribers: Vec<SubscriberStats>,
    /// Consumer groups, in the order in which they came.
    pub groups: Vec<GroupStats>,
}

impl TopicStats {
    /// Those of a topic in which nothing is kept, and whose next message gets this offset: for
    /// back ends, which set what they know.
    ///
    /// ```
    /// use memq::{Offset, TopicStats};
    ///
    /// let mut stats = TopicStats::empty(Offset(7));
    /// (stats.published, stats.dropped.unspecified) = (7, 7);
    /// assert_eq!(stats.published, stats.depth + stats.dropped.total() + stats.consumed);
    /// ```
    #[must_use]
    pub fn empty(next: Offset) -> Self {
        Self {
            depth: 0,
            bytes: 0,
            earliest: None,
            latest: None,
            next,
            published: 0,
            dropped: Dropped::default(),
            last_drop: None,
            consumed: 0,
            rejected: 0,
            deduplicated: 0,
            ids_forgotten: 0,
            waiting_publishers: 0,
            partitions: Vec::new(),
            subscribers: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// The group of this name.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&GroupStats> {
        self.groups.iter().find(|group| group.name == name)
    }
}

/// A message that retention removed before everybody had read it, perhaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastDrop {
    /// Which one.
    pub offset: Offset,
    /// Why.
    pub reason: LagReason,
    /// When.
    pub at: Timestamp,
}

/// A partition of a topic at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionStats {
    /// Which one.
    pub partition: Partition,
    /// Messages published into it since the topic was created.
    pub published: u64,
    /// Messages kept.
    pub depth: u64,
    /// Bytes kept, as `max_bytes` counts them.
    pub bytes: u64,
}

impl PartitionStats {
    /// Those of a partition in which nothing is kept: for back ends, which set what
    /// they know.
    #[must_use]
    pub fn empty(partition: Partition) -> Self {
        Self { partition, published: 0, depth: 0, bytes: 0 }
    }
}

/// Messages that retention removed, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// The topic held `max` messages.
    pub max_messages: u64,
    /// The topic held `max_bytes`.
    pub max_bytes: u64,
    /// They were older than `ttl`.
    pub expired: u64,
    /// The system that keeps the topic does not tell why. None in memory.
    pub unspecified: u64,
}

impl Dropped {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.max_messages + self.max_bytes + self.expired + self.unspecified
    }
}

/// A subscriber at one moment, since it started or was last moved by `seek`.
///
/// Of what was published since its start,
/// `since_start == delivered + filtered + skipped + lag`, always.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriberStats {
    /// Tells subscribers of one topic apart.
    pub id: u64,
    /// The offset it reads next.
    pub position: Offset,
    /// Messages from its start to the newest, kept or not.
    pub since_start: u64,
    /// Messages handed out, also those that could not be decoded, and one that its filter is looking
    /// at.
    pub delivered: u64,
    /// Messages its filter passed over.
    pub filtered: u64,
    /// Messages that retention removed before it had read them, and that it was told of.
    pub skipped: u64,
    /// Messages still to come, kept or not; of a deleted topic, those that never will.
    pub lag: u64,
}

impl SubscriberStats {
    /// Those of a subscriber that reads at this offset, and of which nothing else is known: for
    /// back ends, which set what they know.
    #[must_use]
    pub fn at(id: u64, position: Offset) -> Self {
        let (since_start, delivered, filtered, skipped, lag) = (0, 0, 0, 0, 0);
        Self { id, position, since_start, delivered, filtered, skipped, lag }
    }
}

/// A subscriber's counters. It alone writes them, and they lie in cache lines of their own, so that
/// nothing is contended.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Gauge {
    id: u64,
    /// The offset it reads next.
    position: AtomicU64,
    /// Where it started, or where `seek` put it. `delivered` is what the others leave.
    start: AtomicU64,
    filtered: AtomicU64,
    skipped: AtomicU64,
    /// From here on it has lost nothing.
    whole_from: AtomicU64,
}

impl Gauge {
    pub(crate) fn new(id: u64, start: u64) -> Self {
        Self {
            id,
            position: AtomicU64::new(start),
            start: AtomicU64::new(start),
            filtered: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            whole_from: AtomicU64::new(start),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    #[inline]
    pub(crate) fn passed(&self, position: u64) {
        self.position.store(position, Ordering::Release);
    }

    /// What was passed is seen by whoever's sign the reader looks for next and does not find.
    #[inline]
    pub(crate) fn fence(&self) {
        store_and_fence(&self.position, self.position.load(Ordering::Relaxed));
    }

    /// Says that the last message was not handed out after all.
    pub(crate) fn filtered(&self) {
        Self::add(&self.filtered, 1);
    }

    /// Says that retention took messages; only under the topic's lock, as `stats` reads.
    pub(crate) fn skipped(&self, count: u64) {
        Self::add(&self.skipped, count);
        let position = self.position.load(Ordering::Relaxed) + count;
        self.whole_from.store(position, Ordering::Relaxed);
        self.passed(position);
    }

    /// Whether it has read so many messages and lost none between; only under the topic's lock.
    pub(crate) fn is_whole(&self, messages: u64) -> bool {
        let from = self.whole_from.load(Ordering::Relaxed);
        self.position().saturating_sub(from) >= messages
    }

    /// Starts anew; only under the topic's lock, as `stats` reads.
    pub(crate) fn restart(&self, position: u64) {
        self.start.store(position, Ordering::Relaxed);
        self.filtered.store(0, Ordering::Relaxed);
        self.skipped.store(0, Ordering::Relaxed);
        self.whole_from.store(position, Ordering::Relaxed);
        self.passed(position);
    }

    /// One writer, so no read-modify-write is needed.
    fn add(counter: &AtomicU64, by: u64) {
        counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Release);
    }

    /// The counters against the log's end; only under the topic's lock.
    pub(crate) fn stats(&self, tail: u64) -> SubscriberStats {
        // Messages are counted as filtered after they are passed, so in this order none is
        // missing from the sum of delivered and filtered.
        let filtered = self.filtered.load(Ordering::Acquire);
        let skipped = self.skipped.load(Ordering::Relaxed);
        let start = self.start.load(Ordering::Relaxed);
        let position = self.position();
        SubscriberStats {
            id: self.id,
            position: Offset(position),
            since_start: tail - start,
            delivered: position - start - filtered - skipped,
            filtered,
            skipped,
            lag: tail - position,
        }
    }
}
