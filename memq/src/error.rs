//! Every error, one enum for each kind of operation, and [`Error`] over all of them.
//!
//! Texts say what to do. Values that could not be published come back inside the error.

mod bridge;
mod codec;
mod delivery;
mod pending;
mod topic;
mod worker;

use std::fmt;

use thiserror::Error;

pub use self::bridge::{BridgeError, BridgeSide};
pub use self::codec::{DecodeError, DetectError, EncodeError, FrameError};
pub use self::delivery::{
    BatchError, CommitError, LagReason, PublishError, RecvError, SeekError, SettleError,
};
pub(crate) use self::pending::Pending;
pub use self::topic::{AdminError, GroupConflict, OpenError, TopicConflict};
pub use self::worker::RunError;
use crate::dictionary::DictionaryError;
use crate::headers::HeaderError;
use crate::name::TopicNameError;
use crate::options::ParseOptionError;
use crate::position::TimestampError;

/// The cause of a failure inside a codec, compression or stage.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Any error of memq, for functions that pass them all on.
///
/// Its `Debug` is the text with all causes, since that is what `main` prints.
#[derive(Error)]
#[non_exhaustive]
pub enum Error {
    /// A topic could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A message could not be published; it is no longer inside.
    #[error(transparent)]
    Publish(PublishError<()>),
    /// A batch could not be published whole; the rest is no longer inside.
    #[error(transparent)]
    Batch(BatchError<()>),
    /// A message could not be received.
    #[error(transparent)]
    Recv(#[from] RecvError),
    /// A subscriber could not be moved.
    #[error(transparent)]
    Seek(#[from] SeekError),
    /// What a group has done could not be committed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A delivery could not be settled as asked.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// A worker did not run, or could not go on.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A bridge could not be opened, or could not go on.
    #[error(transparent)]
    Bridge(#[from] BridgeError),
    /// A topic could not be administered.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A message could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A record could not be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Bytes that begin like a frame are none.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The format of bytes could not be told.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// A dictionary could not be made.
    #[error(transparent)]
    Dictionary(#[from] DictionaryError),
    /// A header was refused.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A topic name was refused.
    #[error(transparent)]
    Name(#[from] TopicNameError),
    /// A word for an option was refused.
    #[error(transparent)]
    Option(#[from] ParseOptionError),
    /// A time was refused.
    #[error(transparent)]
    Time(#[from] TimestampError),
}

impl<T> From<PublishError<T>> for Error {
    fn from(error: PublishError<T>) -> Self {
        Self::Publish(error.split().0)
    }
}

impl<T> From<BatchError<T>> for Error {
    fn from(error: BatchError<T>) -> Self {
        Self::Batch(BatchError {
            published: error.published,
            reason: Box::new(error.reason.split().0),
            rest: Vec::new(),
        })
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_causes(self))
    }
}

/// The text of an error and of all its causes.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
