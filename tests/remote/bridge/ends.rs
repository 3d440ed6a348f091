//! How bridges end, and what is refused on opening.

use std::time::Duration;

use memq::{
    BridgeEnded, BridgeError, BridgeSide, Broker, Format, OpenError, PublishError, RecvError,
    bridge,
};

use super::{numbers, publish, published, reader, run, take};
use crate::common::Order;
use crate::loopback::Server;
use crate::numbers;

numbers!(Tick, "ticks");

#[tokio::test]
async fn a_closed_topic_is_shipped_to_its_end() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(4).broker();
    publish(&local, "jobs", numbers(0..1_000)).await;
    local.close("jobs").await.unwrap();
    let report = bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap().await;
    let report = report.unwrap();
    assert_eq!((report.ended, report.mirrors[0].mirrored), (BridgeEnded::Closed, 1_000));
    assert_eq!(take(&mut reader(&remote, "jobs").await, 1_000).await, numbers(0..1_000));
}

#[tokio::test]
async fn a_local_broker_that_goes_is_shipped_to_its_end() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(4).broker();
    let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
    publish(&local, "jobs", numbers(0..1_000)).await;
    drop(local);
    let report = mirror.task.await.unwrap().unwrap();
    assert_eq!((report.ended, report.mirrors[0].mirrored), (BridgeEnded::Closed, 1_000));
}

#[tokio::test]
async fn a_topic_that_is_deleted_where_it_is_read_ends_it() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(4).broker();
    let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
    publish(&local, "jobs", numbers(0..10)).await;
    mirror.until(|stats| stats.mirrored == 10).await;
    local.delete("jobs").await.unwrap();
    let handle = mirror.handle.clone();
    let error = mirror.fail().await;
    assert!(matches!(error, BridgeError::Receive { source: RecvError::Deleted, .. }), "{error:?}");
    assert_eq!(handle.report().ended, BridgeEnded::Failed);
    assert_eq!(published(&remote, "jobs").await, 10);
}

#[tokio::test]
async fn a_topic_that_is_deleted_where_messages_go_ends_it_and_leaves_no_group() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(4).broker();
    let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
    publish(&local, "jobs", numbers(0..10)).await;
    mirror.until(|stats| stats.lag == 0 && stats.mirrored == 10).await;
    remote.delete("jobs").await.unwrap();
    publish(&local, "jobs", numbers(10..20)).await;
    let error = mirror.fail().await;
    let deleted = |error: &BridgeError| {
        matches!(error, BridgeError::Publish { source: PublishError::Deleted(()), .. })
    };
    assert!(deleted(&error), "{error:?}");
    assert_eq!(local.stats("jobs").await.unwrap().groups.len(), 0);
}

#[tokio::test]
async fn a_topic_that_is_closed_where_messages_go_ends_it() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(4).broker();
    let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
    remote.close("jobs").await.unwrap();
    publish(&local, "jobs", numbers(0..10)).await;
    let error = mirror.fail().await;
    let closed = |error: &BridgeError| {
        matches!(error, BridgeError::Publish { source: PublishError::Closed(()), .. })
    };
    assert!(closed(&error), "{error:?}");
    assert!(error.to_string().contains("offset 0"));
}

#[tokio::test]
async fn a_group_that_is_deleted_ends_it() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(4).broker();
    let named = bridge(&local, &remote).name("ship").topic_named("jobs").mirror_out();
    let mirror = run(named.await.unwrap());
    local.delete_group("jobs", "memq-bridge-ship").await.unwrap();
    publish(&local, "jobs", numbers(0..10)).await;
    let error = mirror.fail().await;
    assert!(matches!(error, BridgeError::Position { .. }), "{error:?}");
}

#[tokio::test]
async fn one_that_never_ran_is_shut_down_at_once() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(4).broker();
    publish(&local, "jobs", numbers(0..10)).await;
    let mirror = bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap();
    let handle = mirror.handle();
    assert_eq!(handle.shutdown(Duration::MAX).await.ended, BridgeEnded::Drained);
    assert_eq!(mirror.await.unwrap().mirrors[0].mirrored, 0);
    let mirror = bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap();
    let handle = mirror.handle();
    drop(mirror);
    assert_eq!(handle.report().ended, BridgeEnded::Dropped);
}

#[tokio::test]
async fn what_is_not_stored_by_the_deadline_is_for_the_next() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(4).broker();
    remote.topic("jobs").max(5).overflow(memq::Overflow::Wait).create().await.unwrap();
    publish(&local, "jobs", numbers(0..50)).await;
    let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
    mirror.until(|stats| stats.mirrored == 5).await;
    let report = mirror.handle.shutdown(Duration::from_millis(1)).await;
    assert_eq!((report.ended, report.mirrors[0].position.0), (BridgeEnded::DeadlinePassed, 5));
    assert_eq!(mirror.task.await.unwrap().unwrap(), report);
}

#[tokio::test]
async fn what_cannot_be_is_refused_on_opening() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(4).broker();
    let refused = async |builder: memq::BridgeBuilder| builder.await.unwrap_err();
    assert!(matches!(refused(bridge(&local, &remote)).await, BridgeError::Empty));
    let jobs = || bridge(&local, &remote).topic_named("jobs");
    let none = refused(jobs().window(0).mirror_out()).await;
    assert!(matches!(none, BridgeError::Window { topic } if topic == "jobs"));
    let twice = refused(jobs().mirror_both().topic_named("jobs").mirror_in()).await;
    assert!(matches!(twice, BridgeError::Twice { .. }));
    let same = refused(bridge(&local, &local.clone()).topic_named("jobs").mirror_out()).await;
    assert!(matches!(same, BridgeError::SameTopic { .. }));
    let other = server.connect(4).broker();
    let same = refused(bridge(&remote, &other).topic_named("jobs").mirror_out()).await;
    assert!(matches!(same, BridgeError::SameTopic { .. }));
    let name = refused(bridge(&local, &remote).topic_named("a/b").mirror_out()).await;
    assert!(matches!(name, BridgeError::TopicName(_)));
    local.publisher::<Tick>().await.unwrap().publish(Tick(1)).await.unwrap();
    let native = refused(bridge(&local, &remote).topic_named("ticks").mirror_out()).await;
    let is_native = |error: &BridgeError| {
        matches!(
            error,
            BridgeError::Open { side: BridgeSide::Local, source: OpenError::Native { .. }, .. }
        )
    };
    assert!(is_native(&native), "{native:?}");
}

#[tokio::test]
async fn a_bridge_has_a_name_of_its_own_kind() {
    let (local, remote) = (Broker::new(), Broker::new());
    let named = |name: String| bridge(&local, &remote).topic_named("jobs").mirror_out().name(name);
    for bad in ["two words".into(), String::new(), "a.b".into(), "x".repeat(89)] {
        let error = named(bad.clone()).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, BridgeError::Name { name } if name == bad), "{text}");
        assert!(text.contains("name of a bridge: use 1 to 88 characters"), "{text}");
    }
    drop(named("x".repeat(88)).await.unwrap());
}

#[tokio::test]
async fn what_cannot_be_opened_says_on_which_broker() {
    let text = |error: BridgeError| format!("{:?}", memq::Error::from(error));
    for (side, at) in ["local", "remote"].into_iter().zip([0, 1]) {
        let brokers = [Broker::new(), Broker::new()];
        brokers[at].topic("orders").format(Format::MessagePack).create().await.unwrap();
        let [local, remote] = &brokers;
        let out = text(bridge(local, remote).topic::<Order>().mirror_out().await.unwrap_err());
        let back = text(bridge(local, remote).topic::<Order>().mirror_in().await.unwrap_err());
        assert_eq!(out, back);
        let begin = format!("a topic could not be opened on the {side} broker: topic \"orders\"");
        assert!(out.starts_with(&begin), "{out}");
    }
}
