//! What the log keeps of a message: the value itself, or its bytes. The whole pipeline runs here.
//!
//! `pack` and `open` mirror each other. Which form a type has is decided at compile time by its
//! codec; how its bytes are made and read is in the [`Writer`] and [`Reader`] of a handle.

mod decoders;
mod kinds;

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::vec::IntoIter;

use bytes::Bytes;

pub(crate) use self::decoders::Decoders;
use super::stage::Stages;
use super::{Codec, compression, frame, spare};
use crate::dictionary::{Dictionaries, Dictionary};
use crate::error::{DecodeError, EncodeError};
use crate::key::Key;
use crate::options::{Compression, DEFAULT_MAX_DECODED, Format};
use crate::record::{About, Body, Meta, Record, Schema};
use crate::schema::{Source, Versions};

/// What one message costs in the log beside its own bytes, about: its slot, and its part of a label.
const SLOT: usize = 64;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Shared {}
    impl Sealed for super::Encoded {}
    impl Sealed for super::Raw {}
}

/// A form a message has in the log. Sealed: [`Encoded`] or [`Shared`].
pub trait Form<T>: sealed::Sealed + Send + Sync + 'static {
    /// What a slot of the log holds.
    #[doc(hidden)]
    type Stored: Send + Sync + 'static;
    /// What is made of a value before the log is asked to take it.
    #[doc(hidden)]
    type Made: Send + Sync;
    /// What a reader makes of it.
    #[doc(hidden)]
    type Opened: Send + Sync;

    #[doc(hidden)]
    fn pack<L: Look<T>>(value: &T, writer: &Writer<T>) -> Result<Packed<Self::Made>, EncodeError>;
    /// What the log keeps. The value is taken where that is the value itself, and else left.
    #[doc(hidden)]
    fn store(value: &mut Option<T>, made: Self::Made) -> Self::Stored;
    /// The same for the next of many, which is so far in. One that is not stored itself stays there, or
    /// what is left of it: to drop it may be code of the user's own.
    #[doc(hidden)]
    fn store_next(
        values: &mut IntoIter<T>,
        at: usize,
        made: &mut Option<Self::Made>,
    ) -> Self::Stored;
    /// What is sent to where the topic is kept. The value stays, since it may come back.
    #[doc(hidden)]
    fn send<R: Send + Sync + Unpin + 'static>(
        value: &T,
        made: Self::Made,
        far: &Self::Far<R>,
    ) -> Body;
    /// Whether nothing is made of a message, and what is known of one holds for those alike.
    #[doc(hidden)]
    const AS_IT_IS: bool = false;
    #[doc(hidden)]
    fn open(
        stored: &Self::Stored,
        meta: Option<&Arc<Meta>>,
        reader: &Reader<T>,
    ) -> Result<Self::Opened, DecodeError>;
    /// What a reader makes of every message, where that takes no look at it.
    #[doc(hidden)]
    fn opened() -> Option<fn() -> Self::Opened> {
        None
    }
    #[doc(hidden)]
    fn get<'a>(stored: &'a Self::Stored, opened: &'a Self::Opened) -> &'a T;
    /// The same message for another log; `None` where it cannot be copied, and has to be borrowed.
    #[doc(hidden)]
    fn again(stored: &Self::Stored) -> Option<Self::Stored>;

    /// What a handle holds where its topic is kept elsewhere: `R`, and nothing that can be for values
    /// that never leave the process. So their handles have no place for it, and nothing to tell.
    #[doc(hidden)]
    type Far<R: Send + Sync + Unpin + 'static>: Send + Sync + Unpin + 'static;
    /// `None` for values that never leave the process.
    #[doc(hidden)]
    fn far<R: Send + Sync + Unpin + 'static>(there: R) -> Option<Self::Far<R>>;
    #[doc(hidden)]
    fn there<R: Send + Sync + Unpin + 'static>(far: &Self::Far<R>) -> &R;
    #[doc(hidden)]
    fn there_mut<R: Send + Sync + Unpin + 'static>(far: &mut Self::Far<R>) -> &mut R;
    /// Something else for the same topic.
    #[doc(hidden)]
    fn instead<R, S>(far: &Self::Far<R>, there: S) -> Self::Far<S>
    where
        R: Send + Sync + Unpin + 'static,
        S: Send + Sync + Unpin + 'static;
    /// A message of a log on its way to where a topic is kept.
    #[doc(hidden)]
    fn depart<R: Send + Sync + Unpin + 'static>(stored: Self::Stored, far: &Self::Far<R>) -> Body;
    /// A message that came from there.
    #[doc(hidden)]
    fn arrive<R: Send + Sync + Unpin + 'static>(body: Body, far: &Self::Far<R>) -> Self::Stored;
}

/// What a message says of itself.
#[doc(hidden)]
pub trait Look<T> {
    fn key(value: &T) -> Option<Key<'_>>;
    fn footprint(value: &T) -> usize;
}

/// What is known of a message before it is in the log.
#[derive(Debug)]
pub struct Packed<M> {
    pub(crate) made: M,
    /// The key and headers that came with the value.
    pub(crate) meta: Option<Arc<Meta>>,
    /// The hash of its key, 0 for none.
    pub(crate) key: u64,
    /// What the message counts towards `max_bytes`, without its key and headers.
    pub(crate) size: usize,
}

/// A form whose messages can be taken out as values; see [`Message::into_inner`](crate::Message::into_inner).
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot be taken out of its message, as far as is known here",
    note = "a native message is shared with other readers, so taking the value out clones it: derive `Clone` on the type, or read the message through its reference",
    note = "code that is generic over `T: memq::Topic` also says `where <T as memq::Payload>::Form: memq::codec::Take<T>`, whether `T` is `Clone` or not"
)]
pub trait Take<T>: Form<T> {
    #[doc(hidden)]
    fn take(stored: &Self::Stored, opened: Self::Opened) -> T;
}

/// A form that is kept as bytes, so that compression, stages and limits mean something.
#[diagnostic::on_unimplemented(
    message = "a native topic shares values and has no bytes, so this option does not apply to it",
    note = "give the type a format, such as `#[topic(format = Json)]`"
)]
pub trait Bytewise: sealed::Sealed {}

impl Bytewise for Encoded {}
impl Bytewise for Raw {}

/// The form of a message that is kept as bytes.
#[derive(Clone, Copy, Debug)]
pub struct Encoded(());

/// The form of a message that is kept as the value itself.
#[derive(Clone, Copy, Debug)]
pub struct Shared(());

/// The form of [`Record`]: bytes in, bytes out.
#[derive(Clone, Copy, Debug)]
pub struct Raw(());

/// What is made of a record before it is stored. Whole words, as [`About`].
#[derive(Debug)]
pub struct Fitted {
    /// Another body than its own, where it takes one. Its own is moved: so no reference is counted.
    written: Option<Box<Body>>,
    /// What is then known of its own.
    about: About,
}

impl From<Body> for Fitted {
    fn from(body: Body) -> Self {
        Self { about: body.about, written: Some(Box::new(body)) }
    }
}

type Encode<T> = fn(&T, &mut Vec<u8>) -> Result<(), EncodeError>;

thread_local! {
    /// Encoded bytes, before they get an allocation of their own length or are decoded.
    static PLAIN: Cell<Option<Vec<u8>>> = const { Cell::new(None) };
    /// Compressed bytes, before they get one.
    static PACKED: Cell<Option<Vec<u8>>> = const { Cell::new(None) };
}

/// How one publisher writes.
pub struct Writer<T> {
    /// The codec; of records, one that refuses, since they are bytes already.
    encode: Encode<T>,
    pub(crate) format: Format,
    pub(crate) compression: Compression,
    pub(crate) level: i32,
    /// What Zstandard compresses with.
    pub(crate) dictionary: Option<Dictionary>,
    /// That, and the topic's: what comes compressed may be opened with.
    pub(crate) dictionaries: Dictionaries,
    pub(crate) stages: Stages,
    /// What values are of; records say it themselves.
    schema: Schema,
}

impl<T> fmt::Debug for Writer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("format", &self.format)
            .field("compression", &self.compression)
            .field("level", &self.level)
            .field("dictionary", &self.dictionary)
            .field("stages", &self.stages)
            .finish_non_exhaustive()
    }
}

impl<T> Writer<T> {
    /// Writes records as they are, and compresses those that are not yet.
    pub(crate) fn raw(format: Format) -> Self {
        Self {
            encode: |_, _| {
                Err(EncodeError::Unavailable {
                    what: "a codec for records".into(),
                    remedy: "publish the bytes".into(),
                })
            },
            format,
            compression: Compression::None,
            level: 0,
            dictionary: None,
            dictionaries: Dictionaries::default(),
            stages: Stages::default(),
            schema: Schema::UNKNOWN,
        }
    }

    /// Writes values with this codec.
    pub(crate) fn typed<C: Codec<T>>() -> Self {
        Self { encode: C::encode, ..Self::raw(C::FORMAT) }
    }

    /// Says with each message what it was written from. The fingerprint goes only with formats that
    /// would read a changed type's fields as others; elsewhere a type may change as serde allows.
    pub(crate) fn of(mut self, versions: &Versions<T>) -> Self {
        let print = versions.fingerprint.filter(|_| self.format.is_positional());
        self.schema = Schema { version: versions.version, fingerprint: print };
        self
    }

    fn encode(&self, value: &T) -> Result<Body, EncodeError> {
        let mut plain = spare::take(&PLAIN).unwrap_or_default();
        let body = (self.encode)(value, &mut plain)
            .and_then(|()| self.finish(self.format, self.schema, &plain));
        spare::keep_buffer(&PLAIN, plain);
        body
    }

    /// Compresses and seals what the codec wrote.
    fn finish(&self, format: Format, schema: Schema, plain: &[u8]) -> Result<Body, EncodeError> {
        let length =
            u32::try_from(plain.len()).map_err(|_| EncodeError::TooLong { bytes: plain.len() })?;
        let bytes = if self.compression == Compression::None {
            Bytes::copy_from_slice(plain)
        } else {
            let mut packed = spare::take(&PACKED).unwrap_or_default();
            let dictionary = self.dictionary.as_ref();
            let done =
                compression::compress(self.compression, self.level, dictionary, plain, &mut packed)
                    .map(|()| Bytes::copy_from_slice(&packed));
            spare::keep_buffer(&PACKED, packed);
            done?
        };
        let about = About::new(format).with_compression(self.compression);
        self.seal(Body {
            bytes,
            dictionaries: self.dictionaries_of(self.compression),
            about: about.with_length(Some(length)).with_schema(schema),
        })
    }

    fn seal(&self, body: Body) -> Result<Body, EncodeError> {
        if self.stages.is_empty() {
            return Ok(body);
        }
        let framed = frame::write(&body, false)?;
        Ok(Body {
            bytes: self.stages.seal(&framed)?.into(),
            dictionaries: body.dictionaries,
            about: About::new(Format::Custom).with_sealed(true).with_schema(body.about.schema()),
        })
    }

    /// What a body that is compressed like this may take to be opened.
    fn dictionaries_of(&self, compression: Compression) -> Dictionaries {
        match compression {
            Compression::Zstd => self.dictionaries.clone(),
            _ => Dictionaries::default(),
        }
    }
}

impl Writer<Record> {
    #[inline]
    fn fit(&self, record: &Record) -> Result<Fitted, EncodeError> {
        let body = &record.body;
        let about = body.about;
        if about.is_sealed() {
            return Ok(Fitted { written: None, about });
        }
        let format = match about.format() {
            Format::Native => {
                return Err(EncodeError::Unavailable {
                    what: "a record of native values".into(),
                    remedy: "they have no bytes; say the format that the bytes have".into(),
                });
            }
            Format::Raw => self.format,
            format => format,
        };
        let compression = about.compression();
        if self.compression != Compression::None && compression == Compression::None {
            return self.finish(format, about.schema(), &body.bytes).map(Fitted::from);
        }
        let about = about.with_format(format);
        let more = self.dictionaries_of(compression);
        if more.is_empty() && self.stages.is_empty() {
            return Ok(Fitted { written: None, about });
        }
        let dictionaries = body.dictionaries.and(&more);
        let body = Body { bytes: body.bytes.clone(), dictionaries, about };
        self.seal(body).map(Fitted::from)
    }
}

/// How one subscriber reads.
pub struct Reader<T> {
    /// What the topic's publishers write; shared by all handles of the topic.
    pub(crate) decoders: Arc<Decoders<T>>,
    /// What this subscriber accepts beside it.
    pub(crate) accepts: Decoders<T>,
    /// Bytes of a payload at most, after decompression if it is compressed.
    pub(crate) max_decoded: Option<usize>,
    /// What it opens payloads with beside the dictionaries they have with them.
    pub(crate) dictionaries: Dictionaries,
    pub(crate) stages: Stages,
    /// Whether records are handed out as they are stored.
    pub(crate) keep_sealed: bool,
    /// Which versions of messages it reads.
    versions: Versions<T>,
}

impl<T> fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("decoders", &self.decoders)
            .field("accepts", &self.accepts)
            .field("max_decoded", &self.max_decoded)
            .field("dictionaries", &self.dictionaries)
            .field("stages", &self.stages)
            .field("keep_sealed", &self.keep_sealed)
            .finish()
    }
}

impl<T> Reader<T> {
    pub(crate) fn new(decoders: Arc<Decoders<T>>, stages: Stages, versions: Versions<T>) -> Self {
        Self {
            accepts: Decoders::new(decoders.declared),
            decoders,
            max_decoded: None,
            dictionaries: Dictionaries::default(),
            stages,
            keep_sealed: false,
            versions,
        }
    }

    fn unseal(&self, body: &Body) -> Result<Body, DecodeError> {
        if self.stages.is_empty() {
            return Err(DecodeError::Sealed);
        }
        let opened = frame::read(&self.stages.open(&body.bytes)?.into())?;
        Ok(Body { dictionaries: body.dictionaries.clone(), ..opened })
    }

    /// What is in a body that is not sealed.
    pub(crate) fn decode(&self, body: &Body) -> Result<T, DecodeError> {
        let Schema { version, fingerprint } = body.about.schema();
        let got = match body.about.format() {
            Format::Raw => self.decoders.declared,
            format => format,
        };
        if !self.versions.is_own(version, fingerprint)? {
            return self.open(body, |bytes| {
                let source = Source { bytes, format: got, version, fingerprint };
                self.versions.upcast(&source)
            });
        }
        let decode = self
            .decoders
            .get(got)
            .or_else(|| self.accepts.get(got))
            .ok_or(DecodeError::Format { got, reads: self.decoders.declared })?;
        self.open(body, decode)
    }

    /// Decodes what was encoded.
    fn open(
        &self,
        body: &Body,
        decode: impl FnOnce(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if body.about.compression() == Compression::None {
            // It is in memory already: only a limit that was asked for is kept.
            if let Some(limit) = self.max_decoded {
                compression::check(body, limit)?;
            }
            return decode(&body.bytes);
        }
        let mut plain = spare::take(&PLAIN).unwrap_or_default();
        let limit = self.max_decoded.unwrap_or(DEFAULT_MAX_DECODED);
        let value = compression::decompress(body, &self.dictionaries, limit, &mut plain)
            .and_then(|()| decode(&plain));
        spare::keep_buffer(&PLAIN, plain);
        value
    }
}
