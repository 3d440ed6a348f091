//! Answers that are lost, and sides that are full, slow or too small.

use std::time::Duration;

use memq::{BridgeError, Broker, Overflow, PublishError, Record, bridge};

use super::{numbers, publish, published, reader, run, take};
use crate::loopback::Server;

#[tokio::test]
async fn what_is_sent_again_is_stored_once_and_in_order() {
    let (local, server) = (Broker::new(), Server::start());
    let connection = server.connect(16);
    let remote = connection.broker();
    remote.topic("jobs").dedup(Duration::from_secs(600)).create().await.unwrap();
    let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
    for round in 0..10 {
        connection.lose(5);
        publish(&local, "jobs", numbers(round * 100..round * 100 + 100)).await;
        mirror.until(|stats| stats.mirrored == round * 100 + 100).await;
    }
    let report = mirror.shut_down().await;
    assert!(report.mirrors[0].retried >= 50, "{report:?}");
    assert_eq!(published(&remote, "jobs").await, 1_000);
    assert_eq!(take(&mut reader(&remote, "jobs").await, 1_000).await, numbers(0..1_000));
}

#[tokio::test]
async fn what_the_local_topic_drops_unread_is_told() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(16).broker();
    let publisher = local.topic("jobs").max(10).publisher().await.unwrap();
    // It is open, and does not run yet.
    let mirror = bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap();
    publisher.publish_batch(numbers(0..100).into_iter().map(Record::new)).await.unwrap();
    let mirror = run(mirror);
    assert_eq!(take(&mut reader(&remote, "jobs").await, 10).await, numbers(90..100));
    let report = mirror.shut_down().await;
    assert_eq!((report.mirrors[0].lost, report.mirrors[0].mirrored), (90, 10));
}

#[tokio::test]
async fn a_slow_side_is_waited_for_with_a_window_of_messages() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(16).broker();
    remote.topic("jobs").max(5).overflow(Overflow::Wait).create().await.unwrap();
    let jobs = local.topic("jobs").max(50).overflow(Overflow::Wait);
    let publisher = jobs.publisher().await.unwrap();
    let mirror = bridge(&local, &remote).topic_named("jobs").window(10).mirror_out();
    let mirror = run(mirror.await.unwrap());
    let feeding = tokio::spawn(async move {
        publisher.publish_batch(numbers(0..500).into_iter().map(Record::new)).await.unwrap();
    });
    // What is stored there, on the way, and kept here is all there is.
    mirror.until(|stats| stats.in_flight == 10).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!feeding.is_finished());
    assert!(published(&local, "jobs").await <= 5 + 10 + 50);
    assert!(mirror.handle.report().mirrors[0].lag <= 60);

    assert_eq!(take(&mut reader(&remote, "jobs").await, 500).await, numbers(0..500));
    feeding.await.unwrap();
    let report = mirror.shut_down().await;
    assert_eq!((report.mirrors[0].lost, report.mirrors[0].mirrored), (0, 500));
}

#[tokio::test]
async fn a_full_side_that_rejects_is_tried_again() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(4).broker();
    remote.topic("jobs").max(5).overflow(Overflow::Reject).create().await.unwrap();
    publish(&local, "jobs", numbers(0..100)).await;
    let mirror = bridge(&local, &remote).topic_named("jobs").window(1).mirror_out();
    let mirror = run(mirror.await.unwrap());
    mirror.until(|stats| stats.retried > 1).await;
    assert_eq!(take(&mut reader(&remote, "jobs").await, 100).await, numbers(0..100));
    assert_eq!(mirror.shut_down().await.mirrors[0].mirrored, 100);
}

#[tokio::test]
async fn a_copy_in_memory_that_is_full_holds_up_what_comes_in() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(4).broker();
    local.topic("jobs").max(5).overflow(Overflow::Wait).create().await.unwrap();
    publish(&remote, "jobs", numbers(0..100)).await;
    let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_in().await.unwrap());
    mirror.until(|stats| stats.mirrored == 5).await;
    assert_eq!(take(&mut reader(&local, "jobs").await, 100).await, numbers(0..100));
    let report = mirror.shut_down().await;
    assert_eq!((report.mirrors[0].mirrored, report.mirrors[0].lost), (100, 0));
}

#[tokio::test]
async fn what_is_too_large_ends_it_or_is_passed_over_and_counted() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(4).broker();
    remote.topic("jobs").max_bytes(2_000).create().await.unwrap();
    let large = "x".repeat(5_000);
    publish(&local, "jobs", ["1".into(), large.clone(), "2".into()]).await;
    let strict = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
    match strict.fail().await {
        BridgeError::Publish { topic, offset, source: PublishError::TooLarge { .. } } => {
            assert_eq!((topic.as_str(), offset.0), ("jobs", 1));
        }
        other => panic!("{other:?}"),
    }
    let lenient = bridge(&local, &remote).topic_named("jobs").skip_refused().mirror_out();
    let lenient = run(lenient.await.unwrap());
    lenient.until(|stats| stats.lag == 0).await;
    let report = lenient.shut_down().await;
    assert_eq!((report.mirrors[0].refused, report.mirrors[0].position.0), (1, 3));
    let mut copies = reader(&remote, "jobs").await;
    assert_eq!(take(&mut copies, 1).await, ["1"]);
}

#[tokio::test]
async fn what_is_on_its_way_is_bounded_in_bytes_too() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(100).broker();
    remote.topic("jobs").max(1).overflow(Overflow::Wait).create().await.unwrap();
    let large = "x".repeat(4 << 20);
    publish(&local, "jobs", std::iter::repeat_n(large, 10)).await;
    let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
    // One is stored there.
    mirror.until(|stats| stats.mirrored == 1 && stats.in_flight >= 4).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(mirror.handle.report().mirrors[0].in_flight, 4);
    take(&mut reader(&remote, "jobs").await, 10).await;
    assert_eq!(mirror.shut_down().await.mirrors[0].mirrored, 10);
}

#[tokio::test]
async fn nothing_more_is_read_while_messages_are_refused() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(100).broker();
    remote.topic("jobs").max(5).overflow(Overflow::Reject).create().await.unwrap();
    publish(&local, "jobs", numbers(0..100)).await;
    let mirror = bridge(&local, &remote).topic_named("jobs").window(10).mirror_out();
    let mirror = run(mirror.await.unwrap());
    mirror.until(|stats| stats.retried > 0).await;
    let stats = &mirror.handle.report().mirrors[0];
    assert_eq!((stats.mirrored, stats.position.0), (5, 5));
    // Ten were read at most, and five of them are stored.
    assert!(stats.in_flight <= 5, "{stats:?}");
    take(&mut reader(&remote, "jobs").await, 100).await;
    assert_eq!(mirror.shut_down().await.mirrors[0].mirrored, 100);
}

#[tokio::test]
async fn a_topic_that_takes_nothing_more_is_not_a_message_to_pass_over() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(4).broker();
    let lenient = bridge(&local, &remote).topic_named("jobs").skip_refused().mirror_out();
    let lenient = run(lenient.await.unwrap());
    remote.close("jobs").await.unwrap();
    publish(&local, "jobs", numbers(0..3)).await;
    let handle = lenient.handle.clone();
    let error = lenient.fail().await;
    assert!(matches!(error, BridgeError::Publish { source: PublishError::Closed(()), .. }));
    let stats = &handle.report().mirrors[0];
    assert_eq!((stats.refused, stats.position.0), (0, 0));
}

#[tokio::test]
async fn outages_of_the_side_that_is_read_are_counted_and_passed() {
    let (local, server) = (Broker::new(), Server::start());
    let connection = server.connect(4);
    let remote = connection.broker();
    let mirror = bridge(&local, &remote).topic_named("jobs").mirror_in().await.unwrap();
    connection.go_away(3);
    let mirror = run(mirror);
    publish(&remote, "jobs", numbers(0..10)).await;
    assert_eq!(take(&mut reader(&local, "jobs").await, 10).await, numbers(0..10));
    let report = mirror.shut_down().await;
    assert_eq!((report.mirrors[0].outages, report.mirrors[0].mirrored), (3, 10));
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_at_the_end_is_passed_too() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(4).broker();
    local.topic("jobs").ttl(Duration::from_secs(1)).create().await.unwrap();
    let mirror = bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap();
    publish(&local, "jobs", numbers(0..10)).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mirror = run(mirror);
    mirror.until(|stats| stats.lost == 10).await;
    let report = mirror.shut_down().await;
    assert_eq!((report.mirrors[0].position.0, report.mirrors[0].lag), (10, 0));
}
