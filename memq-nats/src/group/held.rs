//! What a member was handed and has not settled.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use async_nats::Subject;
use memq::Offset;

use super::parts::Part;

/// By offset.
pub(super) type Holds = HashMap<Offset, Held, BuildHasherDefault<Spread>>;

/// A message that was handed out.
pub(super) struct Held {
    /// Tells the hand-outs of a message apart.
    pub(super) serial: u64,
    pub(super) part: Part,
    pub(super) reply: Subject,
}

/// Spreads offsets. The server counts them, and nobody chooses them, so that this need not be more
/// than cheap: each delivery is looked up twice.
#[derive(Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        // The golden ratio, so that what follows each other is far apart in the upper bits, too.
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher as _, BuildHasherDefault};

    use super::*;

    #[test]
    fn offsets_that_follow_each_other_are_spread() {
        let hash = |offset| BuildHasherDefault::<Spread>::default().hash_one(Offset(offset));
        let low: HashSet<_> = (0..1_024).map(|offset| hash(offset) % 1_024).collect();
        let high: HashSet<_> = (0..1_024).map(|offset| hash(offset) >> 57).collect();
        assert_eq!((low.len(), high.len()), (1_024, 128));
    }
}
