//! What the handles are made for: every topic type, and records.

use crate::codec::Codec;
use crate::codec::form::{Form, Look, Raw};
use crate::key::Key;
use crate::record::Record;
use crate::schema::Versions;
use crate::topic::Topic;

/// What publishers take and subscribers give: every [`Topic`], and [`Record`] for bytes.
///
/// It cannot be implemented; implement [`Topic`].
pub trait Payload: Sized + Send + Sync + 'static + sealed::Sealed {
    /// What the log keeps of it: [`Encoded`](crate::codec::Encoded),
    /// [`Shared`](crate::codec::Shared) or [`Raw`]. In generic code, options that need bytes need
    /// `<T as Payload>::Form: codec::Bytewise`.
    type Form: Form<Self>;

    /// Whether its own `Debug` shows the key and the headers.
    #[doc(hidden)]
    const SHOWS_META: bool = false;

    #[doc(hidden)]
    fn key_of(&self) -> Option<Key<'_>>;

    #[doc(hidden)]
    fn footprint_of(&self) -> usize;

    /// Which versions of its topic's messages are read as it.
    #[doc(hidden)]
    fn versions() -> Versions<Self>;
}

mod sealed {
    pub trait Sealed {}
    impl<T: crate::Topic> Sealed for T {}
    impl Sealed for crate::Record {}
}

impl<T: Topic> Payload for T {
    type Form = <T::Codec as Codec<T>>::Form;

    #[inline]
    fn key_of(&self) -> Option<Key<'_>> {
        Topic::key(self)
    }

    #[inline]
    fn footprint_of(&self) -> usize {
        Topic::footprint(self)
    }

    fn versions() -> Versions<Self> {
        Versions { version: T::SPEC.schema_version(), fingerprint: T::SHAPE, lineage: T::LINEAGE }
    }
}

impl Payload for Record {
    type Form = Raw;

    const SHOWS_META: bool = true;

    fn key_of(&self) -> Option<Key<'_>> {
        self.key()
    }

    fn footprint_of(&self) -> usize {
        self.body.bytes.len()
    }

    fn versions() -> Versions<Self> {
        Versions::none()
    }
}

/// How the codec looks into a message.
pub(crate) struct Its;

impl<T: Payload> Look<T> for Its {
    #[inline]
    fn key(value: &T) -> Option<Key<'_>> {
        value.key_of()
    }

    #[inline]
    fn footprint(value: &T) -> usize {
        value.footprint_of()
    }
}
