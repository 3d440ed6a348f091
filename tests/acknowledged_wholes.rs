//! Batches that are acknowledged as a whole, for which their members may take no lock: nobody can tell.

use crate::common;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use common::{Bell, settle_with};
use memq::{Broker, Consumer, Overflow, RecvError, Retain, Start, Topic};
use serde::{Deserialize, Serialize};

numbers!(Number, "numbers");

/// With a codec.
#[derive(Debug, Serialize, Deserialize, Topic)]
#[topic(name = "words", format = Json)]
struct Word(u64);

/// A topic of this type that keeps ten messages, for which publishers wait.
async fn broker<T: Topic>(retain: Retain) -> Broker {
    let broker = Broker::new();
    let options = broker.create::<T>().max(10).overflow(Overflow::Wait).retain(retain);
    options.await.unwrap();
    broker
}

async fn member<T: Topic>(broker: &Broker, most: usize) -> Consumer<T> {
    let group = broker.subscriber::<T>().from(Start::Earliest).group("g");
    group.group_max_in_flight(most).await.unwrap()
}

async fn members<T: Topic>(broker: &Broker, most: usize) -> (Consumer<T>, Consumer<T>) {
    (member(broker, most).await, member(broker, most).await)
}

async fn publish<T: Topic>(broker: &Broker, messages: impl Iterator<Item = T> + Send) {
    broker.publisher::<T>().await.unwrap().publish_batch(messages).await.unwrap();
}

/// How many messages are in flight, and how many are settled.
fn counts<T: Topic>(member: &Consumer<T>) -> (u64, u64) {
    let stats = member.stats().unwrap();
    (stats.in_flight, stats.settled)
}

#[tokio::test]
async fn what_was_acknowledged_is_so_for_all_at_once() {
    let broker = broker::<Number>(Retain::WithinLimits).await;
    let (mut one, mut two) = members::<Number>(&broker, 100).await;
    publish(&broker, (0..10).map(Number)).await;
    let (first, second) = (one.recv_batch(4).await.unwrap(), two.recv_batch(4).await.unwrap());
    first.ack();
    assert_eq!(counts(&two), (4, 4));
    let third = one.recv_batch(2).await.unwrap();
    second.ack();
    third.ack();
    assert_eq!(counts(&one), (0, 10));
    // Nothing comes back, also once both are gone.
    drop((one, two));
    assert!(member::<Number>(&broker, 100).await.try_recv().unwrap().is_none());
}

#[tokio::test]
async fn what_has_a_codec_is_acknowledged_as_a_whole_too() {
    let broker = broker::<Word>(Retain::WithinLimits).await;
    let (mut one, two) = members::<Word>(&broker, 100).await;
    for round in 1..=20 {
        publish(&broker, (0..10).map(Word)).await;
        let batch = one.recv_batch(10).await.unwrap();
        assert!(batch.iter().map(|word| word.0).eq(0..10));
        batch.ack();
        if round % 2 == 0 {
            assert_eq!(counts(&two), (0, 10 * round));
        }
    }
}

#[tokio::test]
async fn a_long_batch_of_what_has_a_codec_is_acknowledged_as_a_whole() {
    let broker = Broker::new();
    broker.create::<Word>().max(3_000).await.unwrap();
    let group = broker.subscriber::<Word>().from(Start::Earliest).group("g");
    let mut member = group.max_in_flight(3_000).await.unwrap();
    publish(&broker, (0..2_100).map(Word)).await;
    // What is claimed at once ends within a stretch of the log.
    member.recv().await.unwrap().ack();
    let batch = member.recv_batch(3_000).await.unwrap();
    assert_eq!(batch.len(), 2_099);
    batch.ack();
    assert_eq!(counts(&member), (0, 2_100));
}

/// The next of a key comes before what follows it.
#[tokio::test]
async fn a_batch_around_one_with_a_key_does_not_hold_up_the_next_of_that() {
    let broker = broker::<Number>(Retain::WithinLimits).await;
    let (mut one, mut two) = members::<Number>(&broker, 100).await;
    let numbers = broker.publisher::<Number>().await.unwrap();
    for (number, key) in
        [(0, None), (1, Some("key")), (2, None), (3, Some("key")), (4, None), (5, None)]
    {
        numbers.publish(Number(number)).key(key).await.unwrap();
    }
    let batch = one.recv_batch(4).await.unwrap();
    assert!(batch.iter().map(|number| number.0).eq([0, 1, 2, 4]));
    batch.ack();
    for expected in [3, 5] {
        let next = two.try_recv().unwrap().expect("it is its turn");
        assert_eq!(next.0, expected);
        next.ack();
    }
}

#[tokio::test]
async fn a_publisher_that_waits_is_let_in() {
    let broker = broker::<Number>(Retain::WithinLimits).await;
    let mut reader = member::<Number>(&broker, 100).await;
    publish(&broker, (0..10).map(Number)).await;
    let batch = reader.recv_batch(10).await.unwrap();
    let publisher = broker.publisher::<Number>().await.unwrap();
    let bell = Bell::new();
    let mut waiting = Box::pin(publisher.publish(Number(10)).into_future());
    assert!(settle_with(&bell, &mut waiting).is_pending());
    let rings = bell.rings();
    batch.ack();
    assert_eq!(bell.rings(), rings + 1);
    assert!(settle_with(&bell, &mut waiting).is_ready());
}

/// Publishes in another thread as soon as it is woken, before whoever wakes it goes on.
struct Eager {
    publishing: Mutex<Option<Publishing>>,
    woken: AtomicBool,
}

type Publishing = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Eager {
    fn go_on(self: &Arc<Self>) {
        let mut publishing = self.publishing.lock().unwrap();
        let waker = Waker::from(Arc::clone(self));
        self.woken.store(true, Ordering::SeqCst);
        while let (Some(future), true) =
            (&mut *publishing, self.woken.swap(false, Ordering::SeqCst))
        {
            if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                *publishing = None;
            }
        }
    }
}

impl Wake for Eager {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        // Not where it wakes itself.
        if self.publishing.try_lock().is_ok() {
            std::thread::spawn(move || self.go_on()).join().unwrap();
        }
    }
}

/// The first of it are acknowledged under the lock, as many as are at once; those that follow are not.
#[tokio::test]
async fn a_publisher_that_is_let_in_by_the_first_of_a_batch_is_let_in_by_all() {
    let (broker, many) = (Broker::new(), 2_700);
    broker.create::<Number>().max(many).overflow(Overflow::Wait).await.unwrap();
    let group = broker.subscriber::<Number>().from(Start::Earliest).group("g");
    let mut member = group.max_in_flight(many).await.unwrap();
    let publisher = broker.publisher::<Number>().await.unwrap();
    publisher.publish_batch((0..many as u64).map(Number)).await.unwrap();
    let batch = member.recv_batch(many).await.unwrap();
    assert_eq!(batch.len(), many);
    let more = async move { drop(publisher.publish_batch((0..2_000).map(Number)).await.unwrap()) };
    let publishing = Mutex::new(Some(Box::pin(more) as Publishing));
    let eager = Arc::new(Eager { publishing, woken: AtomicBool::new(false) });
    eager.go_on();
    assert!(eager.publishing.lock().unwrap().is_some(), "there is no room");
    batch.ack();
    assert!(eager.publishing.lock().unwrap().is_none(), "it sleeps, and there is room");
}

#[tokio::test]
async fn a_member_that_waits_until_the_group_holds_less_is_handed_more() {
    let broker = broker::<Number>(Retain::WithinLimits).await;
    let (mut one, mut two) = members::<Number>(&broker, 5).await;
    publish(&broker, (0..6).map(Number)).await;
    let batch = one.recv_batch(5).await.unwrap();
    let bell = Bell::new();
    let mut waiting = Box::pin(two.recv());
    assert!(settle_with(&bell, &mut waiting).is_pending());
    let rings = bell.rings();
    batch.ack();
    assert_eq!(bell.rings(), rings + 1);
    let Poll::Ready(Ok(sixth)) = settle_with(&bell, &mut waiting) else {
        panic!("nothing is handed out")
    };
    assert_eq!(sixth.0, 5);
    sixth.ack();
}

#[tokio::test]
async fn what_everybody_has_passed_is_freed_at_once() {
    let broker = broker::<Number>(Retain::UntilConsumed).await;
    let mut reader = member::<Number>(&broker, 100).await;
    publish(&broker, (0..10).map(Number)).await;
    let batch = reader.recv_batch(10).await.unwrap();
    batch.ack();
    let stats = broker.stats("numbers").await.unwrap();
    assert_eq!((stats.depth, stats.consumed), (0, 10));
}

#[tokio::test]
async fn a_closed_topic_ends_for_others_with_the_last_batch() {
    let broker = broker::<Number>(Retain::WithinLimits).await;
    let (mut one, mut two) = members::<Number>(&broker, 100).await;
    publish(&broker, (0..10).map(Number)).await;
    let batch = one.recv_batch(10).await.unwrap();
    broker.close("numbers").await.unwrap();
    let bell = Bell::new();
    let mut waiting = Box::pin(two.recv());
    assert!(settle_with(&bell, &mut waiting).is_pending());
    let rings = bell.rings();
    batch.ack();
    assert_eq!(bell.rings(), rings + 1);
    assert!(matches!(settle_with(&bell, &mut waiting), Poll::Ready(Err(RecvError::Closed))));
}

#[tokio::test]
async fn a_batch_of_a_closed_topic_is_its_end_for_others() {
    let broker = broker::<Number>(Retain::WithinLimits).await;
    let (mut one, mut two) = members::<Number>(&broker, 100).await;
    publish(&broker, (0..10).map(Number)).await;
    broker.close("numbers").await.unwrap();
    let (first, rest) = (one.recv_batch(5).await.unwrap(), two.recv_batch(5).await.unwrap());
    rest.ack();
    first.ack();
    let bell = Bell::new();
    let mut waiting = Box::pin(two.recv());
    let ended = settle_with(&bell, &mut waiting);
    assert!(matches!(ended, Poll::Ready(Err(RecvError::Closed))));
    drop(waiting);
    assert!(matches!(one.try_recv(), Err(RecvError::Closed)));
}
