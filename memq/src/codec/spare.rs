//! Parts that a thread keeps from one message to the next: buffers and compression contexts.
//!
//! A part is taken out while it is used. So code of the user's own that runs in between may
//! publish, decode or panic, and finds at worst no spare part.

use std::cell::Cell;
use std::thread::LocalKey;

/// Buffers larger than this are not kept.
pub(super) const KEPT: usize = 1 << 20;

/// Where a thread keeps one part.
pub(super) type Spare<T> = LocalKey<Cell<Option<T>>>;

/// The part, if there is one. A thread that is ending has none.
pub(super) fn take<T>(spare: &'static Spare<T>) -> Option<T> {
    spare.try_with(Cell::take).ok().flatten()
}

/// Keeps the part for the next message.
pub(super) fn keep<T>(spare: &'static Spare<T>, part: T) {
    // A thread that is ending keeps nothing; the part is dropped here.
    let _ = spare.try_with(|cell| cell.set(Some(part)));
}

/// Keeps a buffer, unless one large message has made it large.
pub(super) fn keep_buffer(spare: &'static Spare<Vec<u8>>, mut buffer: Vec<u8>) {
    buffer.clear();
    if buffer.capacity() <= KEPT {
        keep(spare, buffer);
    }
}
