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
//! of topics become `=` there. The payload of a message is bare, and its headers say the rest, so that
//! [other languages](#other-languages) take part. Sequences of the stream begin at 1 and offsets at 0.
//!
//! What a topic is told beside what a stream knows, such as its format, is JSON in the stream's
//! description. Streams that memq did not make are not used, not listed and not deleted.
//!
//! # Other languages
//!
//! Any NATS client takes part. Topics are created by memq; a stream that something else made is not
//! used. `examples/foreign.py` does all of this with a plain client, and `examples/foreign.rs` is its
//! counterpart.
//!
//! **To publish**, publish the payload alone to `memq.orders.0.n`, through JetStream, so that its
//! answer says that it is stored; the offset is the sequence of the answer less 1. That is all a topic
//! without keys and partitions needs. The parts of the subject are:
//!
//! - the [namespace](Connect::namespace), and the topic as it is called, with its dots;
//! - the partition, from 0 on. Without a key any that the topic has will do. With one it is the
//!   [xxHash64](memq::Key::partition) of the key with seed 0, modulo the number of partitions: elsewhere it
//!   would have no order with what memq publishes under that key;
//! - `n`, or `k` for a message with a key, which then is in a header. Groups that keep the order within a
//!   key hand out those of `k` one by one; of other words, or of partitions there are not, they hear nothing.
//!
//! Headers say what differs from the topic. Case does not matter in their names.
//!
//! | header | what it says | where it is absent |
//! | --- | --- | --- |
//! | `Content-Type` | the format: `application/json`, `application/msgpack`, `application/cbor`, `application/octet-stream`; `application/vnd.memq.` and `bincode`, `postcard` or `custom` | that of the topic |
//! | `Content-Encoding` | the compression: `gzip`, `zstd` or `identity` | none |
//! | `Memq-Key` | the key, as text; numbers as their digits | none, whatever is in the value |
//! | `Memq-Key-Base64` | the same, where it is not text, or not text that a header can hold | |
//! | `Memq-Version` | the version of the schema | 1 |
//! | `Memq-Fingerprint` | its fingerprint, as 16 hexadecimal digits | not known |
//! | `Nats-Msg-Id` | the id of the message: published again under it within the topic's `dedup`, or 2 minutes where that says nothing, it is not stored again | it is stored each time |
//! | any other | a header of the message, but for those that begin with `Nats-`, `Memq-` or `Content-` | |
//!
//! What cannot be decoded fails that one receive, and in a group it is a dead letter. So is a message
//! with a header of this table whose value is not understood: nothing is guessed. A topic that is full and
//! rejects or waits, or that is closed, refuses with an error of the server.
//!
//! **To read**, make a consumer of the stream `memq-orders`, under a name that no group has and without
//! `=`: names with one belong to memq's groups. Beside the headers above, memq sends `Memq-Length`, the
//! length before compression of what is compressed, and `Memq-Headers`, the order of the message's own
//! headers where there are several. One of those whose value a header cannot hold is sent as `Memq-Header-` and its name in the
//! alphabet of base64 for URLs, with its value in base64. The ids that memq makes begin with `memq:`. What a
//! [`Stage`](memq::codec::Stage) has sealed is `application/vnd.memq.sealed`, and what was compressed with a
//! dictionary needs that. Where a topic waits for room, it waits for your consumer too.
//!
//! Leave descriptions of streams and consumers as they are: they are memq's notes.
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
//! A publisher hears that its topic is deleted when the server says so, or answers. Where another one of
//! its name is created before that, what it has under way may be stored in the new one.
//!
//! What one publisher sends is stored in that order, also through connections that are cut and servers
//! that end. Where a cluster elects another leader, those behind a message that is lost may be stored
//! before it is sent again, and where a topic is full and waits, those behind one that found no room; with a
//! [`window`](Connect::window) of 1 there are none.
//!
//! The server writes where a group is ten times a second, and confirms an acknowledgement before. So
//! what was acknowledged in the last tenth of a second before it is killed may be handed out again, also
//! where that was confirmed ([`ack_confirmed`](memq::Delivery::ack_confirmed)); nothing that was not
//! acknowledged is lost, and the group goes on where it was. Where the server ends in order nothing
//! comes again.
//!
//! Servers before 2.12.1, but for those from 2.11.11 on, write that in place: one that ends just then may
//! not know where the group was, and it begins again where it started. There
//! [`Capability::DurableGroups`](memq::spi::Capability::DurableGroups) is not claimed.
//!
//! What expires (`ttl`) after it was sent here is not handed out either. How late it is is told by the
//! servers' own clock, as it is heard from the dates of messages, and by what a server says it keeps.
//!
//! # What older servers do
//!
//! Servers before 2.10.16 may hand out a settled message once more, and keep another back until its
//! deadline, where members come and go while others give messages back (`nack`). Members that leave in order
//! make that rarer, and do not rule it out.
//!
//! # What is not told
//!
//! Servers count what is still to come too high where limits remove messages meanwhile. So readers look for
//! themselves, once a second, how far behind they are.
//!
//! Statistics count all that was removed as dropped for no cause that is known, also what everybody
//! had passed, and dead letters as settled.
//!
//! memq removes messages only from the front of a stream. What something else removed from amid it counts
//! with the rest where one starts at the last so many ([`Start::Last`](memq::Start::Last)): fewer come then,
//! and a group is not told of the others.
//!
//! # A copy of what is in memory
//!
//! [`bridge`](fn@bridge) mirrors topics of a broker in memory to one here, or from here, or both.
//!
//! ```no_run
//! # use memq::{Broker, Topic};
//! # #[derive(serde::Serialize, serde::Deserialize, Topic)]
//! # #[topic(name = "orders", format = Json)]
//! # struct Order { item: String }
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let local = Broker::new();
//! let remote = memq_nats::connect("nats://127.0.0.1:4222").await?;
//! let mirror = memq_nats::bridge(&local, &remote)
//!     .topic::<Order>().mirror_out()
//!     .topic_named("prices").mirror_in()
//!     .await?;
//! let handle = mirror.handle();
//! tokio::spawn(mirror);
//! # Ok(())
//! # }
//! ```
//!
//! A message that was mirrored has headers that other clients read as well: `memq-bridge-path`,
//! `memq-bridge-offset` and `memq-bridge-at`; see [`Mirrored`](memq::Mirrored).

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
mod time;
mod topic;
mod transport;
mod wire;

pub use memq::bridge;

pub use self::connect::{Connect, ConnectError, connect};
pub use self::settings::Storage;

/// The README's program, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
