//! The codecs that the subscribers of a topic read with, by the format that a record names.

use std::any::TypeId;
use std::fmt;
use std::sync::OnceLock;

use super::Codec;
use crate::error::DecodeError;
use crate::options::Format;

type Decode<T> = fn(&[u8]) -> Result<T, DecodeError>;

/// How a payload is shown as JSON.
#[cfg(feature = "schema")]
pub(crate) type Show = fn(&[u8]) -> Result<serde_json::Value, DecodeError>;

/// A codec.
struct Entry<T> {
    codec: TypeId,
    decode: Decode<T>,
    #[cfg(feature = "schema")]
    show: Show,
}

/// The codecs that read one type, by format.
pub(crate) struct Decoders<T> {
    /// The format of records that name none.
    pub(super) declared: Format,
    table: [OnceLock<Entry<T>>; 8],
}

impl<T> fmt::Debug for Decoders<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = (0..=u8::MAX).filter_map(Format::from_code).filter(|f| self.get(*f).is_some());
        f.debug_list().entries(known).finish()
    }
}

impl<T> Decoders<T> {
    /// None yet, for a topic of this format.
    pub(crate) fn new(declared: Format) -> Self {
        Self { declared, table: Default::default() }
    }

    /// Adds a codec. `Err` if another one has its format.
    pub(crate) fn add<C: Codec<T>>(&self) -> Result<(), ()> {
        let codec = TypeId::of::<C>();
        let known = self.table[Self::place(C::FORMAT)].get_or_init(|| Entry {
            codec,
            decode: C::decode,
            #[cfg(feature = "schema")]
            show: C::show,
        });
        if known.codec == codec { Ok(()) } else { Err(()) }
    }

    pub(super) fn get(&self, format: Format) -> Option<Decode<T>> {
        Some(self.table[Self::place(format)].get()?.decode)
    }

    /// How a payload of this format is shown.
    #[cfg(feature = "schema")]
    pub(crate) fn show(&self, format: Format) -> Option<Show> {
        Some(self.table[Self::place(format)].get()?.show)
    }

    fn place(format: Format) -> usize {
        match format {
            Format::Custom => 7,
            other => usize::from(other.code()),
        }
    }
}
