//! Deliveries that were received together.

mod iter;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::iter::{DeliveriesIntoIter, DeliveriesIter};
use crate::delivery::{Delivery, DeliveryRef, Part, Source};
use crate::engine::group::Ticket;
use crate::message::Opened;
use crate::payload::Payload;

/// Deliveries received together: settled as a whole, or one by one by iterating over them.
///
/// Dropped, those that are not settled come back at once. It holds one reference for each stretch of the
/// log, not one for each message; where the group is kept elsewhere, what settles each.
///
/// ```
/// # use memq::{Broker, Topic};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), memq::Error> {
/// # #[derive(Topic)]
/// # #[topic(name = "numbers")]
/// # struct Number(u64);
/// # let broker = Broker::new();
/// broker.publisher::<Number>().await?.publish_batch((0..10).map(Number)).await?;
/// let mut sums = broker.subscriber::<Number>().group("sums").await?;
///
/// let five = sums.recv_batch(5).await?;
/// assert_eq!(five.iter().map(|number| number.0).sum::<u64>(), 10);
/// assert_eq!(five[4].0, 4);
/// five.ack();
///
/// for number in sums.recv_batch(100).await? {
///     if number.0 % 2 == 0 { number.ack() } else { number.reject("odd") }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "deliveries that are dropped unsettled come back: `ack` them, or settle each"]
pub struct Deliveries<T: Payload> {
    /// Dropped first: what comes back does so before anything of the messages is dropped.
    parts: Vec<Part<T>>,
    /// What was made of each message.
    opened: Vec<Opened<T>>,
}

impl<T: Payload> Deliveries<T> {
    pub(super) fn new() -> Self {
        Self { parts: Vec::new(), opened: Vec::new() }
    }

    /// Makes room for so many.
    pub(super) fn reserve(&mut self, more: usize) {
        self.opened.reserve(more);
    }

    /// Adds a delivery, which is not settled.
    pub(super) fn push(&mut self, delivery: Delivery<T>) {
        let (opened, lease) = delivery.split();
        let alone = match self.parts.last_mut() {
            Some(last) => last.take(lease),
            None => Some(lease),
        };
        self.parts.extend(alone.map(|lease| Part::of(lease, self.opened.len())));
        self.opened.push(opened);
    }

    /// Adds messages that were handed out one after the other, from the one with this ticket on.
    #[inline]
    pub(super) fn push_run(
        &mut self,
        source: Arc<Source<T>>,
        ticket: Ticket,
        count: usize,
        opened: impl FnMut() -> Opened<T>,
    ) {
        let begin = self.opened.len();
        self.parts.push(Part::new(source, ticket, count, begin));
        self.opened.resize_with(begin + count, opened);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.opened.len()
    }

    /// Whether there are none, as in a batch of at most none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.opened.is_empty()
    }

    /// The delivery at this place in the batch.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<DeliveryRef<'_, T>> {
        let opened = self.opened.get(index)?;
        let part = self.parts.partition_point(|part| part.begin() <= index).checked_sub(1)?;
        let part = self.parts.get(part)?;
        part.get(part.segment(), index, opened)
    }

    /// The deliveries, borrowed.
    pub fn iter(&self) -> DeliveriesIter<'_, T> {
        DeliveriesIter::new(self)
    }

    /// [Acknowledges](Delivery::ack) all, at once.
    pub fn ack(mut self) {
        Part::ack_all(&mut self.parts);
    }

    /// [Nacks](Delivery::nack) all.
    pub fn nack(self) {
        self.into_iter().for_each(Delivery::nack);
    }

    /// [Nacks](Delivery::nack_after) all: they come back after this long.
    pub fn nack_after(self, delay: Duration) {
        self.into_iter().for_each(|delivery| delivery.nack_after(delay));
    }

    /// [Rejects](Delivery::reject) all for this reason.
    pub fn reject(self, why: impl fmt::Display) {
        self.into_iter().for_each(|delivery| delivery.reject(&why));
    }
}

/// The value at this place in the batch.
///
/// # Panics
///
/// Where there is none, as with a slice.
impl<T: Payload> std::ops::Index<usize> for Deliveries<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        let delivery = self.get(index).map(|delivery| delivery.get());
        delivery.unwrap_or_else(|| panic!("delivery {index} of a batch of {}", self.len()))
    }
}

impl<T: Payload + fmt::Debug> fmt::Debug for Deliveries<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}
