//! A zstd dictionary: its bytes, the id that compressed payloads name it by, and what is prepared
//! of it. Nothing is compressed or decompressed here.

#[cfg(feature = "zstd")]
mod prepared;
mod set;
#[cfg(feature = "train")]
mod train;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

pub(crate) use self::set::Dictionaries;
use crate::error::Cause;

/// What every zstd dictionary begins with: 0xEC30A437, little endian.
const MAGIC: [u8; 4] = [0x37, 0xA4, 0x30, 0xEC];

/// What small messages of one kind have in common, for `compress = Zstd`: with it they become a
/// fraction of what zstd alone makes of them, and in less time.
///
/// A zstd dictionary in its own format, as `Dictionary::train` makes it (with feature `train`), or `zstd --train`. A topic
/// is given one by [`TopicSpec::dictionary`](crate::TopicSpec::dictionary), which is what
/// `compress = Zstd(dict = "orders.dict")` becomes, or by
/// [`TopicBuilder::dictionary`](crate::TopicBuilder::dictionary).
///
/// Every payload names the id of the dictionary it was made with. Inside the process a record also
/// has the dictionary itself with it, so every subscriber opens it. Bytes from elsewhere are
/// opened where the topic has their dictionary, the subscriber was given it
/// ([`SubscriberBuilder::dictionary`](crate::SubscriberBuilder::dictionary)), or the record was
/// ([`Record::with_dictionary`](crate::Record::with_dictionary)); else they are
/// [`DecodeError::Dictionary`](crate::DecodeError::Dictionary).
///
/// **A payload cannot be opened without its dictionary.** Keep each for as long as anything that
/// was compressed with it, and train a new one under a new name.
///
/// Cloning is cheap. What zstd prepares of it is prepared once, for each level that is used, and
/// shared by all its clones.
#[derive(Clone)]
pub struct Dictionary(Arc<Inner>);

struct Inner {
    bytes: Bytes,
    id: NonZeroU32,
    #[cfg(feature = "zstd")]
    prepared: prepared::Prepared,
}

impl Dictionary {
    /// The dictionary that these bytes are, such as `include_bytes!("orders.dict")` or what was
    /// read from a file.
    ///
    /// The magic, the id and the tables at the beginning are checked; without memq's feature `zstd`
    /// the tables are not. What follows them is any bytes, and has no checksum: damage there is seen
    /// when payloads come out wrong, as with the dictionary of another file.
    ///
    /// ```
    /// use memq::{Dictionary, DictionaryError};
    ///
    /// let text = Dictionary::new("no dictionary at all");
    /// assert!(matches!(text, Err(DictionaryError::Magic)));
    /// ```
    ///
    /// # Errors
    ///
    /// [`DictionaryError`] where they do not begin as a dictionary does.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, DictionaryError> {
        let bytes = bytes.into();
        let dictionary = match DictionaryFault::of(&bytes) {
            Ok(id) => Self::unchecked(bytes, id),
            Err(DictionaryFault::Short) => {
                return Err(DictionaryError::Short { bytes: bytes.len() });
            }
            Err(DictionaryFault::Magic) => return Err(DictionaryError::Magic),
            Err(DictionaryFault::Id) => return Err(DictionaryError::Id),
        };
        dictionary.check()?;
        Ok(dictionary)
    }

    /// The id, by which payloads name it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id.get()
    }

    /// The dictionary as it is in its file.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.0.bytes
    }

    /// Bytes of which only the magic and the id are known to be right.
    pub(crate) fn unchecked(bytes: Bytes, id: NonZeroU32) -> Self {
        Self(Arc::new(Inner {
            bytes,
            id,
            #[cfg(feature = "zstd")]
            prepared: prepared::Prepared::default(),
        }))
    }

    /// Whether zstd takes it. Looks only once.
    pub(crate) fn check(&self) -> Result<(), DictionaryError> {
        #[cfg(feature = "zstd")]
        self.decoder().ok_or(DictionaryError::Damaged)?;
        Ok(())
    }

    /// Prepares it for this level, so that the first message need not.
    #[cfg_attr(
        not(feature = "zstd"),
        expect(unused_variables, reason = "nothing is compressed with one in this build")
    )]
    pub(crate) fn prepare(&self, level: i32) -> Result<(), DictionaryError> {
        #[cfg(feature = "zstd")]
        self.encoder(level).ok_or(DictionaryError::Damaged)?;
        Ok(())
    }
}

impl PartialEq for Dictionary {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.bytes == other.0.bytes
    }
}

impl Eq for Dictionary {}

/// Does not show the bytes.
impl fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.bytes.len();
        f.debug_struct("Dictionary").field("id", &self.0.id).field("bytes", &bytes).finish()
    }
}

/// A dictionary could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DictionaryError {
    /// There are too few bytes for one.
    #[error("a zstd dictionary has more than 8 bytes, and there are {bytes}: is the file cut?")]
    Short {
        /// How many there are.
        bytes: usize,
    },
    /// The bytes do not begin as a dictionary does.
    #[error(
        "the bytes are no zstd dictionary, since they do not begin with 37 A4 30 EC: make one of records with `Dictionary::train` or `zstd --train`"
    )]
    Magic,
    /// The dictionary has no id, so payloads could not name it.
    #[error(
        "the dictionary has the id 0, by which payloads cannot name it: train it again, without saying an id"
    )]
    Id,
    /// zstd does not take it.
    #[error("the dictionary is damaged, zstd cannot load it: take the file as it was made")]
    Damaged,
    /// There is too little to train one from.
    #[error(
        "{samples} samples with {bytes} bytes are too few to train a dictionary of {max_bytes} bytes: give some thousand records, a hundred times the bytes that the dictionary may have, or let it have fewer"
    )]
    Samples {
        /// How many samples there are.
        samples: usize,
        /// The bytes of all of them.
        bytes: usize,
        /// The bytes that the dictionary may have.
        max_bytes: usize,
    },
    /// zstd could not make one of these samples.
    #[error("no dictionary could be trained: give more records, or other than near copies")]
    Train(#[source] Cause),
}

/// What is wrong with the first bytes of a dictionary, also in constants.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DictionaryFault {
    Short,
    Magic,
    Id,
}

impl DictionaryFault {
    /// The id of the dictionary, if its first bytes are those of one.
    pub(crate) const fn of(bytes: &[u8]) -> Result<NonZeroU32, Self> {
        let [m0, m1, m2, m3, i0, i1, i2, i3, _, ..] = bytes else {
            return Err(Self::Short);
        };
        if u32::from_le_bytes([*m0, *m1, *m2, *m3]) != u32::from_le_bytes(MAGIC) {
            return Err(Self::Magic);
        }
        match NonZeroU32::new(u32::from_le_bytes([*i0, *i1, *i2, *i3])) {
            Some(id) => Ok(id),
            None => Err(Self::Id),
        }
    }
}

#[cfg(test)]
mod tests;
