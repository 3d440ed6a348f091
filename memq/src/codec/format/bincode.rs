//! bincode 1.3 with `DefaultOptions`.
//!
//! tokio-memq 1.0 builds `Serializer` and `Deserializer` from `bincode::DefaultOptions::new()`:
//! little endian, integers of variable length. The top-level `bincode::serialize` would be
//! something else, with integers of fixed length.

use std::io;
use std::marker::PhantomData;

use bincode::{BincodeRead, DefaultOptions, Options};
use serde::Serialize;
use serde::de::{DeserializeOwned, Visitor};

use super::Read;
use crate::codec::depth::Budget;
use crate::error::Cause;

pub(super) fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), Cause> {
    Ok(DefaultOptions::new().serialize_into(out, value)?)
}

pub(super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Read<T> {
    let mut rest = payload;
    let budget = Budget::of(payload);
    // The limit makes bincode refuse a length before it is believed.
    let value = DefaultOptions::new()
        .with_limit(payload.len() as u64)
        .deserialize_from_custom_seed(budget.guard(PhantomData::<T>), Rest(&mut rest))?;
    Ok((value, rest.len()))
}

/// Reads from a slice and leaves what was not read; bincode's own reader does not tell.
struct Rest<'r, 'de>(&'r mut &'de [u8]);

impl<'de> Rest<'_, 'de> {
    fn next(&mut self, length: usize) -> bincode::Result<&'de [u8]> {
        let (next, rest) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        *self.0 = rest;
        Ok(next)
    }
}

impl io::Read for Rest<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }

    fn read_exact(&mut self, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact(out)
    }
}

impl<'de> BincodeRead<'de> for Rest<'_, 'de> {
    fn forward_read_str<V: Visitor<'de>>(
        &mut self,
        length: usize,
        visitor: V,
    ) -> bincode::Result<V::Value> {
        let text = std::str::from_utf8(self.next(length)?)
            .map_err(bincode::ErrorKind::InvalidUtf8Encoding)?;
        visitor.visit_borrowed_str(text)
    }

    fn get_byte_buffer(&mut self, length: usize) -> bincode::Result<Vec<u8>> {
        Ok(self.next(length)?.to_vec())
    }

    fn forward_read_bytes<V: Visitor<'de>>(
        &mut self,
        length: usize,
        visitor: V,
    ) -> bincode::Result<V::Value> {
        visitor.visit_borrowed_bytes(self.next(length)?)
    }
}
