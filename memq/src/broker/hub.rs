//! A broker's topics where another system keeps them: how they are found, and what this process knows
//! of them beside.

use std::any::type_name;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::binding;
use super::claims::Claims;
use super::not_found;
use crate::codec::form::{Decoders, Form};
use crate::codec::stage::Stages;
use crate::dictionary::Dictionary;
use crate::engine::clock::Clock;
use crate::engine::stats::TopicStats;
#[cfg(feature = "schema")]
use crate::error::DecodeError;
use crate::error::{AdminError, OpenError};
use crate::message::Far;
use crate::name::TopicName;
use crate::options::{Format, Overflow, Request, Retain};
use crate::payload::Payload;
#[cfg(feature = "schema")]
use crate::record::Record;
use crate::remote::{administered, opened, unsupported};
use crate::spi::{Capability, Incarnation, RemoteTopic, TopicRequest, Transport};

/// A connection to that system. Dropped, it is shut down.
pub(super) struct Hub {
    transport: Arc<dyn Transport>,
    clock: Arc<Clock>,
    /// Readers that were opened.
    readers: AtomicU64,
    /// What topics are bound to in this process, each for one incarnation.
    bindings: Mutex<HashMap<TopicName, (Incarnation, Arc<Binding>)>>,
}

/// What this process knows of a topic.
#[derive(Default)]
struct Binding {
    stages: OnceLock<Stages>,
    dictionary: OnceLock<Dictionary>,
    claims: Claims,
}

/// A topic that was opened.
pub(super) struct Reached<T: Payload> {
    pub(super) topic: Arc<dyn RemoteTopic>,
    pub(super) stages: Stages,
    pub(super) decoders: Arc<Decoders<T>>,
    /// What it compresses with, if this process has it.
    pub(super) dictionary: Option<Dictionary>,
    /// That it is elsewhere, for the handles to it.
    pub(super) far: Far<T, ()>,
}

impl Hub {
    pub(super) fn new(transport: Arc<dyn Transport>) -> Self {
        let (readers, bindings) = (AtomicU64::new(0), Mutex::default());
        Self { transport, clock: Arc::new(Clock::new()), readers, bindings }
    }

    pub(super) fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }

    pub(super) fn transport(&self) -> &Arc<dyn Transport> {
        &self.transport
    }

    /// A number for a reader, which no other one has.
    pub(super) fn next_reader(&self) -> u64 {
        self.readers.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn can(&self, what: Capability) -> bool {
        self.transport.capabilities().has(what)
    }

    /// Whether it can do this, which is asked of this topic.
    pub(super) fn able(&self, topic: &TopicName, what: Capability) -> Result<(), OpenError> {
        if self.can(what) { Ok(()) } else { Err(unsupported(topic.to_string(), what)) }
    }

    // Administration.

    pub(super) async fn topics(&self) -> Result<Vec<TopicName>, AdminError> {
        self.transport.topics().await.map_err(|fault| administered("", fault))
    }

    pub(super) async fn find(&self, topic: &str) -> Result<Arc<dyn RemoteTopic>, AdminError> {
        let name = TopicName::new(topic).map_err(|_| not_found(topic))?;
        let found = self.transport.find(&name).await;
        found.map_err(|fault| administered(topic, fault))?.ok_or_else(|| not_found(topic))
    }

    pub(super) async fn stats(&self, topic: &str) -> Result<TopicStats, AdminError> {
        let stats = self.find(topic).await?.stats().await;
        stats.map_err(|fault| administered(topic, fault))
    }

    pub(super) async fn close(&self, topic: &str) -> Result<(), AdminError> {
        let closed = self.find(topic).await?.close().await;
        closed.map_err(|fault| administered(topic, fault))
    }

    pub(super) async fn delete(&self, topic: &str) -> Result<(), AdminError> {
        let name = TopicName::new(topic).map_err(|_| not_found(topic))?;
        let known = |bindings: &HashMap<_, (Incarnation, _)>| bindings.get(&name).map(|of| of.0);
        let bound = known(&self.bindings.lock());
        let deleted = self.transport.delete(&name).await;
        let deleted = deleted.map_err(|fault| administered(topic, fault))?;
        let mut bindings = self.bindings.lock();
        // Not what a topic is bound to that was created since.
        if known(&bindings) == bound {
            bindings.remove(&name);
        }
        match deleted {
            true => Ok(()),
            false => Err(not_found(topic)),
        }
    }

    /// Whether there was this group.
    pub(super) async fn delete_group(&self, topic: &str, group: &str) -> Result<bool, AdminError> {
        let deleted = self.find(topic).await?.delete_group(group).await;
        deleted.map_err(|fault| administered(topic, fault))
    }

    /// A record of the topic as JSON, where a type that this process has opened it with is what it is of.
    #[cfg(feature = "schema")]
    pub(super) fn show(
        &self,
        topic: &TopicName,
        record: &Record,
    ) -> Option<Result<serde_json::Value, DecodeError>> {
        let (_, binding) = self.bindings.lock().get(topic)?.clone();
        binding.claims.show(record)
    }

    // Opening.

    /// Opens a topic, or creates it. `declared` is the type's format; records have none.
    pub(super) async fn open<T: Payload>(
        &self,
        name: &TopicName,
        request: &Request,
        stages: &Stages,
        declared: Option<Format>,
    ) -> Result<Reached<T>, OpenError> {
        let request = binding::requested(name, request, declared)?;
        // What is a value cannot leave the process, whatever is said of the system.
        let native = || unsupported(name.to_string(), Capability::Native);
        let far = T::Form::far(()).ok_or_else(native)?;
        self.check(name, &request)?;
        if let Some(dictionary) = &request.dictionary {
            let failed = |source| OpenError::Dictionary { topic: name.to_string(), source };
            dictionary.check().map_err(failed)?;
        }
        let asked = self.transport.open(asked(name, &request, stages)).await;
        let topic = asked.map_err(|fault| opened(name, fault))?;

        let binding = self.binding(name, topic.incarnation());
        if !stages.is_empty() {
            // The names are those of the topic, or it would not have been opened.
            binding.stages.get_or_init(|| stages.clone());
        }
        if let Some(dictionary) = &request.dictionary {
            let own = binding.dictionary.get_or_init(|| dictionary.clone());
            binding::check_same(name, Some(own), dictionary)?;
        }
        let decoders = match declared {
            Some(format) => binding.claim::<T>(name, format)?,
            None => Arc::new(Decoders::new(topic.options().format)),
        };
        let own = topic.options().dictionary;
        let has_own = |dictionary: &&Dictionary| Some(dictionary.id()) == own;
        Ok(Reached {
            topic,
            stages: binding.stages.get().cloned().unwrap_or_default(),
            decoders,
            dictionary: binding.dictionary.get().filter(has_own).cloned(),
            far,
        })
    }

    /// Whether the system can do what is asked for.
    fn check(&self, name: &TopicName, request: &Request) -> Result<(), OpenError> {
        let needs = [
            (request.partitions.is_some_and(|most| most > 1), Capability::Partitions),
            (request.dedup.is_some(), Capability::Dedup),
            (request.ttl.is_some(), Capability::Ttl),
            (request.overflow == Some(Overflow::Reject), Capability::Reject),
            (request.overflow == Some(Overflow::Wait), Capability::Wait),
            (request.retain == Some(Retain::UntilConsumed), Capability::UntilConsumed),
        ];
        let mut needed = needs.into_iter().filter(|(needed, _)| *needed);
        needed.try_for_each(|(_, what)| self.able(name, what))
    }

    /// What this incarnation of a topic is bound to.
    fn binding(&self, name: &TopicName, incarnation: Incarnation) -> Arc<Binding> {
        let mut bindings = self.bindings.lock();
        match bindings.get(name) {
            Some((known, binding)) if *known == incarnation => binding.clone(),
            _ => {
                let binding = Arc::new(Binding::default());
                bindings.insert(name.clone(), (incarnation, binding.clone()));
                binding
            }
        }
    }
}

impl Binding {
    /// Binds the topic to a type, and returns what reads it.
    fn claim<T: Payload>(
        &self,
        name: &TopicName,
        format: Format,
    ) -> Result<Arc<Decoders<T>>, OpenError> {
        let claimed = self.claims.claim::<T>(format);
        claimed.map_err(|other| binding::conflict(name, "type", other.name, type_name::<T>()))
    }
}

/// What is asked of the system.
fn asked(name: &TopicName, request: &Request, stages: &Stages) -> TopicRequest {
    let mut asked = TopicRequest::new(name.clone());
    asked.format = request.format;
    asked.compression = request.compression;
    asked.dictionary = request.dictionary.as_ref().map(Dictionary::id);
    asked.ttl = request.ttl;
    asked.max_messages = request.max_messages;
    asked.max_bytes = request.max_bytes;
    asked.overflow = request.overflow;
    asked.partitions = request.partitions;
    asked.dedup = request.dedup;
    asked.retain = request.retain;
    asked.stages = stages.to_names();
    asked
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.transport.shut_down();
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("transport", &self.transport).finish_non_exhaustive()
    }
}
