//! Bridges that end and are opened again.

use std::time::Duration;

use memq::spi::Capability;
use memq::{BridgeEnded, Broker, Overflow, Record, Start, bridge};

use super::{next, numbers, publish, published, reader, run, take};
use crate::loopback::{Server, able};

#[tokio::test]
async fn one_that_is_dropped_goes_on_and_doubles_nothing() {
    let (local, server) = (Broker::new(), Server::start());
    let connection = server.connect(16);
    let remote = connection.broker();
    remote.topic("jobs").dedup(Duration::from_secs(600)).create().await.unwrap();
    let mut sent = 0;
    for round in 1..=20 {
        let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
        publish(&local, "jobs", numbers(sent..sent + 50)).await;
        mirror.until(|stats| stats.mirrored >= round).await;
        // From here on what is sent is stored, and nobody is told.
        connection.lose(usize::MAX);
        publish(&local, "jobs", numbers(sent + 50..sent + 100)).await;
        sent += 100;
        mirror.until(|stats| stats.retried > 0).await;
        mirror.kill().await;
        connection.lose(0);
    }
    let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
    assert_eq!(take(&mut reader(&remote, "jobs").await, 2_000).await, numbers(0..2_000));
    mirror.until(|stats| stats.lag == 0).await;
    mirror.shut_down().await;
    assert_eq!(published(&remote, "jobs").await, 2_000);
}

#[tokio::test]
async fn one_that_is_dropped_goes_on_into_a_copy_in_memory() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(16).broker();
    let mut sent = 0;
    for round in 1..=20 {
        let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_in().await.unwrap());
        publish(&remote, "jobs", numbers(sent..sent + 30)).await;
        sent += 30;
        mirror.until(|stats| stats.mirrored >= round).await;
        mirror.kill().await;
    }
    let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_in().await.unwrap());
    assert_eq!(take(&mut reader(&local, "jobs").await, 600).await, numbers(0..600));
    mirror.shut_down().await;
    assert_eq!(published(&local, "jobs").await, 600);
    // The server keeps nothing for processes that come and go.
    assert_eq!(remote.stats("jobs").await.unwrap().groups.len(), 0);
}

#[tokio::test]
async fn one_that_is_dropped_goes_on_between_topics_in_memory() {
    let (local, other) = (Broker::new(), Broker::new());
    let mut sent = 0;
    for round in 1..=20 {
        let mirror = run(bridge(&local, &other).topic_named("jobs").mirror_out().await.unwrap());
        publish(&local, "jobs", numbers(sent..sent + 300)).await;
        sent += 300;
        mirror.until(|stats| stats.mirrored >= round).await;
        mirror.kill().await;
    }
    let mirror = run(bridge(&local, &other).topic_named("jobs").mirror_out().await.unwrap());
    assert_eq!(take(&mut reader(&other, "jobs").await, 6_000).await, numbers(0..6_000));
    mirror.shut_down().await;
    assert_eq!(published(&other, "jobs").await, 6_000);
}

#[tokio::test]
async fn latest_stays_where_it_was_first_opened() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(16).broker();
    publish(&remote, "jobs", numbers(0..10)).await;
    let latest = || bridge(&local, &remote).topic_named("jobs").from(Start::Latest).mirror_in();
    drop(latest().await.unwrap());
    publish(&remote, "jobs", numbers(10..20)).await;
    let mirror = run(latest().await.unwrap());
    assert_eq!(take(&mut reader(&local, "jobs").await, 10).await, numbers(10..20));
    mirror.shut_down().await;
}

#[tokio::test]
async fn another_target_gets_everything() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(16).broker();
    publish(&local, "jobs", numbers(0..10)).await;
    for _ in 0..2 {
        let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
        assert_eq!(take(&mut reader(&remote, "jobs").await, 10).await, numbers(0..10));
        mirror.shut_down().await;
        assert_eq!(local.stats("jobs").await.unwrap().groups.len(), 1);
        remote.delete("jobs").await.unwrap();
        // A bridge that finds its target gone leaves no group behind that holds up the topic.
        let group = local.stats("jobs").await.unwrap().groups[0].name.clone();
        local.delete_group("jobs", group).await.unwrap();
    }
}

/// A server whose groups cannot be committed, as on NATS.
async fn resumed_by_name(name: Option<&str>) -> Vec<String> {
    let server = Server::start();
    let able = able().without(Capability::Commit);
    for process in 0..3 {
        let (local, remote) = (Broker::new(), server.connect_with(16, able).broker());
        publish(&remote, "jobs", numbers(process * 10..process * 10 + 10)).await;
        let mut builder = bridge(&local, &remote);
        if let Some(name) = name {
            builder = builder.name(name);
        }
        let mirror = run(builder.topic_named("jobs").mirror_in().await.unwrap());
        let last = numbers(process * 10 + 9..process * 10 + 10);
        let mut copies = reader(&local, "jobs").await;
        let mut texts = Vec::new();
        while texts.last() != last.first() {
            texts.extend(take(&mut copies, 1).await);
        }
        let report = mirror.shut_down().await;
        assert_eq!((report.ended, report.mirrors[0].lost), (BridgeEnded::Drained, 0));
        if process == 2 {
            return texts;
        }
    }
    unreachable!("there are three processes")
}

#[tokio::test]
async fn the_next_process_goes_on_by_the_name() {
    assert_eq!(resumed_by_name(Some("warehouse")).await, numbers(20..30));
}

#[tokio::test]
async fn without_a_name_the_next_process_makes_the_whole_copy() {
    assert_eq!(resumed_by_name(None).await, numbers(0..30));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_killed_is_followed_from_its_last_seconds() {
    let server = Server::start();
    let able = able().without(Capability::Commit);
    let remote = server.connect_with(16, able).broker();
    publish(&remote, "jobs", numbers(0..10)).await;
    let first = Broker::new();
    let mirror =
        run(bridge(&first, &remote).name("w").topic_named("jobs").mirror_in().await.unwrap());
    take(&mut reader(&first, "jobs").await, 10).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    publish(&remote, "jobs", numbers(10..20)).await;
    take(&mut reader(&first, "jobs").await, 20).await;
    mirror.kill().await;

    let second = Broker::new();
    let mirror =
        run(bridge(&second, &remote).name("w").topic_named("jobs").mirror_in().await.unwrap());
    assert_eq!(take(&mut reader(&second, "jobs").await, 10).await, numbers(10..20));
    mirror.shut_down().await;
}

#[tokio::test]
async fn what_is_not_mirrored_holds_up_a_topic_that_waits_also_between_bridges() {
    let (local, server) = (Broker::new(), Server::start());
    let remote = server.connect(16).broker();
    let jobs = local.topic("jobs").max(10).overflow(Overflow::Reject);
    let publisher = jobs.publisher().await.unwrap();
    drop(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
    let mut given = 0;
    while publisher.try_publish(Record::new(given.to_string())).is_ok() {
        given += 1;
    }
    assert_eq!(given, 10);
    let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap());
    let mut copies = reader(&remote, "jobs").await;
    for n in 0..10 {
        assert_eq!(next(&mut copies).await.bytes(), &n.to_string());
    }
    mirror.until(|stats| stats.lag == 0).await;
    assert!(publisher.try_publish(Record::new("one more")).is_ok());
    mirror.shut_down().await;
}

#[tokio::test]
async fn another_name_has_a_place_of_its_own() {
    for able in [able(), able().without(Capability::Commit)] {
        let (local, server) = (Broker::new(), Server::start());
        let remote = server.connect_with(16, able).broker();
        publish(&remote, "jobs", numbers(0..10)).await;
        let named = |name| bridge(&local, &remote).name(name).topic_named("jobs");
        let late = run(named("late").from(Start::Latest).mirror_in().await.unwrap());
        publish(&remote, "jobs", ["new".into()]).await;
        let mut copies = reader(&local, "jobs").await;
        assert_eq!(take(&mut copies, 1).await, ["new"]);
        late.until(|stats| stats.lag == 0).await;
        late.shut_down().await;
        let all = run(named("all").mirror_in().await.unwrap());
        assert_eq!(take(&mut copies, 10).await, numbers(0..10));
        all.shut_down().await;
    }
}

#[tokio::test]
async fn what_retention_took_between_two_bridges_is_counted_as_lost() {
    let (local, server, memory) = (Broker::new(), Server::start(), Broker::new());
    let remote = server.connect(16).broker();
    let cases = [
        (&local, &remote, None),
        (&local, &remote, Some("shop")),
        (&local, &memory, None),
        (&local, &memory, Some("till")),
        (&remote, &memory, None),
        (&remote, &memory, Some("shop")),
    ];
    for (at, (source, target, name)) in cases.into_iter().enumerate() {
        let topic = format!("jobs-{at}");
        let open = || {
            let builder = bridge(source, target);
            let builder = match name {
                Some(name) => builder.name(name),
                None => builder,
            };
            builder.topic_named(&*topic).mirror_out()
        };
        source.topic(&topic).max(10).create().await.unwrap();
        publish(source, &topic, numbers(0..1)).await;
        let first = run(open().await.unwrap());
        first.until(|stats| stats.mirrored == 1).await;
        first.shut_down().await;
        publish(source, &topic, numbers(1..101)).await;
        // Whoever looks moves the group.
        source.stats(&*topic).await.unwrap();
        for lost in [90, 0] {
            let mirror = run(open().await.unwrap());
            mirror.until(|stats| stats.position.0 == 101).await;
            let report = mirror.shut_down().await;
            assert_eq!(report.mirrors[0].lost, lost, "{topic}");
        }
        let copies = take(&mut reader(target, &topic).await, 11).await;
        assert_eq!(copies, [numbers(0..1), numbers(91..101)].concat(), "{topic}");
    }
}

#[tokio::test]
async fn what_somebody_moved_a_bridge_past_is_not_lost() {
    let (local, other) = (Broker::new(), Broker::new());
    publish(&local, "jobs", numbers(0..20)).await;
    let open = || bridge(&local, &other).name("shop").topic_named("jobs").mirror_out();
    drop(open().await.unwrap());
    let member = local.topic("jobs").subscriber().group("memq-bridge-shop").any_order();
    let mut member = member.without_dead_letters().await.unwrap();
    for at in [15, 10] {
        member.seek(at).await.unwrap();
        let mirror = run(open().await.unwrap());
        mirror.until(|stats| stats.position.0 == 20).await;
        let report = mirror.shut_down().await;
        assert_eq!((report.mirrors[0].mirrored, report.mirrors[0].lost), (20 - at, 0));
    }
}
