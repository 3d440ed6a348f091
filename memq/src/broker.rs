//! The broker: topics by name, the handles to them, and their administration.

mod binding;
mod bridged;
mod claims;
mod explain;
mod hub;
mod open;
#[cfg(feature = "schema")]
mod shown;

use std::collections::HashMap;
use std::sync::Arc;

pub(crate) use self::bridged::{EndOf, RemoveGroup};
pub use self::explain::Explanation;
use self::hub::Hub;
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
use crate::spi::{Capability, Transport};
use crate::topic::Topic;

/// Topics, in memory or [elsewhere](Self::over), and the handles to them.
///
/// What is said here and on the handles is of topics in memory, where nothing else is said.
///
/// Cloning is cheap and gives the same broker. When the last clone is dropped, its topics are
/// closed: publishers get `Closed`, and subscribers too once they have read what there is.
///
/// Making one starts nothing and needs no runtime. In a runtime, a topic with a `ttl` has one
/// task for as long as it holds messages, and one with `dedup` for as long as it remembers ids; it
/// sleeps until the oldest is due, and panics if the runtime has no timer. Without it expired messages
/// are still never delivered, but their memory goes only when somebody next uses the topic, and so does
/// their room, for a publisher that waits. The same holds while the runtime that has the task is not driven.
///
/// Beside what its topics keep, a broker keeps up to 2 MiB of their memory to use it again.
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
    home: Home,
}

/// Where a broker's topics are kept.
#[derive(Clone, Debug)]
enum Home {
    Memory(Arc<Registry>),
    Elsewhere(Arc<Hub>),
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
        Self { home: Home::Memory(Arc::new(Registry::new())) }
    }

    /// A broker whose topics are kept by another system, as a [back end](crate::spi) for it has them.
    ///
    /// Its handles are those of a broker in memory, with the same promises. What the system cannot do
    /// is refused by name on opening, as [`OpenError::Unsupported`](crate::OpenError::Unsupported).
    /// Native topics are: their messages have no bytes. So are, where they are called,
    /// [`try_publish`](crate::Publisher::try_publish), [`now`](crate::Publish::now) and
    /// [`reserve`](crate::Publisher::reserve), since whether a message was stored takes an answer.
    ///
    /// What the options of a topic are is compared with what the system has. Its type, its stages and
    /// its dictionary are known to each process for itself: stages are compared by their names, and a
    /// publisher is refused that does not have them.
    ///
    /// When the last clone is dropped, the connection is shut down: what was on its way is still sent.
    ///
    /// [`memq::spi`](crate::spi) has a whole one.
    #[must_use]
    pub fn over(transport: Arc<dyn Transport>) -> Self {
        Self { home: Home::Elsewhere(Arc::new(Hub::new(transport))) }
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

    /// The topic of this type, to create it ahead, and to say options that are known only at run time.
    /// Await the builder.
    ///
    /// Its options are the type's. Those the type leaves open can be said here before the topic has a
    /// publisher; who opens it later need not say them. Only the compression of types that have bytes
    /// is said by name, with [`topic`](Self::topic).
    ///
    /// ```
    /// # use memq::{Broker, Topic};
    /// # struct Config { capacity: usize }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # let config = Config { capacity: 500 };
    /// #[derive(Topic)]
    /// #[topic(name = "jobs", overflow = Wait)]
    /// struct Job(u64);
    ///
    /// let broker = Broker::new();
    /// broker.create::<Job>().max(config.capacity).await?;
    ///
    /// let jobs = broker.publisher::<Job>().await?;
    /// assert_eq!(broker.options("jobs").await?.max_messages, 500);
    /// # drop(jobs);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// On awaiting, [`OpenError::Conflict`](crate::OpenError::Conflict) where the topic exists with other
    /// options or for another type, and where the type says another value than the builder: no topic is
    /// created then.
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
    /// None in memory; elsewhere [`AdminError::Unavailable`].
    pub async fn topics(&self) -> Result<Vec<TopicName>, AdminError> {
        match &self.home {
            Home::Memory(registry) => Ok(registry.names()),
            Home::Elsewhere(hub) => hub.topics().await,
        }
    }

    /// The options a topic runs with.
    ///
    /// # Errors
    ///
    /// [`AdminError::NotFound`] where there is no such topic.
    pub async fn options(&self, topic: impl AsRef<str>) -> Result<TopicOptions, AdminError> {
        let topic = topic.as_ref();
        match &self.home {
            Home::Memory(registry) => Ok(binding::options(&*find(registry, topic)?)),
            Home::Elsewhere(hub) => Ok(hub.find(topic).await?.options()),
        }
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
        match &self.home {
            Home::Memory(registry) => {
                find(registry, topic)?.stats().ok_or_else(|| not_found(topic))
            }
            Home::Elsewhere(hub) => hub.stats(topic).await,
        }
    }

    /// What holds a topic up, in words: who holds its oldest message, who is behind and why, what was
    /// dropped last, also of what groups gave up, and publishers that wait for consumers that wait for them.
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
        let (options, stats, now) = match &self.home {
            Home::Memory(registry) => {
                let found = find(registry, topic)?;
                let stats = found.stats().ok_or_else(|| not_found(topic))?;
                (binding::options(&*found), stats, found.now())
            }
            Home::Elsewhere(hub) => {
                let (found, stats) = (hub.find(topic).await?, hub.stats(topic).await?);
                (found.options(), stats, hub.clock().now())
            }
        };
        let tells = match &self.home {
            Home::Memory(_) => true,
            Home::Elsewhere(hub) => hub.can(Capability::Members),
        };
        let mut dead = HashMap::new();
        for name in stats.groups.iter().filter_map(|group| group.dead_letter_topic.as_ref()) {
            // One that was deleted has lost nothing.
            if let Ok(stats) = self.stats(name).await {
                dead.insert(name.clone(), stats);
            }
        }
        Ok(explain::explain(topic, &options, &stats, &dead, tells, now))
    }

    /// Ends a topic: publishers get `Closed` from now on, and subscribers once they have read what
    /// there is. It stays, closed, until it is deleted: it can still be opened, also by publishers, whose
    /// messages are refused.
    ///
    /// # Errors
    ///
    /// [`AdminError::NotFound`] where there is no such topic.
    pub async fn close(&self, topic: impl AsRef<str>) -> Result<(), AdminError> {
        let topic = topic.as_ref();
        match &self.home {
            Home::Memory(registry) => find(registry, topic)?.close(),
            Home::Elsewhere(hub) => hub.close(topic).await?,
        }
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
        match &self.home {
            Home::Memory(registry) => {
                registry.remove(topic).ok_or_else(|| not_found(topic))?.delete();
            }
            Home::Elsewhere(hub) => hub.delete(topic).await?,
        }
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
        let deleted = match &self.home {
            Home::Memory(registry) => find(registry, topic)?.delete_group(group),
            Home::Elsewhere(hub) => hub.delete_group(topic, group).await?,
        };
        match deleted {
            true => Ok(()),
            false => Err(AdminError::NoGroup { topic: topic.into(), group: group.into() }),
        }
    }
}

fn find(registry: &Registry, topic: &str) -> Result<Arc<dyn AnyTopic>, AdminError> {
    registry.get(topic).ok_or_else(|| not_found(topic))
}

fn not_found(topic: &str) -> AdminError {
    AdminError::NotFound { topic: topic.into() }
}
