//! What the handles are made for: every topic type, and records.

use std::sync::Arc;

use crate::codec::Codec;
use crate::codec::form::{Bytewise, Decoders, Form, Look, Raw, Reader};
use crate::codec::stage::Stages;
use crate::error::DecodeError;
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

impl Record {
    /// The value, read as a subscriber of the type's topic reads it: in the format that the record says, or
    /// the topic's own where it says none; what an older version wrote through that version; and what was
    /// written from fields in other places is an error.
    ///
    /// ```
    /// # #[cfg(feature = "json")]
    /// # fn main() -> Result<(), memq::Error> {
    /// use memq::{DecodeError, Record, Topic};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, Topic)]
    /// #[topic(name = "prices", format = Json)]
    /// struct Cents { price: u64 }
    ///
    /// #[derive(Serialize, Deserialize, Topic)]
    /// #[topic(name = "prices", format = Json, version = 2, upcast_from = Cents)]
    /// struct Euros { price: f64 }
    ///
    /// impl From<Cents> for Euros {
    ///     fn from(old: Cents) -> Self {
    ///         Self { price: old.price as f64 / 100.0 }
    ///     }
    /// }
    ///
    /// let old = Record::new(r#"{"price":250}"#);
    /// assert_eq!(old.read::<Euros>()?.price, 2.5);
    ///
    /// let newer = old.with_version(3);
    /// assert!(matches!(newer.read::<Euros>(), Err(DecodeError::Version { .. })));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "json"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// [`DecodeError::Version`], [`DecodeError::Schema`] and [`DecodeError::Upcast`] where the type does
    /// not read what the record was written from, [`DecodeError::Format`] for another format than the
    /// topic's, what the codec says, and those of [`decompress`](Self::decompress).
    pub fn read<T: Topic>(&self) -> Result<T, DecodeError>
    where
        <T as Payload>::Form: Bytewise,
    {
        if self.is_sealed() {
            return Err(DecodeError::Sealed);
        }
        let decoders = Decoders::new(<T::Codec as Codec<T>>::FORMAT);
        let added = decoders.add::<T::Codec>();
        debug_assert!(added.is_ok(), "it is the first");
        Reader::new(Arc::new(decoders), Stages::default(), T::versions()).decode(&self.body)
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
