//! JSON through serde_json.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Read;
use crate::codec::depth::Budget;
use crate::error::Cause;

pub(super) fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), Cause> {
    Ok(serde_json::to_writer(out, value)?)
}

/// serde_json limits the levels itself, and not the stack they take.
pub(super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Read<T> {
    let mut json = serde_json::Deserializer::from_slice(payload);
    let value = T::deserialize(Budget::of(payload).guard(&mut json))?;
    Ok(match json.end() {
        Ok(()) => (value, 0),
        Err(at) => (value, rest(payload, at.line(), at.column())),
    })
}

/// The bytes from this place on; lines and columns count from one. At least one, since there is
/// something that is no white space.
fn rest(payload: &[u8], line: usize, column: usize) -> usize {
    let lines = payload.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    payload.len().saturating_sub(before + column.saturating_sub(1)).max(1)
}
