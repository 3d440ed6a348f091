//! memq
pub mod codec;
pub use codec::Codec;
mod error;
mod headers;
mod key;
mod options;
mod position;
mod record;
mod topic;
pub use codec::form::Payload;
pub use error::*;
pub use headers::*;
pub use key::*;
#[cfg(feature = "derive")]
pub use memq_derive::Topic;
pub use options::*;
pub use position::*;
pub use record::Record;
pub use topic::{Topic, TopicName, TopicNameError, TopicSpec};
