//! memq on NATS JetStream: the same typed topics, in a log that outlives the process and is shared by
//! many.

#![allow(dead_code, reason = "the transport that uses it all comes next")]

mod connect;
mod fault;
mod names;
mod notes;
mod outbound;
#[cfg(not(feature = "tls"))]
mod preflight;
mod settings;
mod task;
mod wire;

pub use self::connect::{Connect, ConnectError};
pub use self::settings::Storage;
