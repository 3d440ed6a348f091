//! Partitions: where messages go, who reads them, and what is counted.

use crate::common;

use std::collections::{BTreeSet, HashMap};

use common::{Order, paused};
use memq::{Broker, Key, OpenError, Partition, PublishError, Record, Start, Topic};

/// Eight partitions, keyed by a number.
#[derive(Clone, Debug, PartialEq, Topic)]
#[topic(name = "readings", partitions = 8)]
struct Reading {
    #[topic(key)]
    sensor: Option<u32>,
    value: u64,
}

fn reading(sensor: u32, value: u64) -> Reading {
    Reading { sensor: Some(sensor), value }
}

#[test]
fn the_hash_of_a_key_is_xxhash64_and_stays_so() {
    // From the specification's test vectors, and computed by another implementation.
    for (key, hash) in [("", 0xEF46_DB37_51D8_E999_u64), ("a", 0xD24E_C4F1_A98C_6E5B)] {
        for partitions in [1, 2, 7, 8, 1_000, u16::MAX] {
            let expected = Partition((hash % u64::from(partitions)) as u16);
            assert_eq!(Key::from(key).partition(partitions), expected, "{key:?} of {partitions}");
        }
    }
    assert_eq!(Key::from("a").partition(0), Partition(0));
}

#[test]
fn a_key_has_one_partition_and_keeps_its_order_there() {
    paused().block_on(async {
        let broker = Broker::new();
        let readings = broker.publisher::<Reading>().await.unwrap();
        for value in 0..200 {
            readings.publish(reading((value % 20) as u32, value)).await.unwrap();
        }
        let mut all = broker.subscriber::<Reading>().await.unwrap();
        let mut partitions = HashMap::new();
        let mut last = HashMap::new();
        for offset in 0..200 {
            let message = all.recv().await.unwrap();
            // A subscriber sees all partitions in one order.
            assert_eq!(message.offset().0, offset);
            let key = message.sensor.unwrap();
            let partition = *partitions.entry(key).or_insert(message.partition());
            assert_eq!(message.partition(), partition);
            assert_eq!(partition, message.key().unwrap().partition(8));
            assert!(last.insert(key, message.value).is_none_or(|before| before < message.value));
        }
        assert!(partitions.values().collect::<std::collections::HashSet<_>>().len() > 4);
    });
}

#[test]
fn forty_thousand_keys_are_spread_over_all_partitions() {
    for text in
        [|n: u32| n.to_string(), |n: u32| format!("customer-{n}"), |n: u32| format!("Hash {n}")]
    {
        let mut counts = [0_u32; 8];
        for number in 0..40_000 {
            counts[usize::from(Key::from(text(number)).partition(8).0)] += 1;
        }
        assert!(counts.iter().all(|count| (4_500..=5_500).contains(count)), "{counts:?}");
    }
}

#[test]
fn messages_without_a_key_go_to_each_partition_in_turn() {
    paused().block_on(async {
        let broker = Broker::new();
        let readings = broker.publisher::<Reading>().await.unwrap();
        let keyless = |value| Reading { sensor: None, value };
        readings.publish(keyless(0)).await.unwrap();
        readings.publish(reading(3, 1)).await.unwrap();
        readings.publish_batch((2..9).map(keyless)).await.unwrap();
        let batch = broker.subscriber::<Reading>().await.unwrap().recv_batch(100).await.unwrap();
        let turns: Vec<u16> = batch
            .iter()
            .filter(|message| message.sensor.is_none())
            .map(|message| message.partition().0)
            .collect();
        assert_eq!(turns, [0, 1, 2, 3, 4, 5, 6, 7]);
    });
}

#[test]
fn an_explicit_partition_is_used_and_one_out_of_range_gives_the_messages_back() {
    paused().block_on(async {
        let broker = Broker::new();
        let readings = broker.publisher::<Reading>().await.unwrap();
        readings.publish(reading(1, 1)).partition(7).await.unwrap();
        readings.publish_batch([reading(1, 2), reading(2, 3)]).partition(5).await.unwrap();

        let refused = readings.publish(reading(1, 4)).partition(8).await.unwrap_err();
        let text = refused.to_string();
        assert_eq!(text, "there is no partition 8: the topic has 8, numbered from 0");
        let PublishError::Partition { message, partition, partitions } = refused else {
            panic!("{text}")
        };
        assert_eq!((message, partition, partitions), (reading(1, 4), Partition(8), 8));
        let refused = readings.publish(reading(1, 4)).partition(u16::MAX).now().unwrap_err();
        assert!(matches!(refused, PublishError::Partition { .. }));

        let batch = [reading(1, 5), reading(2, 6)];
        let refused = readings.publish_batch(batch.clone()).partition(8).await.unwrap_err();
        assert!(matches!(*refused.reason, PublishError::Partition { partition: Partition(8), .. }));
        assert_eq!((refused.rest, refused.published.len()), (batch.to_vec(), 0));

        let stats = broker.stats("readings").await.unwrap();
        let published: Vec<u64> = stats.partitions.iter().map(|p| p.published).collect();
        assert_eq!(published, [0, 0, 0, 0, 0, 2, 0, 1]);
    });
}

#[test]
fn a_subscriber_to_one_partition_reads_that_alone_and_counts_the_rest() {
    paused().block_on(async {
        let broker = Broker::new();
        let readings = broker.publisher::<Reading>().await.unwrap();
        for value in 0..80 {
            readings.publish(Reading { sensor: None, value }).await.unwrap();
        }
        let mut third =
            broker.subscriber::<Reading>().partition(3).from(Start::Earliest).await.unwrap();
        let batch = third.recv_batch(100).await.unwrap();
        let values: Vec<u64> = batch.iter().map(|message| message.value).collect();
        assert_eq!(values, (0..10).map(|turn| turn * 8 + 3).collect::<Vec<_>>());
        let stats = third.stats();
        assert_eq!((stats.delivered, stats.filtered, stats.lag), (10, 70, 0));

        let refused = broker.subscriber::<Reading>().partition(8).await.unwrap_err();
        assert!(matches!(refused, OpenError::Partition { partitions: 8, .. }), "{refused}");
        let refused = broker.subscriber::<Order>().partition(1).await.unwrap_err();
        assert!(matches!(refused, OpenError::Partition { partitions: 1, .. }), "{refused}");
    });
}

#[test]
fn statistics_follow_what_each_partition_holds() {
    paused().block_on(async {
        let broker = Broker::new();
        let raw = broker.topic("raw").partitions(2).max(4);
        let writer = raw.publisher().await.unwrap();
        for _ in 0..5 {
            writer.publish(Record::new("to the first")).partition(0).await.unwrap();
        }
        writer.publish(Record::new("to the second")).partition(1).await.unwrap();
        let stats = broker.stats("raw").await.unwrap();
        let rows: Vec<_> = stats.partitions.iter().map(|p| (p.published, p.depth)).collect();
        assert_eq!(rows, [(5, 3), (1, 1)]);
        assert_eq!(stats.partitions.iter().map(|p| p.bytes).sum::<u64>(), stats.bytes);

        broker.publisher::<Order>().await.unwrap().publish(Order::new(1, "tea")).await.unwrap();
        let one = broker.stats("orders").await.unwrap().partitions;
        assert_eq!((one.len(), one[0].published, one[0].depth), (1, 1, 1));
    });
}

#[test]
fn members_divide_the_partitions_and_deal_them_anew_as_they_come_and_go() {
    paused().block_on(async {
        let broker = Broker::new();
        let open = || async { broker.subscriber::<Reading>().group("sums").await.unwrap() };
        let one = open().await;
        let dealt = || one.stats().unwrap().members.into_iter().map(|member| member.partitions);
        let all =
            |partitions: &[u16]| partitions.iter().copied().map(Partition).collect::<Vec<_>>();
        assert_eq!(dealt().collect::<Vec<_>>(), [all(&[0, 1, 2, 3, 4, 5, 6, 7])]);

        let two = open().await;
        let three = open().await;
        assert_eq!(dealt().collect::<Vec<_>>(), [all(&[0, 3, 6]), all(&[1, 4, 7]), all(&[2, 5])]);
        drop(two);
        assert_eq!(dealt().collect::<Vec<_>>(), [all(&[0, 2, 4, 6]), all(&[1, 3, 5, 7])]);
        drop(three);

        // More members than partitions share them.
        let mut crowd = Vec::new();
        for _ in 0..20 {
            crowd.push(open().await);
        }
        let dealt: Vec<_> = dealt().collect();
        assert!(dealt.iter().all(|partitions| partitions.len() == 1));
        let covered: BTreeSet<_> = dealt.iter().flatten().map(|partition| partition.0).collect();
        assert_eq!(covered.len(), 8);
    });
}

#[test]
fn each_member_gets_its_partitions_and_nothing_is_lost_or_doubled_by_dealing_anew() {
    paused().block_on(async {
        let broker = Broker::new();
        let readings = broker.publisher::<Reading>().await.unwrap();
        for value in 0..400 {
            readings.publish(reading(value % 40, u64::from(value))).await.unwrap();
        }
        let mut one = broker.subscriber::<Reading>().group("sums").await.unwrap();
        let mut two = broker.subscriber::<Reading>().group("sums").await.unwrap();
        let mut settled = BTreeSet::new();
        let held = one.recv_batch(10).await.unwrap();
        assert!(held.iter().all(|message| message.partition().0 % 2 == 0));
        let message = two.recv().await.unwrap();
        assert_eq!(message.partition().0 % 2, 1);
        assert!(settled.insert(message.offset()));
        message.ack();

        // Its partitions go to the other; what it holds stays with it until it is settled.
        let mut three = broker.subscriber::<Reading>().group("sums").await.unwrap();
        for message in held {
            assert!(settled.insert(message.offset()));
            message.ack_confirmed().await.unwrap();
        }
        drop(two);
        let mut last = HashMap::new();
        loop {
            let mut idle = true;
            for member in [&mut one, &mut three] {
                if let Some(message) = member.try_recv().unwrap() {
                    let before = last.insert(message.sensor, message.value);
                    assert!(before.is_none_or(|before| before < message.value));
                    assert!(settled.insert(message.offset()));
                    message.ack();
                    idle = false;
                }
            }
            if idle {
                break;
            }
        }
        assert_eq!(settled.len(), 400);
        assert_eq!(one.stats().unwrap().redelivered, 0);
    });
}

#[test]
fn a_type_that_says_its_partitions_later_deals_them_to_a_group_that_was_there() {
    paused().block_on(async {
        let broker = Broker::new();
        let members = broker.topic("jobs").subscriber().group("work").await.unwrap();
        assert_eq!(members.stats().unwrap().members[0].partitions.len(), 1);
        let writer = broker.topic("jobs").partitions(4).publisher().await.unwrap();
        assert_eq!(members.stats().unwrap().members[0].partitions.len(), 4);
        writer.publish_bytes("x").partition(3).await.unwrap();
    });
}
