//! memq
mod broker;
pub mod codec;
mod engine;
mod error;
mod headers;
mod key;
mod message;
mod options;
mod position;
mod publisher;
mod record;
mod stream;
mod subscriber;
mod topic;

pub use self::broker::{Broker, Opening, PublisherBuilder, SubscriberBuilder, TopicBuilder};
pub use self::codec::Codec;
pub use self::codec::form::Payload;
pub use self::engine::stats::{Dropped, SubscriberStats, TopicStats};
pub use self::error::{
    AdminError, BatchError, Cause, DecodeError, DetectError, EncodeError, Error, FrameError,
    LagReason, OpenError, PublishError, RecvError, SeekError, TopicConflict,
};
pub use self::headers::{HeaderError, Headers};
pub use self::key::{Key, TopicKey};
pub use self::message::{Batch, BatchIntoIter, BatchIter, Message, MessageRef};
pub use self::options::{
    Compression, DEFAULT_MAX_BYTES, DEFAULT_MAX_DECODED, DEFAULT_MAX_MESSAGES, Format, Overflow,
    Start, TopicOptions,
};
pub use self::position::{Offset, Timestamp};
pub use self::publisher::{Permit, Publish, PublishBatch, Publisher, Publishing};
pub use self::record::Record;
pub use self::subscriber::Subscriber;
pub use self::topic::{Topic, TopicName, TopicNameError, TopicSpec};
#[cfg(feature = "derive")]
pub use memq_derive::Topic;
