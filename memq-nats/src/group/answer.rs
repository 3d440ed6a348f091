//! What is wrong where a group cannot be read.

use memq::spi::Fault;

use crate::fault::Trouble;

/// Why the register of a group says nothing.
#[derive(Debug)]
pub(super) enum Unread {
    /// What it is instead.
    Foreign(&'static str),
    /// The server did not say.
    Fault(Fault),
}

impl From<Trouble> for Unread {
    fn from(trouble: Trouble) -> Self {
        Self::Fault(trouble.into())
    }
}

impl From<Fault> for Unread {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Unread> for Fault {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Fault(fault) => fault,
            Unread::Foreign(what) => Self::Unavailable(what.into()),
        }
    }
}
