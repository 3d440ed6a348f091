//! A publisher: messages into a topic, one at a time, many at once, or into reserved room.

mod batch;
mod patience;
mod permit;
mod publish;
mod redrive;
mod remote;
mod room;
mod send;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bytes::Bytes;

pub use self::batch::PublishBatch;
use self::patience::Patience;
pub use self::permit::Permit;
use self::publish::Said;
pub use self::publish::{Publish, Publishing};
pub use self::send::{Receipt, SendMessage, Sending};
use crate::codec::form::{Form, Packed, Writer};
use crate::codec::frame;
use crate::engine::offer::{ANY, Head, Offer};
use crate::engine::topic::Topic;
use crate::error::{EncodeError, PublishError};
use crate::key::{Key, partition_of};
use crate::message::{Far, Stored};
use crate::name::TopicName;
use crate::options::TopicOptions;
use crate::payload::{Its, Payload};
use crate::position::{Offset, Partition};
use crate::record::{Meta, Record};
use crate::remote::{Outlet, Site};

/// Where a publisher's topic is.
type Place<T> = Site<Arc<Topic<Stored<T>>>, Far<T, Arc<Outlet>>>;

type Made<T> = <<T as Payload>::Form as Form<T>>::Made;

/// Publishes messages to one topic.
///
/// Made by [`Broker::publisher`](crate::Broker::publisher). Cloning is cheap, and clones may be
/// used at once from many tasks: the log orders what they publish.
///
/// It does not keep the broker alive: hold a [`Broker`](crate::Broker) for as long as it is used.
///
/// What one task publishes and awaits, one after the other, is stored in that order.
pub struct Publisher<T: Payload> {
    site: Place<T>,
    writer: Arc<Writer<T>>,
    /// How long to wait for room where nothing is said for a message; `None` for ever.
    within: Option<Duration>,
    /// What the topic runs with, which does not change while there is a publisher.
    partitions: u16,
    dedup: bool,
    /// How patiently the next wait for room begins.
    patience: AtomicU8,
}

/// What the log needs to know of a message, which itself stays where it is until it is stored.
struct Ready<T: Payload> {
    /// Until it is stored.
    made: Option<Made<T>>,
    meta: Option<Arc<Meta>>,
    head: Head,
}

/// A message that is offered to the log.
struct Offered<'a, T: Payload> {
    message: &'a mut Option<T>,
    made: &'a mut Option<Made<T>>,
    meta: &'a mut Option<Arc<Meta>>,
    head: Head,
}

impl<T: Payload> Offer<Stored<T>> for Offered<'_, T> {
    #[inline]
    fn head(&self) -> Option<Head> {
        Some(self.head)
    }

    fn len(&self) -> usize {
        1
    }

    fn meta(&mut self) -> Option<Arc<Meta>> {
        self.meta.take()
    }

    #[inline]
    fn payload(&mut self) -> Stored<T> {
        let Some(made) = self.made.take() else { unreachable!("a message was stored twice") };
        T::Form::store(self.message, made)
    }
}

impl<T: Payload> Ready<T> {
    /// The message, as it is offered to the log.
    #[inline]
    fn offer<'a>(&'a mut self, message: &'a mut Option<T>) -> Offered<'a, T> {
        Offered { message, made: &mut self.made, meta: &mut self.meta, head: self.head }
    }
}

/// What a log decides by, of a message of this size without its key and headers.
#[inline]
fn head(size: usize, key: u64, partition: u16, meta: Option<&Arc<Meta>>) -> Head {
    let size = size.saturating_add(Meta::bytes(meta));
    // No topic takes one that does not fit.
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    Head { size, partition, borrows: false, key, has_meta: meta.is_some() }
}

impl<T: Payload> Publisher<T> {
    pub(crate) fn new(
        site: Place<T>,
        writer: Writer<T>,
        within: Option<Duration>,
        options: &TopicOptions,
    ) -> Self {
        let (partitions, dedup) = (options.partitions, options.dedup.is_some());
        let patience = AtomicU8::new(Patience::new().most());
        Self { site, writer: Arc::new(writer), within, partitions, dedup, patience }
    }

    /// Publishes a message when awaited; before that, a key, headers and a deadline can be added.
    ///
    /// Its output is the offset. Where a topic is full and waits, so does this. Where the oldest messages
    /// are dropped, it waits for nobody, but [pauses](crate::Overflow::DropOldest) a few times for a
    /// subscriber that kept up and is about to lose some.
    ///
    /// In a topic with several partitions, messages of one key go to one of them
    /// ([`Key::partition`]), and messages without a key to each in turn: then what one publisher
    /// publishes is in order in the topic as a whole, but is spread over the members of a group.
    ///
    /// ```
    /// # use memq::{Broker, Topic};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[derive(Topic)]
    /// # #[topic(name = "orders")]
    /// # struct Order { item: String }
    /// # let orders = Broker::new().publisher::<Order>().await;
    /// # let broker = Broker::new();
    /// # let orders = broker.publisher::<Order>().await?;
    /// let tea = || Order { item: "tea".into() };
    ///
    /// orders.publish(tea()).await?;
    /// orders.publish(tea()).key("7").header("trace", "4bf92f").await?;
    /// orders.publish(tea()).within(Duration::from_secs(1)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The future gives the message back inside the [`PublishError`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, the message is either published or not, whole,
    /// and nothing else is affected. Where it was not, it is gone with the future; use
    /// [`reserve`](Self::reserve) if it must not be.
    #[inline]
    pub fn publish(&self, message: T) -> Publish<'_, T> {
        Publish::new(self, message)
    }

    /// Publishes a message now, or gives it back.
    ///
    /// # Errors
    ///
    /// [`PublishError::Full`] where there is no room, and else as [`publish`](Self::publish).
    pub fn try_publish(&self, message: T) -> Result<Offset, PublishError<T>> {
        self.publish(message).now()
    }

    /// Publishes messages in their order, when awaited; others may come between.
    ///
    /// The iterator is read to its end at once.
    ///
    /// ```
    /// # use memq::{Broker, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[derive(Topic)]
    /// # #[topic(name = "numbers")]
    /// # struct Number(u64);
    /// # let broker = Broker::new();
    /// # let numbers = broker.publisher::<Number>().await?;
    /// let offsets = numbers.publish_batch((0..100).map(Number)).await?;
    /// assert_eq!(offsets.len(), 100);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`BatchError`](crate::BatchError) holds the offsets of those that were published, why the
    /// next one was not, and the rest in order. A publisher's deadline holds for the batch as a
    /// whole.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, the messages up to some one are published and
    /// those after it are not.
    pub fn publish_batch(&self, messages: impl IntoIterator<Item = T>) -> PublishBatch<'_, T> {
        PublishBatch::new(self, messages.into_iter().collect())
    }

    /// Waits for room for one message, without having one.
    ///
    /// The [`Permit`] then publishes without waiting. For those who must not lose a message in
    /// `select!`: the branch that waits does not hold it.
    ///
    /// ```
    /// # use memq::{Broker, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[derive(Topic)]
    /// # #[topic(name = "orders")]
    /// # struct Order { item: String }
    /// # let broker = Broker::new();
    /// # let orders = broker.publisher::<Order>().await?;
    /// let order = Order { item: "tea".into() };
    /// tokio::select! {
    ///     permit = orders.reserve() => { permit?.send(order)?; }
    ///     _ = tokio::signal::ctrl_c() => println!("not sent: {}", order.item),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Room for messages is reserved exactly. Their sizes are not known yet, so a topic may exceed
    /// `max_bytes` by the messages of the permits there are.
    ///
    /// # Errors
    ///
    /// [`PublishError::Full`] where the topic rejects, [`PublishError::Timeout`] where the
    /// publisher has a deadline, [`PublishError::Closed`] and [`PublishError::Deleted`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future has reserved nothing.
    pub async fn reserve(&self) -> Result<Permit<'_, T>, PublishError<()>> {
        permit::reserve(self).await
    }

    /// Room for one message now, as [`reserve`](Self::reserve), if there is any.
    ///
    /// # Errors
    ///
    /// [`PublishError::Full`] where there is none, or a message waits for it;
    /// [`PublishError::Closed`] and [`PublishError::Deleted`].
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, PublishError<()>> {
        permit::try_reserve(self)
    }

    /// The topic it publishes to.
    #[must_use]
    pub fn topic(&self) -> &TopicName {
        match &self.site {
            Site::Here(topic) => topic.name(),
            Site::There(far) => &T::Form::there(far).topic,
        }
    }

    /// Encodes a message.
    #[inline]
    fn ready(&self, message: &T) -> Result<Ready<T>, EncodeError> {
        self.pack(message).map(|packed| self.headed(packed))
    }

    #[inline]
    fn pack(&self, message: &T) -> Result<Packed<Made<T>>, EncodeError> {
        T::Form::pack::<Its>(message, &self.writer)
    }

    #[inline]
    fn headed(&self, packed: Packed<Made<T>>) -> Ready<T> {
        let Packed { made, meta, key, size } = packed;
        let head = head(size, key, self.partition(key), meta.as_ref());
        Ready { made: Some(made), meta, head }
    }

    /// Of how many of the messages that follow this one, which said this of itself, the same is known. It
    /// and the one behind those are asked once more, which may be code that is not ours.
    #[inline]
    fn alike(&self, first: &T, said: (u64, usize), others: &[T]) -> usize {
        let look = |message: &T| self.pack(message).map(|it| (it.key, it.size));
        let Some(says) = look(first).ok().filter(|says| *says == said) else { return 0 };
        // Where a type says the same of all its values this is no loop.
        others.iter().take_while(|other| look(other).is_ok_and(|other| other == says)).count()
    }

    /// Encodes a message of which something is said.
    fn ready_with(&self, message: &T, said: Said) -> Result<Ready<T>, EncodeError> {
        let Packed { made, meta, key, size } = self.pack(message)?;
        let key = said.key.as_ref().map_or(key, Key::hash64);
        let partition = match said.partition {
            Some(Partition(partition)) => partition,
            None => self.partition(key),
        };
        let meta = merge(meta, said)?;
        let head = head(size, key, partition, meta.as_ref());
        Ok(Ready { made: Some(made), meta, head })
    }

    /// Where messages of this key go.
    #[inline]
    fn partition(&self, key: u64) -> u16 {
        if key == 0 { ANY } else { partition_of(key, self.partitions) }
    }

    /// Whether there is this partition.
    fn check(&self, partition: Partition) -> Result<(), PublishError<()>> {
        let partitions = self.partitions;
        if partition.0 < partitions {
            return Ok(());
        }
        Err(PublishError::Partition { message: (), partition, partitions })
    }
}

/// Another reference to the same way out.
fn share<T: Payload>(far: &Far<T, Arc<Outlet>>) -> Far<T, Arc<Outlet>> {
    T::Form::instead(far, T::Form::there(far).clone())
}

/// What came with the message, and over it what was said on publishing.
fn merge(meta: Option<Arc<Meta>>, said: Said) -> Result<Option<Arc<Meta>>, EncodeError> {
    let mut meta = meta.map(Arc::unwrap_or_clone).unwrap_or_default();
    meta.key = said.key.or(meta.key);
    if meta.headers.is_empty() {
        meta.headers = said.headers;
    } else {
        for (name, value) in said.headers.iter() {
            meta.headers.insert(name, value)?;
        }
    }
    Ok(Meta::share(meta.key, meta.headers))
}

impl Publisher<Record> {
    /// Publishes bytes when awaited; as [`publish`](Self::publish).
    ///
    /// A frame is recognised by its magic and stored as what it says. Other bytes are stored as
    /// they are, in the format the topic was declared with, if it was, and count as
    /// [version](crate::schema) 1: publish a [`Record`] to say another. They have the key that is said with
    /// [`key`](Publish::key), and none without, also where the topic's type takes one from its values: nobody
    /// looks into them, so order within a key is kept for keys that are said.
    ///
    /// The bytes are not copied, so a slice of a larger buffer keeps all of it alive, while the topic
    /// counts only the slice towards `max_bytes`. Publish `Bytes::copy_from_slice` of a small part of
    /// a large buffer.
    ///
    /// ```
    /// # use memq::{Broker, Format};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// let broker = Broker::new();
    /// let audit = broker.topic("audit.2026").format(Format::Json);
    /// let writer = audit.publisher().await?;
    /// writer.publish_bytes(&br#"{"who":"eve"}"#[..]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish). Bytes that begin like a frame and are none are
    /// [`EncodeError::Frame`]; publish a [`Record`] to store them as they are.
    #[inline]
    pub fn publish_bytes(&self, bytes: impl Into<Bytes>) -> Publish<'_, Record> {
        let bytes = bytes.into();
        if frame::is_frame(&bytes) {
            return self.publish_frame(bytes);
        }
        Publish::new(self, Record::new(bytes))
    }

    fn publish_frame(&self, bytes: Bytes) -> Publish<'_, Record> {
        match Record::parse(bytes.clone()) {
            Ok(record) => Publish::new(self, record),
            Err(error) => Publish::refused(self, Record::new(bytes), EncodeError::Frame(error)),
        }
    }
}

impl<T: Payload> Clone for Publisher<T> {
    fn clone(&self) -> Self {
        let patience = AtomicU8::new(self.patience.load(Ordering::Relaxed));
        let Self { within, partitions, dedup, .. } = *self;
        let site = match &self.site {
            Site::Here(topic) => Site::Here(topic.clone()),
            Site::There(far) => Site::There(share::<T>(far)),
        };
        Self { site, writer: self.writer.clone(), within, partitions, dedup, patience }
    }
}

impl<T: Payload> fmt::Debug for Publisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("topic", self.topic())
            .field("writer", &self.writer)
            .finish_non_exhaustive()
    }
}
