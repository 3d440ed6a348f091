//! How deliveries are gone through, where they are or each on its own.

use std::fmt;
use std::iter::FusedIterator;

use super::Deliveries;
use crate::delivery::{Delivery, DeliveryRef, Part};
use crate::engine::segment::Segment;
use crate::message::{Opened, Stored};
use crate::payload::Payload;

/// The deliveries of [`Deliveries`], borrowed.
#[must_use = "iterators do nothing unless they are consumed"]
pub struct DeliveriesIter<'a, T: Payload> {
    batch: &'a Deliveries<T>,
    /// Of those that are left.
    opened: std::slice::Iter<'a, Opened<T>>,
    /// The part after the one it is in, the next delivery, and where that part ends.
    part: usize,
    next: usize,
    end: usize,
    /// That part, and where it is in the log.
    at: Option<(&'a Part<T>, &'a Segment<Stored<T>>)>,
}

impl<'a, T: Payload> DeliveriesIter<'a, T> {
    pub(super) fn new(batch: &'a Deliveries<T>) -> Self {
        Self { batch, opened: batch.opened.iter(), part: 0, next: 0, end: 0, at: None }
    }

    /// Goes on to the next part.
    #[inline(never)]
    fn turn(&mut self) {
        let parts = &self.batch.parts;
        self.at = parts.get(self.part).map(|part| (part, part.segment()));
        self.part += 1;
        self.end = parts.get(self.part).map_or(self.batch.len(), Part::begin);
    }
}

impl<T: Payload> fmt::Debug for DeliveriesIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveriesIter").field("left", &self.len()).finish_non_exhaustive()
    }
}

impl<'a, T: Payload> Iterator for DeliveriesIter<'a, T> {
    type Item = DeliveryRef<'a, T>;

    #[inline]
    fn next(&mut self) -> Option<DeliveryRef<'a, T>> {
        if self.next == self.end {
            self.turn();
        }
        let opened = self.opened.next()?;
        let (part, segment) = self.at?;
        let delivery = part.get(segment, self.next, opened)?;
        self.next += 1;
        Some(delivery)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.opened.size_hint()
    }
}

impl<T: Payload> DoubleEndedIterator for DeliveriesIter<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.opened.next_back()?;
        self.batch.get(self.next + self.opened.len())
    }
}

impl<T: Payload> ExactSizeIterator for DeliveriesIter<'_, T> {}

impl<T: Payload> FusedIterator for DeliveriesIter<'_, T> {}

impl<'a, T: Payload> IntoIterator for &'a Deliveries<T> {
    type Item = DeliveryRef<'a, T>;
    type IntoIter = DeliveriesIter<'a, T>;

    fn into_iter(self) -> DeliveriesIter<'a, T> {
        self.iter()
    }
}

/// The deliveries of [`Deliveries`], each on its own. Dropped, those that are left come back at once.
#[must_use = "deliveries that are dropped unsettled come back"]
pub struct DeliveriesIntoIter<T: Payload> {
    /// What is left of the part it is in, and those after it.
    part: Option<Part<T>>,
    parts: std::vec::IntoIter<Part<T>>,
    opened: std::vec::IntoIter<Opened<T>>,
}

impl<T: Payload> fmt::Debug for DeliveriesIntoIter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveriesIntoIter")
            .field("left", &self.opened.len())
            .finish_non_exhaustive()
    }
}

impl<T: Payload> Iterator for DeliveriesIntoIter<T> {
    type Item = Delivery<T>;

    #[inline]
    fn next(&mut self) -> Option<Delivery<T>> {
        let opened = self.opened.next()?;
        loop {
            if let Some(lease) = self.part.as_mut().and_then(Part::next_lease) {
                return Some(Delivery::new(opened, lease));
            }
            self.part = Some(self.parts.next()?);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.opened.size_hint()
    }
}

impl<T: Payload> DoubleEndedIterator for DeliveriesIntoIter<T> {
    fn next_back(&mut self) -> Option<Delivery<T>> {
        let opened = self.opened.next_back()?;
        while let Some(last) = self.parts.as_mut_slice().last_mut() {
            if let Some(lease) = last.last_lease() {
                return Some(Delivery::new(opened, lease));
            }
            self.parts.next_back();
        }
        Some(Delivery::new(opened, self.part.as_mut()?.last_lease()?))
    }
}

impl<T: Payload> ExactSizeIterator for DeliveriesIntoIter<T> {}

impl<T: Payload> FusedIterator for DeliveriesIntoIter<T> {}

/// Taken apart, each delivery holds a reference of its own.
impl<T: Payload> IntoIterator for Deliveries<T> {
    type Item = Delivery<T>;
    type IntoIter = DeliveriesIntoIter<T>;

    fn into_iter(self) -> DeliveriesIntoIter<T> {
        let (parts, opened) = (self.parts.into_iter(), self.opened.into_iter());
        DeliveriesIntoIter { part: None, parts, opened }
    }
}
