//! The builder that opens a publisher: what it does otherwise than the topic says.

use std::fmt;
use std::future::{IntoFuture, ready};
use std::time::Duration;

use super::super::binding;
use super::{Declared, Opening, TopicBuilder, register};
use crate::codec::Codec;
use crate::codec::form::{Bytewise, Writer};
use crate::dictionary::{Dictionaries, Dictionary};
use crate::error::OpenError;
use crate::options::Compression;
use crate::payload::Payload;
use crate::publisher::Publisher;

/// A publisher about to be opened, with what it does differently. Await it.
#[must_use = "a publisher is opened by `.await`"]
pub struct PublisherBuilder<'b, T> {
    topic: TopicBuilder<'b, T>,
    /// In place of the type's own.
    codec: Option<Declared<T>>,
    compression: Option<Compression>,
    level: Option<i32>,
    dictionary: Option<Dictionary>,
    within: Option<Duration>,
}

impl<'b, T: Payload> PublisherBuilder<'b, T> {
    pub(super) fn new(topic: TopicBuilder<'b, T>) -> Self {
        Self { topic, codec: None, compression: None, level: None, dictionary: None, within: None }
    }

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
        self.dictionary = Some(dictionary);
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
            Some(codec) => (codec.writer)(),
            None => Writer::raw(options.format),
        };
        writer.compression = self.compression.unwrap_or(options.compression);
        writer.level = match self.level {
            Some(level) => level,
            None if writer.compression == options.compression => options.level,
            None => writer.compression.default_level(),
        };
        writer.stages = bound.stages;
        binding::check_compression(&name, writer.compression, writer.level)?;
        let own = binding::dictionary(&*bound.topic);
        if let Some(dictionary) = &self.dictionary {
            binding::check_dictionary(&name, writer.compression, dictionary)?;
            binding::check_same(&name, own.as_ref(), dictionary)?;
        }
        let both = own.iter().chain(&self.dictionary);
        writer.dictionaries = both.fold(Dictionaries::default(), |all, one| all.with(one.clone()));
        if writer.compression == Compression::Zstd {
            writer.dictionary = self.dictionary.or(own);
        }
        if let Some(dictionary) = &writer.dictionary {
            let topic = name.to_string();
            let failed = |source| OpenError::Dictionary { topic, source };
            dictionary.prepare(writer.level).map_err(failed)?;
        }
        Ok(Publisher::new(bound.topic, writer, self.within, &options))
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
