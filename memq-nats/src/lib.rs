//! memq on NATS JetStream: the same typed topics, in a log that outlives the process and is shared by
//! many.
//!
//! ```no_run
//! use memq::Topic;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, Serialize, Deserialize, Topic)]
//! #[topic(name = "orders", format = Json)]
//! struct Order {
//!     #[topic(key)]
//!     customer: u64,
//!     item: String,
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let broker = memq_nats::connect("nats://127.0.0.1:4222").await?;
//!     let orders = broker.publisher::<Order>().await?;
//!     orders.publish(Order { customer: 7, item: "tea".into() }).await?;
//!     Ok(())
//! }
//! ```
//!
//! # What is where
//!
//! A topic is a stream, `memq-orders`, with the subjects `memq.orders.*.*`: the partition, then `k`
//! where the message has a key, and `n` where it has none. Streams have no dots in their names, so those
//! of topics become `=` there. The payload of a message is bare, and its headers say the rest, so a client
//! in any language reads it, and publishes to `memq.orders.0.n` without knowing of memq. Sequences of
//! the stream begin at 1 and offsets at 0.
//!
//! What a topic is told beside what a stream knows, such as its format, is JSON in the stream's
//! description. Streams that memq did not make are not used, not listed and not deleted.
//!
//! # What is kept
//!
//! What was acknowledged outlives a server that is killed. The server writes to its files at once and
//! has the system put them on the disk every two minutes (`sync_interval`): where a power failure must lose
//! nothing, let it be `always`, or keep topics on three servers ([`Connect::replicas`]).
//!
//! A message whose outcome is not known, since the connection was cut, is sent again under the same id
//! until it is; the server knows ids for two minutes, or as long as the `dedup` or the `ttl` of the
//! topic says. So it is stored twice only where it was away for longer than that.
//!
//! What one publisher sends is stored in that order, also through connections that are cut and servers
//! that end. Where a cluster elects another leader, those behind a message that is lost may be stored
//! before it is sent again; with a [`window`](Connect::window) of 1 there are none.
//!
//! # What is not told
//!
//! Statistics count all that was removed as dropped for no cause that is known, also what everybody
//! had passed, and dead letters as settled.
//!
//! # What does not hold yet
//!
//! Of the cases of `memq::conformance` these fail on the servers that it is tried on:
//!
//! - A message that was fetched before it expired is still delivered.
//! - What was acknowledged shortly before a server is killed may be handed out again.
//!
//! Servers before 2.10 may hand out a settled message once more, where another is given back just as a
//! member leaves.
//!
//! There is no bridge between a topic in memory and one here.

mod connect;
mod delivered;
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
mod start;
mod task;
mod topic;
mod transport;
mod wire;

pub use self::connect::{Connect, ConnectError, connect};
pub use self::settings::Storage;
