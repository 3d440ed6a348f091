//! A topic of the server, as one connection has it.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::SystemTime;

use memq::spi::*;
use memq::{OpenError, Record, Timestamp, TopicBuilder, TopicName, TopicOptions, TopicStats};

use super::groups::Member;
use super::publishing::Window;
use super::reading::Reader;
use super::{Connection, Kept, at_once, now};

#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) connection: Arc<Connection>,
    pub(super) kept: Arc<Kept>,
}

impl Topic {
    /// Says what nobody has said, and compares the rest.
    pub(super) fn settle(&self, request: &TopicRequest) -> Result<(), OpenFault> {
        let mut said = self.kept.said.lock().unwrap();
        if !self.kept.settled.load(SeqCst) {
            said.compression = said.compression.or(request.compression);
            said.dictionary = said.dictionary.or(request.dictionary);
            said.ttl = said.ttl.or(request.ttl);
            said.max_messages = said.max_messages.or(request.max_messages);
            said.max_bytes = said.max_bytes.or(request.max_bytes);
            said.overflow = said.overflow.or(request.overflow);
            said.partitions = said.partitions.or(request.partitions);
            said.dedup = said.dedup.or(request.dedup);
            said.retain = said.retain.or(request.retain);
            if said.stages.is_empty() {
                said.stages = request.stages.clone();
            }
        }
        said.format = said.format.or(request.format);
        let has = said.over(TopicOptions::default());
        request.compare(&has, &said.stages)?;
        drop(said);
        at_once(self.inside().create()).map_err(unavailable)?;
        Ok(())
    }

    /// The topic of the broker inside.
    fn inside(&self) -> TopicBuilder<'_, Record> {
        let said = self.kept.said.lock().unwrap().clone();
        let mut inside = self.connection.server.broker.topic(self.kept.name.as_str());
        if let Some(ttl) = said.ttl {
            inside = inside.ttl(ttl);
        }
        if let Some(max) = said.max_messages {
            inside = inside.max(max);
        }
        if let Some(max) = said.max_bytes {
            inside = inside.max_bytes(max);
        }
        if let Some(overflow) = said.overflow {
            inside = inside.overflow(overflow);
        }
        if let Some(partitions) = said.partitions {
            inside = inside.partitions(partitions);
        }
        if let Some(window) = said.dedup {
            inside = inside.dedup(window);
        }
        if let Some(retain) = said.retain {
            inside = inside.retain(retain);
        }
        inside
    }

    /// Whether it is still the topic of its name.
    fn is_there(&self) -> Result<(), Fault> {
        let topics = self.connection.server.topics.lock().unwrap();
        match topics.get(&self.kept.name) {
            Some(kept) if Arc::ptr_eq(kept, &self.kept) => Ok(()),
            _ => Err(Fault::Deleted),
        }
    }
}

fn unavailable(error: OpenError) -> Fault {
    Fault::Unavailable(error.into())
}

fn not_opened(error: OpenError) -> OpenFault {
    match error {
        OpenError::BeyondEnd { requested, end, .. } => OpenFault::BeyondEnd { requested, end },
        error => unavailable(error).into(),
    }
}

impl RemoteTopic for Topic {
    fn name(&self) -> &TopicName {
        &self.kept.name
    }

    fn incarnation(&self) -> Incarnation {
        self.kept.incarnation
    }

    fn options(&self) -> TopicOptions {
        self.kept.said.lock().unwrap().over(TopicOptions::default())
    }

    fn stages(&self) -> Vec<String> {
        self.kept.said.lock().unwrap().stages.clone()
    }

    fn publisher(&self) -> Boxed<Result<Arc<dyn RemotePublisher>, OpenFault>> {
        let topic = self.clone();
        Box::pin(async move {
            topic.is_there()?;
            topic.kept.settled.store(true, SeqCst);
            let inside = topic.inside().publisher().await.map_err(not_opened)?;
            let knows_ids = topic.options().dedup.is_some();
            let publisher: Arc<dyn RemotePublisher> =
                Arc::new(Window::open(topic.connection.clone(), inside, knows_ids));
            Ok(publisher)
        })
    }

    fn reader(&self, request: ReaderRequest) -> Boxed<Result<Box<dyn RemoteReader>, OpenFault>> {
        let topic = self.clone();
        Box::pin(async move {
            topic.is_there()?;
            let inside = topic.inside().subscriber().keep_sealed().from(request.start);
            let inside = inside.await.map_err(not_opened)?;
            let (start, connection) = (inside.position(), topic.connection.clone());
            let reader: Box<dyn RemoteReader> = Box::new(Reader { connection, inside, start });
            Ok(reader)
        })
    }

    fn group(&self, request: GroupRequest) -> Boxed<Result<Box<dyn RemoteGroup>, OpenFault>> {
        let topic = self.clone();
        Box::pin(async move {
            topic.is_there()?;
            *topic.connection.prefetch.lock().unwrap() = request.prefetch;
            let rules = topic.kept.groups.lock().unwrap().get(&*request.name).cloned();
            if let Some(rules) = rules.filter(|rules| *rules != request.rules) {
                return Err(OpenFault::Rules(Box::new(rules)));
            }
            let reading = topic.inside().subscriber().keep_sealed().from(request.start);
            let mut inside = reading
                .group(&*request.name)
                .max_in_flight(request.max_in_flight)
                .without_dead_letters();
            if request.rules.order == GroupOrder::Any {
                inside = inside.any_order();
            }
            if request.rules.auto_ack {
                inside = inside.auto_ack();
            } else {
                inside = inside.ack_deadline(request.rules.ack_deadline);
            }
            if let Some(most) = request.rules.max_in_flight {
                inside = inside.group_max_in_flight(most);
            }
            let inside = inside.await.map_err(not_opened)?;
            let deadline = request.rules.ack_deadline;
            topic.kept.groups.lock().unwrap().insert(request.name.to_string(), request.rules);
            let (connection, retired) = (topic.connection.clone(), false);
            let kept = topic.kept.clone();
            let member = Member { connection, kept, inside, retired, deadline, lagged: 0 };
            let member: Box<dyn RemoteGroup> = Box::new(member);
            Ok(member)
        })
    }

    fn group_rules(&self, group: &str) -> Boxed<Result<Option<GroupRules>, Fault>> {
        let rules = self.kept.groups.lock().unwrap().get(group).cloned();
        now(self.is_there().map(|()| rules))
    }

    fn delete_group(&self, group: &str) -> Boxed<Result<bool, Fault>> {
        let deleted = self.kept.groups.lock().unwrap().remove(group).is_some();
        self.kept.forgotten.lock().unwrap().remove(group);
        if deleted {
            at_once(self.connection.server.broker.delete_group(&self.kept.name, group)).unwrap();
        }
        now(self.is_there().map(|()| deleted))
    }

    fn expired(&self) -> Option<Timestamp> {
        match self.connection.expired.load(SeqCst) {
            // The broker inside dates by the same clock.
            0 => Some(Timestamp::from(SystemTime::now()) - self.options().ttl?),
            nanos => Some(Timestamp::from_nanos(nanos)),
        }
    }

    fn stats(&self) -> Boxed<Result<TopicStats, Fault>> {
        let stats = at_once(self.connection.server.broker.stats(&self.kept.name));
        let stats = stats.map(|mut stats| {
            stats.groups = stats.groups.into_iter().map(|group| self.kept.told(group)).collect();
            stats
        });
        now(self.is_there().and_then(|()| stats.map_err(|_| Fault::Deleted)))
    }

    fn close(&self) -> Boxed<Result<(), Fault>> {
        let closed = at_once(self.connection.server.broker.close(&self.kept.name));
        now(self.is_there().and_then(|()| closed.map_err(|_| Fault::Deleted)))
    }
}
