//! Leases of 64 messages that follow each other, each found by its place. A plain data structure.

use std::ops::Deref;

use super::super::lease::{Flight, Lease};
use super::places;

/// Leases of a chunk: one for each bit of a word.
pub(super) const CHUNK: usize = 64;

#[derive(Debug)]
pub(super) struct Chunk {
    /// A bit for each that is there.
    pub(super) taken: u64,
    /// A bit for each of those that is a flight.
    flying: u64,
    /// A bit for each flight that is written down. Those behind it up to the next one go on from it.
    begins: u64,
    flights: [Flight; CHUNK],
    /// The others; most chunks have none.
    leases: Option<Box<[Option<Lease>; CHUNK]>>,
}

impl Chunk {
    pub(super) fn new() -> Box<Self> {
        let flights = [Flight::default(); CHUNK];
        Box::new(Self { taken: 0, flying: 0, begins: 0, flights, leases: None })
    }

    /// Adds flights of messages that follow each other, each with the next serial.
    #[inline]
    pub(super) fn fly(&mut self, place: usize, flight: Flight, count: usize) {
        let bits = bits(place, count);
        debug_assert!(self.taken & bits == 0);
        self.flights[place] = flight;
        // Flights come at the end, so none goes on from what is written over.
        self.begins = self.begins & !bits | 1 << place;
        self.taken |= bits;
        self.flying |= bits;
    }

    #[inline]
    pub(super) fn flight(&self, place: usize) -> Option<Flight> {
        if self.flying & (1 << place) == 0 {
            return None;
        }
        let begun = self.begins & (u64::MAX >> (CHUNK - 1 - place));
        let begin = begun.checked_ilog2()? as usize;
        let first = self.flights[begin];
        Some(Flight { serial: first.serial + (place - begin) as u64, ..first })
    }

    /// How many flights there are from this one on that follow each other, and were added with it.
    #[inline]
    pub(super) fn going_on(&self, place: usize) -> usize {
        let others = (self.flying & !self.begins) >> place >> 1;
        others.trailing_ones() as usize + 1
    }

    /// Removes so many flights, which are there.
    #[inline]
    pub(super) fn land(&mut self, place: usize, count: usize) {
        let bits = bits(place, count);
        debug_assert!(self.flying & bits == bits);
        self.flying &= !bits;
        self.taken &= !bits;
    }

    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<Found<'_>> {
        if let Some(flight) = self.flight(place) {
            return Some(Found::Flight(flight.into()));
        }
        self.leases.as_ref()?[place].as_ref().map(Found::Lease)
    }

    /// Those from this place on.
    pub(super) fn iter(&self, first: usize) -> impl Iterator<Item = (usize, Found<'_>)> {
        let wanted = u64::MAX << first;
        places(self.taken & wanted).filter_map(|place| Some((place, self.get(place)?)))
    }

    /// A flight becomes a lease by this.
    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut Lease> {
        if let Some(flight) = self.flight(place) {
            self.put(place, flight.into());
        }
        self.leases.as_mut()?[place].as_mut()
    }

    pub(super) fn put(&mut self, place: usize, lease: Lease) {
        let none = || Box::new([const { None }; CHUNK]);
        self.leases.get_or_insert_with(none)[place] = Some(lease);
        self.taken |= 1 << place;
        self.flying &= !(1 << place);
    }

    pub(super) fn take(&mut self, place: usize) -> Option<Lease> {
        let bit = 1 << place;
        let lease = match self.flight(place) {
            Some(flight) => flight.into(),
            None => self.leases.as_mut()?[place].take()?,
        };
        self.flying &= !bit;
        self.taken &= !bit;
        Some(lease)
    }
}

/// A lease to be looked at.
#[derive(Debug)]
pub(in crate::engine::group) enum Found<'a> {
    Flight(Lease),
    Lease(&'a Lease),
}

impl Deref for Found<'_> {
    type Target = Lease;

    fn deref(&self) -> &Lease {
        match self {
            Self::Flight(lease) => lease,
            Self::Lease(lease) => lease,
        }
    }
}

/// The bits of so many places from this one on.
#[inline]
fn bits(place: usize, count: usize) -> u64 {
    (u64::MAX >> (CHUNK - count)) << place
}
