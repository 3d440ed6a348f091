//! What a topic is bound to: its options, stages and type; and what happens when somebody opens
//! it with others.

use std::any::{Any, TypeId, type_name};
use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use crate::codec::form::{Decoders, Payload};
use crate::codec::stage::Stages;
use crate::engine::registry::{AnyTopic, Registry};
use crate::engine::topic::Topic;
use crate::error::{OpenError, TopicConflict};
use crate::message::Stored;
use crate::options::{
    Compression, DEFAULT_MAX_BYTES, DEFAULT_MAX_MESSAGES, Format, Overflow, TopicOptions,
};
use crate::topic::{Request, TopicName};

/// What hangs on a topic beside its log.
struct Binding {
    stages: Stages,
    /// The type that was opened first, if any was; records bind nothing.
    claim: OnceLock<Claim>,
}

/// A type's hold on a topic.
struct Claim {
    id: TypeId,
    name: &'static str,
    format: Format,
    /// The `Arc<Decoders<T>>` of that type.
    decoders: Arc<dyn Any + Send + Sync>,
}

/// A topic that was opened.
pub(super) struct Bound<T: Payload> {
    pub(super) topic: Arc<Topic<Stored<T>>>,
    pub(super) stages: Stages,
    pub(super) decoders: Arc<Decoders<T>>,
    /// The format of what names none.
    pub(super) format: Format,
}

/// Opens a topic, or creates it as requested. `declared` is the type's format; records have none.
pub(super) fn open<T: Payload>(
    registry: &Registry,
    name: &TopicName,
    request: &Request,
    stages: &Stages,
    declared: Option<Format>,
) -> Result<Bound<T>, OpenError> {
    let options = resolve(name, request, declared)?;
    let any = registry.open::<Stored<T>>(name, |clock| {
        let binding = Binding { stages: stages.clone(), claim: OnceLock::new() };
        Topic::new(name.clone(), options, clock, Box::new(binding))
    });
    let conflicts = Conflicts { name, any: &*any };
    conflicts.check(request, stages)?;
    let binding = binding(&*any);
    let Ok(topic) = any.clone().into_any().downcast::<Topic<Stored<T>>>() else {
        return Err(match (declared, binding.and_then(|binding| binding.claim.get())) {
            (None, _) => OpenError::Native { topic: name.to_string() },
            (Some(_), Some(claim)) => conflicts.of("type", claim.name, type_name::<T>()),
            (Some(format), None) => conflicts.of("format", any.options().format, format),
        });
    };
    let stages = binding.map(|binding| binding.stages.clone()).unwrap_or_default();
    let Some(format) = declared else {
        let format = self::options(&*any).format;
        return Ok(Bound { topic, stages, decoders: Arc::new(Decoders::new(format)), format });
    };
    let existing = any.options().format;
    if existing != Format::Raw && existing != format {
        return Err(conflicts.of("format", existing, format));
    }
    let claim = || Claim {
        id: TypeId::of::<T>(),
        name: type_name::<T>(),
        format,
        decoders: Arc::new(Decoders::<T>::new(format)),
    };
    let decoders = binding.map(|binding| binding.claim.get_or_init(claim)).and_then(|claim| {
        (claim.id == TypeId::of::<T>()).then(|| claim.decoders.clone().downcast().ok()).flatten()
    });
    match decoders {
        Some(decoders) => Ok(Bound { topic, stages, decoders, format }),
        None => {
            let claimed = binding.and_then(|binding| binding.claim.get());
            Err(conflicts.of("type", claimed.map_or("another", |c| c.name), type_name::<T>()))
        }
    }
}

/// A topic's options, with the format of the type that claimed it.
pub(super) fn options(topic: &dyn AnyTopic) -> TopicOptions {
    let mut options = *topic.options();
    if let Some(claim) = binding(topic).and_then(|binding| binding.claim.get()) {
        options.format = claim.format;
    }
    options
}

fn binding(topic: &dyn AnyTopic) -> Option<&Binding> {
    topic.attachment().downcast_ref()
}

/// The options of a topic that is created now.
fn resolve(
    name: &TopicName,
    request: &Request,
    declared: Option<Format>,
) -> Result<TopicOptions, OpenError> {
    let (compression, level) = request.compression.unwrap_or_default();
    check_compression(name, compression, level)?;
    let format = declared.or(request.format).unwrap_or(Format::Raw);
    if format == Format::Native && compression != Compression::None {
        let remedy = "a native message has no bytes: give the type a format, or leave it out";
        return Err(refuse(name, "compress", compression, remedy));
    }
    if declared.is_none() && matches!(format, Format::Native | Format::Cbor) {
        let remedy = "bytes are Json, MessagePack, Postcard, Bincode, Custom or Raw";
        return Err(refuse(name, "format", format, remedy));
    }
    let max_messages = request.max_messages.unwrap_or(DEFAULT_MAX_MESSAGES);
    let max_bytes = request.max_bytes.unwrap_or(DEFAULT_MAX_BYTES);
    if max_messages == 0 {
        return Err(refuse(name, "max", 0, "a topic holds at least one message"));
    }
    if max_bytes == 0 {
        return Err(refuse(name, "max_bytes", 0, "a topic holds at least one byte"));
    }
    if request.ttl.is_some_and(|ttl| ttl.is_zero()) {
        return Err(refuse(name, "ttl", "0s", "a ttl is longer than zero"));
    }
    Ok(TopicOptions {
        format,
        compression,
        level,
        max_messages,
        max_bytes,
        ttl: request.ttl,
        overflow: request.overflow.unwrap_or(Overflow::DropOldest),
    })
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

fn refuse(
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

/// Compares a request with what a topic has.
struct Conflicts<'a> {
    name: &'a TopicName,
    any: &'a dyn AnyTopic,
}

impl Conflicts<'_> {
    fn check(&self, request: &Request, stages: &Stages) -> Result<(), OpenError> {
        let has = options(self.any);
        // A type declares its format; who opens by name may leave it open, and then has `Raw`.
        if has.format != Format::Raw {
            self.compare("format", has.format, request.format)?;
        }
        self.compare("compress", (has.compression, has.level), request.compression)?;
        self.compare("max", has.max_messages, request.max_messages)?;
        self.compare("max_bytes", has.max_bytes, request.max_bytes)?;
        self.compare("overflow", has.overflow, request.overflow)?;
        if request.ttl.is_some() && request.ttl != has.ttl {
            return Err(self.of("ttl", Debugged(has.ttl), Debugged(request.ttl)));
        }
        let existing = binding(self.any).map(|binding| binding.stages.names());
        if !stages.is_empty() && existing.as_ref() != Some(&stages.names()) {
            return Err(self.of("stage", existing.unwrap_or_default(), stages.names()));
        }
        Ok(())
    }

    fn compare<V: PartialEq + Debug>(
        &self,
        option: &'static str,
        has: V,
        wants: Option<V>,
    ) -> Result<(), OpenError> {
        match wants {
            Some(wants) if wants != has => Err(self.of(option, Debugged(has), Debugged(wants))),
            _ => Ok(()),
        }
    }

    fn of(&self, option: &'static str, has: impl ToString, wants: impl ToString) -> OpenError {
        OpenError::Conflict(TopicConflict {
            topic: self.name.to_string(),
            option,
            existing: has.to_string(),
            requested: wants.to_string(),
        })
    }
}

/// Shows a value as it is written in code.
struct Debugged<V>(V);

impl<V: Debug> std::fmt::Display for Debugged<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
