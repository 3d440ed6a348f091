//! What a type says of its [`Shape`], also where it says nothing: for the code that derives write.
//!
//! `{ use memq::schema::probe::Spelled as _; memq::schema::probe::Of::<Line>::SHAPE }` is the
//! constant of [`Of`] where `Line` has a shape, and else that of [`Spelled`], which every type has.

use std::marker::PhantomData;

use super::{Aliases, Fingerprint, Shape};

/// A type that is asked.
#[derive(Debug)]
pub struct Of<T: ?Sized>(PhantomData<T>);

impl<T: Shape + ?Sized> Of<T> {
    /// The type's fingerprint.
    pub const SHAPE: Option<Fingerprint> = Some(T::SHAPE);
    /// What in it takes a format that names fields; see [`Shape`].
    pub const NEEDS_NAMES: Option<&'static str> = T::NEEDS_NAMES;
    /// What in it takes a format that does not; see [`Shape`].
    pub const NEEDS_PLACES: Option<&'static str> = T::NEEDS_PLACES;

    /// Adds the type's aliases.
    pub fn aliases(out: &mut Aliases) {
        T::aliases(out);
    }
}

/// What is known of a type that has no [`Shape`]: nothing.
pub trait Spelled {
    /// It has none, so it counts as it is spelled.
    const SHAPE: Option<Fingerprint> = None;
    /// Not known.
    const NEEDS_NAMES: Option<&'static str> = None;
    /// Not known.
    const NEEDS_PLACES: Option<&'static str> = None;

    /// Adds none.
    fn aliases(_: &mut Aliases) {}
}

impl<T: ?Sized> Spelled for Of<T> {}

/// The first that is said.
#[must_use]
pub const fn first(said: &[Option<&'static str>]) -> Option<&'static str> {
    let mut at = 0;
    while at < said.len() {
        if said[at].is_some() {
            return said[at];
        }
        at += 1;
    }
    None
}

/// Fails where something in a topic's type is not carried by its format.
///
/// # Panics
///
/// Then; in a constant, which is what it is for, that is a compile error.
#[track_caller]
pub const fn carried(not: Option<&'static str>) {
    if let Some(why) = not {
        panic!("{}", why);
    }
}
