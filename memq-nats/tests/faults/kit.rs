//! What these tests share: a topic that many use at once, and what came of it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use memq::{
    AdminError, Broker, Consumer, Ended, Offset, Publisher, Record, RecvError, SettleError,
    Subscriber, Topic, Worker,
};
use memq_nats::Connect;
use memq_nats_server::{Ledger, Mark, Report, Seen};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinSet;

/// How to connect, in a test that does not wait for long until it is seen that an answer was lost.
pub(crate) fn to(address: &str) -> Connect {
    Connect::new(address).ack_timeout(Duration::from_secs(2))
}

/// What is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json, max = 1_000_000, partitions = 4)]
pub(crate) struct Order {
    #[topic(key)]
    pub(crate) publisher: u32,
    pub(crate) number: u64,
}

impl Order {
    pub(crate) fn mark(&self) -> Mark {
        Mark { publisher: self.publisher, number: self.number }
    }
}

/// So long a group waits for what its members do not settle: what was on its way to one when the
/// connection was cut comes back after that.
pub(crate) const ACK_DEADLINE: Duration = Duration::from_secs(2);

/// Messages that everybody gets further by, before it counts as going on.
const FURTHER: u64 = 150;

/// Where messages are.
type Places = HashMap<Mark, Offset>;

/// What everybody has done so far.
#[derive(Default)]
struct Progress {
    stored: AtomicU64,
    read: AtomicU64,
    by_key: AtomicU64,
    in_any_order: AtomicU64,
    /// Rung by each step.
    further: Notify,
}

impl Progress {
    /// One of them is a message further.
    fn step(&self, count: impl Fn(&Self) -> &AtomicU64) {
        count(self).fetch_add(1, Ordering::Relaxed);
        self.further.notify_waiters();
    }

    fn now(&self) -> [u64; 4] {
        let Self { stored, read, by_key, in_any_order, .. } = self;
        [stored, read, by_key, in_any_order].map(|count| count.load(Ordering::Relaxed))
    }
}

/// Publishers, a subscriber and two groups at work in one topic, until it is closed. The publishers are
/// a bounded number of messages ahead of the readers, so that these keep up on any machine.
pub(crate) struct Traffic {
    broker: Broker,
    ledger: Arc<Ledger>,
    progress: Arc<Progress>,
    room: Arc<Semaphore>,
    /// Each tells where its messages were said to be.
    publishers: JoinSet<Places>,
    subscriber: JoinSet<(Seen, Places)>,
    by_key: JoinSet<(Seen, usize)>,
    in_any_order: JoinSet<()>,
    worked: Arc<Mutex<Seen>>,
}

/// What came of it.
pub(crate) struct Outcome {
    /// Of what is in the topic, as the subscriber read it.
    pub(crate) stored: Report,
    /// Of what the group by key was handed.
    pub(crate) by_key: Report,
    /// Of what the worker of the other group was handed.
    pub(crate) in_any_order: Report,
    /// Hand-outs of messages for which the acknowledgement was confirmed before.
    pub(crate) handed_out_again: usize,
}

impl Traffic {
    /// Begins, with publishers that are this many messages ahead at most.
    pub(crate) async fn start(broker: Broker, ahead: usize) -> Self {
        let (ledger, progress) = (Arc::new(Ledger::new()), Arc::new(Progress::default()));
        let room = Arc::new(Semaphore::new(ahead));
        let worked = Arc::new(Mutex::new(Seen::new()));
        let mut traffic = Self {
            broker,
            ledger,
            progress,
            room,
            publishers: JoinSet::new(),
            subscriber: JoinSet::new(),
            by_key: JoinSet::new(),
            in_any_order: JoinSet::new(),
            worked,
        };
        // Readers first, so that they are there when the first message is.
        traffic.read().await;
        traffic.publish().await;
        traffic
    }

    async fn read(&mut self) {
        let subscriber = self.broker.subscriber::<Order>().await.unwrap();
        self.subscriber.spawn(read(subscriber, self.progress.clone()));

        let group = self.broker.subscriber::<Order>().group("billing");
        let member = group.ack_deadline(ACK_DEADLINE).without_dead_letters().await.unwrap();
        self.by_key.spawn(handle(member, self.progress.clone(), self.room.clone()));

        let group = self.broker.subscriber::<Order>().group("audit");
        let group = group.ack_deadline(ACK_DEADLINE).without_dead_letters().any_order();
        let (worked, progress) = (self.worked.clone(), self.progress.clone());
        let worker = group.await.unwrap().run(move |order: Order| {
            let new = locked(&worked).push(order.mark());
            if new {
                progress.step(|of| &of.in_any_order);
            }
            async { Ok::<(), &str>(()) }
        });
        self.in_any_order.spawn(work(worker.concurrency(16)));
    }

    /// One that waits for each message to be stored, and one that sends many at once.
    async fn publish(&mut self) {
        let publisher = self.broker.publisher::<Order>().await.unwrap();
        let (room, ledger) = (self.room.clone(), self.ledger.clone());
        let progress = self.progress.clone();
        self.publishers.spawn(one_by_one(publisher, room, ledger, progress));

        let publisher = self.broker.publisher::<Order>().await.unwrap();
        let (room, ledger) = (self.room.clone(), self.ledger.clone());
        let progress = self.progress.clone();
        let (sent, receipts) = mpsc::unbounded_channel();
        self.publishers.spawn(async move {
            for number in 0.. {
                let Ok(permit) = room.acquire().await else { break };
                permit.forget();
                let order = Order { publisher: 2, number };
                let mark = order.mark();
                let receipt = publisher.send(order).await.unwrap();
                if sent.send((mark, receipt)).is_err() {
                    break;
                }
            }
            Places::new()
        });
        self.publishers.spawn(async move {
            let (mut receipts, mut told) = (receipts, Places::new());
            while let Some((mark, receipt)) = receipts.recv().await {
                told.insert(mark, receipt.await.unwrap());
                ledger.acknowledged(mark);
                progress.step(|of| &of.stored);
            }
            told
        });
    }

    /// How many messages were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.ledger.count()
    }

    /// Waits until each of them has got further. One that has panicked would be waited for in vain.
    pub(crate) async fn goes_on(&mut self) {
        let before = self.progress.now();
        loop {
            let further = self.progress.further.notified();
            let now = self.progress.now();
            if now.iter().zip(before).all(|(now, before)| *now >= before + FURTHER) {
                return;
            }
            let ended = tokio::select! {
                () = further => continue,
                Some(ended) = self.publishers.join_next() => ended.map(drop),
                Some(ended) = self.subscriber.join_next() => ended.map(drop),
                Some(ended) = self.by_key.join_next() => ended.map(drop),
                Some(ended) = self.in_any_order.join_next() => ended,
            };
            ended.unwrap();
            panic!("somebody has ended in an open topic");
        }
    }

    /// Publishes no more, and lets everybody come to the end.
    pub(crate) async fn end(mut self) -> Outcome {
        self.room.close();
        let told: Places = self.publishers.join_all().await.into_iter().flatten().collect();
        // Asked once, a cluster that has just lost a node may not answer.
        let stats = loop {
            match self.broker.stats("orders").await {
                Ok(stats) => break stats,
                Err(AdminError::Unavailable { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        };
        let all = self.ledger.count() as u64;
        assert_eq!((stats.published, stats.depth), (all, all), "also of who was away for a while");
        self.broker.close("orders").await.unwrap();
        let (seen, read) = self.subscriber.join_next().await.unwrap().unwrap();
        assert!(told == read, "messages are elsewhere than was said");
        let (handled, handed_out_again) = self.by_key.join_next().await.unwrap().unwrap();
        self.in_any_order.join_next().await.unwrap().unwrap();
        let worked = locked(&self.worked).clone();
        Outcome {
            stored: self.ledger.compare(&seen),
            by_key: self.ledger.compare(&handled),
            in_any_order: self.ledger.compare(&worked),
            handed_out_again,
        }
    }
}

impl Outcome {
    /// Everything that was published is in the topic, once, and everybody had it. Says in one line how
    /// long nothing was acknowledged.
    pub(crate) fn all_is_well(&self, fault: &str) {
        let Self { stored, by_key, in_any_order, handed_out_again } = self;
        let again = by_key.doubled + in_any_order.doubled;
        stored.tell(&format!(
            "{fault} ({again} handed out again, {handed_out_again} of them confirmed)"
        ));
        let all = stored.acknowledged;
        for report in [stored, by_key, in_any_order] {
            assert_eq!((report.lost, report.seen), (0, all), "{report}");
        }
        assert_eq!(stored.doubled, 0, "{stored}");
    }

    /// What each publisher sent is in the topic in that order, and was handed out in it by key.
    pub(crate) fn in_order(&self) {
        for report in [&self.stored, &self.by_key] {
            assert_eq!(report.out_of_order, 0, "{report}");
        }
    }
}

async fn one_by_one(
    publisher: Publisher<Order>,
    room: Arc<Semaphore>,
    ledger: Arc<Ledger>,
    progress: Arc<Progress>,
) -> Places {
    let mut told = Places::new();
    for number in 0.. {
        let Ok(permit) = room.acquire().await else { break };
        permit.forget();
        let order = Order { publisher: 1, number };
        let mark = order.mark();
        told.insert(mark, publisher.publish(order).await.unwrap());
        ledger.acknowledged(mark);
        progress.step(|of| &of.stored);
    }
    told
}

/// Reads until the topic is closed; each offset follows the one before it.
async fn read(mut subscriber: Subscriber<Order>, progress: Arc<Progress>) -> (Seen, Places) {
    let (mut seen, mut places, mut next) = (Seen::new(), Places::new(), Offset(0));
    loop {
        match subscriber.recv().await {
            Ok(message) => {
                assert_eq!(message.offset(), next);
                next = next.next();
                seen.push(message.mark());
                places.insert(message.mark(), message.offset());
                progress.step(|of| &of.read);
            }
            Err(RecvError::Closed) => return (seen, places),
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// Handles one message after the other until the topic is closed. How often one came again for which the
/// acknowledgement had been confirmed.
async fn handle(
    mut member: Consumer<Order>,
    progress: Arc<Progress>,
    room: Arc<Semaphore>,
) -> (Seen, usize) {
    let (mut seen, mut confirmed, mut again) = (Seen::new(), HashSet::new(), 0);
    loop {
        match member.recv().await {
            Ok(delivery) => {
                let offset = delivery.offset();
                again += usize::from(confirmed.contains(&offset));
                if seen.push(delivery.mark()) {
                    progress.step(|of| &of.by_key);
                    room.add_permits(1);
                }
                match delivery.ack_confirmed().await {
                    Ok(()) => drop(confirmed.insert(offset)),
                    // Then it comes again, or has.
                    Err(SettleError::HandedOutAgain | SettleError::Unavailable { .. }) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            Err(RecvError::Closed) => return (seen, again),
            Err(other) => panic!("{other:?}"),
        }
    }
}

async fn work<H, Kind>(worker: Worker<Order, H, Kind>)
where
    H: memq::Handler<Order, Kind>,
{
    let report = worker.await.unwrap();
    assert_eq!(report.ended, Ended::Closed, "{report:?}");
}

/// A panic elsewhere leaves nothing half done here.
fn locked(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does what blocks its thread, such as starting a server.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// A message for a topic of bytes.
pub(crate) fn record(mark: Mark) -> Record {
    Record::new(mark.to_string())
}

/// Reads until the topic is closed. How many messages it was told of that it had missed.
pub(crate) async fn read_records(subscriber: &mut Subscriber<Record>, seen: &mut Seen) -> u64 {
    let mut missed = 0;
    loop {
        match subscriber.recv().await {
            Ok(message) => {
                let text = std::str::from_utf8(message.bytes()).unwrap();
                seen.push(text.parse().unwrap());
            }
            Err(RecvError::Lagged { skipped, .. }) => missed += skipped,
            Err(RecvError::Closed) => return missed,
            Err(other) => panic!("{other:?}"),
        }
    }
}
