//! What can go wrong between values and bytes: encoding, decoding, frames, detection.

use thiserror::Error;

use super::Cause;
use crate::headers::HeaderError;
use crate::options::{Compression, Format};
use crate::schema::Fingerprint;

/// A message could not become bytes.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The codec failed.
    #[error(
        "the value could not be written as {format}: change it, or give its type another format"
    )]
    Serialize {
        /// The format.
        format: Format,
        /// What the codec said.
        source: Cause,
    },
    /// Compression failed.
    #[error("the payload could not be compressed with {compression}")]
    Compress {
        /// The compression.
        compression: Compression,
        /// What it said.
        source: Cause,
    },
    /// A stage failed.
    #[error("stage {stage:?} failed")]
    Stage {
        /// The stage's name.
        stage: String,
        /// What it said.
        source: Cause,
    },
    /// A header was refused.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The message id is empty or too long.
    #[error("a message id has 1 to 256 bytes, and this one has {bytes}: use a hash of it")]
    Id {
        /// Its length.
        bytes: usize,
    },
    /// The bytes begin like a frame and are none.
    #[error(
        "the bytes begin like a frame and are none: publish them as a `Record` to store them as they are"
    )]
    Frame(#[source] FrameError),
    /// A compressed record does not open, so its length cannot be written into a frame.
    #[error("the record does not open, so its uncompressed length cannot be framed")]
    Length(#[source] DecodeError),
    /// The payload is longer than a frame can say.
    #[error("the payload has {bytes} bytes, and 4 GiB is the most: split the message")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// This build lacks what it takes.
    #[error("{what} is not available: {remedy}")]
    Unavailable {
        /// The format or compression.
        what: String,
        /// What to do.
        remedy: String,
    },
}

/// Bytes could not become a message.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The record is in a format that this subscriber does not read.
    #[error("the record is {got}, and {reads} is read here: {}", accept(*got))]
    Format {
        /// The record's format.
        got: Format,
        /// What is read.
        reads: Format,
    },
    /// The message has a version that this reader has no way from.
    #[error("the message has version {got}, and version {have} is read here: {}", way(*got, *have))]
    Version {
        /// The message's version.
        got: u16,
        /// That of the reader's type.
        have: u16,
    },
    /// The message was written from another type that claims the same version.
    #[error(
        "the message was written from a type of fingerprint {got}, and the type of the same version that reads here has {have}: fields would be read as others. Let a type that changed have a higher `version` and `upcast_from` what it was, and keep what it was as a type of its own"
    )]
    Schema {
        /// The fingerprint of what it was written from.
        got: Fingerprint,
        /// That of what reads.
        have: Fingerprint,
    },
    /// A message of a lower version could not become one of the reader's type.
    #[error("the message of version {from} could not become one of version {to}")]
    Upcast {
        /// The older type's version.
        from: u16,
        /// The newer type's.
        to: u16,
        /// What the conversion said.
        source: Cause,
    },
    /// The bytes are not what the format says.
    #[error("the payload is not valid {format} for this type")]
    Malformed {
        /// The format.
        format: Format,
        /// What the codec said.
        source: Cause,
    },
    /// The value ends before the bytes do.
    #[error("{extra} bytes are left after the {format} value: one payload is one value")]
    Trailing {
        /// The format.
        format: Format,
        /// How many.
        extra: usize,
    },
    /// The compressed bytes are damaged.
    #[error("the payload could not be decompressed with {compression}")]
    Decompress {
        /// The compression.
        compression: Compression,
        /// What it said.
        source: Cause,
    },
    /// The payload was compressed with a dictionary that the reader does not have.
    #[error(
        "the payload was compressed with dictionary {needs}, and {} here: give that one to the subscriber by `.dictionary(…)`, or to the record by `Record::with_dictionary`",
        list(has)
    )]
    Dictionary {
        /// The id of the dictionary that it takes.
        needs: u32,
        /// The ids of those that the record and its reader have.
        has: Vec<u32>,
    },
    /// The payload is longer than is allowed, after decompression if it is compressed.
    #[error(
        "the payload has more than {limit} bytes: if you trust its origin, raise `max_decoded` on the subscriber, or first call `Record::decompress` with a higher limit"
    )]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The payload decompresses to another length than its frame says.
    #[error("the frame declares {declared} bytes after decompression, and there are {got}")]
    Length {
        /// What the frame says.
        declared: usize,
        /// What came out; one more than declared is where it was stopped.
        got: usize,
    },
    /// A stage could not be undone.
    #[error("stage {stage:?} could not be undone: the key is another, or the bytes are damaged")]
    Stage {
        /// The stage's name.
        stage: String,
        /// What it said.
        source: Cause,
    },
    /// The record was sealed by stages that the reader does not have.
    #[error("the record is sealed by stages of its topic: read it there, or use `Record::unseal`")]
    Sealed,
    /// What the stages had sealed is not a frame.
    #[error("what the stages sealed is not a frame")]
    Frame(#[from] FrameError),
    /// The format cannot be told from the record.
    #[error("the record does not say its format: use `decode_as`, or publish it with a format")]
    Unknown,
    /// This build lacks what it takes.
    #[error("{what} is not available: {remedy}")]
    Unavailable {
        /// The format or compression.
        what: String,
        /// What to do.
        remedy: String,
    },
}

/// Bytes that begin with the magic of a frame are none. They are never taken for anything else.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// The bytes do not begin with the magic.
    #[error("the bytes do not begin with \"TMQ\", so they are no frame")]
    Magic,
    /// The frame ends too soon.
    #[error("the frame is cut: its header needs {needed} bytes, and there are {got}")]
    Cut {
        /// Bytes of a whole header.
        needed: usize,
        /// Bytes there are.
        got: usize,
    },
    /// A later version of the frame.
    #[error("frame version {0} is unknown: versions 1 and 2 are read")]
    Version(u8),
    /// A format code that is not assigned, or that is never in a frame.
    #[error("frame format {0} is unknown")]
    Format(u8),
    /// A compression code that is not assigned.
    #[error("frame compression {0} is unknown")]
    Compression(u8),
    /// A header that does not fit its own flags.
    #[error("the frame's header length {hlen} does not fit its flags {flags:#04x}")]
    Header {
        /// The length it states.
        hlen: u8,
        /// Its flags.
        flags: u8,
    },
    /// The frame insists on options that this version does not know.
    #[error("the frame requires the unknown options {0:#04x}: a newer memq wrote it")]
    Option(u8),
    /// The payload is not compressed, and its length is not the one stated.
    #[error("the frame says that its payload has {declared} bytes, and there are {got}")]
    Length {
        /// What the frame says.
        declared: u32,
        /// What there is.
        got: usize,
    },
    /// The frame is damaged.
    #[error(
        "the frame is damaged: its checksum is {stated:#010x}, and its bytes give {computed:#010x}"
    )]
    Checksum {
        /// What the frame says.
        stated: u32,
        /// What its bytes give.
        computed: u32,
    },
}

/// The format of bytes could not be told.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DetectError {
    /// There are none.
    #[error("there are no bytes")]
    Empty,
    /// They begin like a frame and are none.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Nothing fits.
    #[error(
        "the bytes are no frame, gzip, zstd, tagged CBOR, JSON object or array, nor one MessagePack map or array: say the format"
    )]
    Unknown,
}

/// Those ids, and that they are all there is.
fn list(ids: &[u32]) -> String {
    let all: Vec<_> = ids.iter().map(u32::to_string).collect();
    match all.as_slice() {
        [] => "none is".into(),
        [one] => format!("only {one} is"),
        _ => format!("only {} are", all.join(", ")),
    }
}

/// What to do about a message of a version that is not read.
fn way(got: u16, have: u16) -> &'static str {
    if got > have {
        "update this reader before those that publish"
    } else {
        "say `upcast_from = …` on its type, with the type of the message's version, or a chain of them"
    }
}

/// How to read a record of this format, for subscribers and for who has the record.
fn accept(got: Format) -> &'static str {
    /// What is the same for each codec that memq has.
    macro_rules! known {
        ($codec:literal) => {
            concat!(
                "a subscriber reads it too with `.accept(memq::codec::",
                $codec,
                ")`, and `Record::decode` reads it as what it is"
            )
        };
    }
    match got {
        Format::Bincode => known!("Bincode"),
        Format::Json => known!("Json"),
        Format::MessagePack => known!("MessagePack"),
        Format::Postcard => known!("Postcard"),
        Format::Custom => "`.accept(…)` and `Record::decode_as` read it with its codec",
        Format::Cbor | Format::Native | Format::Raw => "memq has no codec that does",
    }
}
