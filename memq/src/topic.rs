//! What a topic is: the trait and its constant description. No topic is opened here.

mod lineage;

use std::num::NonZeroU32;
use std::time::Duration;

use bytes::Bytes;

use crate::codec::Codec;
use crate::dictionary::{Dictionary, DictionaryFault};
use crate::key::Key;
use crate::name::NameFault;
use crate::options::{Compression, Overflow, Request, Retain};
use crate::schema::{Aliases, Fingerprint, Lineage};

/// A type whose values are the messages of one topic.
///
/// Derived, as a rule:
///
/// ```
/// # #[cfg(all(feature = "derive", feature = "json"))] {
/// # use serde::{Deserialize, Serialize};
/// use memq::Topic;
///
/// #[derive(Serialize, Deserialize, Topic)]
/// #[topic(name = "orders", format = Json, ttl = "1h", max = 10_000)]
/// struct Order {
///     #[topic(key)]
///     customer: u64,
///     item: String,
/// }
/// # }
/// ```
///
/// By hand, the same:
///
/// ```
/// # #[cfg(feature = "json")] {
/// # use serde::{Deserialize, Serialize};
/// use std::time::Duration;
/// use memq::{Key, Topic, TopicKey, TopicSpec};
///
/// #[derive(Serialize, Deserialize)]
/// struct Order {
///     customer: u64,
///     item: String,
/// }
///
/// impl Topic for Order {
///     type Codec = memq::codec::Json;
///     const SPEC: TopicSpec = TopicSpec::new("orders")
///         .ttl(Duration::from_secs(3_600))
///         .max_messages(10_000);
///
///     fn key(&self) -> Option<Key<'_>> {
///         self.customer.to_key()
///     }
/// }
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a topic",
    label = "not a topic",
    note = "add `#[derive(memq::Topic)]` and `#[topic(name = \"…\")]` to the type, or implement `memq::Topic` by hand",
    note = "`#[derive(Topic)]` is memq's feature `derive`, which is on by default",
    note = "bytes without a type are published and read through `broker.topic(\"…\")`"
)]
pub trait Topic: Sized + Send + Sync + 'static {
    /// How a message becomes bytes; [`Native`](crate::codec::Native) for not at all.
    type Codec: Codec<Self>;

    /// Name and options.
    const SPEC: TopicSpec;

    /// What the type looks like to a codec, if that is known. It goes with messages in formats whose
    /// fields have only positions, and readers compare it.
    const SHAPE: Option<Fingerprint> = None;

    /// How messages of lower versions become messages of this type.
    const LINEAGE: Lineage<Self> = Lineage::first();

    /// Adds the aliases of fields and variants.
    #[doc(hidden)]
    fn aliases(_: &mut Aliases) {}

    /// The key of this message, if it has one.
    fn key(&self) -> Option<Key<'_>> {
        None
    }

    /// Bytes this message holds, for `max_bytes`. Asked of native messages only, since of others
    /// the payload is counted.
    ///
    /// The default is the size of the type, which misses what it holds on the heap: say it for native
    /// messages that are large there, as `#[topic(footprint_with = …)]` does.
    fn footprint(&self) -> usize {
        size_of::<Self>()
    }
}

/// Name and options of a topic, as a constant: what `#[topic(…)]` becomes.
///
/// What is not set can be said on [creating](crate::Broker::create) the topic, before it has a publisher
/// (the compression: on opening it by name); if it is not, there is no compression, no `ttl`, 10,000 messages and 256 MiB, [`Overflow::DropOldest`], one
/// partition, no memory of ids, and [`Retain::WithinLimits`].
///
/// # Panics
///
/// Every method panics on a value that is out of range. In a constant, which is what it is for,
/// that is a compile error.
///
/// ```
/// use memq::TopicSpec;
///
/// const ORDERS: TopicSpec = TopicSpec::new("orders").max_messages(500);
/// assert_eq!(ORDERS.name(), "orders");
/// ```
///
/// ```compile_fail
/// const ORDERS: memq::TopicSpec = memq::TopicSpec::new("no spaces here");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct TopicSpec {
    name: &'static str,
    version: u16,
    /// Compression and its level.
    compression: Option<(Compression, i32)>,
    /// A dictionary and its id.
    dictionary: Option<(&'static [u8], NonZeroU32)>,
    ttl: Option<Duration>,
    max_messages: Option<usize>,
    max_bytes: Option<usize>,
    overflow: Option<Overflow>,
    partitions: Option<u16>,
    dedup: Option<Duration>,
    retain: Option<Retain>,
}

impl TopicSpec {
    /// A topic of this name, with nothing else said.
    pub const fn new(name: &'static str) -> Self {
        match NameFault::of(name) {
            None => {}
            Some(NameFault::Length) => panic!("a topic name has 1 to 200 bytes"),
            Some(NameFault::Character) => panic!(
                "a topic name consists of tokens of A-Z, a-z, 0-9, '_' and '-', joined by single dots"
            ),
            Some(NameFault::EmptyToken) => {
                panic!("a topic name neither begins nor ends with a dot, nor has two in a row")
            }
        }
        Self {
            name,
            version: 1,
            compression: None,
            dictionary: None,
            ttl: None,
            max_messages: None,
            max_bytes: None,
            overflow: None,
            partitions: None,
            dedup: None,
            retain: None,
        }
    }

    /// Says which version of the topic's messages the type is; 1 without it. Messages carry it, and
    /// readers of higher versions read lower ones through their [`Lineage`].
    ///
    /// ```
    /// use memq::TopicSpec;
    ///
    /// const ORDERS: TopicSpec = TopicSpec::new("orders").version(2);
    /// assert_eq!(ORDERS.schema_version(), 2);
    /// ```
    pub const fn version(mut self, version: u16) -> Self {
        assert!(version > 0, "versions start at 1");
        self.version = version;
        self
    }

    /// Compresses payloads, at the default level.
    pub const fn compression(self, compression: Compression) -> Self {
        self.compression_level(compression, compression.default_level())
    }

    /// Compresses payloads at this level.
    pub const fn compression_level(mut self, compression: Compression, level: i32) -> Self {
        if !compression.is_available() {
            match compression {
                Compression::Gzip => panic!("gzip needs memq's feature `gzip`"),
                Compression::Zstd => panic!("Zstandard needs memq's feature `zstd`"),
                _ => panic!("this compression is recognised, but not written"),
            }
        }
        if let Some((low, high)) = compression.levels() {
            assert!(low <= level && level <= high, "the level is out of the compression's range");
        }
        assert!(
            self.dictionary.is_none() || matches!(compression, Compression::Zstd),
            "a dictionary is Zstandard's: leave it out, or compress with Zstandard"
        );
        self.compression = Some((compression, level));
        self
    }

    /// Compresses with this dictionary of Zstandard, as its file holds it: `include_bytes!` of that,
    /// as a rule. Say the compression before it.
    ///
    /// Its magic and its id are checked here, and the rest when the topic is opened. See
    /// [`Dictionary`](crate::Dictionary), also for how to make one.
    ///
    /// ```
    /// # #[cfg(feature = "zstd")] {
    /// use memq::{Compression, TopicSpec};
    ///
    /// const FLIGHTS: TopicSpec = TopicSpec::new("flights")
    ///     .compression(Compression::Zstd)
    ///     .dictionary(include_bytes!("../../examples/data/flights.dict"));
    /// # }
    /// ```
    pub const fn dictionary(mut self, bytes: &'static [u8]) -> Self {
        assert!(
            matches!(self.compression, Some((Compression::Zstd, _))),
            "a dictionary is Zstandard's: say `.compression(Compression::Zstd)` before it, with memq's feature `zstd`"
        );
        match DictionaryFault::of(bytes) {
            Ok(id) => self.dictionary = Some((bytes, id)),
            Err(DictionaryFault::Short) => panic!(
                "this file is too short for a zstd dictionary: make one of records with `Dictionary::train` or `zstd --train`"
            ),
            Err(DictionaryFault::Magic) => panic!(
                "this is no zstd dictionary: make one of records with `Dictionary::train` or `zstd --train`"
            ),
            Err(DictionaryFault::Id) => {
                panic!("the dictionary has the id 0: train it again, without saying an id")
            }
        }
        self
    }

    /// Keeps a message for this long at most.
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        assert!(!ttl.is_zero(), "a ttl is longer than zero");
        self.ttl = Some(ttl);
        self
    }

    /// Keeps this many messages at most.
    pub const fn max_messages(mut self, max: usize) -> Self {
        assert!(max > 0, "a topic holds at least one message");
        self.max_messages = Some(max);
        self
    }

    /// Keeps this many bytes at most, counted as [`TopicOptions::max_bytes`](crate::TopicOptions)
    /// says: payloads, keys and headers, and what keeping them takes.
    pub const fn max_bytes(mut self, max: usize) -> Self {
        assert!(max > 0, "a topic holds at least one byte");
        self.max_bytes = Some(max);
        self
    }

    /// What happens when there is no room.
    pub const fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = Some(overflow);
        self
    }

    /// Has this many partitions.
    pub const fn partitions(mut self, partitions: u16) -> Self {
        assert!(partitions > 0, "a topic has at least one partition");
        self.partitions = Some(partitions);
        self
    }

    /// Remembers the ids of messages for this long: a publish that repeats one within that time
    /// stores nothing, and returns the offset of the first.
    pub const fn dedup(mut self, window: Duration) -> Self {
        assert!(!window.is_zero(), "ids are remembered for longer than zero");
        self.dedup = Some(window);
        self
    }

    /// When a message that nobody has to read any more is freed.
    pub const fn retain(mut self, retain: Retain) -> Self {
        self.retain = Some(retain);
        self
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The version of the type.
    #[must_use]
    pub const fn schema_version(&self) -> u16 {
        self.version
    }

    /// The options that are said, as a request to whoever opens the topic.
    pub(crate) fn request(&self) -> Request {
        Request {
            format: None,
            compression: self.compression,
            dictionary: self
                .dictionary
                .map(|(bytes, id)| Dictionary::unchecked(Bytes::from_static(bytes), id)),
            ttl: self.ttl,
            max_messages: self.max_messages,
            max_bytes: self.max_bytes,
            overflow: self.overflow,
            partitions: self.partitions,
            dedup: self.dedup,
            retain: self.retain,
        }
    }
}
