//! What a worker and its handles share: the running report, and the wish to drain.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::watch;
use tokio::time::Instant;

use super::report::{Ended, Report};
use crate::position::Offset;

/// How long a worker may take to notice that its deadline has passed.
const GRACE: Duration = Duration::from_millis(100);

pub(super) struct Shared {
    progress: watch::Sender<Progress>,
    /// Wakes the worker when it is to drain.
    waker: AtomicWaker,
}

#[derive(Default)]
struct Progress {
    /// Without what is in flight.
    report: Report,
    /// By the attempt's number: a message can be there twice when its group was moved.
    in_flight: BTreeMap<u64, Offset>,
    /// Whether the worker was polled.
    begun: bool,
    /// When a draining worker stops.
    deadline: Option<Instant>,
}

impl Progress {
    fn report(&self) -> Report {
        let mut report = self.report.clone();
        report.unfinished.extend(self.in_flight.values());
        report.unfinished.sort_unstable();
        report
    }
}

impl Shared {
    pub(super) fn new() -> Arc<Self> {
        let progress = watch::Sender::new(Progress::default());
        Arc::new(Self { progress, waker: AtomicWaker::new() })
    }

    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Changes the report, and tells nobody.
    pub(super) fn count(&self, change: impl FnOnce(&mut Report)) {
        self.progress.send_if_modified(|progress| {
            change(&mut progress.report);
            false
        });
    }

    /// An attempt begins.
    pub(super) fn started(&self, serial: u64, offset: Offset) {
        self.progress.send_if_modified(|progress| {
            progress.in_flight.insert(serial, offset);
            false
        });
    }

    /// An attempt has ended, and is counted in the same moment.
    pub(super) fn finished(&self, serial: u64, change: impl FnOnce(&mut Report)) {
        self.progress.send_if_modified(|progress| {
            progress.in_flight.remove(&serial);
            change(&mut progress.report);
            false
        });
    }

    /// The worker is polled for the first time. Returns whether it is still to run.
    pub(super) fn begin(&self) -> bool {
        let mut runs = false;
        self.progress.send_if_modified(|progress| {
            runs = progress.report.ended == Ended::NotYet;
            progress.begun = true;
            false
        });
        runs
    }

    /// When to stop; `None` while nobody drains it.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.progress.borrow().deadline
    }

    /// The worker has ended, if nobody said so before.
    pub(super) fn end(&self, ended: Ended) -> Report {
        self.progress.send_if_modified(|progress| {
            let first = progress.report.ended == Ended::NotYet;
            if first {
                progress.report.ended = ended;
            }
            first
        });
        self.report()
    }

    fn report(&self) -> Report {
        self.progress.borrow().report()
    }

    /// Asks the worker to drain; where it was asked before, the earlier deadline holds. One that
    /// was never polled has nothing to finish, and never will.
    fn drain(&self, at: Instant) {
        self.progress.send_if_modified(|progress| {
            progress.deadline = Some(progress.deadline.map_or(at, |earlier| earlier.min(at)));
            let idle = !progress.begun && progress.report.ended == Ended::NotYet;
            if idle {
                progress.report.ended = Ended::Drained;
            }
            idle
        });
        self.waker.wake();
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
        let mut progress = self.shared.progress.subscribe();
        if progress.borrow().report.ended == Ended::NotYet {
            // The runtime says when that is, so that the clock is not read here.
            let at = tokio::time::sleep(deadline).deadline();
            self.shared.drain(at);
            let ended = progress.wait_for(|progress| progress.report.ended != Ended::NotYet);
            let over = at.checked_add(GRACE).unwrap_or(at);
            drop(tokio::time::timeout_at(over, ended).await);
        }
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
