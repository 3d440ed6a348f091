//! A delivery: a message that a member of a group was handed, and what settles it.

mod part;
mod remote;
mod terms;
mod watch;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

pub use self::part::DeliveryRef;
pub(crate) use self::part::Part;
pub(crate) use self::remote::Held;
pub(crate) use self::terms::{Near, Source, Terms};
pub(crate) use self::watch::{Outcome, Watch};
use crate::codec::form::{Form, Take};
use crate::dead_letter::reason;
use crate::engine::group::{Settlement, Ticket};
use crate::engine::segment::{EntryRef, SlotRef};
use crate::error::SettleError;
use crate::headers::Headers;
use crate::key::Key;
use crate::message::{Message, MessageRef, Opened, Stored};
use crate::payload::Payload;
use crate::position::{Offset, Partition, Timestamp};
use crate::record::Meta;
use crate::remote::Site;

/// A message that was handed to one member of a consumer group, until it is settled; dereferences to
/// the value.
///
/// Settle it by [`ack`](Self::ack), [`nack`](Self::nack), [`nack_after`](Self::nack_after) or
/// [`reject`](Self::reject). Dropped without, also by a panic or a cancelled task, it comes back at
/// once, to any member. So it does when its ack deadline passes, and when the
/// [`Consumer`](crate::Consumer) it came from is dropped: keep that for as long as its deliveries.
///
/// While it is not settled, no later message of its key is handed to anybody, unless the group is of
/// [`any_order`](crate::ConsumerBuilder::any_order).
///
/// ```
/// # use memq::{Broker, Topic};
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), memq::Error> {
/// # #[derive(Topic)]
/// # #[topic(name = "orders")]
/// # struct Order { item: String }
/// # let broker = Broker::new();
/// # broker.publisher::<Order>().await?.publish(Order { item: "tea".into() }).await?;
/// # fn charge(_: &Order) -> Result<(), std::io::Error> { Ok(()) }
/// let mut billing = broker.subscriber::<Order>().group("billing").await?;
/// let order = billing.recv().await?;
/// match charge(&order) {
///     Ok(()) => order.ack(),
///     Err(e) if order.attempt() < 3 => order.nack_after(Duration::from_secs(5)),
///     Err(e) => order.reject(e),
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a delivery that is dropped unsettled comes back: `ack`, `nack` or `reject` it"]
pub struct Delivery<T: Payload> {
    opened: Opened<T>,
    lease: Lease<T>,
}

/// What settles a delivery that was taken apart by [`Delivery::into_parts`]. It does what the
/// delivery would.
#[must_use = "a lease that is dropped unsettled brings its message back: `ack`, `nack` or `reject` it"]
pub struct Lease<T: Payload> {
    source: Arc<Source<T>>,
    ticket: Ticket,
    /// What settles it, where its group is kept elsewhere.
    hold: Held<T>,
    /// What becomes of it if it is dropped; `None` once it is settled.
    unsettled: Option<Unsettled>,
}

/// What a lease does when it is dropped.
enum Unsettled {
    /// It brings the message back at once.
    Return,
    /// What is said there: for those who retry by themselves.
    Watched(Arc<Watch>),
}

impl<T: Payload> Lease<T> {
    #[inline]
    pub(crate) fn new(source: Arc<Source<T>>, ticket: Ticket, hold: Held<T>) -> Self {
        let unsettled = (!source.terms.auto_ack).then_some(Unsettled::Return);
        Self { source, ticket, hold, unsettled }
    }

    /// How often the message was handed out, with this one: 1 for the first.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.ticket.attempt
    }

    /// Where the message is in its topic.
    #[must_use]
    pub fn offset(&self) -> Offset {
        Offset(self.ticket.offset)
    }

    pub(crate) fn entry(&self) -> EntryRef<'_, Stored<T>> {
        self.source.lane.seen(self.ticket.offset)
    }

    /// The message on its own.
    fn slot(&self) -> SlotRef<Stored<T>> {
        SlotRef::of(&self.source.lane, self.offset())
    }

    pub(crate) fn settle(&mut self, how: Settlement) -> Result<(), SettleError> {
        self.settle_as(how).1
    }

    /// Settles, and says what that did to the message beside whether it is what was asked for.
    fn settle_as(&mut self, how: Settlement) -> (Outcome, Result<(), SettleError>) {
        let Some(unsettled) = self.unsettled.take() else {
            return (Outcome::Stale, Err(SettleError::AlreadySettled));
        };
        let (outcome, settled) = match &self.source.terms.site {
            Site::Here(near) => self.settle_here(near, how),
            Site::There(far) => self.settle_there(far, how),
        };
        if let Unsettled::Watched(watch) = unsettled {
            watch.settled(outcome);
        }
        (outcome, settled)
    }

    #[inline]
    fn settle_here(&self, near: &Near<T>, how: Settlement) -> (Outcome, Result<(), SettleError>) {
        let ends = if let Settlement::Ack = how { Outcome::Acked } else { Outcome::Returned };
        match near.group.settle(self.ticket, how) {
            Ok(None) => (ends, Ok(())),
            Ok(Some(burial)) => match near.bury(&self.slot(), burial, &self.source.terms.name) {
                Ok(()) => (Outcome::Dead, Ok(())),
                Err(error) => (Outcome::Refused, Err(error)),
            },
            Err(SettleError::NoDeadLetterTopic) => {
                let how = self.delay(self.source.terms.backoff.delay(self.attempt()), "rejected");
                drop(near.group.settle(self.ticket, how));
                (Outcome::Returned, Err(SettleError::NoDeadLetterTopic))
            }
            Err(error) => (Outcome::Stale, Err(error)),
        }
    }

    fn delay(&self, delay: Duration, why: &str) -> Settlement {
        Settlement::Delay { delay, reason: why.into() }
    }

    fn nacked(&self) -> Settlement {
        self.delay(self.source.terms.backoff.delay(self.attempt()), "nacked")
    }

    /// As [`Delivery::ack`].
    pub fn ack(mut self) {
        drop(self.settle(Settlement::Ack));
    }

    /// As [`Delivery::ack_confirmed`].
    ///
    /// # Errors
    ///
    /// [`SettleError`], where it is not this call that settled the message.
    pub async fn ack_confirmed(self) -> Result<(), SettleError> {
        self.confirm(Settlement::Ack).await
    }

    /// As [`Delivery::nack`].
    pub fn nack(mut self) {
        let how = self.nacked();
        drop(self.settle(how));
    }

    /// As [`Delivery::nack_confirmed`].
    ///
    /// # Errors
    ///
    /// [`SettleError`], where the message was settled or handed out again before.
    pub async fn nack_confirmed(self) -> Result<(), SettleError> {
        let how = self.nacked();
        self.confirm(how).await
    }

    /// As [`Delivery::nack_after`].
    pub fn nack_after(mut self, delay: Duration) {
        let how = self.delay(delay, "nacked");
        drop(self.settle(how));
    }

    /// As [`Delivery::reject`].
    pub fn reject(mut self, why: impl fmt::Display) {
        drop(self.settle(Settlement::Reject { reason: reason(why) }));
    }

    /// As [`Delivery::reject_confirmed`].
    ///
    /// # Errors
    ///
    /// [`SettleError`], where the message is not in the dead-letter topic by this call.
    pub async fn reject_confirmed(self, why: impl fmt::Display) -> Result<(), SettleError> {
        self.confirm(Settlement::Reject { reason: reason(why) }).await
    }

    /// As [`Delivery::extend`].
    ///
    /// # Errors
    ///
    /// [`SettleError`], where the deadline has passed or the message is settled.
    pub fn extend(&self) -> Result<(), SettleError> {
        self.extend_by(self.source.terms.ack_deadline)
    }

    /// As [`Delivery::extend_by`].
    ///
    /// # Errors
    ///
    /// [`SettleError`], where the deadline has passed or the message is settled.
    pub fn extend_by(&self, by: Duration) -> Result<(), SettleError> {
        if self.unsettled.is_none() {
            return Err(SettleError::AlreadySettled);
        }
        self.source.terms.extend(self.ticket, &self.hold, by)
    }
}

impl<T: Payload> Drop for Lease<T> {
    fn drop(&mut self) {
        let Some(unsettled) = &self.unsettled else { return };
        let panicking = std::thread::panicking();
        let reason = if panicking { "its handler panicked" } else { "its delivery was dropped" };
        let how = match unsettled {
            Unsettled::Return => Settlement::Return { reason },
            Unsettled::Watched(watch) => watch.dropped(reason),
        };
        drop(self.settle(how));
    }
}

impl<T: Payload> Delivery<T> {
    pub(crate) fn new(opened: Opened<T>, lease: Lease<T>) -> Self {
        Self { opened, lease }
    }

    /// What the codec made of the message, and what settles it.
    pub(crate) fn split(self) -> (Opened<T>, Lease<T>) {
        (self.opened, self.lease)
    }

    fn message(&self) -> MessageRef<'_, T> {
        MessageRef::new(self.offset(), self.lease.entry(), &self.opened)
    }

    /// How often the message was handed out, with this one: 1 for the first.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.lease.attempt()
    }

    /// Where the message is in its topic.
    #[must_use]
    pub fn offset(&self) -> Offset {
        self.lease.offset()
    }

    /// The partition it belongs to; 0 where there is one.
    #[must_use]
    pub fn partition(&self) -> Partition {
        Partition(self.lease.entry().partition())
    }

    /// The key that the log goes by: the one given on publishing, or else the one the type takes from the
    /// value. Of bytes it is the one given, or none: nobody looks into them.
    #[must_use]
    pub fn key(&self) -> Option<Key<'_>> {
        self.message().key()
    }

    /// The headers given on publishing.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        Meta::headers(self.lease.entry().meta())
    }

    /// When the message was stored; see [`Timestamp`] for how exactly.
    #[must_use]
    pub fn published_at(&self) -> Timestamp {
        self.lease.entry().at()
    }

    /// The message, and what settles it.
    pub fn into_parts(self) -> (Message<T>, Lease<T>) {
        (Message::new(self.lease.slot(), self.opened), self.lease)
    }

    /// The value, and what settles it. A native value is cloned, since other readers share it.
    pub fn into_value(self) -> (T, Lease<T>)
    where
        T::Form: Take<T>,
    {
        let value = <T::Form as Take<T>>::take(self.lease.entry().payload, self.opened);
        (value, self.lease)
    }

    /// The message is done: it is not handed out again.
    ///
    /// Where it was settled before (the group was committed past it, or settles by `auto_ack`), or it
    /// was handed out again after its deadline, this does nothing; `ack_confirmed` tells.
    pub fn ack(self) {
        self.lease.ack();
    }

    /// Acknowledges, and says whether that counted. In memory it does not wait. Where topics are kept
    /// elsewhere it waits for the system's word; whether that keeps it when it is killed in the next
    /// moment is the system's to say, see [growing](crate::docs::growing#at-least-once).
    ///
    /// # Errors
    ///
    /// [`SettleError`], where it is not this call that settled the message.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has acknowledged or brought the message back.
    pub async fn ack_confirmed(self) -> Result<(), SettleError> {
        self.lease.ack_confirmed().await
    }

    /// The message is to be tried again, after the consumer's [`Backoff`](crate::Backoff) for this
    /// attempt. After the last attempt it goes to the dead-letter topic.
    pub fn nack(self) {
        self.lease.nack();
    }

    /// As [`nack`](Self::nack), and says whether that counted.
    ///
    /// # Errors
    ///
    /// [`SettleError`], where the message was settled or handed out again before.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has brought the message back, at once or after the pause.
    pub async fn nack_confirmed(self) -> Result<(), SettleError> {
        self.lease.nack_confirmed().await
    }

    /// The message is to be tried again after this long; at once if that is zero. After the last
    /// attempt it goes to the dead-letter topic. In memory a timer of the tokio runtime says that the time
    /// has come: outside a runtime, a `recv` that waits meanwhile is not woken by it.
    pub fn nack_after(self, delay: Duration) {
        self.lease.nack_after(delay);
    }

    /// The message is given up: it goes to the dead-letter topic with this reason, as
    /// [`DeadLetter`](crate::DeadLetter) has it, whatever attempt it is.
    ///
    /// Where topics are [kept elsewhere](crate::Broker::over) it is on its way after this, and is there
    /// once even if the process ends on the way, as long as the dead-letter topic remembers its id:
    /// created with the group, that has a `dedup` of ten minutes or two ack deadlines.
    ///
    /// In a group without a dead-letter topic it comes back, as with [`nack`](Self::nack);
    /// `reject_confirmed` tells.
    pub fn reject(self, why: impl fmt::Display) {
        self.lease.reject(why);
    }

    /// As [`reject`](Self::reject), and says whether the message is in the dead-letter topic.
    ///
    /// # Errors
    ///
    /// [`SettleError::NoDeadLetterTopic`], [`SettleError::DeadLetter`] where that topic did not take
    /// it, and the others where the message was settled or handed out again before.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has rejected the message or brought it back.
    pub async fn reject_confirmed(self, why: impl fmt::Display) -> Result<(), SettleError> {
        self.lease.reject_confirmed(why).await
    }

    /// Keeps the message for another ack deadline, from now on.
    ///
    /// # Errors
    ///
    /// [`SettleError`], where the deadline has passed or the message is settled.
    pub fn extend(&self) -> Result<(), SettleError> {
        self.lease.extend()
    }

    /// Keeps the message for this long from now on, which may be less than it had left. A system that
    /// keeps topics elsewhere may give a whole ack deadline at a time, and so keep it for longer.
    ///
    /// # Errors
    ///
    /// [`SettleError`], where the deadline has passed or the message is settled.
    pub fn extend_by(&self, by: Duration) -> Result<(), SettleError> {
        self.lease.extend_by(by)
    }
}

impl<T: Payload> Deref for Delivery<T> {
    type Target = T;

    fn deref(&self) -> &T {
        T::Form::get(self.lease.entry().payload, &self.opened)
    }
}

impl<T: Payload + fmt::Debug> fmt::Debug for Delivery<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(&self.message(), self.attempt(), f)
    }
}

/// What is said of a delivery.
fn show<T: Payload + fmt::Debug>(
    message: &MessageRef<'_, T>,
    attempt: u32,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let mut delivery = f.debug_struct("Delivery");
    delivery.field("offset", &message.offset().0).field("attempt", &attempt);
    if !T::SHOWS_META {
        delivery.field("key", &message.key());
    }
    delivery.field("value", message.get()).finish_non_exhaustive()
}

impl<T: Payload> fmt::Debug for Lease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("offset", &self.offset().0)
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}
