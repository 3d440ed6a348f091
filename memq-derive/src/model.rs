//! A topic after every check: what `expand` turns into an impl. Plain data.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};

/// Everything a correct declaration says.
pub(crate) struct Topic {
    /// Where the generated code finds memq.
    pub(crate) memq: TokenStream,
    pub(crate) name: Name,
    pub(crate) codec: Codec,
    pub(crate) compress: Option<Compress>,
    /// How long a message is kept.
    pub(crate) ttl: Option<Duration>,
    /// How many messages are kept.
    pub(crate) max_messages: Option<Limit>,
    /// How many bytes they may have.
    pub(crate) max_bytes: Option<Limit>,
    /// A variant of `Overflow`.
    pub(crate) overflow: Option<Ident>,
    pub(crate) partitions: Option<u16>,
    /// How long ids are remembered.
    pub(crate) dedup: Option<Duration>,
    /// A variant of `Retain`.
    pub(crate) retain: Option<Ident>,
    pub(crate) key: Option<Key>,
    /// The path of a function that says how many bytes a native message holds.
    pub(crate) footprint: Option<TokenStream>,
    pub(crate) version: Option<u16>,
    pub(crate) upcast: Option<Upcast>,
}

/// The next older type of the topic.
pub(crate) struct Upcast {
    /// Its path.
    pub(crate) from: TokenStream,
    /// Whether a message of it may be none of this type.
    pub(crate) fallible: bool,
}

/// The name of the topic.
pub(crate) enum Name {
    /// A literal, already checked.
    Literal(syn::LitStr),
    /// The path of a constant, checked by memq when it is evaluated.
    Path(TokenStream),
}

/// How messages become bytes.
pub(crate) enum Codec {
    /// Not at all, since nothing is said.
    Default,
    /// One of memq's own, by its name in `memq::codec`.
    Builtin(Ident),
    /// A type of the user's.
    Path(TokenStream),
}

impl Codec {
    /// Whether messages are never bytes.
    pub(crate) fn is_native(&self) -> bool {
        match self {
            Self::Default => true,
            Self::Builtin(word) => word == "Native",
            Self::Path(_) => false,
        }
    }

    /// The constant in which types say why such a format cannot carry them; `None` where nothing is known
    /// of the format.
    pub(crate) fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::Builtin(word) if word == "Postcard" || word == "Bincode" => Some(NEEDS_NAMES),
            Self::Builtin(word) if word == "Json" || word == "MessagePack" => Some(NEEDS_PLACES),
            _ => None,
        }
    }
}

/// Why formats that write fields without their names cannot carry a type.
pub(crate) const NEEDS_NAMES: &str = "NEEDS_NAMES";

/// Why those that write names cannot.
pub(crate) const NEEDS_PLACES: &str = "NEEDS_PLACES";

/// Compression of payloads.
pub(crate) struct Compress {
    /// A variant of `Compression`.
    pub(crate) kind: Ident,
    /// `None` for the usual one.
    pub(crate) level: Option<i32>,
    /// The path of a dictionary's file, as it is written.
    pub(crate) dictionary: Option<syn::LitStr>,
}

/// A limit and where it is said, since it may be too large for the target.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) count: u64,
    pub(crate) span: Span,
}

/// Where the key of a message comes from.
pub(crate) enum Key {
    /// A field, with its type.
    Field(syn::Member, Box<syn::Type>),
    /// A function of the message.
    With(TokenStream),
}

/// Which of memq's features are on, as far as the derive has to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Features {
    pub(crate) json: bool,
    pub(crate) messagepack: bool,
    pub(crate) bincode: bool,
    pub(crate) postcard: bool,
    pub(crate) gzip: bool,
    pub(crate) zstd: bool,
}

impl Features {
    /// Those of this build.
    pub(crate) const BUILT: Self = Self {
        json: cfg!(feature = "json"),
        messagepack: cfg!(feature = "messagepack"),
        bincode: cfg!(feature = "bincode"),
        postcard: cfg!(feature = "postcard"),
        gzip: cfg!(feature = "gzip"),
        zstd: cfg!(feature = "zstd"),
    };

    /// The feature behind a format or compression, if it has one that is off.
    pub(crate) fn missing_for(self, word: &str) -> Option<&'static str> {
        let (on, feature) = match word {
            "Json" => (self.json, "json"),
            "MessagePack" => (self.messagepack, "messagepack"),
            "Bincode" => (self.bincode, "bincode"),
            "Postcard" => (self.postcard, "postcard"),
            "Gzip" => (self.gzip, "gzip"),
            "Zstd" => (self.zstd, "zstd"),
            _ => return None,
        };
        (!on).then_some(feature)
    }
}
