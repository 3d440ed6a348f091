//! What a topic is: the trait, its constant description, and names. No topic is opened here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::codec::Codec;
use crate::key::Key;
use crate::options::{Compression, Format, Overflow, TopicOptions};

/// The longest name of a topic, in bytes.
const MAX_NAME: usize = 200;

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
    note = "bytes without a type are published and read through `broker.topic(\"…\")`"
)]
pub trait Topic: Sized + Send + Sync + 'static {
    /// How a message becomes bytes; [`Native`](crate::codec::Native) for not at all.
    type Codec: Codec<Self>;

    /// Name and options.
    const SPEC: TopicSpec;

    /// The key of this message, if it has one.
    fn key(&self) -> Option<Key<'_>> {
        None
    }

    /// Bytes this message holds, for `max_bytes`. Asked of native messages only, since of others
    /// the payload is counted.
    ///
    /// The default is the size of the type, which misses what it holds on the heap: implement it
    /// for native messages that are large there.
    fn footprint(&self) -> usize {
        size_of::<Self>()
    }
}

/// Name and options of a topic, as a constant: what `#[topic(…)]` becomes.
///
/// What is not set is left to whoever opens the topic first, and else to the defaults: no
/// compression, no `ttl`, 10,000 messages and 256 MiB, [`Overflow::DropOldest`].
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
    /// Compression and its level.
    compression: Option<(Compression, i32)>,
    ttl: Option<Duration>,
    max_messages: Option<usize>,
    max_bytes: Option<usize>,
    overflow: Option<Overflow>,
}

impl TopicSpec {
    /// A topic of this name, with nothing else said.
    pub const fn new(name: &'static str) -> Self {
        match NameFault::of(name) {
            None => {}
            Some(NameFault::Length) => panic!("a topic name has 1 to 200 bytes"),
            Some(NameFault::Byte(_)) => panic!(
                "a topic name consists of tokens of A-Z, a-z, 0-9, '_' and '-', joined by single dots"
            ),
            Some(NameFault::EmptyToken) => {
                panic!("a topic name neither begins nor ends with a dot, nor has two in a row")
            }
        }
        Self {
            name,
            compression: None,
            ttl: None,
            max_messages: None,
            max_bytes: None,
            overflow: None,
        }
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
        self.compression = Some((compression, level));
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

    /// Keeps this many bytes at most: payloads, keys and headers, and a fixed price per message.
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

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The options that are said, as a request to whoever opens the topic.
    pub(crate) fn request(&self) -> Request {
        Request {
            format: None,
            compression: self.compression,
            ttl: self.ttl,
            max_messages: self.max_messages,
            max_bytes: self.max_bytes,
            overflow: self.overflow,
        }
    }
}

/// The options somebody asks for on opening a topic; `None` is "whatever it has".
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Request {
    pub(crate) format: Option<Format>,
    /// Compression and its level.
    pub(crate) compression: Option<(Compression, i32)>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) max_messages: Option<usize>,
    pub(crate) max_bytes: Option<usize>,
    pub(crate) overflow: Option<Overflow>,
}

impl Request {
    /// Whether no option is asked for here and there with different values.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        fn same<V: PartialEq>(one: Option<V>, other: Option<V>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        same(self.format, other.format)
            && same(self.compression, other.compression)
            && same(self.ttl, other.ttl)
            && same(self.max_messages, other.max_messages)
            && same(self.max_bytes, other.max_bytes)
            && same(self.overflow, other.overflow)
    }

    /// What this asks for, and where it does not, what `other` does.
    pub(crate) fn or(&self, other: &Self) -> Self {
        Self {
            format: self.format.or(other.format),
            compression: self.compression.or(other.compression),
            ttl: self.ttl.or(other.ttl),
            max_messages: self.max_messages.or(other.max_messages),
            max_bytes: self.max_bytes.or(other.max_bytes),
            overflow: self.overflow.or(other.overflow),
        }
    }

    /// What this asks for, over `options`.
    pub(crate) fn over(&self, options: TopicOptions) -> TopicOptions {
        let (compression, level) = self.compression.unwrap_or((options.compression, options.level));
        TopicOptions {
            format: self.format.unwrap_or(options.format),
            compression,
            level,
            max_messages: self.max_messages.unwrap_or(options.max_messages),
            max_bytes: self.max_bytes.unwrap_or(options.max_bytes),
            ttl: self.ttl.or(options.ttl),
            overflow: self.overflow.unwrap_or(options.overflow),
        }
    }
}

/// The name of a topic: 1 to 200 bytes, tokens of `[A-Za-z0-9_-]` joined by single dots.
///
/// ```
/// use memq::TopicName;
///
/// let name: TopicName = "audit.2026".parse()?;
/// assert_eq!(name.as_str(), "audit.2026");
/// assert!("audit/2026".parse::<TopicName>().is_err());
/// # Ok::<(), memq::TopicNameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

impl TopicName {
    /// Checks a name and takes a copy of it.
    ///
    /// # Errors
    ///
    /// Where the name breaks the [rules](TopicName).
    pub fn new(name: &str) -> Result<Self, TopicNameError> {
        match NameFault::of(name) {
            None => Ok(Self(name.into())),
            Some(fault) => Err(TopicNameError { name: name.into(), fault }),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for TopicName {
    type Err = TopicNameError;

    fn from_str(name: &str) -> Result<Self, TopicNameError> {
        Self::new(name)
    }
}

impl AsRef<str> for TopicName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A name that is not one of a topic.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("topic name {name:?} {fault}")]
pub struct TopicNameError {
    /// The name as given.
    name: String,
    fault: NameFault,
}

#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
enum NameFault {
    #[error("must have 1 to {MAX_NAME} bytes")]
    Length,
    #[error(
        "holds {:?}: use A-Z, a-z, 0-9, '_' and '-', in tokens joined by dots", char::from(*.0)
    )]
    Byte(u8),
    #[error("has an empty token: no dot first, last, or twice in a row")]
    EmptyToken,
}

impl NameFault {
    const fn of(name: &str) -> Option<Self> {
        let bytes = name.as_bytes();
        if bytes.is_empty() || bytes.len() > MAX_NAME {
            return Some(Self::Length);
        }
        let mut token = 0;
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                b'.' if token == 0 => return Some(Self::EmptyToken),
                b'.' => token = 0,
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => token += 1,
                other => return Some(Self::Byte(other)),
            }
            at += 1;
        }
        if token == 0 { Some(Self::EmptyToken) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens_joined_by_dots() {
        for good in ["a", "orders", "a.b-c_D.9", &"x".repeat(200)] {
            assert!(TopicName::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", ".a", "a.", "a..b", "a/b", "a*", "ä", "a b", &"x".repeat(201)] {
            assert!(TopicName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bad_name_says_what_is_wrong() {
        let text = TopicName::new("a/b").unwrap_err().to_string();
        assert_eq!(
            text,
            "topic name \"a/b\" holds '/': use A-Z, a-z, 0-9, '_' and '-', in tokens joined by dots"
        );
    }
}
