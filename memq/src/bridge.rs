//! A bridge: copies of topics from one broker in another, kept up to date.
//!
//! It uses brokers as programs do: it reads records by a subscriber and sends them by a publisher, so
//! both may be in memory or elsewhere.

mod builder;
mod handle;
mod mirror;
mod path;
mod position;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pub use self::builder::{BridgeBuilder, MirrorBuilder};
use self::handle::Shared;
pub use self::handle::{BridgeEnded, BridgeHandle, BridgeReport, Direction, MirrorStats};
use self::mirror::Mirror;
pub use self::path::Mirrored;
use crate::broker::Broker;
use crate::error::BridgeError;
use crate::stopping::Deadline;

/// Mirrors topics between two brokers: from the local one out, from the remote one in, or both. For
/// those who keep the speed of memory and ship a copy to a server, or have a copy of what is there.
///
/// Say the topics and which way each goes, and await the builder for a [`Bridge`].
///
/// ```
/// # #[cfg(all(feature = "derive", feature = "json"))]
/// # mod program {
/// # use memq::{Broker, BridgeEnded, Topic, bridge};
/// # use std::time::Duration;
/// #[derive(serde::Serialize, serde::Deserialize, Topic)]
/// #[topic(name = "orders", format = Json)]
/// struct Order {
///     #[topic(key)]
///     customer: u64,
///     item: String,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # pub async fn main() -> Result<(), memq::Error> {
/// let local = Broker::new();
/// # let remote = Broker::new();
/// # /*
/// let remote = memq_nats::connect("nats://10.0.0.5:4222").await?;
/// # */
/// let mirror = bridge(&local, &remote)
///     .topic::<Order>().mirror_out()
///     .topic_named("prices").mirror_in()
///     .await?;
/// let handle = mirror.handle();
/// let running = tokio::spawn(mirror);
///
/// // As fast as ever, and on its way to the other side.
/// let orders = local.publisher::<Order>().await?;
/// orders.publish(Order { customer: 7, item: "tea".into() }).await?;
///
/// let mut copies = remote.subscriber::<Order>().await?;
/// assert_eq!(copies.recv().await?.item, "tea");
///
/// // On a signal to stop, say.
/// let report = handle.shutdown(Duration::from_secs(10)).await;
/// assert_eq!((report.ended, report.mirrors[0].mirrored), (BridgeEnded::Drained, 1));
/// # running.await.unwrap()?;
/// # Ok(())
/// # }
/// # }
/// # #[cfg(all(feature = "derive", feature = "json"))]
/// # program::main().unwrap();
/// ```
///
/// # What is promised
///
/// * Messages are mirrored in the order of their offsets, at least once, byte for byte: payload, format,
///   compression, key and headers are what they were. Nothing is decoded, so bytes that nobody can
///   decode are mirrored too. A copy is stored when it arrives, at an offset of its own; where and when
///   the message was stored first its [headers](Mirrored) say.
/// * Each is sent under an id that is made of the topic it was read from and its offset there, so that
///   one that is sent again is stored once, within the time for which the other side knows ids: `dedup`
///   of a topic, and on a server at least two minutes. A topic in memory without `dedup` knows none;
///   there a message may be doubled where a bridge is dropped in the moment in which it is stored.
/// * What came over a bridge never goes to a topic that it was in, over any number of bridges in any
///   number of processes; so both ways at once, and rings, are no loops. Where two ways lead from one
///   topic to another, messages come both ways.
/// * Loss is never silent. A bridge reads as a subscriber does: what retention took before it was read
///   is counted as [`lost`](MirrorStats::lost), also what it took while no bridge ran. In topics that wait or
///   reject, a local publisher is held up instead, as by every consumer group.
/// * With the same number of partitions on both sides a message stays in its own. Else its key decides,
///   as for whoever publishes.
///
/// # Where it goes on
///
/// How far a bridge is, is kept in a consumer group of the topic that it reads, `memq-bridge-…`, which is
/// moved past what is stored on the other side: [`stats`](Broker::stats) shows it with its lag, and
/// until then topics that wait or reject keep what follows. A bridge that ended in any way, or lost its
/// connection, goes on there when it is opened again, in this process or, where the topic that is read
/// is on a server, in another one.
///
/// A log in memory goes with its process, and so does how far it was mirrored: what was published and
/// not mirrored by then is lost, and the next process begins with its own log. A copy in memory goes
/// too. So a bridge *in* without a [name](BridgeBuilder::name) makes the whole copy anew in the next
/// process, and one with a name goes on where the last one was: what came in its last second may come
/// again, since that is how often a group on a server is moved.
///
/// # When the other side is away, or full
///
/// The bridge waits, with [`window`](MirrorBuilder::window) messages in memory, and goes on by itself.
/// The lag is then in the log that it reads, which is bounded as it always is. A topic that rejects is
/// tried again with pauses; messages that were behind one that is refused may then be stored before it,
/// as [`send`](crate::Publisher::send) says, unless the window is 1.
///
/// Both ways between two topics of which neither drops its oldest may come to a stand: where both are full
/// of what is still to go to the other side, neither has room for what comes from there. Let one of them
/// drop its oldest, which is told, or use a topic for each way.
///
/// A bridge ends with an error where it cannot go on: a topic was deleted on either side, or is closed
/// where messages go to; its group was deleted; or the other side would never take a message, see
/// [`skip_refused`](MirrorBuilder::skip_refused).
///
/// # What cannot be mirrored
///
/// Native topics have no bytes: by type that does not compile, and by name it is
/// [`OpenError::Native`](crate::OpenError::Native). Options that a system cannot have are refused by
/// name as ever: open the topic there by its name, with others, and mirror it by its name too. A topic
/// with stages needs [`stage`](MirrorBuilder::stage). One that is compressed with a dictionary is
/// mirrored as it is, and readers on the other side have to [say it](crate::SubscriberBuilder::dictionary).
/// Consumer groups, and what they have done, are of one broker.
///
/// # Errors
///
/// On awaiting, [`BridgeError`].
pub fn bridge(local: &Broker, remote: &Broker) -> BridgeBuilder {
    BridgeBuilder::new(local, remote)
}

/// What opening a bridge gives.
type Opened = Result<Bridge, BridgeError>;

/// A bridge that is open, as one future: spawn it or await it. Made by [`bridge`](fn@bridge).
///
/// It mirrors while it is polled, and starts no task. It ends once all topics that it reads are closed
/// and mirrored to their end, and when it is [shut down](BridgeHandle::shutdown). It does not keep the
/// brokers alive: hold them for as long as it is to run. A local broker that is dropped closes its
/// topics, so that the bridge ships what is left and ends.
///
/// # Errors
///
/// [`BridgeError`] with the first thing that it cannot get over. All its topics end with that.
///
/// # Panics
///
/// Outside a tokio runtime with its timer enabled, and when it is polled after it has ended.
///
/// # Cancel safety
///
/// Dropped at any time, it has lost nothing: what it had read and is not known to be stored is sent
/// again by the bridge that is opened next.
#[must_use = "a bridge does nothing unless it is awaited or spawned"]
pub struct Bridge {
    /// `None` once it has ended.
    mirrors: Vec<Option<Mirror>>,
    shared: Arc<Shared>,
    /// When it stops, whatever is on its way.
    deadline: Deadline,
    is_over: bool,
}

impl Bridge {
    /// What shuts the bridge down, and tells what it does. Take it before the bridge is spawned.
    #[must_use]
    pub fn handle(&self) -> BridgeHandle {
        BridgeHandle { shared: self.shared.clone() }
    }

    fn end(&mut self, ended: BridgeEnded) -> BridgeReport {
        self.is_over = true;
        self.mirrors.clear();
        self.shared.ended(ended)
    }
}

impl Future for Bridge {
    type Output = Result<BridgeReport, BridgeError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        assert!(!this.is_over, "a bridge was polled after it had ended");
        // Before the wish to end is looked at, so that none is missed.
        this.shared.register(cx.waker());
        if !this.shared.begin() {
            return Poll::Ready(Ok(this.end(BridgeEnded::Drained)));
        }
        let deadline = this.shared.deadline();
        for (at, place) in this.mirrors.iter_mut().enumerate() {
            let Some(mirror) = place else { continue };
            let polled = mirror.poll(deadline.is_some(), cx);
            this.shared.tell(at, &mirror.stats, mirror.next());
            match polled {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => *place = None,
                Poll::Ready(Err(error)) => {
                    this.end(BridgeEnded::Failed);
                    return Poll::Ready(Err(error));
                }
            }
        }
        if this.mirrors.iter().all(Option::is_none) {
            let ended = if deadline.is_some() { BridgeEnded::Drained } else { BridgeEnded::Closed };
            return Poll::Ready(Ok(this.end(ended)));
        }
        if deadline.is_some_and(|at| this.deadline.has_passed(at, cx)) {
            return Poll::Ready(Ok(this.end(BridgeEnded::DeadlinePassed)));
        }
        Poll::Pending
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        if !self.is_over {
            self.end(BridgeEnded::Dropped);
        }
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridge")
            .field("mirrors", &self.shared.report().mirrors)
            .finish_non_exhaustive()
    }
}
