//! memq on NATS JetStream: the same typed topics, in a log that outlives the process and is shared by
//! many.

#![allow(dead_code, reason = "the transport that uses it all comes next")]

mod connect;
mod fault;
mod group;
mod link;
mod names;
mod notes;
mod outbound;
#[cfg(not(feature = "tls"))]
mod preflight;
mod publisher;
mod reader;
mod settings;
mod task;
mod topic;
mod transport;
mod wire;

pub use self::connect::{Connect, ConnectError};
pub use self::settings::Storage;
