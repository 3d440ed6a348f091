//! The in-memory engine: an append-only log for each topic, and who reads it.
//!
//! It stores what it is given and never looks inside: no serde, no format; of a key, only its hash.
//! It never reads the clock where it decides; `now` is a parameter, from [`clock`].
//!
//! # Locks
//!
//! Four kinds, none across an await, and none taken while another is held, but the last:
//!
//! * the registry's: name → topic; held to look up, insert or remove one entry;
//! * a topic's ([`topic`]): its log, its waiters and its readers;
//! * a topic's second one, for the handles of its sweepers: held to keep them or to take them away;
//! * a broker's, for memory that is used again ([`recycler`]): taken under a topic's where a segment
//!   begins, and held to put some in or to take some out.
//!
//! Wakers run and evicted messages are freed after the topic's lock is released, because both run
//! code that is not ours and may call back.
//!
//! # Reading
//!
//! Readers do not lock where there is something to read: a message is a slot of a segment, set
//! once. They lock to find a first segment, when retention has overtaken them, and to park. Members of a
//! group lock to take messages and to settle them: who holds what is decided in one place. What they have
//! claimed ahead they take, and acknowledge, without ([`hand`]).

mod after;
pub(crate) mod clock;
pub(crate) mod cursor;
pub(crate) mod dedup;
pub(crate) mod group;
mod hand;
pub(crate) mod log;
pub(crate) mod member;
pub(crate) mod offer;
pub(crate) mod queue;
pub(crate) mod recycler;
pub(crate) mod registry;
pub(crate) mod segment;
pub(crate) mod slots;
pub(crate) mod state;
pub(crate) mod stats;
mod sweep;
mod sync;
pub(crate) mod topic;
pub(crate) mod wake;

#[cfg(all(test, memq_loom))]
mod models;
