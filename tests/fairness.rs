//! Publishers that wait for room, in the order in which they came, and nobody overtakes them to
//! their cost; those that do not wait, and a reader that stands still; members of a group, which all
//! get their share.

use crate::common;

use std::future::IntoFuture;
use std::task::Poll;
use std::time::Duration;

use common::{Bell, on_both_runtimes, paused, poll_once, poll_with, settle, settle_with, spawn};
use memq::{Broker, Offset, Overflow, PublishError, Publisher, Record, Retain, Subscriber};
use tokio::task::JoinHandle;

/// A topic with room for one message, which is there.
async fn full() -> (Broker, Publisher<Record>, Subscriber<Record>) {
    let broker = Broker::new();
    let topic = broker.topic("log").max(1).overflow(Overflow::Wait);
    let writer = topic.publisher().await.unwrap();
    let reader = topic.subscriber().await.unwrap();
    writer.publish_bytes("0").await.unwrap();
    (broker, writer, reader)
}

#[tokio::test]
async fn nobody_overtakes_a_publisher_that_waits() {
    let (_broker, writer, mut reader) = full().await;

    let (first, second) = (Bell::new(), Bell::new());
    let mut waits = writer.publish_bytes("1").into_future();
    let mut behind = writer.publish_bytes("2").into_future();
    assert!(settle_with(&first, &mut waits).is_pending());
    assert!(settle_with(&second, &mut behind).is_pending());
    let rings = (first.rings(), second.rings());
    reader.recv().await.unwrap();
    // There is room, and it belongs to the first.
    assert!(matches!(writer.try_publish(Record::new("x")), Err(PublishError::Full(_))));
    assert!(poll_with(&second, &mut behind).is_pending());
    assert_eq!((first.rings(), second.rings()), (rings.0 + 1, rings.1));
    assert!(poll_with(&first, &mut waits).is_ready());
    assert!(poll_with(&second, &mut behind).is_pending());
    assert_eq!(reader.recv().await.unwrap().bytes(), "1");
    assert!(poll_with(&second, &mut behind).is_ready());
    assert_eq!(reader.recv().await.unwrap().bytes(), "2");
    // Nobody waits any more.
    writer.try_publish(Record::new("3")).unwrap();
}

/// The large one needs all the room there is, and small ones come all the time.
#[test]
fn a_large_message_is_not_starved_by_small_ones() {
    on_both_runtimes(|| async {
        let broker = Broker::new();
        let topic = broker.topic("log").max_bytes(10_000).overflow(Overflow::Wait);
        let writer = topic.publisher().await.unwrap();
        let mut reader = topic.subscriber().await.unwrap();
        let small = topic.publisher().await.unwrap();
        let many = spawn(async move { while small.publish_bytes(vec![1; 100]).await.is_ok() {} });
        let large = spawn(async move { writer.publish_bytes(vec![2; 9_900]).await });
        while reader.recv().await.unwrap().bytes().len() == 100 {}
        large.await.unwrap().unwrap();
        drop(broker);
        many.await.unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_gives_up_lets_the_next_one_in() {
    let (broker, writer, mut reader) = full().await;
    let (first, second) = (Bell::new(), Bell::new());
    let mut hasty = writer.publish_bytes("1").within(Duration::from_secs(1)).into_future();
    let mut patient = writer.publish_bytes("2").into_future();
    assert!(poll_with(&first, &mut hasty).is_pending());
    assert!(poll_with(&second, &mut patient).is_pending());
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(poll_with(&first, &mut hasty).is_ready());
    // It is kept, but it waits no longer.
    assert_eq!(broker.stats("log").await.unwrap().waiting_publishers, 1);
    reader.recv().await.unwrap();
    assert!(second.rings() > 0);
    assert!(poll_with(&second, &mut patient).is_ready());
}

/// Each message passed wakes one of them, and not all.
#[tokio::test]
async fn a_crowd_is_not_woken_for_one_place() {
    let (_broker, writer, mut reader) = full().await;
    let bells: Vec<_> = (0..100).map(|_| Bell::new()).collect();
    let mut crowd: Vec<_> = bells
        .iter()
        .map(|bell| {
            let mut waits = writer.publish_bytes("x").into_future();
            assert!(poll_with(bell, &mut waits).is_pending());
            waits
        })
        .collect();
    for at in 0..100 {
        reader.recv().await.unwrap();
        assert!(poll_with(&bells[at], &mut crowd[at]).is_ready());
    }
    let rings: usize = bells.iter().map(|bell| bell.rings()).sum();
    assert!(rings <= 200, "{rings} wake-ups for 100 places");
}

/// Publishes 100,000 messages to a topic that keeps 10,000, singly or in batches, as long as `reads`
/// says where a publisher lets others run. Returns how many the reader lost, and how often others ran.
async fn beside_a_reader(batch: usize, mut reads: impl FnMut(u32) -> bool) -> (u64, u32) {
    let broker = Broker::new();
    let topic = broker.topic("log").max(10_000);
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    let (bell, mut rings) = (Bell::new(), 0);
    let mut others_run = || {
        rings += 1;
        assert_eq!(bell.rings(), rings as usize, "whoever lets others run goes on");
        while reads(rings) && !matches!(reader.try_recv(), Ok(None)) {}
    };
    for _ in 0..100_000 / batch {
        if batch == 1 {
            let mut publishes = writer.publish_bytes("x").into_future();
            while poll_with(&bell, &mut publishes).is_pending() {
                others_run();
            }
        } else {
            let mut publishes = writer.publish_batch(vec![Record::new("x"); batch]);
            while poll_with(&bell, &mut publishes).is_pending() {
                others_run();
            }
        }
    }
    while !matches!(reader.try_recv(), Ok(None)) {}
    (reader.stats().skipped, rings)
}

/// 40 times 1,024 messages are four times what the topic keeps.
#[tokio::test]
async fn who_kept_up_and_then_stands_still_for_a_while_loses_nothing() {
    for batch in [1, 100] {
        let (lost, _) = beside_a_reader(batch, |run| !(30..70).contains(&run)).await;
        assert_eq!(lost, 0, "in batches of {batch}");
    }
}

#[tokio::test]
async fn publishers_pause_64_times_at_once_for_who_then_stands_still_for_ever() {
    for batch in [1, 100] {
        let (_, runs) = beside_a_reader(batch, |run| run <= 30).await;
        let at_once = runs - 100_000 / 1024;
        assert!((64..=64 + 1).contains(&at_once), "{at_once} in batches of {batch}");
    }
}

#[tokio::test]
async fn publishers_do_not_pause_for_who_never_kept_up() {
    for batch in [1, 100] {
        let (_, runs) = beside_a_reader(batch, |_| false).await;
        assert_eq!(runs, 100_000 / 1024, "in batches of {batch}");
    }
}

/// Three members of a group, each in its own task: how many messages each got.
async fn shared(broker: &Broker) -> Vec<JoinHandle<usize>> {
    let mut members = Vec::new();
    for _ in 0..3 {
        let mut member = broker.topic("work").subscriber().group("workers").await.unwrap();
        members.push(spawn(async move {
            let mut own = 0;
            while let Some(Ok(delivery)) = member.next().await {
                delivery.ack();
                own += 1;
            }
            own
        }));
    }
    settle().await;
    members
}

async fn ends(broker: &Broker, members: Vec<JoinHandle<usize>>) -> Vec<usize> {
    broker.close("work").await.unwrap();
    let mut taken = Vec::new();
    for member in members {
        taken.push(member.await.unwrap());
    }
    taken
}

#[test]
fn members_share_what_comes_one_by_one() {
    paused().block_on(async {
        let broker = Broker::new();
        let work = broker.topic("work").publisher().await.unwrap();
        let members = shared(&broker).await;
        for _ in 0..300 {
            work.publish_bytes("x").await.unwrap();
            settle().await;
        }
        let taken = ends(&broker, members).await;
        assert_eq!(taken.iter().sum::<usize>(), 300);
        assert!(taken.iter().all(|own| *own >= 50), "{taken:?}");
    });
}

#[test]
fn members_share_what_is_there_at_once() {
    paused().block_on(async {
        let broker = Broker::new();
        let work = broker.topic("work").publisher().await.unwrap();
        let members = shared(&broker).await;
        work.publish_batch((0..3_000).map(|_| Record::new("x"))).await.unwrap();
        let taken = ends(&broker, members).await;
        assert_eq!(taken.iter().sum::<usize>(), 3_000);
        assert!(taken.iter().all(|own| *own >= 500), "{taken:?}");
    });
}

/// Who waits is not overtaken to its cost, but a publisher that comes later need not wait for it to
/// run where there is room for both.
#[tokio::test]
async fn who_comes_later_may_go_first_where_there_is_room_for_all() {
    let broker = Broker::new();
    let topic = broker.topic("log").max(4).overflow(Overflow::Wait);
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    for _ in 0..4 {
        writer.publish_bytes("first").await.unwrap();
    }
    let bell = Bell::new();
    let mut waits = writer.publish_bytes("waits").into_future();
    assert!(settle_with(&bell, &mut waits).is_pending());
    reader.recv_batch(2).await.unwrap();
    // Room for two: one is for whoever waits.
    writer.try_publish(Record::new("later")).unwrap();
    assert!(matches!(writer.try_publish(Record::new("last")), Err(PublishError::Full(_))));
    assert_eq!(poll_with(&bell, &mut waits).map(Result::unwrap), Poll::Ready(Offset(5)));
}

/// Its messages are small, and the one that waits is not.
#[tokio::test]
async fn a_batch_goes_first_only_as_far_as_there_is_room_for_who_waits() {
    let broker = Broker::new();
    let topic = broker.topic("log").max_bytes(1_000).overflow(Overflow::Wait);
    let topic = topic.retain(Retain::UntilConsumed);
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    writer.publish_bytes(vec![0; 900]).await.unwrap();

    let (first, second) = (Bell::new(), Bell::new());
    let mut large = writer.publish_bytes(vec![1; 500]).into_future();
    assert!(settle_with(&first, &mut large).is_pending());
    reader.recv().await.unwrap();
    assert_eq!(broker.stats("log").await.unwrap().bytes, 0);

    let mut batch = writer.publish_batch((0..10).map(|_| Record::new(vec![2; 36])));
    assert!(settle_with(&second, &mut batch).is_pending());
    let depth = broker.stats("log").await.unwrap().depth;
    assert!((1..10).contains(&depth), "{depth} of the batch went first");
    assert!(poll_with(&first, &mut large).is_ready());
}

/// The same where only their number counts.
#[tokio::test]
async fn a_batch_leaves_as_many_places_as_there_are_who_wait() {
    let broker = Broker::new();
    let topic = broker.topic("log").max(4).overflow(Overflow::Wait);
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    writer.publish_batch((0..4).map(|_| Record::new("first"))).await.unwrap();
    let bell = Bell::new();
    let mut waits = writer.publish_bytes("waits").into_future();
    assert!(settle_with(&bell, &mut waits).is_pending());
    reader.recv_batch(2).await.unwrap();
    let mut batch = writer.publish_batch((0..4).map(|_| Record::new("later")));
    assert!(settle_with(&Bell::new(), &mut batch).is_pending());
    assert_eq!(poll_with(&bell, &mut waits).map(Result::unwrap), Poll::Ready(Offset(5)));
}

/// A batch that waits for a large message is not overtaken as if it waited for its small first one.
#[tokio::test]
async fn a_batch_is_waited_for_by_what_it_wants_next() {
    let broker = Broker::new();
    let topic = broker.topic("log").overflow(Overflow::Wait).max_bytes(100_000);
    let writer = topic.publisher().await.unwrap();
    let mut reader = topic.subscriber().await.unwrap();
    while writer.try_publish(Record::new(vec![0; 936])).is_ok() {}
    let bell = Bell::new();
    let messages = [Record::new(vec![0; 900]), Record::new(vec![0; 50_000])];
    let mut batch = writer.publish_batch(messages);
    assert!(settle_with(&bell, &mut batch).is_pending());
    for _ in 0..100 {
        reader.recv().await.unwrap();
        if settle_with(&bell, &mut batch).is_ready() {
            return;
        }
        // A small one, that would take what was made room for.
        let _ = writer.try_publish(Record::new(vec![0; 936]));
    }
    panic!("the batch was starved");
}

/// As publishers do that ask for room beside something else, in `select!`: there is always another one in
/// the queue when one asks anew.
#[tokio::test]
async fn who_asks_anew_each_time_gets_room_as_soon_as_there_is_some() {
    let broker = Broker::new();
    let messages = broker.topic("messages").max(64);
    let bytes = broker.topic("bytes").max_bytes(64 * 1_064);
    for topic in [messages, bytes] {
        let topic = topic.overflow(Overflow::Wait);
        let writer = topic.publisher().await.unwrap();
        let mut reader = topic.subscriber().await.unwrap();
        while writer.try_publish(Record::new(vec![0; 1_000])).is_ok() {}
        let bell = Bell::new();
        let ask = || Box::pin(writer.reserve());
        let (mut one, mut other) = (ask(), ask());
        assert!(settle_with(&bell, &mut one).is_pending());
        assert!(settle_with(&bell, &mut other).is_pending());
        assert_eq!(reader.recv_batch(64).await.unwrap().len(), 64);
        one = ask();
        let Poll::Ready(permit) = poll_with(&bell, &mut one) else { panic!("there is room") };
        other = ask();
        assert!(poll_with(&bell, &mut other).is_ready());
        drop(permit);
    }
}

#[tokio::test]
async fn who_waits_for_the_room_of_a_permit_is_not_told_of_a_reader() {
    let (broker, writer, mut reader) = full().await;
    reader.recv().await.unwrap();
    let permit = writer.reserve().await.unwrap();
    let mut waits = writer.publish_bytes("1").into_future();
    assert!(settle_with(&Bell::new(), &mut waits).is_pending());
    let explanation = broker.explain("log").await.unwrap().to_string();
    assert!(explanation.contains("waits for room, and everything is read"), "{explanation}");
    drop(permit);
}

/// A permit says nothing of the size of its message, so it goes before no message that waits.
#[tokio::test]
async fn permits_do_not_starve_a_large_message() {
    let broker = Broker::new();
    let topic = broker.topic("log").overflow(Overflow::Wait).max_bytes(100_000);
    let topic = topic.retain(Retain::UntilConsumed);
    let writer = topic.publisher().await.unwrap();
    let mut member = topic.subscriber().group("g").await.unwrap();
    writer.try_publish(Record::new(vec![0; 60_000])).unwrap();
    let bell = Bell::new();
    let mut large = writer.publish(Record::new(vec![0; 50_000])).into_future();
    assert!(settle_with(&bell, &mut large).is_pending());
    member.try_recv().unwrap().unwrap().ack();
    assert!(poll_once(writer.reserve()).is_none());
    assert!(matches!(writer.try_reserve(), Err(PublishError::Full(()))));
    assert_eq!(broker.stats("log").await.unwrap().rejected, 1);
    assert!(settle_with(&bell, &mut large).is_ready());
    assert!(poll_once(writer.reserve()).is_some());
}
