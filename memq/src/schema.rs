//! How a type is known to what was written from it: its fingerprint, and its older versions.
//!
//! Two things say of a message what it was written from. The **version** is a number that a type
//! declares, [`TopicSpec::version`](crate::TopicSpec::version); a reader of a higher version reads
//! the lower ones through its [`Lineage`], and never reads a higher one. The [`Fingerprint`] is
//! made of a type's [`Shape`], and goes with messages in formats whose fields have only
//! positions: where two types of one version have different ones, the message is an error, and no
//! field is ever read as another.
//!
//! ```
//! # #[cfg(feature = "json")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), memq::Error> {
//! use memq::schema::Lineage;
//! use memq::{Broker, Topic, TopicSpec};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct OrderV1 { item: String }
//!
//! impl Topic for OrderV1 {
//!     type Codec = memq::codec::Json;
//!     const SPEC: TopicSpec = TopicSpec::new("orders");
//! }
//!
//! #[derive(Serialize, Deserialize)]
//! struct Order { items: Vec<String> }
//!
//! impl From<OrderV1> for Order {
//!     fn from(order: OrderV1) -> Self {
//!         Self { items: vec![order.item] }
//!     }
//! }
//!
//! impl Topic for Order {
//!     type Codec = memq::codec::Json;
//!     const SPEC: TopicSpec = TopicSpec::new("orders").version(2);
//!     const LINEAGE: Lineage<Self> = Lineage::from::<OrderV1>();
//! }
//!
//! let broker = Broker::new();
//! let old = broker.publisher::<OrderV1>().await?;
//! let mut orders = broker.subscriber::<Order>().await?;
//!
//! old.publish(OrderV1 { item: "tea".into() }).await?;
//! assert_eq!(orders.recv().await?.items, ["tea"]);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "json"))]
//! # fn main() {}
//! ```
//!
//! A record that says no version counts as version 1: what tokio-memq and other languages write,
//! and what is published as bare bytes. Whoever publishes bytes of a later version says so, by
//! [`Record::with_version`](crate::Record::with_version).

mod aliases;
mod fingerprint;
mod lineage;
#[doc(hidden)]
pub mod probe;
mod shape;

pub use self::aliases::Aliases;
pub use self::fingerprint::Fingerprint;
pub use self::lineage::Lineage;
pub(crate) use self::lineage::{Older, Source, Versions};
pub use self::shape::Shape;
#[cfg(feature = "schema")]
pub use crate::document::{AsyncApi, ConsumerGroup, DocumentError, document};
