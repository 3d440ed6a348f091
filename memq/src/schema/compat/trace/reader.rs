//! The deserializer that writes down what it is asked for.

use std::any::type_name;
use std::cell::RefCell;

use serde::de::{Deserializer, Error, Visitor};

use super::access::{Entries, Parts, Pick};
use super::tree::{Kind, Place, Tree, Variant};
use super::{State, Stop};

/// Texts that types take that do not take any text.
pub(in crate::schema::compat) const TEXTS: &[&str] = &[
    "",
    "a",
    "1",
    "1.0.0",
    "00000000-0000-0000-0000-000000000000",
    "2000-01-01T00:00:00Z",
    "2000-01-01T00:00:00",
    "2000-01-01",
    "00:00:00",
    "127.0.0.1",
    "::1",
    "127.0.0.1:80",
    "http://localhost/",
    "a@example.org",
    "USD",
    "true",
];

/// Numbers, likewise; the first is what most take that are not to be zero.
const NUMBERS: &[u8] = &[1, 0, 2, 10, 100];

/// Lengths of bytes, likewise.
const LENGTHS: &[usize] = &[0, 1, 4, 6, 8, 12, 16, 20, 24, 32, 48, 64];

const ZEROES: [u8; 64] = [0; 64];

/// Values inside values, of types that end only by their depth.
const DEEP: usize = 64;

/// Reads one value.
#[derive(Clone, Copy)]
pub(super) struct Reader<'s> {
    pub(super) state: &'s RefCell<State>,
    /// Where it is, if that is known.
    place: Option<Place>,
    /// Whether a value is only made, and nothing is to be learnt from it.
    making: bool,
    /// The structs and enums it is in.
    outer: Option<&'s Outer<'s>>,
    depth: usize,
}

/// A struct or an enum that is being read.
#[derive(Clone, Copy)]
struct Outer<'s> {
    name: &'static str,
    place: Option<Place>,
    next: Option<&'s Outer<'s>>,
}

/// Types whose reading is no pure function of what is there.
const FICKLE: &str = "what it reads depends on what it read before";

impl<'s> Reader<'s> {
    pub(super) fn root(state: &'s RefCell<State>) -> Self {
        Self { state, place: Some(Tree::ROOT), making: false, outer: None, depth: 0 }
    }

    /// A reader of a part.
    pub(super) fn part(self, place: Option<Place>) -> Self {
        Self { place, depth: self.depth + 1, ..self }
    }

    /// The same inside of a container.
    fn inside<'t>(self, outer: &'t Outer<'t>) -> Reader<'t>
    where
        's: 't,
    {
        Reader { outer: Some(outer), ..self }
    }

    fn container(self, name: &'static str) -> Outer<'s> {
        Outer { name, place: self.place, next: self.outer }
    }

    /// What was seen here, as far as it is of this kind.
    fn known<T>(self, of: impl FnOnce(&Kind) -> Option<T>) -> Option<T> {
        of(self.state.borrow().tree.kind(self.place?))
    }

    /// Whether this part is still to be looked at.
    fn is_open(self, place: Place) -> bool {
        !self.making && !self.state.borrow().tree.is_done(place)
    }

    /// The place of an element; one more where there are not enough yet.
    pub(super) fn element(self, index: usize) -> Option<Place> {
        let state = &mut *self.state.borrow_mut();
        let place = self.place?;
        let (Kind::Tuple(parts) | Kind::Struct { parts, .. }) = state.tree.kind(place) else {
            return None;
        };
        if let Some(part) = parts.get(index) {
            return Some(*part);
        }
        if self.making {
            return None;
        }
        let added = state.tree.add();
        if let Kind::Tuple(parts) | Kind::Struct { parts, .. } = state.tree.kind_mut(place) {
            parts.push(added);
        }
        Some(added)
    }

    /// The next of some samples.
    fn sample<S: Copy>(self, samples: &[S]) -> S {
        let at = self.place.map_or(0, |place| self.state.borrow().tree.sample(place));
        samples[at.min(samples.len() - 1)]
    }

    /// Reads something without parts.
    fn plain<T>(
        self,
        kind: &'static str,
        samples: usize,
        read: impl FnOnce(Self) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        self.see(
            |tree, place| tree.set(place, Kind::Plain(kind)),
            |seen| matches!(seen, Kind::Plain(known) if *known == kind),
        )?;
        let value = read(self);
        if let (Some(place), false) = (self.place, self.making) {
            let state = &mut *self.state.borrow_mut();
            state.last = Some((place, samples));
            if value.is_ok() {
                state.tree.set_read(place);
            }
        }
        value
    }

    /// Writes down what is here, or compares it with what was here before.
    fn see(
        self,
        set: impl FnOnce(&mut Tree, Place),
        same: impl FnOnce(&Kind) -> bool,
    ) -> Result<(), Stop> {
        if self.depth > DEEP {
            return Err(Stop("it nests without an end".to_owned()));
        }
        let (Some(place), false) = (self.place, self.making) else { return Ok(()) };
        let tree = &mut self.state.borrow_mut().tree;
        match tree.kind(place) {
            Kind::Unseen => set(tree, place),
            seen if same(seen) => {}
            _ => return Err(Stop(FICKLE.to_owned())),
        }
        Ok(())
    }

    /// Where what is read here is what it is part of: says so, and from here on makes values only.
    fn unless_again(self, name: &'static str) -> Result<Self, Stop> {
        let mut outer = self.outer;
        while let Some(container) = outer {
            let (Some(again), true) = (container.place, container.name == name) else {
                outer = container.next;
                continue;
            };
            self.see(
                |tree, place| tree.set(place, Kind::Again(again)),
                |seen| matches!(seen, Kind::Again(known) if *known == again),
            )?;
            return Ok(Self { making: true, ..self.part(Some(again)) });
        }
        Ok(self)
    }

    fn whole<T>(self, value: Result<T, Stop>) -> Result<T, Stop> {
        if let (Ok(_), Some(place), false) = (&value, self.place, self.making) {
            self.state.borrow_mut().tree.set_read(place);
        }
        value
    }

    pub(super) fn tuple<'de, V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.see(
            |tree, place| {
                let parts = (0..length).map(|_| tree.add()).collect();
                tree.set(place, Kind::Tuple(parts));
            },
            |seen| matches!(seen, Kind::Tuple(parts) if parts.len() == length),
        )?;
        self.whole(visitor.visit_seq(Parts::of(self, length)))
    }

    /// Fields, of a struct or of a variant.
    pub(super) fn fields<'de, V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.see(
            |tree, place| tree.set(place, Kind::Struct { name, fields, parts: Vec::new() }),
            |seen| matches!(seen, Kind::Struct { fields: known, .. } if *known == fields),
        )?;
        self.whole(visitor.visit_seq(Parts::of(self, usize::MAX)))
    }

    /// The variant that is read now, and its place.
    fn variant(self, own: &'static str) -> Result<(u32, Option<Place>), Stop> {
        let state = &mut *self.state.borrow_mut();
        let base = state.bases.get(own).copied();
        let (Some(place), false) = (self.place, self.making) else {
            return base.ok_or_else(|| Stop(format!("`{own}` has no variant without itself")));
        };
        let next = match state.tree.kind(place) {
            Kind::Enum { names, variants, all: false, .. } if variants.len() < names.len() => None,
            Kind::Enum { variants, .. } => {
                let open =
                    variants.iter().enumerate().filter(|(_, v)| !state.tree.is_done(v.place));
                let least = open.min_by_key(|(_, variant)| variant.tries).map(|(index, _)| index);
                // Where all is known, any variant that could be read will do.
                Some(least.or(base.map(|(index, _)| index as usize)).unwrap_or(0))
            }
            _ => return Err(Stop(FICKLE.to_owned())),
        };
        let added = next.is_none().then(|| state.tree.add());
        let Kind::Enum { names, variants, all, .. } = state.tree.kind_mut(place) else {
            return Err(Stop(FICKLE.to_owned()));
        };
        variants.extend(added.map(|place| Variant { place, tries: 0 }));
        *all |= variants.len() >= names.len();
        let index = next.unwrap_or_else(|| variants.len().saturating_sub(1));
        let Some(variant) = variants.get_mut(index) else {
            return Err(Stop("it has no variants, and so no values".to_owned()));
        };
        variant.tries += 1;
        Ok((u32::try_from(index).map_err(Stop::custom)?, Some(variant.place)))
    }

    /// There is no variant of the index that was added last.
    pub(super) fn no_variant(self) {
        let (Some(place), false) = (self.place, self.making) else { return };
        let tree = &mut self.state.borrow_mut().tree;
        if let Kind::Enum { variants, all, .. } = tree.kind_mut(place) {
            variants.pop();
            *all = true;
            tree.learnt += 1;
        }
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $kind:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
            self.plain(stringify!($kind), NUMBERS.len(), |reader| {
                visitor.$visit($kind::from(reader.sample(NUMBERS)))
            })
        }
    )* };
}

macro_rules! signed {
    ($($method:ident $visit:ident $kind:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
            self.plain(stringify!($kind), NUMBERS.len(), |reader| {
                visitor.$visit(reader.sample(NUMBERS) as $kind)
            })
        }
    )* };
}

/// Where the format would have to say what comes.
const NAMELESS: &str = "it asks the format what comes (`untagged`, `flatten`, `tag` or a value of any \
                        shape), which this format does not say";

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Stop;

    fn is_human_readable(&self) -> bool {
        false
    }

    numbers! {
        deserialize_u8 visit_u8 u8
        deserialize_u16 visit_u16 u16
        deserialize_u32 visit_u32 u32
        deserialize_u64 visit_u64 u64
        deserialize_u128 visit_u128 u128
        deserialize_i16 visit_i16 i16
        deserialize_i32 visit_i32 i32
        deserialize_i64 visit_i64 i64
        deserialize_i128 visit_i128 i128
        deserialize_f32 visit_f32 f32
        deserialize_f64 visit_f64 f64
    }

    signed! { deserialize_i8 visit_i8 i8 }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.plain("bool", 2, |reader| visitor.visit_bool(reader.sample(&[false, true])))
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.plain("char", 2, |reader| visitor.visit_char(reader.sample(&['a', '1'])))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.plain("str", TEXTS.len(), |reader| visitor.visit_str(reader.sample(TEXTS)))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.plain("bytes", LENGTHS.len(), |reader| {
            visitor.visit_bytes(&ZEROES[..reader.sample(LENGTHS)])
        })
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.plain("unit", 1, |_| visitor.visit_unit())
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let own = type_name::<V::Value>();
        let reader = self.unless_again(own)?;
        let outer = reader.container(own);
        visitor.visit_newtype_struct(reader.inside(&outer))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.see(
            |tree, place| {
                let inner = tree.add();
                tree.set(place, Kind::Option(inner));
            },
            |seen| matches!(seen, Kind::Option(_)),
        )?;
        let inner = self.known(|kind| match kind {
            Kind::Option(inner) => Some(*inner),
            _ => None,
        });
        match inner.filter(|inner| self.is_open(*inner)) {
            Some(inner) => visitor.visit_some(self.part(Some(inner))),
            None => visitor.visit_none(),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.see(
            |tree, place| {
                let inner = tree.add();
                tree.set(place, Kind::List(inner));
            },
            |seen| matches!(seen, Kind::List(_)),
        )?;
        let inner = self.known(|kind| match kind {
            Kind::List(inner) => Some(*inner),
            _ => None,
        });
        visitor.visit_seq(Parts::one(self, inner.filter(|inner| self.is_open(*inner))))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.tuple(length, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let own = type_name::<V::Value>();
        let reader = self.unless_again(own)?;
        let outer = reader.container(own);
        reader.inside(&outer).tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.see(
            |tree, place| {
                let (key, value) = (tree.add(), tree.add());
                tree.set(place, Kind::Map(key, value));
            },
            |seen| matches!(seen, Kind::Map(..)),
        )?;
        let entry = self.known(|kind| match kind {
            Kind::Map(key, value) => Some((*key, *value)),
            _ => None,
        });
        let open = entry.filter(|(key, value)| self.is_open(*key) || self.is_open(*value));
        visitor.visit_map(Entries::of(self, open))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let own = type_name::<V::Value>();
        let reader = self.unless_again(own)?;
        let outer = reader.container(own);
        reader.inside(&outer).fields(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let own = type_name::<V::Value>();
        let reader = self.unless_again(own)?;
        reader.see(
            |tree, place| {
                tree.set(place, Kind::Enum { name, names, variants: Vec::new(), all: false });
            },
            |seen| matches!(seen, Kind::Enum { names: known, .. } if *known == names),
        )?;
        let (index, at) = reader.variant(own)?;
        let outer = reader.container(own);
        let value = visitor.visit_enum(Pick { reader: reader.inside(&outer), name, index, at });
        if value.is_ok() {
            self.state.borrow_mut().bases.entry(own).or_insert((index, at));
        }
        value
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop(NAMELESS.to_owned()))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop(NAMELESS.to_owned()))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop(NAMELESS.to_owned()))
    }
}
