//! The codecs that come with memq.
use super::{Codec, Encoded, Shared};
use crate::error::{DecodeError, EncodeError};
use crate::options::Format;

/// JSON.
#[derive(Clone, Copy, Debug)]
pub struct Json;
/// MessagePack.
#[derive(Clone, Copy, Debug)]
pub struct MessagePack;
/// Bincode.
#[derive(Clone, Copy, Debug)]
pub struct Bincode;
/// Postcard.
#[derive(Clone, Copy, Debug)]
pub struct Postcard;
/// The value itself.
#[derive(Clone, Copy, Debug)]
pub struct Native;

impl<T: Send + Sync + 'static> Codec<T> for Native {
    type Form = Shared;
    const FORMAT: Format = Format::Native;
    fn encode(_: &T, _: &mut Vec<u8>) -> Result<(), EncodeError> {
        Err(EncodeError::Unavailable {
            what: "Native".into(),
            remedy: "give the type a format".into(),
        })
    }
    fn decode(_: &[u8]) -> Result<T, DecodeError> {
        Err(DecodeError::Unavailable {
            what: "Native".into(),
            remedy: "give the type a format".into(),
        })
    }
}

#[cfg(feature = "json")]
impl<T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static> Codec<T> for Json {
    type Form = Encoded;
    const FORMAT: Format = Format::Json;
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        serde_json::to_writer(out, value)
            .map_err(|e| EncodeError::Serialize { format: Format::Json, source: e.into() })
    }
    fn decode(payload: &[u8]) -> Result<T, DecodeError> {
        serde_json::from_slice(payload)
            .map_err(|e| DecodeError::Malformed { format: Format::Json, source: e.into() })
    }
}
