//! What readers do while the server is away, or the way to it.

use std::sync::Arc;
use std::time::Duration;

use memq::Start;
use memq_nats_server::{Proxy, Server};

use crate::kit::{end, is_deleted, is_unavailable, offsets, orders, publish_numbers, reader, take};
use crate::support::{connect, each, raw, to};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_lost_on_the_way_comes_also_where_nothing_follows_it() {
    each(async |server| {
        let proxy = Proxy::to(server.addr()).unwrap();
        let topic = orders(&connect(&server).await).await;
        let far = orders(&to(&proxy.url()).transport().await.unwrap()).await;
        let mut reader = reader(&far, Start::Earliest).await;
        publish_numbers(&topic, 1).await;
        take(&mut reader, 1).await;
        for n in 0..5 {
            // The server sends it, and it does not arrive.
            proxy.hold();
            publish_numbers(&topic, 1).await;
            proxy.cut();
            proxy.resume();
            assert_eq!(offsets(&take(&mut reader, 1).await), [n + 1]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_loses_everything_is_noticed() {
    each(async |server| {
        let proxy = Proxy::to(server.addr()).unwrap();
        let topic = orders(&connect(&server).await).await;
        let far = to(&proxy.url()).give_up_after(Duration::from_millis(100));
        let far = orders(&far.transport().await.unwrap()).await;
        let mut reader = reader(&far, Start::Earliest).await;
        proxy.hold();
        publish_numbers(&topic, 3).await;
        assert!(is_unavailable(&end(&mut reader).await));
        proxy.resume();
        assert_eq!(offsets(&take(&mut reader, 3).await), [0, 1, 2]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_told_once_and_reading_goes_on_where_it_was() {
    each(async |server| {
        let topic = orders(&connect(&server).await).await;
        publish_numbers(&topic, 3).await;
        let brief = to(&server.url()).give_up_after(Duration::from_millis(200));
        let far = orders(&brief.transport().await.unwrap()).await;
        let mut reader = reader(&far, Start::Earliest).await;
        take(&mut reader, 3).await;
        for round in 0..2 {
            let stopped = server.clone();
            tokio::task::spawn_blocking(move || stopped.kill9()).await.unwrap();
            assert!(is_unavailable(&end(&mut reader).await));
            let started = server.clone();
            tokio::task::spawn_blocking(move || started.restart().unwrap()).await.unwrap();
            publish_numbers(&topic, 1).await;
            // What comes next is the message, and not the same outage again.
            assert_eq!(offsets(&take(&mut reader, 1).await), [3 + round]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_topic_that_took_the_name_meanwhile_is_not_read() {
    each(async |server| {
        let proxy = Proxy::to(server.addr()).unwrap();
        let near = connect(&server).await;
        let topic = orders(&near).await;
        publish_numbers(&topic, 3).await;
        let far = orders(&to(&proxy.url()).transport().await.unwrap()).await;
        let mut reader = reader(&far, Start::Earliest).await;
        take(&mut reader, 3).await;
        proxy.cut();
        assert!(near.delete(topic.name()).await.unwrap());
        publish_numbers(&orders(&near).await, 9).await;
        proxy.resume();
        assert!(is_deleted(&end(&mut reader).await));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletion_while_the_server_is_restarted_is_told() {
    each(async |server| {
        let proxy = Proxy::to(server.addr()).unwrap();
        let topic = orders(&connect(&server).await).await;
        let far = orders(&to(&proxy.url()).transport().await.unwrap()).await;
        let mut reader = reader(&far, Start::Earliest).await;
        publish_numbers(&topic, 1).await;
        take(&mut reader, 1).await;
        proxy.cut();
        let restarted: Arc<Server> = server.clone();
        let restart = move || {
            restarted.kill9();
            restarted.restart().unwrap();
        };
        tokio::task::spawn_blocking(restart).await.unwrap();
        raw(&server).await.delete_stream("memq-orders").await.unwrap();
        proxy.resume();
        assert!(is_deleted(&end(&mut reader).await));
    })
    .await;
}
