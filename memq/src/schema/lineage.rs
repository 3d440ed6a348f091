//! The way from older versions of a type, and what a reader makes of a message's version.

use std::any::TypeId;
use std::fmt;

use super::Fingerprint;
use crate::error::DecodeError;
use crate::options::Format;

/// The way from older versions of a type's messages: what `upcast_from` becomes.
///
/// An older type is a topic type as any other, with the same name and a lower version, and may have
/// an older one itself. A message of its version is read by its own codec, checked against its own
/// fingerprint, and then converted, version by version.
pub struct Lineage<T> {
    pub(crate) older: Option<Older<T>>,
}

/// The next older type, without naming it.
pub(crate) struct Older<T> {
    /// Reads a message of that type's version, or of one that is older still. `None` where no type
    /// has its version.
    pub(crate) read: fn(&Source<'_>) -> Option<Result<T, DecodeError>>,
    /// Whether a type is that one, or older still.
    pub(crate) has: fn(TypeId) -> bool,
}

impl<T> Clone for Older<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Older<T> {}

impl<T> Clone for Lineage<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Lineage<T> {}

impl<T> fmt::Debug for Lineage<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lineage").field("first", &self.older.is_none()).finish()
    }
}

impl<T> Lineage<T> {
    /// There is no older version.
    #[must_use]
    pub const fn first() -> Self {
        Self { older: None }
    }

    pub(crate) fn read(&self, source: &Source<'_>) -> Option<Result<T, DecodeError>> {
        (self.older.as_ref()?.read)(source)
    }

    /// Whether a type is one of the older ones.
    pub(crate) fn has(&self, id: TypeId) -> bool {
        self.older.as_ref().is_some_and(|older| (older.has)(id))
    }
}

/// A message of an older version: its bytes before compression, and what they say of themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) bytes: &'a [u8],
    /// The topic's, where the message says none.
    pub(crate) format: Format,
    pub(crate) version: u16,
    pub(crate) fingerprint: Option<Fingerprint>,
}

/// Which version of its messages a type is, and how it comes by those of others.
pub struct Versions<T> {
    pub(crate) version: u16,
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) lineage: Lineage<T>,
}

impl<T> fmt::Debug for Versions<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Versions")
            .field("version", &self.version)
            .field("fingerprint", &self.fingerprint)
            .field("lineage", &self.lineage)
            .finish()
    }
}

impl<T> Clone for Versions<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Versions<T> {}

impl<T> Versions<T> {
    /// Of what has no type.
    pub(crate) const fn none() -> Self {
        Self { version: 1, fingerprint: None, lineage: Lineage::first() }
    }

    /// Whether a message of this version is the type's own, and not one of an older type.
    ///
    /// # Errors
    ///
    /// Where it is neither, and where it was written from another type of this version.
    pub(crate) fn is_own(&self, got: u16, print: Option<Fingerprint>) -> Result<bool, DecodeError> {
        let have = self.version;
        if got == have {
            return Fingerprint::compare(print, self.fingerprint).map(|()| true);
        }
        match self.lineage.older {
            Some(_) if got < have => Ok(false),
            _ => Err(DecodeError::Version { got, have }),
        }
    }

    /// A message of an older version.
    pub(crate) fn upcast(&self, source: &Source<'_>) -> Result<T, DecodeError> {
        let missing = DecodeError::Version { got: source.version, have: self.version };
        self.lineage.read(source).unwrap_or(Err(missing))
    }
}

impl Fingerprint {
    /// Whether a message may be read, as far as both sides say what they were made of.
    pub(crate) fn compare(got: Option<Self>, have: Option<Self>) -> Result<(), DecodeError> {
        match (got, have) {
            (Some(got), Some(have)) if got != have => Err(DecodeError::Schema { got, have }),
            _ => Ok(()),
        }
    }
}
