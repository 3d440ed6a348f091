//! The builder that opens a consumer: which group it joins, and by which rules.

mod partial;
mod remote;

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use super::subscriber::{Readable, not_joined};
use super::{Opening, SubscriberBuilder, TopicBuilder};
use crate::backoff::Backoff;
use crate::broker::{Home, binding};
use crate::codec::form::Reader;
use crate::consumer::{Consumer, Seat};
use crate::dead_letter::DeadLetterTopic;
use crate::delivery::{Near, Terms};
use crate::engine::clock::FAR;
use crate::engine::group::Rules;
use crate::engine::member::Member;
use crate::engine::registry::Registry;
use crate::engine::state::GroupError;
use crate::engine::topic::Topic;
use crate::error::{GroupConflict, OpenError};
use crate::message::Stored;
use crate::name::TopicName;
use crate::options::{DEFAULT_ACK_DEADLINE, DEFAULT_MAX_ATTEMPTS, Start};
use crate::payload::Payload;
use crate::remote::Site;

/// Messages that a member holds at most where nothing is said.
const MAX_IN_FLIGHT: usize = 1_000;

/// A consumer about to be opened: the rules of its group, and its own. Await it.
///
/// What is said of the group is said once: a member that says something else is refused with
/// [`GroupConflict`], and one that says nothing takes what the group has.
///
/// ```
/// # use memq::{Backoff, Broker, Topic};
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), memq::Error> {
/// # #[derive(Topic)]
/// # #[topic(name = "orders")]
/// # struct Order { item: String }
/// # let broker = Broker::new();
/// let billing = broker
///     .subscriber::<Order>()
///     .group("billing")
///     .ack_deadline(Duration::from_secs(60))
///     .max_attempts(3)
///     .backoff(Backoff::exponential(Duration::from_millis(50), Duration::from_secs(5)))
///     .dead_letter("orders.unpaid")
///     .await?;
/// assert_eq!(billing.dead_letter_topic().unwrap().as_str(), "orders.unpaid");
/// # Ok(())
/// # }
/// ```
#[must_use = "a consumer is opened by `.await`"]
pub struct ConsumerBuilder<'b, T> {
    subscriber: SubscriberBuilder<'b, T>,
    group: String,
    said: Said,
    max_in_flight: usize,
    prefetch: Option<usize>,
    backoff: Backoff,
}

/// What is said of the group.
#[derive(Clone, Debug, Default)]
struct Said {
    ack_deadline: Option<Duration>,
    max_attempts: Option<u32>,
    group_max_in_flight: Option<usize>,
    auto_ack: Option<bool>,
    any_order: Option<bool>,
    /// The name of the dead-letter topic, or that there is none.
    dead_letter: Option<Option<String>>,
}

impl<'b, T: Payload> ConsumerBuilder<'b, T> {
    pub(super) fn new(subscriber: SubscriberBuilder<'b, T>, group: String) -> Self {
        Self {
            subscriber,
            group,
            said: Said::default(),
            max_in_flight: MAX_IN_FLIGHT,
            prefetch: None,
            backoff: Backoff::default(),
        }
    }

    /// Where a group that is new starts, as [`SubscriberBuilder::from`] says; one that is there resumes.
    pub fn from(mut self, start: impl Into<Start>) -> Self {
        self.subscriber = self.subscriber.from(start);
        self
    }

    /// How long a message may be in flight before it comes back: of the group, 30 seconds if not
    /// said. In memory it may have a millisecond more. Thirty years at most.
    pub fn ack_deadline(mut self, deadline: Duration) -> Self {
        self.said.ack_deadline = Some(deadline.min(FAR));
        self
    }

    /// How often a message is handed out before it goes to the dead-letter topic: of the group, 5
    /// times if not said. Not without a dead-letter topic: there a message comes back any number of
    /// times.
    ///
    /// Every hand-out is an attempt, however it ends: also one that was dropped unseen, or whose
    /// consumer was dropped.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.said.max_attempts = Some(attempts);
        self
    }

    /// How many messages this member may hold unsettled, whatever others may; 1,000 if not said. At
    /// the limit
    /// [`recv`](Consumer::recv) waits until one is settled.
    pub fn max_in_flight(mut self, messages: usize) -> Self {
        self.max_in_flight = messages;
        self
    }

    /// How many messages this member fetches before it asks for them, at most, where topics are
    /// [kept elsewhere](crate::Broker::over): so each does not cost a round trip. They count towards
    /// [`max_in_flight`](Self::max_in_flight), and are kept from the other members meanwhile.
    ///
    /// What was fetched and not handed out comes back when the member leaves or dies, and may count as
    /// an [attempt](Self::max_attempts), as on NATS JetStream: a message that lay with as many members as
    /// it has attempts, which all left, is dead though nobody was handed it. Give it more attempts than
    /// members may leave meanwhile. So 0 if not said, in groups that count attempts; in others it is for the
    /// system to say.
    ///
    /// A batch needs none, since it asks for all it can take; nor does a [worker](Consumer::run) of a
    /// function, which asks for as many as it has handlers free. Messages with a key that take turns may
    /// still cost a round trip each. Where members may [hold so many
    /// together](Self::group_max_in_flight) nothing is fetched ahead, since it would be of what the others
    /// may hold. In memory everything is at hand, and this changes nothing.
    ///
    /// ```
    /// # use memq::{Broker, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[derive(Topic)]
    /// # #[topic(name = "orders")]
    /// # struct Order { item: String }
    /// # let broker = Broker::new();
    /// let mut billing = broker.subscriber::<Order>().group("billing").prefetch(256).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefetch(mut self, messages: usize) -> Self {
        self.prefetch = Some(messages);
        self
    }

    /// How many messages the members may hold together; of the group, only what each may if not
    /// said.
    pub fn group_max_in_flight(mut self, messages: usize) -> Self {
        self.said.group_max_in_flight = Some(messages);
        self
    }

    /// The name of the dead-letter topic; of the group, `{topic}.{group}.dead` if not said.
    ///
    /// It is an ordinary topic with the default options, which holds messages of this type alone;
    /// [`DeadLetters::create`](crate::DeadLetters::create) gives it others, before the group is opened. When
    /// it is full its oldest messages go, unless its `overflow` says otherwise.
    pub fn dead_letter(mut self, topic: impl Into<String>) -> Self {
        self.said.dead_letter = Some(Some(topic.into()));
        self
    }

    /// The group gives no message up: it comes back until it is acknowledged, holds up its key, and
    /// cannot be rejected. What cannot be decoded comes back too, each time as
    /// [`RecvError::Decode`](crate::RecvError::Decode).
    pub fn without_dead_letters(mut self) -> Self {
        self.said.dead_letter = Some(None);
        self
    }

    /// How long a message waits after a bare `nack` of this member, and of this one alone: each member
    /// says its own, or has that from 100 ms to 30 s.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Messages are settled when they are handed out: at most once. What a member had in hand when it
    /// went away is not handled, and there are no dead letters. Of the group.
    ///
    /// So nothing is in flight for [`max_in_flight`](Self::max_in_flight) to count. To acknowledge, to
    /// reject or to drop a delivery does nothing, and what says whether that counted, as `ack_confirmed`
    /// does, says [`AlreadySettled`](crate::SettleError::AlreadySettled).
    pub fn auto_ack(mut self) -> Self {
        self.said.auto_ack = Some(true);
        self
    }

    /// Messages of one key do not wait for each other: several may be in flight, and one that comes
    /// back is handled after later ones. Of the group, which keeps the order within a key if this is
    /// not said.
    ///
    /// For work in which each message stands for itself: one that fails holds up nothing. A backend
    /// with a server has to hand out the messages of a partition that have a key one by one to keep
    /// their order, and without it many at once.
    ///
    /// ```
    /// # use memq::{Broker, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[derive(Topic)]
    /// # #[topic(name = "mails")]
    /// # struct Mail { #[topic(key)] to: u64 }
    /// # let broker = Broker::new();
    /// # let mails = broker.publisher::<Mail>().await?;
    /// let mut outbox = broker.subscriber::<Mail>().group("outbox").any_order().await?;
    /// mails.publish_batch([Mail { to: 7 }, Mail { to: 7 }]).await?;
    /// assert_eq!(outbox.recv_batch(2).await?.len(), 2); // with order, one at a time
    /// # Ok(())
    /// # }
    /// ```
    pub fn any_order(mut self) -> Self {
        self.said.any_order = Some(true);
        self
    }

    fn open(mut self, registry: &Arc<Registry>) -> Result<Consumer<T>, OpenError> {
        // Before the topic is opened, which may create it.
        self.check()?;
        let Readable { name, topic, reader } = self.subscriber.bind(registry)?;
        let open = |rules: &Rules| {
            let (group, start, most) = (&*self.group, self.subscriber.start, self.max_in_flight);
            Member::open(topic.clone(), group, rules, start, most)
        };
        let (mut rules, mut dead_letters) = self.rules(registry, &name, &topic)?;
        let mut opened = open(&rules);
        if let Err(GroupError::Rules(_)) = &opened {
            // It was created meanwhile: what is not said here is as it has it.
            (rules, dead_letters) = self.rules(registry, &name, &topic)?;
            opened = open(&rules);
        }
        let member = opened.map_err(|error| self.refused(&name, &rules, error))?;
        let terms = Terms {
            site: Site::Here(Near { group: member.holder().clone(), dead_letters }),
            name: self.group.into(),
            backoff: self.backoff,
            ack_deadline: rules.ack_deadline,
            auto_ack: rules.auto_ack,
        };
        Ok(Consumer::new(Seat::here(member), reader, Arc::new(terms)))
    }

    /// Whether what is said is possible, whatever the group has.
    fn check(&self) -> Result<(), OpenError> {
        let name = self.subscriber.topic.name.clone()?;
        let refuse = |option, value: &dyn fmt::Display, remedy: &str| {
            Err(binding::refuse(&name, option, value, remedy))
        };
        check_name(&self.group)?;
        if self.subscriber.filter.is_some() {
            let remedy = "what one member passed over would be lost to the group: `ack` what is not \
                          wanted, or subscribe without a group";
            return refuse("filter", &"with a group", remedy);
        }
        if let Some(partition) = self.subscriber.partition {
            let remedy = "the members of a group divide the partitions: subscribe without a group";
            return refuse("partition", &partition, remedy);
        }
        if self.said.ack_deadline == Some(Duration::ZERO) {
            return refuse("ack_deadline", &"0s", "a deadline is longer than zero");
        }
        if let (Some(true), Some(deadline)) = (self.said.auto_ack, self.said.ack_deadline) {
            let remedy = "with `auto_ack` a message is settled before it could come back";
            return refuse("ack_deadline", &format_args!("{deadline:?}"), remedy);
        }
        if self.said.max_attempts == Some(0) {
            return refuse("max_attempts", &0, "a message is handed out at least once");
        }
        if self.max_in_flight == 0 {
            return refuse("max_in_flight", &0, "a member holds at least one message");
        }
        if self.said.group_max_in_flight == Some(0) {
            return refuse("group_max_in_flight", &0, "a group holds at least one message");
        }
        if let (Some(true), Some(most)) = (self.said.auto_ack, self.said.group_max_in_flight) {
            let remedy = "with `auto_ack` no message is in flight";
            return refuse("group_max_in_flight", &most, remedy);
        }
        let never_dead = self.said.auto_ack == Some(true) || self.said.dead_letter == Some(None);
        if let (true, Some(attempts)) = (never_dead, self.said.max_attempts) {
            let remedy = "after the last attempt a message goes to the dead-letter topic, and there \
                          is none with `without_dead_letters` or `auto_ack`";
            return refuse("max_attempts", &attempts, remedy);
        }
        match &self.said.dead_letter {
            Some(Some(dead)) if self.said.auto_ack == Some(true) => {
                let remedy = "with `auto_ack` a message is settled before it could die";
                refuse("dead_letter", dead, remedy)
            }
            Some(Some(dead)) if *dead == *name.as_str() => {
                let remedy = "a message that died would be handed out again: name another topic";
                refuse("dead_letter", dead, remedy)
            }
            _ => Ok(()),
        }
    }

    /// The rules that are said, over those that the group has or a new one gets; and the topic for
    /// what dies by them.
    fn rules(
        &self,
        registry: &Arc<Registry>,
        name: &TopicName,
        topic: &Topic<Stored<T>>,
    ) -> Result<(Rules, Option<DeadLetterTopic<T>>), OpenError> {
        let existing = topic.group_rules(&self.group);
        let rules = self.said.over(existing.as_ref(), name, &self.group);
        let is_new = existing.is_none();
        if let Some(existing) = existing.filter(|existing| *existing != rules) {
            return Err(conflict(name, &self.group, &existing, &rules));
        }
        if is_new {
            // One that cannot start there leaves no topic behind.
            topic.check_start(self.subscriber.start).map_err(|error| not_joined(name, error))?;
        }
        let dead_letters = match &rules.dead_letter {
            Some(dead) => {
                Some(dead_letter_topic(registry, &self.subscriber.topic, &self.group, dead)?.0)
            }
            None => None,
        };
        Ok((rules, dead_letters))
    }

    fn refused(&self, name: &TopicName, wants: &Rules, error: GroupError) -> OpenError {
        match error {
            GroupError::Start(error) => not_joined(name, error),
            GroupError::Rules(has) => conflict(name, &self.group, &has, wants),
        }
    }
}

impl Said {
    /// These, over the rules that the group has or a new one gets.
    fn over(&self, existing: Option<&Rules>, topic: &TopicName, group: &str) -> Rules {
        let new = Rules {
            ack_deadline: DEFAULT_ACK_DEADLINE,
            max_attempts: Some(DEFAULT_MAX_ATTEMPTS),
            max_in_flight: usize::MAX,
            auto_ack: false,
            dead_letter: Some(default_name(topic, group).into()),
            by_key: true,
        };
        let base = existing.unwrap_or(&new);
        let auto_ack = self.auto_ack.unwrap_or(base.auto_ack);
        let dead_letter: Option<Box<str>> = match &self.dead_letter {
            Some(said) => said.as_deref().map(Into::into),
            None if auto_ack => None,
            None => base.dead_letter.clone(),
        };
        Rules {
            ack_deadline: self.ack_deadline.unwrap_or(base.ack_deadline),
            // Where there are none, saying a number is a conflict.
            max_attempts: self.max_attempts.or(dead_letter.as_ref().and(base.max_attempts)),
            max_in_flight: self.group_max_in_flight.unwrap_or(base.max_in_flight),
            auto_ack,
            dead_letter,
            by_key: self.any_order.map_or(base.by_key, |any| !any),
        }
    }
}

/// That a group has other rules.
pub(super) fn conflict(name: &TopicName, group: &str, has: &Rules, wants: &Rules) -> OpenError {
    let (option, existing, requested) = difference(has, wants);
    let (topic, group) = (name.to_string(), group.into());
    OpenError::GroupConflict(GroupConflict { topic, group, option, existing, requested })
}

/// The first rule that differs, and both its values.
fn difference(has: &Rules, wants: &Rules) -> (&'static str, String, String) {
    let option = |value: Option<String>| value.unwrap_or_else(|| "none".into());
    let limit = |most: usize| option((most != usize::MAX).then(|| most.to_string()));
    let attempts = |rules: &Rules| option(rules.max_attempts.map(|most| most.to_string()));
    let dead = |rules: &Rules| option(rules.dead_letter.as_ref().map(|dead| format!("{dead:?}")));
    let rows = [
        ("auto_ack", has.auto_ack.to_string(), wants.auto_ack.to_string()),
        ("any_order", (!has.by_key).to_string(), (!wants.by_key).to_string()),
        ("ack_deadline", format!("{:?}", has.ack_deadline), format!("{:?}", wants.ack_deadline)),
        ("dead_letter", dead(has), dead(wants)),
        ("max_attempts", attempts(has), attempts(wants)),
        ("group_max_in_flight", limit(has.max_in_flight), limit(wants.max_in_flight)),
    ];
    let differs = rows.into_iter().find(|(_, has, wants)| has != wants);
    differs.unwrap_or(("rules", "others".into(), "others".into()))
}

/// Whether a group can have this name.
pub(super) fn check_name(group: &str) -> Result<(), OpenError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if (1..=100).contains(&group.len()) && group.bytes().all(fits) {
        return Ok(());
    }
    Err(OpenError::GroupName { group: group.into() })
}

pub(super) fn no_group(name: &TopicName, group: &str) -> OpenError {
    OpenError::NoGroup { topic: name.to_string(), group: group.into() }
}

/// The dead-letter topic of a group that does not say another. A group's name has no dot, so no two
/// groups have the same.
pub(super) fn default_name(topic: &TopicName, group: &str) -> String {
    format!("{topic}.{group}.dead")
}

/// Opens a dead-letter topic of messages of this topic, with what reads it.
pub(super) fn dead_letter_topic<T: Payload>(
    registry: &Arc<Registry>,
    origin: &TopicBuilder<'_, T>,
    group: &str,
    name: &str,
) -> Result<(DeadLetterTopic<T>, Reader<T>), OpenError> {
    let open = || {
        let (_, bound) = origin.named(TopicName::new(name)).open(registry)?;
        // From here on its options do not change.
        bound.topic.publisher_opened();
        let partitions = binding::options(&*bound.topic).partitions;
        let reader = Reader::new(bound.decoders, bound.stages, T::versions());
        let registry = Arc::downgrade(registry);
        Ok((DeadLetterTopic { topic: bound.topic, partitions, registry }, reader))
    };
    open().map_err(|source: OpenError| OpenError::DeadLetterTopic {
        group: group.into(),
        source: Box::new(source),
    })
}

impl<'b, T: Payload> IntoFuture for ConsumerBuilder<'b, T> {
    type Output = Result<Consumer<T>, OpenError>;
    type IntoFuture = Opening<Consumer<T>>;

    fn into_future(self) -> Opening<Consumer<T>> {
        match &self.subscriber.topic.broker.home {
            Home::Memory(registry) => Opening::here(self.open(registry)),
            Home::Elsewhere(hub) => self.plan(hub).into_opening(),
        }
    }
}

impl<T> fmt::Debug for ConsumerBuilder<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerBuilder")
            .field("subscriber", &self.subscriber)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
