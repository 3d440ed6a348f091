//! Deliveries that were received together.

use std::fmt;
use std::time::Duration;

use crate::delivery::{Delivery, Lease};
use crate::payload::Payload;

/// Deliveries received together: settled as a whole, or one by one by iterating over them.
///
/// Dropped, those that are not settled come back at once.
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
/// five.ack();
///
/// for number in sums.recv_batch(100).await? {
///     if number.0 % 2 == 0 { number.ack() } else { number.reject("odd") }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "deliveries that are dropped unsettled come back: `ack` them, or settle each"]
pub struct Deliveries<T: Payload>(Vec<Delivery<T>>);

impl<T: Payload> Deliveries<T> {
    pub(super) fn new(deliveries: Vec<Delivery<T>>) -> Self {
        Self(deliveries)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none, as in a batch of at most none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The deliveries, borrowed.
    pub fn iter(&self) -> std::slice::Iter<'_, Delivery<T>> {
        self.0.iter()
    }

    /// [Acknowledges](Delivery::ack) all, at once.
    pub fn ack(mut self) {
        Lease::ack_all(&mut self.0);
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

impl<T: Payload> std::ops::Index<usize> for Deliveries<T> {
    type Output = Delivery<T>;

    /// # Panics
    ///
    /// Where there is none, as with a slice.
    fn index(&self, index: usize) -> &Delivery<T> {
        &self.0[index]
    }
}

impl<T: Payload + fmt::Debug> fmt::Debug for Deliveries<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl<'a, T: Payload> IntoIterator for &'a Deliveries<T> {
    type Item = &'a Delivery<T>;
    type IntoIter = std::slice::Iter<'a, Delivery<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The deliveries of [`Deliveries`], each on its own.
pub struct DeliveriesIntoIter<T: Payload>(std::vec::IntoIter<Delivery<T>>);

impl<T: Payload> fmt::Debug for DeliveriesIntoIter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveriesIntoIter").field("left", &self.0.len()).finish_non_exhaustive()
    }
}

impl<T: Payload> Iterator for DeliveriesIntoIter<T> {
    type Item = Delivery<T>;

    fn next(&mut self) -> Option<Delivery<T>> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<T: Payload> ExactSizeIterator for DeliveriesIntoIter<T> {}

impl<T: Payload> IntoIterator for Deliveries<T> {
    type Item = Delivery<T>;
    type IntoIter = DeliveriesIntoIter<T>;

    fn into_iter(self) -> DeliveriesIntoIter<T> {
        DeliveriesIntoIter(self.0.into_iter())
    }
}
