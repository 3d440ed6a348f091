//! Deliveries of messages that follow each other, which hold one reference for all of them.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::{Held, Lease, Source, show};
use crate::engine::group::{Row, Ticket};
use crate::engine::segment::Segment;
use crate::engine::state::Run;
use crate::error::SettleError;
use crate::headers::Headers;
use crate::key::Key;
use crate::message::{MessageRef, Opened, Stored};
use crate::payload::Payload;
use crate::position::{Offset, Partition, Timestamp};
use crate::remote::Site;

/// Deliveries of a batch that were handed out one after the other, in one stretch of the log. None of
/// them is settled. Dropped, what is left of them comes back.
pub(crate) struct Part<T: Payload> {
    source: Arc<Source<T>>,
    /// Of the first.
    ticket: Ticket,
    count: usize,
    /// What acknowledges them as they were handed out, as long as all of them are here.
    row: Option<Row>,
    /// Where the first is in the batch.
    begin: usize,
    /// What settles the message, where its group is kept elsewhere. It is the only one then.
    hold: Held<T>,
}

impl<T: Payload> Part<T> {
    /// Of messages that were handed out together.
    #[inline]
    pub(crate) fn new(source: Arc<Source<T>>, run: &Run<Stored<T>>, begin: usize) -> Self {
        let Run { ticket, count, .. } = *run;
        Self { source, ticket, count, row: Some(run.row()), begin, hold: None }
    }

    /// Of one message, in place of its lease.
    pub(crate) fn of(mut lease: Lease<T>, begin: usize) -> Self {
        let (source, hold) = (lease.source.clone(), lease.hold.take());
        lease.unsettled = None;
        Self { source, ticket: lease.ticket, count: 1, row: None, begin, hold }
    }

    /// Takes the place of another lease, if its message goes on with these. Returns it if not.
    pub(crate) fn take(&mut self, mut lease: Lease<T>) -> Option<Lease<T>> {
        let goes_on = self.hold.is_none()
            && self.row.is_none()
            && lease.hold.is_none()
            && Arc::ptr_eq(&self.source, &lease.source)
            && self.ticket.goes_on(self.count, lease.ticket);
        if !goes_on {
            return Some(lease);
        }
        lease.unsettled = None;
        self.count += 1;
        None
    }

    /// Those of this row were handed out together: if all of them are here, it acknowledges them.
    pub(crate) fn end_run(&mut self, row: Row) {
        if self.hold.is_none() && row.is_of(self.ticket, self.count) {
            self.row = Some(row);
        }
    }

    #[inline]
    pub(crate) fn begin(&self) -> usize {
        self.begin
    }

    /// Where they are in the log.
    #[inline]
    pub(crate) fn segment(&self) -> &Segment<Stored<T>> {
        &self.source.lane
    }

    /// The message at this place in the batch, which is in the segment of these.
    #[inline]
    pub(crate) fn get<'a>(
        &'a self,
        segment: &'a Segment<Stored<T>>,
        index: usize,
        opened: &'a Opened<T>,
    ) -> Option<DeliveryRef<'a, T>> {
        let offset = self.ticket.offset + (index - self.begin) as u64;
        let message = MessageRef::new(Offset(offset), segment.get(offset)?, opened);
        Some(DeliveryRef { message, part: self })
    }

    /// The lease of the first that is left.
    #[inline]
    pub(crate) fn next_lease(&mut self) -> Option<Lease<T>> {
        self.count = self.count.checked_sub(1)?;
        self.row = None;
        let ticket = self.ticket;
        self.ticket = ticket.after(1);
        Some(Lease::new(self.source.clone(), ticket, self.hold.take()))
    }

    /// The lease of the last that is left.
    pub(crate) fn last_lease(&mut self) -> Option<Lease<T>> {
        self.count = self.count.checked_sub(1)?;
        self.row = None;
        let ticket = self.ticket.after(self.count);
        Some(Lease::new(self.source.clone(), ticket, self.hold.take()))
    }

    /// What acknowledges those that are left; none is after that.
    #[inline]
    fn take_row(&mut self) -> Row {
        let count = std::mem::take(&mut self.count);
        self.row.unwrap_or_else(|| Row::of_run(self.ticket, count))
    }

    /// Acknowledges those of one consumer together.
    pub(crate) fn ack_all(parts: &mut [Self]) {
        let Some(source) = parts.first().map(|first| first.source.clone()) else { return };
        match &source.terms.site {
            _ if source.terms.auto_ack => {}
            Site::Here(near) => near.group.acknowledge(parts.iter_mut().map(Self::take_row)),
            Site::There(_) => {
                for part in parts {
                    std::iter::from_fn(|| part.next_lease()).for_each(Lease::ack);
                }
            }
        }
    }
}

impl<T: Payload> Drop for Part<T> {
    fn drop(&mut self) {
        if self.count > 0 && !self.source.terms.auto_ack {
            // Where one panics, the others are dropped all the same.
            drop(std::iter::from_fn(|| self.next_lease()).collect::<Vec<_>>());
        }
    }
}

/// A delivery that is read where it is, inside [`Deliveries`](crate::Deliveries); dereferences to the
/// value.
///
/// It is settled with the others, or taken out by iterating over them by value. What it borrows lives as long as
/// the batch: [`get`](Self::get) gives the value for that long.
pub struct DeliveryRef<'a, T: Payload> {
    message: MessageRef<'a, T>,
    part: &'a Part<T>,
}

impl<T: Payload> Clone for DeliveryRef<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Payload> Copy for DeliveryRef<'_, T> {}

impl<'a, T: Payload> DeliveryRef<'a, T> {
    /// How often the message was handed out, with this one: 1 for the first.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.part.ticket.attempt
    }

    /// Where the message is in its topic.
    #[must_use]
    pub fn offset(&self) -> Offset {
        self.message.offset()
    }

    /// The partition it belongs to; 0 where there is one.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.message.partition()
    }

    /// The key that the log goes by: the one given on publishing, or else the one the type takes from the
    /// value. Of bytes it is the one given, or none: nobody looks into them.
    #[must_use]
    pub fn key(&self) -> Option<Key<'a>> {
        self.message.key()
    }

    /// The headers given on publishing.
    #[must_use]
    pub fn headers(&self) -> &'a Headers {
        self.message.headers()
    }

    /// When the message was stored; see [`Timestamp`] for how exactly.
    #[must_use]
    pub fn published_at(&self) -> Timestamp {
        self.message.published_at()
    }

    /// The value, for as long as the deliveries it was read from.
    #[must_use]
    pub fn get(&self) -> &'a T {
        self.message.get()
    }

    /// Keeps the message for another ack deadline, from now on; see
    /// [`Delivery::extend`](crate::Delivery::extend).
    ///
    /// # Errors
    ///
    /// [`SettleError`], where the deadline has passed or the message is settled.
    pub fn extend(&self) -> Result<(), SettleError> {
        self.extend_by(self.part.source.terms.ack_deadline)
    }

    /// Keeps the message for this long from now on; see
    /// [`Delivery::extend_by`](crate::Delivery::extend_by).
    ///
    /// # Errors
    ///
    /// [`SettleError`], where the deadline has passed or the message is settled.
    pub fn extend_by(&self, by: Duration) -> Result<(), SettleError> {
        let Part { source, ticket, hold, .. } = self.part;
        let at = (self.offset().0 - ticket.offset) as usize;
        source.terms.extend(ticket.after(at), hold, by)
    }
}

impl<T: Payload> Deref for DeliveryRef<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.get()
    }
}

impl<T: Payload + fmt::Debug> fmt::Debug for DeliveryRef<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(&self.message, self.attempt(), f)
    }
}
