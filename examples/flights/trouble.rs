//! What goes wrong: drawn from a seed, for each flight by itself, so that it does not depend on which
//! worker gets which flight when.

/// What happens to whoever works on a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// It fails this time.
    Fails,
    /// It panics this time.
    Panics,
    /// It will never succeed, and that is known.
    Impossible,
}

#[derive(Clone, Copy)]
pub struct Troubles {
    seed: u64,
}

impl Troubles {
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// What this attempt at the flight at this offset runs into.
    ///
    /// A flight that recovers does so after two attempts at most. So it lives also where a killed
    /// worker took one more of its five.
    pub fn of(self, offset: u64, attempt: u32) -> Trouble {
        let drawn = mix(self.seed ^ mix(offset));
        let times = 1 + (drawn >> 32) % 2;
        let again = u64::from(attempt) <= times;
        match drawn % 100 {
            0..15 if again => Trouble::Fails,
            15..20 if again => Trouble::Panics,
            // Fails every time.
            20..23 => Trouble::Fails,
            23..26 => Trouble::Impossible,
            _ => Trouble::None,
        }
    }
}

/// A step of SplitMix64: every bit of the result depends on every bit of the value.
fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
