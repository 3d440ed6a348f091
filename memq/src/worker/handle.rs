//! What a worker and its handles share: the running report, and the wish to drain.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::report::{Ended, Report};
use crate::position::Offset;
use crate::stopping;

pub(super) type Shared = stopping::Shared<Progress>;

#[derive(Default)]
pub(super) struct Progress {
    /// Without what is in flight.
    report: Report,
    /// By the attempt's number: a message can be there twice when its group was moved.
    in_flight: BTreeMap<u64, Offset>,
}

impl Progress {
    fn report(&self) -> Report {
        let mut report = self.report.clone();
        report.unfinished.extend(self.in_flight.values());
        report.unfinished.sort_unstable();
        report
    }
}

impl stopping::Progress for Progress {
    fn has_ended(&self) -> bool {
        self.report.ended != Ended::NotYet
    }

    fn never_ran(&mut self) {
        self.report.ended = Ended::Drained;
    }
}

impl Shared {
    /// Changes the report.
    pub(super) fn count(&self, count: impl FnOnce(&mut Report)) {
        self.change(|progress| count(&mut progress.report));
    }

    /// The worker has ended, if nobody said so before.
    pub(super) fn ended(&self, ended: Ended) -> Report {
        self.end(|progress| progress.report.ended = ended);
        self.report()
    }

    /// An attempt begins.
    pub(super) fn started(&self, serial: u64, offset: Offset) {
        self.change(|progress| {
            progress.in_flight.insert(serial, offset);
        });
    }

    /// An attempt has ended, and is counted in the same moment.
    pub(super) fn finished(&self, serial: u64, count: impl FnOnce(&mut Report)) {
        self.change(|progress| {
            progress.in_flight.remove(&serial);
            count(&mut progress.report);
        });
    }

    pub(super) fn report(&self) -> Report {
        self.look(Progress::report)
    }
}

/// Drains a worker, and tells how far it is. It does not keep the worker alive.
///
/// ```
/// # use memq::{Broker, Ended, Topic};
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), memq::Error> {
/// # #[derive(Clone, Topic)]
/// # #[topic(name = "orders")]
/// # struct Order { item: String }
/// # let broker = Broker::new();
/// # let orders = broker.publisher::<Order>().await?;
/// let billing = broker.subscriber::<Order>().group("billing").await?;
/// let worker = billing.run(|order: Order| async move {
///     println!("{} is paid", order.item);
///     Ok::<(), memq::Error>(())
/// });
/// let handle = worker.handle();
/// let running = tokio::spawn(worker);
///
/// orders.publish(Order { item: "tea".into() }).await?;
/// while handle.report().succeeded < 1 {
///     tokio::task::yield_now().await;
/// }
///
/// // On a signal to stop, say.
/// let report = handle.drain(Duration::from_secs(10)).await;
/// assert_eq!((report.ended, report.succeeded), (Ended::Drained, 1));
/// assert_eq!(running.await.unwrap()?, report);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct WorkerHandle {
    pub(super) shared: Arc<Shared>,
}

impl WorkerHandle {
    /// Drains the worker: it takes no more messages, finishes what is in flight and settles it, while
    /// its partitions are already the other members'.
    /// Handlers that run at the deadline are dropped, and their messages come back to the group at
    /// once. Returns what the worker did over its whole life.
    ///
    /// The worker has to be polled for that, as by a task. One that was never polled has nothing to
    /// finish: it never runs, and this returns at once. So it does when the worker has ended or was
    /// dropped; [`Report::ended`] says which. Where nobody polls a worker any more that ran, or a
    /// handler holds up its thread, this returns a tenth of a second after the deadline, with
    /// [`Ended::NotYet`] and with what is in flight as [`unfinished`](Report::unfinished).
    ///
    /// Called several times, the earliest deadline holds, and all return the same. A handler that
    /// awaits this waits for itself, until the deadline.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its timer enabled, unless the worker has ended.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the worker drains by this deadline also if the future is dropped.
    pub async fn drain(&self, deadline: Duration) -> Report {
        self.shared.stop(deadline).await;
        self.shared.report()
    }

    /// What the worker has done so far, or did. What is in flight is in
    /// [`unfinished`](Report::unfinished).
    #[must_use]
    pub fn report(&self) -> Report {
        self.shared.report()
    }
}

impl fmt::Debug for WorkerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerHandle").field("report", &self.report()).finish()
    }
}
