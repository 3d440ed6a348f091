//! The parts of what is read: elements, entries and variants.

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess};
use serde::de::{SeqAccess, VariantAccess, Visitor};

use super::Stop;
use super::reader::Reader;
use super::tree::Place;

/// Elements, or fields by their order.
pub(super) struct Parts<'s> {
    reader: Reader<'s>,
    /// The only element, of a list.
    one: Option<Option<Place>>,
    index: usize,
    length: usize,
}

impl<'s> Parts<'s> {
    /// Those of a tuple or a struct.
    pub(super) fn of(reader: Reader<'s>, length: usize) -> Self {
        Self { reader, one: None, index: 0, length }
    }

    /// The element of a list, or none.
    pub(super) fn one(reader: Reader<'s>, place: Option<Place>) -> Self {
        Self { reader, one: Some(place), index: 0, length: usize::from(place.is_some()) }
    }
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Stop;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Stop> {
        if self.index >= self.length {
            return Ok(None);
        }
        let place = self.one.unwrap_or_else(|| self.reader.element(self.index));
        self.index += 1;
        seed.deserialize(self.reader.part(place)).map(Some)
    }
}

/// The entry of a map, or none.
pub(super) struct Entries<'s> {
    reader: Reader<'s>,
    key: Option<Place>,
    value: Option<Place>,
}

impl<'s> Entries<'s> {
    pub(super) fn of(reader: Reader<'s>, entry: Option<(Place, Place)>) -> Self {
        Self { reader, key: entry.map(|(key, _)| key), value: entry.map(|(_, value)| value) }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Stop;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Stop> {
        let Some(key) = self.key.take() else { return Ok(None) };
        seed.deserialize(self.reader.part(Some(key))).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Stop> {
        seed.deserialize(self.reader.part(self.value))
    }
}

/// One variant of an enum.
pub(super) struct Pick<'s> {
    pub(super) reader: Reader<'s>,
    /// The enum's name.
    pub(super) name: &'static str,
    pub(super) index: u32,
    /// The place of what the variant holds.
    pub(super) at: Option<Place>,
}

impl<'de, 's> EnumAccess<'de> for Pick<'s> {
    type Error = Stop;
    type Variant = Content<'s>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Content<'s>), Stop> {
        let variant = seed.deserialize(self.index.into_deserializer());
        if variant.is_err() {
            self.reader.no_variant();
        }
        Ok((variant?, Content { reader: self.reader.part(self.at), name: self.name }))
    }
}

/// What a variant holds.
pub(super) struct Content<'s> {
    reader: Reader<'s>,
    name: &'static str,
}

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        self.reader.deserialize_unit(serde::de::IgnoredAny).map(|_| ())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Stop> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Stop> {
        self.reader.tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.reader.fields(self.name, fields, visitor)
    }
}
