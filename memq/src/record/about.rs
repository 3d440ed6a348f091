//! What is known about the bytes of a message, in two words: a slot of the log holds it, and it is
//! moved as a whole.

use std::fmt;

use crate::options::{Compression, Format};
use crate::schema::Fingerprint;

/// What is known about the bytes of a message.
///
/// Words and not fields: parts of a word that was just written in parts have to wait for each other
/// where it is moved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct About {
    /// 0 where none is known.
    fingerprint: u64,
    /// From the lowest bit: the length, 0 where it is not known; the version; the code of the format;
    /// that of the compression; the flags.
    rest: u64,
}

const VERSION: u32 = 32;
const FORMAT: u32 = 48;
const COMPRESSION: u32 = 56;
const SEALED: u64 = 1 << 61;
const HAS_LENGTH: u64 = 1 << 62;
const HAS_FINGERPRINT: u64 = 1 << 63;

/// What a message was written from, as far as it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    pub(crate) version: u16,
    pub(crate) fingerprint: Option<Fingerprint>,
}

impl Schema {
    /// Of what says nothing.
    pub(crate) const UNKNOWN: Self = Self { version: 1, fingerprint: None };
}

impl About {
    /// Bytes of this format, of which nothing else is known.
    #[inline]
    pub(crate) fn new(format: Format) -> Self {
        Self { fingerprint: 0, rest: u64::from(Schema::UNKNOWN.version) << VERSION }
            .with_format(format)
    }

    /// How the bytes are encoded; [`Format::Raw`] where nothing is known.
    #[inline]
    pub(crate) fn format(self) -> Format {
        match Format::from_code((self.rest >> FORMAT) as u8) {
            Some(format) => format,
            None => unreachable!("only codes of formats are stored"),
        }
    }

    #[inline]
    pub(crate) fn with_format(self, format: Format) -> Self {
        self.with(FORMAT, 0xFF, format.code().into())
    }

    /// How the bytes are compressed.
    #[inline]
    pub(crate) fn compression(self) -> Compression {
        match (self.rest >> COMPRESSION) & 3 {
            0 => Compression::None,
            1 => Compression::Gzip,
            2 => Compression::Zstd,
            _ => Compression::Lz4,
        }
    }

    #[inline]
    pub(crate) fn with_compression(self, compression: Compression) -> Self {
        self.with(COMPRESSION, 3, compression.code().into())
    }

    /// Whether stages of the topic were applied, so that the bytes are a sealed frame.
    #[inline]
    pub(crate) fn is_sealed(self) -> bool {
        self.rest & SEALED != 0
    }

    #[inline]
    pub(crate) fn with_sealed(self, sealed: bool) -> Self {
        self.with_flag(SEALED, sealed)
    }

    /// The length before compression, where it is known.
    #[inline]
    pub(crate) fn length(self) -> Option<u32> {
        (self.rest & HAS_LENGTH != 0).then_some(self.rest as u32)
    }

    #[inline]
    pub(crate) fn with_length(self, length: Option<u32>) -> Self {
        let known = self.with_flag(HAS_LENGTH, length.is_some());
        known.with(0, u32::MAX.into(), length.unwrap_or(0).into())
    }

    /// What the message was written from.
    #[inline]
    pub(crate) fn schema(self) -> Schema {
        let fingerprint = Fingerprint::from_u64(self.fingerprint);
        let fingerprint = (self.rest & HAS_FINGERPRINT != 0).then_some(fingerprint);
        Schema { version: (self.rest >> VERSION) as u16, fingerprint }
    }

    #[inline]
    pub(crate) fn with_schema(self, schema: Schema) -> Self {
        let Schema { version, fingerprint } = schema;
        let known = self.with_flag(HAS_FINGERPRINT, fingerprint.is_some());
        let known = known.with(VERSION, u16::MAX.into(), version.into());
        Self { fingerprint: fingerprint.map_or(0, Fingerprint::as_u64), ..known }
    }

    /// With this value where the mask is, so many bits up.
    #[inline]
    fn with(self, at: u32, mask: u64, value: u64) -> Self {
        Self { rest: self.rest & !(mask << at) | value << at, ..self }
    }

    #[inline]
    fn with_flag(self, flag: u64, set: bool) -> Self {
        Self { rest: self.rest & !flag | if set { flag } else { 0 }, ..self }
    }
}

impl fmt::Debug for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("About")
            .field("format", &self.format())
            .field("compression", &self.compression())
            .field("sealed", &self.is_sealed())
            .field("length", &self.length())
            .field("schema", &self.schema())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_kept_whatever_the_others_are() {
        assert_eq!(size_of::<About>(), 16);
        let schemas = [
            Schema::UNKNOWN,
            Schema { version: u16::MAX, fingerprint: Some(Fingerprint::from_u64(0)) },
            Schema { version: 0, fingerprint: Some(Fingerprint::from_u64(u64::MAX)) },
        ];
        let compressions =
            [Compression::None, Compression::Gzip, Compression::Zstd, Compression::Lz4];
        let mut about = About::new(Format::Raw);
        assert_eq!((about.length(), about.schema()), (None, Schema::UNKNOWN));
        for format in (0..=u8::MAX).filter_map(Format::from_code) {
            for compression in compressions {
                for length in [Some(0), None, Some(u32::MAX)] {
                    for (schema, sealed) in schemas.into_iter().zip([true, false, true]) {
                        about = about.with_schema(schema).with_sealed(sealed).with_length(length);
                        about = about.with_compression(compression).with_format(format);
                        assert_eq!((about.format(), about.compression()), (format, compression));
                        assert_eq!((about.length(), about.schema()), (length, schema));
                        assert_eq!(about.is_sealed(), sealed);
                    }
                }
            }
        }
    }
}
