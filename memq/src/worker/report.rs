//! What a worker did, in numbers, and why it ended.

use crate::position::Offset;

/// What a worker did.
///
/// Each attempt that a handler was started for is counted in one of [`succeeded`](Self::succeeded),
/// [`failed`](Self::failed), [`dead_lettered`](Self::dead_lettered), [`refused`](Self::refused),
/// [`stale`](Self::stale) and [`left_open`](Self::left_open), or is listed in [`unfinished`](Self::unfinished). So the sum is
/// [`attempts`](Self::attempts), at every moment.
///
/// ```
/// # use memq::{Broker, Ended, Topic};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), memq::Error> {
/// # #[derive(Clone, Topic)]
/// # #[topic(name = "numbers")]
/// # struct Number(u64);
/// # let broker = Broker::new();
/// broker.publisher::<Number>().await?.publish_batch((0..10).map(Number)).await?;
/// broker.close("numbers").await?;
///
/// let evens = broker.subscriber::<Number>().group("evens").max_attempts(1).await?;
/// let report = evens
///     .run(|number: Number| async move {
///         if number.0 % 2 == 0 { Ok(()) } else { Err("odd") }
///     })
///     .await?;
/// assert_eq!((report.succeeded, report.dead_lettered, report.attempts()), (5, 5, 10));
/// assert_eq!((report.ended, report.unfinished.len()), (Ended::Closed, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Attempts after which the message was acknowledged.
    pub succeeded: u64,
    /// Attempts that failed and were not the last: the message comes back, unless retention removes
    /// it before. In a group with `auto_ack`, which has no retries, it does not.
    pub failed: u64,
    /// Attempts after which the message went to the dead-letter topic. Records that could not be
    /// decoded had no attempt; the group's statistics count those too.
    pub dead_lettered: u64,
    /// Attempts after which the message was given up, and the dead-letter topic did not take it. The
    /// group tries that again, each second, until the topic has ended too.
    pub refused: u64,
    /// Attempts that no longer counted when they ended: the group was moved, committed past the
    /// message or deleted, or the message had been handed out again.
    pub stale: u64,
    /// Attempts whose handler returned, with its delivery unsettled and kept somewhere else.
    pub left_open: u64,
    /// How many of the attempts panicked, whatever became of their messages.
    pub panicked: u64,
    /// How many of the attempts ran into the time limit, whatever became of their messages.
    pub timed_out: u64,
    /// Messages that retention removed before the group had settled them, as this member was told.
    pub skipped: u64,
    /// Times that a record could not be decoded, without a dead-letter topic, else such records are
    /// dead letters; and times that decoding one panicked.
    pub undecodable: u64,
    /// Messages whose handlers were running when the worker stopped, in order. They went back to
    /// the group at once; if that was the last attempt, to the dead-letter topic. With `auto_ack`
    /// they do not come back. While the worker is running: those in flight.
    pub unfinished: Vec<Offset>,
    /// Why it ended.
    pub ended: Ended,
}

impl Report {
    /// How many handlers were started.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        let settled = self.succeeded + self.failed + self.dead_lettered + self.stale;
        settled + self.refused + self.left_open + self.unfinished.len() as u64
    }
}

/// Why a worker ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// It has not ended. After [`WorkerHandle::drain`](crate::WorkerHandle::drain): nobody polled it
    /// in time, so it may not have stopped.
    #[default]
    NotYet,
    /// It was drained, and finished what was in flight.
    Drained,
    /// It was drained, and something was in flight at the deadline.
    DeadlinePassed,
    /// The topic or its broker is closed, and everything is settled.
    Closed,
    /// The topic was deleted.
    Deleted,
    /// The consumer group was deleted.
    GroupDeleted,
    /// It gave a [`RunError`](crate::RunError).
    Failed,
    /// The worker was dropped.
    Dropped,
}
