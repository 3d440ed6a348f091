//! What can be done with a record's bytes: parse, frame, detect, unseal, decompress, decode.
//! Nothing is guessed but by `detect`, and nothing is sent anywhere.

use std::sync::Arc;

use bytes::Bytes;

use super::stage::Stages;
use super::{Codec, Detected, Encoded, Stage, compression, frame, guess};
use crate::dictionary::Dictionary;
use crate::error::{DecodeError, DetectError, EncodeError, FrameError};
use crate::options::{Compression, DEFAULT_MAX_DECODED, Format};
use crate::record::{Body, Record};

impl Record {
    /// A record of bytes that may be a [frame](crate::codec::frame).
    ///
    /// Exactly one frame is taken off, without a copy of the payload. Bytes that do not begin with
    /// the magic of a frame become a record of [`Format::Raw`], as with [`Record::new`].
    ///
    /// ```
    /// use memq::{Format, Record};
    ///
    /// let record = Record::parse(&b"TMQ\x02\x01\x00\x00\x08{}"[..])?;
    /// assert_eq!((record.format(), &record.bytes()[..]), (Format::Json, &b"{}"[..]));
    ///
    /// let record = Record::parse(&b"{}"[..])?;
    /// assert_eq!(record.format(), Format::Raw);
    /// # Ok::<(), memq::FrameError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FrameError`] where the bytes begin with the magic and are no frame.
    pub fn parse(bytes: impl Into<Bytes>) -> Result<Self, FrameError> {
        let bytes = bytes.into();
        if !frame::is_frame(&bytes) {
            return Ok(Self::new(bytes));
        }
        Ok(Self { body: frame::read(&bytes)?, meta: None })
    }

    /// The record as a [frame](crate::codec::frame): bytes that say how they are encoded and
    /// compressed, and what they were written from. Key and headers are not in it, nor is its own length:
    /// where several follow each other, as in a file, put the length before each. Damage to the payload may go
    /// unseen: [`frame_checked`](Self::frame_checked) finds it.
    ///
    /// ```
    /// use memq::{Format, Record};
    ///
    /// let record = Record::new(&b"{}"[..]).with_format(Format::Json);
    /// assert_eq!(record.frame()?, &b"TMQ\x02\x01\x00\x00\x08{}"[..]);
    /// # Ok::<(), memq::EncodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`EncodeError::Length`] where the record is compressed, its length before that is not known,
    /// and it does not decompress; [`EncodeError::Unavailable`] for [`Format::Native`].
    pub fn frame(&self) -> Result<Bytes, EncodeError> {
        frame::write(&self.body, false)
    }

    /// The record as a [frame](crate::codec::frame) with a checksum, four bytes longer: for files,
    /// and wherever nothing else finds damage.
    ///
    /// ```
    /// use memq::{FrameError, Record};
    ///
    /// let mut file = Record::new("tea").frame_checked()?.to_vec();
    /// file[13] ^= 1;
    /// assert!(matches!(Record::parse(file), Err(FrameError::Checksum { .. })));
    /// # Ok::<(), memq::EncodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`frame`](Self::frame).
    pub fn frame_checked(&self) -> Result<Bytes, EncodeError> {
        frame::write(&self.body, true)
    }

    /// What bytes of unknown origin are, if that can be told. See [`Detected`] for the rules.
    ///
    /// Typed subscribers never ask: the record or its frame says the format, or the topic's own
    /// applies.
    ///
    /// ```
    /// use memq::codec::Detected;
    /// use memq::{DetectError, Format, Record};
    ///
    /// assert_eq!(Record::detect(br#"{"item":"tea"}"#), Ok(Detected::Format(Format::Json)));
    /// assert_eq!(Record::detect(b"tea"), Err(DetectError::Unknown));
    /// ```
    ///
    /// # Errors
    ///
    /// [`DetectError`] where there are no bytes, where they begin like a frame and are none, and
    /// where nothing fits, as with single numbers and texts and with positional formats.
    pub fn detect(bytes: &[u8]) -> Result<Detected, DetectError> {
        guess::detect(bytes)
    }

    /// Says how the bytes are compressed. They are not changed.
    ///
    /// For bytes from elsewhere that [`detect`](Self::detect) reports as compressed.
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.body.about = self.body.about.with_compression(compression).with_length(None);
        self
    }

    /// Says what the bytes may have been compressed with: for bytes from elsewhere, as from a file.
    /// A record that comes from a topic in this process needs it only where the topic did not have
    /// it either. It can be said several times; the record names the one that it needs.
    ///
    /// ```
    /// # #[cfg(all(feature = "train", feature = "json"))]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # use memq::{Broker, Compression, Dictionary, Format, Record};
    /// # let samples = (0..2_000).map(|n| format!("[{n},\"green tea\"]"));
    /// let dictionary = Dictionary::train(samples, 1 << 10)?;
    /// let broker = Broker::new();
    /// let orders = broker
    ///     .topic("orders")
    ///     .format(Format::Json)
    ///     .compress(Compression::Zstd)
    ///     .dictionary(dictionary.clone());
    /// orders.publisher().await?.publish_bytes(r#"[7,"green tea"]"#).await?;
    /// let frame = orders.subscriber().await?.recv().await?.frame()?;
    ///
    /// // later, elsewhere
    /// let record = Record::parse(frame)?.with_dictionary(&dictionary);
    /// assert_eq!(record.payload()?, r#"[7,"green tea"]"#);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(all(feature = "train", feature = "json")))]
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn with_dictionary(mut self, dictionary: &Dictionary) -> Self {
        self.body.dictionaries = self.body.dictionaries.with(dictionary.clone());
        self
    }

    /// The encoded message: [`bytes`](Self::bytes) decompressed, or just those where they are not
    /// compressed, without a copy and without a limit, since nothing is expanded. Compressed ones may
    /// become at most [`DEFAULT_MAX_DECODED`] bytes.
    ///
    /// # Errors
    ///
    /// As [`decompress`](Self::decompress).
    pub fn payload(&self) -> Result<Bytes, DecodeError> {
        self.plain(DEFAULT_MAX_DECODED)
    }

    /// The same record, decompressed, if its payload then has at most `limit` bytes. Not a copy where
    /// it is not compressed; the limit holds there too.
    ///
    /// The other methods allow [`DEFAULT_MAX_DECODED`] bytes where the record is compressed, and any
    /// number where it is not. For more, or less, call this first:
    ///
    /// ```
    /// # #[cfg(feature = "json")]
    /// # fn main() -> Result<(), memq::Error> {
    /// # use memq::{Format, Record};
    /// # let record = Record::new("[1,2]").with_format(Format::Json);
    /// let list: Vec<u64> = record.decompress(1 << 30)?.decode()?;
    /// # assert_eq!(list, [1, 2]);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "json"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooLarge`] where there are more bytes, [`DecodeError::Length`] where another
    /// length does than the frame says, [`DecodeError::Decompress`] where the bytes are damaged or
    /// others follow, [`DecodeError::Unavailable`] without the feature it takes,
    /// [`DecodeError::Sealed`], and [`DecodeError::Dictionary`] where it was compressed with one that
    /// the record does not have.
    pub fn decompress(&self, limit: usize) -> Result<Self, DecodeError> {
        let bytes = self.plain(limit)?;
        compression::check(&self.body, limit)?;
        let about = self.body.about.with_compression(Compression::None).with_length(None);
        let body = Body { bytes, about, ..self.body.clone() };
        Ok(Self { body, meta: self.meta.clone() })
    }

    /// The value, read as the record says. Needs one of the features `json`, `messagepack`, `bincode`,
    /// `postcard`.
    ///
    /// It looks at neither [version](crate::schema) nor fingerprint, since it may be read as any type: for
    /// a topic's own use [`read`](Self::read).
    ///
    /// ```
    /// # #[cfg(feature = "json")]
    /// # fn main() -> Result<(), memq::Error> {
    /// use memq::{DecodeError, Format, Record};
    ///
    /// let record = Record::new("[1,2]").with_format(Format::Json);
    /// let list: Vec<u64> = record.decode()?;
    /// assert_eq!(list, [1, 2]);
    ///
    /// // never a guess
    /// let record = Record::new("[1,2]");
    /// assert!(matches!(record.decode::<Vec<u64>>(), Err(DecodeError::Unknown)));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "json"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// [`DecodeError::Unknown`] for [`Format::Raw`] and [`Format::Custom`],
    /// [`DecodeError::Malformed`] and [`DecodeError::Trailing`] where the bytes are not one such
    /// value, [`DecodeError::Unavailable`] without the feature of its format, and those of
    /// [`decompress`](Self::decompress).
    #[cfg(feature = "serde")]
    pub fn decode<T: serde::de::DeserializeOwned>(&self) -> Result<T, DecodeError> {
        super::format::decode(self.format(), &self.payload()?)
    }

    /// The value, read by the codec `C`: for records that do not say their format, and for codecs
    /// of your own. As [`decode`](Self::decode), it looks at neither version nor fingerprint.
    ///
    /// ```
    /// # #[cfg(feature = "json")]
    /// # fn main() -> Result<(), memq::Error> {
    /// use memq::Record;
    /// use memq::codec::Json;
    ///
    /// let list = Record::new("[1,2]").decode_as::<Json, Vec<u64>>()?;
    /// assert_eq!(list, [1, 2]);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "json"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// [`DecodeError::Format`] where the record says another format than one of memq's own codecs
    /// reads ([`with_format`](Self::with_format) corrects a record that is wrong), what the codec
    /// says, and those of [`decompress`](Self::decompress).
    pub fn decode_as<C, T>(&self) -> Result<T, DecodeError>
    where
        C: Codec<T, Form = Encoded>,
        T: Send + Sync + 'static,
    {
        let (got, reads) = (self.format(), C::FORMAT);
        if self.is_sealed() {
            return Err(DecodeError::Sealed);
        }
        if got != reads && got != Format::Raw && reads != Format::Custom {
            return Err(DecodeError::Format { got, reads });
        }
        C::decode(&self.payload()?)
    }

    /// The record that these stages had sealed: they are undone, the last one first.
    ///
    /// Inside a topic its subscribers do that. This is for records that left it sealed: what the
    /// stages seal is a whole frame, so the result says its format again, also after the sealed
    /// bytes went through a frame of their own, which says [`Format::Custom`]. Key and headers are
    /// kept.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Stage`] where a stage cannot be undone, [`DecodeError::Frame`] where what it
    /// gives is not a frame, as with a wrong key that the stage does not notice, and those of
    /// [`decompress`](Self::decompress).
    pub fn unseal(&self, stages: &[Arc<dyn Stage>]) -> Result<Self, DecodeError> {
        let sealed = compression::plain(&self.body, DEFAULT_MAX_DECODED)?;
        let opened = Stages::from(stages).open(&sealed)?;
        let body = frame::read(&opened.into())?;
        let dictionaries = self.body.dictionaries.clone();
        Ok(Self { body: Body { dictionaries, ..body }, meta: self.meta.clone() })
    }

    /// The bytes before compression.
    fn plain(&self, limit: usize) -> Result<Bytes, DecodeError> {
        if self.is_sealed() {
            return Err(DecodeError::Sealed);
        }
        compression::plain(&self.body, limit)
    }
}
