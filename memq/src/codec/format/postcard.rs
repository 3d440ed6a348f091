//! postcard 1.

use postcard::Deserializer;
use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Read;
use crate::codec::depth::Budget;
use crate::error::Cause;

pub(super) fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), Cause> {
    Ok(postcard::serialize_with_flavor(value, Append(out))?)
}

pub(super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Read<T> {
    let mut source = Deserializer::from_bytes(payload);
    let value = T::deserialize(Budget::of(payload).guard(&mut source))?;
    Ok((value, source.finalize()?.len()))
}

/// Appends to a buffer, a slice at a time; postcard's own way goes byte by byte.
struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
