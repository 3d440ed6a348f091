//! What a bridge and its handles share: what it did, and the wish to end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::broker::EndOf;
use crate::name::TopicName;
use crate::position::Offset;
use crate::stopping;

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
    /// tells it, also between the bridge before and this one: the other side does not have them.
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

/// What a bridge told of itself when it was polled, and what is asked besides.
pub(super) struct Told {
    pub(super) report: BridgeReport,
    /// Of each mirror.
    pub(super) sources: Vec<Source>,
}

/// The topic that a mirror reads.
#[derive(Clone)]
pub(super) struct Source {
    /// The offset that is read next.
    pub(super) read: u64,
    /// Where it ends, in memory.
    pub(super) end: Option<EndOf>,
}

impl stopping::Progress for Told {
    fn has_ended(&self) -> bool {
        self.report.ended != BridgeEnded::NotYet
    }

    fn never_ran(&mut self) {
        self.report.ended = BridgeEnded::Drained;
    }
}

pub(super) type Shared = stopping::Shared<Told>;

impl Shared {
    /// What one of its mirrors did, which reads next at this offset.
    pub(super) fn tell(&self, at: usize, stats: &MirrorStats, read: u64) {
        self.change(|told| {
            if let (Some(known), Some(source)) =
                (told.report.mirrors.get_mut(at), told.sources.get_mut(at))
            {
                known.clone_from(stats);
                source.read = read;
            }
        });
    }

    /// The bridge has ended, if nobody said so before.
    pub(super) fn ended(&self, ended: BridgeEnded) -> BridgeReport {
        self.end(|told| told.report.ended = ended);
        self.report()
    }

    /// What it did. One that is not polled tells nothing, so what was published since is asked of the
    /// topics; their locks are taken outside of the one here.
    pub(super) fn report(&self) -> BridgeReport {
        let (mut report, sources) = self.look(|told| (told.report.clone(), told.sources.clone()));
        if report.ended == BridgeEnded::NotYet {
            for (stats, source) in report.mirrors.iter_mut().zip(sources) {
                if let Some(end) = source.end.and_then(|end| end()) {
                    stats.lag = end.saturating_sub(source.read) + stats.in_flight;
                }
            }
        }
        report
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
    /// To ship all that there is and then end, [`close`](crate::Broker::close) the topics that are read,
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
        self.shared.stop(deadline).await;
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
