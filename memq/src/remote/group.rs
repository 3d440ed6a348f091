//! A group of a topic that is kept elsewhere, as its member and its deliveries know it.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;

use super::keeper::Keeper;
use super::{Outlet, settled};
use crate::engine::clock::Clock;
use crate::error::SettleError;
use crate::name::TopicName;
use crate::position::{Offset, Timestamp};
use crate::spi::{Capability, Incarnation, RemoteTopic, Token, Transport};

/// What a member and its deliveries have in common.
pub(crate) struct Group {
    pub(crate) home: Arc<dyn RemoteTopic>,
    pub(crate) name: Box<str>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) ack_deadline: Duration,
    /// Hand-outs after which a message is dead; `None` for any number.
    pub(crate) max_attempts: Option<u32>,
    pub(crate) dead_letters: Option<DeadLetters>,
    pub(crate) clock: Arc<Clock>,
    /// Begins with the first delivery that is kept for longer than the system keeps one.
    pub(crate) keeper: OnceLock<Keeper>,
    /// Dead messages on their way, from this process.
    pub(crate) burials: watch::Sender<u64>,
}

/// Where a group's dead messages go.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    pub(crate) outlet: Arc<Outlet>,
    pub(crate) partitions: u16,
    /// Whether the topic remembers ids.
    pub(crate) dedup: bool,
}

/// What settles a delivery.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) token: Arc<dyn Token>,
}

impl Group {
    /// The topic whose messages it shares.
    pub(crate) fn topic(&self) -> &TopicName {
        self.home.name()
    }

    /// Whether a message that was stored then has expired since it came.
    pub(crate) fn is_expired(&self, at: Timestamp) -> bool {
        self.home.expired().is_some_and(|until| at <= until)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether there is no other attempt after this one.
    pub(crate) fn is_last(&self, attempt: u32) -> bool {
        self.dead_letters.is_some() && self.max_attempts.is_some_and(|most| attempt >= most)
    }

    /// Whether a message that is handed out for this time is dead already: its last attempt ended
    /// without a word.
    pub(crate) fn is_past(&self, attempt: u32) -> bool {
        attempt > 1 && self.is_last(attempt - 1)
    }

    /// The id under which a message is among the dead letters, however often it gets there.
    pub(crate) fn dead_letter_id(&self, offset: Offset) -> Arc<str> {
        let Incarnation(incarnation) = self.home.incarnation();
        format!("{}:{incarnation:x}:{}:{offset}", self.topic(), self.name).into()
    }

    /// Keeps a message for this long from now on; by asking again and again where the system keeps it
    /// for no longer than its ack deadline.
    pub(crate) fn extend(&self, token: &Arc<dyn Token>, by: Duration) -> Result<(), SettleError> {
        token.extend(by).map_err(settled)?;
        let able = self.transport.capabilities().has(Capability::ExtendBy);
        if able {
            return Ok(());
        }
        let start = || Keeper::start(&*self.transport, self.clock.clone(), self.ack_deadline);
        // For less, it may have been kept for longer before.
        let keeper = match by > self.ack_deadline {
            true => Some(self.keeper.get_or_init(start)),
            false => self.keeper.get(),
        };
        keeper.into_iter().for_each(|keeper| keeper.keep(token, self.now() + by));
        Ok(())
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("topic", self.topic())
            .field("name", &self.name)
            .field("dead_letters", &self.dead_letters)
            .finish_non_exhaustive()
    }
}
