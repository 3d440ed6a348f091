//! The frame: a short header that makes bytes describe themselves where they leave the process,
//! in a file, over a bridge, in a raw read. This text is its specification.
//!
//! A frame says how its payload is encoded and compressed. It carries neither key nor headers of
//! the message. Inside a topic no frame is needed: there the record says the same.
//!
//! # Version 2, which is written
//!
//! All numbers are little endian. The header is `hlen` bytes long; the payload is what follows, to
//! the end of the bytes.
//!
//! | offset | bytes | name | what |
//! | --- | --- | --- | --- |
//! | 0 | 3 | magic | `TMQ` |
//! | 3 | 1 | version | 2 |
//! | 4 | 1 | `fmt` | the format: [`Format::code`] |
//! | 5 | 1 | `cmp` | the compression: [`Compression::code`] |
//! | 6 | 1 | `flg` | the flags, below |
//! | 7 | 1 | `hlen` | the length of the whole header, from 8 to 255 |
//! | 8 | | options | those the flags name, in the order of the flags; then unknown ones |
//! | `hlen` - 4 | 4 | checksum | if the flags name it |
//!
//! | flag | option | bytes | |
//! | --- | --- | --- | --- |
//! | `01` | version of the [schema](crate::schema); 1 if absent | 2 | where it is not 1 |
//! | `02` | [fingerprint](crate::schema::Fingerprint) of the schema | 8 | where there is one |
//! | `04` | length of the payload before compression | 4 | always if compressed |
//! | `08` | CRC-32C of everything else: the header up to here, then the payload | 4 | the last bytes of the header |
//! | `10` `20` `40` | for later versions | any | skipped by means of `hlen` |
//! | `80` | an unknown option is an error | 0 | |
//!
//! | `fmt` | format | | `cmp` | compression |
//! | --- | --- | --- | --- | --- |
//! | 0 | bincode 1.3, `DefaultOptions` | | 0 | none |
//! | 1 | JSON | | 1 | gzip |
//! | 2 | MessagePack | | 2 | zstd |
//! | 3 | native: never in a frame, an error | | 3 | LZ4: recognised, not opened |
//! | 4 | postcard 1 | | | |
//! | 5 | CBOR: recognised, not opened | | | |
//! | 6 | raw: nothing is known about the payload | | | |
//! | 255 | a codec or stages of the user's own | | | |
//!
//! So a header has 8 bytes at least, and 26 with everything; memq writes the checksum where it is
//! asked for. Version and fingerprint of what stages sealed are in the frame inside, too, and
//! those count. A payload may be compressed in several gzip members
//! or zstd frames; nothing else may follow them. Where a [dictionary](crate::Dictionary) is needed,
//! the zstd frame names its id itself (RFC 8878, 3.1.1.1.3), and this header says nothing of it.
//!
//! # Version 1, which is read
//!
//! What tokio-memq 1.0 writes: `TMQ`, 1, `fmt`, `cmp`, then the payload. Formats 0 to 2 and
//! compressions 0 to 2.
//!
//! # Reading
//!
//! Bytes that begin with the magic are a frame or an error: an unknown version, format or
//! compression, a header length that does not fit the flags, a compressed payload of undeclared
//! length, a cut, a wrong checksum, each has its [`FrameError`]. They are never taken for
//! anything else. The declared length bounds decompression, and exactly that many bytes must come
//! out; without compression it must be the payload's own.
//!
//! Exactly one frame is taken off. So bytes that merely begin with the magic travel safely as the
//! payload of a raw frame, and come out as they were:
//!
//! ```
//! use memq::Record;
//!
//! let record = Record::new("TMQ is how this text begins");
//! let framed = record.frame()?;
//! assert_eq!(&framed[..8], b"TMQ\x02\x06\x00\x00\x08");
//! assert_eq!(Record::parse(framed)?.bytes(), record.bytes());
//! # Ok::<(), memq::Error>(())
//! ```
//!
//! # What the checksum does not catch
//!
//! The magic, the version byte and the flag that announces the checksum are read before it. Any
//! single flipped bit is found there too, except in the magic, where the bytes are no frame any
//! more. But a version byte that becomes 1, and a flag byte that loses `08` and gains one of the
//! flags for later versions, make another frame that is valid.

use bytes::Bytes;

use super::compression;
use crate::dictionary::Dictionaries;
use crate::error::{EncodeError, FrameError};
use crate::options::{Compression, DEFAULT_MAX_DECODED, Format};
use crate::record::{About, Body, Schema};
use crate::schema::Fingerprint;

/// What every frame begins with.
pub const MAGIC: [u8; 3] = *b"TMQ";

/// The header of version 1, and the shortest there is.
const V1_HEADER: usize = 6;

/// The header of version 2 without options.
const V2_HEADER: usize = 8;

/// The flags of version 2.
mod flag {
    pub(super) const VERSION: u8 = 0x01;
    pub(super) const FINGERPRINT: u8 = 0x02;
    pub(super) const LENGTH: u8 = 0x04;
    pub(super) const CHECKSUM: u8 = 0x08;
    pub(super) const UNKNOWN: u8 = 0x70;
    pub(super) const STRICT: u8 = 0x80;
}

/// Whether the bytes begin with the magic, so that they are a frame or an error.
///
/// ```
/// use memq::codec::frame;
///
/// assert!(frame::is_frame(b"TMQ\x02\x01\x00\x00\x08{}"));
/// assert!(!frame::is_frame(b"{}"));
/// ```
#[must_use]
#[inline]
pub fn is_frame(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) format: Format,
    pub(super) compression: Compression,
    /// The length before compression, if it is compressed and says so.
    length: Option<u32>,
    schema: Schema,
    /// Where the payload begins.
    end: usize,
}

/// The body as a frame of version 2.
pub(crate) fn write(body: &Body, checksum: bool) -> Result<Bytes, EncodeError> {
    let about = body.about;
    if about.format() == Format::Native {
        return Err(EncodeError::Unavailable {
            what: "a frame of a native message".to_owned(),
            remedy: "give the type a format, such as `Json`".to_owned(),
        });
    }
    let length = match about.compression() {
        Compression::None => None,
        _ => Some(declared(body)?),
    };
    let Schema { version, fingerprint } = about.schema();
    let version = Some(version).filter(|version| *version != 1);
    let mut flags = 0;
    let mut hlen = V2_HEADER;
    if version.is_some() {
        flags |= flag::VERSION;
        hlen += 2;
    }
    if fingerprint.is_some() {
        flags |= flag::FINGERPRINT;
        hlen += 8;
    }
    if length.is_some() {
        flags |= flag::LENGTH;
        hlen += 4;
    }
    if checksum {
        flags |= flag::CHECKSUM;
        hlen += 4;
    }
    let mut frame = Vec::with_capacity(hlen + body.bytes.len());
    frame.extend_from_slice(&MAGIC);
    // At most 26, so it fits.
    let (format, compression) = (about.format().code(), about.compression().code());
    frame.extend_from_slice(&[2, format, compression, flags, hlen as u8]);
    if let Some(version) = version {
        frame.extend_from_slice(&version.to_le_bytes());
    }
    if let Some(fingerprint) = fingerprint {
        frame.extend_from_slice(&fingerprint.as_u64().to_le_bytes());
    }
    if let Some(length) = length {
        frame.extend_from_slice(&length.to_le_bytes());
    }
    if checksum {
        let crc = crc32c::crc32c_append(crc32c::crc32c(&frame), &body.bytes);
        frame.extend_from_slice(&crc.to_le_bytes());
    }
    frame.extend_from_slice(&body.bytes);
    Ok(frame.into())
}

/// The length of a compressed body before compression, found by decompression if need be.
fn declared(body: &Body) -> Result<u32, EncodeError> {
    if let Some(length) = body.about.length() {
        return Ok(length);
    }
    let bytes = compression::plain(body, DEFAULT_MAX_DECODED).map_err(EncodeError::Length)?.len();
    u32::try_from(bytes).map_err(|_| EncodeError::TooLong { bytes })
}

/// A frame of version 1 or 2; the payload is a slice of `bytes`, not a copy.
pub(crate) fn read(bytes: &Bytes) -> Result<Body, FrameError> {
    let Header { format, compression, length, schema, end } = header(bytes)?;
    let about = About::new(format).with_compression(compression);
    Ok(Body {
        bytes: bytes.slice(end..),
        dictionaries: Dictionaries::default(),
        about: about.with_length(length).with_schema(schema),
    })
}

/// What the header says; the whole frame is checked.
pub(super) fn header(bytes: &[u8]) -> Result<Header, FrameError> {
    if !is_frame(bytes) {
        return Err(FrameError::Magic);
    }
    match bytes.get(MAGIC.len()) {
        Some(1) => v1(bytes),
        Some(2) => v2(bytes),
        Some(version) => Err(FrameError::Version(*version)),
        None => Err(FrameError::Cut { needed: V1_HEADER, got: bytes.len() }),
    }
}

fn v1(bytes: &[u8]) -> Result<Header, FrameError> {
    let Some([_, _, _, _, fmt, cmp]) = bytes.first_chunk() else {
        return Err(FrameError::Cut { needed: V1_HEADER, got: bytes.len() });
    };
    let format = match *fmt {
        0 => Format::Bincode,
        1 => Format::Json,
        2 => Format::MessagePack,
        other => return Err(FrameError::Format(other)),
    };
    let compression = match *cmp {
        0 => Compression::None,
        1 => Compression::Gzip,
        2 => Compression::Zstd,
        other => return Err(FrameError::Compression(other)),
    };
    let schema = Schema::UNKNOWN;
    Ok(Header { format, compression, length: None, schema, end: V1_HEADER })
}

fn v2(bytes: &[u8]) -> Result<Header, FrameError> {
    let Some([_, _, _, _, fmt, cmp, flags, hlen]) = bytes.first_chunk().copied() else {
        return Err(FrameError::Cut { needed: V2_HEADER, got: bytes.len() });
    };
    let end = usize::from(hlen);
    let has = |flag: u8| flags & flag != 0;
    let option = |flag: u8, length: usize| if has(flag) { length } else { 0 };
    let print_at = V2_HEADER + option(flag::VERSION, 2);
    let length_at = print_at + option(flag::FINGERPRINT, 8);
    let known = length_at + option(flag::LENGTH, 4) + option(flag::CHECKSUM, 4);
    let fits = if has(flag::UNKNOWN) { end >= known } else { end == known };
    if !fits {
        return Err(FrameError::Header { hlen, flags });
    }
    let (Some(header), Some(payload)) = (bytes.get(..end), bytes.get(end..)) else {
        return Err(FrameError::Cut { needed: end, got: bytes.len() });
    };
    // Before anything is believed: what a damaged header says helps nobody.
    match header.split_last_chunk() {
        Some((covered, stated)) if has(flag::CHECKSUM) => {
            let stated = u32::from_le_bytes(*stated);
            let computed = crc32c::crc32c_append(crc32c::crc32c(covered), payload);
            if stated != computed {
                return Err(FrameError::Checksum { stated, computed });
            }
        }
        _ => {}
    }
    if has(flag::STRICT) && has(flag::UNKNOWN) {
        return Err(FrameError::Option(flags & flag::UNKNOWN));
    }
    let format = match Format::from_code(fmt) {
        None | Some(Format::Native) => return Err(FrameError::Format(fmt)),
        Some(format) => format,
    };
    let compression = Compression::from_code(cmp).ok_or(FrameError::Compression(cmp))?;
    let version = at(header, V2_HEADER).filter(|_| has(flag::VERSION)).map(u16::from_le_bytes);
    let print = at(header, print_at).filter(|_| has(flag::FINGERPRINT)).map(u64::from_le_bytes);
    let fingerprint = print.map(Fingerprint::from_u64);
    let schema = Schema { version: version.unwrap_or(1), fingerprint };
    let length = at(header, length_at).filter(|_| has(flag::LENGTH)).map(u32::from_le_bytes);
    match (compression, length) {
        (Compression::None, Some(declared)) if declared as usize != payload.len() => {
            Err(FrameError::Length { declared, got: payload.len() })
        }
        (Compression::None, _) => Ok(Header { format, compression, length: None, schema, end }),
        (_, None) => Err(FrameError::Header { hlen, flags }),
        (_, length) => Ok(Header { format, compression, length, schema, end }),
    }
}

/// The bytes that an option has, where it begins.
fn at<const N: usize>(header: &[u8], begin: usize) -> Option<[u8; N]> {
    header.get(begin..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests;
