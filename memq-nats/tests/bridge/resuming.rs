//! Bridges that are opened again, by another process too.

use std::future::IntoFuture;

use memq::{BridgeEnded, BridgeError, Broker, PublishError, RecvError};
use memq_nats::bridge;

use super::{jobs, numbers, publish, published, reader, run, take};
use crate::support::{each, to};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_process_goes_on_by_the_name() {
    each(async |server| {
        for process in 0..3 {
            let (local, remote) = (Broker::new(), to(&server.url()).await.unwrap());
            jobs(&local).await;
            jobs(&remote).await;
            publish(&remote, process * 500..process * 500 + 500).await;
            let named = bridge(&local, &remote).name("shop").topic_named("jobs").mirror_in();
            let mirror = run(named.await.unwrap());
            let expected = numbers(process * 500..process * 500 + 500);
            assert_eq!(take(&mut reader(&local).await, 500).await, expected);
            let report = mirror.shut_down().await;
            assert_eq!((report.ended, report.mirrors[0].lost), (BridgeEnded::Drained, 0));
            assert_eq!(published(&local).await, 500);
            // How far it is, is there for everybody to see.
            let groups = remote.stats("jobs").await.unwrap().groups;
            assert_eq!((groups[0].name.as_str(), groups[0].lag), ("memq-bridge-shop", 0));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_name_the_next_process_makes_the_whole_copy() {
    each(async |server| {
        for process in 0..2 {
            let (local, remote) = (Broker::new(), to(&server.url()).await.unwrap());
            jobs(&remote).await;
            publish(&remote, process * 500..process * 500 + 500).await;
            for _ in 0..3 {
                // In one process it goes on.
                let mirror = bridge(&local, &remote).topic_named("jobs").mirror_in().await;
                let mirror = run(mirror.unwrap());
                take(&mut reader(&local).await, 100).await;
                mirror.kill().await;
            }
            let mirror =
                run(bridge(&local, &remote).topic_named("jobs").mirror_in().await.unwrap());
            let all = process * 500 + 500;
            let copies = take(&mut reader(&local).await, all as usize).await;
            assert_eq!(copies, numbers(0..all));
            mirror.shut_down().await;
            assert_eq!(published(&local).await, all);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_two_servers_nothing_is_doubled() {
    each(async |server| {
        let other = memq_nats_server::Server::start(server.binary()).unwrap();
        let (here, there) = (to(&server.url()).await.unwrap(), to(&other.url()).await.unwrap());
        jobs(&here).await;
        jobs(&there).await;
        for round in 1..=3 {
            let mirror =
                run(bridge(&here, &there).topic_named("jobs").mirror_both().await.unwrap());
            publish(&here, (round - 1) * 300..round * 300).await;
            mirror.until(|stats| stats.mirrored >= 50).await;
            mirror.kill().await;
        }
        let mirror = run(bridge(&here, &there).topic_named("jobs").mirror_both().await.unwrap());
        assert_eq!(take(&mut reader(&there).await, 900).await, numbers(0..900));
        mirror.shut_down().await;
        assert_eq!((published(&here).await, published(&there).await), (900, 900));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_deleted_there_ends_it() {
    each(async |server| {
        let (local, remote) = (Broker::new(), to(&server.url()).await.unwrap());
        let jobs = || bridge(&local, &remote).topic_named("jobs");
        let out = run(jobs().mirror_out().await.unwrap());
        publish(&local, 0..10).await;
        out.until(|stats| stats.mirrored == 10).await;
        let back = run(jobs().mirror_in().await.unwrap());
        remote.delete("jobs").await.unwrap();
        let ended = back.task.await.unwrap().unwrap_err();
        let deleted = |error: &BridgeError| {
            matches!(error, BridgeError::Receive { source: RecvError::Deleted, .. })
        };
        assert!(deleted(&ended), "{ended:?}");
        publish(&local, 10..20).await;
        let ended = out.task.await.unwrap().unwrap_err();
        let deleted = |error: &BridgeError| {
            matches!(error, BridgeError::Publish { source: PublishError::Deleted(()), .. })
        };
        assert!(deleted(&ended), "{ended:?}");
        // Only opening it again makes a new one, which gets all that is kept.
        let out = run(jobs().mirror_out().await.unwrap());
        assert_eq!(take(&mut reader(&remote).await, 20).await, numbers(0..20));
        out.shut_down().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_retention_took_between_two_bridges_is_counted_as_lost() {
    each(async |server| {
        let remote = to(&server.url()).await.unwrap();
        remote.topic("jobs").max(10).create().await.unwrap();
        publish(&remote, 0..1).await;
        // By its name in another process, and in this one also without.
        let local = Broker::new();
        let open = |local: &Broker, name: Option<&str>| {
            let builder = bridge(local, &remote);
            let builder = match name {
                Some(name) => builder.name(name),
                None => builder,
            };
            builder.topic_named("jobs").mirror_in().into_future()
        };
        for name in [Some("shop"), None] {
            let first = run(open(&local, name).await.unwrap());
            first.until(|stats| stats.mirrored == 1).await;
            first.shut_down().await;
        }
        publish(&remote, 1..101).await;
        let other = Broker::new();
        for (local, name) in [(&other, Some("shop")), (&local, None)] {
            let mirror = run(open(local, name).await.unwrap());
            mirror.until(|stats| stats.position.0 == 101).await;
            let stats = &mirror.shut_down().await.mirrors[0];
            assert_eq!((stats.mirrored, stats.lost), (10, 90), "{name:?}");
        }
    })
    .await;
}
