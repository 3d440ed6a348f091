//! A message that a group has not settled yet, and the state it is in. Plain data.

use crate::error::LagReason;
use crate::position::Timestamp;

/// One message between its group's position and the end of its handling.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) partition: u16,
    /// The hash of its key; 0 for none.
    pub(super) key: u64,
    /// How often it was handed out.
    pub(super) attempt: u32,
    /// The number of its last hand-out, so that an earlier one is known to be void.
    pub(super) serial: u64,
    /// Why retention removed it while it was handed out, if it did.
    pub(super) gone: Option<LagReason>,
    pub(super) state: LeaseState,
}

impl Lease {
    /// Of a message that was not handed out yet.
    pub(super) fn new(partition: u16, key: u64, state: LeaseState) -> Self {
        Self { partition, key, attempt: 0, serial: 0, gone: None, state }
    }
}

/// The lease of a message without a key that is in flight for the first time. Nearly all leases are
/// no more than that, from their begin to their end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flight {
    /// As in [`Lease`].
    pub(super) serial: u64,
    pub(super) until: Timestamp,
    pub(super) member: usize,
    pub(super) partition: u16,
}

impl From<Flight> for Lease {
    fn from(flight: Flight) -> Self {
        let Flight { serial, until, member, partition } = flight;
        let state = LeaseState::InFlight { member, until };
        Self { attempt: 1, serial, ..Self::new(partition, 0, state) }
    }
}

/// ```text
///            ┌─ its key's turn ─┐
///         Behind ────────────▶ Fresh ──▶ InFlight ──▶ (settled)
///                                  hand out ▲  │
///                     Returned ─────────────┘  ├─ dropped, expired ─▶ Returned
///                         ▲                    ├─ nack ─▶ Delayed
///                         └──── delay over ───────────────┘
///         after the last attempt, or rejected: Dead ──▶ (dead-lettered)
/// ```
#[derive(Debug)]
pub(super) enum LeaseState {
    /// Behind an earlier message of its key.
    Behind,
    /// Never handed out, and may be.
    Fresh,
    /// Handed out to a member, until then.
    InFlight { member: usize, until: Timestamp },
    /// Comes back then.
    Delayed { until: Timestamp },
    /// May be handed out again.
    Returned,
    /// Is to be dead-lettered.
    Dead(Box<Death>),
    /// Is being dead-lettered by somebody, who has given up if it is not done then.
    Burying { death: Box<Death>, until: Timestamp },
}

/// Apart from the state, since few leases come to it and all would be larger by it.
#[derive(Debug)]
pub(super) struct Death {
    pub(super) reason: Box<str>,
    /// When it is tried again, if it failed once.
    pub(super) retry: Option<Timestamp>,
    /// Whether the dead-letter topic has ended, so that nobody need wait for it.
    pub(super) ended: bool,
}

impl LeaseState {
    /// Whether it is not handed out, whatever time and members do.
    pub(super) fn is_idle(&self) -> bool {
        match self {
            Self::Behind => true,
            Self::Dead(death) => death.retry.is_some() && death.ended,
            _ => false,
        }
    }

    /// When time alone changes it.
    pub(super) fn due(&self) -> Option<Timestamp> {
        match self {
            Self::InFlight { until, .. }
            | Self::Delayed { until }
            | Self::Burying { until, .. } => Some(*until),
            Self::Dead(death) => death.retry,
            Self::Behind | Self::Fresh | Self::Returned => None,
        }
    }
}
