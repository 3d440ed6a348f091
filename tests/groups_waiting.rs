//! Members that wait: whoever has something to do is woken for it, whatever the others do.

use crate::common;

use std::future::poll_fn;
use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use common::{Bell, paused, poll_once, poll_with, settle, spawn};
use memq::{Broker, Consumer, Offset, Record, RecvError, Topic};
use tokio::time::timeout;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

#[derive(Debug, Topic)]
#[topic(name = "two", partitions = 2)]
struct Two(#[allow(dead_code, reason = "it is told apart by its offset")] u64);

#[derive(Debug, Topic)]
#[topic(name = "short", partitions = 2, ttl = "5s")]
struct Short(#[allow(dead_code, reason = "it is told apart by its offset")] u64);

async fn member<T: Topic>(broker: &Broker) -> Consumer<T> {
    let group = broker.subscriber::<T>().group("work").max_attempts(1);
    group.ack_deadline(SECOND * 10).await.unwrap()
}

#[test]
fn time_that_ends_the_last_message_of_a_closed_topic_wakes_everybody() {
    paused().block_on(async {
        let broker = Broker::new();
        let short = broker.publisher::<Short>().await.unwrap();
        // In the shares 0, 1, 0, 1, 0.
        let one = member::<Short>(&broker).await;
        let mut two = member::<Short>(&broker).await;
        let others = [member::<Short>(&broker).await, member(&broker).await, member(&broker).await];
        short.publish(Short(0)).partition(1).await.unwrap();
        broker.close("short").await.unwrap();
        // Each gives its consumer back, since one that goes away wakes the others.
        let wait = |mut consumer: Consumer<Short>| {
            spawn(async move {
                while !matches!(consumer.recv().await, Err(RecvError::Closed)) {}
                consumer
            })
        };
        let [three, _four, five] = others;
        let waits = [wait(one), wait(three), wait(five)];
        settle().await;
        let held = two.try_recv().unwrap().unwrap();
        for waiting in waits {
            timeout(HOUR, waiting).await.expect("it is told").unwrap();
        }
        drop(held);
    });
}

#[test]
fn a_receive_that_was_called_and_is_not_polled_stops_no_timer() {
    paused().block_on(async {
        let broker = Broker::new();
        let open = || broker.topic("plain").subscriber().group("work").into_future();
        let plain = broker.topic("plain").publisher().await.unwrap();
        let (mut one, mut other, mut third) =
            (open().await.unwrap(), open().await.unwrap(), open().await.unwrap());
        let mut asleep = Box::pin(async move { one.recv().await.map(|record| record.offset()) });
        assert!(asleep.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let waits = spawn(async move { other.recv().await.map(|record| record.attempt()) });
        settle().await;
        plain.publish_bytes("called for").await.unwrap();
        third.try_recv().unwrap().unwrap().nack_after(SECOND);
        let came = timeout(HOUR, waits).await.expect("it comes when the delay is over");
        assert_eq!(came.unwrap().unwrap(), 2);
        drop(asleep);
    });
}

#[test]
fn receives_without_a_guard_are_relied_on_only_together() {
    paused().block_on(async {
        let broker = Broker::new();
        let two = broker.publisher::<Two>().await.unwrap();
        // In the shares 0, 1, 0.
        let mut abandoned = member::<Two>(&broker).await;
        let mut holder = member::<Two>(&broker).await;
        let mut polled = member::<Two>(&broker).await;
        two.publish(Two(0)).partition(1).await.unwrap();
        let first = holder.try_recv().unwrap().unwrap();
        // It has a timer, and nobody polls it any more.
        assert!(poll_once(poll_fn(|cx| abandoned.poll_recv(cx))).is_none());
        first.ack();
        let waits =
            spawn(async move { poll_fn(|cx| polled.poll_recv(cx)).await.map(|d| d.offset()) });
        settle().await;
        two.publish(Two(1)).partition(1).await.unwrap();
        // Its handler hangs in the only attempt.
        let hangs = holder.try_recv().unwrap().unwrap();
        tokio::time::sleep(HOUR).await;
        assert_eq!(broker.stats("two.work.dead").await.unwrap().published, 1);
        drop((hangs, waits));
    });
}

#[test]
fn a_receive_outside_a_runtime_is_not_relied_on_for_what_is_due() {
    let broker = Broker::new();
    let open = || poll_once(broker.topic("plain").subscriber().group("work").into_future());
    let (mut outside, mut inside, mut third) =
        (open().unwrap().unwrap(), open().unwrap().unwrap(), open().unwrap().unwrap());
    let plain = poll_once(broker.topic("plain").publisher().into_future()).unwrap().unwrap();
    plain.publish_bytes("x").now().unwrap();
    let delayed = third.try_recv().unwrap().unwrap();
    // Parked where nothing can wake it in time.
    let mut asleep = pin!(outside.recv());
    assert!(asleep.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    paused().block_on(async {
        let waits = spawn(async move { inside.recv().await.map(|record| record.offset()) });
        settle().await;
        delayed.nack_after(Duration::from_millis(200));
        let came = timeout(SECOND * 5, waits).await.expect("it comes when the delay is over");
        assert_eq!(came.unwrap().unwrap(), Offset(0));
    });
}

async fn plain(broker: &Broker) -> Consumer<Record> {
    broker.topic("plain").subscriber().group("work").await.unwrap()
}

#[test]
fn streams_outside_a_runtime_do_not_wake_each_other() {
    let broker = Broker::new();
    let open = || poll_once(plain(&broker)).unwrap();
    let (mut holder, mut one, mut two) = (open(), open(), open());
    let plain = poll_once(broker.topic("plain").publisher().into_future()).unwrap().unwrap();
    plain.publish_bytes("x").now().unwrap();
    let held = holder.try_recv().unwrap().unwrap();
    let (mut polls, mut seen) = (0, [usize::MAX; 2]);
    let bells = [Bell::new(), Bell::new()];
    for _ in 0..1_000 {
        for (at, stream) in [&mut one, &mut two].into_iter().enumerate() {
            if seen[at] != bells[at].rings() {
                seen[at] = bells[at].rings();
                polls += 1;
                let mut next = poll_fn(|cx| stream.poll_recv(cx));
                assert!(poll_with(&bells[at], &mut next).is_pending());
            }
        }
    }
    assert!(polls < 10, "polled {polls} times with nothing to do");
    drop(held);
}

#[test]
fn a_nack_without_a_delay_is_there_at_once_outside_a_runtime_too() {
    let broker = Broker::new();
    let open = || poll_once(plain(&broker)).unwrap();
    let (mut holder, mut other) = (open(), open());
    let plain = poll_once(broker.topic("plain").publisher().into_future()).unwrap().unwrap();
    plain.publish_bytes("x").now().unwrap();
    let held = holder.try_recv().unwrap().unwrap();
    let bell = Bell::new();
    let mut waits = Box::pin(other.recv());
    assert!(poll_with(&bell, &mut waits).is_pending());
    held.nack_after(Duration::ZERO);
    assert_eq!(bell.rings(), 1);
    assert!(poll_with(&bell, &mut waits).is_ready());
}

#[test]
fn an_extension_wakes_nobody() {
    paused().block_on(async {
        let broker = Broker::new();
        let two = broker.publisher::<Two>().await.unwrap();
        let open = || broker.subscriber::<Two>().group("work").group_max_in_flight(1).into_future();
        let (mut busy, mut idle) = (open().await.unwrap(), open().await.unwrap());
        two.publish(Two(0)).partition(0).await.unwrap();
        let held = busy.try_recv().unwrap().unwrap();
        let bell = Bell::new();
        let mut waits = Box::pin(idle.recv());
        assert!(poll_with(&bell, &mut waits).is_pending());
        for _ in 0..100 {
            held.extend().unwrap();
        }
        assert_eq!(bell.rings(), 0);
    });
}

#[test]
fn one_that_waits_is_woken_once_for_a_timer_while_others_get_messages() {
    paused().block_on(async {
        let broker = Broker::new();
        let two = broker.publisher::<Two>().await.unwrap();
        let (mut busy, mut idle) = (member::<Two>(&broker).await, member::<Two>(&broker).await);
        let bell = Bell::new();
        let mut waits = Box::pin(idle.recv());
        assert!(poll_with(&bell, &mut waits).is_pending());
        let mut seen = 0;
        for number in 0..100 {
            two.publish(Two(number)).partition(0).await.unwrap();
            busy.try_recv().unwrap().unwrap().ack();
            if bell.rings() != seen {
                seen = bell.rings();
                assert!(poll_with(&bell, &mut waits).is_pending());
            }
        }
        assert_eq!(seen, 1);
    });
}

#[test]
fn what_comes_back_wakes_a_few_of_those_that_wait() {
    const ROUNDS: u32 = 20;
    paused().block_on(async {
        let broker = Broker::new();
        let publisher = broker.topic("plain").publisher().await.unwrap();
        let polls = Arc::new(AtomicUsize::new(0));
        let mut tasks = Vec::new();
        for _ in 0..100 {
            let open = broker.topic("plain").subscriber().group("work").without_dead_letters();
            let (mut consumer, polls) = (open.await.unwrap(), polls.clone());
            tasks.push(spawn(async move {
                loop {
                    let mut receive = pin!(consumer.recv());
                    let counted = poll_fn(|cx| {
                        polls.fetch_add(1, Ordering::SeqCst);
                        receive.as_mut().poll(cx)
                    });
                    let record = counted.await.unwrap();
                    if record.attempt() == ROUNDS {
                        record.ack();
                        // One that goes away wakes the others.
                        break;
                    }
                    record.nack_after(Duration::from_millis(10));
                }
                consumer
            }));
        }
        // Opening wakes those that wait already.
        settle().await;
        polls.store(0, Ordering::SeqCst);
        publisher.publish_bytes("x").await.unwrap();
        while broker.stats("plain").await.unwrap().groups[0].settled == 0 {
            tokio::time::advance(Duration::from_millis(10)).await;
            settle().await;
        }
        // Those that have a timer, one that gets the next, and one that is called for what came back.
        let polled = polls.load(Ordering::SeqCst);
        assert!(polled <= 6 * ROUNDS as usize, "{polled} polls");
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
    });
}

#[test]
fn a_look_that_finds_nothing_leaves_a_poll_waiting() {
    paused().block_on(async {
        let broker = Broker::new();
        let publisher = broker.topic("plain").publisher().await.unwrap();
        let mut consumer = plain(&broker).await;
        let bell = Bell::new();
        let poll = |consumer: &mut Consumer<Record>| {
            poll_with(&bell, &mut poll_fn(|cx| consumer.poll_recv(cx)))
        };
        assert!(poll(&mut consumer).is_pending());
        assert!(consumer.try_recv().unwrap().is_none());
        publisher.publish_bytes("x").await.unwrap();
        assert_eq!(bell.rings(), 1);
        // So it is where another holds the message, and time brings it.
        let mut other = plain(&broker).await;
        let held = other.try_recv().unwrap().unwrap();
        assert!(poll(&mut consumer).is_pending());
        let rings = bell.rings();
        assert!(consumer.try_recv().unwrap().is_none());
        held.nack_after(SECOND);
        assert_eq!(bell.rings(), rings + 1);
        assert!(poll(&mut consumer).is_pending());
        assert!(consumer.try_recv().unwrap().is_none());
        tokio::time::advance(SECOND * 2).await;
        settle().await;
        assert_eq!(bell.rings(), rings + 2);
        assert_eq!(consumer.try_recv().unwrap().unwrap().attempt(), 2);
        // Who has been handed something waits no more.
        publisher.publish_bytes("y").await.unwrap();
        assert_eq!(bell.rings(), rings + 2);
    });
}
