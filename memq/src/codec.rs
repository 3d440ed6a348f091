//! How values become bytes and bytes values: codecs, compression, stages, the frame.
//!
//! A payload goes through `codec → compression → stages` on the way in and through the same steps
//! backwards on the way out. Nothing here knows a topic's log, an offset, a lock or a task.
//!
//! | codec | feature | for |
//! | --- | --- | --- |
//! | [`Native`] | – | values shared inside the process, nothing copied; no serde needed |
//! | [`Json`] | `json` | bytes that people and other languages read |
//! | [`MessagePack`] | `messagepack` | the same, smaller; fields have names |
//! | [`Postcard`] | `postcard` | small and fast; fields have only positions |
//! | [`Bincode`] | `bincode` | what tokio-memq 1.0 writes |

pub(crate) mod compression;
#[cfg(any(feature = "json", feature = "messagepack", feature = "bincode", feature = "postcard"))]
mod depth;
pub(crate) mod form;
pub(crate) mod format;
pub mod frame;
mod guess;
mod record;
#[cfg(feature = "schema")]
mod show;
mod spare;
pub(crate) mod stage;

pub use self::form::{Bytewise, Encoded, Form, Raw, Shared, Take};
#[doc(hidden)]
pub use self::format::Mistaken;
pub use self::format::{Bincode, Json, MessagePack, Native, Postcard};
pub use self::guess::Detected;
pub use self::stage::Stage;
pub(crate) use self::stage::Stages;

use crate::error::{DecodeError, EncodeError};
use crate::options::Format;

/// How values of type `T` become bytes and bytes values.
///
/// [`Topic::Codec`](crate::Topic::Codec) names a type that implements this. A codec of your own is
/// an empty type:
///
/// ```
/// use memq::codec::{Codec, Encoded};
/// use memq::{DecodeError, EncodeError, Format, Topic, TopicSpec};
///
/// struct Celsius(f64);
///
/// struct Text;
///
/// impl Codec<Celsius> for Text {
///     type Form = Encoded;
///     const FORMAT: Format = Format::Custom;
///
///     fn encode(value: &Celsius, out: &mut Vec<u8>) -> Result<(), EncodeError> {
///         out.extend_from_slice(value.0.to_string().as_bytes());
///         Ok(())
///     }
///
///     fn decode(payload: &[u8]) -> Result<Celsius, DecodeError> {
///         let malformed = |source| DecodeError::Malformed { format: Format::Custom, source };
///         let text = std::str::from_utf8(payload).map_err(|e| malformed(e.into()))?;
///         Ok(Celsius(text.parse().map_err(|e: std::num::ParseFloatError| malformed(e.into()))?))
///     }
/// }
///
/// impl Topic for Celsius {
///     type Codec = Text;            // or `#[topic(codec = Text)]`
///     const SPEC: TopicSpec = TopicSpec::new("temperatures");
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the codec `{Self}` cannot carry `{T}`",
    note = "`Json`, `MessagePack`, `Bincode` and `Postcard` need `serde::Serialize` and `serde::Deserialize` on the type, and memq's feature of the same name in lower case",
    note = "messages are shared between threads: in every format the type has to be `Send`, `Sync` and `'static`, so what is `Rc` or `RefCell` in it is to be `Arc` or `Mutex`",
    note = "without a format the topic is native: no serde needed, values stay in the process",
    note = "if it is a `memq::Format`, that is a value and no codec: in place of `Format::Json` say `memq::codec::Json`"
)]
pub trait Codec<T>: Send + Sync + 'static {
    /// [`Encoded`] for every codec that makes bytes; [`Shared`] is [`Native`]'s alone.
    type Form: form::Form<T>;

    /// The format that records name; [`Format::Custom`] for a codec of your own.
    const FORMAT: Format;

    /// Appends the value's bytes to `out`, which may hold others already.
    ///
    /// # Errors
    ///
    /// Where the value cannot be written; `out` is thrown away then.
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// The value that these bytes are, all of them.
    ///
    /// # Errors
    ///
    /// Where they are not exactly one value. Bytes come from anywhere: this must not panic, and
    /// must not allocate more than they account for.
    fn decode(payload: &[u8]) -> Result<T, DecodeError>;

    /// The value that these bytes are, as JSON.
    #[cfg(feature = "schema")]
    #[doc(hidden)]
    fn show(_: &[u8]) -> Result<serde_json::Value, DecodeError> {
        Err(DecodeError::Unavailable {
            what: "JSON of a codec of your own".into(),
            remedy: "decode the record, and write the value as JSON".into(),
        })
    }
}

#[cfg(test)]
#[cfg(feature = "full")]
mod tests;
