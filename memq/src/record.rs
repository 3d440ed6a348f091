//! A message as bytes, with what is known about them. Nothing is encoded or decoded here.

use std::sync::Arc;

use bytes::Bytes;

use crate::dictionary::Dictionaries;
use crate::headers::Headers;
use crate::key::{Key, TopicKey};
use crate::options::{Compression, Format};
use crate::schema::Fingerprint;

/// A message as bytes: what untyped publishers write and untyped subscribers read.
///
/// Cloning copies no payload. What the bytes say is found by `decode`, what they are likely to be
/// by `detect`, and `frame` makes them describe themselves where they leave the process.
///
/// ```
/// use memq::{Format, Record};
///
/// let record = Record::new(&br#"{"item":"tea"}"#[..])
///     .with_format(Format::Json)
///     .with_key("7");
/// assert_eq!(record.bytes(), &br#"{"item":"tea"}"#[..]);
/// ```
#[derive(Clone, Debug)]
pub struct Record {
    pub(crate) body: Body,
    pub(crate) meta: Option<Arc<Meta>>,
}

/// The bytes of a message, and how they came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// After encoding, compression and stages.
    pub(crate) bytes: Bytes,
    /// How `bytes` is encoded; [`Format::Raw`] where nothing is known.
    pub(crate) format: Format,
    /// How `bytes` is compressed.
    pub(crate) compression: Compression,
    /// Whether stages of the topic were applied, so that `bytes` is a sealed frame.
    pub(crate) sealed: bool,
    /// The length before compression, where it is known.
    pub(crate) length: Length,
    /// What it may have been compressed with.
    pub(crate) dictionaries: Dictionaries,
    /// What it was written from.
    pub(crate) schema: Schema,
}

/// A length that may not be known, in five bytes that fit where they leave no gap: a slot of the
/// log holds a [`Body`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Length(Option<[u8; 4]>);

impl Length {
    pub(crate) const UNKNOWN: Self = Self(None);

    pub(crate) fn get(self) -> Option<u32> {
        self.0.map(u32::from_ne_bytes)
    }
}

impl From<Option<u32>> for Length {
    fn from(length: Option<u32>) -> Self {
        Self(length.map(u32::to_ne_bytes))
    }
}

/// What a message was written from, as far as it says so; without alignment, as [`Length`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    version: [u8; 2],
    fingerprint: Option<[u8; 8]>,
}

impl Schema {
    /// Of what says nothing.
    pub(crate) const UNKNOWN: Self = Self::new(1, None);

    pub(crate) const fn new(version: u16, fingerprint: Option<Fingerprint>) -> Self {
        let fingerprint = match fingerprint {
            Some(fingerprint) => Some(fingerprint.as_u64().to_ne_bytes()),
            None => None,
        };
        Self { version: version.to_ne_bytes(), fingerprint }
    }

    pub(crate) const fn version(self) -> u16 {
        u16::from_ne_bytes(self.version)
    }

    pub(crate) fn fingerprint(self) -> Option<Fingerprint> {
        self.fingerprint.map(u64::from_ne_bytes).map(Fingerprint::from_u64)
    }
}

/// What a message carries beside its payload. Absent as a whole where there is neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    pub(crate) key: Option<Key<'static>>,
    pub(crate) headers: Headers,
}

/// What a message with a key or headers counts beside their text: the allocation they are in.
const META: usize = 96;

/// What each header counts beside its text: two more allocations, and where they are.
const HEADER: usize = 64;

/// What a message without any carries.
static NO_HEADERS: Headers = Headers::new();

impl Meta {
    /// Key and headers as the log keeps them.
    pub(crate) fn share(key: Option<Key<'static>>, headers: Headers) -> Option<Arc<Self>> {
        (key.is_some() || !headers.is_empty()).then(|| Arc::new(Self { key, headers }))
    }

    /// The headers, also where there is nothing.
    pub(crate) fn headers(meta: Option<&Arc<Self>>) -> &Headers {
        meta.map_or(&NO_HEADERS, |meta| &meta.headers)
    }

    /// The key, borrowed.
    pub(crate) fn key(meta: Option<&Arc<Self>>) -> Option<Key<'_>> {
        Some(Key::new(meta?.key.as_ref()?.as_bytes()))
    }

    /// What key and headers count towards `max_bytes`: their text, and what it takes to keep it.
    #[inline]
    pub(crate) fn bytes(meta: Option<&Arc<Self>>) -> usize {
        meta.map_or(0, |meta| {
            let key = meta.key.as_ref().map_or(0, |key| key.as_bytes().len());
            META + key + meta.headers.bytes() + meta.headers.len() * HEADER
        })
    }
}

impl Record {
    /// A record of bytes that say nothing about their format.
    ///
    /// No frame is looked for; [`Record::parse`] does that.
    ///
    /// The bytes are not copied, so a slice of a larger buffer keeps all of it alive, while a topic
    /// counts only the slice towards `max_bytes`. Give it `Bytes::copy_from_slice` of a small part of
    /// a large buffer.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self {
            body: Body {
                bytes: bytes.into(),
                format: Format::Raw,
                compression: Compression::None,
                sealed: false,
                length: Length::UNKNOWN,
                dictionaries: Dictionaries::default(),
                schema: Schema::UNKNOWN,
            },
            meta: None,
        }
    }

    /// Says how the bytes are encoded. They are not changed.
    #[must_use]
    pub fn with_format(mut self, format: Format) -> Self {
        self.body.format = format;
        self
    }

    /// Says which [version](crate::schema) of its topic's messages the bytes are; without it they
    /// count as version 1. They are not changed.
    ///
    /// ```
    /// use memq::Record;
    ///
    /// let record = Record::new("{}");
    /// assert_eq!(record.version(), 1);
    /// assert_eq!(record.with_version(2).version(), 2);
    /// ```
    #[must_use]
    pub fn with_version(mut self, version: u16) -> Self {
        self.body.schema = Schema::new(version, self.fingerprint());
        self
    }

    /// Says what the type looks like that the bytes were written from, or that it is not known.
    #[must_use]
    pub fn with_fingerprint(mut self, fingerprint: impl Into<Option<Fingerprint>>) -> Self {
        self.body.schema = Schema::new(self.version(), fingerprint.into());
        self
    }

    /// Gives the message a key; `None` takes it away.
    #[must_use]
    pub fn with_key(mut self, key: impl TopicKey) -> Self {
        let meta = self.meta.take().map(Arc::unwrap_or_clone).unwrap_or_default();
        self.meta = Meta::share(key.to_key().map(Key::into_owned), meta.headers);
        self
    }

    /// Gives the message these headers, in place of those it had.
    #[must_use]
    pub fn with_headers(mut self, headers: Headers) -> Self {
        let meta = self.meta.take().map(Arc::unwrap_or_clone).unwrap_or_default();
        self.meta = Meta::share(meta.key, headers);
        self
    }

    /// The bytes as they are stored: compressed, if [`compression`](Self::compression) says so.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.body.bytes
    }

    /// How the bytes are encoded; [`Format::Raw`] where nothing is known.
    #[must_use]
    pub fn format(&self) -> Format {
        self.body.format
    }

    /// How the bytes are compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.body.compression
    }

    /// Which version of its topic's messages this is; 1 where nothing is said.
    #[must_use]
    pub fn version(&self) -> u16 {
        self.body.schema.version()
    }

    /// What the type looks like that it was written from, where that is known: types say so in
    /// formats whose fields have only positions.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.body.schema.fingerprint()
    }

    /// The key, if the message has one.
    #[must_use]
    pub fn key(&self) -> Option<Key<'_>> {
        Meta::key(self.meta.as_ref())
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        Meta::headers(self.meta.as_ref())
    }

    /// The length of the payload before compression, where it is known: of what memq compressed, and
    /// of frames that say it.
    #[must_use]
    pub fn plain_length(&self) -> Option<u32> {
        self.body.length.get()
    }

    /// Says that length: for back ends, which keep it beside the bytes. Where it is not
    /// what comes out, the record does not open.
    #[must_use]
    pub fn with_plain_length(mut self, length: Option<u32>) -> Self {
        self.body.length = length.into();
        self
    }

    /// Whether [stages](crate::codec::Stage) of its topic sealed the bytes, so that they are opened by
    /// those alone.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.body.sealed
    }

    /// Says whether they did: for back ends, which keep that beside the bytes.
    #[must_use]
    pub fn with_sealed(mut self, sealed: bool) -> Self {
        self.body.sealed = sealed;
        self
    }
}
