//! How readers end.

use std::time::Duration;

use async_nats::jetstream::consumer::{FromConsumer as _, pull};
use futures_util::{FutureExt as _, StreamExt as _};
use memq::Start;
use memq::spi::{Fault, OpenFault, ReaderRequest};

use crate::kit::{
    consumers, end, is_closed, is_deleted, orders, publish_numbers, read, reader, stream, take,
};
use crate::support::{connect, each, pass, raw};

#[tokio::test]
async fn closing_is_told_after_the_last_message_and_again_and_again() {
    each(async |server| {
        let topic = orders(&connect(&server).await).await;
        let mut behind = reader(&topic, Start::Earliest).await;
        let mut waiting = reader(&topic, Start::Latest).await;
        publish_numbers(&topic, 2_000).await;
        // By another process.
        let other = connect(&server).await;
        other.find(topic.name()).await.unwrap().unwrap().close().await.unwrap();
        for reader in [&mut behind, &mut waiting] {
            assert_eq!(take(reader, 2_000).await.len(), 2_000);
            assert!(is_closed(&end(reader).await));
            assert!(is_closed(&end(reader).await));
        }
        // One that is opened later reads what there is.
        let mut late = reader(&topic, Start::Earliest).await;
        assert_eq!(take(&mut late, 2_000).await.len(), 2_000);
        assert!(is_closed(&end(&mut late).await));
        let mut latest = reader(&topic, Start::Latest).await;
        assert!(is_closed(&end(&mut latest).await));
    })
    .await;
}

#[tokio::test]
async fn deletion_is_told_and_another_topic_of_the_name_is_not_read() {
    each(async |server| {
        let transport = connect(&server).await;
        let topic = orders(&transport).await;
        publish_numbers(&topic, 3).await;
        let mut waiting = reader(&topic, Start::Latest).await;
        let mut behind = reader(&topic, Start::Earliest).await;
        take(&mut behind, 1).await;
        let other = connect(&server).await;
        assert!(other.delete(topic.name()).await.unwrap());
        publish_numbers(&orders(&other).await, 9).await;
        for reader in [&mut waiting, &mut behind] {
            // What had arrived before it was known may come first.
            let mut run = Vec::new();
            let told = loop {
                if let Err(told) = read(reader, 100, &mut run).await {
                    break told;
                }
            };
            assert!(is_deleted(&told), "{told}");
            assert!(run.len() <= 2, "{run:?}");
            assert!(is_deleted(&end(reader).await));
        }
        let opened = topic.reader(ReaderRequest::from(Start::Earliest)).await;
        assert!(matches!(opened.unwrap_err(), OpenFault::Fault(Fault::Deleted)));
    })
    .await;
}

#[tokio::test]
async fn deletion_by_an_administrator_is_told() {
    each(async |server| {
        let topic = orders(&connect(&server).await).await;
        let mut reader = reader(&topic, Start::Latest).await;
        raw(&server).await.delete_stream("memq-orders").await.unwrap();
        assert!(is_deleted(&end(&mut reader).await));
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_is_dropped_is_forgotten_by_the_server() {
    each(async |server| {
        let transport = connect(&server).await;
        let topic = orders(&transport).await;
        let readers = [reader(&topic, Start::Latest).await, reader(&topic, Start::Earliest).await];
        assert_eq!(consumers(&server).await.len(), 2);
        drop(readers);
        while !consumers(&server).await.is_empty() {
            tokio::task::yield_now().await;
        }
        // And so is one whose broker is gone.
        let mut reader = reader(&topic, Start::Latest).await;
        transport.shut_down();
        assert!(is_closed(&end(&mut reader).await));
        while !consumers(&server).await.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn closing_is_told_to_who_had_no_room_for_long_by_the_consumer_there_is() {
    each(async |server| {
        let topic = orders(&connect(&server).await).await;
        // As many as there is room for.
        publish_numbers(&topic, 1_024).await;
        let mut reader = reader(&topic, Start::Earliest).await;
        let name = consumers(&server).await.remove(0);
        while stream(&server).await.consumer_info(&name).await.unwrap().num_pending > 0 {}
        let raw = async_nats::connect(server.url()).await.unwrap();
        let made = format!("$JS.EVENT.ADVISORY.CONSUMER.CREATED.memq-orders.{name}");
        let mut made = raw.subscribe(made).await.unwrap();
        raw.flush().await.unwrap();
        // So long that a consumer that is asked for messages would seem to be broken.
        pass(Duration::from_millis(5_500)).await;
        publish_numbers(&topic, 10).await;
        topic.close().await.unwrap();
        // On the reader's connection, one after the other: so it has looked what there is by then.
        for _ in 0..10 {
            topic.stats().await.unwrap();
        }
        assert_eq!(take(&mut reader, 1_034).await.len(), 1_034);
        assert!(is_closed(&end(&mut reader).await));
        while !consumers(&server).await.is_empty() {
            tokio::task::yield_now().await;
        }
        raw.flush().await.unwrap();
        assert!(made.next().now_or_never().is_none(), "it was made again");
    })
    .await;
}

#[tokio::test]
async fn a_consumer_that_keeps_to_itself_what_a_closed_topic_has_is_made_again() {
    each(async |server| {
        let topic = orders(&connect(&server).await).await;
        let mut reader = reader(&topic, Start::Latest).await;
        let stream = stream(&server).await;
        let name = consumers(&server).await.remove(0);
        let config = stream.consumer_info(&name).await.unwrap().config;
        let mut config = pull::Config::try_from_consumer_config(config).unwrap();
        config.filter_subject = "memq.orders.7.n".into();
        stream.create_consumer(config).await.unwrap();
        publish_numbers(&topic, 3).await;
        topic.close().await.unwrap();
        assert_eq!(take(&mut reader, 3).await.len(), 3);
        assert!(is_closed(&end(&mut reader).await));
    })
    .await;
}
