//! gzip (RFC 1952) around flate2's deflate. The header is read here, because flate2's own readers
//! take new memory for every message and stop at the first member.

use std::cell::Cell;

use flate2::{Compress, Crc, Decompress, FlushCompress, FlushDecompress, Status};

use super::{Stop, first_room};
use crate::codec::spare;
use crate::error::Cause;

/// Magic, deflate, no flags, no time, no hint about the level, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Checksum and length, which end a member.
const TRAILER: usize = 8;

thread_local! {
    /// The level it is made for, and the compressor.
    static DEFLATE: Cell<Option<(i32, Compress)>> = const { Cell::new(None) };
    static INFLATE: Cell<Option<Decompress>> = const { Cell::new(None) };
}

/// `level` is one of 0 to 9, and `out` is empty.
pub(super) fn compress(level: i32, plain: &[u8], out: &mut Vec<u8>) -> Result<(), Cause> {
    let mut deflate = match spare::take(&DEFLATE) {
        Some((made_for, mut deflate)) if made_for == level => {
            deflate.reset();
            deflate
        }
        _ => Compress::new(flate2::Compression::new(level.unsigned_abs()), false),
    };
    out.reserve(plain.len() / 2 + 64);
    out.extend_from_slice(&HEADER);
    let mut rest = plain;
    loop {
        let before = deflate.total_in();
        let status = deflate.compress_vec(rest, out, FlushCompress::Finish)?;
        let read = usize::try_from(deflate.total_in() - before)?;
        rest = rest.get(read..).unwrap_or_default();
        if status == Status::StreamEnd {
            break;
        }
        out.reserve(rest.len() / 2 + 64);
    }
    let mut crc = Crc::new();
    crc.update(plain);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    // The length modulo 2³², by the format's definition.
    out.extend_from_slice(&(plain.len() as u32).to_le_bytes());
    spare::keep(&DEFLATE, (level, deflate));
    Ok(())
}

/// `out` is empty.
pub(super) fn decompress(bytes: &[u8], most: usize, out: &mut Vec<u8>) -> Result<(), Stop> {
    let mut inflate = spare::take(&INFLATE).unwrap_or_else(|| Decompress::new(false));
    out.reserve_exact(first_room(bytes.len(), most));
    let mut rest = bytes;
    let result = loop {
        match member(&mut inflate, rest, most, out) {
            Ok([]) => break Ok(()),
            Ok(more) => rest = more,
            Err(stop) => break Err(stop),
        }
    };
    spare::keep(&INFLATE, inflate);
    result
}

/// Appends what one member holds; what follows it is returned.
fn member<'a>(
    inflate: &mut Decompress,
    bytes: &'a [u8],
    most: usize,
    out: &mut Vec<u8>,
) -> Result<&'a [u8], Stop> {
    let start = out.len();
    let mut rest = body(bytes).map_err(Stop::damaged)?;
    inflate.reset(false);
    loop {
        if out.len() == out.capacity() {
            // One byte more than is allowed is enough to see that there are too many.
            let room = out.len().max(32).min(most.saturating_add(1).saturating_sub(out.len()));
            out.reserve_exact(room.max(1));
        }
        let (read, written) = (inflate.total_in(), inflate.total_out());
        let status = inflate
            .decompress_vec(rest, out, FlushDecompress::None)
            .map_err(|error| Stop::Damaged(error.into()))?;
        let read = inflate.total_in() - read;
        rest = usize::try_from(read).ok().and_then(|read| rest.get(read..)).unwrap_or_default();
        if out.len() > most {
            return Err(Stop::Over);
        }
        if status == Status::StreamEnd {
            break;
        }
        if read == 0 && inflate.total_out() == written && out.len() < out.capacity() {
            return Err(Stop::damaged("the gzip member is cut"));
        }
    }
    let Some((trailer, rest)) = rest.split_first_chunk::<TRAILER>() else {
        return Err(Stop::damaged("the gzip member is cut"));
    };
    let plain = out.get(start..).unwrap_or_default();
    let mut crc = Crc::new();
    crc.update(plain);
    let length = (plain.len() as u32).to_le_bytes();
    if [crc.sum().to_le_bytes(), length].as_flattened() != trailer {
        return Err(Stop::damaged("the gzip checksum or length is another"));
    }
    Ok(rest)
}

/// What follows the header of a member.
fn body(bytes: &[u8]) -> Result<&[u8], &'static str> {
    const TEXT: u8 = 1;
    const CHECKSUM: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const CUT: &str = "the gzip header is cut";

    let Some((header, mut rest)) = bytes.split_first_chunk::<10>() else {
        return Err(CUT);
    };
    let [0x1f, 0x8b, 8, flags, ..] = *header else {
        return Err("there is no gzip member where one should begin");
    };
    if flags & !(TEXT | CHECKSUM | EXTRA | NAME | COMMENT) != 0 {
        return Err("the gzip header has unknown flags");
    }
    if flags & EXTRA != 0 {
        let (length, after) = rest.split_first_chunk().ok_or(CUT)?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..).ok_or(CUT)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0).ok_or(CUT)?;
            rest = rest.get(end + 1..).ok_or(CUT)?;
        }
    }
    if flags & CHECKSUM != 0 {
        let mut crc = Crc::new();
        crc.update(bytes.get(..bytes.len() - rest.len()).unwrap_or_default());
        let (stated, after) = rest.split_first_chunk().ok_or(CUT)?;
        // The lower half of the checksum, by the format's definition.
        if crc.sum() as u16 != u16::from_le_bytes(*stated) {
            return Err("the gzip header's checksum is another");
        }
        rest = after;
    }
    Ok(rest)
}
