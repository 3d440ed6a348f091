//! A typed, macro-driven message queue in memory: annotate a struct, and get a log with offsets,
//! replay, retention, backpressure and statistics in place of a bare channel.
//!
//! ```
//! # #[cfg(all(feature = "derive", feature = "json"))]
//! # mod program {
//! use memq::{Broker, Topic};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, Serialize, Deserialize, Topic)]
//! #[topic(name = "orders", format = Json, ttl = "1h", max = 10_000)]
//! struct Order {
//!     #[topic(key)]
//!     customer: u64,
//!     item: String,
//! }
//!
//! #[tokio::main]
//! # pub
//! async fn main() -> Result<(), memq::Error> {
//!     let broker = Broker::new();
//!     let orders = broker.publisher::<Order>().await?;
//!     let mut incoming = broker.subscriber::<Order>().await?;
//!
//!     orders.publish(Order { customer: 7, item: "tea".into() }).await?;
//!
//!     let order = incoming.recv().await?; // Message<Order>, derefs to Order
//!     println!("{} ordered {} (offset {})", order.customer, order.item, order.offset());
//!     Ok(())
//! }
//! # }
//! # #[cfg(all(feature = "derive", feature = "json"))]
//! # program::main().unwrap();
//! ```
//!
//! # What is lost
//!
//! Everything, when the process ends: messages are kept in memory. Where that must not be, the same code
//! runs on a server; see [`docs::growing`]. Until then:
//!
//! * Retention removes the oldest messages: beyond 10,000 or 256 MiB where nothing else is said, or
//!   past their `ttl`. A subscriber that had not read them is told by [`RecvError::Lagged`] how many
//!   they were. With [`Overflow::Wait`] or [`Overflow::Reject`] nothing is removed to make room that
//!   a subscriber has not read or a consumer group has not settled.
//! * A dead-letter topic is a topic: with the default options its oldest messages go beyond 10,000.
//! * A future that is dropped loses nothing, but a [`publish`](Publisher::publish) that had to wait
//!   takes its message with it; [`reserve`](Publisher::reserve) avoids that.
//! * Nothing is delivered twice to one subscriber, unless it seeks back. What a consumer group has not
//!   acknowledged is; see [`docs::delivery`].
//!
//! # In reading order
//!
//! 1. [`Topic`]: a type that is a topic; derived, or by hand. [`TopicSpec`] has the options.
//! 2. [`Broker`]: opens topics and administers them.
//! 3. [`Publisher`]: messages in. [`Subscriber`]: [`Message`]s out, all of them to each.
//! 4. [`Consumer`]: a member of a group that shares them; [`Delivery`]: what it settles. The page
//!    [`docs::delivery`] has the whole of it.
//! 5. [`Record`]: messages as bytes, for topics known only at run time.
//! 6. [`codec`]: formats, compression, stages of your own, and the [frame](codec::frame);
//!    [`Dictionary`]: what makes compressed messages small.
//! 7. [`TopicStats`], [`SubscriberStats`] and [`GroupStats`]: what happened;
//!    [`Broker::explain`]: what does not.
//! 8. [`Error`]: one enum for each kind of operation, and this one over all of them.
//! 9. [`schema`]: versions of a type, and what holds them apart.
//! 10. [`bridge`](fn@bridge): a copy of topics from one broker to another, as from memory to a server.
//! 11. [`spi`]: for those who keep topics elsewhere than in memory.
//!
//! # Runtimes
//!
//! It works on current-thread and multi-thread tokio. [`Broker::new`], and everything that does not
//! wait, works outside of a runtime too. So does opening a handle, which never waits in memory: any
//! executor's `block_on` will do. The runtime's timer is needed by deadlines, to
//! redeliver and to end delays while a consumer waits, and to give back the memory of what a `ttl`
//! expires.
//!
//! # Features
//!
//! `derive` and `json` are on by default. `messagepack`, `postcard`, `bincode`, `gzip` and `zstd` add
//! the format or compression of that name, `train` makes dictionaries for `zstd`, and `tower` runs
//! services as handlers; `serde`, which every format but `Native` has with it, reads and writes [`Offset`],
//! [`Partition`], [`Timestamp`] and [`TopicName`], as for checkpoints, and writes statistics, as for
//! metrics: the fields by their names, durations in seconds; `schema` checks in your tests whether a type still reads what it once wrote;
//! `full` is all of them. `conformance` has the tests that a back end must pass.
//! An annotation whose feature is off does not compile, and a compression chosen at run time is an
//! error on opening; both name the feature. A default build compiles no C.

mod backoff;
mod bridge;
mod broker;
pub mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
mod consumer;
mod dead_letter;
mod delivery;
mod dictionary;
pub mod docs;
mod engine;
mod error;
mod exclusive;
mod foreign;
mod headers;
mod key;
mod message;
mod name;
mod options;
mod payload;
mod position;
mod publisher;
mod record;
mod remote;
pub mod schema;
#[cfg(feature = "serde")]
mod serial;
pub mod spi;
mod stopping;
mod stream;
mod subscriber;
mod topic;
pub mod worker;

pub use self::backoff::Backoff;
pub use self::bridge::{
    Bridge, BridgeBuilder, BridgeEnded, BridgeHandle, BridgeReport, Direction, MirrorBuilder,
    MirrorStats, Mirrored, bridge,
};
pub use self::broker::{
    Broker, ConsumerBuilder, DeadLetters, Explanation, Opening, PublisherBuilder, Redriven,
    SubscriberBuilder, TopicBuilder,
};
pub use self::codec::Codec;
pub use self::consumer::{Consumer, Deliveries, DeliveriesIntoIter, DeliveriesIter};
pub use self::dead_letter::DeadLetter;
pub use self::delivery::{Delivery, DeliveryRef, Lease};
pub use self::dictionary::{Dictionary, DictionaryError};
pub use self::engine::stats::{
    Dropped, GroupStats, LastDrop, MemberStats, PartitionStats, SubscriberStats, TopicStats,
    Unsettled,
};
pub use self::error::{
    AdminError, BatchError, BridgeError, BridgeSide, Cause, CommitError, DecodeError, DetectError,
    EncodeError, Error, FrameError, GroupConflict, LagReason, OpenError, PublishError, RecvError,
    RunError, SeekError, SettleError, TopicConflict,
};
pub use self::headers::{HeaderError, Headers};
pub use self::key::{Key, TopicKey};
pub use self::message::{Batch, BatchIntoIter, BatchIter, Message, MessageRef};
pub use self::name::{TopicName, TopicNameError};
pub use self::options::{
    Compression, DEFAULT_ACK_DEADLINE, DEFAULT_MAX_ATTEMPTS, DEFAULT_MAX_BYTES,
    DEFAULT_MAX_DECODED, DEFAULT_MAX_MESSAGES, Format, Overflow, ParseOptionError, Retain, Start,
    TopicOptions,
};
pub use self::payload::Payload;
pub use self::position::{Offset, Partition, Timestamp, TimestampError};
pub use self::publisher::{
    Permit, Publish, PublishBatch, Publisher, Publishing, Receipt, SendMessage, Sending,
};
pub use self::record::Record;
pub use self::schema::Shape;
pub use self::subscriber::Subscriber;
pub use self::topic::{Topic, TopicSpec};
pub use self::worker::{Ended, Handler, Report, Worker, WorkerHandle};
#[cfg(feature = "derive")]
pub use memq_derive::{Shape, Topic};

/// The README's programs, compiled and run.
#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../../README.md")]
struct Readme;
