//! The builder that opens a publisher: what it does otherwise than the topic says.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use super::{Declared, Opening, Plan, TopicBuilder, register};
use crate::broker::hub::Reached;
use crate::broker::{Home, binding};
use crate::codec::Codec;
use crate::codec::form::{Bytewise, Form, Writer};
use crate::codec::stage::Stages;
use crate::dictionary::{Dictionaries, Dictionary};
use crate::engine::registry::Registry;
use crate::error::OpenError;
use crate::name::TopicName;
use crate::options::{Compression, TopicOptions};
use crate::payload::Payload;
use crate::publisher::Publisher;
use crate::remote::{Outlet, Site, opened};

/// A publisher about to be opened, with what it does differently. Await it.
#[must_use = "a publisher is opened by `.await`"]
pub struct PublisherBuilder<'b, T> {
    topic: TopicBuilder<'b, T>,
    manner: Manner<T>,
}

/// What a publisher does otherwise than its topic says.
struct Manner<T> {
    /// In place of the type's own.
    codec: Option<Declared<T>>,
    compression: Option<Compression>,
    level: Option<i32>,
    dictionary: Option<Dictionary>,
    within: Option<Duration>,
}

impl<'b, T: Payload> PublisherBuilder<'b, T> {
    pub(super) fn new(topic: TopicBuilder<'b, T>) -> Self {
        let (codec, compression, level, dictionary, within) = (None, None, None, None, None);
        Self { topic, manner: Manner { codec, compression, level, dictionary, within } }
    }

    /// Writes in another format than the topic's; every subscriber of this version of the type reads it, in
    /// this process. One of a newer version reads what the older type says itself: a message in another
    /// format is a [`DecodeError`](crate::DecodeError) there.
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
        self.manner.codec = Some(Declared::of::<C>());
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
        self.manner.compression = Some(compression);
        self
    }

    /// Compresses at this level.
    pub fn level(mut self, level: i32) -> Self
    where
        T::Form: Bytewise,
    {
        self.manner.level = Some(level);
        self
    }

    /// Compresses with this dictionary in place of the topic's, where it compresses with Zstandard;
    /// every subscriber in the process reads it. What leaves the process needs it there too.
    ///
    /// # Errors
    ///
    /// On awaiting: [`OpenError::Option`] where the compression is another, and
    /// [`OpenError::Conflict`] where the topic has another dictionary of the same id.
    pub fn dictionary(mut self, dictionary: Dictionary) -> Self
    where
        T::Form: Bytewise,
    {
        self.manner.dictionary = Some(dictionary);
        self
    }

    /// Waits for room for this long at most, where a topic waits; for ever if not said.
    ///
    /// # Panics
    ///
    /// Publishing does, if it has to wait outside a tokio runtime with its timer enabled.
    pub fn within(mut self, deadline: Duration) -> Self {
        self.manner.within = Some(deadline);
        self
    }

    fn open(self, registry: &Registry) -> Result<Publisher<T>, OpenError> {
        let Self { topic, manner } = self;
        if let Ok(name) = &topic.name {
            manner.check(name)?;
        }
        let (name, bound) = topic.open(registry)?;
        if let Some(codec) = &manner.codec {
            register(&name, &bound.decoders, codec)?;
        }
        let writer = || {
            let options = binding::options(&*bound.topic);
            let (own, stages) = (binding::dictionary(&*bound.topic), bound.stages.clone());
            let writer = manner.writer(&name, topic.declared.as_ref(), &options, own, stages);
            writer.map(|writer| (writer, options))
        };
        // One that cannot be made settles no options.
        writer()?;
        // From here on they do not change, and so what is read of them holds.
        bound.topic.publisher_opened();
        let (writer, options) = writer()?;
        Ok(Publisher::new(Site::Here(bound.topic), writer, manner.within, &options))
    }
}

impl<T: Payload> Manner<T> {
    /// Opens a publisher to a topic that is kept elsewhere.
    async fn reach(self, plan: Plan<T>) -> Result<Publisher<T>, OpenError> {
        if let Ok(name) = &plan.name {
            self.check(name)?;
        }
        let (name, reached) = plan.reach().await?;
        if let Some(codec) = &self.codec {
            register(&name, &reached.decoders, codec)?;
        }
        let Reached { topic, stages, dictionary, far, .. } = reached;
        if topic.stages() != stages.to_names() {
            let remedy = "its messages are sealed by stages: say them with `.stage(…)`";
            return Err(binding::refuse(&name, "stage", topic.stages().join(", "), remedy));
        }
        let way = topic.publisher().await.map_err(|fault| opened(&name, fault))?;
        // From here on they do not change.
        let options = topic.options();
        if let (Some(id), None) = (options.dictionary, &dictionary) {
            let remedy = "the topic compresses with this dictionary: say it with `.dictionary(…)`";
            return Err(binding::refuse(&name, "dictionary", id, remedy));
        }
        let within = self.within;
        let writer = self.writer(&name, plan.declared.as_ref(), &options, dictionary, stages)?;
        let outlet = Arc::new(Outlet { topic: name.clone(), way });
        let far = T::Form::instead(&far, outlet);
        Ok(Publisher::new(Site::There(far), writer, within, &options))
    }

    /// Whether it can compress like this.
    fn check(&self, name: &TopicName) -> Result<(), OpenError> {
        let Some(compression) = self.compression else { return Ok(()) };
        let level = self.level.unwrap_or(compression.default_level());
        binding::check_compression(name, compression, level)
    }

    /// How it writes, into a topic of these options and stages, and with this dictionary.
    fn writer(
        &self,
        name: &TopicName,
        declared: Option<&Declared<T>>,
        options: &TopicOptions,
        own: Option<Dictionary>,
        stages: Stages,
    ) -> Result<Writer<T>, OpenError> {
        let mut writer = match self.codec.as_ref().or(declared) {
            Some(codec) => (codec.writer)(),
            None => Writer::raw(options.format),
        };
        writer = writer.of(&T::versions());
        writer.compression = self.compression.unwrap_or(options.compression);
        writer.level = match self.level {
            Some(level) => level,
            None if writer.compression == options.compression => options.level,
            None => writer.compression.default_level(),
        };
        writer.stages = stages;
        binding::check_compression(name, writer.compression, writer.level)?;
        if let Some(dictionary) = &self.dictionary {
            binding::check_dictionary(name, writer.compression, dictionary)?;
            binding::check_same(name, own.as_ref(), dictionary)?;
        }
        let both = own.iter().chain(&self.dictionary);
        writer.dictionaries = both.fold(Dictionaries::default(), |all, one| all.with(one.clone()));
        if writer.compression == Compression::Zstd {
            writer.dictionary = self.dictionary.clone().or(own);
        }
        if let Some(dictionary) = &writer.dictionary {
            let topic = name.to_string();
            let failed = |source| OpenError::Dictionary { topic, source };
            dictionary.prepare(writer.level).map_err(failed)?;
        }
        Ok(writer)
    }
}

impl<'b, T: Payload> IntoFuture for PublisherBuilder<'b, T> {
    type Output = Result<Publisher<T>, OpenError>;
    type IntoFuture = Opening<Publisher<T>>;

    fn into_future(self) -> Opening<Publisher<T>> {
        match &self.topic.broker.home {
            Home::Memory(registry) => Opening::here(self.open(registry)),
            Home::Elsewhere(hub) => Opening::there(self.manner.reach(self.topic.plan(hub))),
        }
    }
}

impl<T> fmt::Debug for PublisherBuilder<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublisherBuilder").field("topic", &self.topic).finish_non_exhaustive()
    }
}
