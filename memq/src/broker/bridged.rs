//! What a bridge asks of a broker: which topic it has, and how far that was mirrored.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::{Broker, Home, binding, find};
use crate::engine::topic::Topic;
use crate::error::{AdminError, OpenError};
use crate::key::Key;
use crate::name::TopicName;
use crate::record::Body;
use crate::spi::{Capabilities, Capability};

/// Removes a consumer group.
pub(crate) type RemoveGroup = Box<dyn Fn() + Send>;

/// The offset of a topic's next message, while the topic is there.
pub(crate) type EndOf = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

impl Broker {
    /// Whether its topics are in memory.
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.home, Home::Memory(_))
    }

    pub(crate) fn can(&self, what: Capability) -> bool {
        match &self.home {
            Home::Memory(_) => Capabilities::IN_MEMORY.has(what),
            Home::Elsewhere(hub) => hub.can(what),
        }
    }

    /// That it can do this, which is asked of this topic.
    pub(crate) fn able(&self, topic: &TopicName, what: Capability) -> Result<(), OpenError> {
        match &self.home {
            Home::Memory(_) => Ok(()),
            Home::Elsewhere(hub) => hub.able(topic, what),
        }
    }

    /// What tells a topic from every other, of this system and of others, and from one of its name
    /// that is created later.
    pub(crate) async fn identity(&self, topic: &TopicName) -> Result<u64, AdminError> {
        match &self.home {
            Home::Memory(registry) => Ok(binding::identity(&*find(registry, topic.as_str())?)),
            Home::Elsewhere(hub) => {
                let incarnation = hub.find(topic.as_str()).await?.incarnation();
                let text = format!("{}/{topic}/{:032x}", hub.transport().name(), incarnation.0);
                Ok(Key::new(text.as_bytes()).hash64())
            }
        }
    }

    /// The names of a topic's stages.
    pub(crate) async fn stages(&self, topic: &TopicName) -> Result<Vec<String>, AdminError> {
        match &self.home {
            Home::Memory(registry) => Ok(binding::stages(&*find(registry, topic.as_str())?)),
            Home::Elsewhere(hub) => Ok(hub.find(topic.as_str()).await?.stages()),
        }
    }

    /// Where it is written how far the bridge of this name has mirrored the topic of this identity into
    /// this one, for as long as this one is there; `fresh` where that was not said. In memory alone.
    pub(crate) fn mirrored(
        &self,
        topic: &TopicName,
        source: u64,
        bridge: Option<&str>,
        fresh: u64,
    ) -> Option<Arc<AtomicU64>> {
        let Home::Memory(registry) = &self.home else { return None };
        binding::mirrored(&*registry.get(topic.as_str())?, source, bridge, fresh)
    }

    /// What tells where this topic ends, and does not keep it. In memory alone.
    pub(crate) fn end_of(&self, topic: &TopicName) -> Option<EndOf> {
        let Home::Memory(registry) = &self.home else { return None };
        let topic = registry.get(topic.as_str())?.into_any().downcast::<Topic<Body>>().ok()?;
        let topic = Arc::downgrade(&topic);
        Some(Arc::new(move || Some(topic.upgrade()?.end().0)))
    }

    /// What removes a group of this topic and what is known beside the topic of a bridge of that name, also
    /// when the broker is gone. In memory alone.
    pub(crate) fn group_remover(&self, topic: &TopicName, group: &str) -> Option<RemoveGroup> {
        let Home::Memory(registry) = &self.home else { return None };
        let (topic, group) = (registry.get(topic.as_str())?, group.to_owned());
        Some(Box::new(move || {
            topic.delete_group(&group);
            binding::forget_mirrored(&*topic, &group);
        }))
    }
}
