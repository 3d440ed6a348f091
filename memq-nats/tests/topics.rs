//! Topics as streams: created, compared, found, closed and deleted, by several at once.
#![allow(clippy::unwrap_used, reason = "this is a test")]

mod support;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::time::Duration;

use async_nats::jetstream::stream;
use memq::spi::{Fault, OpenFault, PublishFault, ReadEnd, ReaderRequest};
use memq::{Format, Offset, Overflow, Start};
use memq_nats::{ConnectError, Storage};
use memq_nats_server::Proxy;
use tokio::task::JoinSet;

use crate::support::{connect, each, message, open, publish, raw, request, to};

fn option(fault: OpenFault) -> &'static str {
    match fault {
        OpenFault::Conflict { option, .. } | OpenFault::Option { option, .. } => option,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn what_was_said_stays_and_other_values_conflict_by_name() {
    each(async |server| {
        let transport = connect(&server).await;
        let mut wants = request("audit.2026");
        wants.max_messages = Some(7);
        wants.max_bytes = Some(1 << 20);
        wants.ttl = Some(Duration::from_secs(60));
        wants.overflow = Some(Overflow::Reject);
        wants.partitions = Some(3);
        wants.dedup = Some(Duration::from_secs(30));
        wants.format = Some(Format::Json);
        let topic = transport.open(wants.clone()).await.unwrap();
        assert_eq!(topic.options(), wants.over(topic.options()));
        assert_eq!(transport.open(wants.clone()).await.unwrap().options(), topic.options());
        assert_eq!(open(&transport, "audit.2026").await.options(), topic.options());
        let mut other = request("audit.2026");
        other.max_messages = Some(8);
        assert_eq!(option(transport.open(other).await.unwrap_err()), "max");
        let mut other = request("audit.2026");
        other.overflow = Some(Overflow::Wait);
        assert_eq!(option(transport.open(other).await.unwrap_err()), "overflow");
        // Nothing was changed by those.
        assert_eq!(open(&transport, "audit.2026").await.options(), topic.options());
    })
    .await;
}

#[tokio::test]
async fn times_that_mean_for_ever_are_thirty_years() {
    each(async |server| {
        let transport = connect(&server).await;
        let mut wants = request("orders");
        wants.ttl = Some(Duration::MAX);
        wants.dedup = Some(Duration::MAX);
        let thirty_years = Some(Duration::from_secs(30 * 365 * 86_400));
        for _ in 0..2 {
            let options = transport.open(wants.clone()).await.unwrap().options();
            assert_eq!((options.ttl, options.dedup), (thirty_years, thirty_years));
        }
    })
    .await;
}

#[tokio::test]
async fn what_nobody_said_can_be_said_until_there_is_a_message() {
    each(async |server| {
        let transport = connect(&server).await;
        open(&transport, "orders").await;
        let mut ttl = request("orders");
        ttl.ttl = Some(Duration::from_secs(60));
        let topic = transport.open(ttl.clone()).await.unwrap();
        assert_eq!(topic.options().ttl, ttl.ttl);
        let publisher = topic.publisher().await.unwrap();
        publish(&publisher, message("1")).await.unwrap();
        let mut max = request("orders");
        max.max_messages = Some(7);
        assert_eq!(option(transport.open(max).await.unwrap_err()), "max");
        // But bytes that said nothing can be said to be something.
        let mut format = request("orders");
        format.format = Some(Format::Json);
        assert_eq!(transport.open(format).await.unwrap().options().format, Format::Json);
        let mut format = request("orders");
        format.format = Some(Format::MessagePack);
        assert_eq!(option(transport.open(format).await.unwrap_err()), "format");
    })
    .await;
}

#[tokio::test]
async fn of_many_that_create_a_topic_at_once_one_decides() {
    each(async |server| {
        let mut opening = tokio::task::JoinSet::new();
        for max in 1..=8 {
            let transport = connect(&server).await;
            let mut wants = request("orders");
            wants.max_messages = Some(max);
            opening.spawn(async move { (max, transport.open(wants).await) });
        }
        let (mut won, mut lost) = (Vec::new(), 0);
        for (max, opened) in opening.join_all().await {
            match opened {
                Ok(topic) => won.push((max, topic.options().max_messages)),
                Err(fault) => lost += usize::from(option(fault) == "max"),
            }
        }
        assert_eq!((won.len(), lost), (1, 7), "{won:?}");
        assert_eq!(won[0].0, won[0].1);
    })
    .await;
}

#[tokio::test]
async fn streams_of_others_are_neither_used_nor_listed_nor_deleted() {
    each(async |server| {
        let raw = raw(&server).await;
        for (name, subject) in [("memq-theirs", "memq.theirs.*.*"), ("other", "memq.other")] {
            let subjects = vec![subject.to_owned()];
            let config = stream::Config { name: name.into(), subjects, ..Default::default() };
            raw.create_stream(config).await.unwrap();
        }
        let transport = connect(&server).await;
        assert_eq!(option(transport.open(request("theirs")).await.unwrap_err()), "stream");
        open(&transport, "b.c").await;
        open(&transport, "a").await;
        let topics = transport.topics().await.unwrap();
        assert_eq!(topics.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["a", "b.c"]);
        let name = &request("theirs").name;
        assert!(transport.find(name).await.unwrap().is_none());
        assert!(!transport.delete(name).await.unwrap());
        assert!(raw.get_stream("memq-theirs").await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_deleted_topic_is_gone_for_its_handles_also_when_it_is_created_again() {
    each(async |server| {
        let (one, other) = (connect(&server).await, connect(&server).await);
        let old = open(&one, "orders").await;
        let publisher = old.publisher().await.unwrap();
        publish(&publisher, message("1")).await.unwrap();
        assert!(other.delete(old.name()).await.unwrap());
        assert!(!other.delete(old.name()).await.unwrap());
        assert!(one.find(old.name()).await.unwrap().is_none());
        let deleted = publish(&publisher, message("2")).await.unwrap_err();
        assert!(matches!(deleted, PublishFault::Fault(Fault::Deleted)), "{deleted}");
        let new = open(&other, "orders").await;
        assert_ne!(new.incarnation(), old.incarnation());
        assert!(matches!(old.stats().await, Err(Fault::Deleted)));
        assert!(matches!(old.close().await, Err(Fault::Deleted)));
        assert!(publish(&publisher, message("3")).await.is_err());
        assert_eq!(new.stats().await.unwrap().published, 0);
    })
    .await;
}

#[tokio::test]
async fn a_publisher_of_a_topic_that_was_created_again_is_told_and_stores_nothing() {
    each(async |server| {
        let (one, other) = (connect(&server).await, connect(&server).await);
        let old = open(&one, "orders").await;
        let publisher = old.publisher().await.unwrap();
        publish(&publisher, message("1")).await.unwrap();
        let request = ReaderRequest::from(Start::Latest);
        let mut reader = old.reader(request).await.unwrap();
        other.delete(old.name()).await.unwrap();
        // It is told without having asked; and once a reader is, so is everybody in this process.
        let told = poll_fn(|cx| reader.poll_next(1, &mut Vec::new(), cx)).await;
        assert!(matches!(told, Err(ReadEnd::Fault(Fault::Deleted))), "{told:?}");
        assert!(publisher.submit(&mut VecDeque::new(), &mut Vec::new()).is_err());
        open(&other, "orders").await;
        // The stream is there, under the same subjects, and is another one.
        let told = publish(&publisher, message("2")).await.unwrap_err();
        assert!(matches!(told, PublishFault::Fault(Fault::Deleted)), "{told}");
        assert_eq!(open(&other, "orders").await.stats().await.unwrap().published, 0);
    })
    .await;
}

#[tokio::test]
async fn a_closed_topic_takes_no_more_and_keeps_what_it_has() {
    each(async |server| {
        let (one, other) = (connect(&server).await, connect(&server).await);
        let topic = open(&one, "orders").await;
        let here = topic.publisher().await.unwrap();
        let elsewhere = open(&other, "orders").await.publisher().await.unwrap();
        publish(&elsewhere, message("1")).await.unwrap();
        topic.close().await.unwrap();
        topic.close().await.unwrap();
        for publisher in
            [&here, &elsewhere, &open(&other, "orders").await.publisher().await.unwrap()]
        {
            let told = publish(publisher, message("2")).await.unwrap_err();
            assert!(matches!(told, PublishFault::Closed), "{told}");
        }
        let stats = open(&other, "orders").await.stats().await.unwrap();
        assert_eq!((stats.published, stats.depth), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_close_is_not_undone_by_who_has_not_heard_of_it() {
    each(async |server| {
        let here = connect(&server).await;
        let topic = open(&here, "orders").await;
        let proxy = Proxy::to(server.addr()).unwrap();
        let other = to(&proxy.url()).transport().await.unwrap();
        proxy.hold_at("STREAM.UPDATE");
        // It has looked, and its update is on the way.
        let mut wants = request("orders");
        wants.max_messages = Some(77);
        let mut says = JoinSet::new();
        says.spawn(async move { other.open(wants).await });
        while !proxy.is_held() {
            tokio::task::yield_now().await;
        }
        topic.close().await.unwrap();
        proxy.resume();
        // Nobody relies on what a topic without messages has: it is said once more.
        assert_eq!(option(says.join_next().await.unwrap().unwrap().unwrap_err()), "max");
        let publisher = open(&connect(&server).await, "orders").await.publisher().await.unwrap();
        let told = publish(&publisher, message("1")).await.unwrap_err();
        assert!(matches!(told, PublishFault::Closed), "{told}");
    })
    .await;
}

#[tokio::test]
async fn statistics_add_up_and_partitions_are_counted() {
    each(async |server| {
        let transport = connect(&server).await;
        let mut wants = request("orders");
        (wants.max_messages, wants.partitions) = (Some(5), Some(2));
        let topic = transport.open(wants).await.unwrap();
        let empty = topic.stats().await.unwrap();
        assert_eq!((empty.published, empty.next, empty.earliest), (0, Offset(0), None));
        let publisher = topic.publisher().await.unwrap();
        for n in 0..8 {
            publish(&publisher, message(n.to_string())).await.unwrap();
        }
        let stats = topic.stats().await.unwrap();
        assert_eq!((stats.published, stats.depth, stats.next), (8, 5, Offset(8)));
        assert_eq!((stats.earliest, stats.latest), (Some(Offset(3)), Some(Offset(7))));
        assert_eq!(stats.published, stats.depth + stats.dropped.total() + stats.consumed);
        let kept: Vec<_> = stats.partitions.iter().map(|partition| partition.depth).collect();
        assert_eq!(kept, [2, 3]);
    })
    .await;
}

#[tokio::test]
async fn what_the_server_cannot_have_is_told_by_the_name_of_the_option() {
    each(async |server| {
        let transport = connect(&server).await;
        let mut wants = request("orders");
        wants.dedup = Some(Duration::from_secs(2));
        wants.ttl = Some(Duration::from_secs(1));
        assert_eq!(option(transport.open(wants).await.unwrap_err()), "dedup");
        let mut wants = request("orders");
        wants.max_bytes = Some(1 << 60);
        assert_eq!(option(transport.open(wants).await.unwrap_err()), "max_bytes");
        let three = to(&server.url()).replicas(3).transport().await.unwrap();
        assert_eq!(option(three.open(request("orders")).await.unwrap_err()), "replicas");
        assert!(transport.topics().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn namespaces_share_a_server_and_no_topic() {
    each(async |server| {
        let shop = to(&server.url()).namespace("shop").storage(Storage::Memory);
        let shop = shop.transport().await.unwrap();
        let bank = to(&server.url()).namespace("bank").transport().await.unwrap();
        open(&shop, "orders").await;
        assert!(bank.find(&request("orders").name).await.unwrap().is_none());
        assert!(bank.topics().await.unwrap().is_empty());
        assert_eq!(shop.topics().await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_away_is_waited_for_and_then_told() {
    each(async |server| {
        let hasty = to(&server.url()).give_up_after(Duration::from_millis(200));
        let hasty = hasty.ack_timeout(Duration::from_millis(100)).transport().await.unwrap();
        let patient = connect(&server).await;
        let topic = open(&hasty, "orders").await;
        server.kill9();
        let away = hasty.open(request("new")).await.unwrap_err();
        assert!(matches!(away, OpenFault::Fault(Fault::Unavailable(_))), "{away}");
        assert!(matches!(topic.stats().await, Err(Fault::Unavailable(_))));
        let opening = patient.open(request("new"));
        server.restart().unwrap();
        opening.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_first_connection_that_fails_says_why() {
    let nowhere = to("nats://127.0.0.1:1").transport().await.unwrap_err();
    assert!(matches!(nowhere, ConnectError::Unreachable { .. }), "{nowhere}");
    for binary in memq_nats_server::Binary::all_or_skip() {
        let server = memq_nats_server::Server::with(&binary, "authorization { token: secret }\n");
        let server = server.unwrap();
        let stranger = to(&server.url()).transport().await.unwrap_err();
        assert!(matches!(stranger, ConnectError::Unreachable { .. }), "{stranger}");
        let address = server.url().replace("nats://", "nats://secret@");
        to(&address).transport().await.unwrap();
        let known = to(&server.url()).token("secret").transport().await.unwrap();
        // Publishers have a connection of their own, which logs in as well.
        let publisher = open(&known, "orders").await.publisher().await.unwrap();
        publish(&publisher, message("1")).await.unwrap();
    }
}

/// What greets like a server that asks for TLS.
#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn a_server_that_asks_for_tls_is_refused_by_name() {
    use tokio::io::AsyncWriteExt as _;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("nats://{}", listener.local_addr().unwrap());
    let greeting = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"INFO {\"tls_required\":true}\r\n").await.unwrap();
        stream
    };
    let (refused, _) = tokio::join!(to(&address).transport(), greeting);
    assert!(matches!(refused, Err(ConnectError::Tls)));
}
