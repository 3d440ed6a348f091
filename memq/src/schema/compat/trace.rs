//! The layout of a type, found by letting it read itself: `Deserialize` asks for what it reads, in
//! order, and is given samples until every option, list and variant was seen once.
//!
//! Values of a type are made on the way and thrown away. A type that takes none of the samples
//! cannot be traced, and the error says where.

mod access;
mod reader;
mod tree;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, DeserializeOwned};

use self::reader::Reader;
pub(super) use self::reader::TEXTS;
use self::tree::{Place, Tree};
use super::layout::Layout;

/// Readings of a type without learning anything before it is given up.
const PATIENCE: usize = 256;

/// Readings of a type in all.
const MOST: usize = 100_000;

/// Other names of fields and variants: container, name, alias.
pub(super) type Alias = (String, String, String);

/// What `T` reads, in a format that is not for people.
///
/// # Errors
///
/// Where and why it could not be found out.
pub(super) fn layout<T: DeserializeOwned>(aliases: &[Alias]) -> Result<Layout, Fault> {
    layout_by(|reader| T::deserialize(reader).map(drop), aliases)
}

/// The same for any type, so that there is one of it.
fn layout_by(read: fn(Reader<'_>) -> Result<(), Stop>, aliases: &[Alias]) -> Result<Layout, Fault> {
    let state = RefCell::new(State { tree: Tree::new(), bases: BTreeMap::new(), last: None });
    let mut idle = 0;
    for _ in 0..MOST {
        let before = state.borrow().tree.learnt;
        let last = read(Reader::root(&state)).err();
        let state = &mut *state.borrow_mut();
        if state.tree.is_done(Tree::ROOT) {
            return state.tree.layout(aliases);
        }
        if state.tree.learnt > before {
            idle = 0;
            continue;
        }
        idle += 1;
        if let Some((place, samples)) = state.last.take() {
            // It may be this one that was refused, perhaps by what was made of it.
            state.tree.refuse(place, samples);
        }
        if idle > PATIENCE {
            let why = last.map_or_else(|| "it reads differently each time".to_owned(), |e| e.0);
            return Err(Fault { path: state.tree.undone(), why });
        }
    }
    Err(Fault { path: String::new(), why: "it has too many variants".to_owned() })
}

/// Why a layout is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The place in the type.
    pub(super) path: String,
    pub(super) why: String,
}

/// What is known so far.
#[derive(Debug)]
struct State {
    tree: Tree,
    /// A variant of each enum, by the name of its type, that needs no value of that type itself.
    bases: BTreeMap<&'static str, (u32, Option<Place>)>,
    /// Where the last sample was read, and how many there are for that place.
    last: Option<(Place, usize)>,
}

/// What ends one reading.
#[derive(Debug)]
struct Stop(String);

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}
