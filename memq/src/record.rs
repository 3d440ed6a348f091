//! A message as bytes, with what is known about them. Nothing is encoded or decoded here.

mod about;

use std::fmt;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;

pub(crate) use self::about::{About, Schema};
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
///
/// `Debug` shows what is said of the bytes, how many there are, and the first of them.
#[derive(Clone)]
pub struct Record {
    pub(crate) body: Body,
    pub(crate) meta: Option<Arc<Meta>>,
}

/// The bytes of a message, and how they came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// After encoding, compression and stages.
    pub(crate) bytes: Bytes,
    /// What it may have been compressed with.
    pub(crate) dictionaries: Dictionaries,
    pub(crate) about: About,
}

impl Body {
    /// Leaves one without bytes.
    #[inline]
    pub(crate) fn take(&mut self) -> Self {
        let Self { bytes, dictionaries, about } = self;
        Self { bytes: mem::take(bytes), dictionaries: mem::take(dictionaries), about: *about }
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
    #[inline]
    pub(crate) fn share(key: Option<Key<'static>>, headers: Headers) -> Option<Arc<Self>> {
        (key.is_some() || !headers.is_empty()).then(|| Arc::new(Self { key, headers }))
    }

    /// The headers, also where there is nothing.
    pub(crate) fn headers(meta: Option<&Arc<Self>>) -> &Headers {
        meta.map_or(&NO_HEADERS, |meta| &meta.headers)
    }

    /// The key, borrowed.
    #[inline]
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
    #[inline]
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self {
            body: Body {
                bytes: bytes.into(),
                dictionaries: Dictionaries::default(),
                about: About::new(Format::Raw),
            },
            meta: None,
        }
    }

    /// Says how the bytes are encoded. They are not changed.
    #[must_use]
    pub fn with_format(mut self, format: Format) -> Self {
        self.body.about = self.body.about.with_format(format);
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
        let schema = Schema { version, ..self.body.about.schema() };
        self.body.about = self.body.about.with_schema(schema);
        self
    }

    /// Says what the type looks like that the bytes were written from, or that it is not known.
    #[must_use]
    pub fn with_fingerprint(mut self, fingerprint: impl Into<Option<Fingerprint>>) -> Self {
        let schema = Schema { fingerprint: fingerprint.into(), ..self.body.about.schema() };
        self.body.about = self.body.about.with_schema(schema);
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
        self.body.about.format()
    }

    /// How the bytes are compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.body.about.compression()
    }

    /// Which version of its topic's messages this is; 1 where nothing is said.
    #[must_use]
    pub fn version(&self) -> u16 {
        self.body.about.schema().version
    }

    /// What the type looks like that it was written from, where that is known: types say so in
    /// formats whose fields have only positions.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.body.about.schema().fingerprint
    }

    /// The key, if the message has one.
    #[must_use]
    #[inline]
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
        self.body.about.length()
    }

    /// Says that length: for back ends, which keep it beside the bytes. Where it is not
    /// what comes out, the record does not open.
    #[must_use]
    pub fn with_plain_length(mut self, length: Option<u32>) -> Self {
        self.body.about = self.body.about.with_length(length);
        self
    }

    /// Whether [stages](crate::codec::Stage) of its topic sealed the bytes, so that they are opened by
    /// those alone.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.body.about.is_sealed()
    }

    /// Says whether they did: for back ends, which keep that beside the bytes.
    #[must_use]
    pub fn with_sealed(mut self, sealed: bool) -> Self {
        self.body.about = self.body.about.with_sealed(sealed);
        self
    }
}

/// Bytes that `Debug` shows.
const SHOWN: usize = 64;

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes();
        let mut record = f.debug_struct("Record");
        record.field("format", &self.format());
        if self.compression() != Compression::None {
            record.field("compression", &self.compression());
        }
        if self.is_sealed() {
            record.field("sealed", &true);
        }
        if self.version() != Schema::UNKNOWN.version {
            record.field("version", &self.version());
        }
        if let Some(key) = self.key() {
            record.field("key", &key);
        }
        if !self.headers().is_empty() {
            record.field("headers", self.headers());
        }
        record.field("length", &bytes.len());
        let start = bytes.slice(..bytes.len().min(SHOWN));
        // A letter may be cut in two.
        match std::str::from_utf8(&start) {
            Ok(text) => record.field("bytes", &text),
            Err(cut) if cut.error_len().is_none() && start.len() < bytes.len() => {
                record.field("bytes", &String::from_utf8_lossy(&start[..cut.valid_up_to()]))
            }
            Err(_) => record.field("bytes", &start),
        };
        if start.len() < bytes.len() { record.finish_non_exhaustive() } else { record.finish() }
    }
}
