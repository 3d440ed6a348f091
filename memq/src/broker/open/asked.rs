//! What a topic is asked to be: by its type, and on the builder.

use std::time::Duration;

use super::TopicBuilder;
use crate::broker::binding;
use crate::dictionary::Dictionary;
use crate::error::OpenError;
use crate::name::TopicName;
use crate::options::{Compression, Format, Overflow, Request, Retain};
use crate::payload::Payload;
use crate::record::Record;

/// What a topic is asked to be.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// By its type; nothing by name.
    own: Request,
    /// By who opens it.
    pub(super) said: Request,
}

impl Asked {
    /// What the type says, and nothing besides.
    pub(super) fn by_type(own: Request) -> Self {
        Self { own, said: Request::default() }
    }

    /// Both together, where they agree.
    pub(super) fn request(&self, name: &TopicName) -> Result<Request, OpenError> {
        binding::agree(name, &self.own, &self.said)?;
        Ok(self.said.or(&self.own))
    }
}

/// What a type says of itself, where there is one.
impl TopicBuilder<'_, Record> {
    /// Says what bytes are that say nothing themselves.
    pub fn format(mut self, format: Format) -> Self {
        self.asked.said.format = Some(format);
        self
    }

    /// Compresses payloads that are not compressed yet, at the default level.
    pub fn compress(self, compression: Compression) -> Self {
        self.compress_level(compression, compression.default_level())
    }

    /// Compresses payloads that are not compressed yet, at this level.
    pub fn compress_level(mut self, compression: Compression, level: i32) -> Self {
        self.asked.said.compression = Some((compression, level));
        self
    }

    /// Compresses with this dictionary, and opens bytes from elsewhere with it. It is Zstandard's, so
    /// say [`compress`](Self::compress) with it.
    pub fn dictionary(mut self, dictionary: Dictionary) -> Self {
        self.asked.said.dictionary = Some(dictionary);
        self
    }
}

/// What a type may leave open. Where it does not, another value is a
/// [`TopicConflict`](crate::TopicConflict) on opening.
impl<T: Payload> TopicBuilder<'_, T> {
    /// Keeps this many messages at most.
    pub fn max(mut self, messages: usize) -> Self {
        self.asked.said.max_messages = Some(messages);
        self
    }

    /// Keeps this many bytes at most, counted as [`TopicOptions::max_bytes`](crate::TopicOptions)
    /// says: payloads, keys and headers, and what keeping them takes.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.asked.said.max_bytes = Some(bytes);
        self
    }

    /// Keeps a message for this long at most.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.asked.said.ttl = Some(ttl);
        self
    }

    /// What happens when there is no room.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.asked.said.overflow = Some(overflow);
        self
    }

    /// Has this many partitions.
    pub fn partitions(mut self, partitions: u16) -> Self {
        self.asked.said.partitions = Some(partitions);
        self
    }

    /// Remembers the ids of messages for this long: a publish that repeats one within that time
    /// stores nothing, and returns the offset of the first.
    pub fn dedup(mut self, window: Duration) -> Self {
        self.asked.said.dedup = Some(window);
        self
    }

    /// When a message that nobody has to read any more is freed.
    pub fn retain(mut self, retain: Retain) -> Self {
        self.asked.said.retain = Some(retain);
        self
    }
}
