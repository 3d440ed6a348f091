//! MessagePack through rmp-serde.

use rmp_serde::decode::Error;
use rmp_serde::{Deserializer, Serializer};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Read;
use crate::codec::depth::Budget;
use crate::codec::guess::messagepack;
use crate::error::Cause;

pub(super) fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), Cause> {
    Ok(value.serialize(&mut Serializer::new(out).with_struct_map())?)
}

pub(super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Read<T> {
    let mut source = Deserializer::from_read_ref(payload);
    let value = T::deserialize(Budget::of(payload).guard(&mut source))?;
    // This reader does not say how much it has left, and the one that does copies every string.
    // So it is asked for one more marker, which must be missing.
    Ok(match u8::deserialize(&mut source) {
        Err(Error::InvalidMarkerRead(_)) => (value, 0),
        _ => {
            let length = messagepack::length(payload).unwrap_or_default();
            (value, payload.len().saturating_sub(length).max(1))
        }
    })
}
