//! Builders that open topics: await one, and there is a topic, a publisher or a subscriber.

mod asked;
mod consumer;
mod dead_letters;
mod publisher;
mod reading;
mod subscriber;

use std::fmt;
use std::future::{Future, IntoFuture, Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use self::asked::Asked;
pub use self::consumer::ConsumerBuilder;
pub use self::dead_letters::{DeadLetters, Redriven};
pub use self::publisher::PublisherBuilder;
pub use self::subscriber::SubscriberBuilder;
use super::binding::{self, Bound};
use super::hub::{Hub, Reached};
use super::{Broker, Explanation, Home};
use crate::codec::form::{Bytewise, Decoders, Writer};
use crate::codec::stage::Stages;
use crate::codec::{Codec, Stage};
use crate::engine::registry::Registry;
use crate::error::{AdminError, OpenError};
use crate::name::{TopicName, TopicNameError};
use crate::options::Format;
use crate::payload::Payload;
use crate::record::Record;
use crate::spi::Boxed;
use crate::topic::Topic;

/// The future of a builder.
///
/// # Cancel safety
///
/// A topic may have been created or not.
#[must_use = "whether opening worked is known by `.await`"]
pub struct Opening<H>(Way<H>);

/// How a handle is opened.
enum Way<H> {
    /// It is open already, in memory.
    Here(Ready<Result<H, OpenError>>),
    There(Boxed<Result<H, OpenError>>),
}

impl<H> Opening<H> {
    fn here(opened: Result<H, OpenError>) -> Self {
        Self(Way::Here(ready(opened)))
    }

    fn there(opening: impl Future<Output = Result<H, OpenError>> + Send + 'static) -> Self {
        Self(Way::There(Box::pin(opening)))
    }
}

impl<H> Future for Opening<H> {
    type Output = Result<H, OpenError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Way::Here(opened) => Pin::new(opened).poll(cx),
            Way::There(opening) => opening.as_mut().poll(cx),
        }
    }
}

impl<H> fmt::Debug for Opening<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").finish_non_exhaustive()
    }
}

/// A topic about to be opened, with its options.
///
/// Awaited, it creates the topic; a topic that exists must have the options that are said, and so must
/// its type where that says them. Of an option that is said twice the last value counts.
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
    asked: Asked,
    stages: Stages,
    /// The type's codec; records have none.
    declared: Option<Declared<T>>,
}

/// Adds a codec to those that read a type.
type Register<T> = fn(&Decoders<T>) -> Result<(), ()>;

/// A codec as plain functions, so that only the one that is named is compiled for a type.
struct Declared<T> {
    format: Format,
    writer: fn() -> Writer<T>,
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
            asked: self.asked.clone(),
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
            asked: Asked::by_type(T::SPEC.request()),
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
            asked: Asked::default(),
            stages: Stages::default(),
            declared: None,
        }
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

    /// With these stages.
    pub(crate) fn sealed_by(mut self, stages: &Stages) -> Self {
        self.stages = stages.clone();
        self
    }

    /// Creates the topic. The same as awaiting the builder, without using it up.
    ///
    /// # Errors
    ///
    /// [`OpenError`] where the name or an option is not possible, or the topic exists with others or its
    /// type says others.
    pub fn create(&self) -> Opening<()> {
        match &self.broker.home {
            Home::Memory(registry) => Opening::here(self.open(registry).map(drop)),
            Home::Elsewhere(hub) => {
                let plan = self.plan(hub);
                Opening::there(async move { plan.reach().await.map(drop) })
            }
        }
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
        PublisherBuilder::new(self)
    }

    pub(super) fn into_subscriber(self) -> SubscriberBuilder<'b, T> {
        SubscriberBuilder::new(self)
    }

    /// What holds the topic up, in words; see [`Broker::explain`].
    ///
    /// # Errors
    ///
    /// [`AdminError::NotFound`] where there is no such topic: it is not created.
    pub async fn explain(&self) -> Result<Explanation, AdminError> {
        match &self.name {
            Ok(name) => self.broker.explain(name.as_str()).await,
            Err(error) => Err(AdminError::NotFound { topic: error.name().into() }),
        }
    }

    /// The dead-letter topic of a consumer group of this topic: to read it, and to redrive it.
    pub fn dead_letters(&self, group: impl Into<String>) -> DeadLetters<'b, T> {
        DeadLetters::new(self.clone(), group.into())
    }

    /// The same type and stages under another name, with no option said.
    fn named(&self, name: Result<TopicName, TopicNameError>) -> Self {
        Self { name, asked: Asked::default(), ..self.clone() }
    }

    /// What is to be opened elsewhere, on its own.
    fn plan(&self, hub: &Arc<Hub>) -> Plan<T> {
        Plan {
            hub: hub.clone(),
            name: self.name.clone(),
            asked: self.asked.clone(),
            stages: self.stages.clone(),
            declared: self.declared.clone(),
        }
    }

    /// Opens it in memory.
    fn open(&self, registry: &Registry) -> Result<(TopicName, Bound<T>), OpenError> {
        let name = self.name.clone()?;
        let (request, declared) = (self.asked.request(&name)?, self.declared.as_ref());
        let bound = binding::open::<T>(
            registry,
            &name,
            &request,
            &self.stages,
            declared.map(|declared| declared.format),
        )?;
        if let Some(declared) = declared {
            register(&name, &bound.decoders, declared)?;
        }
        Ok((name, bound))
    }
}

/// A topic that is to be opened elsewhere.
struct Plan<T> {
    hub: Arc<Hub>,
    name: Result<TopicName, TopicNameError>,
    asked: Asked,
    stages: Stages,
    declared: Option<Declared<T>>,
}

impl<T: Payload> Plan<T> {
    /// The same type and stages under another name, with no option said.
    fn named(&self, name: TopicName) -> Self {
        Self {
            hub: self.hub.clone(),
            name: Ok(name),
            asked: Asked::default(),
            stages: self.stages.clone(),
            declared: self.declared.clone(),
        }
    }

    async fn reach(&self) -> Result<(TopicName, Reached<T>), OpenError> {
        let (name, declared) = (self.name.clone()?, self.declared.as_ref());
        let format = declared.map(|declared| declared.format);
        let request = self.asked.request(&name)?;
        let reached = self.hub.open(&name, &request, &self.stages, format).await?;
        if let Some(declared) = declared {
            register(&name, &reached.decoders, declared)?;
        }
        Ok((name, reached))
    }
}

/// Lets every subscriber of the topic read this codec.
fn register<T: Payload>(
    name: &TopicName,
    decoders: &Decoders<T>,
    codec: &Declared<T>,
) -> Result<(), OpenError> {
    (codec.register)(decoders).map_err(|()| two_codecs(name))
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
            .field("asked", &self.asked)
            .field("stages", &self.stages)
            .finish_non_exhaustive()
    }
}
