//! What readers do while the server is away, or the way to it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use memq::{Offset, Start};
use memq_nats_server::{Proxy, Server};

use crate::kit::{
    end, is_deleted, is_unavailable, offsets, orders, publish_numbers, read, reader, take,
};
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

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}

/// Starts a server again, and keeps a copy of what it has.
fn keep(server: &Server) {
    server.stop().unwrap();
    copy(&server.folder().join("store"), &server.folder().join("kept"));
    server.restart().unwrap();
}

/// Starts it again with what was kept.
fn set_back(server: &Server) {
    server.kill9();
    std::fs::remove_dir_all(server.folder().join("store")).unwrap();
    std::fs::rename(server.folder().join("kept"), server.folder().join("store")).unwrap();
    server.restart().unwrap();
}

/// As by a server that lost power before its disk had all.
async fn a_topic_is_set_back_and_gets_so_many_more_before_that_is_found_out(since: usize) {
    each(async |server| {
        let proxy = Proxy::to(server.addr()).unwrap();
        let topic = orders(&connect(&server).await).await;
        let far = orders(&to(&proxy.url()).transport().await.unwrap()).await;
        let mut quick = reader(&far, Start::Earliest).await;
        let mut slow = reader(&far, Start::Earliest).await;
        publish_numbers(&topic, 3).await;
        take(&mut quick, 3).await;
        let kept = server.clone();
        tokio::task::spawn_blocking(move || keep(&kept)).await.unwrap();
        publish_numbers(&topic, 4).await;
        assert_eq!(offsets(&take(&mut quick, 4).await), [3, 4, 5, 6]);
        take(&mut slow, 4).await;

        proxy.hold();
        let restarted = server.clone();
        tokio::task::spawn_blocking(move || set_back(&restarted)).await.unwrap();
        publish_numbers(&topic, since).await;
        proxy.cut();
        proxy.resume();
        // What it had fetched comes before that is told.
        let mut fetched = Vec::new();
        let told = loop {
            if let Err(told) = read(&mut slow, 1, &mut fetched).await {
                break told;
            }
        };
        assert!([4, 5, 6].starts_with(&offsets(&fetched)), "{fetched:?}");
        assert!(is_unavailable(&told) && is_unavailable(&end(&mut quick).await));
        publish_numbers(&topic, 2).await;
        for reader in [&mut quick, &mut slow] {
            assert_eq!((reader.set_back(), reader.set_back()), (Some(Offset(3)), None));
            let more = take(reader, since + 2).await;
            assert!((3..).zip(offsets(&more)).all(|(at, offset)| at == offset), "{more:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_set_back_is_told_and_read_on() {
    a_topic_is_set_back_and_gets_so_many_more_before_that_is_found_out(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_set_back_is_told_also_where_it_has_grown_past_what_was_read() {
    // To where it was, and further.
    for since in [4, 9] {
        a_topic_is_set_back_and_gets_so_many_more_before_that_is_found_out(since).await;
    }
}
