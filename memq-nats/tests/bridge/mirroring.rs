//! What arrives on the other side.

use memq::{BridgeError, BridgeSide, Broker, Mirrored, OpenError, PublishError, Record, Topic};
use memq_nats::bridge;
use memq_nats_server::{Binary, Server};
use serde::{Deserialize, Serialize};

use super::{jobs, numbers, publish, published, reader, run, take};
use crate::support::{contents, each, to};

#[derive(Debug, Serialize, Deserialize, PartialEq, Topic)]
#[topic(name = "orders", format = Json, compress = Gzip)]
struct Order {
    #[topic(key)]
    customer: u64,
    item: String,
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "mails", format = Json, retain = UntilConsumed)]
struct Mail {
    to: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_here_is_read_there_by_anybody() {
    each(async |server| {
        let (local, remote) = (Broker::new(), to(&server.url()).await.unwrap());
        let mirror = run(bridge(&local, &remote).topic::<Order>().mirror_out().await.unwrap());
        let orders = local.publisher::<Order>().await.unwrap();
        let order = || Order { customer: 7, item: "tea".into() };
        orders.publish(order()).header("trace", "4bf92f").await.unwrap();
        let mut copies = remote.subscriber::<Order>().await.unwrap();
        let copy = copies.recv().await.unwrap();
        assert_eq!((&*copy, copy.key()), (&order(), Some("7".into())));
        let whence = Mirrored::of(copy.headers()).unwrap();
        assert_eq!((whence.offset.0, whence.hops), (0, 1));

        let raw = contents(&server, "memq-orders").await;
        let headers = raw[0].headers.as_ref().unwrap();
        let header = |name: &str| headers.get(name).map_or("", |value| value.as_str());
        assert_eq!(header("Memq-Key"), "7");
        assert_eq!(header("trace"), "4bf92f");
        assert_eq!(
            (header("Content-Type"), header("Content-Encoding")),
            ("application/json", "gzip")
        );
        assert_eq!(header("memq-bridge-offset"), "0");
        assert_eq!(header("Nats-Msg-Id"), format!("memq-bridge:{}:0", whence.origin));
        mirror.shut_down().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_there_is_read_here_in_order() {
    each(async |server| {
        let (local, remote) = (Broker::new(), to(&server.url()).await.unwrap());
        jobs(&remote).await;
        jobs(&local).await;
        tokio::spawn(publish(&remote, 0..5_000));
        let mirror = run(bridge(&local, &remote).topic_named("jobs").mirror_in().await.unwrap());
        assert_eq!(take(&mut reader(&local).await, 5_000).await, numbers(0..5_000));
        assert_eq!(mirror.shut_down().await.mirrors[0].mirrored, 5_000);
        // What was said of nobody else leaves nothing on the server.
        assert_eq!(remote.stats("jobs").await.unwrap().groups.len(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_mirror_both_ways_have_everything_once() {
    each(async |server| {
        let mut processes = Vec::new();
        for _ in 0..2 {
            let (local, remote) = (Broker::new(), to(&server.url()).await.unwrap());
            jobs(&local).await;
            jobs(&remote).await;
            let both = bridge(&local, &remote).topic_named("jobs").mirror_both().await.unwrap();
            processes.push((local, remote, run(both)));
        }
        for (at, (local, ..)) in (0..).zip(&processes) {
            tokio::spawn(publish(local, at * 1_000..at * 1_000 + 1_000));
        }
        for (local, ..) in &processes {
            let mut texts = take(&mut reader(local).await, 2_000).await;
            texts.sort_by_key(|text| text.parse::<u64>().unwrap());
            assert_eq!(texts, numbers(0..2_000));
        }
        // One more from each, which comes after whatever went in circles.
        for (local, ..) in &processes {
            publish(local, 0..1).await;
        }
        for (local, ..) in &processes {
            take(&mut reader(local).await, 2_002).await;
        }
        for (local, remote, both) in processes {
            let report = both.shut_down().await;
            assert_eq!((published(&local).await, published(&remote).await), (2_002, 2_002));
            let [out, back] = &report.mirrors[..] else { panic!("{report:?}") };
            assert_eq!((out.mirrored, back.mirrored), (1_001, 1_001));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_cannot_have_is_refused_by_name_and_goes_by_the_topic_s_name() {
    each(async |server| {
        let (local, remote) = (Broker::new(), to(&server.url()).await.unwrap());
        let refused = bridge(&local, &remote).topic::<Mail>().mirror_out().await.unwrap_err();
        match &refused {
            BridgeError::Open {
                side: BridgeSide::Remote,
                source: OpenError::Unsupported { what, .. },
                ..
            } => assert!(what.contains("retain"), "{what}"),
            other => panic!("{other:?}"),
        }
        let mirror = run(bridge(&local, &remote).topic_named("mails").mirror_out().await.unwrap());
        let mails = local.publisher::<Mail>().await.unwrap();
        mails.publish(Mail { to: "eve".into() }).await.unwrap();
        let mut copies = remote.topic("mails").subscriber().await.unwrap();
        assert_eq!(copies.recv().await.unwrap().decode::<Mail>().unwrap().to, "eve");
        mirror.until(|stats| stats.lag == 0).await;
        mirror.shut_down().await;
        // Shipped, it is freed.
        assert_eq!(local.stats("mails").await.unwrap().depth, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_for_the_server_is_told() {
    for binary in Binary::all_or_skip() {
        let server = Server::with(&binary, "max_payload: 64KB").unwrap();
        let (local, remote) = (Broker::new(), to(&server.url()).await.unwrap());
        let publisher = local.topic("jobs").publisher().await.unwrap();
        let large = vec![b'x'; 100 << 10];
        publisher
            .publish_batch([Record::new("1"), Record::new(large), Record::new("2")])
            .await
            .unwrap();
        let strict = bridge(&local, &remote).topic_named("jobs").mirror_out().await.unwrap().await;
        match strict.unwrap_err() {
            BridgeError::Publish { offset, source: PublishError::TooLarge { .. }, .. } => {
                assert_eq!(offset.0, 1);
            }
            other => panic!("{other:?}"),
        }
        let lenient = bridge(&local, &remote).topic_named("jobs").skip_refused().mirror_out();
        let mirror = run(lenient.await.unwrap());
        mirror.until(|stats| stats.lag == 0).await;
        assert_eq!(mirror.shut_down().await.mirrors[0].refused, 1);
        // Those beside it are there once, though they were sent by both.
        assert_eq!(take(&mut reader(&remote).await, 2).await, ["1", "2"]);
        assert_eq!(published(&remote).await, 2);
    }
}
