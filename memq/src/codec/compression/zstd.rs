//! Zstandard. Frames are decompressed in one step into the room there is, so a frame's window, which
//! may claim gigabytes, is never allocated. With a dictionary too.

use std::cell::Cell;

use zstd::zstd_safe::{
    CCtx, CParameter, DCtx, SafeResult, compress_bound, find_frame_compressed_size,
    get_dict_id_from_frame, get_error_name, is_error_kind, zstd_sys::ZSTD_ErrorCode,
};

use super::{Stop, first_room};
use crate::codec::spare;
use crate::dictionary::Dictionary;
use crate::error::Cause;

/// What a zstd frame begins with; others are skipped, and their first bytes say nothing.
const FRAME: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Compressors larger than this are not kept; high levels take hundreds of megabytes.
const KEPT: usize = 16 << 20;

thread_local! {
    /// The level it is set to, and the compressor.
    static COMPRESS: Cell<Option<(i32, CCtx<'static>)>> = const { Cell::new(None) };
    static DECOMPRESS: Cell<Option<DCtx<'static>>> = const { Cell::new(None) };
}

/// `level` is one of -7 to 22, and `out` is empty.
pub(super) fn compress(
    level: i32,
    dictionary: Option<&Dictionary>,
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Cause> {
    let named = |code| Cause::from(get_error_name(code));
    let mut context = match spare::take(&COMPRESS) {
        Some((set_to, context)) if set_to == level => context,
        other => {
            let kept = other.map(|(_, context)| context);
            let mut context = kept.or_else(CCtx::try_create).ok_or("there is no memory for it")?;
            context.set_parameter(CParameter::CompressionLevel(level)).map_err(named)?;
            context
        }
    };
    out.reserve(compress_bound(plain.len()));
    match dictionary {
        None => context.compress2(out, plain),
        Some(dictionary) => {
            let prepared = dictionary.encoder(level).ok_or("zstd cannot load the dictionary")?;
            context.compress_using_cdict(out, plain, prepared)
        }
    }
    .map_err(named)?;
    if context.sizeof() <= KEPT {
        spare::keep(&COMPRESS, (level, context));
    }
    Ok(())
}

/// `out` is empty. `dictionary` finds those that there are, by their ids.
pub(super) fn decompress<'d>(
    bytes: &[u8],
    dictionary: impl Fn(u32) -> Option<&'d Dictionary>,
    most: usize,
    out: &mut Vec<u8>,
) -> Result<(), Stop> {
    if bytes.is_empty() {
        return Err(Stop::damaged("there is no zstd frame"));
    }
    let dictionary = match needed(bytes) {
        Some(id) => Some(dictionary(id).ok_or(Stop::Dictionary(id))?),
        None => None,
    };
    let mut context = spare::take(&DECOMPRESS)
        .or_else(DCtx::try_create)
        .ok_or_else(|| Stop::damaged("there is no memory for it"))?;
    let mut room = first_room(bytes.len(), most);
    let result = loop {
        out.clear();
        out.reserve_exact(room);
        match step(&mut context, dictionary, bytes, out) {
            Ok(_) if out.len() > most => break Err(Stop::Over),
            Ok(_) => break Ok(()),
            // All the room was filled, so a larger one is earned; the work done twice is a third.
            Err(code) if is_error_kind(code, ZSTD_ErrorCode::ZSTD_error_dstSize_tooSmall) => {
                if room >= most {
                    break Err(Stop::Over);
                }
                room = out.capacity().saturating_mul(4).min(most);
            }
            Err(code) => break Err(Stop::damaged(get_error_name(code))),
        }
    };
    spare::keep(&DECOMPRESS, context);
    result
}

/// Everything at once, into the room there is.
fn step(
    context: &mut DCtx<'static>,
    dictionary: Option<&Dictionary>,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> SafeResult {
    match dictionary.and_then(Dictionary::decoder) {
        Some(prepared) => context.decompress_using_ddict(out, bytes, prepared),
        None => context.decompress(out, bytes),
    }
}

/// The id of the dictionary that the payload names. One payload takes one: in a further frame
/// another one is damage.
fn needed(mut bytes: &[u8]) -> Option<u32> {
    loop {
        if bytes.starts_with(&FRAME) {
            if let Some(id) = get_dict_id_from_frame(bytes) {
                return Some(id.get());
            }
        }
        let end = find_frame_compressed_size(bytes).ok()?;
        bytes = bytes.get(end..).filter(|rest| !rest.is_empty())?;
    }
}
