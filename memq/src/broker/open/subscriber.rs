//! The builder that opens a subscriber: where it starts, and what it reads.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use super::reading::{DeadLettersOf, Manner, ReadableThere, Reading};
use super::{ConsumerBuilder, Opening, TopicBuilder};
use crate::broker::hub::Hub;
use crate::broker::{Home, binding};
use crate::codec::Codec;
use crate::codec::form::{Bytewise, Decoders, Form, Reader};
use crate::dictionary::Dictionary;
use crate::engine::cursor::Cursor;
use crate::engine::registry::Registry;
use crate::engine::state::JoinError;
use crate::engine::topic::Topic;
use crate::error::OpenError;
use crate::message::Stored;
use crate::name::TopicName;
use crate::options::{Start, TopicOptions};
use crate::payload::Payload;
use crate::position::Partition;
use crate::record::Record;
use crate::remote::{self, opened};
use crate::spi::ReaderRequest;
use crate::subscriber::{Filter, Source, Subscriber};
use crate::topic;

/// A subscriber about to be opened: where it starts and what it reads. Await it.
#[must_use = "a subscriber is opened by `.await`"]
pub struct SubscriberBuilder<'b, T> {
    pub(super) topic: TopicBuilder<'b, T>,
    pub(super) start: Start,
    pub(super) filter: Option<Filter<T>>,
    pub(super) partition: Option<Partition>,
    manner: Manner<T>,
    /// Of dead letters: what reads the topic they came from, or why there are none.
    origin: Option<Result<Arc<Decoders<T>>, OpenError>>,
    /// The dead letters of the topic are to be read, which is kept elsewhere.
    dead_letters: Option<DeadLettersOf>,
}

impl SubscriberBuilder<'_, Record> {
    /// Gives records as they are stored, with the topic's stages not undone: for archives and
    /// bridges that must not see what is in them. [`Record::unseal`] undoes the stages later.
    pub fn keep_sealed(mut self) -> Self {
        self.manner.keep_sealed = true;
        self
    }
}

impl<'b, T: Payload> SubscriberBuilder<'b, T> {
    pub(super) fn new(topic: TopicBuilder<'b, T>) -> Self {
        Self {
            topic,
            start: Start::default(),
            filter: None,
            partition: None,
            manner: Manner::default(),
            origin: None,
            dead_letters: None,
        }
    }

    /// To read the dead letters of a topic that is read like this.
    pub(super) fn with_origin(mut self, origin: Result<Arc<Decoders<T>>, OpenError>) -> Self {
        self.origin = Some(origin);
        self
    }

    /// To read these dead letters of the topic, which is kept elsewhere.
    pub(super) fn of_dead_letters(mut self, of: DeadLettersOf) -> Self {
        self.dead_letters = Some(of);
        self
    }

    /// Also reads this format: for bytes that come from elsewhere. What publishers of this type
    /// in this process write is read without.
    pub fn accept<C: Codec<T>>(mut self, codec: C) -> Self
    where
        T::Form: Bytewise,
        C::Form: Bytewise,
    {
        drop(codec);
        self.manner.accepts.push(Decoders::add::<C>);
        self
    }

    /// Also opens payloads that were compressed with this dictionary: for bytes that come from
    /// elsewhere. What publishers in this process compress is opened without, and so are bytes from
    /// elsewhere that take the topic's own dictionary. Records of an untyped subscriber have it with
    /// them. Of several of one id the last one is taken.
    ///
    /// On opening, one that has the id of the topic's own and is another is a
    /// [`TopicConflict`](crate::TopicConflict).
    pub fn dictionary(mut self, dictionary: Dictionary) -> Self
    where
        T::Form: Bytewise,
    {
        self.manner.dictionaries = self.manner.dictionaries.with(dictionary);
        self
    }

    /// Refuses payloads of more than this many bytes, after decompression if they are compressed.
    /// If not said, compressed ones may have 64 MiB, and others what `max_bytes` lets in.
    pub fn max_decoded(mut self, bytes: usize) -> Self
    where
        T: topic::Topic,
        T::Form: Bytewise,
    {
        self.manner.max_decoded = Some(bytes);
        self
    }

    /// Where to start; at the earliest message kept if not said. An [`Offset`](crate::Offset), a
    /// [`Timestamp`](crate::Timestamp) and a [`SystemTime`](std::time::SystemTime) are starts too, and a
    /// number is an offset: the last 20 messages are [`Start::Last(20)`](Start::Last).
    ///
    /// ```
    /// # use memq::{Broker, Start, Topic};
    /// # use std::time::{Duration, SystemTime};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[derive(Topic)]
    /// # #[topic(name = "ticks")]
    /// # struct Tick(u64);
    /// # let broker = Broker::new();
    /// let today = SystemTime::now() - Duration::from_secs(86_400);
    /// broker.publisher::<Tick>().await?.publish(Tick(1)).await?;
    ///
    /// let mut ticks = broker.subscriber::<Tick>().from(today).await?;
    /// assert_eq!(ticks.recv().await?.0, 1);
    /// let new_ones = broker.subscriber::<Tick>().from(Start::Latest).await?;
    /// # drop(new_ones);
    /// # Ok(())
    /// # }
    /// ```
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

    /// Reads this partition alone. Messages of others count as filtered: offsets are the topic's, so
    /// those that are read have gaps between them. Where the topic is kept elsewhere the others come
    /// from there too: that is how it is seen what is missing.
    pub fn partition(mut self, partition: impl Into<Partition>) -> Self {
        self.partition = Some(partition.into());
        self
    }

    /// Joins the consumer group of this name, instead of reading everything: each message goes to one
    /// of its members, and is acknowledged or comes back. Await the builder that this gives.
    ///
    /// The group is created with its first member. It starts where [`from`](Self::from) says, at the
    /// earliest message kept if nothing is said, and from then on goes on where it was: also after all
    /// its members went, until it is [deleted](crate::Broker::delete_group). Its name is 1 to 100 characters
    /// of A-Z, a-z, 0-9, `_` and `-`.
    ///
    /// Members divide the partitions among themselves: each has its own, or, with fewer partitions
    /// than members, shares one with others. Who has which changes when a member joins or leaves;
    /// what is in flight stays where it is. A partition whose members do not ask for messages waits
    /// for them.
    ///
    /// ```
    /// # use memq::{Broker, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[derive(Topic)]
    /// # #[topic(name = "orders")]
    /// # struct Order { item: String }
    /// # let broker = Broker::new();
    /// # broker.publisher::<Order>().await?.publish(Order { item: "tea".into() }).await?;
    /// let mut billing = broker.subscriber::<Order>().group("billing").await?;
    /// let order = billing.recv().await?;
    /// println!("{} for the {}. time", order.item, order.attempt());
    /// order.ack();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// On awaiting, as for a subscriber, and [`OpenError::GroupName`],
    /// [`OpenError::GroupConflict`] where the group exists with other options,
    /// [`OpenError::DeadLetterTopic`], and [`OpenError::Option`] with a filter or a partition: what a
    /// member passed over would be lost to the group.
    pub fn group(self, name: impl Into<String>) -> ConsumerBuilder<'b, T> {
        ConsumerBuilder::new(self, name.into())
    }

    /// How the topic is to be read where it is kept elsewhere.
    pub(super) fn reading(self, hub: &Arc<Hub>) -> Reading<T> {
        Reading { plan: self.topic.plan(hub), manner: self.manner, dead_letters: self.dead_letters }
    }

    /// Opens the topic, and says how it is read.
    pub(super) fn bind(&mut self, registry: &Registry) -> Result<Readable<T>, OpenError> {
        let origin = self.origin.take().transpose()?;
        let (name, bound) = self.topic.open(registry)?;
        let decoders = origin.unwrap_or(bound.decoders);
        let own = binding::dictionary(&*bound.topic);
        let reader = self.manner.reader(&name, decoders, bound.stages, own.as_ref())?;
        Ok(Readable { name, topic: bound.topic, reader })
    }

    fn open(mut self, registry: &Registry) -> Result<Subscriber<T>, OpenError> {
        let Readable { name, topic, reader } = self.bind(registry)?;
        let (start, partition) = (self.start, self.partition);
        check(&name, start, partition, &binding::options(&*topic))?;
        let cursor = Cursor::new(topic, start).map_err(|error| not_joined(&name, error))?;
        Ok(Subscriber::new(Source::here(cursor), reader, self.filter, partition))
    }

    /// Opens a topic that is kept elsewhere, to read it there.
    fn reach(mut self, hub: &Arc<Hub>) -> Opening<Subscriber<T>> {
        let (start, partition) = (self.start, self.partition);
        let filter = self.filter.take();
        let reading = self.reading(hub);
        Opening::there(async move {
            let ReadableThere { name, topic, reader, plan, far } = reading.reach().await?;
            check(&name, start, partition, &topic.options())?;
            // Messages of other partitions come too, so that it is seen what is missing.
            let opening = topic.reader(ReaderRequest::from(start));
            let way = opening.await.map_err(|fault| opened(&name, fault))?;
            let cursor = remote::Cursor::new(plan.hub.next_reader(), topic, way);
            let far = T::Form::instead(&far, Box::new(cursor));
            Ok(Subscriber::new(Source::there(far), reader, filter, partition))
        })
    }
}

/// Whether a subscriber of this topic can start there and read this partition alone.
fn check(
    name: &TopicName,
    start: Start,
    partition: Option<Partition>,
    options: &TopicOptions,
) -> Result<(), OpenError> {
    if start == Start::Committed {
        let remedy = "a subscriber has no group: name an offset or a time, or add `.group(…)`";
        return Err(binding::refuse(name, "from", "Committed", remedy));
    }
    match partition {
        Some(partition) if partition.0 >= options.partitions => {
            let (topic, partitions) = (name.to_string(), options.partitions);
            Err(OpenError::Partition { topic, partition, partitions })
        }
        _ => Ok(()),
    }
}

/// A topic that was opened to be read.
pub(super) struct Readable<T: Payload> {
    pub(super) name: TopicName,
    pub(super) topic: Arc<Topic<Stored<T>>>,
    pub(super) reader: Reader<T>,
}

/// Why a reader cannot start there.
pub(super) fn not_joined(name: &TopicName, error: JoinError) -> OpenError {
    let topic = name.to_string();
    match error {
        JoinError::BeyondEnd { requested, end } => OpenError::BeyondEnd { topic, requested, end },
        JoinError::Deleted => OpenError::Deleted { topic },
    }
}

impl<'b, T: Payload> IntoFuture for SubscriberBuilder<'b, T> {
    type Output = Result<Subscriber<T>, OpenError>;
    type IntoFuture = Opening<Subscriber<T>>;

    fn into_future(self) -> Opening<Subscriber<T>> {
        match &self.topic.broker.home {
            Home::Memory(registry) => Opening::here(self.open(registry)),
            Home::Elsewhere(hub) => self.reach(hub),
        }
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
