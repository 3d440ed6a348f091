//! Payloads made smaller and whole again. Nothing is decompressed beyond what is allowed, and no
//! more memory is taken than a small multiple of what came out.
//!
//! A compressed payload is one or more gzip members or zstd frames, and nothing else: what follows
//! the last one is an error.

#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "zstd")]
mod zstd;

use bytes::Bytes;

use crate::dictionary::{Dictionaries, Dictionary};
use crate::error::{Cause, DecodeError, EncodeError};
use crate::options::Compression;
use crate::record::Body;

/// Why decompression stopped.
#[derive(Debug)]
#[cfg_attr(
    not(any(feature = "gzip", feature = "zstd")),
    expect(dead_code, reason = "nothing is decompressed in this build")
)]
enum Stop {
    /// This build cannot open it.
    Unavailable,
    /// It takes the dictionary of this id, which is not here.
    #[cfg(feature = "zstd")]
    Dictionary(u32),
    /// More would come out than is allowed.
    Over,
    /// The bytes are damaged.
    Damaged(Cause),
}

#[cfg(any(feature = "gzip", feature = "zstd"))]
impl Stop {
    fn damaged(text: impl Into<Cause>) -> Self {
        Self::Damaged(text.into())
    }
}

/// Room to begin with: what the compressed bytes are likely to need, never more than is allowed.
#[cfg(any(feature = "gzip", feature = "zstd"))]
fn first_room(compressed: usize, most: usize) -> usize {
    compressed.saturating_mul(32).max(1 << 16).min(most)
}

/// Replaces what is in `out` by `plain`, compressed. A dictionary is Zstandard's alone.
#[cfg_attr(
    not(feature = "zstd"),
    expect(unused_variables, reason = "nothing is compressed with one in this build")
)]
pub(crate) fn compress(
    compression: Compression,
    level: i32,
    dictionary: Option<&Dictionary>,
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    out.clear();
    let wrong = |source: Cause| EncodeError::Compress { compression, source };
    match compression.levels() {
        Some((low, high)) if !(low..=high).contains(&level) => {
            let text = format!("level {level} is not one of {low} to {high}");
            return Err(wrong(text.into()));
        }
        _ => {}
    }
    match compression {
        Compression::None => {
            out.extend_from_slice(plain);
            Ok(())
        }
        #[cfg(feature = "gzip")]
        Compression::Gzip => gzip::compress(level, plain, out).map_err(wrong),
        #[cfg(feature = "zstd")]
        Compression::Zstd => zstd::compress(level, dictionary, plain, out).map_err(wrong),
        other => {
            let (what, remedy) = unavailable(other);
            Err(EncodeError::Unavailable { what, remedy })
        }
    }
}

/// Refuses a payload of more bytes than this. Those that are compressed are refused as they come
/// out, by [`decompress`].
pub(crate) fn check(body: &Body, limit: usize) -> Result<(), DecodeError> {
    if body.about.compression() == Compression::None && body.bytes.len() > limit {
        return Err(DecodeError::TooLarge { limit });
    }
    Ok(())
}

/// The payload before compression; a copy only where it was compressed, and a limit too.
pub(crate) fn plain(body: &Body, limit: usize) -> Result<Bytes, DecodeError> {
    if body.about.compression() == Compression::None {
        return Ok(body.bytes.clone());
    }
    let mut out = Vec::new();
    decompress(body, &Dictionaries::default(), limit, &mut out)?;
    Ok(out.into())
}

/// Replaces what is in `out` by the payload before compression. At most `limit` bytes come out,
/// and exactly as many as are declared, if that is known. The dictionary it takes is one that the
/// body has, or one of `more`.
pub(crate) fn decompress(
    body: &Body,
    more: &Dictionaries,
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let (bytes, compression) = (&body.bytes, body.about.compression());
    let declared = body.about.length().map(|length| length as usize);
    out.clear();
    if compression == Compression::None {
        check(body, limit)?;
        out.extend_from_slice(bytes);
        return Ok(());
    }
    if declared.is_some_and(|declared| declared > limit) {
        return Err(DecodeError::TooLarge { limit });
    }
    let most = declared.unwrap_or(limit);
    let found = |id| body.dictionaries.get(id).or_else(|| more.get(id));
    match (unpack(compression, bytes, found, most, out), declared) {
        (Ok(()), Some(declared)) if declared != out.len() => {
            Err(DecodeError::Length { declared, got: out.len() })
        }
        (Ok(()), _) => Ok(()),
        #[cfg(feature = "zstd")]
        (Err(Stop::Dictionary(needs)), _) => {
            let has = body.dictionaries.and(more).ids().collect();
            Err(DecodeError::Dictionary { needs, has })
        }
        // One byte too many is where it stopped.
        (Err(Stop::Over), Some(declared)) => {
            Err(DecodeError::Length { declared, got: declared.saturating_add(1) })
        }
        (Err(Stop::Over), None) => Err(DecodeError::TooLarge { limit }),
        (Err(Stop::Damaged(source)), _) => Err(DecodeError::Decompress { compression, source }),
        (Err(Stop::Unavailable), _) => {
            let (what, remedy) = unavailable(compression);
            Err(DecodeError::Unavailable { what, remedy })
        }
    }
}

/// Decompresses, to at most so many bytes.
#[cfg_attr(
    not(any(feature = "gzip", feature = "zstd")),
    expect(unused_variables, clippy::ptr_arg, reason = "nothing is decompressed in this build")
)]
#[cfg_attr(
    all(feature = "gzip", not(feature = "zstd")),
    expect(unused_variables, reason = "gzip has no dictionaries")
)]
fn unpack<'d>(
    compression: Compression,
    bytes: &[u8],
    dictionary: impl Fn(u32) -> Option<&'d Dictionary>,
    most: usize,
    out: &mut Vec<u8>,
) -> Result<(), Stop> {
    match compression {
        #[cfg(feature = "gzip")]
        Compression::Gzip => gzip::decompress(bytes, most, out),
        #[cfg(feature = "zstd")]
        Compression::Zstd => zstd::decompress(bytes, dictionary, most, out),
        _ => Err(Stop::Unavailable),
    }
}

/// What is missing, and what to do.
fn unavailable(compression: Compression) -> (String, String) {
    let remedy = match compression {
        Compression::Lz4 => "memq only recognises it: use `Zstd` or `Gzip`".to_owned(),
        other => format!("build memq with feature `{}`", other.to_string().to_lowercase()),
    };
    (format!("{compression} compression"), remedy)
}

#[cfg(test)]
mod tests;
