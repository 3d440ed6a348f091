//! Where subscribers and groups start and are moved to: at the last so many messages.

use crate::common;

use std::time::Duration;

use common::{Order, paused, with_orders};
use memq::{Broker, Offset, Partition, Record, RecvError, Start, Subscriber, TopicBuilder};

/// Keeps the last ten.
fn numbers(broker: &Broker) -> TopicBuilder<'_, Record> {
    broker.topic("numbers").max(10)
}

async fn publish(broker: &Broker, count: u64) {
    let publisher = numbers(broker).publisher().await.unwrap();
    for number in 0..count {
        publisher.publish_bytes(number.to_string()).await.unwrap();
    }
}

/// The offsets of what is there now.
fn offsets<T: memq::Payload>(reader: &mut Subscriber<T>) -> Vec<u64> {
    let mut offsets = Vec::new();
    while let Some(message) = reader.try_recv().unwrap() {
        offsets.push(message.offset().0);
    }
    offsets
}

#[tokio::test]
async fn a_subscriber_starts_and_moves_to_the_last_messages() {
    let broker = Broker::new();
    publish(&broker, 30).await;
    let mut moved = numbers(&broker).subscriber().await.unwrap();
    for count in [0, 1, 2, 9, 10, 11, 29, 30, 31, u64::MAX] {
        let first = 30 - count.min(10);
        let mut reader = numbers(&broker).subscriber().from(Start::Last(count)).await.unwrap();
        assert_eq!(reader.position(), Offset(first), "{count}");
        assert_eq!(moved.seek(Start::Last(count)).await.unwrap(), Offset(first), "{count}");
        for reader in [&mut reader, &mut moved] {
            // What is gone is no lag.
            assert_eq!(offsets(reader), (first..30).collect::<Vec<_>>(), "{count}");
            assert_eq!((reader.stats().since_start, reader.stats().skipped), (30 - first, 0));
        }
    }
}

#[tokio::test]
async fn the_last_messages_are_those_of_when_it_was_opened() {
    let broker = Broker::new();
    let mut before = numbers(&broker).subscriber().from(Start::Last(3)).await.unwrap();
    assert_eq!(before.position(), Offset(0), "there is none yet");
    publish(&broker, 8).await;
    assert_eq!(offsets(&mut before), (0..8).collect::<Vec<_>>());
    let mut reader = numbers(&broker).subscriber().from(Start::Last(3)).await.unwrap();
    publish(&broker, 2).await;
    assert_eq!(offsets(&mut reader), (5..10).collect::<Vec<_>>());
    // Retention may take them before they are read, and that is told.
    reader.seek(Start::Last(3)).await.unwrap();
    publish(&broker, 9).await;
    let lagged = reader.recv().await.unwrap_err();
    assert!(matches!(lagged, RecvError::Lagged { skipped: 2, .. }), "{lagged}");
    // A topic that is closed still has them, and then its end.
    broker.close("numbers").await.unwrap();
    let mut reader = numbers(&broker).subscriber().from(Start::Last(1)).await.unwrap();
    assert_eq!(reader.recv().await.unwrap().offset(), Offset(18));
    assert!(matches!(reader.recv().await, Err(RecvError::Closed)));
}

#[test]
fn what_has_expired_is_none_of_the_last_messages() {
    paused().block_on(async {
        let broker = Broker::new();
        let topic = || broker.topic("raw").ttl(Duration::from_secs(10));
        let writer = topic().publisher().await.unwrap();
        for _ in 0..4 {
            writer.publish_bytes("x").await.unwrap();
            tokio::time::advance(Duration::from_secs(3)).await;
        }
        // Nobody has looked since the first expired.
        let mut reader = topic().subscriber().from(Start::Last(9)).await.unwrap();
        assert_eq!(offsets(&mut reader), [1, 2, 3]);
    });
}

#[test]
fn the_last_messages_are_counted_before_a_filter_or_a_partition_leaves_some_out() {
    paused().block_on(async {
        let broker = with_orders(10).await;
        let even = |order: &Order| order.customer % 2 == 0;
        let last = |count| broker.subscriber::<Order>().from(Start::Last(count));
        let mut some = last(5).filter(even).await.unwrap();
        assert_eq!(offsets(&mut some), [6, 8]);
        assert_eq!((some.stats().since_start, some.stats().filtered), (5, 3));

        let publisher = broker.topic("parts").partitions(4).publisher().await.unwrap();
        for _ in 0..10 {
            publisher.publish_bytes("x").await.unwrap();
        }
        // They go to the partitions in turn.
        for (count, left) in [(10, &[0, 4, 8][..]), (6, &[4, 8]), (1, &[])] {
            let part = broker.topic("parts").subscriber().partition(Partition(0));
            assert_eq!(offsets(&mut part.from(Start::Last(count)).await.unwrap()), left);
        }
    });
}

#[test]
fn a_new_group_starts_at_the_last_messages_and_one_that_is_there_resumes() {
    paused().block_on(async {
        let broker = with_orders(10).await;
        // Said of the group it is the same.
        let group = |count| broker.subscriber::<Order>().group("billing").from(Start::Last(count));
        let mut billing = group(3).await.unwrap();
        let stats = billing.stats().unwrap();
        assert_eq!((stats.position, stats.lag, stats.since_start), (Offset(7), 3, 3));
        let first = billing.recv().await.unwrap();
        assert_eq!((first.offset(), first.attempt()), (Offset(7), 1));
        first.ack();
        drop(billing);
        let mut billing = group(9).await.unwrap();
        assert_eq!(billing.recv().await.unwrap().offset(), Offset(8), "it goes on where it was");
        for (count, first) in [(4, 6), (10, 0), (11, 0), (0, 10)] {
            assert_eq!(billing.seek(Start::Last(count)).await.unwrap(), Offset(first));
            let batch = if count > 0 { billing.recv_batch(99).await.unwrap().len() } else { 0 };
            assert_eq!(batch as u64, 10 - first, "{count}");
        }
        assert!(billing.try_recv().unwrap().is_none());
    });
}
