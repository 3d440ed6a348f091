//! The derives behind memq: `#[derive(Topic)]` and `#[derive(Shape)]`. Use them as `memq::Topic` and
//! `memq::Shape`.
//!
//! A declaration goes through four rooms, each knowing only the one before:
//! `attr` reads entries, `check` gives them meaning with `literal` and `suggest`, `model` is what
//! is left, and `expand` writes the impl. With any mistake `fallback` takes the last step's place.
//! Beside them `serde` reads what serde is told, and `layout` is what serde makes of it.

mod attr;
mod check;
mod expand;
mod fallback;
mod layout;
mod literal;
mod mistake;
mod model;
mod serde;
mod shape;
mod suggest;

use layout::Layout;
use model::Features;
use proc_macro2::TokenStream;
use syn::DeriveInput;

/// Makes a type the messages of one topic: an impl of the trait `Topic`. For some types there is a
/// `const _` beside it, so that constants which may be wrong are evaluated where they are declared.
///
/// ```
/// use memq::Topic;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Topic)]
/// #[topic(name = "orders", format = Json, compress = Zstd, ttl = "1h", max = 10_000)]
/// struct Order {
///     #[topic(key)]
///     customer: u64,
///     item: String,
/// }
///
/// assert_eq!(Order::SPEC.name(), "orders");
/// ```
///
/// Structs of every shape and enums can be topics. What is written is checked when the type is
/// compiled, and everything wrong with it is reported at once; only a name that is a constant, and what
/// is asked of an older type of a generic one, are checked where the topic is used.
///
/// # Options of a type
///
/// | option | values | without it |
/// | --- | --- | --- |
/// | `name` | text, or the path of a constant | required |
/// | `format` | `Json`, `MessagePack`, `Postcard`, `Bincode`, `Native` | `Native` |
/// | `codec` | a type that implements `Codec<Self>`, instead of `format` | |
/// | `compress` | `Zstd`, `Zstd(-7..=22)`, `Zstd(3, dict = "orders.dict")`, `Gzip`, `Gzip(0..=9)`, `None` | `None` |
/// | `ttl` | `"1h 30m"`, `"250ms"` | kept while there is room |
/// | `max` | messages, `10_000`, or bytes, `"64MiB"` | 10,000 messages |
/// | `max_bytes` | `"64MiB"`, `65536` | 256 MiB |
/// | `overflow` | `DropOldest`, `Reject`, `Wait` | `DropOldest` |
/// | `partitions` | `1` to `65_535` | 1 |
/// | `dedup` | `"2m"`, as `ttl` | ids are not remembered |
/// | `retain` | `WithinLimits`, `UntilConsumed` | `WithinLimits` |
/// | `key_with` | the path of a function from `&Self` to `Option<Key<'_>>` | no key |
/// | `footprint_with` | the path of a function from `&Self` to the bytes it holds, for native topics | the size of the type |
/// | `version` | `1` to `65_535` | 1 |
/// | `upcast_from` | the type of an older version, which this one is `From` | |
/// | `try_upcast_from` | the same, where it is `TryFrom` | |
/// | `crate` | where memq is found | `::memq` |
///
/// An option that is not written can be said at run time before the topic has a publisher, as in
/// `broker.create::<Order>().max(capacity)`. The compression can where the topic is opened by name, and
/// the format cannot. `max = "64MiB"` is `max_bytes`, and leaves the 10,000 messages
/// as they are. Several `#[topic(…)]` on one type are read as one.
///
/// ## `name`
///
/// 1 to 200 bytes: tokens of `A-Z`, `a-z`, `0-9`, `_` and `-`, joined by single dots. It is not
/// taken from the type, since renaming a type must not rename its topic.
///
/// A constant can be the name, and has to be for a generic type, where it must depend on the
/// parameters: two types cannot share a topic.
///
/// ```
/// use memq::Topic;
///
/// trait Named {
///     const NAME: &'static str;
/// }
///
/// struct Meters;
///
/// impl Named for Meters {
///     const NAME: &'static str = "measures.meters";
/// }
///
/// #[derive(Topic)]
/// #[topic(name = T::NAME)]
/// struct Measure<T: Named> {
///     amount: u64,
///     unit: std::marker::PhantomData<T>,
/// }
///
/// assert_eq!(Measure::<Meters>::SPEC.name(), "measures.meters");
/// ```
///
/// ## `format`, `codec`
///
/// `Native`, the default, shares the value itself inside the process: nothing is encoded and no
/// serde is needed. The others turn the value into bytes with serde; each needs the feature of
/// memq that has its name in lower case. A codec of your own is named by its path:
///
/// ```
/// # use memq::codec::{Codec, Encoded};
/// # use memq::{DecodeError, EncodeError, Format};
/// # struct Utf8;
/// # impl Codec<Line> for Utf8 {
/// #     type Form = Encoded;
/// #     const FORMAT: Format = Format::Custom;
/// #     fn encode(value: &Line, out: &mut Vec<u8>) -> Result<(), EncodeError> {
/// #         out.extend_from_slice(value.0.as_bytes());
/// #         Ok(())
/// #     }
/// #     fn decode(payload: &[u8]) -> Result<Line, DecodeError> {
/// #         Ok(Line(String::from_utf8_lossy(payload).into_owned()))
/// #     }
/// # }
/// use memq::Topic;
///
/// #[derive(Topic)]
/// #[topic(name = "lines", codec = Utf8, compress = Gzip)]
/// struct Line(String);
/// ```
///
/// ### What a format cannot carry
///
/// `Postcard` and `Bincode` write fields one after the other without their names. serde's `flatten`,
/// `untagged`, `tag`, `skip_serializing_if`, `skip_serializing` or `skip_deserializing` alone, and
/// `skip` on a variant before others fail there, or give **other values** than were published, so they
/// are errors here; `skip` on a field, `rename`, `alias`, `default` and `with` are fine. `Json` and
/// `MessagePack` have one null for `None` and `Some(None)`, so an `Option<Option<T>>` is an error with
/// these unless `with` says how it is written. In types inside the topic's all that is seen where
/// these are a [`Shape`](macro@Shape). Both options have to be spelled in the field: one behind an alias, in a
/// newtype or for a type parameter is not seen, nor is `Option<()>`, of which the same holds.
///
/// ```compile_fail
/// use memq::Topic;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Topic)]
/// #[topic(name = "orders", format = Postcard)]
/// struct Order {
///     #[serde(default, skip_serializing_if = "Option::is_none")] // an error: `Postcard` …
///     note: Option<String>,
///     item: String,
/// }
/// ```
///
/// ## `compress`
///
/// `Zstd` and `Gzip` alone mean levels 3 and 6. They need memq's features `zstd` and `gzip`, and
/// a format: native messages are never bytes.
///
/// `dict` is the path of a zstd dictionary, relative to the source file as with `include_bytes!`, and
/// the dictionary becomes a part of the program. With one that was trained on messages like these,
/// small messages become a fraction of what zstd alone makes of them, in less time. **What was
/// compressed with a dictionary cannot be read without it:** keep the file for as long as any of that
/// is kept, and give a new dictionary a new name. memq's `Dictionary` says the rest, and its example
/// `train_dictionary` makes one.
///
/// ```
/// use memq::{Compression, Topic, TopicSpec};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Topic)]
/// #[topic(
///     name = "flights",
///     format = Json,
///     compress = Zstd(9, dict = "../../examples/data/flights.dict"),
/// )]
/// struct Flight {
///     origin: String,
///     destination: String,
/// }
///
/// const BY_HAND: TopicSpec = TopicSpec::new("flights")
///     .compression_level(Compression::Zstd, 9)
///     .dictionary(include_bytes!("../../examples/data/flights.dict"));
///
/// assert_eq!(Flight::SPEC, BY_HAND);
/// ```
///
/// ## `ttl`, `max`, `max_bytes`, `overflow`
///
/// Messages older than `ttl` go. Units are `d`, `h`, `m`, `s`, `ms`, `us` and `ns`: whole numbers,
/// large units first, each once. A topic with `max` messages or `max_bytes` bytes is full, and
/// `overflow` says what comes next: with `DropOldest` the oldest messages are **lost** to
/// subscribers that have not read them, and these are told how many; with `Reject` the publisher
/// gets its message back; with `Wait` it waits for the slowest subscriber.
///
/// Of messages that have bytes, those are counted. A native message counts as the size of its type, which
/// misses what it holds on the heap: `footprint_with` says what it holds, so that `max_bytes` is of that.
///
/// Units of bytes are `B`, `KB`, `MB`, `GB` in thousands and `KiB`, `MiB`, `GiB` in 1024s.
///
/// ```
/// use std::time::Duration;
/// use memq::{Overflow, Topic, TopicSpec};
///
/// #[derive(Topic)]
/// #[topic(name = "frames", ttl = "1m 30s", max = 500, max_bytes = "64MiB", overflow = Wait)]
/// #[topic(footprint_with = Self::bytes)]
/// struct Frame(Vec<u8>);
///
/// impl Frame {
///     fn bytes(&self) -> usize {
///         size_of::<Self>() + self.0.capacity()
///     }
/// }
///
/// const BY_HAND: TopicSpec = TopicSpec::new("frames")
///     .ttl(Duration::from_secs(90))
///     .max_messages(500)
///     .max_bytes(64 << 20)
///     .overflow(Overflow::Wait);
///
/// assert_eq!(Frame::SPEC, BY_HAND);
/// ```
///
/// ## `partitions`, `dedup`, `retain`
///
/// `partitions` is how many partitions the topic has. `dedup` is how long the ids of messages are
/// remembered: a publish that repeats an id within that time stores nothing, and returns the
/// offset of the first. With `retain = UntilConsumed` a message is freed as soon as every consumer
/// group and every subscriber has passed it, so that memory follows the backlog; while there is
/// neither, messages are kept within the limits. The limits and `overflow` hold besides.
///
/// ```
/// use std::time::Duration;
/// use memq::{Retain, Topic, TopicSpec};
///
/// #[derive(Topic)]
/// #[topic(name = "jobs", partitions = 8, dedup = "2m", retain = UntilConsumed)]
/// struct Job(String);
///
/// const BY_HAND: TopicSpec = TopicSpec::new("jobs")
///     .partitions(8)
///     .dedup(Duration::from_secs(120))
///     .retain(Retain::UntilConsumed);
///
/// assert_eq!(Job::SPEC, BY_HAND);
/// ```
///
/// ## `key_with`
///
/// Usually a key is a field, marked with `#[topic(key)]`: an integer, `bool`, `char`, text, bytes, an
/// IP address, or a type of yours that implements `TopicKey`. For the key of an enum, or one that is made
/// of several fields, name a function `fn(&Self) -> Option<Key<'_>>`:
///
/// ```
/// use memq::{Key, Topic};
///
/// #[derive(Topic)]
/// #[topic(name = "accounts", key_with = Self::owner)]
/// enum Account {
///     Opened { owner: String },
///     Closed(u64, String),
///     Audited,
/// }
///
/// impl Account {
///     fn owner(&self) -> Option<Key<'_>> {
///         match self {
///             Self::Opened { owner } | Self::Closed(_, owner) => Some(Key::from(owner.as_str())),
///             Self::Audited => None,
///         }
///     }
/// }
///
/// assert_eq!(Account::Closed(7, "ada".into()).key(), Some(Key::from("ada")));
/// assert_eq!(Account::Audited.key(), None);
/// ```
///
/// ## `version`
///
/// Which version of the topic's messages this type is. It goes with every message, and a reader
/// of another version never takes one for its own: a lower one is read through `upcast_from`, and a
/// higher one is an error that says to update the reader first. Raise it with every change that readers
/// of the old type could not read, and keep the old type under another name.
///
/// ## `upcast_from`, `try_upcast_from`
///
/// The type of the next lower version, for the messages of it that are still kept or still published:
/// they are read as that type, and converted with its `From`, or with `TryFrom`, whose error is then a
/// decode error. The older type is a topic type with the same name and a lower version, which is checked
/// when the type is compiled; its format may be another, and it may have an older type itself. It may be
/// `#[deprecated]`: what is derived allows that, so it cannot be under `#![forbid(deprecated)]`.
///
/// ```
/// use memq::Topic;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Topic)]
/// #[topic(name = "orders", format = Json)]
/// struct OrderV1 {
///     item: String,
/// }
///
/// #[derive(Serialize, Deserialize, Topic)]
/// #[topic(name = "orders", format = Json, version = 2, upcast_from = OrderV1)]
/// struct Order {
///     items: Vec<String>,
/// }
///
/// impl From<OrderV1> for Order {
///     fn from(old: OrderV1) -> Self {
///         Self { items: vec![old.item] }
///     }
/// }
///
/// assert_eq!((OrderV1::SPEC.schema_version(), Order::SPEC.schema_version()), (1, 2));
/// ```
///
/// In `Postcard` and `Bincode`, messages also carry a fingerprint of the type: its fields and
/// variants by name, order and type, and what serde is told of how they are written. Where that differs
/// at the same version, the message is an error, and no field is read as another. The types of fields
/// are part of it with all that is in them where they are a [`Shape`](macro@Shape), and else by name.
///
/// ## `crate`
///
/// For a memq under another name: `crate = my_lib::memq` for one that your library hands on, and
/// `crate = mq` for one that `Cargo.toml` renames, as by `mq = { package = "memq", version = "0.1" }`.
///
/// ```
/// mod my_lib {
///     pub use memq;
/// }
///
/// #[derive(my_lib::memq::Topic)]
/// #[topic(name = "pings", crate = my_lib::memq)]
/// struct Ping;
/// ```
///
/// # Generic types
///
/// Type and const parameters are fine, lifetimes are not: a message outlives its publisher. A
/// generic type is a topic for those arguments with which it is `Send`, `Sync`, `'static` and fits
/// its codec, so these bounds need not be written.
#[proc_macro_derive(Topic, attributes(topic))]
pub fn topic(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive(syn::parse_macro_input!(input), Features::BUILT).into()
}

/// Tells topics what a type inside them looks like to a codec: an impl of the trait `Shape`.
///
/// ```
/// use memq::{Shape, Topic};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Shape)]
/// struct Line {
///     item: String,
///     count: u32,
/// }
///
/// #[derive(Serialize, Deserialize, Topic)]
/// #[topic(name = "orders", format = Postcard)]
/// struct Order {
///     lines: Vec<Line>,
/// }
///
/// assert!(<Order as Topic>::SHAPE.is_some());
/// ```
///
/// With it the fingerprint of `Order` covers the fields of `Line`, so that a `Line` with its fields
/// the other way round is an error and not wrong data; what the topic's format cannot carry, as serde is
/// told about `Line` or as an `Option<Option<_>>` in it, is an error where `Order` is compiled; and the
/// aliases of its fields are in documents. Without it `Line` counts by its name alone. The topic's own type does not need it.
///
/// Everything it says is taken from the type and its `#[serde(…)]`. Structs and enums of every form can
/// have it, generic ones for arguments that are shapes themselves. A field whose type mentions the type
/// itself, by its name alone or as `Self`, counts as it is spelled, and by the shapes of the other types in its
/// brackets; of two types that hold each other only one can have a shape.
///
/// A type parameter of a topic counts by its name alone, unless it is bound by the trait: with
/// `struct Envelope<T: memq::Shape>` a change inside `T` is seen, and without the bound it is not.
///
/// The one option is `#[shape(crate = my_lib::memq)]`, for a memq under another name, as one that
/// `Cargo.toml` renames.
#[proc_macro_derive(Shape, attributes(shape))]
pub fn shape(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    shape::derive(&syn::parse_macro_input!(input)).into()
}

/// The whole derive, for any set of memq's features.
fn derive(input: DeriveInput, features: Features) -> TokenStream {
    let layout = Layout::of(&input);
    let checked = check::check(&input, layout.as_ref(), features);
    match (&checked.topic, layout) {
        (Ok(topic), Some(layout)) => expand::expand(&input, &layout, topic),
        (Err(error), _) => fallback::fallback(&input, &checked, error),
        // A union, which is a mistake.
        (Ok(_), None) => TokenStream::new(),
    }
}

#[cfg(test)]
mod tests;
