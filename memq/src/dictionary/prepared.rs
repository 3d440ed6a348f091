//! What zstd makes of a dictionary before it is used: once for opening, and once for each level.

use std::sync::OnceLock;

use zstd::zstd_safe::{CDict, DDict};

use super::Dictionary;

/// Levels that zstd has, from -7.
const LEVELS: usize = 30;

/// Each is there once it was asked for.
#[derive(Default)]
pub(super) struct Prepared {
    decoder: OnceLock<DDict<'static>>,
    encoders: [OnceLock<CDict<'static>>; LEVELS],
}

impl Dictionary {
    /// To open with; `None` where the dictionary is damaged.
    pub(crate) fn decoder(&self) -> Option<&DDict<'static>> {
        prepare(&self.0.prepared.decoder, || DDict::try_create(&self.0.bytes))
    }

    /// To compress with, at a level of -7 to 22; `None` where the dictionary is damaged.
    pub(crate) fn encoder(&self, level: i32) -> Option<&CDict<'static>> {
        let place = usize::try_from(level + 7).ok()?;
        let cell = self.0.prepared.encoders.get(place)?;
        prepare(cell, || CDict::try_create(&self.0.bytes, level))
    }
}

/// Two threads that come first at once both make it, and one of both is kept.
fn prepare<T>(cell: &OnceLock<T>, make: impl FnOnce() -> Option<T>) -> Option<&T> {
    match cell.get() {
        Some(made) => Some(made),
        None => {
            let made = make()?;
            Some(cell.get_or_init(|| made))
        }
    }
}
