//! The dead letters of a group: to read them, and to give them back to their topic.

mod remote;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::consumer::{conflict, dead_letter_topic, default_name, no_group};
use super::reading::DeadLettersOf;
use super::{SubscriberBuilder, TopicBuilder};
use crate::broker::Home;
use crate::codec::form::Decoders;
use crate::dead_letter::{DeadLetter, alive};
use crate::engine::group::{Rules, Settlement};
use crate::engine::member::Member;
use crate::engine::registry::Registry;
use crate::engine::segment::Lanes;
use crate::engine::state::{Claim, GroupError};
use crate::engine::stats::TopicStats;
use crate::error::{AdminError, Error, OpenError, RecvError};
use crate::message::{self, Message};
use crate::name::TopicName;
use crate::options::Start;
use crate::payload::Payload;

/// The group that remembers which dead letters were redriven.
const REDRIVE: &str = "memq-redrive";

/// Dead letters after which a redrive lets other tasks run once.
const YIELD_EVERY: u64 = 256;

/// What a redrive holds is its own for this long, and then another's too.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The dead letters of one consumer group. Made by [`Broker::dead_letters`](crate::Broker::dead_letters).
///
/// They are messages of an ordinary topic: [`subscriber`](Self::subscriber) reads them, and
/// [`DeadLetter::of`] says why each is there.
#[must_use = "dead letters are read by `.subscriber()` and given back by `.redrive(…)`, and their topic is made by `.create()`"]
pub struct DeadLetters<'b, T> {
    topic: TopicBuilder<'b, T>,
    group: String,
    /// The name of the dead-letter topic, if it is not to be asked of the group.
    said: Option<String>,
}

/// Where the dead letters of a group are, and what reads them.
struct Found<T> {
    /// The topic they came from.
    name: TopicName,
    dead: TopicName,
    decoders: Arc<Decoders<T>>,
}

impl<T: Payload> Clone for DeadLetters<'_, T> {
    fn clone(&self) -> Self {
        Self { topic: self.topic.clone(), group: self.group.clone(), said: self.said.clone() }
    }
}

/// What a redrive did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redriven {
    /// Dead letters that were published to their topic again.
    pub redriven: u64,
    /// Dead letters that were left: the filter said so, or they cannot be decoded, or belong to
    /// another topic or group.
    pub left: u64,
    /// Dead letters that their topic removed by its own `max`, `max_bytes` or `ttl`, before they were
    /// redriven: those since the last redrive, or ever if this is the first. Where topics are kept
    /// elsewhere, those that the system tells of.
    pub lost: u64,
}

impl<'b, T: Payload> DeadLetters<'b, T> {
    pub(super) fn new(topic: TopicBuilder<'b, T>, group: String) -> Self {
        Self { topic, group, said: None }
    }

    /// Those that are in this topic: also where the group was deleted, or is one of a dead-letter topic
    /// itself.
    pub fn in_topic(mut self, name: impl Into<String>) -> Self {
        self.said = Some(name.into());
        self
    }

    /// The name of the dead-letter topic.
    ///
    /// # Errors
    ///
    /// [`OpenError::NoGroup`] where the topic has no such group, [`OpenError::NoDeadLetters`] where that
    /// has no dead-letter topic.
    pub async fn topic(&self) -> Result<TopicName, OpenError> {
        match &self.topic.broker.home {
            Home::Memory(registry) => Ok(self.find(registry)?.dead),
            Home::Elsewhere(hub) => Ok(self.of().find(&self.topic.plan(hub)).await?.0),
        }
    }

    /// The dead-letter topic about to be opened, to give it options of its own: say this before the group
    /// is opened. It is the one that [`in_topic`](Self::in_topic) names, else `{topic}.{group}.dead`,
    /// whatever a group that there is says.
    ///
    /// A dead letter that retention takes there is gone, so let it keep what you want to look at.
    ///
    /// ```
    /// # use memq::{Broker, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[derive(Topic)]
    /// # #[topic(name = "orders")]
    /// # struct Order { item: String }
    /// # let broker = Broker::new();
    /// broker.dead_letters::<Order>("billing").create().max(50_000).await?;
    /// let billing = broker.subscriber::<Order>().group("billing").await?;
    /// assert_eq!(broker.options("orders.billing.dead").await?.max_messages, 50_000);
    /// # drop(billing);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// On awaiting, as for a topic: [`OpenError`] where an option is not possible, or the topic exists with
    /// others.
    pub fn create(&self) -> TopicBuilder<'b, T> {
        let name = self.topic.name.clone().and_then(|topic| match &self.said {
            Some(said) => TopicName::new(said),
            None => TopicName::new(&default_name(&topic, &self.group)),
        });
        self.topic.named(name)
    }

    fn of(&self) -> DeadLettersOf {
        DeadLettersOf { group: self.group.clone(), said: self.said.clone() }
    }

    fn find(&self, registry: &Registry) -> Result<Found<T>, OpenError> {
        let name = self.topic.name.clone()?;
        if let Some(said) = &self.said {
            let dead = TopicName::new(said)?;
            let (_, bound) = self.topic.open(registry)?;
            return Ok(Found { name, dead, decoders: bound.decoders });
        }
        let no_group = || no_group(&name, &self.group);
        if registry.get(name.as_str()).is_none() {
            return Err(no_group());
        }
        let (_, bound) = self.topic.open(registry)?;
        let rules = bound.topic.group_rules(&self.group).ok_or_else(no_group)?;
        let dead = rules.dead_letter.ok_or_else(|| OpenError::NoDeadLetters {
            topic: name.to_string(),
            group: self.group.clone(),
        })?;
        let dead = TopicName::new(&dead)?;
        Ok(Found { name, dead, decoders: bound.decoders })
    }

    /// A subscriber to the dead letters, with their values. Await the builder. They are in the order
    /// in which they died.
    ///
    /// One that was given up because it cannot be decoded is
    /// [`RecvError::Decode`](crate::RecvError::Decode) here too; read the topic by its
    /// [name](Self::topic), as [`Record`](crate::Record)s, to see its headers.
    ///
    /// # Errors
    ///
    /// On awaiting, as [`topic`](Self::topic).
    pub fn subscriber(&self) -> SubscriberBuilder<'b, T> {
        let Home::Memory(registry) = &self.topic.broker.home else {
            return self.topic.clone().into_subscriber().of_dead_letters(self.of());
        };
        match self.find(registry) {
            Ok(Found { dead, decoders, .. }) => {
                self.topic.named(Ok(dead)).into_subscriber().with_origin(Ok(decoders))
            }
            Err(error) => self.topic.clone().into_subscriber().with_origin(Err(error)),
        }
    }

    /// Publishes the dead letters for which this is true to their topic again, with their key,
    /// headers and partition, and without what [`DeadLetter`] added. It ends with those that were
    /// there when it began.
    ///
    /// A dead letter is redriven once, however often this is called; one that is left can be redriven
    /// later. What is redriven comes after everything in its topic, for all its groups and
    /// subscribers, and is at its first attempt. What was redriven is remembered by a group of the
    /// dead-letter topic, `memq-redrive`: where that topic waits, rejects or retains until consumed,
    /// what is left counts as not settled. What the dead-letter topic removed by its own limits cannot be
    /// redriven, and is [counted](Redriven::lost). Of two redrives of one dead-letter topic at once neither sees what
    /// the other has taken, and left, until that has ended.
    ///
    /// ```
    /// # use memq::{Broker, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[derive(Topic)]
    /// # #[topic(name = "orders")]
    /// # struct Order { item: String }
    /// # let broker = Broker::new();
    /// # broker.publisher::<Order>().await?.publish(Order { item: "tea".into() }).await?;
    /// # let mut billing = broker.subscriber::<Order>().group("billing").await?;
    /// billing.recv().await?.reject("the bank is closed");
    ///
    /// let dead = broker.dead_letters::<Order>("billing");
    /// let done = dead.redrive(|_, why| why.reason.contains("bank")).await?;
    /// assert_eq!((done.redriven, done.left), (1, 0));
    /// assert_eq!(billing.recv().await?.item, "tea");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`topic`](Self::topic); [`AdminError::NotFound`] where the dead-letter topic was deleted, or is
    /// none; [`OpenError::GroupConflict`] where somebody made a group `memq-redrive` there by other rules; and
    /// where the topic does not take a message: what was redriven until then stays so.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has redriven the dead letters up to some one, each once. Where topics are kept
    /// elsewhere the last one may be redriven again, unless the topic has `dedup`.
    pub async fn redrive(
        &self,
        mut filter: impl FnMut(&T, &DeadLetter) -> bool,
    ) -> Result<Redriven, Error> {
        let registry = match &self.topic.broker.home {
            Home::Memory(registry) => registry,
            Home::Elsewhere(hub) => return self.redrive_there(hub, filter).await,
        };
        let Found { name, dead, decoders } = self.find(registry)?;
        if registry.get(dead.as_str()).is_none() {
            return Err(not_found(&dead));
        }
        let (dead, mut reader) =
            dead_letter_topic(registry, &self.topic, &self.group, dead.as_str())?;
        // Publishers of the topic may have written in formats of their own.
        reader.decoders = decoders;
        let origin = self.topic.publisher().await?;
        let rules = Rules {
            ack_deadline: A_DAY,
            max_attempts: None,
            max_in_flight: usize::MAX,
            auto_ack: false,
            dead_letter: None,
            // What is left does not keep back what comes after it.
            by_key: false,
        };
        let end = dead.topic.end();
        let mut done = Redriven { lost: lost_before(dead.topic.stats()), ..Redriven::default() };
        let deleted = || Error::Recv(RecvError::Deleted);
        let topic = dead.topic.name().clone();
        let mut member = Member::open(dead.topic, REDRIVE, &rules, Start::Earliest, usize::MAX)
            .map_err(|error| match error {
                GroupError::Rules(has) => conflict(&topic, REDRIVE, &has, &rules).into(),
                GroupError::Start(_) => deleted(),
            })?;

        let mut lanes = Lanes::default();
        // What is left is held until the end, so that it does not come again.
        loop {
            let (slot, ticket) = match member.claim(&mut lanes) {
                Claim::Message(slot, ticket) if slot.offset() < end => (slot, ticket),
                Claim::Lagged { skipped, .. } => {
                    done.lost += skipped;
                    continue;
                }
                Claim::Burial(..) | Claim::Again => continue,
                Claim::Message(..) | Claim::Nothing { .. } | Claim::Closed => return Ok(done),
                Claim::Deleted => return Err(deleted()),
                Claim::GroupDeleted => return Err(Error::Recv(RecvError::GroupDeleted)),
            };
            let opened = message::open(slot.entry(), &reader);
            let wanted = opened.ok().and_then(|opened| {
                let message = Message::<T>::new(slot.clone(), opened);
                let why = DeadLetter::of(message.headers())?;
                let own = why.topic == *name.as_str() && why.group == self.group;
                (own && filter(&message, &why)).then_some(why.partition)
            });
            match wanted {
                Some(partition) => {
                    let entry = alive::<T>(&slot, Some(member.holder().topic()));
                    origin.store(entry, partition, None).await?;
                    slot.lent();
                    drop(member.holder().settle(ticket, Settlement::Ack));
                    done.redriven += 1;
                }
                None => done.left += 1,
            }
            if (done.redriven + done.left) % YIELD_EVERY == 0 {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// What a dead-letter topic lost that no redrive has seen yet, nor one has asked for.
fn lost_before(stats: Option<TopicStats>) -> u64 {
    stats.filter(|stats| stats.group(REDRIVE).is_none()).map_or(0, |stats| stats.dropped.total())
}

/// Nothing is redriven, and no topic is created for that.
fn not_found(topic: &TopicName) -> Error {
    Error::Admin(AdminError::NotFound { topic: topic.to_string() })
}

impl<T> fmt::Debug for DeadLetters<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters")
            .field("topic", &self.topic)
            .field("group", &self.group)
            .finish()
    }
}
