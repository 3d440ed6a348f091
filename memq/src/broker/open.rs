//! Builders that open topics: await one, and there is a topic, a publisher or a subscriber.

use std::fmt;
use std::future::{Future, IntoFuture, Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Broker;
use super::binding::{self, Bound};
use crate::codec::form::{Bytewise, Decoders, Look, Reader, Writer};
use crate::codec::stage::Stages;
use crate::codec::{Codec, Stage};
use crate::engine::cursor::Cursor;
use crate::engine::state::JoinError;
use crate::error::OpenError;
use crate::name::{TopicName, TopicNameError};
use crate::options::{Compression, Format, Overflow, Request, Start};
use crate::payload::{Payload, look};
use crate::publisher::Publisher;
use crate::record::Record;
use crate::subscriber::{Filter, Subscriber};
use crate::topic::Topic;

/// The future of a builder.
///
/// # Cancel safety
///
/// A topic may have been created or not.
#[must_use = "whether opening worked is known by `.await`"]
pub struct Opening<H>(Ready<Result<H, OpenError>>);

impl<H> Future for Opening<H> {
    type Output = Result<H, OpenError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<H> fmt::Debug for Opening<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").finish_non_exhaustive()
    }
}

/// A topic about to be opened, with its options.
///
/// Awaited, it creates the topic; a topic that exists must have the options that are said.
/// [`publisher`](Self::publisher) and [`subscriber`](Self::subscriber) open it as well.
///
/// ```
/// # use memq::{Broker, Overflow};
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), memq::Error> {
/// let broker = Broker::new();
/// let jobs = broker.topic("jobs").max(500).ttl(Duration::from_secs(60)).overflow(Overflow::Wait);
/// jobs.create().await?;
/// assert_eq!(broker.options("jobs").await?.max_messages, 500);
/// # Ok(())
/// # }
/// ```
#[must_use = "a topic is opened by `.await`, `.publisher()` or `.subscriber()`"]
pub struct TopicBuilder<'b, T> {
    broker: &'b Broker,
    name: Result<TopicName, TopicNameError>,
    request: Request,
    stages: Stages,
    /// The type's codec; records have none.
    declared: Option<Declared<T>>,
}

/// Adds a codec to those that read a type.
type Register<T> = fn(&Decoders<T>) -> Result<(), ()>;

/// A codec as plain functions, so that only the one that is named is compiled for a type.
struct Declared<T> {
    format: Format,
    writer: fn(Look<T>) -> Writer<T>,
    register: Register<T>,
}

impl<T: Payload> Declared<T> {
    fn of<C: Codec<T>>() -> Self {
        Self { format: C::FORMAT, writer: Writer::typed::<C>, register: Decoders::add::<C> }
    }
}

impl<T> Clone for Declared<T> {
    fn clone(&self) -> Self {
        Self { format: self.format, writer: self.writer, register: self.register }
    }
}

impl<T: Payload> Clone for TopicBuilder<'_, T> {
    fn clone(&self) -> Self {
        Self {
            broker: self.broker,
            name: self.name.clone(),
            request: self.request,
            stages: self.stages.clone(),
            declared: self.declared.clone(),
        }
    }
}

impl<'b, T: Topic> TopicBuilder<'b, T> {
    pub(super) fn typed(broker: &'b Broker) -> Self {
        Self {
            broker,
            name: TopicName::new(T::SPEC.name()),
            request: T::SPEC.request(),
            stages: Stages::default(),
            declared: Some(Declared::of::<T::Codec>()),
        }
    }
}

impl<'b> TopicBuilder<'b, Record> {
    pub(super) fn raw(broker: &'b Broker, name: &str) -> Self {
        Self {
            broker,
            name: TopicName::new(name),
            request: Request::default(),
            stages: Stages::default(),
            declared: None,
        }
    }

    /// Says what bytes are that say nothing themselves.
    pub fn format(mut self, format: Format) -> Self {
        self.request.format = Some(format);
        self
    }

    /// Compresses payloads that are not compressed yet, at the default level.
    pub fn compress(self, compression: Compression) -> Self {
        self.compress_level(compression, compression.default_level())
    }

    /// Compresses payloads that are not compressed yet, at this level.
    pub fn compress_level(mut self, compression: Compression, level: i32) -> Self {
        self.request.compression = Some((compression, level));
        self
    }

    /// Keeps this many messages at most.
    pub fn max(mut self, messages: usize) -> Self {
        self.request.max_messages = Some(messages);
        self
    }

    /// Keeps this many bytes at most, counted as [`TopicOptions::max_bytes`](crate::TopicOptions)
    /// says: payloads, keys and headers, and what keeping them takes.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.request.max_bytes = Some(bytes);
        self
    }

    /// Keeps a message for this long at most.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.request.ttl = Some(ttl);
        self
    }

    /// What happens when there is no room.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.request.overflow = Some(overflow);
        self
    }
}

impl<'b, T: Payload> TopicBuilder<'b, T> {
    /// Adds a step of your own between compression and storage, such as encryption. It is undone
    /// for every subscriber of the topic.
    ///
    /// Stages belong to the topic: say them where it is opened first. Others need not say them; if they
    /// do, the names must be the same, and the first opener's are used.
    pub fn stage(mut self, stage: impl Stage) -> Self
    where
        T::Form: Bytewise,
    {
        self.stages = self.stages.with(Arc::new(stage));
        self
    }

    /// Creates the topic. The same as awaiting the builder, without using it up.
    ///
    /// # Errors
    ///
    /// [`OpenError`] where the name or an option is not possible, or the topic exists with others.
    pub fn create(&self) -> Opening<()> {
        Opening(ready(self.open().map(|_| ())))
    }

    /// A publisher to the topic. Await the builder.
    pub fn publisher(&self) -> PublisherBuilder<'b, T> {
        self.clone().into_publisher()
    }

    /// A subscriber to the topic. Await the builder.
    pub fn subscriber(&self) -> SubscriberBuilder<'b, T> {
        self.clone().into_subscriber()
    }

    pub(super) fn into_publisher(self) -> PublisherBuilder<'b, T> {
        PublisherBuilder { topic: self, codec: None, compression: None, level: None, within: None }
    }

    pub(super) fn into_subscriber(self) -> SubscriberBuilder<'b, T> {
        SubscriberBuilder {
            topic: self,
            start: Start::default(),
            filter: None,
            accepts: Vec::new(),
            max_decoded: None,
            keep_sealed: false,
        }
    }

    fn open(&self) -> Result<(TopicName, Bound<T>), OpenError> {
        let name = self.name.clone()?;
        let declared = self.declared.as_ref();
        let bound = binding::open::<T>(
            &self.broker.registry,
            &name,
            &self.request,
            &self.stages,
            declared.map(|declared| declared.format),
        )?;
        if let Some(declared) = declared {
            register(&name, &bound, declared)?;
        }
        Ok((name, bound))
    }
}

/// Lets every subscriber of the topic read this codec.
fn register<T: Payload>(
    name: &TopicName,
    bound: &Bound<T>,
    codec: &Declared<T>,
) -> Result<(), OpenError> {
    (codec.register)(&bound.decoders).map_err(|()| two_codecs(name))
}

fn two_codecs(name: &TopicName) -> OpenError {
    OpenError::Option {
        topic: name.to_string(),
        option: "format",
        value: "another codec".into(),
        remedy: "the topic has one of the same format already, and records cannot tell two apart"
            .into(),
    }
}

impl<'b, T: Payload> IntoFuture for TopicBuilder<'b, T> {
    type Output = Result<(), OpenError>;
    type IntoFuture = Opening<()>;

    fn into_future(self) -> Opening<()> {
        self.create()
    }
}

impl<T> fmt::Debug for TopicBuilder<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicBuilder")
            .field("name", &self.name)
            .field("request", &self.request)
            .field("stages", &self.stages)
            .finish_non_exhaustive()
    }
}

/// A publisher about to be opened, with what it does differently. Await it.
#[must_use = "a publisher is opened by `.await`"]
pub struct PublisherBuilder<'b, T> {
    topic: TopicBuilder<'b, T>,
    /// In place of the type's own.
    codec: Option<Declared<T>>,
    compression: Option<Compression>,
    level: Option<i32>,
    within: Option<Duration>,
}

impl<'b, T: Payload> PublisherBuilder<'b, T> {
    /// Writes in another format than the topic's; every subscriber in the process reads it.
    ///
    /// ```
    /// # #[cfg(all(feature = "derive", feature = "json", feature = "messagepack"))] {
    /// # use memq::{Broker, Topic, codec::MessagePack};
    /// # use serde::{Deserialize, Serialize};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[derive(Serialize, Deserialize, Topic)]
    /// # #[topic(name = "orders", format = Json)]
    /// # struct Order { item: String }
    /// # let broker = Broker::new();
    /// let legacy = broker.publisher::<Order>().format(MessagePack).await?;
    /// legacy.publish(Order { item: "tea".into() }).await?;
    ///
    /// let order = broker.subscriber::<Order>().await?.recv().await?;
    /// assert_eq!(order.item, "tea");
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub fn format<C: Codec<T>>(mut self, codec: C) -> Self
    where
        T::Form: Bytewise,
        C::Form: Bytewise,
    {
        drop(codec);
        self.codec = Some(Declared::of::<C>());
        self
    }

    /// Compresses otherwise than the topic; every subscriber reads it.
    ///
    /// # Errors
    ///
    /// On awaiting, where this build lacks the compression's feature.
    pub fn compress(mut self, compression: Compression) -> Self
    where
        T::Form: Bytewise,
    {
        self.compression = Some(compression);
        self
    }

    /// Compresses at this level.
    pub fn level(mut self, level: i32) -> Self
    where
        T::Form: Bytewise,
    {
        self.level = Some(level);
        self
    }

    /// Waits for room for this long at most, where a topic waits; for ever if not said.
    ///
    /// # Panics
    ///
    /// Publishing does, if it has to wait outside a tokio runtime with its timer enabled.
    pub fn within(mut self, deadline: Duration) -> Self {
        self.within = Some(deadline);
        self
    }

    fn open(self) -> Result<Publisher<T>, OpenError> {
        if let (Ok(name), Some(compression)) = (&self.topic.name, self.compression) {
            let level = self.level.unwrap_or(compression.default_level());
            binding::check_compression(name, compression, level)?;
        }
        let (name, bound) = self.topic.open()?;
        if let Some(codec) = &self.codec {
            register(&name, &bound, codec)?;
        }
        // From here on they do not change, and so what is read of them holds.
        bound.topic.publisher_opened();
        let options = binding::options(&*bound.topic);
        let mut writer = match self.codec.or(self.topic.declared) {
            Some(codec) => (codec.writer)(look()),
            None => Writer::raw(look(), options.format),
        };
        writer.compression = self.compression.unwrap_or(options.compression);
        writer.level = match self.level {
            Some(level) => level,
            None if writer.compression == options.compression => options.level,
            None => writer.compression.default_level(),
        };
        writer.stages = bound.stages;
        binding::check_compression(&name, writer.compression, writer.level)?;
        Ok(Publisher::new(bound.topic, writer, self.within))
    }
}

impl<'b, T: Payload> IntoFuture for PublisherBuilder<'b, T> {
    type Output = Result<Publisher<T>, OpenError>;
    type IntoFuture = Opening<Publisher<T>>;

    fn into_future(self) -> Opening<Publisher<T>> {
        Opening(ready(self.open()))
    }
}

impl<T> fmt::Debug for PublisherBuilder<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublisherBuilder").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// A subscriber about to be opened: where it starts and what it reads. Await it.
#[must_use = "a subscriber is opened by `.await`"]
pub struct SubscriberBuilder<'b, T> {
    topic: TopicBuilder<'b, T>,
    start: Start,
    filter: Option<Filter<T>>,
    accepts: Vec<Register<T>>,
    max_decoded: Option<usize>,
    keep_sealed: bool,
}

impl SubscriberBuilder<'_, Record> {
    /// Gives records as they are stored, with the topic's stages not undone: for archives and
    /// bridges that must not see what is in them. [`Record::unseal`] undoes the stages later.
    pub fn keep_sealed(mut self) -> Self {
        self.keep_sealed = true;
        self
    }
}

impl<'b, T: Payload> SubscriberBuilder<'b, T> {
    /// Also reads this format: for bytes that come from elsewhere. What publishers of this type
    /// in this process write is read without.
    pub fn accept<C: Codec<T>>(mut self, codec: C) -> Self
    where
        T::Form: Bytewise,
        C::Form: Bytewise,
    {
        drop(codec);
        self.accepts.push(Decoders::add::<C>);
        self
    }

    /// Refuses payloads of more than this many bytes, after decompression if they are compressed.
    /// If not said, compressed ones may have 64 MiB, and others what `max_bytes` lets in.
    pub fn max_decoded(mut self, bytes: usize) -> Self
    where
        T: Topic,
        T::Form: Bytewise,
    {
        self.max_decoded = Some(bytes);
        self
    }

    /// Where to start; at the earliest message kept if not said.
    pub fn from(mut self, start: impl Into<Start>) -> Self {
        self.start = start.into();
        self
    }

    /// Passes over messages for which this is false, before they are handed out. Other
    /// subscribers still get them, and statistics count them.
    ///
    /// A filter added to another one must hold too.
    pub fn filter(mut self, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Some(match self.filter.take() {
            Some(first) => Box::new(move |message| first(message) && keep(message)),
            None => Box::new(keep),
        });
        self
    }

    fn open(self) -> Result<Subscriber<T>, OpenError> {
        let (name, bound) = self.topic.open()?;
        let mut reader = Reader::new(bound.decoders, bound.stages);
        reader.max_decoded = self.max_decoded;
        reader.keep_sealed = self.keep_sealed;
        for accept in self.accepts {
            accept(&reader.accepts).map_err(|()| two_codecs(&name))?;
        }
        let topic = name.to_string();
        let cursor = Cursor::new(bound.topic, self.start).map_err(|error| match error {
            JoinError::BeyondEnd { requested, end } => {
                OpenError::BeyondEnd { topic, requested, end }
            }
            JoinError::Deleted => OpenError::Deleted { topic },
        })?;
        Ok(Subscriber::new(cursor, reader, self.filter))
    }
}

impl<'b, T: Payload> IntoFuture for SubscriberBuilder<'b, T> {
    type Output = Result<Subscriber<T>, OpenError>;
    type IntoFuture = Opening<Subscriber<T>>;

    fn into_future(self) -> Opening<Subscriber<T>> {
        Opening(ready(self.open()))
    }
}

impl<T> fmt::Debug for SubscriberBuilder<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriberBuilder")
            .field("topic", &self.topic)
            .field("start", &self.start)
            .finish_non_exhaustive()
    }
}
