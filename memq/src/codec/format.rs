//! The codecs that come with memq, and which of them reads a record. No bytes are compressed here.

#[cfg(feature = "bincode")]
mod bincode;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "messagepack")]
mod messagepack;
#[cfg(feature = "postcard")]
mod postcard;

use super::{Codec, Shared};
use crate::error::{DecodeError, EncodeError};
use crate::options::Format;

/// JSON text, on one line. Needs feature `json`, which is on by default.
///
/// Fields have names, so a reader may have more or fewer of them if serde allows it. Not a number
/// and the infinities are written as `null`, and JSON that nests deeper than 127 levels is refused:
/// both are serde_json's rules. What else is refused is as for [`MessagePack`].
///
/// ```
/// # #[cfg(feature = "json")]
/// # fn main() -> Result<(), memq::Error> {
/// use memq::codec::{Codec, Json};
/// use memq::DecodeError;
///
/// let mut bytes = Vec::new();
/// Json::encode(&vec![1, 2, 3], &mut bytes)?;
/// assert_eq!(bytes, b"[1,2,3]");
///
/// // one payload is one value, in every format
/// let twice: Result<Vec<u8>, _> = Json::decode(b"[1,2,3] [4]");
/// assert!(matches!(twice, Err(DecodeError::Trailing { extra: 3, .. })));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "json"))]
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Json;

/// MessagePack with named fields. Needs feature `messagepack`.
///
/// Structs without names, which is how tokio-memq 1.0 writes them, are read too. Values that nest
/// deeper than 128 levels are refused, and those that take more than 384 KiB of stack to read.
/// Inside enums that are `#[serde(tag)]` or `untagged`, and in values of any shape, 64 levels are
/// the most. What such an enum takes of the stack is not seen, so one that holds itself should
/// hold no large arrays.
///
/// ```
/// # #[cfg(feature = "messagepack")]
/// # fn main() -> Result<(), memq::Error> {
/// use memq::codec::{Codec, MessagePack};
///
/// let mut bytes = Vec::new();
/// MessagePack::encode(&("tea".to_owned(), 7), &mut bytes)?;
/// assert_eq!(bytes, b"\x92\xa3tea\x07");
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "messagepack"))]
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MessagePack;

/// bincode 1.3 with the options of its `DefaultOptions`: little endian, integers of variable
/// length. Needs feature `bincode`.
///
/// It is byte for byte what tokio-memq 1.0 writes, and it is not what `bincode::serialize` writes,
/// whose integers have a fixed length.
///
/// Fields have only positions: two fields of one type that change places are **read as each
/// other**, without an error by the codec. So messages carry the fingerprint of their type, and
/// [readers compare it](crate::schema). Values that nest deeper than 128 levels, or take
/// more than 384 KiB of stack to read, are refused, and so are thousands of elements that take no bytes, as
/// of a `Vec<()>`, on reading. bincode is no longer maintained; [`Postcard`] is the compact format for new
/// topics.
///
/// ```
/// # #[cfg(feature = "bincode")]
/// # fn main() -> Result<(), memq::Error> {
/// use memq::codec::{Bincode, Codec};
///
/// let mut bytes = Vec::new();
/// Bincode::encode(&("tea".to_owned(), 7_u64), &mut bytes)?;
/// assert_eq!(bytes, b"\x03tea\x07");
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "bincode"))]
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Bincode;

/// postcard 1: small and fast. Needs feature `postcard`.
///
/// Fields have only positions: two fields of one type that change places are **read as each
/// other**, without an error by the codec. So messages carry the fingerprint of their type, and
/// [readers compare it](crate::schema). Values that nest deeper than 128 levels, or take
/// more than 384 KiB of stack to read, are refused, and so are thousands of elements that take no bytes, as
/// of a `Vec<()>`, on reading.
///
/// ```
/// # #[cfg(feature = "postcard")]
/// # fn main() -> Result<(), memq::Error> {
/// use memq::codec::{Codec, Postcard};
///
/// let mut bytes = Vec::new();
/// Postcard::encode(&("tea".to_owned(), 7_u64), &mut bytes)?;
/// assert_eq!(bytes, b"\x03tea\x07");
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "postcard"))]
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Postcard;

/// No bytes at all: the value itself is kept in the log, and readers borrow it.
///
/// It needs neither serde nor a feature, and it never leaves the process: there is no frame of it,
/// and [`encode`](Codec::encode) and [`decode`](Codec::decode) are errors.
#[derive(Clone, Copy, Debug)]
pub struct Native;

/// What to do about bytes of a native message.
const NATIVE: &str = "values stay in the process: give the type a format, such as `Json`";

// Where a type is not that, the note of `Codec` says why it has to be.
#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> Codec<T> for Native {
    type Form = Shared;
    const FORMAT: Format = Format::Native;

    fn encode(_: &T, _: &mut Vec<u8>) -> Result<(), EncodeError> {
        Err(EncodeError::Unavailable {
            what: "Native as bytes".to_owned(),
            remedy: NATIVE.to_owned(),
        })
    }

    fn decode(_: &[u8]) -> Result<T, DecodeError> {
        Err(unavailable("Native as bytes", NATIVE.to_owned()))
    }
}

/// What stands for the codec of a type whose `#[topic(…)]` is wrong: no format is known, so none of what
/// a format allows is refused beside the mistake itself. Such a program is never run.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Mistaken;

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> Codec<T> for Mistaken {
    type Form = super::Encoded;
    const FORMAT: Format = Format::Custom;

    fn encode(_: &T, _: &mut Vec<u8>) -> Result<(), EncodeError> {
        Err(EncodeError::Unavailable {
            what: "the codec of a type with mistakes".to_owned(),
            remedy: MISTAKEN.to_owned(),
        })
    }

    fn decode(_: &[u8]) -> Result<T, DecodeError> {
        Err(unavailable("the codec of a type with mistakes", MISTAKEN.to_owned()))
    }
}

/// What to do about a type that is wrong.
const MISTAKEN: &str = "correct its `#[topic(…)]`";

/// The codec of a format crate, as a module with `encode` and `decode`.
#[cfg(feature = "serde")]
macro_rules! codec {
    ($codec:ident, $module:ident, $feature:literal) => {
        // Where serde is missing, one error by `Codec` says so, instead of two by serde.
        #[diagnostic::do_not_recommend]
        #[cfg(feature = $feature)]
        impl<T> Codec<T> for $codec
        where
            T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
        {
            type Form = super::Encoded;
            const FORMAT: Format = Format::$codec;

            fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                $module::encode(value, out)
                    .map_err(|source| EncodeError::Serialize { format: Format::$codec, source })
            }

            fn decode(payload: &[u8]) -> Result<T, DecodeError> {
                decode(Format::$codec, payload)
            }

            #[cfg(feature = "schema")]
            fn show(payload: &[u8]) -> Result<serde_json::Value, DecodeError> {
                let value: T = decode(Format::$codec, payload)?;
                serde_json::to_value(value)
                    .map_err(|error| unavailable("JSON of this value", error.to_string()))
            }
        }
    };
}

#[cfg(feature = "serde")]
codec!(Json, json, "json");
#[cfg(feature = "serde")]
codec!(MessagePack, messagepack, "messagepack");
#[cfg(feature = "serde")]
codec!(Bincode, bincode, "bincode");
#[cfg(feature = "serde")]
codec!(Postcard, postcard, "postcard");

/// What a format crate made of a payload: the value, and how many bytes it left.
#[cfg(feature = "serde")]
type Read<T> = Result<(T, usize), crate::error::Cause>;

/// The value that these bytes are, in a format known at run time.
#[cfg(feature = "serde")]
pub(super) fn decode<T>(format: Format, payload: &[u8]) -> Result<T, DecodeError>
where
    T: serde::de::DeserializeOwned,
{
    match read(format, payload) {
        Some(Ok((value, 0))) => Ok(value),
        Some(Ok((_, extra))) => Err(DecodeError::Trailing { format, extra }),
        Some(Err(source)) => Err(DecodeError::Malformed { format, source }),
        None => Err(unreadable(format)),
    }
}

/// What the format's crate makes of it; `None` without one.
#[cfg(feature = "serde")]
#[cfg_attr(
    not(any(
        feature = "json",
        feature = "messagepack",
        feature = "bincode",
        feature = "postcard"
    )),
    expect(unused_variables, reason = "nothing is decoded in this build")
)]
fn read<T: serde::de::DeserializeOwned>(format: Format, payload: &[u8]) -> Option<Read<T>> {
    match format {
        #[cfg(feature = "json")]
        Format::Json => Some(json::decode(payload)),
        #[cfg(feature = "messagepack")]
        Format::MessagePack => Some(messagepack::decode(payload)),
        #[cfg(feature = "bincode")]
        Format::Bincode => Some(bincode::decode(payload)),
        #[cfg(feature = "postcard")]
        Format::Postcard => Some(postcard::decode(payload)),
        _ => None,
    }
}

/// Why this build reads no such format.
#[cfg(feature = "serde")]
fn unreadable(format: Format) -> DecodeError {
    match format {
        Format::Raw | Format::Custom => DecodeError::Unknown,
        Format::Native => unavailable("Native as bytes", NATIVE.to_owned()),
        Format::Cbor => unavailable(
            "CBOR",
            "memq only recognises it: use `decode_as` with a codec of your own".to_owned(),
        ),
        Format::Json | Format::MessagePack | Format::Bincode | Format::Postcard => unavailable(
            &format.to_string(),
            format!("build memq with feature `{}`", format.to_string().to_lowercase()),
        ),
    }
}

fn unavailable(what: &str, remedy: String) -> DecodeError {
    DecodeError::Unavailable { what: what.to_owned(), remedy }
}
