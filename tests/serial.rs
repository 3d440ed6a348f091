//! Places, times, names and statistics as serde has them: kept as checkpoints, and shown as metrics.

use crate::common;

use std::time::Duration;

use common::Order;
use memq::codec::{Bincode, MessagePack, Postcard};
use memq::{
    BridgeReport, Broker, LagReason, MirrorStats, Offset, Partition, Report, Timestamp, Topic,
    TopicName, TopicSpec, TopicStats,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Where a program is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Checkpoint<const FORMAT: u8> {
    topic: TopicName,
    partition: Partition,
    next: Offset,
    at: Timestamp,
}

macro_rules! checkpoints {
    ($($format:literal $codec:ident $name:literal)+) => {$(
        impl Topic for Checkpoint<$format> {
            type Codec = $codec;
            const SPEC: TopicSpec = TopicSpec::new($name);
        }
    )+};
}

checkpoints!(0 Bincode "bincode" 1 MessagePack "messagepack" 2 Postcard "postcard");

fn checkpoint<const FORMAT: u8>(next: u64, nanos: u64) -> Checkpoint<FORMAT> {
    Checkpoint {
        topic: "audit.2026".parse().unwrap(),
        partition: Partition(3),
        next: Offset(next),
        at: Timestamp::from_nanos(nanos),
    }
}

#[test]
fn a_checkpoint_is_what_it_says() {
    let checkpoint = checkpoint::<0>(7, 1_769_851_800_000_000_001);
    let text = serde_json::to_value(&checkpoint).unwrap();
    let written = json!({
        "topic": "audit.2026",
        "partition": 3,
        "next": 7,
        "at": "2026-01-31T09:30:00.000000001Z",
    });
    assert_eq!(text, written);
    assert_eq!(serde_json::from_value::<Checkpoint<0>>(text).unwrap(), checkpoint);
}

#[test]
fn what_is_none_is_refused_with_what_to_do() {
    let name = serde_json::from_str::<TopicName>("\"a/b\"").unwrap_err().to_string();
    assert!(name.contains("holds '/': use A-Z"), "{name}");
    let time = serde_json::from_str::<Timestamp>("\"2026-02-30T00:00:00Z\"").unwrap_err();
    assert!(time.to_string().contains("a day that is not in its month"), "{time}");
    // A number of nanoseconds, which few readers of JSON would have exactly.
    assert!(serde_json::from_str::<Timestamp>("1769851800000000001").is_err());
    assert!(serde_json::from_str::<Partition>("65536").is_err());
    assert!(serde_json::from_str::<Offset>("-1").is_err());
    let elsewhere: Timestamp = serde_json::from_str("\"2026-01-31T11:30:00+02:00\"").unwrap();
    assert_eq!(elsewhere, "2026-01-31T09:30:00Z".parse().unwrap());
}

/// As a message, through a codec.
async fn there_and_back<const FORMAT: u8>(broker: &Broker, next: u64, nanos: u64)
where
    Checkpoint<FORMAT>: Topic,
{
    let checkpoint = checkpoint::<FORMAT>(next, nanos);
    let publisher = broker.publisher::<Checkpoint<FORMAT>>().await.unwrap();
    let offset = publisher.publish(checkpoint.clone()).await.unwrap();
    let reader = broker.subscriber::<Checkpoint<FORMAT>>().from(offset);
    let read = reader.await.unwrap().recv().await.unwrap();
    assert_eq!(*read, checkpoint);
}

proptest! {
    #[test]
    fn they_are_read_as_they_were_written(next in any::<u64>(), nanos in any::<u64>()) {
        let text = serde_json::to_string(&checkpoint::<0>(next, nanos)).unwrap();
        let read: Checkpoint<0> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read, checkpoint::<0>(next, nanos));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let broker = Broker::new();
            there_and_back::<0>(&broker, next, nanos).await;
            there_and_back::<1>(&broker, next, nanos).await;
            there_and_back::<2>(&broker, next, nanos).await;
        });
    }
}

#[tokio::test]
async fn nanoseconds_are_a_number_where_nobody_reads_them() {
    let broker = Broker::new();
    broker.publisher::<Checkpoint<0>>().await.unwrap().publish(checkpoint(7, 9)).await.unwrap();
    let record = broker.topic("bincode").subscriber().await.unwrap().recv().await.unwrap();
    assert!(record.bytes().ends_with(&[3, 7, 9]));
}

#[tokio::test(start_paused = true)]
async fn statistics_are_shown_as_json() {
    let broker = Broker::new();
    let orders = broker.create::<Order>().max(2).ttl(Duration::from_secs(60));
    let publisher = orders.publisher().await.unwrap();
    let reader = orders.subscriber().await.unwrap();
    let mut work = orders.subscriber().group("work").await.unwrap();
    for number in 0..3 {
        publisher.publish(Order::new(number, "tea")).await.unwrap();
    }
    // What went is told first.
    work.recv().await.unwrap_err();
    let held = work.recv().await.unwrap();
    tokio::time::advance(Duration::from_millis(1_500)).await;

    let stats = broker.stats("orders").await.unwrap();
    let shown = serde_json::to_value(&stats).unwrap();
    assert_eq!(shown["published"], 3);
    assert_eq!(shown["earliest"], 1);
    let dropped = json!({ "max_messages": 1, "max_bytes": 0, "expired": 0, "unspecified": 0 });
    assert_eq!(shown["dropped"], dropped);
    assert_eq!(shown["last_drop"]["reason"], "MaxMessages");
    assert_eq!(shown["last_drop"]["at"], stats.last_drop.unwrap().at.to_string());
    assert_eq!(shown["partitions"][0]["depth"], 2);
    assert_eq!(shown["subscribers"][0]["lag"], 3);
    let group = &shown["groups"][0];
    assert_eq!(group["name"], "work");
    assert_eq!(group["oldest_state"], json!({ "InFlight": { "member": 0 } }));
    assert_eq!(group["oldest_unsettled"], 1.5);
    assert_eq!(group["members"][0]["held"], json!([1]));
    assert_eq!(group["max_in_flight"], Value::Null);
    drop((held, reader));
}

#[test]
fn what_workers_and_bridges_did_is_shown_as_json() {
    let shown = serde_json::to_value(Report::default()).unwrap();
    assert_eq!(shown["ended"], "NotYet");
    assert_eq!(shown["unfinished"], json!([]));
    let shown = serde_json::to_value(BridgeReport::default()).unwrap();
    assert_eq!(shown, json!({ "mirrors": [], "ended": "NotYet" }));
    assert_eq!(serde_json::to_value(LagReason::Expired).unwrap(), "Expired");
    assert_eq!(serde_json::to_value(TopicStats::empty(Offset(7))).unwrap()["next"], 7);
    fn shows<T: Serialize>() {}
    shows::<MirrorStats>();
}
