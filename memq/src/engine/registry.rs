//! Which topics there are. Holds each under its name, whatever its payload type.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::clock::Clock;
use super::recycler::Recycler;
use super::stats::TopicStats;
use super::sync::Mutex;
use super::topic::Topic;
use crate::name::TopicName;
use crate::options::{Request, TopicOptions};
use crate::position::Timestamp;

/// A topic of any payload type.
pub(crate) trait AnyTopic: Send + Sync {
    fn settle(&self, request: &Request) -> (TopicOptions, Request);
    fn attachment(&self) -> &(dyn Any + Send + Sync);
    fn now(&self) -> Timestamp;
    /// `None` once it was deleted.
    fn stats(&self) -> Option<TopicStats>;
    /// Whether there was this group.
    fn delete_group(&self, name: &str) -> bool;
    fn close(&self);
    /// As `close`, and ends the topic's tasks.
    fn abandon(&self);
    fn delete(&self);
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<P: Send + Sync + 'static> AnyTopic for Topic<P> {
    fn settle(&self, request: &Request) -> (TopicOptions, Request) {
        self.settle(request)
    }

    fn attachment(&self) -> &(dyn Any + Send + Sync) {
        self.attachment()
    }

    fn now(&self) -> Timestamp {
        self.now()
    }

    fn stats(&self) -> Option<TopicStats> {
        self.stats()
    }

    fn delete_group(&self, name: &str) -> bool {
        self.delete_group(name)
    }

    fn close(&self) {
        self.close();
    }

    fn abandon(&self) {
        self.abandon();
    }

    fn delete(&self) {
        self.delete();
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// The topics of a broker. Dropping it closes them all.
pub(crate) struct Registry {
    clock: Arc<Clock>,
    recycler: Arc<Recycler>,
    topics: Mutex<HashMap<TopicName, Arc<dyn AnyTopic>>>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            clock: Arc::new(Clock::new()),
            recycler: Arc::default(),
            topics: Mutex::new(HashMap::new()),
        }
    }

    /// The topic of this name, or the one that `create` makes, which must not use the registry.
    pub(crate) fn open<P: Send + Sync + 'static>(
        &self,
        name: &TopicName,
        create: impl FnOnce(Arc<Clock>) -> Topic<P>,
    ) -> Arc<dyn AnyTopic> {
        let mut topics = self.topics.lock();
        if let Some(topic) = topics.get(name) {
            return topic.clone();
        }
        let topic = create(self.clock.clone()).recycling(&self.recycler);
        let topic: Arc<dyn AnyTopic> = Arc::new(topic);
        topics.insert(name.clone(), topic.clone());
        topic
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<dyn AnyTopic>> {
        self.topics.lock().get(name).cloned()
    }

    /// All names, sorted.
    pub(crate) fn names(&self) -> Vec<TopicName> {
        let mut names: Vec<_> = self.topics.lock().keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// Forgets the topic of this name.
    pub(crate) fn remove(&self, name: &str) -> Option<Arc<dyn AnyTopic>> {
        self.topics.lock().remove(name)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        for topic in self.topics.get_mut().values() {
            topic.abandon();
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("topics", &self.names()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(memq_loom)))]
mod tests {
    use super::*;
    use crate::engine::offer::Entry;
    use crate::engine::queue::Place;
    use crate::engine::recycler::LATE;
    use crate::engine::slots::Spare;

    /// As large as a slot whose memory is used again.
    type Value = [u64; 8];

    /// What is left grows until so much is there that the oldest is used again, and then no more.
    #[test]
    fn topics_use_the_memory_of_segments_that_are_gone() {
        let registry = Registry::new();
        let name = TopicName::new("values").expect("a name");
        let create = |clock| Topic::<Value>::new(name.clone(), clock, Box::new(()));
        let topic = registry.open(&name, create);
        let topic = topic.into_any().downcast::<Topic<Value>>().expect("a topic of values");
        topic.settle(&Request { max_messages: Some(1024), ..Request::default() });
        let segment = Spare::<Value>::bytes(256);
        for number in 0..60_000 {
            let mut entry = Some(Entry::new([number; 8], None, 64));
            topic.append(&mut entry, None, &mut Place::default()).expect("stored");
        }
        let kept = registry.recycler.bytes();
        assert!((LATE..=LATE + 2 * segment).contains(&kept), "{kept} bytes");
    }
}
