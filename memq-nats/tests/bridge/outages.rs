//! What bridges do while the server is away, or the way to it.

use std::sync::Arc;

use memq::{Broker, Overflow};
use memq_nats::bridge;
use memq_nats_server::{Proxy, Server};

use super::{jobs, numbers, publish, published, reader, run, take};
use crate::support::{each, texts, to};

async fn kill_and_restart(server: &Arc<Server>) {
    let server = server.clone();
    let restart = move || {
        server.kill9();
        server.restart().unwrap();
    };
    tokio::task::spawn_blocking(restart).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_server_under_what_goes_out_loses_and_doubles_nothing() {
    each(async |server| {
        let (local, remote) = (Broker::new(), to(&server.url()).await.unwrap());
        jobs(&local).await;
        jobs(&remote).await;
        let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
        tokio::spawn(publish(&local, 0..12_000));
        for part in 1..=3 {
            mirror.until(|stats| stats.mirrored >= part * 3_000).await;
            kill_and_restart(&server).await;
        }
        mirror.until(|stats| stats.mirrored == 12_000).await;
        let report = mirror.shut_down().await;
        assert_eq!((report.mirrors[0].lost, report.mirrors[0].position.0), (0, 12_000));
        assert_eq!(texts(&server, "memq-jobs").await, numbers(0..12_000));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_server_under_what_comes_in_loses_and_doubles_nothing() {
    each(async |server| {
        let (local, remote) = (Broker::new(), to(&server.url()).await.unwrap());
        jobs(&local).await;
        jobs(&remote).await;
        let named = bridge(&local, &remote).name("shop").topic_named("jobs").mirror_in();
        let mirror = run(named.await.unwrap());
        let publishing = tokio::spawn(publish(&remote, 0..12_000));
        for part in 1..=3 {
            mirror.until(|stats| stats.mirrored >= part * 3_000).await;
            kill_and_restart(&server).await;
        }
        assert_eq!(take(&mut reader(&local).await, 12_000).await, numbers(0..12_000));
        publishing.await.unwrap();
        assert_eq!(mirror.shut_down().await.mirrors[0].mirrored, 12_000);
        assert_eq!(published(&local).await, 12_000);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bridges_that_are_killed_with_their_connection_double_nothing() {
    each(async |server| {
        let proxy = Proxy::to(server.addr()).unwrap();
        let local = Broker::new();
        jobs(&local).await;
        jobs(&to(&server.url()).await.unwrap()).await;
        for round in 1..=8 {
            let remote = to(&proxy.url()).await.unwrap();
            let mirror =
                run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
            tokio::spawn(publish(&local, (round - 1) * 500..round * 500)).await.unwrap();
            mirror.until(|stats| stats.mirrored >= 100).await;
            // What was sent is stored, and what the server says of it does not arrive.
            proxy.hold();
            proxy.cut();
            mirror.kill().await;
            drop(remote);
            proxy.resume();
        }
        let remote = to(&server.url()).await.unwrap();
        let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
        assert_eq!(take(&mut reader(&remote).await, 4_000).await, numbers(0..4_000));
        mirror.until(|stats| stats.lag == 0).await;
        mirror.shut_down().await;
        assert_eq!(published(&remote).await, 4_000);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_away_memory_is_bounded_and_loss_is_told() {
    each(async |server| {
        let proxy = Proxy::to(server.addr()).unwrap();
        let (local, remote) = (Broker::new(), to(&proxy.url()).await.unwrap());
        local.topic("jobs").max(1_000).create().await.unwrap();
        let mirror = bridge(&local, &remote).topic_named("jobs").window(50).mirror_out();
        let mirror = run(mirror.await.unwrap());
        publish(&local, 0..100).await;
        mirror.until(|stats| stats.mirrored == 100).await;
        proxy.cut();
        publish(&local, 100..3_000).await;
        mirror.until(|stats| stats.in_flight == 50).await;
        // What is on its way, and what the topic keeps.
        let stats = mirror.handle.report().mirrors[0].clone();
        assert!(stats.mirrored + stats.in_flight <= 150, "{stats:?}");
        proxy.resume();
        mirror.until(|stats| stats.mirrored + stats.lost == 3_000).await;
        let report = mirror.shut_down().await;
        let (mirrored, lost) = (report.mirrors[0].mirrored, report.mirrors[0].lost);
        assert!(lost >= 1_800, "{report:?}");
        let copies = texts(&server, "memq-jobs").await;
        assert_eq!(copies.len() as u64, mirrored);
        assert_eq!(copies[copies.len() - 1_000..], numbers(2_000..3_000));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_away_a_topic_that_waits_holds_up_its_publishers() {
    each(async |server| {
        let proxy = Proxy::to(server.addr()).unwrap();
        let (local, remote) = (Broker::new(), to(&proxy.url()).await.unwrap());
        jobs(&remote).await;
        local.topic("jobs").max(100).overflow(Overflow::Wait).create().await.unwrap();
        let mirror = bridge(&local, &remote).topic_named("jobs").window(50).mirror_out();
        let mirror = run(mirror.await.unwrap());
        proxy.cut();
        let publishing = tokio::spawn(publish(&local, 0..3_000));
        mirror.until(|stats| stats.lag >= 100).await;
        assert!(published(&local).await <= 200 && !publishing.is_finished());
        proxy.resume();
        publishing.await.unwrap();
        mirror.until(|stats| stats.mirrored == 3_000).await;
        assert_eq!(mirror.shut_down().await.mirrors[0].lost, 0);
        assert_eq!(texts(&server, "memq-jobs").await, numbers(0..3_000));
    })
    .await;
}
