//! What bytes of unknown origin are. Only whole values count, and no answer is better than a wrong
//! one; nothing is decoded or decompressed here.

pub(super) mod json;
pub(super) mod messagepack;

use super::frame::{self, Header};
use crate::error::DetectError;
use crate::options::{Compression, Format};

/// What bytes of unknown origin are, by [`Record::detect`](crate::Record::detect).
///
/// The first of these that fits, in this order:
///
/// 1. a [frame](crate::codec::frame), which is checked whole;
/// 2. gzip or zstd, by the magic; nothing is decompressed to see what is inside;
/// 3. CBOR, by the self-describe tag `d9 d9 f7`;
/// 4. JSON: an object or array, in UTF-8, that is all the bytes but white space;
/// 5. MessagePack: a map or array that is all the bytes, with texts in UTF-8.
///
/// All other bytes are refused. Single numbers and texts are: nearly any bytes are such a value of
/// MessagePack. Positional formats are: they describe nothing. A random payload passes for
/// MessagePack about once in ten thousand times, all of them short.
///
/// The answer is the same in every build, whatever its features.
///
/// Compressed bytes are opened only if asked:
///
/// ```
/// # #[cfg(feature = "gzip")]
/// # fn main() -> Result<(), memq::Error> {
/// use memq::codec::Detected;
/// use memq::{Compression, Format, Record};
///
/// # let bytes: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0";
/// let Detected::Compressed(compression) = Record::detect(bytes)? else { panic!() };
/// let inside = Record::new(bytes).with_compression(compression).payload()?;
/// assert_eq!(Record::detect(&inside)?, Detected::Format(Format::Json));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "gzip"))]
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Detected {
    /// A frame, which says the rest: use [`Record::parse`](crate::Record::parse).
    Frame {
        /// The format it names.
        format: Format,
        /// The compression it names.
        compression: Compression,
    },
    /// Compressed, and not looked into.
    Compressed(Compression),
    /// One value in this format.
    Format(Format),
}

/// Magic, and deflate, the only method there is.
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Tag 55799, before any value.
const CBOR: [u8; 3] = [0xd9, 0xd9, 0xf7];

pub(super) fn detect(bytes: &[u8]) -> Result<Detected, DetectError> {
    if bytes.is_empty() {
        return Err(DetectError::Empty);
    }
    if frame::is_frame(bytes) {
        let Header { format, compression, .. } = frame::header(bytes)?;
        return Ok(Detected::Frame { format, compression });
    }
    if bytes.starts_with(&GZIP) {
        Ok(Detected::Compressed(Compression::Gzip))
    } else if bytes.starts_with(&ZSTD) {
        Ok(Detected::Compressed(Compression::Zstd))
    } else if bytes.starts_with(&CBOR) && bytes.len() > CBOR.len() {
        Ok(Detected::Format(Format::Cbor))
    } else if json::is_object_or_array(bytes) {
        Ok(Detected::Format(Format::Json))
    } else if messagepack::is_map_or_array(bytes) {
        Ok(Detected::Format(Format::MessagePack))
    } else {
        Err(DetectError::Unknown)
    }
}
