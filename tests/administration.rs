//! Topics created ahead, listed, described, closed and deleted; and what conflicts.

use crate::common;

use std::future::IntoFuture;
use std::time::Duration;

use common::{Bell, Order, on_both_runtimes, poll_with, spawn};
use memq::codec::{Json, Native};
use memq::{
    AdminError, Broker, Compression, DEFAULT_MAX_BYTES, DEFAULT_MAX_MESSAGES, Error, Format,
    LagReason, Offset, OpenError, Overflow, PublishError, RecvError, Retain, SeekError, Start,
    Topic, TopicConflict, TopicSpec,
};
use serde::{Deserialize, Serialize};

numbers!(Number, "numbers", max_messages(7), ttl(Duration::from_secs(60)));
numbers!(Other, "numbers");

numbers!(
    Job,
    "jobs",
    partitions(8),
    dedup(Duration::from_secs(120)),
    retain(Retain::UntilConsumed)
);

/// Another type than `Order`, under its name.
#[derive(Debug, Serialize, Deserialize)]
struct Impostor(u8);

impl Topic for Impostor {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new("orders");
}

/// A native one under the same name.
#[derive(Debug)]
struct Shared;

impl Topic for Shared {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("orders");
}

fn conflict<T: std::fmt::Debug>(opened: Result<T, OpenError>) -> TopicConflict {
    match opened {
        Err(OpenError::Conflict(conflict)) => conflict,
        other => panic!("{other:?}"),
    }
}

fn not_found(topic: &str) -> AdminError {
    AdminError::NotFound { topic: topic.into() }
}

#[tokio::test]
async fn a_topic_is_created_ahead_with_what_its_type_says() {
    let broker = Broker::new();
    broker.create::<Number>().await.unwrap();
    let options = broker.options("numbers").await.unwrap();
    assert_eq!((options.format, options.max_messages), (Format::Native, 7));
    assert_eq!(options.ttl, Some(Duration::from_secs(60)));
    assert_eq!(options.max_bytes, DEFAULT_MAX_BYTES);
    assert_eq!(options.overflow, Overflow::DropOldest);
    // Again with the same is the same topic.
    broker.create::<Number>().await.unwrap();
    broker.publisher::<Number>().await.unwrap().publish(Number(1)).await.unwrap();
    broker.create::<Number>().await.unwrap();
    assert_eq!(broker.stats("numbers").await.unwrap().published, 1);
}

#[tokio::test]
async fn topics_are_listed_sorted() {
    let broker = Broker::new();
    assert!(broker.topics().await.unwrap().is_empty());
    for name in ["b", "a.2", "c", "a.1"] {
        broker.topic(name).await.unwrap();
    }
    let names: Vec<_> = broker.topics().await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["a.1", "a.2", "b", "c"]);
    // Two brokers share nothing.
    assert!(Broker::new().topics().await.unwrap().is_empty());
}

#[tokio::test]
async fn whoever_says_no_options_takes_those_there_are() {
    let broker = Broker::new();
    broker.topic("orders").max(5).overflow(Overflow::Reject).await.unwrap();
    broker.publisher::<Order>().await.unwrap();
    broker.topic("orders").await.unwrap();
    let options = broker.options("orders").await.unwrap();
    assert_eq!((options.max_messages, options.overflow), (5, Overflow::Reject));
    assert_eq!(options.format, Format::Json, "the type that came later says the format");
    let defaults = Broker::new();
    defaults.topic("x").await.unwrap();
    assert_eq!(defaults.options("x").await.unwrap().max_messages, DEFAULT_MAX_MESSAGES);
}

#[tokio::test]
async fn each_option_that_differs_is_named_with_both_values() {
    let broker = Broker::new();
    let minute = Duration::from_secs(60);
    let log = || broker.topic("log");
    let said = log().max(5).max_bytes(999).ttl(minute).overflow(Overflow::Wait);
    said.publisher().await.unwrap().publish_bytes("first").await.unwrap();
    let cases = [
        (log().max(6), "max", "5", "6"),
        (log().max_bytes(1_000), "max_bytes", "999", "1000"),
        (log().ttl(minute * 2), "ttl", "60s", "120s"),
        (log().overflow(Overflow::Reject), "overflow", "Wait", "Reject"),
        (log().compress(Compression::Gzip), "compress", "None", "Gzip"),
    ];
    for (builder, option, existing, requested) in cases {
        let conflict = conflict(builder.await);
        assert_eq!((&*conflict.topic, conflict.option), ("log", option));
        assert!(conflict.existing.contains(existing), "{conflict}");
        assert!(conflict.requested.contains(requested), "{conflict}");
        let text = conflict.to_string();
        assert!(text.contains(existing) && text.contains(requested), "{text}");
    }
    // The same again does not conflict, and nothing was changed.
    log().max(5).max_bytes(999).ttl(minute).overflow(Overflow::Wait).await.unwrap();
    assert_eq!(broker.options("log").await.unwrap().max_messages, 5);
}

#[tokio::test]
async fn partitions_dedup_and_retain_are_shown_and_compared_as_the_others() {
    let broker = Broker::new();
    let minute = Duration::from_secs(60);
    let jobs = || broker.topic("jobs");
    jobs().await.unwrap();
    let options = broker.options("jobs").await.unwrap();
    assert_eq!((options.partitions, options.dedup), (1, None));
    assert_eq!(options.retain, Retain::WithinLimits);

    // Each can be said by somebody else.
    jobs().partitions(8).await.unwrap();
    jobs().dedup(minute).await.unwrap();
    jobs().retain(Retain::UntilConsumed).await.unwrap();
    let options = broker.options("jobs").await.unwrap();
    assert_eq!((options.partitions, options.dedup), (8, Some(minute)));
    assert_eq!(options.retain, Retain::UntilConsumed);
    jobs().partitions(8).dedup(minute).retain(Retain::UntilConsumed).await.unwrap();

    let cases = [
        (jobs().partitions(9), "partitions", "8", "9"),
        (jobs().dedup(minute * 2), "dedup", "60s", "120s"),
        (jobs().retain(Retain::WithinLimits), "retain", "UntilConsumed", "WithinLimits"),
    ];
    for (builder, option, existing, requested) in cases {
        let conflict = conflict(builder.await);
        assert_eq!((&*conflict.topic, conflict.option), ("jobs", option));
        assert_eq!((&*conflict.existing, &*conflict.requested), (existing, requested));
    }
    assert_eq!(broker.options("jobs").await.unwrap(), options);
}

#[tokio::test]
async fn defaults_of_partitions_dedup_and_retain_hold_once_there_is_a_publisher() {
    let broker = Broker::new();
    let log = || broker.topic("log");
    log().publisher().await.unwrap();
    // Who says the default says nothing new.
    log().partitions(1).retain(Retain::WithinLimits).await.unwrap();
    let cases = [
        (log().partitions(2), "partitions", "1 (the default)", "2"),
        (log().dedup(Duration::from_millis(250)), "dedup", "none (the default)", "250ms"),
        (
            log().retain(Retain::UntilConsumed),
            "retain",
            "WithinLimits (the default)",
            "UntilConsumed",
        ),
    ];
    for (builder, option, existing, requested) in cases {
        let conflict = conflict(builder.await);
        assert_eq!(conflict.option, option);
        assert_eq!((&*conflict.existing, &*conflict.requested), (existing, requested));
    }
}

#[tokio::test]
async fn a_type_says_partitions_dedup_and_retain() {
    let broker = Broker::new();
    broker.create::<Job>().await.unwrap();
    let options = broker.options("jobs").await.unwrap();
    assert_eq!((options.partitions, options.dedup), (8, Some(Duration::from_secs(120))));
    assert_eq!(options.retain, Retain::UntilConsumed);
}

#[tokio::test]
async fn impossible_options_are_refused_with_a_remedy_and_create_nothing() {
    let broker = Broker::new();
    let log = || broker.topic("log");
    for (builder, refused, shown, says) in [
        (log().max(0), "max", "0", "at least one message"),
        (log().max_bytes(0), "max_bytes", "0", "at least one byte"),
        (log().ttl(Duration::ZERO), "ttl", "0s", "longer than zero"),
        (log().partitions(0), "partitions", "0", "at least one partition"),
        (log().dedup(Duration::ZERO), "dedup", "0s", "longer than zero"),
    ] {
        match builder.await {
            Err(OpenError::Option { topic, option, value, remedy }) => {
                assert_eq!((&*topic, option, &*value), ("log", refused, shown));
                assert!(remedy.contains(says), "{remedy}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(broker.topics().await.unwrap().is_empty());
}

#[test]
#[should_panic(expected = "at least one partition")]
fn a_spec_has_a_partition() {
    let _ = TopicSpec::new("x").partitions(0);
}

#[test]
#[should_panic(expected = "longer than zero")]
fn a_spec_remembers_ids_for_some_time() {
    let _ = TopicSpec::new("x").dedup(Duration::ZERO);
}

#[tokio::test]
async fn what_nobody_has_said_can_be_said_until_there_is_a_publisher() {
    let broker = Broker::new();
    let minute = Duration::from_secs(60);
    // A reader by name that comes first decides nothing.
    let mut reader = broker.topic("log").subscriber().await.unwrap();
    broker.topic("log").ttl(minute).await.unwrap();
    let wait = broker.topic("log").max(2).overflow(Overflow::Wait);
    let writer = wait.publisher().await.unwrap();
    let options = broker.options("log").await.unwrap();
    assert_eq!((options.max_messages, options.ttl), (2, Some(minute)));
    assert_eq!(options.overflow, Overflow::Wait);
    // What was said stays, also before the first message, and a conflict changes nothing.
    let early = conflict(broker.topic("log").max(3).max_bytes(7).await);
    assert_eq!((early.option, &*early.existing), ("max", "2"));
    assert_eq!(broker.options("log").await.unwrap().max_bytes, DEFAULT_MAX_BYTES);

    // They hold: the third message waits for the reader.
    writer.publish_bytes("first").await.unwrap();
    writer.publish_bytes("second").await.unwrap();
    let bell = Bell::new();
    let mut third = writer.publish_bytes("third").into_future();
    assert!(poll_with(&bell, &mut third).is_pending());
    reader.recv().await.unwrap();
    assert!(poll_with(&bell, &mut third).is_ready());

    // Now a default is what the messages were published under.
    let late = conflict(broker.topic("log").max_bytes(1_000).await);
    assert_eq!((late.option, &*late.existing), ("max_bytes", "268435456 (the default)"));
}

#[tokio::test]
async fn two_types_under_one_name_conflict_and_both_are_named() {
    let broker = Broker::new();
    broker.publisher::<Order>().await.unwrap();
    for conflict in [
        conflict(broker.publisher::<Impostor>().await),
        conflict(broker.subscriber::<Impostor>().await),
        conflict(broker.subscriber::<Shared>().await),
    ] {
        assert_eq!(conflict.option, "type");
        assert!(conflict.existing.ends_with("Order"), "{conflict}");
    }
    let broker = Broker::new();
    broker.publisher::<Number>().await.unwrap();
    let conflict = conflict(broker.publisher::<Other>().await);
    assert!(conflict.existing.ends_with("Number") && conflict.requested.ends_with("Other"));
}

#[tokio::test]
async fn a_native_topic_has_no_bytes() {
    let broker = Broker::new();
    broker.create::<Number>().await.unwrap();
    assert!(matches!(
        broker.topic("numbers").subscriber().await,
        Err(OpenError::Native { topic }) if topic == "numbers"
    ));
    assert!(broker.topic("numbers").publisher().await.is_err());
    // And a topic of bytes is not native.
    broker.topic("orders").await.unwrap();
    assert_eq!(conflict(broker.publisher::<Shared>().await).option, "format");
    broker.publisher::<Order>().await.unwrap();
}

#[test]
fn the_first_of_many_types_that_come_at_once_has_the_topic() {
    on_both_runtimes(|| async {
        for _ in 0..100 {
            let broker = Broker::new();
            let (one, other) = (broker.clone(), broker.clone());
            let order = spawn(async move { one.publisher::<Order>().await.map(drop) });
            let impostor = spawn(async move { other.publisher::<Impostor>().await.map(drop) });
            let (order, impostor) = (order.await.unwrap(), impostor.await.unwrap());
            assert!(order.is_ok() != impostor.is_ok(), "{order:?} {impostor:?}");
        }
    });
}

#[tokio::test]
async fn bad_names_are_refused_when_the_topic_is_opened() {
    let broker = Broker::new();
    for name in ["", "a/b", "a..b", ".a", "a b", "ä"] {
        assert!(matches!(broker.topic(name).await, Err(OpenError::Name(_))), "{name}");
    }
    assert!(broker.topics().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let broker = Broker::new();
    assert_eq!(broker.options("x").await, Err(not_found("x")));
    assert_eq!(broker.stats("x").await, Err(not_found("x")));
    assert_eq!(broker.close("x").await, Err(not_found("x")));
    assert_eq!(broker.delete("x").await, Err(not_found("x")));
    broker.topic("x").await.unwrap();
    broker.delete("x").await.unwrap();
    assert_eq!(broker.delete("x").await, Err(not_found("x")));
    let error: Error = broker.stats("x").await.unwrap_err().into();
    assert!(error.to_string().contains("\"x\""), "{error}");
}

#[tokio::test]
async fn statistics_show_what_each_did() {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    let mut all = broker.subscriber::<Order>().await.unwrap();
    let mut some =
        broker.subscriber::<Order>().filter(|order: &Order| order.customer > 2).await.unwrap();
    orders.publish_batch((0..5).map(|n| Order::new(n, "tea"))).await.unwrap();
    let late = broker.subscriber::<Order>().from(Start::Latest).await.unwrap();
    all.recv().await.unwrap();
    some.recv().await.unwrap();

    let stats = broker.stats("orders").await.unwrap();
    assert_eq!((stats.published, stats.depth, stats.next), (5, 5, Offset(5)));
    assert_eq!((stats.earliest, stats.latest), (Some(Offset(0)), Some(Offset(4))));
    assert!(stats.bytes > 5 * 27);
    let ids: Vec<_> = stats.subscribers.iter().map(|reader| reader.id).collect();
    assert_eq!(ids, [0, 1, 2]);
    assert_eq!(stats.subscribers[0], all.stats());
    assert_eq!(stats.subscribers[2], late.stats());
    let some = &stats.subscribers[1];
    assert_eq!((some.delivered, some.filtered, some.lag, some.position), (1, 3, 1, Offset(4)));
    let late = &stats.subscribers[2];
    assert_eq!((late.since_start, late.lag), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_latest_reader_of_an_emptied_topic_has_no_lag() {
    let broker = Broker::new();
    let log = broker.topic("log").ttl(Duration::from_secs(1));
    log.publisher().await.unwrap().publish_bytes("x").await.unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    let reader = log.subscriber().from(Start::Latest).await.unwrap();
    assert_eq!((reader.stats().lag, reader.stats().since_start), (0, 0));
    let mut early = log.subscriber().await.unwrap();
    assert_eq!((early.stats().lag, early.position()), (0, Offset(1)));
    assert!(early.try_recv().unwrap().is_none());
}

#[tokio::test]
async fn a_closed_topic_stays_until_it_is_deleted() {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    let mut stream = broker.subscriber::<Order>().await.unwrap();
    orders.publish(Order::new(1, "tea")).await.unwrap();
    broker.close("orders").await.unwrap();
    broker.close("orders").await.unwrap();
    let late = broker.publisher::<Order>().await.unwrap();
    match late.publish_batch([Order::new(2, "tea")]).await {
        Err(error) => assert!(matches!(*error.reason, PublishError::Closed(()))),
        other => panic!("{other:?}"),
    }
    assert!(matches!(late.reserve().await, Err(PublishError::Closed(()))));
    assert!(stream.next().await.unwrap().is_ok());
    assert!(stream.next().await.is_none() && stream.next().await.is_none());
    assert!(matches!(stream.try_recv(), Err(RecvError::Closed)));
    assert!(matches!(stream.recv_batch(3).await, Err(RecvError::Closed)));
    // What is kept can be read again, also by who comes now.
    stream.seek(Start::Earliest).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    let mut late = broker.subscriber::<Order>().await.unwrap();
    assert_eq!(late.recv().await.unwrap().customer, 1);
    broker.delete("orders").await.unwrap();
    assert!(matches!(late.recv().await, Err(RecvError::Deleted)));
}

#[tokio::test]
async fn a_deleted_topic_ends_its_streams_and_begins_anew_when_opened() {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    let mut stream = broker.subscriber::<Order>().await.unwrap();
    let mut parked = broker.subscriber::<Order>().await.unwrap();
    let bell = Bell::new();
    assert!(poll_with(&bell, &mut Box::pin(parked.recv())).is_pending());
    orders.publish(Order::new(1, "tea")).await.unwrap();
    orders.publish(Order::new(2, "tea")).await.unwrap();
    // One has received something, and is told all the same.
    assert!(stream.next().await.unwrap().is_ok());
    broker.delete("orders").await.unwrap();
    assert!(matches!(stream.next().await, Some(Err(RecvError::Deleted))));
    assert!(stream.next().await.is_none());
    assert!(matches!(parked.try_recv(), Err(RecvError::Deleted)));
    assert_eq!(parked.seek(Start::Earliest).await, Err(SeekError::Deleted));
    assert!(bell.rings() > 0);

    // Another type may have the name now.
    let again = broker.publisher::<Impostor>().await.unwrap();
    assert_eq!(again.publish(Impostor(1)).await.unwrap(), Offset(0));
    assert_eq!(broker.stats("orders").await.unwrap().subscribers.len(), 0);
}

#[tokio::test]
async fn a_start_or_seek_beyond_the_end_is_refused_with_both_offsets() {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    orders.publish(Order::new(1, "tea")).await.unwrap();
    match broker.subscriber::<Order>().from(Offset(2)).await {
        Err(OpenError::BeyondEnd { requested: Offset(2), end: Offset(1), .. }) => {}
        other => panic!("{other:?}"),
    }
    let mut reader = broker.subscriber::<Order>().from(Offset(1)).await.unwrap();
    let beyond = SeekError::BeyondEnd { requested: Offset(u64::MAX), end: Offset(1) };
    assert_eq!(reader.seek(Offset(u64::MAX)).await, Err(beyond));
    assert_eq!(reader.position(), Offset(1));
}

#[tokio::test]
async fn two_brokers_share_no_options() {
    let (one, other) = (Broker::new(), Broker::new());
    one.topic("log").max(1).await.unwrap();
    other.topic("log").max(2).overflow(Overflow::Reject).await.unwrap();
    assert_eq!(one.options("log").await.unwrap().max_messages, 1);
    assert_eq!(other.options("log").await.unwrap().max_messages, 2);
    assert_eq!(one.options("log").await.unwrap().overflow, Overflow::DropOldest);
}

/// Publishing first and subscribing later is the order of every first program.
#[tokio::test]
async fn what_was_published_before_the_first_subscriber_came_is_received() {
    let broker = Broker::new();
    broker.publisher::<Order>().await.unwrap().publish(Order::new(1, "tea")).await.unwrap();
    let mut incoming = broker.subscriber::<Order>().await.unwrap();
    assert_eq!(incoming.recv().await.unwrap().customer, 1);
}

#[tokio::test(start_paused = true)]
async fn statistics_show_the_last_message_that_was_dropped() {
    let broker = Broker::new();
    let topic = broker.topic("log").max(2).ttl(Duration::from_secs(60));
    let writer = topic.publisher().await.unwrap();
    let last = async || {
        let last = broker.stats("log").await.unwrap().last_drop;
        last.map(|last| (last.offset, last.reason))
    };
    writer.publish_bytes("a").await.unwrap();
    assert_eq!(last().await, None);
    for _ in 0..4 {
        writer.publish_bytes("a").await.unwrap();
    }
    assert_eq!(last().await, Some((Offset(2), LagReason::MaxMessages)));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(last().await, Some((Offset(4), LagReason::Expired)));
}
