//! A guard around a format's deserializer: how deep values nest, how much stack that takes, and how
//! many there are. Nothing is parsed here.
//!
//! bincode and postcard have no limit of their own, so a kilobyte of bytes could overflow the stack
//! of a recursive type, and a few bytes could claim 2⁶⁰ elements that take no bytes at all. Levels
//! alone say nothing of the stack: one of a type with large arrays takes a hundred times what one
//! of a small type does.

use std::cell::Cell;
use std::fmt;
use std::ptr;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// Levels of a value, at most. Each struct, sequence, map, enum, `Some` and newtype is one, and two
/// in what is read as whatever it is.
pub(crate) const MAX_DEPTH: u16 = 128;

/// Bytes of stack that reading a value may take before the next level is refused. Well below the
/// 1 MiB of a small thread: a level takes its own only after it was asked for.
const MAX_STACK: usize = 384 << 10;

/// Elements that any payload may stand for, if they take no bytes.
const FREE: u64 = 4096;

/// Elements that one byte of the payload may stand for beside: structs of structs of one byte.
const PER_BYTE: u64 = 32;

/// What is left to spend on one payload.
#[derive(Debug)]
pub(super) struct Budget {
    elements: Cell<u64>,
    /// Where the stack was.
    base: usize,
}

/// Where the stack is, nearly.
fn stack() -> usize {
    let here = 0_u8;
    ptr::from_ref(&here).addr()
}

impl Budget {
    /// Enough for any value that takes its elements from bytes, and stack from here on.
    pub(super) fn of(payload: &[u8]) -> Self {
        let elements = (payload.len() as u64).saturating_mul(PER_BYTE).saturating_add(FREE);
        Self { elements: Cell::new(elements), base: stack() }
    }

    /// Puts the guard around a deserializer, or around a seed for one.
    pub(super) fn guard<T>(&self, inner: T) -> Guard<'_, T> {
        Guard { inner, left: MAX_DEPTH, price: 1, budget: self }
    }

    fn spend<E: Error>(&self) -> Result<(), E> {
        match self.elements.get().checked_sub(1) {
            Some(rest) => {
                self.elements.set(rest);
                Ok(())
            }
            None => Err(E::custom("more elements than its bytes can stand for")),
        }
    }
}

/// A deserializer, visitor, seed or access that hands the guard on to what it leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard<'b, T> {
    inner: T,
    /// Levels that may still be opened.
    left: u16,
    /// What a level counts.
    price: u16,
    budget: &'b Budget,
}

impl<'b, T> Guard<'b, T> {
    /// The same guard around something else.
    fn over<U>(&self, inner: U) -> Guard<'b, U> {
        Guard { inner, left: self.left, price: self.price, budget: self.budget }
    }

    /// The guard one level further down.
    fn down<U, E: Error>(&self, inner: U) -> Result<Guard<'b, U>, E> {
        let Some(left) = self.left.checked_sub(self.price) else {
            let most = MAX_DEPTH / self.price;
            return Err(E::custom(format_args!("nested deeper than {most} levels")));
        };
        if self.budget.base.abs_diff(stack()) > MAX_STACK {
            return Err(E::custom("nested deeper than the stack allows"));
        }
        Ok(Guard { left, ..self.over(inner) })
    }
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Guard<'_, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<T::Value, D::Error> {
        let source = self.over(source);
        self.inner.deserialize(source)
    }
}

/// What cannot lead to another value goes through as it is.
macro_rules! scalars {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(visitor)
        }
    )*};
}

/// What can, gives the guard to its visitor.
macro_rules! compounds {
    ($($method:ident($($arg:ident: $type:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($arg: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let visitor = self.over(visitor);
            self.inner.$method($($arg,)* visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Guard<'_, D> {
    type Error = D::Error;

    scalars! {
        deserialize_bool deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_identifier
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    /// Levels count twice here: for tagged and untagged enums serde buffers the value, and reads it
    /// again from there, where no guard is.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = Guard { price: 2, ..self.over(visitor) };
        self.inner.deserialize_any(visitor)
    }

    compounds! {
        deserialize_ignored_any()
        deserialize_option()
        deserialize_seq()
        deserialize_map()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! values {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Guard<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    values! {
        visit_bool: bool, visit_char: char,
        visit_i8: i8, visit_i16: i16, visit_i32: i32, visit_i64: i64, visit_i128: i128,
        visit_u8: u8, visit_u16: u16, visit_u32: u32, visit_u64: u64, visit_u128: u128,
        visit_f32: f32, visit_f64: f64,
        visit_str: &str, visit_borrowed_str: &'de str, visit_string: String,
        visit_bytes: &[u8], visit_borrowed_bytes: &'de [u8], visit_byte_buf: Vec<u8>,
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, source: D) -> Result<V::Value, D::Error> {
        let source = self.down(source)?;
        self.inner.visit_some(source)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, source: D) -> Result<V::Value, D::Error> {
        let source = self.down(source)?;
        self.inner.visit_newtype_struct(source)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.down(access)?;
        self.inner.visit_seq(access)
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.down(access)?;
        self.inner.visit_map(access)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.down(access)?;
        self.inner.visit_enum(access)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Guard<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.budget.spend()?;
        let seed = self.over(seed);
        self.inner.next_element_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Guard<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.budget.spend()?;
        let seed = self.over(seed);
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.over(seed);
        self.inner.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for Guard<'b, A> {
    type Error = A::Error;
    type Variant = Guard<'b, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let Self { inner, left, price, budget } = self;
        let (value, inner) = inner.variant_seed(Guard { inner: seed, left, price, budget })?;
        Ok((value, Guard { inner, left, price, budget }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Guard<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.over(seed);
        self.inner.newtype_variant_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.over(visitor);
        self.inner.tuple_variant(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.over(visitor);
        self.inner.struct_variant(fields, visitor)
    }
}
