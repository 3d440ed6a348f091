//! What can go wrong with a worker.

use thiserror::Error;

use super::Cause;

/// A worker did not run, or could not go on. No message is lost by it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// It may run no handler.
    #[error("concurrency = 0 is not possible: a worker runs at least one handler at a time")]
    Concurrency,
    /// A handler may take no time.
    #[error("time_limit = 0s is not possible: a handler takes longer than zero")]
    TimeLimit,
    /// The service cannot be called any more. What was in flight is finished.
    #[error("the service of group {group:?} takes no more calls: make a new one, and run that")]
    Service {
        /// The group whose messages it handled.
        group: String,
        /// What its `poll_ready` said.
        source: Cause,
    },
}
