//! How a delivery is settled whose group is kept elsewhere.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use super::{Lease, Outcome, Unsettled};
use crate::codec::form::Form;
use crate::dead_letter;
use crate::engine::group::{Burial, Settlement};
use crate::engine::segment::SlotRef;
use crate::error::SettleError;
use crate::exclusive::Exclusive;
use crate::key::partition_of;
use crate::message::{Far, Stored};
use crate::payload::Payload;
use crate::position::Partition;
use crate::record::Record;
use crate::remote::{self, Group, Hold, Site};
use crate::spi::{Boxed, Outgoing, Settle, Token};

/// What settles a delivery, where it is settled elsewhere.
pub(crate) type Held<T> = Option<Far<T, Hold>>;

/// What is settled already, here, or the system's word that is waited for.
pub(super) type Confirmation<T> = Site<Result<(), SettleError>, Far<T, Word>>;

/// The system's word, once there is one. A type of its own, without which the compiler does not find
/// that what waits for it can be sent.
pub(super) struct Word(Exclusive<Boxed<Result<(), SettleError>>>);

/// A dead message as it is to be among the dead letters.
pub(super) fn letter<T: Payload>(
    far: &Far<T, Arc<Group>>,
    slot: &SlotRef<Stored<T>>,
    burial: &Burial,
) -> Outgoing {
    let group = T::Form::there(far);
    let entry = dead_letter::dead::<T>(slot, burial, group.topic(), &group.name, group.now());
    let body = T::Form::depart(entry.given.own(), far);
    let mut letter = Outgoing::new(Record { body, meta: entry.meta });
    if let (Some(dead), 1..) = (&group.dead_letters, entry.key) {
        letter.partition = Some(Partition(partition_of(entry.key, dead.partitions)));
    }
    letter.id = Some(group.dead_letter_id(slot.offset()));
    letter
}

/// How a delivery ends there.
enum End {
    Settle(Settle),
    Bury(Box<str>),
    /// It is to be a dead letter, and there are none: it comes back.
    NoDeadLetters(Duration),
}

impl<T: Payload> Lease<T> {
    fn end(&self, group: &Group, how: Settlement) -> End {
        let last = group.is_last(self.attempt());
        match how {
            Settlement::Ack => End::Settle(Settle::Ack),
            Settlement::Return { reason } if last => End::Bury(reason.into()),
            Settlement::Delay { reason, .. } if last => End::Bury(reason),
            Settlement::Return { .. } => End::Settle(Settle::Return),
            Settlement::Delay { delay: Duration::ZERO, .. } => End::Settle(Settle::Return),
            Settlement::Delay { delay, .. } => End::Settle(Settle::Delay(delay)),
            Settlement::Reject { reason } if group.dead_letters.is_some() => End::Bury(reason),
            Settlement::Reject { .. } => {
                End::NoDeadLetters(self.source.terms.backoff.delay(self.attempt()))
            }
        }
    }

    fn burial(&self, reason: Box<str>) -> Burial {
        Burial { offset: self.offset().0, attempts: self.attempt(), reason }
    }

    /// Settles as far as is known at once. A dead message is on its way then.
    pub(super) fn settle_there(
        &self,
        far: &Far<T, Arc<Group>>,
        how: Settlement,
    ) -> (Outcome, Result<(), SettleError>) {
        let Some(hold) = &self.hold else { return stale() };
        let (group, hold) = (T::Form::there(far), T::Form::there(hold));
        let settle = |how| hold.token.settle(how).map_err(remote::settled);
        match self.end(group, how) {
            End::Settle(how) => match settle(how) {
                Ok(()) if how == Settle::Ack => (Outcome::Acked, Ok(())),
                Ok(()) => (Outcome::Returned, Ok(())),
                Err(error) => (Outcome::Stale, Err(error)),
            },
            End::Bury(reason) => {
                let letter = letter::<T>(far, &self.slot(), &self.burial(reason));
                drop(remote::bury(group, hold, letter));
                (Outcome::Dead, Ok(()))
            }
            End::NoDeadLetters(pause) => {
                drop(settle(Settle::Delay(pause)));
                (Outcome::Returned, Err(SettleError::NoDeadLetterTopic))
            }
        }
    }

    /// Settles, and waits for the word that it is where that takes waiting.
    pub(super) async fn confirm(mut self, how: Settlement) -> Result<(), SettleError> {
        match self.confirmation(how) {
            Site::Here(settled) => settled,
            Site::There(mut far) => poll_fn(|cx| T::Form::there_mut(&mut far).0.poll(cx)).await,
        }
    }

    fn confirmation(&mut self, how: Settlement) -> Confirmation<T> {
        let (far, hold) = match (&self.source.terms.site, &self.hold) {
            (Site::There(far), Some(hold)) if self.unsettled.is_some() => (far, hold),
            _ => return Site::Here(self.settle(how)),
        };
        let (group, hold) = (T::Form::there(far), T::Form::there(hold));
        let token = hold.token.clone();
        let waits: Boxed<Result<(), SettleError>> = match self.end(group, how) {
            End::Settle(how) => {
                let open = Open { token: Some(token), unsettled: self.unsettled.take() };
                Box::pin(open.settle(how))
            }
            End::Bury(reason) => {
                let letter = letter::<T>(far, &self.slot(), &self.burial(reason));
                let outcome = remote::bury(group, hold, letter);
                let open = Open { token: None, unsettled: self.unsettled.take() };
                Box::pin(open.bury(outcome))
            }
            End::NoDeadLetters(pause) => {
                let open = Open { token: Some(token), unsettled: self.unsettled.take() };
                Box::pin(async move {
                    open.settle(Settle::Delay(pause)).await?;
                    Err(SettleError::NoDeadLetterTopic)
                })
            }
        };
        Site::There(T::Form::instead(far, Word(Exclusive::new(waits))))
    }
}

/// A delivery whose end is not confirmed yet. Dropped, it brings the message back, if there is still
/// something to bring back.
struct Open {
    /// `None` once nothing is to be brought back.
    token: Option<Arc<dyn Token>>,
    unsettled: Option<Unsettled>,
}

impl Open {
    async fn settle(mut self, how: Settle) -> Result<(), SettleError> {
        let Some(token) = self.token.clone() else { return stale().1 };
        let settled = token.settle_confirmed(how).await;
        self.token = None;
        self.tell(match settled {
            Ok(()) if how == Settle::Ack => Outcome::Acked,
            Ok(()) => Outcome::Returned,
            Err(_) => Outcome::Stale,
        });
        settled.map_err(remote::settled)
    }

    async fn bury(mut self, outcome: remote::Buried) -> Result<(), SettleError> {
        // Also where this is dropped.
        self.tell(Outcome::Dead);
        outcome.await.unwrap_or_else(|ended| Err(SettleError::Unavailable { source: ended.into() }))
    }

    fn tell(&mut self, outcome: Outcome) {
        if let Some(Unsettled::Watched(watch)) = self.unsettled.take() {
            watch.settled(outcome);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            // Where that fails, it comes back after its deadline.
            drop(token.settle(Settle::Return));
            self.tell(Outcome::Returned);
        }
    }
}

/// What is said of a delivery that nothing settles any more.
fn stale() -> (Outcome, Result<(), SettleError>) {
    (Outcome::Stale, Err(SettleError::AlreadySettled))
}
