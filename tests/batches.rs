//! Batches do to others what their messages would do one by one: they wake them, let them run, and
//! take from them no more than was said.

use crate::common;

use std::future::{Future, IntoFuture};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use common::{Bell, poll_once, poll_with, settle_with, try_now};
use memq::codec::Json;
use memq::{Broker, Consumer, Overflow, PublishError, Publisher, Record, Topic, TopicSpec};
use serde::{Deserialize, Deserializer, Serialize};

numbers!(Number, "numbers", max_messages(1_000_000));

// Batches that are published.

/// How often each of two members that sleep is woken by what is published; neither is polled meanwhile.
async fn wake_ups<T: Topic>(publish: impl AsyncFnOnce(Publisher<T>)) -> (usize, usize) {
    let broker = Broker::new();
    let publisher = broker.publisher::<T>().await.unwrap();
    let mut first = broker.subscriber::<T>().group("g").await.unwrap();
    let mut second = broker.subscriber::<T>().group("g").await.unwrap();
    let bells = (Bell::new(), Bell::new());
    let (mut first, mut second) = (Box::pin(first.recv()), Box::pin(second.recv()));
    assert!(settle_with(&bells.0, &mut first).is_pending());
    assert!(settle_with(&bells.1, &mut second).is_pending());
    let before = (bells.0.rings(), bells.1.rings());
    publish(publisher).await;
    (bells.0.rings() - before.0, bells.1.rings() - before.1)
}

#[tokio::test(start_paused = true)]
async fn a_batch_wakes_as_many_members_as_its_messages_would() {
    let singly = wake_ups(async |numbers: Publisher<Number>| {
        for number in 0..10 {
            numbers.publish(Number(number)).await.unwrap();
        }
    });
    assert_eq!(singly.await, (1, 1));
    let together = wake_ups(async |numbers: Publisher<Number>| {
        numbers.publish_batch((0..10).map(Number)).await.unwrap();
    });
    assert_eq!(together.await, (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_one_wakes_one_member() {
    let one = wake_ups(async |numbers: Publisher<Number>| {
        numbers.publish_batch([Number(0)]).await.unwrap();
    });
    assert_eq!(one.await, (1, 0));
}

numbers!(Dealt, "dealt", partitions(2));

#[tokio::test(start_paused = true)]
async fn a_batch_wakes_the_members_of_each_partition_it_goes_to() {
    for count in [2, 3] {
        let dealt = wake_ups(async |dealt: Publisher<Dealt>| {
            dealt.publish_batch((0..count).map(Dealt)).await.unwrap();
        });
        assert_eq!(dealt.await, (1, 1));
    }
    let one = wake_ups(async |dealt: Publisher<Dealt>| {
        dealt.publish_batch((0..2).map(Dealt)).partition(1).await.unwrap();
    });
    assert_eq!(one.await, (0, 1));
}

struct Panicking;

impl Wake for Panicking {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_whose_waker_panics_keeps_no_batch_from_the_others() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    let mut first = broker.subscriber::<Number>().group("g").await.unwrap();
    let mut second = broker.subscriber::<Number>().group("g").await.unwrap();
    let bell = Bell::new();
    let mut panics = pin!(first.recv());
    let bad = Waker::from(Arc::new(Panicking));
    assert!(panics.as_mut().poll(&mut Context::from_waker(&bad)).is_pending());
    let mut sleeps = Box::pin(second.recv());
    assert!(settle_with(&bell, &mut sleeps).is_pending());
    let rings = bell.rings();
    let batch = numbers.publish_batch((0..10).map(Number));
    assert_eq!(try_now(batch).unwrap().unwrap().len(), 10);
    assert_eq!(bell.rings(), rings + 1);
    assert!(settle_with(&bell, &mut sleeps).is_ready());
}

numbers!(Few, "few", max_messages(4), overflow(Overflow::Wait));

/// While a batch is taken, a publisher goes to sleep, which only another thread does or a filter. What
/// wakes it may panic: the batch is there all the same.
#[tokio::test]
async fn a_batch_wakes_the_publisher_that_went_to_sleep_while_it_was_taken() {
    for panics in [false, true] {
        let broker = Broker::new();
        let few = broker.publisher::<Few>().await.unwrap();
        few.publish_batch((0..4).map(Few)).await.unwrap();
        let more = async move { few.publish_batch((4..8).map(Few)).await.map(drop) };
        let (bell, more) = (Bell::new(), Arc::new(Mutex::new(Box::pin(more))));
        let asleep = Arc::new(AtomicUsize::new(0));
        let all = {
            let (bell, more, asleep) = (bell.clone(), more.clone(), asleep.clone());
            move |few: &Few| {
                if few.0 == 1 {
                    let mut more = more.lock().unwrap();
                    assert!(settle_with(&bell, &mut *more).is_pending());
                    if panics {
                        let bad = Waker::from(Arc::new(Panicking));
                        let polled = more.as_mut().poll(&mut Context::from_waker(&bad));
                        assert!(polled.is_pending());
                    }
                    asleep.store(bell.rings(), Ordering::Relaxed);
                }
                true
            }
        };
        let mut reader = broker.subscriber::<Few>().filter(all).await.unwrap();
        let batch = try_now(reader.recv_batch(10)).unwrap().unwrap();
        assert_eq!(batch.iter().map(|few| few.0).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        let woken = bell.rings() > asleep.load(Ordering::Relaxed);
        assert_eq!(woken, !panics);
        assert!(poll_with(&bell, &mut *more.lock().unwrap()).is_ready());
        assert_eq!(reader.try_recv().unwrap().unwrap().0, 6);
    }
}

numbers!(Full, "full", max_messages(2), overflow(Overflow::Wait), partitions(2));

/// It may panic then, as futures may, but stores nothing.
#[tokio::test(start_paused = true)]
async fn a_batch_that_is_polled_after_its_end_leaves_the_topic_as_it_is() {
    let broker = Broker::new();
    let mut reader = broker.subscriber::<Full>().await.unwrap();
    let hasty = broker.publisher::<Full>().within(Duration::ZERO).await.unwrap();
    let mut batch = hasty.publish_batch((0..5).map(Full));
    let bell = Bell::new();
    match settle_with(&bell, &mut batch) {
        Poll::Ready(Err(error)) => {
            assert!(matches!(*error.reason, PublishError::Timeout(())), "{error:?}");
            assert_eq!((error.published.len(), error.rest.len()), (2, 3));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(reader.recv_batch(2).await.unwrap().len(), 2);
    let before = broker.stats("full").await.unwrap();
    drop(catch_unwind(AssertUnwindSafe(|| settle_with(&bell, &mut batch))));
    drop(batch);
    let stats = broker.stats("full").await.unwrap();
    assert_eq!(stats.published, before.published);
    let published: u64 = stats.partitions.iter().map(|partition| partition.published).sum();
    let depth: u64 = stats.partitions.iter().map(|partition| partition.depth).sum();
    assert_eq!((published, depth), (stats.published, stats.depth));
}

numbers!(
    Brief,
    "brief",
    max_messages(2),
    overflow(Overflow::Wait),
    ttl(Duration::from_millis(200))
);

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_polled_after_its_end_takes_no_wake_up_from_who_waits() {
    let broker = Broker::new();
    let hasty = broker.publisher::<Brief>().within(Duration::ZERO).await.unwrap();
    let patient = broker.publisher::<Brief>().await.unwrap();
    let (bell, waiting) = (Bell::new(), Bell::new());
    let mut batch = hasty.publish_batch((0..3).map(Brief));
    assert!(matches!(settle_with(&bell, &mut batch), Poll::Ready(Err(_))));
    let mut waits = patient.publish(Brief(9)).into_future();
    assert!(settle_with(&waiting, &mut waits).is_pending());
    let rings = waiting.rings();
    // The clock moves in the first poll, and no sweeper has run since.
    let mut advance = Box::pin(tokio::time::advance(Duration::from_millis(300)));
    assert!(poll_once(&mut advance).is_none());
    drop(catch_unwind(AssertUnwindSafe(|| settle_with(&bell, &mut batch))));
    drop((batch, advance));
    // It runs, and what was there has expired.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(broker.stats("brief").await.unwrap().depth, 0);
    assert!(waiting.rings() > rings, "there is room, and the publisher sleeps for ever");
    assert!(settle_with(&waiting, &mut waits).is_ready());
}

// Batches that are received.

numbers!(Ten, "ten", max_messages(10), overflow(Overflow::Wait));
numbers!(Thousands, "thousands", max_messages(3_000), overflow(Overflow::Wait));

/// Publishes as much as there is room for when it is woken.
struct Refill<T: Topic>(Publisher<T>, fn(u64) -> T);

impl<T: Topic> Wake for Refill<T> {
    fn wake(self: Arc<Self>) {
        while self.0.try_publish(self.1(0)).is_ok() {}
    }
}

/// How many messages a batch without a limit has, of a topic that was full when it began.
async fn all_of<T: Topic>(make: fn(u64) -> T) -> usize {
    let broker = Broker::new();
    let publisher = broker.publisher::<T>().await.unwrap();
    let mut member = broker.subscriber::<T>().group("g").auto_ack().await.unwrap();
    while publisher.try_publish(make(0)).is_ok() {}
    let mut waits = publisher.publish(make(0)).into_future();
    assert!(settle_with(&Bell::new(), &mut waits).is_pending());
    // What is taken makes room, which is filled at once.
    let refill = Waker::from(Arc::new(Refill(publisher.clone(), make)));
    assert!(Future::poll(pin!(&mut waits), &mut Context::from_waker(&refill)).is_pending());
    let taken = member.recv_batch(usize::MAX).await.unwrap().len();
    assert!(broker.stats(T::SPEC.name()).await.unwrap().depth > 0);
    taken
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_any_size_is_no_more_than_was_there_when_it_began() {
    assert_eq!(all_of(Ten).await, 10);
    assert_eq!(all_of(Thousands).await, 3_000);
}

static ECHOES: Mutex<Option<Publisher<Echo>>> = Mutex::new(None);

/// Publishes another whenever it is decoded, two thousand times.
#[derive(Debug, Serialize)]
struct Echo;

impl<'de> Deserialize<'de> for Echo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        static DECODED: AtomicU64 = AtomicU64::new(0);
        <()>::deserialize(deserializer)?;
        if DECODED.fetch_add(1, Ordering::Relaxed) < 2_000 {
            ECHOES.lock().unwrap().as_ref().unwrap().try_publish(Self).unwrap();
        }
        Ok(Self)
    }
}

impl Topic for Echo {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new("echoes");
}

#[tokio::test(start_paused = true)]
async fn nor_what_a_codec_publishes_while_it_is_taken() {
    let broker = Broker::new();
    let echoes = broker.publisher::<Echo>().await.unwrap();
    *ECHOES.lock().unwrap() = Some(echoes.clone());
    let mut member = broker.subscriber::<Echo>().group("g").auto_ack().await.unwrap();
    let mut reader = broker.subscriber::<Echo>().await.unwrap();
    echoes.publish_batch((0..10).map(|_| Echo)).await.unwrap();
    assert_eq!(member.recv_batch(usize::MAX).await.unwrap().len(), 10);
    // It waits for the first, and takes what is there then: one more.
    assert_eq!(reader.recv_batch(usize::MAX).await.unwrap().len(), 20 + 1);
    *ECHOES.lock().unwrap() = None;
}

/// Polls until it is ready, and counts how often it lets others run before.
fn pauses<F: Future>(future: F) -> (usize, F::Output) {
    let (bell, mut future) = (Bell::new(), pin!(future));
    let mut pauses = 0;
    loop {
        let rings = bell.rings();
        match poll_with(&bell, &mut future) {
            Poll::Ready(output) => return (pauses, output),
            Poll::Pending => assert!(bell.rings() > rings, "it sleeps, and there are messages"),
        }
        pauses += 1;
    }
}

const MANY: usize = 64 * 1024;

/// Once in 1,024 messages, give or take a batch.
fn assert_often(pauses: usize, batch: usize) {
    let least = MANY / (1_024 + batch);
    assert!(pauses >= least, "in batches of {batch}, others ran {pauses} times of {least}");
}

#[tokio::test(start_paused = true)]
async fn a_publisher_of_batches_lets_others_run() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    for batch in [1, 10, 100, 1_000, 5_000] {
        let mut paused = 0;
        for first in (0..MANY).step_by(batch) {
            let batch = (first..MANY).take(batch).map(|number| Number(number as u64));
            let (pauses, published) = pauses(numbers.publish_batch(batch));
            published.unwrap();
            paused += pauses;
        }
        assert_often(paused, batch);
    }
}

/// Else the reader would come last, and find what is kept of them.
#[tokio::test]
async fn a_reader_loses_nothing_beside_a_publisher_of_batches() {
    let broker = Broker::new();
    let topic = broker.topic("kept").max(10_000);
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    let reading = tokio::spawn(async move {
        for _ in 0..MANY {
            reader.recv().await.unwrap();
        }
    });
    for _ in 0..MANY / 64 {
        writer.publish_batch((0..64).map(|_| Record::new("x"))).await.unwrap();
    }
    reading.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_takes_batches_lets_others_run() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    for batch in [1, 10, 100, 1_000, 5_000] {
        let mut reader = broker.subscriber::<Number>().await.unwrap();
        numbers.publish_batch((0..MANY as u64).map(Number)).await.unwrap();
        let (mut taken, mut paused) = (0, 0);
        while taken < MANY {
            let (pauses, received) = pauses(reader.recv_batch(batch));
            taken += received.unwrap().len();
            paused += pauses;
        }
        assert_often(paused, batch);
    }
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_takes_batches_lets_others_run() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    for batch in [1, 10, 100, 1_000, 5_000] {
        let group = broker.subscriber::<Number>().group(format!("g{batch}"));
        let mut member = group.max_in_flight(batch).await.unwrap();
        numbers.publish_batch((0..MANY as u64).map(Number)).await.unwrap();
        let (mut taken, mut paused) = (0, 0);
        while taken < MANY {
            let (pauses, received) = pauses(member.recv_batch(batch));
            let received = received.unwrap();
            taken += received.len();
            received.ack();
            paused += pauses;
        }
        assert_often(paused, batch);
    }
}

/// Says how many messages are in flight when it is woken first.
struct Watcher<T: Topic>(Mutex<Consumer<T>>, Mutex<Option<u64>>);

impl<T: Topic> Wake for Watcher<T> {
    fn wake(self: Arc<Self>) {
        let in_flight = self.0.lock().unwrap().stats().unwrap().in_flight;
        self.1.lock().unwrap().get_or_insert(in_flight);
    }
}

/// However many messages are acknowledged at once, who wants the topic's lock has it in between.
#[tokio::test(start_paused = true)]
async fn a_batch_that_is_acknowledged_lets_others_at_the_topic() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    let group = || broker.subscriber::<Number>().group("g").max_in_flight(MANY);
    let mut member = group().group_max_in_flight(MANY).await.unwrap();
    let other = group().group_max_in_flight(MANY).await.unwrap();
    let mut waits = group().group_max_in_flight(MANY).await.unwrap();
    numbers.publish_batch((0..MANY as u64 + 1).map(Number)).await.unwrap();
    let batch = member.recv_batch(MANY).await.unwrap();
    assert_eq!(batch.len(), MANY);
    let watcher = Arc::new(Watcher(Mutex::new(other), Mutex::new(None)));
    let waker = Waker::from(watcher.clone());
    let mut waits = Box::pin(waits.recv());
    assert!(settle_with(&Bell::new(), &mut waits).is_pending());
    assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    *watcher.1.lock().unwrap() = None;
    batch.ack();
    let in_flight = watcher.1.lock().unwrap().expect("it is woken");
    assert!(in_flight >= MANY as u64 - 1024, "{in_flight}");
}

numbers!(Crowded, "crowded", overflow(Overflow::Wait), max_messages(64));

/// Also of one that its member claimed ahead, with others.
#[tokio::test(start_paused = true)]
async fn a_batch_that_is_acknowledged_makes_room_for_who_waits() {
    let broker = Broker::new();
    let crowded = broker.publisher::<Crowded>().await.unwrap();
    let mut member = broker.subscriber::<Crowded>().group("g").await.unwrap();
    let (bell, receives) = (Bell::new(), Bell::new());
    let mut received = Box::pin(member.recv_batch(1));
    assert!(settle_with(&receives, &mut received).is_pending());
    crowded.publish_batch((0..64).map(Crowded)).await.unwrap();
    let mut last = crowded.publish(Crowded(64)).into_future();
    assert!(settle_with(&bell, &mut last).is_pending());
    let Poll::Ready(Ok(batch)) = settle_with(&receives, &mut received) else {
        panic!("nothing is there")
    };
    let rings = bell.rings();
    batch.ack();
    assert_eq!(bell.rings(), rings + 1);
    assert!(settle_with(&bell, &mut last).is_ready());
}
