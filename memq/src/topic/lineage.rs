//! How messages of an older topic type become those of a newer one.

use std::any::{TypeId, type_name};

use super::Topic;
use crate::codec::Codec;
use crate::error::{Cause, DecodeError};
use crate::schema::{Fingerprint, Lineage, Older, Source};

impl<T> Lineage<T> {
    /// From this older type, which always becomes the newer one.
    ///
    /// # Panics
    ///
    /// Where the older type has another name, or no lower version. In a constant, which is what it is
    /// for, that is a compile error:
    ///
    /// ```compile_fail
    /// # use memq::{Topic, TopicSpec, codec::Native, schema::Lineage};
    /// struct Old;
    /// impl Topic for Old {
    ///     type Codec = Native;
    ///     const SPEC: TopicSpec = TopicSpec::new("orders").version(2);
    /// }
    ///
    /// struct New;
    /// impl From<Old> for New {
    ///     fn from(_: Old) -> Self {
    ///         Self
    ///     }
    /// }
    /// impl Topic for New {
    ///     type Codec = Native;
    ///     const SPEC: TopicSpec = TopicSpec::new("orders").version(2); // not higher
    ///     const LINEAGE: Lineage<Self> = Lineage::from::<Old>();
    /// }
    /// const _: Lineage<New> = New::LINEAGE;
    /// ```
    #[must_use]
    pub const fn from<Old: Topic>() -> Self
    where
        T: Topic + From<Old>,
    {
        assert_older::<Old, T>();
        Self { older: Some(Older { read: always::<Old, T>, has: has::<Old> }) }
    }

    /// From this older type, where not each of its messages can become one of the newer: a message
    /// that cannot is [`DecodeError::Upcast`], which is one error for a subscriber, and a dead letter
    /// of a group.
    ///
    /// # Panics
    ///
    /// As [`from`](Self::from).
    #[must_use]
    pub const fn try_from<Old: Topic>() -> Self
    where
        T: Topic + TryFrom<Old>,
        <T as TryFrom<Old>>::Error: Into<Cause>,
    {
        assert_older::<Old, T>();
        Self { older: Some(Older { read: perhaps::<Old, T>, has: has::<Old> }) }
    }
}

/// Whether one type can be an older version of the other.
const fn assert_older<Old: Topic, New: Topic>() {
    let (old, new) = (Old::SPEC.name().as_bytes(), New::SPEC.name().as_bytes());
    let mut same = old.len() == new.len();
    let mut at = 0;
    while same && at < old.len() {
        same = old[at] == new[at];
        at += 1;
    }
    assert!(
        same,
        "a type is upcast from an older type of its own topic: give both the same `name`"
    );
    assert!(
        Old::SPEC.schema_version() < New::SPEC.schema_version(),
        "a type is upcast from a lower version: give the newer type a higher `version` than the older one"
    );
}

fn always<Old: Topic, New: From<Old>>(source: &Source<'_>) -> Option<Result<New, DecodeError>> {
    Some(read::<Old>(source)?.map(New::from))
}

fn perhaps<Old, New>(source: &Source<'_>) -> Option<Result<New, DecodeError>>
where
    Old: Topic,
    New: Topic + TryFrom<Old>,
    <New as TryFrom<Old>>::Error: Into<Cause>,
{
    let (from, to) = (Old::SPEC.schema_version(), New::SPEC.schema_version());
    let failed = |error: New::Error| DecodeError::Upcast { from, to, source: error.into() };
    Some(read::<Old>(source)?.and_then(|old| New::try_from(old).map_err(failed)))
}

fn has<Old: Topic>(id: TypeId) -> bool {
    id == TypeId::of::<Old>() || Old::LINEAGE.has(id)
}

/// A message of this version or an older one, as a value of this type.
fn read<Old: Topic>(source: &Source<'_>) -> Option<Result<Old, DecodeError>> {
    let have = Old::SPEC.schema_version();
    if source.version < have {
        return Old::LINEAGE.read(source);
    }
    (source.version == have).then(|| {
        Fingerprint::compare(source.fingerprint, Old::SHAPE)?;
        let (got, reads) = (source.format, <Old::Codec as Codec<Old>>::FORMAT);
        if got != reads {
            return Err(DecodeError::Unavailable {
                what: format!("a way from version {have} in {got}"),
                remedy: format!(
                    "`{}`, which is that version, reads {reads}: publish it in that, or read the message by a subscriber of that type, with `.accept(…)`",
                    type_name::<Old>()
                ),
            });
        }
        <Old::Codec as Codec<Old>>::decode(source.bytes)
    })
}
