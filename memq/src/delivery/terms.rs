//! What the deliveries of one consumer have in common: their group, and how it ends them.

use std::sync::Arc;
use std::time::Duration;

use super::Held;
use super::remote::letter;
use crate::backoff::Backoff;
use crate::codec::form::Form;
use crate::dead_letter::DeadLetterTopic;
use crate::engine::group::{BURY_AGAIN, Burial, Ticket};
use crate::engine::member::Holder;
use crate::engine::segment::{Lane, SlotRef};
use crate::error::{PublishError, SettleError};
use crate::message::{Far, Stored};
use crate::name::TopicName;
use crate::payload::Payload;
use crate::remote::{self, Group, Hold, Site};

/// What the deliveries of one consumer have in common that are in one segment. Each counts a reference
/// to this, and none else.
pub(crate) struct Source<T: Payload> {
    pub(crate) lane: Lane<Stored<T>>,
    pub(crate) terms: Arc<Terms<T>>,
}

/// What the deliveries of one consumer have in common.
pub(crate) struct Terms<T: Payload> {
    pub(crate) site: Site<Near<T>, Far<T, Arc<Group>>>,
    pub(crate) name: Box<str>,
    pub(crate) backoff: Backoff,
    /// How long a message may be in flight.
    pub(crate) ack_deadline: Duration,
    /// Whether messages are settled when they are handed out.
    pub(crate) auto_ack: bool,
}

/// A group in memory.
pub(crate) struct Near<T: Payload> {
    pub(crate) group: Holder<Stored<T>>,
    pub(crate) dead_letters: Option<DeadLetterTopic<T>>,
}

impl<T: Payload> Terms<T> {
    /// The same with another pause before what failed is tried again.
    pub(crate) fn with_backoff(&self, backoff: Backoff) -> Self {
        let site = match &self.site {
            Site::Here(Near { group, dead_letters }) => {
                let (group, dead_letters) = (group.clone(), dead_letters.clone());
                Site::Here(Near { group, dead_letters })
            }
            Site::There(far) => Site::There(T::Form::instead(far, T::Form::there(far).clone())),
        };
        Self {
            site,
            name: self.name.clone(),
            backoff,
            ack_deadline: self.ack_deadline,
            auto_ack: self.auto_ack,
        }
    }

    /// The topic of the group.
    pub(crate) fn topic(&self) -> &TopicName {
        match &self.site {
            Site::Here(near) => near.group.topic().name(),
            Site::There(far) => T::Form::there(far).topic(),
        }
    }

    /// Where its dead messages go.
    pub(crate) fn dead_letter_topic(&self) -> Option<&TopicName> {
        match &self.site {
            Site::Here(near) => Some(near.dead_letters.as_ref()?.topic.name()),
            Site::There(far) => Some(&T::Form::there(far).dead_letters.as_ref()?.outlet.topic),
        }
    }

    /// Keeps a message for this long from now on, if nothing has settled it.
    pub(super) fn extend(
        &self,
        ticket: Ticket,
        hold: &Held<T>,
        by: Duration,
    ) -> Result<(), SettleError> {
        match (&self.site, hold) {
            _ if self.auto_ack => Err(SettleError::AlreadySettled),
            (Site::Here(near), _) => near.group.extend(ticket, by),
            (Site::There(far), Some(hold)) => {
                T::Form::there(far).extend(&T::Form::there::<Hold>(hold).token, by)
            }
            (Site::There(_), None) => Err(SettleError::AlreadySettled),
        }
    }

    /// Moves a dead message that a member was given to the dead-letter topic. Where that fails it is
    /// tried again later.
    pub(crate) fn bury(&self, slot: &SlotRef<Stored<T>>, burial: Burial, hold: &Held<T>) {
        match (&self.site, hold) {
            (Site::Here(near), _) => drop(near.bury(slot, burial, &self.name)),
            (Site::There(far), Some(hold)) => {
                let letter = letter::<T>(far, slot, &burial);
                let hold = T::Form::there::<Hold>(hold);
                drop(remote::bury(T::Form::there(far), hold, letter));
            }
            // A group that settles by itself has no dead messages.
            (Site::There(_), None) => {}
        }
    }
}

impl<T: Payload> Near<T> {
    /// Moves a dead message to the dead-letter topic. Where that fails it is tried again later, by
    /// whoever comes.
    pub(super) fn bury(
        &self,
        slot: &SlotRef<Stored<T>>,
        burial: Burial,
        name: &str,
    ) -> Result<(), SettleError> {
        let buried = match &self.dead_letters {
            None => Err(SettleError::NoDeadLetterTopic),
            Some(dead) => dead.bury(slot, &burial, self.group.topic(), name).map_err(|source| {
                SettleError::DeadLetter { topic: dead.topic.name().to_string(), source }
            }),
        };
        let retry = match &buried {
            Ok(()) => None,
            Err(SettleError::DeadLetter { source, .. }) => {
                Some(matches!(source, PublishError::Closed(()) | PublishError::Deleted(())))
            }
            Err(_) => Some(false),
        };
        self.group.end_burial(burial.offset, retry.map(|ended| (BURY_AGAIN, ended)));
        buried
    }
}
