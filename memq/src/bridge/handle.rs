//! What a bridge and its handles share: what it did, and the wish to end.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::name::TopicName;
use crate::position::Offset;

/// How long a bridge may take to notice that its deadline has passed.
const GRACE: Duration = Duration::from_millis(100);

/// Which way a topic is mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the local broker to the remote one.
    Out,
    /// From the remote broker to the local one.
    In,
}

/// What a bridge did with one topic in one direction, since it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MirrorStats {
    /// The topic.
    pub topic: TopicName,
    /// Which way it is mirrored.
    pub direction: Direction,
    /// Messages that are stored on the other side, also those that were there already.
    pub mirrored: u64,
    /// Messages that were not mirrored since they had been there.
    pub returned: u64,
    /// Messages that retention removed before they were read, as [`Lagged`](crate::RecvError::Lagged)
    /// tells it: the other side does not have them.
    pub lost: u64,
    /// Messages that the other side does not take, and that
    /// [`skip_refused`](crate::MirrorBuilder::skip_refused) passed over.
    pub refused: u64,
    /// Times that a message was sent again, since the other side was full or did not answer.
    pub retried: u64,
    /// Times that the system which keeps the topic was away for long.
    pub outages: u64,
    /// Messages that were read, and of which it is not known yet whether they are stored.
    pub in_flight: u64,
    /// Messages that are to be mirrored still, those in flight among them. Where the topic is kept
    /// elsewhere, as far as that was heard.
    pub lag: u64,
    /// Everything before this offset of the topic that is read is done: here a bridge goes on that is
    /// opened again.
    pub position: Offset,
}

impl MirrorStats {
    pub(super) fn new(topic: TopicName, direction: Direction) -> Self {
        Self {
            topic,
            direction,
            mirrored: 0,
            returned: 0,
            lost: 0,
            refused: 0,
            retried: 0,
            outages: 0,
            in_flight: 0,
            lag: 0,
            position: Offset(0),
        }
    }
}

/// Why a bridge ended, if it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BridgeEnded {
    /// It has not.
    #[default]
    NotYet,
    /// All its topics are closed where they are read, and all of them was mirrored.
    Closed,
    /// It was shut down, and all that it had read was mirrored.
    Drained,
    /// It was shut down, and the deadline passed before all that it had read was mirrored. The rest is
    /// sent again by the next bridge.
    DeadlinePassed,
    /// It failed; the future has the error.
    Failed,
    /// It was dropped.
    Dropped,
}

/// What a bridge did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BridgeReport {
    /// For each topic and direction, in the order in which they were said.
    pub mirrors: Vec<MirrorStats>,
    /// Why it ended.
    pub ended: BridgeEnded,
}

#[derive(Default)]
struct Progress {
    report: BridgeReport,
    /// Whether the bridge was polled.
    begun: bool,
    /// When a bridge that is shut down stops.
    deadline: Option<Instant>,
}

pub(super) struct Shared {
    progress: watch::Sender<Progress>,
    /// Wakes the bridge when it is to end.
    waker: AtomicWaker,
}

impl Shared {
    pub(super) fn new(mirrors: Vec<MirrorStats>) -> Arc<Self> {
        let report = BridgeReport { mirrors, ended: BridgeEnded::NotYet };
        let progress = watch::Sender::new(Progress { report, ..Progress::default() });
        Arc::new(Self { progress, waker: AtomicWaker::new() })
    }

    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// The bridge is polled. Returns when it is to stop, if it is; and whether it ended before it was
    /// polled at all.
    pub(super) fn begin(&self) -> (Option<Instant>, bool) {
        let mut begun = (None, false);
        self.progress.send_if_modified(|progress| {
            progress.begun = true;
            begun = (progress.deadline, progress.report.ended != BridgeEnded::NotYet);
            false
        });
        begun
    }

    /// What one of its mirrors did.
    pub(super) fn tell(&self, at: usize, stats: &MirrorStats) {
        self.progress.send_if_modified(|progress| {
            if let Some(told) = progress.report.mirrors.get_mut(at) {
                told.clone_from(stats);
            }
            false
        });
    }

    /// The bridge has ended, if nobody said so before.
    pub(super) fn end(&self, ended: BridgeEnded) -> BridgeReport {
        self.progress.send_if_modified(|progress| {
            let first = progress.report.ended == BridgeEnded::NotYet;
            if first {
                progress.report.ended = ended;
            }
            first
        });
        self.report()
    }

    pub(super) fn report(&self) -> BridgeReport {
        self.progress.borrow().report.clone()
    }

    /// Asks the bridge to end; where it was asked before, the earlier deadline holds. One that was
    /// never polled has nothing to finish, and never will.
    fn shut_down(&self, at: Instant) {
        self.progress.send_if_modified(|progress| {
            progress.deadline = Some(progress.deadline.map_or(at, |earlier| earlier.min(at)));
            let idle = !progress.begun && progress.report.ended == BridgeEnded::NotYet;
            if idle {
                progress.report.ended = BridgeEnded::Drained;
            }
            idle
        });
        self.waker.wake();
    }
}

/// Shuts a bridge down, and tells what it does. It does not keep the bridge alive.
#[derive(Clone)]
pub struct BridgeHandle {
    pub(super) shared: Arc<Shared>,
}

impl BridgeHandle {
    /// Shuts the bridge down: it reads no more, waits until all that it had read is stored on the other
    /// side, and writes down how far it is. What is not stored by the deadline is sent again by the
    /// bridge that is opened next. Returns what the bridge did.
    ///
    /// To ship all that there is and then end, [`close`](crate::Broker::close) the topic that is read,
    /// and await the bridge.
    ///
    /// The bridge has to be polled for that, as by a task. One that was never polled has nothing to
    /// finish: it never runs, and this returns at once. So it does when the bridge has ended or was
    /// dropped; [`BridgeReport::ended`] says which. Where nobody polls a bridge any more that ran,
    /// this returns a tenth of a second after the deadline, with [`BridgeEnded::NotYet`].
    ///
    /// Called several times, the earliest deadline holds, and all return the same.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its timer enabled, unless the bridge has ended.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the bridge ends by this deadline also if the future is dropped.
    pub async fn shutdown(&self, deadline: Duration) -> BridgeReport {
        let mut progress = self.shared.progress.subscribe();
        if progress.borrow().report.ended == BridgeEnded::NotYet {
            // The runtime says when that is, so that the clock is not read here.
            let at = tokio::time::sleep(deadline).deadline();
            self.shared.shut_down(at);
            let ended = progress.wait_for(|progress| progress.report.ended != BridgeEnded::NotYet);
            let over = at.checked_add(GRACE).unwrap_or(at);
            drop(tokio::time::timeout_at(over, ended).await);
        }
        self.shared.report()
    }

    /// What the bridge has done so far, or did.
    #[must_use]
    pub fn report(&self) -> BridgeReport {
        self.shared.report()
    }
}

impl fmt::Debug for BridgeHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BridgeHandle").field("report", &self.report()).finish()
    }
}
