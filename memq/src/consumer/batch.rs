//! Deliveries that were received together.

mod iter;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};

pub use self::iter::{DeliveriesIntoIter, DeliveriesIter};
use crate::delivery::{Delivery, DeliveryRef, Part, Source};
use crate::engine::group::Row;
use crate::engine::state::Run;
use crate::error::SettleError;
use crate::message::{Opened, Stored};
use crate::payload::Payload;

/// Deliveries received together: settled as a whole, or one by one by iterating over them.
///
/// Dropped, all of them come back at once; so do those that are left where a loop over them by value ends early,
/// by `?` or `break`. Each has used an [attempt](crate::ConsumerBuilder::max_attempts) by that, whether it was
/// looked at or not.
///
/// In memory those that came back are first, and then the others, both in the order of their offsets. An index
/// is the value, and [`get`](Self::get) the delivery. Until it is dropped, a batch keeps the stretches of the
/// log that its messages are in, one reference for each.
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

/// Acknowledgements whose word is waited for together at most: each takes memory for that.
const ON_THEIR_WAY: usize = 1_024;

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

    /// Adds messages that were handed out together.
    #[inline]
    pub(super) fn push_run(
        &mut self,
        source: Arc<Source<T>>,
        run: &Run<Stored<T>>,
        opened: impl FnMut() -> Opened<T>,
    ) {
        let begin = self.opened.len();
        self.parts.push(Part::new(source, run, begin));
        self.opened.resize_with(begin + run.count, opened);
    }

    /// These were handed out together, and those of them that could be read are the last in the batch.
    pub(super) fn end_run(&mut self, row: Row) {
        if let Some(last) = self.parts.last_mut() {
            last.end_run(row);
        }
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

    /// The first delivery; `None` in an empty batch.
    #[must_use]
    pub fn first(&self) -> Option<DeliveryRef<'_, T>> {
        self.get(0)
    }

    /// The last delivery; `None` in an empty batch.
    #[must_use]
    pub fn last(&self) -> Option<DeliveryRef<'_, T>> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The deliveries, borrowed.
    pub fn iter(&self) -> DeliveriesIter<'_, T> {
        DeliveriesIter::new(self)
    }

    /// [Extends](Delivery::extend) all, those too that come after one that no longer counts.
    ///
    /// # Errors
    ///
    /// What the first of those said that could not be extended.
    pub fn extend(&self) -> Result<(), SettleError> {
        self.extend_each(|delivery| delivery.extend())
    }

    /// As [`extend`](Self::extend), [for this long](Delivery::extend_by).
    ///
    /// # Errors
    ///
    /// As [`extend`](Self::extend).
    pub fn extend_by(&self, by: Duration) -> Result<(), SettleError> {
        self.extend_each(|delivery| delivery.extend_by(by))
    }

    fn extend_each(
        &self,
        extend: impl Fn(DeliveryRef<'_, T>) -> Result<(), SettleError>,
    ) -> Result<(), SettleError> {
        let mut first = Ok(());
        for delivery in self {
            let extended = extend(delivery);
            first = first.and(extended);
        }
        first
    }

    /// [Acknowledges](Delivery::ack) all, at once. Of those that were handed out again meanwhile, nothing is
    /// said.
    pub fn ack(mut self) {
        Part::ack_all(&mut self.parts);
    }

    /// [Acknowledges](Delivery::ack_confirmed) all, and says whether that counted. Where topics are kept
    /// elsewhere up to 1,024 are on their way together.
    ///
    /// # Errors
    ///
    /// What the first of those said of which it did not; the others are acknowledged all the same.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has acknowledged each or brought it back.
    pub async fn ack_confirmed(self) -> Result<(), SettleError> {
        let words = self.into_iter().map(Delivery::ack_confirmed);
        let mut words = stream::iter(words).buffered(ON_THEIR_WAY);
        let mut first = Ok(());
        while let Some(said) = words.next().await {
            first = first.and(said);
        }
        first
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

    #[track_caller]
    fn index(&self, index: usize) -> &T {
        match self.get(index) {
            Some(delivery) => delivery.get(),
            None => panic!("delivery {index} of a batch of {}", self.len()),
        }
    }
}

impl<T: Payload + fmt::Debug> fmt::Debug for Deliveries<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}
