//! The types that have a topic: one, and others where they are versions of it.

use std::any::{Any, TypeId, type_name};
use std::sync::{Arc, OnceLock};

use crate::codec::form::Decoders;
#[cfg(feature = "schema")]
use crate::error::DecodeError;
use crate::options::Format;
use crate::payload::Payload;
#[cfg(feature = "schema")]
use crate::record::Record;
#[cfg(feature = "schema")]
use crate::schema::Fingerprint;
use crate::schema::Lineage;

/// The types that were opened, in that order; records claim nothing. Each is in the lineage of each
/// other one, or has it in its own.
#[derive(Default)]
pub(super) struct Claims(OnceLock<Box<Link>>);

/// A type, and those after it.
struct Link {
    claim: Claim,
    next: Claims,
}

/// A type's hold on a topic.
pub(super) struct Claim {
    id: TypeId,
    pub(super) name: &'static str,
    /// Whether a type is an older version of this one.
    has: Box<dyn Fn(TypeId) -> bool + Send + Sync>,
    /// The `Arc<Decoders<T>>` of that type.
    decoders: Arc<dyn Any + Send + Sync>,
    /// How its records are shown as JSON.
    #[cfg(feature = "schema")]
    show: Show,
}

/// A record as JSON.
#[cfg(feature = "schema")]
type Shown = Result<serde_json::Value, DecodeError>;

/// Makes that of the records that are of one type.
#[cfg(feature = "schema")]
type Show = Box<dyn Fn(&Record) -> Option<Shown> + Send + Sync>;

impl Claims {
    /// The type that was opened first.
    pub(super) fn first(&self) -> Option<&Claim> {
        self.iter().next()
    }

    /// A type that this one is not a version of.
    pub(super) fn other_than<T: Payload>(&self) -> Option<&Claim> {
        self.iter().find(|claim| !claim.is_kin::<T>())
    }

    /// Adds a type, and returns what reads it; or the type that it is not a version of.
    pub(super) fn claim<T: Payload>(&self, format: Format) -> Result<Arc<Decoders<T>>, &Claim> {
        let mut place = self;
        loop {
            let link = place.0.get_or_init(|| Box::new(Link::of::<T>(format)));
            let claim = &link.claim;
            match claim.decoders() {
                Some(decoders) => return Ok(decoders),
                None if !claim.is_kin::<T>() => return Err(claim),
                None => place = &link.next,
            }
        }
    }

    /// The record as JSON, read as the type that it is of; `None` where that has not opened the topic.
    #[cfg(feature = "schema")]
    pub(super) fn show(&self, record: &Record) -> Option<Shown> {
        self.iter().find_map(|claim| (claim.show)(record))
    }

    fn iter(&self) -> impl Iterator<Item = &Claim> {
        let links = std::iter::successors(self.0.get(), |link| link.next.0.get());
        links.map(|link| &link.claim)
    }
}

impl Link {
    fn of<T: Payload>(format: Format) -> Self {
        let lineage: Lineage<T> = T::versions().lineage;
        let decoders = Arc::new(Decoders::<T>::new(format));
        let claim = Claim {
            id: TypeId::of::<T>(),
            name: type_name::<T>(),
            has: Box::new(move |id| lineage.has(id)),
            #[cfg(feature = "schema")]
            show: {
                let decoders = decoders.clone();
                Box::new(move |record| show(&decoders, record))
            },
            decoders,
        };
        Self { claim, next: Claims::default() }
    }
}

impl Claim {
    /// Whether it is this type, or one of both is an older version of the other.
    pub(super) fn is_kin<T: Payload>(&self) -> bool {
        let id = TypeId::of::<T>();
        self.id == id || (self.has)(id) || T::versions().lineage.has(self.id)
    }

    /// What reads this type, if it is the one.
    fn decoders<T: Payload>(&self) -> Option<Arc<Decoders<T>>> {
        self.decoders.clone().downcast().ok()
    }
}

/// A record of this type as JSON; `None` where it is of another version, or in a format that nobody
/// publishes the type in.
#[cfg(feature = "schema")]
fn show<T: Payload>(decoders: &Decoders<T>, record: &Record) -> Option<Shown> {
    let versions = T::versions();
    if record.version() != versions.version {
        return None;
    }
    let show = decoders.show(record.format())?;
    // Not as another type of the same version.
    let own = Fingerprint::compare(record.fingerprint(), versions.fingerprint);
    Some(own.and_then(|()| show(&record.payload()?)))
}
