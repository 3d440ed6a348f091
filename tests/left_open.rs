//! Options that a type leaves open, and that are said with it at run time.

use crate::common;

use std::time::Duration;

use common::Order;
use memq::{
    Broker, Compression, OpenError, Overflow, Retain, TopicBuilder, TopicConflict, TopicOptions,
};

numbers!(Number, "numbers");
numbers!(
    Job,
    "jobs",
    max_messages(7),
    max_bytes(1_000),
    ttl(Duration::from_secs(60)),
    overflow(Overflow::Wait),
    partitions(2),
    dedup(Duration::from_secs(30)),
    retain(Retain::UntilConsumed)
);

fn conflict<T: std::fmt::Debug>(opened: Result<T, OpenError>) -> TopicConflict {
    match opened {
        Err(OpenError::Conflict(conflict)) => conflict,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_option_that_a_native_type_leaves_open_can_be_said() {
    type Say = fn(TopicBuilder<'_, Number>) -> TopicBuilder<'_, Number>;
    type Is = fn(&TopicOptions) -> bool;
    let second = Duration::from_secs(1);
    let cases: [(&str, Say, Is); 7] = [
        ("max", |topic| topic.max(9), |has| has.max_messages == 9),
        ("max_bytes", |topic| topic.max_bytes(9), |has| has.max_bytes == 9),
        ("ttl", |topic| topic.ttl(Duration::from_secs(1)), |has| has.ttl.is_some()),
        (
            "overflow",
            |topic| topic.overflow(Overflow::Reject),
            |has| has.overflow == Overflow::Reject,
        ),
        ("partitions", |topic| topic.partitions(9), |has| has.partitions == 9),
        ("dedup", |topic| topic.dedup(Duration::from_secs(1)), |has| has.dedup.is_some()),
        (
            "retain",
            |topic| topic.retain(Retain::UntilConsumed),
            |has| has.retain == Retain::UntilConsumed,
        ),
    ];
    for (option, say, is) in cases {
        let broker = Broker::new();
        say(broker.create::<Number>()).await.unwrap();
        // A publisher need not say it, and with one it stays.
        let _publisher = broker.publisher::<Number>().await.unwrap();
        assert!(is(&broker.options("numbers").await.unwrap()), "{option}");
        say(broker.create::<Number>()).await.unwrap();

        // Too late, where somebody publishes already.
        let broker = Broker::new();
        let _publisher = broker.publisher::<Number>().await.unwrap();
        let conflict = conflict(say(broker.create::<Number>()).await);
        assert_eq!(conflict.option, option);
        assert!(conflict.existing.ends_with("(the default)"), "{conflict}");
    }
    // It is in force, and can be said with the handle at once.
    let broker = Broker::new();
    let topic = broker.create::<Number>().max(1).overflow(Overflow::Reject).ttl(second);
    let numbers = topic.publisher().await.unwrap();
    numbers.publish(Number(1)).await.unwrap();
    assert!(numbers.publish(Number(2)).await.is_err());
    assert_eq!(topic.subscriber().await.unwrap().recv().await.unwrap().0, 1);
}

#[tokio::test]
async fn what_a_type_says_is_not_said_otherwise() {
    type Say = fn(TopicBuilder<'_, Job>) -> TopicBuilder<'_, Job>;
    let cases: [(&str, &str, &str, Say); 7] = [
        ("max", "7", "8", |topic| topic.max(8)),
        ("max_bytes", "1000", "1001", |topic| topic.max_bytes(1_001)),
        ("ttl", "60s", "61s", |topic| topic.ttl(Duration::from_secs(61))),
        ("overflow", "Wait", "Reject", |topic| topic.overflow(Overflow::Reject)),
        ("partitions", "2", "3", |topic| topic.partitions(3)),
        ("dedup", "30s", "31s", |topic| topic.dedup(Duration::from_secs(31))),
        ("retain", "UntilConsumed", "WithinLimits", |topic| topic.retain(Retain::WithinLimits)),
    ];
    let broker = Broker::new();
    for (option, own, other, say) in cases {
        let topic = say(broker.create::<Job>());
        for conflict in [
            conflict(topic.create().await),
            conflict(topic.publisher().await),
            conflict(topic.subscriber().await),
            conflict(topic.subscriber().group("work").await),
        ] {
            let seen = (conflict.option, &*conflict.existing, &*conflict.requested);
            assert_eq!(seen, (option, &*format!("{own}, as its type says"), other));
        }
        // Nothing came of it.
        assert!(broker.topics().await.unwrap().is_empty());
    }
    // The same is no other; and the last value counts.
    broker.create::<Job>().max(8).max(7).ttl(Duration::from_secs(60)).await.unwrap();
    assert_eq!(broker.options("jobs").await.unwrap().max_messages, 7);
}

#[tokio::test]
async fn what_is_not_possible_is_refused_with_a_type_too() {
    let broker = Broker::new();
    match broker.create::<Number>().max(0).await {
        Err(OpenError::Option { option: "max", .. }) => {}
        other => panic!("{other:?}"),
    }
    // Dead letters have a topic of their own, of which this says nothing.
    let topic = broker.create::<Number>().max(3);
    topic.publisher().await.unwrap().publish(Number(1)).await.unwrap();
    let mut work = topic.subscriber().group("work").await.unwrap();
    work.recv().await.unwrap().reject("no");
    topic.dead_letters("work").subscriber().await.unwrap().recv().await.unwrap();
    let dead = broker.options("numbers.work.dead").await.unwrap();
    assert_eq!(dead.max_messages, TopicOptions::default().max_messages);
}

#[tokio::test]
async fn types_with_bytes_have_it_by_type_and_by_name() {
    let broker = Broker::new();
    broker.create::<Order>().max(9).await.unwrap();
    broker.topic("orders").max(9).compress(Compression::Gzip).await.unwrap();
    broker.publisher::<Order>().await.unwrap();
    let options = broker.options("orders").await.unwrap();
    assert_eq!((options.max_messages, options.compression), (9, Compression::Gzip));
    let conflict = conflict(broker.topic("orders").max(10).await);
    assert_eq!((&*conflict.existing, &*conflict.requested), ("9", "10"));
}

#[tokio::test]
async fn a_publisher_that_cannot_be_made_leaves_them_open() {
    let broker = Broker::new();
    let topic = broker.topic("log").compress(Compression::Zstd);
    topic.create().await.unwrap();
    assert!(matches!(topic.publisher().level(99).await, Err(OpenError::Option { .. })));
    broker.topic("log").max(7).create().await.unwrap();
    assert_eq!(broker.options("log").await.unwrap().max_messages, 7);
    topic.publisher().level(9).await.unwrap();
    let said = conflict(broker.topic("log").max_bytes(9).create().await);
    assert_eq!(said.option, "max_bytes");
}
