//! What a topic is bound to: its options, stages and type; and what happens when somebody opens
//! it with others.

use std::any::type_name;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::claims::Claims;
use crate::codec::form::Decoders;
use crate::codec::stage::Stages;
use crate::dictionary::Dictionary;
use crate::engine::registry::{AnyTopic, Registry};
use crate::engine::topic::Topic;
#[cfg(feature = "schema")]
use crate::error::DecodeError;
use crate::error::{OpenError, TopicConflict};
use crate::message::Stored;
use crate::name::TopicName;
use crate::options::{Compression, Format, Request, TopicOptions};
use crate::payload::Payload;
#[cfg(feature = "schema")]
use crate::record::Record;
use crate::schema::Versions;
use crate::spi::{Level, Perhaps};

/// What hangs on a topic beside its log.
struct Binding {
    stages: Stages,
    claims: Claims,
    /// Tells it from every other topic, and from this one when it is created again.
    identity: u64,
    /// How far other topics were mirrored into it: one entry for each that a bridge of a name ever read.
    /// Into most of them none was.
    mirrored: OnceLock<Box<Mutex<Positions>>>,
}

/// The identity of a topic, and the name of the bridge that mirrors it.
type Mirrored = (u64, Option<String>);

/// The next offset of each that is to be mirrored.
type Positions = HashMap<Mirrored, Arc<AtomicU64>>;

impl Binding {
    fn new(stages: Stages) -> Self {
        let (claims, mirrored) = (Claims::default(), OnceLock::new());
        Self { stages, claims, identity: fastrand::u64(..), mirrored }
    }
}

/// A topic that was opened.
pub(super) struct Bound<T: Payload> {
    pub(super) topic: Arc<Topic<Stored<T>>>,
    pub(super) stages: Stages,
    pub(super) decoders: Arc<Decoders<T>>,
}

/// Opens a topic, or creates it. `declared` is the type's format; records have none.
pub(super) fn open<T: Payload>(
    registry: &Registry,
    name: &TopicName,
    request: &Request,
    stages: &Stages,
    declared: Option<Format>,
) -> Result<Bound<T>, OpenError> {
    let request = requested(name, request, declared)?;
    load_dictionary(registry, name, &request)?;
    let any = registry.open::<Stored<T>>(name, |clock| {
        Topic::new(name.clone(), clock, Box::new(Binding::new(stages.clone())))
    });
    let existing = Existing { name, any: &*any };

    let claims = binding(&*any).map(|binding| &binding.claims);
    let Ok(topic) = any.clone().into_any().downcast::<Topic<Stored<T>>>() else {
        return Err(match (declared, claims.and_then(Claims::first)) {
            (None, _) => OpenError::Native { topic: name.to_string() },
            (Some(_), Some(claim)) if claim.is_kin::<T>() => {
                native(name, claim.name, T::versions())
            }
            (Some(_), Some(claim)) => existing.conflict("type", claim.name, type_name::<T>()),
            (Some(format), None) => {
                existing.conflict("format", "bytes, since it was opened by name first", format)
            }
        });
    };
    if let Some(other) = claims.filter(|_| declared.is_some()).and_then(Claims::other_than::<T>) {
        return Err(existing.conflict("type", other.name, type_name::<T>()));
    }
    existing.check(&request, stages)?;

    let decoders = match declared {
        Some(format) => existing.claim::<T>(format)?,
        None => Arc::new(Decoders::new(options(&*any).format)),
    };
    let stages = binding(&*any).map(|binding| binding.stages.clone()).unwrap_or_default();
    Ok(Bound { topic, stages, decoders })
}

/// What is asked for, if a topic can have it.
pub(super) fn requested(
    name: &TopicName,
    request: &Request,
    declared: Option<Format>,
) -> Result<Request, OpenError> {
    // To say that bytes say nothing is to say nothing.
    let said = request.format.filter(|format| *format != Format::Raw);
    let request = Request { format: declared.or(said), ..request.clone() };
    validate(name, &request, declared)?;
    Ok(request)
}

/// What a topic runs with.
pub(super) fn options(topic: &dyn AnyTopic) -> TopicOptions {
    topic.settle(&Request::default()).0
}

/// What it compresses with, if anything.
pub(super) fn dictionary(topic: &dyn AnyTopic) -> Option<Dictionary> {
    topic.settle(&Request::default()).1.dictionary
}

/// A record of the topic as JSON, where one of the types that have the topic is what it is of.
#[cfg(feature = "schema")]
pub(super) fn show(
    topic: &dyn AnyTopic,
    record: &Record,
) -> Option<Result<serde_json::Value, DecodeError>> {
    binding(topic)?.claims.show(record)
}

/// What tells the topic from every other one.
pub(super) fn identity(topic: &dyn AnyTopic) -> u64 {
    binding(topic).map_or(0, |binding| binding.identity)
}

/// The names of its stages.
pub(super) fn stages(topic: &dyn AnyTopic) -> Vec<String> {
    binding(topic).map(|binding| binding.stages.to_names()).unwrap_or_default()
}

/// The next offset of the topic of this identity that the bridge of this name is to mirror into the
/// topic; until it is known, `fresh`.
pub(super) fn mirrored(
    topic: &dyn AnyTopic,
    source: u64,
    bridge: Option<&str>,
    fresh: u64,
) -> Option<Arc<AtomicU64>> {
    let mut mirrored = binding(topic)?.mirrored.get_or_init(Box::default).lock();
    let entry = mirrored.entry((source, bridge.map(Into::into)));
    Some(entry.or_insert_with(|| Arc::new(AtomicU64::new(fresh))).clone())
}

/// Nothing is known any more of how far the bridge of this name mirrored the topic itself.
pub(super) fn forget_mirrored(topic: &dyn AnyTopic, bridge: &str) {
    let Some(binding) = binding(topic) else { return };
    if let Some(mirrored) = binding.mirrored.get() {
        mirrored.lock().remove(&(binding.identity, Some(bridge.into())));
    }
}

fn binding(topic: &dyn AnyTopic) -> Option<&Binding> {
    topic.attachment().downcast_ref()
}

/// Whether a topic could have these options.
fn validate(
    name: &TopicName,
    request: &Request,
    declared: Option<Format>,
) -> Result<(), OpenError> {
    let (compression, level) = request.compression.unwrap_or_default();
    check_compression(name, compression, level)?;
    if let Some(dictionary) = &request.dictionary {
        check_dictionary(name, compression, dictionary)?;
    }
    match request.format {
        Some(Format::Native) if declared.is_some() && compression != Compression::None => {
            let remedy = "a native message has no bytes: give the type a format, or leave it out";
            Err(refuse(name, "compress", compression, remedy))
        }
        Some(format @ (Format::Native | Format::Cbor)) if declared.is_none() => {
            let remedy = "bytes are Json, MessagePack, Postcard, Bincode, Custom or Raw";
            Err(refuse(name, "format", format, remedy))
        }
        _ if request.max_messages == Some(0) => {
            Err(refuse(name, "max", 0, "a topic holds at least one message"))
        }
        _ if request.max_bytes == Some(0) => {
            Err(refuse(name, "max_bytes", 0, "a topic holds at least one byte"))
        }
        _ if request.ttl.is_some_and(|ttl| ttl.is_zero()) => {
            Err(refuse(name, "ttl", "0s", "a ttl is longer than zero"))
        }
        _ if request.partitions == Some(0) => {
            Err(refuse(name, "partitions", 0, "a topic has at least one partition"))
        }
        _ if request.dedup.is_some_and(|window| window.is_zero()) => {
            let remedy = "ids are remembered for longer than zero: leave it out for not at all";
            Err(refuse(name, "dedup", "0s", remedy))
        }
        _ => Ok(()),
    }
}

/// Whether this build can write the compression, and it has the level.
pub(super) fn check_compression(
    name: &TopicName,
    compression: Compression,
    level: i32,
) -> Result<(), OpenError> {
    if !compression.is_available() {
        let remedy = match compression {
            Compression::Gzip => "turn on memq's feature `gzip`",
            Compression::Zstd => "turn on memq's feature `zstd`",
            _ => "it is recognised in frames, and not written",
        };
        return Err(refuse(name, "compress", compression, remedy));
    }
    match compression.levels() {
        Some((low, high)) if level < low || level > high => {
            let remedy = format!("{compression} has levels {low} to {high}");
            Err(refuse(name, "level", level, remedy))
        }
        None if level != 0 => Err(refuse(name, "level", level, "say a compression with it")),
        _ => Ok(()),
    }
}

/// Whether zstd can load the dictionary; of the one that the topic has that is known.
fn load_dictionary(
    registry: &Registry,
    name: &TopicName,
    request: &Request,
) -> Result<(), OpenError> {
    let Some(wants) = &request.dictionary else { return Ok(()) };
    let own = registry.get(name.as_str()).and_then(|any| dictionary(&*any));
    if own.as_ref() == Some(wants) {
        return Ok(());
    }
    wants.check().map_err(|source| OpenError::Dictionary { topic: name.to_string(), source })
}

/// Whether the compression can have a dictionary.
pub(super) fn check_dictionary(
    name: &TopicName,
    compression: Compression,
    dictionary: &Dictionary,
) -> Result<(), OpenError> {
    if compression == Compression::Zstd {
        return Ok(());
    }
    let remedy = "a dictionary is Zstandard's: say `compress(Compression::Zstd)` with it";
    Err(refuse(name, "dictionary", dictionary.id(), remedy))
}

/// Whether it is not another one under the id of the topic's, which nobody could tell apart.
pub(super) fn check_same(
    name: &TopicName,
    own: Option<&Dictionary>,
    dictionary: &Dictionary,
) -> Result<(), OpenError> {
    match own {
        Some(own) if own.id() == dictionary.id() && own != dictionary => {
            let other = format!("another one of the id {}", own.id());
            Err(conflict(name, "dictionary", own.id(), other))
        }
        _ => Ok(()),
    }
}

/// Whether what is said on opening a topic is what its type says, where that says something.
pub(super) fn agree(name: &TopicName, own: &Request, said: &Request) -> Result<(), OpenError> {
    let options = own.over(said.over(TopicOptions::default()));
    Has { name, options, said: own, since: ", as its type says" }.compare(said)
}

pub(super) fn conflict(
    name: &TopicName,
    option: &'static str,
    has: impl ToString,
    wants: impl ToString,
) -> OpenError {
    OpenError::Conflict(TopicConflict {
        topic: name.to_string(),
        option,
        existing: has.to_string(),
        requested: wants.to_string(),
    })
}

/// Two versions of one topic's messages, of which one stays a value.
fn native<T>(name: &TopicName, other: &str, versions: Versions<T>) -> OpenError {
    let own = type_name::<T>();
    let remedy = format!(
        "`{other}` has this topic too, and a native message is read only as what it is: give both \
         `{other}` and `{own}` a format, such as `Json`"
    );
    refuse(name, "version", versions.version, remedy)
}

pub(super) fn refuse(
    name: &TopicName,
    option: &'static str,
    value: impl ToString,
    remedy: impl Into<String>,
) -> OpenError {
    OpenError::Option {
        topic: name.to_string(),
        option,
        value: value.to_string(),
        remedy: remedy.into(),
    }
}

/// A topic that somebody wants to open.
struct Existing<'a> {
    name: &'a TopicName,
    any: &'a dyn AnyTopic,
}

impl Existing<'_> {
    /// Says what was not said yet, and compares the rest.
    fn check(&self, request: &Request, stages: &Stages) -> Result<(), OpenError> {
        let own = binding(self.any).map(|binding| binding.stages.clone()).unwrap_or_default();
        if !stages.is_empty() && !own.same_names(stages) {
            return Err(self.conflict("stage", own.names(), stages.names()));
        }
        let (options, said) = self.any.settle(request);
        Has { name: self.name, options, said: &said, since: "" }.compare(request)
    }

    /// Binds the topic to a type, and returns what reads it.
    fn claim<T: Payload>(&self, format: Format) -> Result<Arc<Decoders<T>>, OpenError> {
        let conflict = |other| self.conflict("type", other, type_name::<T>());
        let binding = binding(self.any).ok_or_else(|| conflict("another"))?;
        binding.claims.claim::<T>(format).map_err(|other| conflict(other.name))
    }

    fn conflict(
        &self,
        option: &'static str,
        has: impl ToString,
        wants: impl ToString,
    ) -> OpenError {
        conflict(self.name, option, has, wants)
    }
}

/// Options that are compared with what somebody asks for.
struct Has<'a> {
    name: &'a TopicName,
    options: TopicOptions,
    /// Those that were said; the others are defaults.
    said: &'a Request,
    /// Why it has those, for the conflict.
    since: &'static str,
}

impl Has<'_> {
    fn compare(&self, request: &Request) -> Result<(), OpenError> {
        let (has, said) = (&self.options, self.said);
        self.one("format", has.format, said.format, request.format)?;
        let compression = Level(has.compression, has.level);
        let wants = request.compression.map(|(compression, level)| Level(compression, level));
        self.one("compress", compression, said.compression.map(drop), wants)?;
        if let Some(wants) = &request.dictionary {
            check_same(self.name, said.dictionary.as_ref(), wants)?;
            self.optional(
                "dictionary",
                has.dictionary,
                said.dictionary.as_ref(),
                Some(wants.id()),
            )?;
        }
        self.one("max", has.max_messages, said.max_messages, request.max_messages)?;
        self.one("max_bytes", has.max_bytes, said.max_bytes, request.max_bytes)?;
        self.optional("ttl", has.ttl, said.ttl, request.ttl)?;
        self.one("overflow", has.overflow, said.overflow, request.overflow)?;
        self.one("partitions", has.partitions, said.partitions, request.partitions)?;
        self.optional("dedup", has.dedup, said.dedup, request.dedup)?;
        self.one("retain", has.retain, said.retain, request.retain)?;
        Ok(())
    }

    /// Compares what need not be there at all.
    fn optional<V: PartialEq + Debug, S>(
        &self,
        option: &'static str,
        has: Option<V>,
        said: Option<S>,
        wants: Option<V>,
    ) -> Result<(), OpenError> {
        self.one(option, Perhaps(has), said, wants.map(|wants| Perhaps(Some(wants))))
    }

    fn one<V: PartialEq + Debug, S>(
        &self,
        option: &'static str,
        has: V,
        said: Option<S>,
        wants: Option<V>,
    ) -> Result<(), OpenError> {
        match wants {
            Some(wants) if wants != has => {
                let since = if said.is_none() { " (the default)" } else { self.since };
                Err(conflict(self.name, option, format!("{has:?}{since}"), format!("{wants:?}")))
            }
            _ => Ok(()),
        }
    }
}
