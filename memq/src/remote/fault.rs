//! What back ends say, in the words of memq.

use crate::error::{
    AdminError, CommitError, LagReason, OpenError, PublishError, RecvError, SeekError, SettleError,
    TopicConflict, with_causes,
};
use crate::name::TopicName;
use crate::spi::{Capability, Fault, MoveFault, OpenFault, PublishFault, ReadEnd, SettleFault};

/// Why a topic, or a handle to it, could not be opened.
pub(crate) fn opened(topic: &TopicName, fault: OpenFault) -> OpenError {
    let topic = topic.to_string();
    match fault {
        OpenFault::Conflict { option, existing, requested } => {
            OpenError::Conflict(TopicConflict { topic, option, existing, requested })
        }
        OpenFault::Option { option, value, remedy } => {
            OpenError::Option { topic, option, value, remedy }
        }
        OpenFault::BeyondEnd { requested, end } => OpenError::BeyondEnd { topic, requested, end },
        OpenFault::Fault(Fault::Unsupported(what)) => unsupported(topic, what),
        OpenFault::Fault(Fault::Deleted) => OpenError::Deleted { topic },
        OpenFault::Fault(Fault::Unavailable(source)) => OpenError::Unavailable { topic, source },
        // Who opens a group looks at its rules before.
        fault @ OpenFault::Rules(_) => OpenError::Unavailable { topic, source: fault.into() },
    }
}

/// That it cannot be done where the topic is kept.
pub(crate) fn unsupported(topic: String, what: Capability) -> OpenError {
    OpenError::Unsupported { topic, what: what.what(), remedy: what.remedy() }
}

/// Why a topic could not be administered.
pub(crate) fn administered(topic: &str, fault: Fault) -> AdminError {
    match fault {
        Fault::Unsupported(what) => {
            AdminError::Unsupported { what: what.what(), remedy: what.remedy() }
        }
        Fault::Deleted => AdminError::NotFound { topic: topic.into() },
        Fault::Unavailable(cause) => AdminError::Unavailable { reason: with_causes(&*cause) },
    }
}

/// Why a message is not published.
pub(crate) fn published(fault: PublishFault) -> PublishError<()> {
    let message = ();
    match fault {
        PublishFault::Full => PublishError::Full(message),
        PublishFault::Timeout => PublishError::Timeout(message),
        PublishFault::Closed => PublishError::Closed(message),
        PublishFault::TooLarge { bytes, max_bytes } => {
            PublishError::TooLarge { message, bytes, max_bytes }
        }
        PublishFault::Unknown(source) => PublishError::Unknown { message, source },
        PublishFault::Fault(Fault::Unsupported(what)) => not_there(what),
        PublishFault::Fault(Fault::Deleted) => PublishError::Deleted(message),
        PublishFault::Fault(Fault::Unavailable(source)) => {
            PublishError::Unavailable { message, source }
        }
    }
}

/// That messages are not published in this way where the topic is kept.
pub(crate) fn not_there(what: Capability) -> PublishError<()> {
    PublishError::Unsupported { message: (), what: what.what(), remedy: what.remedy() }
}

/// Why there is no message.
pub(crate) fn received(end: ReadEnd) -> RecvError {
    match end {
        ReadEnd::Closed => RecvError::Closed,
        ReadEnd::GroupDeleted => RecvError::GroupDeleted,
        ReadEnd::Lagged { skipped } => RecvError::Lagged { skipped, reason: LagReason::Removed },
        ReadEnd::Fault(Fault::Deleted) => RecvError::Deleted,
        ReadEnd::Fault(Fault::Unavailable(source)) => RecvError::Unavailable { source },
        ReadEnd::Fault(fault) => RecvError::Unavailable { source: fault.into() },
    }
}

/// Why a subscriber is not moved: there is no reader for it that begins there.
pub(crate) fn moved(fault: OpenFault) -> SeekError {
    match fault {
        OpenFault::BeyondEnd { requested, end } => SeekError::BeyondEnd { requested, end },
        OpenFault::Fault(fault) => stays(fault),
        // Nothing but a start is asked for.
        fault => SeekError::Unavailable { reason: with_causes(&fault) },
    }
}

/// Why a delivery is not settled.
pub(crate) fn settled(fault: SettleFault) -> SettleError {
    match fault {
        SettleFault::AlreadySettled => SettleError::AlreadySettled,
        SettleFault::HandedOutAgain => SettleError::HandedOutAgain,
        SettleFault::Expired => SettleError::Expired,
        SettleFault::GroupDeleted => SettleError::GroupDeleted,
        SettleFault::Fault(Fault::Deleted) => SettleError::Deleted,
        SettleFault::Fault(Fault::Unavailable(source)) => SettleError::Unavailable { source },
        SettleFault::Fault(fault) => SettleError::Unavailable { source: fault.into() },
    }
}

/// Why a group is not committed.
pub(crate) fn committed(fault: MoveFault) -> CommitError {
    match fault {
        MoveFault::BeyondEnd { requested, end } => CommitError::BeyondEnd { requested, end },
        MoveFault::GroupDeleted => CommitError::GroupDeleted,
        MoveFault::Fault(Fault::Deleted) => CommitError::Deleted,
        MoveFault::Fault(Fault::Unsupported(what)) => {
            CommitError::Unsupported { what: what.what(), remedy: what.remedy() }
        }
        MoveFault::Fault(Fault::Unavailable(cause)) => {
            CommitError::Unavailable { reason: with_causes(&*cause) }
        }
    }
}

/// Why a group is not moved.
pub(crate) fn sought(fault: MoveFault) -> SeekError {
    match fault {
        MoveFault::BeyondEnd { requested, end } => SeekError::BeyondEnd { requested, end },
        MoveFault::GroupDeleted => SeekError::GroupDeleted,
        MoveFault::Fault(fault) => stays(fault),
    }
}

/// Why a reader or a group stays where it is, whatever it is.
fn stays(fault: Fault) -> SeekError {
    match fault {
        Fault::Unsupported(what) => {
            SeekError::Unsupported { what: what.what(), remedy: what.remedy() }
        }
        Fault::Deleted => SeekError::Deleted,
        Fault::Unavailable(cause) => SeekError::Unavailable { reason: with_causes(&*cause) },
    }
}
