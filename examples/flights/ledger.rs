//! What the workers did, written down by themselves.

use std::collections::{BTreeMap, HashMap};

use memq::Offset;

use crate::flight::Flight;

#[derive(Default)]
pub struct Ledger {
    /// The attempt at which each flight was settled.
    pub settled: BTreeMap<Offset, u32>,
    pub settled_twice: u64,
    /// Times that a flight of an airport ended after a later one of the same.
    pub out_of_order: u64,
    pub panics: u64,
    /// For each airport, the flight that ended last.
    last: HashMap<String, u64>,
}

impl Ledger {
    pub fn settled(&mut self, offset: Offset, attempt: u32, flight: &Flight) {
        let before = self.settled.insert(offset, attempt);
        self.settled_twice += u64::from(before.is_some());
        self.ended(flight);
    }

    /// A flight is settled or dead.
    pub fn ended(&mut self, flight: &Flight) {
        let before = self.last.insert(flight.origin.clone(), flight.sequence);
        self.out_of_order += u64::from(before.is_some_and(|before| flight.sequence <= before));
    }
}
