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
//! Both types have the topic at once, since one is in the other's lineage; any other type is a
//! [conflict](crate::TopicConflict). They share its options, of which the format is one. Native
//! messages are read only as what they are, so their topics have one type.
//!
//! What cannot be read is an error with its offset, and reading goes on; in a consumer group it is a
//! dead letter, which keeps its version and can be given back as what it was.
//!
//! | message | reader | what happens |
//! | --- | --- | --- |
//! | of the same version | | read; [`DecodeError::Schema`] where both know their fingerprint and they differ |
//! | of a lower one | has a way from it | read as the older type, and converted |
//! | of a lower one | has none | [`DecodeError::Version`] |
//! | of a higher one | | [`DecodeError::Version`]: readers are updated before those that publish |
//! | that cannot be converted | by [`Lineage::try_from`] | [`DecodeError::Upcast`] |
//!
//! [`DecodeError::Schema`]: crate::DecodeError::Schema
//! [`DecodeError::Version`]: crate::DecodeError::Version
//! [`DecodeError::Upcast`]: crate::DecodeError::Upcast
//!
//! A record that says no version counts as version 1: what tokio-memq and other languages write,
//! and what is published as bare bytes. Whoever publishes bytes of a later version says so, by
//! [`Record::with_version`](crate::Record::with_version).
//!
//! With feature `schema`, `memq::schema::compat` has the check for your tests that a changed type still
//! reads what was written before.

mod aliases;
#[cfg(feature = "schema")]
pub mod compat;
#[cfg(feature = "schema")]
mod document;
mod fingerprint;
mod lineage;
#[doc(hidden)]
pub mod probe;
#[cfg(feature = "schema")]
mod reference;
mod shape;

pub use self::aliases::Aliases;
#[cfg(feature = "schema")]
pub use self::compat::{CompatError, Mode, assert_compatible, check_compatible};
#[cfg(feature = "schema")]
pub use self::document::{AsyncApi, ConsumerGroup, DocumentError, document};
pub use self::fingerprint::Fingerprint;
pub use self::lineage::Lineage;
pub(crate) use self::lineage::{Older, Source, Versions};
pub use self::shape::Shape;
