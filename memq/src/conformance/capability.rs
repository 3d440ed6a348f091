//! What a backend may be unable to do, and still be one.

use std::fmt;
use std::ops::BitOr;

/// A set of things that not every backend can do.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Capabilities(u32);

impl Capabilities {
    /// Nothing of all this.
    pub const NONE: Self = Self(0);
    /// `commit` of a group.
    pub const COMMIT: Self = Self(1);
    /// `seek` of a group.
    pub const GROUP_SEEK: Self = Self(1 << 1);
    /// Messages of one key take turns in a group.
    pub const KEY_ORDER: Self = Self(1 << 2);
    /// Statistics tell why messages were dropped, and subscribers why they lag.
    pub const DROP_CAUSES: Self = Self(1 << 3);
    /// Settling a delivery that was handed out again is an error.
    pub const STALE_SETTLES: Self = Self(1 << 4);
    /// `now` and `try_publish`.
    pub const PUBLISH_NOW: Self = Self(1 << 5);
    /// `reserve`.
    pub const RESERVE: Self = Self(1 << 6);
    /// `retain = UntilConsumed`.
    pub const UNTIL_CONSUMED: Self = Self(1 << 7);
    /// Topics outlive the system that keeps them, and [`Backend::restart`](super::Backend::restart)
    /// restarts it.
    pub const DURABLE: Self = Self(1 << 8);
    /// All of them.
    pub const ALL: Self = Self((1 << 9) - 1);

    const NAMES: [&str; 9] = [
        "COMMIT",
        "GROUP_SEEK",
        "KEY_ORDER",
        "DROP_CAUSES",
        "STALE_SETTLES",
        "PUBLISH_NOW",
        "RESERVE",
        "UNTIL_CONSUMED",
        "DURABLE",
    ];

    /// Those of this set that are not in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of the other set are in this.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        other.without(self).0 == 0
    }
}

impl BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.and(other)
    }
}

/// The names, joined by `|`.
impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = |(at, name)| (self.0 & (1_u32 << at) != 0).then_some(name);
        let names: Vec<&str> = Self::NAMES.into_iter().enumerate().filter_map(there).collect();
        f.write_str(if names.is_empty() { "NONE" } else { "" })?;
        f.write_str(&names.join(" | "))
    }
}
