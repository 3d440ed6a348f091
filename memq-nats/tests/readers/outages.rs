//! What readers do while the server is away, or the way to it.

use std::sync::Arc;
use std::time::Duration;

use memq::spi::{RemoteReader, RemoteTopic};
use memq::{Offset, Start};
use memq_nats_server::{Proxy, Server};
use tokio::task::JoinSet;

use crate::kit::{
    end, is_closed, is_deleted, is_unavailable, numbers, offsets, orders, publish_numbers, read,
    reader, take, texts,
};
use crate::support::{connect, each, message, raw, submit, to};

/// Publishes the numbers from 0 on, while something else happens.
fn publishing(topic: &Arc<dyn RemoteTopic>, count: usize) -> JoinSet<()> {
    let (topic, mut tasks) = (topic.clone(), JoinSet::new());
    tasks.spawn(async move {
        let publisher = topic.publisher().await.unwrap();
        let mut receipts = Vec::new();
        for n in numbers(count) {
            receipts.extend(submit(&publisher, [message(n)]).await.unwrap());
            if receipts.len() % 100 == 0 {
                tokio::task::yield_now().await;
            }
        }
        for receipt in receipts {
            receipt.await.unwrap();
        }
    });
    tasks
}

/// Reads that many numbers, and after each part of them does something.
async fn read_through(
    reader: &mut Box<dyn RemoteReader>,
    parts: usize,
    part: usize,
    mut disturb: impl AsyncFnMut(),
) {
    let mut run = Vec::new();
    for number in 1..=parts {
        while run.len() < number * part {
            read(reader, 50, &mut run).await.unwrap();
        }
        disturb().await;
    }
    assert_eq!(offsets(&run)[..parts * part], (0..(parts * part) as u64).collect::<Vec<_>>());
    assert_eq!(texts(&run), numbers(run.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_server_loses_and_doubles_nothing() {
    each(async |server| {
        let topic = orders(&connect(&server).await).await;
        let mut reader = reader(&topic, Start::Earliest).await;
        let publishing = publishing(&topic, 12_000);
        read_through(&mut reader, 3, 3_000, async || {
            let server = server.clone();
            tokio::task::spawn_blocking(move || {
                server.kill9();
                server.restart().unwrap();
            })
            .await
            .unwrap();
        })
        .await;
        publishing.join_all().await;
        topic.close().await.unwrap();
        let mut rest = Vec::new();
        while read(&mut reader, 500, &mut rest).await.is_ok() {}
        assert_eq!(offsets(&rest).last(), Some(&11_999));
        assert!(is_closed(&end(&mut reader).await));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cutting_the_connection_loses_and_doubles_nothing() {
    each(async |server| {
        let proxy = Proxy::to(server.addr()).unwrap();
        let topic = orders(&connect(&server).await).await;
        let far = orders(&to(&proxy.url()).transport().await.unwrap()).await;
        let mut reader = reader(&far, Start::Earliest).await;
        // All is sent at once, so that much is on its way whenever it is cut.
        publish_numbers(&topic, 20_000).await;
        read_through(&mut reader, 10, 2_000, async || {
            proxy.cut();
            proxy.resume();
        })
        .await;
        assert_eq!(reader.end(), Offset(20_000));
    })
    .await;
}

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
