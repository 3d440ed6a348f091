//! How a consumer is opened whose topic is kept elsewhere.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;

use super::{ConsumerBuilder, Said, conflict};
use crate::backoff::Backoff;
use crate::broker::hub::{Hub, Reached};
use crate::broker::open::reading::{ReadableThere, Reading};
use crate::broker::open::{Opening, Plan};
use crate::codec::form::Form;
use crate::consumer::{Consumer, Seat};
use crate::delivery::Terms;
use crate::engine::group::Rules;
use crate::error::OpenError;
use crate::name::TopicName;
use crate::options::Start;
use crate::payload::Payload;
use crate::remote::{DeadLetters, Group, Member, Outlet, Site, opened};
use crate::spi::{Capability, GroupOrder, GroupRequest, GroupRules, OpenFault, RemoteTopic};

/// How long a dead-letter topic remembers at least which messages are in it, if nothing else is said
/// of it.
const REMEMBERS: Duration = Duration::from_secs(10 * 60);

/// A consumer that is to be opened, on its own.
pub(super) struct Joining<T> {
    /// Whether what is said is possible at all.
    checked: Result<(), OpenError>,
    reading: Reading<T>,
    group: String,
    said: Said,
    start: Start,
    max_in_flight: usize,
    prefetch: Option<usize>,
    backoff: Backoff,
}

impl<T: Payload> ConsumerBuilder<'_, T> {
    pub(super) fn plan(self, hub: &Arc<Hub>) -> Joining<T> {
        let checked = self.check();
        let Self { subscriber, group, said, max_in_flight, prefetch, backoff } = self;
        let start = subscriber.start;
        Joining {
            checked,
            reading: subscriber.reading(hub),
            group,
            said,
            start,
            max_in_flight,
            prefetch,
            backoff,
        }
    }
}

impl<T: Payload> Joining<T> {
    pub(super) fn into_opening(self) -> Opening<Consumer<T>> {
        Opening::there(self.open())
    }

    async fn open(self) -> Result<Consumer<T>, OpenError> {
        self.checked?;
        let ReadableThere { name, topic, reader, plan, far: there } = self.reading.reach().await?;
        plan.hub.able(&name, Capability::Groups)?;
        let fault = |fault| opened(&name, fault);
        let mut again = true;
        let (rules, dead_letters, seat) = loop {
            let existing = topic.group_rules(&self.group).await.map_err(|f| fault(f.into()))?;
            let existing = existing.map(|rules| near(&rules));
            let rules = self.said.over(existing.as_ref(), &name, &self.group);
            if let Some(existing) = existing.as_ref().filter(|existing| **existing != rules) {
                return Err(conflict(&name, &self.group, existing, &rules));
            }
            if rules.by_key {
                plan.hub.able(&name, Capability::KeyOrder)?;
            }
            if existing.is_none() {
                // One that cannot start there leaves no topic behind.
                check_start(&name, &*topic, self.start).await?;
            }
            let dead_letters = match &rules.dead_letter {
                Some(dead) => {
                    Some(dead_letters(&plan, &self.group, dead, rules.ack_deadline).await?)
                }
                None => None,
            };
            let asked = far(&rules, dead_letters.as_ref());
            let mut request = GroupRequest::new(&self.group, asked, self.start, self.max_in_flight);
            request.prefetch = self.prefetch;
            match topic.group(request).await {
                Ok(seat) => break (rules, dead_letters, seat),
                // It was created meanwhile: what is not said here is as it has it.
                Err(OpenFault::Rules(_)) if again => again = false,
                Err(OpenFault::Rules(has)) => {
                    return Err(conflict(&name, &self.group, &near(&has), &rules));
                }
                Err(other) => return Err(fault(other)),
            }
        };
        let group = Arc::new(Group {
            home: topic,
            name: self.group.clone().into(),
            transport: plan.hub.transport().clone(),
            ack_deadline: rules.ack_deadline,
            max_attempts: rules.max_attempts,
            dead_letters,
            clock: plan.hub.clock().clone(),
            keeper: OnceLock::new(),
            burials: watch::Sender::new(0),
        });
        let member = T::Form::instead(&there, Box::new(Member::new(group.clone(), seat)));
        let terms = Terms {
            site: Site::There(T::Form::instead(&there, group)),
            name: self.group.into(),
            backoff: self.backoff,
            ack_deadline: rules.ack_deadline,
            auto_ack: rules.auto_ack,
        };
        Ok(Consumer::new(Seat::there(member), reader, Arc::new(terms)))
    }
}

/// Whether a new group can start there.
async fn check_start(
    name: &TopicName,
    topic: &dyn RemoteTopic,
    start: Start,
) -> Result<(), OpenError> {
    let Start::Offset(requested) = start else { return Ok(()) };
    let stats = topic.stats().await.map_err(|fault| opened(name, fault.into()))?;
    if requested <= stats.next {
        return Ok(());
    }
    Err(OpenError::BeyondEnd { topic: name.to_string(), requested, end: stats.next })
}

/// The rules of a group as the system has them.
fn near(rules: &GroupRules) -> Rules {
    Rules {
        ack_deadline: rules.ack_deadline,
        max_attempts: rules.max_attempts,
        max_in_flight: rules.max_in_flight.unwrap_or(usize::MAX),
        auto_ack: rules.auto_ack,
        dead_letter: rules.dead_letter.as_ref().map(|name| name.as_str().into()),
        by_key: rules.order == GroupOrder::ByKey,
    }
}

/// The same for the system.
fn far(rules: &Rules, dead_letters: Option<&DeadLetters>) -> GroupRules {
    GroupRules {
        ack_deadline: rules.ack_deadline,
        max_attempts: rules.max_attempts,
        max_in_flight: Some(rules.max_in_flight).filter(|most| *most != usize::MAX),
        auto_ack: rules.auto_ack,
        dead_letter: dead_letters.map(|dead| dead.outlet.topic.clone()),
        order: if rules.by_key { GroupOrder::ByKey } else { GroupOrder::Any },
    }
}

/// Opens the dead-letter topic of a group of this topic.
async fn dead_letters<T: Payload>(
    origin: &Plan<T>,
    group: &str,
    name: &str,
    ack_deadline: Duration,
) -> Result<DeadLetters, OpenError> {
    let open = async {
        let mut plan = origin.named(TopicName::new(name)?);
        if plan.hub.can(Capability::Dedup) {
            // A message that is buried twice, since its group was not told in time, is to be there once.
            plan.asked.said.dedup = Some(REMEMBERS.max(ack_deadline.saturating_mul(2)));
        }
        let reached = match plan.reach().await {
            // It has its own options, so be it.
            Err(OpenError::Conflict(_) | OpenError::Option { .. }) => {
                plan.asked.said.dedup = None;
                plan.reach().await
            }
            reached => reached,
        };
        let (name, Reached { topic, .. }) = reached?;
        let way = topic.publisher().await.map_err(|fault| opened(&name, fault))?;
        // From here on its options do not change.
        let options = topic.options();
        let (partitions, dedup) = (options.partitions, options.dedup.is_some());
        let outlet = Arc::new(Outlet { topic: name, way });
        Ok(DeadLetters { outlet, partitions, dedup })
    };
    open.await.map_err(|source: OpenError| OpenError::DeadLetterTopic {
        group: group.into(),
        source: Box::new(source),
    })
}
