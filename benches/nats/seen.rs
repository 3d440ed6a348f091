//! What a reader has seen.

use async_nats::jetstream::Message;

use crate::site::{BATCH, Kept};

/// What was seen: each message once, in order.
#[derive(Default)]
pub struct Seen {
    pub count: u64,
    celsius: f64,
}

impl Seen {
    pub fn see(&mut self, Kept(reading): &Kept) {
        // One that came twice, or is missing, does not count.
        self.count += u64::from(reading.number == self.count);
        self.celsius += reading.celsius;
    }

    /// How many are fetched next.
    pub fn next(&self, count: u64) -> usize {
        BATCH.min((count - self.count) as usize)
    }

    pub fn end(self) -> u64 {
        std::hint::black_box(self.celsius);
        self.count
    }

    pub fn read(&mut self, message: &Message) {
        self.see(&serde_json::from_slice(&message.payload).expect("JSON"));
    }
}
