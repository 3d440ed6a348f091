//! Where readers start, and what they are given.

use std::task::{Context, Waker};
use std::time::Duration;

use memq::spi::{Incoming, OpenFault, ReaderRequest};
use memq::{Format, Headers, Offset, Partition, Record, Start};
use memq_nats_server::{Binary, Server};

use crate::kit::{
    consumers, end, is_closed, offsets, orders, publish_numbers, read, reader, stream, take, texts,
};
use crate::support::{connect, each, message, publish, raw, request, submit};

#[tokio::test]
async fn what_was_published_comes_as_it_was_in_order_with_dense_offsets() {
    each(async |server| {
        let topic = orders(&connect(&server).await).await;
        let publisher = topic.publisher().await.unwrap();
        let mut reader = reader(&topic, Start::Earliest).await;
        assert_eq!((reader.start(), reader.end()), (Offset(0), Offset(0)));
        let mut headers = Headers::new();
        headers.insert("trace", "7").unwrap();
        let mut first = message("tea");
        first.record = Record::new("tea").with_format(Format::Cbor).with_headers(headers);
        first.record = first.record.with_key("a");
        publish(&publisher, first).await.unwrap();
        publish(&publisher, message("coffee")).await.unwrap();
        let run = take(&mut reader, 2).await;
        assert_eq!(offsets(&run), [0, 1]);
        assert_eq!(run[0].record.bytes(), "tea");
        assert_eq!(run[0].record.format(), Format::Cbor);
        assert_eq!(run[0].record.key().unwrap(), "a".into());
        assert_eq!(run[0].record.headers().get("trace"), Some("7"));
        assert!(run[0].at <= run[1].at);
        assert_eq!((reader.start(), reader.end()), (Offset(0), Offset(2)));
        // Each reader is given everything.
        let mut other = crate::kit::reader(&topic, Start::Earliest).await;
        assert_eq!(texts(&take(&mut other, 2).await), ["tea", "coffee"]);
    })
    .await;
}

#[tokio::test]
async fn other_clients_publish_bare_bytes_of_the_topics_format() {
    each(async |server| {
        let transport = connect(&server).await;
        let mut wants = request("orders");
        wants.format = Some(Format::Json);
        let topic = transport.open(wants).await.unwrap();
        let mut reader = reader(&topic, Start::Earliest).await;
        let raw = raw(&server).await;
        for subject in ["memq.orders.0.n", "memq.orders.x.y"] {
            raw.publish(subject, "7".into()).await.unwrap().await.unwrap();
        }
        let run = take(&mut reader, 2).await;
        assert_eq!(texts(&run), ["7", "7"]);
        assert!(run.iter().all(|message| message.record.format() == Format::Json));
        assert!(run.iter().all(|message| message.partition == Partition(0)));
    })
    .await;
}

#[tokio::test]
async fn a_reader_starts_where_it_is_told() {
    each(async |server| {
        let topic = orders(&connect(&server).await).await;
        let last = Start::Last(5);
        for start in [Start::Earliest, Start::Latest, last, Start::Offset(Offset(0))] {
            assert_eq!(reader(&topic, start).await.start(), Offset(0), "{start:?}");
        }
        publish_numbers(&topic, 3).await;
        let mut all = reader(&topic, Start::Earliest).await;
        let run = take(&mut all, 3).await;
        let hour = Duration::from_secs(3_600);
        for (start, at) in [
            (Start::Earliest, 0),
            (Start::Latest, 3),
            (Start::Offset(Offset(1)), 1),
            (Start::Offset(Offset(3)), 3),
            (Start::Time(run[0].at - hour), 0),
            (Start::Time(run[1].at), 1),
            (Start::Time(run[2].at), 2),
            (Start::Time(run[2].at + hour), 3),
            (Start::Ago(hour), 0),
            (Start::Ago(Duration::ZERO), 3),
            (Start::Last(0), 3),
            (Start::Last(1), 2),
            (Start::Last(3), 0),
            (Start::Last(u64::MAX), 0),
        ] {
            let mut reader = reader(&topic, start).await;
            assert_eq!(reader.start(), Offset(at), "{start:?}");
            assert_eq!(reader.end(), Offset(3), "{start:?}");
            let kept = usize::try_from(3 - at).unwrap();
            assert_eq!(offsets(&take(&mut reader, kept).await), (at..3).collect::<Vec<_>>());
        }
        // What comes later comes to all, and nothing before it to those that start at the end.
        let mut latest = reader(&topic, Start::Latest).await;
        let mut future = reader(&topic, Start::Time(run[2].at + hour)).await;
        publish_numbers(&topic, 1).await;
        for reader in [&mut latest, &mut future] {
            assert_eq!(offsets(&take(reader, 1).await), [3]);
        }
        let beyond = topic.reader(ReaderRequest::from(Offset(5))).await.unwrap_err();
        let end = Offset(4);
        assert!(
            matches!(beyond, OpenFault::BeyondEnd { requested: Offset(5), end: e } if e == end),
            "{beyond}"
        );
        let committed = topic.reader(ReaderRequest::from(Start::Committed)).await.unwrap_err();
        assert!(matches!(committed, OpenFault::Option { option: "start", .. }));
    })
    .await;
}

#[tokio::test]
async fn what_retention_removed_is_told_by_the_offset_of_what_follows() {
    each(async |server| {
        let transport = connect(&server).await;
        let mut wants = request("orders");
        wants.max_messages = Some(5);
        let topic = transport.open(wants).await.unwrap();
        publish_numbers(&topic, 20).await;
        assert_eq!(reader(&topic, Start::Earliest).await.start(), Offset(15));
        let mut removed = reader(&topic, Offset(3)).await;
        assert_eq!(removed.start(), Offset(3));
        assert_eq!(offsets(&take(&mut removed, 5).await), [15, 16, 17, 18, 19]);
        for (count, first) in [(4, 16), (5, 15), (6, 15), (20, 15)] {
            assert_eq!(reader(&topic, Start::Last(count)).await.start(), Offset(first), "{count}");
        }
    })
    .await;
}

/// memq itself removes only from the front of a stream.
#[tokio::test]
async fn the_last_messages_are_counted_with_what_others_removed() {
    each(async |server| {
        let topic = orders(&connect(&server).await).await;
        publish_numbers(&topic, 6).await;
        let stream = stream(&server).await;
        // Sequences begin at 1.
        for offset in [3, 5] {
            stream.delete_message(offset + 1).await.unwrap();
        }
        for (count, left) in [(6, &[0, 1, 2, 4][..]), (4, &[2, 4]), (3, &[4]), (2, &[4]), (1, &[])]
        {
            let mut reader = reader(&topic, Start::Last(count)).await;
            assert_eq!(reader.start(), Offset(6 - count));
            assert_eq!(offsets(&take(&mut reader, left.len()).await), left, "{count}");
        }
        let mut end = reader(&topic, Start::Last(1)).await;
        publish_numbers(&topic, 1).await;
        assert_eq!(offsets(&take(&mut end, 1).await), [6]);
        stream.purge().await.unwrap();
        for start in [Start::Last(3), Start::Last(0), Start::Earliest] {
            assert_eq!(reader(&topic, start).await.start(), Offset(7), "{start:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_message_says_its_partition_and_closing_ends_its_reader() {
    each(async |server| {
        let transport = connect(&server).await;
        let mut wants = request("audit.2026");
        wants.partitions = Some(3);
        let topic = transport.open(wants).await.unwrap();
        let publisher = topic.publisher().await.unwrap();
        let mut all = reader(&topic, Start::Earliest).await;
        for n in 0..9_u16 {
            let mut message = message(n.to_string());
            message.partition = Some(Partition(n % 3));
            publish(&publisher, message).await.unwrap();
        }
        let run = take(&mut all, 9).await;
        let partitions: Vec<_> = run.iter().map(|message| message.partition.0).collect();
        assert_eq!(partitions, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
        topic.close().await.unwrap();
        assert!(is_closed(&end(&mut all).await));
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_nobody_polls_holds_a_bounded_number() {
    each(async |server| {
        let topic = orders(&connect(&server).await).await;
        let mut reader = reader(&topic, Start::Earliest).await;
        publish_numbers(&topic, 10_000).await;
        // Once it has something it has asked for as much as it ever does, or soon does.
        let mut run = take(&mut reader, 1).await;
        let (stream, names) = (stream(&server).await, consumers(&server).await);
        for _ in 0..10 {
            let consumer = stream.consumer_info(&names[0]).await.unwrap();
            assert!(consumer.delivered.stream_sequence <= 2_048, "{consumer:?}");
        }
        // It is looked for now and then.
        while reader.end() < Offset(10_000) {
            tokio::task::yield_now().await;
        }
        assert_eq!(reader.end(), Offset(10_000));
        while run.len() < 10_000 {
            read(&mut reader, 17, &mut run).await.unwrap();
        }
        assert_eq!(offsets(&run), (0..10_000).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn messages_that_are_larger_than_a_request_brings_come_too() {
    for binary in Binary::all_or_skip() {
        let server = Server::with(&binary, "max_payload: 8MB").unwrap();
        let topic = orders(&connect(&server).await).await;
        let publisher = topic.publisher().await.unwrap();
        let mut reader = reader(&topic, Start::Earliest).await;
        let sizes = [3 << 20, 5, 700 << 10, 700 << 10, 6 << 20, 6 << 20, 1, 1 << 20, 2];
        for size in sizes {
            publish(&publisher, message("x".repeat(size))).await.unwrap();
        }
        let run = take(&mut reader, sizes.len()).await;
        let came: Vec<_> = run.iter().map(|message| message.record.bytes().len()).collect();
        assert_eq!(came, sizes);
    }
}

#[tokio::test]
async fn a_consumer_that_an_administrator_removes_is_made_again() {
    each(async |server| {
        let topic = orders(&connect(&server).await).await;
        let mut reader = reader(&topic, Start::Earliest).await;
        publish_numbers(&topic, 3).await;
        assert_eq!(offsets(&take(&mut reader, 3).await), [0, 1, 2]);
        for _ in 0..3 {
            let names = consumers(&server).await;
            stream(&server).await.delete_consumer(&names[0]).await.unwrap();
            publish_numbers(&topic, 2).await;
            take(&mut reader, 2).await;
        }
        assert_eq!(reader.end(), Offset(9));
    })
    .await;
}

#[tokio::test]
async fn who_only_looks_is_given_what_has_arrived() {
    each(async |server| {
        let topic = orders(&connect(&server).await).await;
        let mut reader = reader(&topic, Start::Earliest).await;
        let mut run = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(reader.poll_next(9, &mut run, &mut cx).is_pending());
        publish_numbers(&topic, 1_000).await;
        while run.len() < 1_000 {
            if reader.poll_next(9, &mut run, &mut cx).is_pending() {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(offsets(&run), (0..1_000).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn the_end_is_never_ahead_of_what_is_stored() {
    each(async |server| {
        let transport = connect(&server).await;
        let mut wants = request("orders");
        wants.max_messages = Some(5);
        let topic = transport.open(wants).await.unwrap();
        let publisher = topic.publisher().await.unwrap();
        let mut reader = reader(&topic, Start::Earliest).await;
        for batch in 1..=40 {
            let numbers = (0..30).map(|n: u32| message(n.to_string()));
            for receipt in submit(&publisher, numbers).await.unwrap() {
                receipt.await.unwrap();
            }
            // The last one is kept, so that it comes.
            let stored = Offset(batch * 30);
            let mut run = Vec::new();
            while run.last().is_none_or(|message: &Incoming| message.offset.next() < stored) {
                read(&mut reader, 1_000, &mut run).await.unwrap();
                assert!(reader.end() <= stored, "{:?} of {stored}", reader.end());
            }
            assert_eq!(reader.end(), stored);
        }
    })
    .await;
}
