//! The builder that opens a subscriber: where it starts, and what it reads.

use std::fmt;
use std::future::{IntoFuture, ready};

use super::{Opening, Register, TopicBuilder, two_codecs};
use crate::codec::Codec;
use crate::codec::form::{Bytewise, Decoders, Reader};
use crate::engine::cursor::Cursor;
use crate::engine::state::JoinError;
use crate::error::OpenError;
use crate::options::Start;
use crate::payload::Payload;
use crate::record::Record;
use crate::subscriber::{Filter, Subscriber};
use crate::topic::Topic;

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
    pub(super) fn new(topic: TopicBuilder<'b, T>) -> Self {
        Self {
            topic,
            start: Start::default(),
            filter: None,
            accepts: Vec::new(),
            max_decoded: None,
            keep_sealed: false,
        }
    }

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
