//! What a batch leaves for the receive after it.

use std::any::Any;
use std::panic::resume_unwind;

use super::RecvError;
use crate::exclusive::Exclusive;
use crate::position::Offset;

/// What a batch met behind messages that it has: the next receive says it.
pub(crate) enum Pending {
    Error(RecvError),
    /// Code that is not ours panicked, over this message or one that follows it.
    Panic(Offset, Exclusive<Box<dyn Any + Send>>),
}

impl Pending {
    pub(crate) fn panic(at: Offset, panic: Box<dyn Any + Send>) -> Self {
        Self::Panic(at, Exclusive::new(panic))
    }

    /// The message that it is about, if it is about one.
    pub(crate) fn offset(&self) -> Option<Offset> {
        match self {
            Self::Error(RecvError::Decode { offset, .. }) | Self::Panic(offset, _) => Some(*offset),
            Self::Error(_) => None,
        }
    }

    /// Says it: what panicked goes on to.
    pub(crate) fn say(self) -> RecvError {
        match self {
            Self::Error(error) => error,
            Self::Panic(_, panic) => resume_unwind(panic.into_inner()),
        }
    }
}

impl From<RecvError> for Pending {
    fn from(error: RecvError) -> Self {
        Self::Error(error)
    }
}
