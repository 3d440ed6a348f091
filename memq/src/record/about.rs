//! What is known about the bytes of a message, in two words: a slot of the log holds it, and it is
//! moved as a whole.

use std::fmt;

use crate::options::{Compression, Format};
use crate::schema::Fingerprint;

/// What is known about the bytes of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct About {
    /// 0 where none is known.
    fingerprint: u64,
    /// 0 where it is not known.
    length: u32,
    version: u16,
    format: Format,
    /// The code of the compression, and the flags below.
    bits: u8,
}

const COMPRESSION: u8 = 3;
const SEALED: u8 = 4;
const HAS_LENGTH: u8 = 8;
const HAS_FINGERPRINT: u8 = 16;

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
    pub(crate) const fn new(format: Format) -> Self {
        Self { fingerprint: 0, length: 0, version: 1, format, bits: 0 }
    }

    /// How the bytes are encoded; [`Format::Raw`] where nothing is known.
    #[inline]
    pub(crate) fn format(self) -> Format {
        self.format
    }

    #[inline]
    pub(crate) fn with_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// How the bytes are compressed.
    #[inline]
    pub(crate) fn compression(self) -> Compression {
        match self.bits & COMPRESSION {
            0 => Compression::None,
            1 => Compression::Gzip,
            2 => Compression::Zstd,
            _ => Compression::Lz4,
        }
    }

    #[inline]
    pub(crate) fn with_compression(self, compression: Compression) -> Self {
        Self { bits: self.bits & !COMPRESSION | compression.code(), ..self }
    }

    /// Whether stages of the topic were applied, so that the bytes are a sealed frame.
    #[inline]
    pub(crate) fn is_sealed(self) -> bool {
        self.bits & SEALED != 0
    }

    #[inline]
    pub(crate) fn with_sealed(self, sealed: bool) -> Self {
        self.with_flag(SEALED, sealed)
    }

    /// The length before compression, where it is known.
    #[inline]
    pub(crate) fn length(self) -> Option<u32> {
        (self.bits & HAS_LENGTH != 0).then_some(self.length)
    }

    #[inline]
    pub(crate) fn with_length(self, length: Option<u32>) -> Self {
        let known = self.with_flag(HAS_LENGTH, length.is_some());
        Self { length: length.unwrap_or(0), ..known }
    }

    /// What the message was written from.
    #[inline]
    pub(crate) fn schema(self) -> Schema {
        let fingerprint = Fingerprint::from_u64(self.fingerprint);
        let fingerprint = (self.bits & HAS_FINGERPRINT != 0).then_some(fingerprint);
        Schema { version: self.version, fingerprint }
    }

    #[inline]
    pub(crate) fn with_schema(self, schema: Schema) -> Self {
        let Schema { version, fingerprint } = schema;
        let known = self.with_flag(HAS_FINGERPRINT, fingerprint.is_some());
        Self { version, fingerprint: fingerprint.map_or(0, Fingerprint::as_u64), ..known }
    }

    #[inline]
    fn with_flag(self, flag: u8, set: bool) -> Self {
        Self { bits: self.bits & !flag | if set { flag } else { 0 }, ..self }
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
        for format in [Format::Json, Format::Custom] {
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
