//! gzip and zstd.
use crate::error::{DecodeError, EncodeError};
use crate::options::Compression;
use crate::record::Body;

/// Appends `plain`, compressed, to `out`.
pub(crate) fn compress(
    _c: Compression,
    _level: i32,
    _plain: &[u8],
    _out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    todo!()
}

/// Body's payload, decompressed, bounded by min(declared length, limit).
pub(crate) fn decompress(_body: &Body, _limit: usize) -> Result<Vec<u8>, DecodeError> {
    todo!()
}
