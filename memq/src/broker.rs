//! The broker: topics by name, the handles to them, and their administration.

mod binding;
mod explain;
mod open;

use std::sync::Arc;

pub use self::explain::Explanation;
pub use self::open::{
    ConsumerBuilder, DeadLetters, Opening, PublisherBuilder, Redriven, SubscriberBuilder,
    TopicBuilder,
};
use crate::engine::registry::{AnyTopic, Registry};
use crate::engine::stats::TopicStats;
use crate::error::AdminError;
use crate::name::TopicName;
use crate::options::TopicOptions;
use crate::record::Record;
use crate::topic::Topic;

/// Topics in memory, and the handles to them.
///
/// Cloning is cheap and gives the same broker. When the last clone is dropped, its topics are
/// closed: publishers get `Closed`, and subscribers too once they have read what there is.
///
/// Making one starts nothing and needs no runtime. In a runtime, a topic with a `ttl` has one
/// task for as long as it holds messages; it sleeps until the oldest expires, and panics if the
/// runtime has no timer. Without it expired messages are still never delivered, but their memory
/// goes only when somebody next uses the topic, and so does their room, for a publisher that waits.
/// The same holds while the runtime that has the task is not driven.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use memq::{Broker, Topic};
///
/// #[derive(Topic)]
/// #[topic(name = "ticks")]
/// struct Tick(u64);
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), memq::Error> {
/// let broker = Broker::new();
/// let ticks = broker.publisher::<Tick>().await?;
/// let mut incoming = broker.subscriber::<Tick>().await?;
///
/// ticks.publish(Tick(1)).await?;
/// assert_eq!(incoming.recv().await?.0, 1);
/// # Ok(())
/// # }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Broker {
    registry: Arc<Registry>,
}

impl Default for Broker {
    fn default() -> Self {
        Self::new()
    }
}

impl Broker {
    /// A broker without topics.
    #[must_use]
    pub fn new() -> Self {
        Self { registry: Arc::new(Registry::new()) }
    }

    /// A publisher of messages of this type. Await the builder; it creates the topic if there is
    /// none.
    ///
    /// # Errors
    ///
    /// [`OpenError::Conflict`](crate::OpenError::Conflict) where the topic exists with other
    /// options or for another type.
    pub fn publisher<T: Topic>(&self) -> PublisherBuilder<'_, T> {
        TopicBuilder::typed(self).into_publisher()
    }

    /// A subscriber to messages of this type. Await the builder; it creates the topic if there is
    /// none. It starts at the earliest message kept, unless told otherwise.
    ///
    /// # Errors
    ///
    /// As [`publisher`](Self::publisher), and where the start does not exist.
    pub fn subscriber<T: Topic>(&self) -> SubscriberBuilder<'_, T> {
        TopicBuilder::typed(self).into_subscriber()
    }

    /// The topic of this type, to create it ahead. Await the builder.
    ///
    /// Its options are the type's. Those the type leaves open can be said by name, with
    /// [`topic`](Self::topic), before the first message.
    pub fn create<T: Topic>(&self) -> TopicBuilder<'_, T> {
        TopicBuilder::typed(self)
    }

    /// A topic by its name, for bytes: its publishers take and its subscribers give [`Record`]s.
    /// Options can be set; those that are not are left as they are, or to the defaults.
    ///
    /// The name is checked when the topic is opened.
    ///
    /// ```
    /// # use memq::{Broker, Format};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// let broker = Broker::new();
    /// let audit = broker.topic("audit.2026").max(1_000);
    ///
    /// audit.publisher().await?.publish_bytes("signed in").await?;
    ///
    /// let record = audit.subscriber().await?.recv().await?;
    /// assert_eq!(record.bytes(), "signed in");
    /// assert_eq!(record.format(), Format::Raw);
    /// # Ok(())
    /// # }
    /// ```
    pub fn topic(&self, name: &str) -> TopicBuilder<'_, Record> {
        TopicBuilder::raw(self, name)
    }

    /// The dead letters of a consumer group of this type's topic: to read them, and to redrive them.
    pub fn dead_letters<T: Topic>(&self, group: impl Into<String>) -> DeadLetters<'_, T> {
        TopicBuilder::typed(self).dead_letters(group)
    }

    /// The names of all topics, sorted.
    ///
    /// # Errors
    ///
    /// None in memory.
    pub async fn topics(&self) -> Result<Vec<TopicName>, AdminError> {
        Ok(self.registry.names())
    }

    /// The options a topic runs with.
    ///
    /// # Errors
    ///
    /// [`AdminError::NotFound`] where there is no such topic.
    pub async fn options(&self, topic: impl AsRef<str>) -> Result<TopicOptions, AdminError> {
        let topic = self.find(topic.as_ref())?;
        Ok(binding::options(&*topic))
    }

    /// What a topic and its subscribers have done.
    ///
    /// # Errors
    ///
    /// [`AdminError::NotFound`] where there is no such topic.
    ///
    /// ```
    /// # use memq::{Broker, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[derive(Topic)]
    /// # #[topic(name = "ticks")]
    /// # struct Tick(u64);
    /// # let broker = Broker::new();
    /// broker.publisher::<Tick>().await?.publish(Tick(1)).await?;
    ///
    /// let stats = broker.stats("ticks").await?;
    /// assert_eq!((stats.published, stats.depth), (1, 1));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stats(&self, topic: impl AsRef<str>) -> Result<TopicStats, AdminError> {
        let topic = topic.as_ref();
        self.find(topic)?.stats().ok_or_else(|| Self::not_found(topic))
    }

    /// What holds a topic up, in words: who holds its oldest message, who is behind and why, what was
    /// dropped last, and publishers that wait for consumers that wait for them.
    ///
    /// For people who look at a system that does not move; programs read [`stats`](Self::stats).
    ///
    /// # Errors
    ///
    /// [`AdminError::NotFound`] where there is no such topic.
    ///
    /// ```
    /// # use memq::{Broker, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[derive(Topic)]
    /// # #[topic(name = "orders")]
    /// # struct Order { item: String }
    /// # let broker = Broker::new();
    /// broker.publisher::<Order>().await?.publish(Order { item: "tea".into() }).await?;
    /// let mut billing = broker.subscriber::<Order>().group("billing").await?;
    /// let order = billing.recv().await?;
    ///
    /// let explanation = broker.explain("orders").await?.to_string();
    /// assert!(explanation.contains(r#"group "billing" holds the oldest message, offset 0"#));
    /// assert!(explanation.contains("member 0 holds offset 0"));
    /// # order.ack();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn explain(&self, topic: impl AsRef<str>) -> Result<Explanation, AdminError> {
        let topic = topic.as_ref();
        let found = self.find(topic)?;
        let stats = found.stats().ok_or_else(|| Self::not_found(topic))?;
        Ok(explain::explain(topic, &binding::options(&*found), &stats, found.now()))
    }

    /// Ends a topic: publishers get `Closed` from now on, and subscribers once they have read what
    /// there is. It stays, closed, until it is deleted: it can still be opened, to read.
    ///
    /// # Errors
    ///
    /// [`AdminError::NotFound`] where there is no such topic.
    pub async fn close(&self, topic: impl AsRef<str>) -> Result<(), AdminError> {
        self.find(topic.as_ref())?.close();
        Ok(())
    }

    /// Removes a topic with everything in it: its publishers and subscribers get `Deleted` from
    /// now on. Only opening it again creates a new one, whose offsets begin at 0.
    ///
    /// # Errors
    ///
    /// [`AdminError::NotFound`] where there is no such topic.
    pub async fn delete(&self, topic: impl AsRef<str>) -> Result<(), AdminError> {
        let topic = topic.as_ref();
        self.registry.remove(topic).ok_or_else(|| Self::not_found(topic))?.delete();
        Ok(())
    }

    /// Removes a consumer group, with where it was: its members get `GroupDeleted` from now on, and
    /// what they hold no longer counts. Only opening it again creates a new one. Its dead letters
    /// stay.
    ///
    /// # Errors
    ///
    /// [`AdminError::NotFound`] where there is no such topic, and [`AdminError::NoGroup`] where it has
    /// no such group.
    pub async fn delete_group(
        &self,
        topic: impl AsRef<str>,
        group: impl AsRef<str>,
    ) -> Result<(), AdminError> {
        let (topic, group) = (topic.as_ref(), group.as_ref());
        match self.find(topic)?.delete_group(group) {
            true => Ok(()),
            false => Err(AdminError::NoGroup { topic: topic.into(), group: group.into() }),
        }
    }

    fn find(&self, topic: &str) -> Result<Arc<dyn AnyTopic>, AdminError> {
        self.registry.get(topic).ok_or_else(|| Self::not_found(topic))
    }

    fn not_found(topic: &str) -> AdminError {
        AdminError::NotFound { topic: topic.into() }
    }
}
