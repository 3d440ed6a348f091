//! Publishing: in order, once, and with an outcome for each message, whatever happens to the server.
#![allow(clippy::unwrap_used, reason = "this is a test")]

mod support;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures_util::StreamExt as _;
use memq::schema::Fingerprint;
use memq::spi::{Fault, GroupRequest, GroupRules, Outgoing, PublishFault, Settle, Stored};
use memq::{Headers, Key, Offset, Overflow, Partition, Record, Start};
use memq_nats_server::Proxy;

use crate::support::{
    connect, contents, each, message, open, pass, publish, raw, request, submit, texts, to,
};

fn numbered(count: usize) -> impl Iterator<Item = Outgoing> {
    (0..count).map(|n| message(n.to_string()))
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

#[tokio::test]
async fn what_is_submitted_is_stored_in_order_and_told() {
    each(async |server| {
        let topic = open(&connect(&server).await, "orders").await;
        let publisher = topic.publisher().await.unwrap();
        let receipts = submit(&publisher, numbered(3_000)).await.unwrap();
        for (n, receipt) in receipts.into_iter().enumerate() {
            assert_eq!(receipt.await.unwrap(), Stored::at(Offset(n as u64)));
        }
        assert_eq!(texts(&server, "memq-orders").await, numbers(3_000));
    })
    .await;
}

#[tokio::test]
async fn another_client_reads_a_bare_payload_and_says_the_rest_in_headers() {
    each(async |server| {
        let transport = connect(&server).await;
        let mut wants = request("audit.2026");
        wants.partitions = Some(4);
        let publisher = transport.open(wants).await.unwrap().publisher().await.unwrap();
        let mut headers = Headers::new();
        headers.insert("trace", "4bf92f").unwrap();
        let mut sent = message(r#"{"item":"tea"}"#);
        let fingerprint = Fingerprint::from_u64(0xab);
        sent.record = sent.record.with_key("7").with_headers(headers);
        sent.record = sent.record.with_version(2).with_fingerprint(fingerprint);
        sent.partition = Some(Partition(3));
        publish(&publisher, sent).await.unwrap();
        let read = contents(&server, "memq-audit=2026").await;
        assert_eq!(read[0].payload, r#"{"item":"tea"}"#);
        assert_eq!(read[0].subject.as_str(), "memq.audit.2026.3.k");
        let said = read[0].headers.as_ref().unwrap();
        for (name, value) in [
            ("Content-Type", "application/json"),
            ("Memq-Key", "7"),
            ("Memq-Version", "2"),
            ("Memq-Fingerprint", "00000000000000ab"),
            ("trace", "4bf92f"),
        ] {
            assert_eq!(said.get(name).map(|value| value.as_str()), Some(value), "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn odd_keys_and_headers_pass_through_the_server() {
    each(async |server| {
        let publisher = open(&connect(&server).await, "orders").await.publisher().await.unwrap();
        let mut headers = Headers::new();
        for (name, value) in [("empty", ""), ("edges", " x "), ("Nats-Msg-Id", "mine"), ("ä", "")]
        {
            let _ = headers.insert(name, value);
        }
        headers.insert("text", "grün\u{a0}🍵").unwrap();
        for key in [&b""[..], b"\r\n", b" a", b"\xff\x00"] {
            let record = Record::new("x").with_key(Key::new(key)).with_headers(headers.clone());
            publish(&publisher, Outgoing::new(record)).await.unwrap();
        }
        let read = contents(&server, "memq-orders").await;
        assert_eq!(read.len(), 4);
        let said = |at: usize, name: &str| {
            let headers = read[at].headers.as_ref().unwrap();
            headers.get(name).map(|value| value.as_str().to_owned())
        };
        assert_eq!(said(0, "Memq-Key").as_deref(), Some(""));
        assert_eq!(said(1, "Memq-Key-Base64").as_deref(), Some("DQo="));
        assert_eq!(said(0, "text").as_deref(), Some("grün\u{a0}🍵"));
        assert_eq!(said(0, "empty").as_deref(), Some(""));
    })
    .await;
}

#[tokio::test]
async fn a_repeated_id_returns_the_first_offset() {
    each(async |server| {
        let transport = connect(&server).await;
        let mut wants = request("orders");
        wants.dedup = Some(Duration::from_secs(60));
        let publisher = transport.open(wants).await.unwrap().publisher().await.unwrap();
        for id in ["a", "line\r\nbreak"] {
            let mut first = message("1");
            first.id = Some(id.into());
            let stored = publish(&publisher, first.clone()).await.unwrap();
            assert!(!stored.duplicate);
            assert_eq!(publish(&publisher, first).await.unwrap(), Stored::again(stored.offset));
        }
        assert_eq!(publish(&publisher, message("2")).await.unwrap(), Stored::at(Offset(2)));
    })
    .await;
}

#[tokio::test]
async fn a_full_topic_rejects_until_what_everybody_has_read_makes_room() {
    each(async |server| {
        let transport = connect(&server).await;
        let mut wants = request("orders");
        (wants.max_messages, wants.overflow) = (Some(4), Some(Overflow::Reject));
        let publisher = transport.open(wants).await.unwrap().publisher().await.unwrap();
        let receipts = submit(&publisher, numbered(6)).await.unwrap();
        let mut outcomes = Vec::new();
        for receipt in receipts {
            outcomes.push(receipt.await.map_err(|fault| matches!(fault, PublishFault::Full)));
        }
        assert!(outcomes[..4].iter().all(Result::is_ok), "{outcomes:?}");
        assert_eq!(outcomes[4..], [Err(true), Err(true)]);
        // Nobody reads: there is no room.
        assert!(matches!(publish(&publisher, message("x")).await, Err(PublishFault::Full)));
        let mut reading = reader(&server).await;
        assert_eq!(reading.next().await.unwrap().unwrap().payload, "0");
        assert_eq!(reading.next().await.unwrap().unwrap().payload, "1");
        until(|| publish(&publisher, message("x"))).await;
        assert_eq!(texts(&server, "memq-orders").await.last().unwrap(), "x");
    })
    .await;
}

/// Publishes until there is room, of which the server is asked each time. It may count later that something
/// was read.
async fn until<F: Future<Output = Result<Stored, PublishFault>>>(publish: impl Fn() -> F) {
    loop {
        match publish().await {
            Ok(_) => return,
            Err(PublishFault::Full) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

/// Somebody who reads the stream from its first message on, one after the other.
async fn reader(server: &memq_nats_server::Server) -> pull::Stream {
    let stream = raw(server).await.get_stream("memq-orders").await.unwrap();
    let config = pull::Config {
        ack_policy: AckPolicy::None,
        deliver_policy: DeliverPolicy::All,
        ..Default::default()
    };
    let consumer = stream.create_consumer(config).await.unwrap();
    consumer.stream().max_messages_per_batch(1).messages().await.unwrap()
}

#[tokio::test]
async fn what_was_admitted_is_stored_after_its_publisher_is_gone() {
    each(async |server| {
        let transport = connect(&server).await;
        let publisher = open(&transport, "orders").await.publisher().await.unwrap();
        let receipts = submit(&publisher, numbered(500)).await.unwrap();
        drop(publisher);
        transport.shut_down();
        drop(transport);
        for receipt in receipts {
            receipt.await.unwrap();
        }
        assert_eq!(texts(&server, "memq-orders").await, numbers(500));
    })
    .await;
}

#[tokio::test]
async fn after_the_broker_is_gone_nothing_is_admitted() {
    each(async |server| {
        let transport = connect(&server).await;
        let publisher = open(&transport, "orders").await.publisher().await.unwrap();
        transport.shut_down();
        assert!(matches!(publish(&publisher, message("1")).await, Err(PublishFault::Closed)));
    })
    .await;
}

#[tokio::test]
async fn flush_waits_for_all_that_was_admitted() {
    each(async |server| {
        let topic = open(&connect(&server).await, "orders").await;
        let publisher = topic.publisher().await.unwrap();
        publisher.flush().await;
        drop(submit(&publisher, numbered(900)).await.unwrap());
        publisher.flush().await;
        assert_eq!(topic.stats().await.unwrap().published, 900);
    })
    .await;
}

#[tokio::test]
async fn of_answers_that_come_together_each_is_told() {
    each(async |server| {
        let topic = open(&connect(&server).await, "orders").await;
        let publisher = topic.publisher().await.unwrap();
        let raw = raw(&server).await;
        let mut config = raw.get_stream("memq-orders").await.unwrap().cached_info().config.clone();
        config.max_message_size = 300;
        raw.update_stream(config).await.unwrap();
        let is_large = |n: usize| n % 7 == 3;
        let text = |n: usize| if is_large(n) { "x".repeat(400) } else { n.to_string() };
        let receipts = submit(&publisher, (0..200).map(|n| message(text(n)))).await.unwrap();
        let mut stored = Vec::new();
        for (n, receipt) in receipts.into_iter().enumerate() {
            match receipt.await {
                Ok(said) => {
                    assert_eq!(said, Stored::at(Offset(stored.len() as u64)));
                    stored.push(n.to_string());
                }
                Err(PublishFault::TooLarge { max_bytes, .. }) => {
                    assert_eq!((is_large(n), max_bytes), (true, 300));
                }
                Err(fault) => panic!("{n}: {fault:?}"),
            }
        }
        assert_eq!(stored.len(), (0..200).filter(|n| !is_large(*n)).count());
        assert_eq!(texts(&server, "memq-orders").await, stored);
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_asked_for_again() {
    each(async |server| {
        let proxy = Arc::new(Proxy::to(server.addr()).unwrap());
        let transport = to(&proxy.url()).ack_timeout(Duration::from_millis(200));
        let topic = open(&transport.transport().await.unwrap(), "orders").await;
        let publisher = topic.publisher().await.unwrap();
        publish(&publisher, message("0")).await.unwrap();
        proxy.hold();
        let receipts = submit(&publisher, (1..100).map(|n| message(n.to_string()))).await.unwrap();
        // It gives the connection up, and has another one.
        let (waiting, again) = (proxy.clone(), proxy.connections() + 1);
        tokio::task::spawn_blocking(move || waiting.wait_for_connections(again)).await.unwrap();
        proxy.resume();
        for (n, receipt) in receipts.into_iter().enumerate() {
            assert_eq!(receipt.await.unwrap().offset, Offset(n as u64 + 1));
        }
        assert_eq!(texts(&server, "memq-orders").await, numbers(100));
    })
    .await;
}

#[tokio::test]
async fn what_is_given_up_is_unknown_only_where_it_was_sent() {
    each(async |server| {
        let hasty = to(&server.url()).give_up_after(Duration::from_millis(300)).window(4);
        let hasty = hasty.ack_timeout(Duration::from_millis(100)).transport().await.unwrap();
        let publisher = open(&hasty, "orders").await.publisher().await.unwrap();
        publish(&publisher, message("0")).await.unwrap();
        server.kill9();
        let told = publish(&publisher, message("1")).await.unwrap_err();
        let known = matches!(told, PublishFault::Fault(Fault::Unavailable(_)));
        assert!(known || matches!(told, PublishFault::Unknown(_)), "{told}");
        // It was never sent.
        let told = publish(&publisher, message("2")).await.unwrap_err();
        assert!(matches!(told, PublishFault::Fault(Fault::Unavailable(_))), "{told}");
        server.restart().unwrap();
        // It goes on as soon as the server is there.
        let stored = loop {
            match publish(&publisher, message("3")).await {
                Ok(stored) => break stored,
                Err(PublishFault::Fault(Fault::Unavailable(_))) => {}
                Err(other) => panic!("{other}"),
            }
        };
        assert!(stored.offset <= Offset(2));
    })
    .await;
}

#[tokio::test]
async fn a_place_in_a_window_that_stands_still_is_given_to_who_waits() {
    each(async |server| {
        let transport = to(&server.url()).window(8).transport().await.unwrap();
        let mut wants = request("orders");
        (wants.max_messages, wants.overflow) = (Some(2), Some(Overflow::Wait));
        let topic = transport.open(wants).await.unwrap();
        let mut group = topic
            .group(GroupRequest::new("billing", GroupRules::default(), Start::Earliest, 1))
            .await
            .unwrap();
        let publisher = topic.publisher().await.unwrap();
        let mut receipts = submit(&publisher, numbered(10)).await.unwrap();
        // Two are stored, and eight wait for room.
        for receipt in receipts.drain(..2) {
            receipt.await.unwrap();
        }
        let mut more = VecDeque::from([message("more")]);
        publisher.submit(&mut more, &mut receipts).unwrap();
        assert_eq!(more.len(), 1);
        let mut handed = Vec::new();
        poll_fn(|cx| group.poll_next(1, &mut handed, cx)).await.unwrap();
        let token = handed.remove(0).token.unwrap();
        token.settle_confirmed(Settle::Ack).await.unwrap();
        receipts.remove(0).await.unwrap();
        // One of the eight places is free, and nothing else will be.
        while !more.is_empty() {
            publisher.room().await;
            publisher.submit(&mut more, &mut receipts).unwrap();
        }
    })
    .await;
}

/// Whether the server answers who publishes, and what it stored without that.
async fn answers(server: &memq_nats_server::Server, stream: &str, answers: bool) {
    let raw = raw(server).await;
    let mut config = raw.get_stream(stream).await.unwrap().cached_info().config.clone();
    config.no_ack = !answers;
    raw.update_stream(config).await.unwrap();
}

#[tokio::test]
async fn what_is_not_answered_in_time_is_sent_again_also_after_a_quiet_time() {
    each(async |server| {
        let timeout = Duration::from_millis(100);
        let transport = to(&server.url()).ack_timeout(timeout).transport().await.unwrap();
        let topic = open(&transport, "orders").await;
        let publisher = topic.publisher().await.unwrap();
        for n in 0..3 {
            let said = publish(&publisher, message("answered")).await.unwrap();
            assert_eq!(said, Stored::at(Offset(2 * n)));
            if n > 0 {
                // So that nobody waits for an answer any more.
                pass(timeout * 3).await;
            }
            answers(&server, "memq-orders", false).await;
            let receipt = submit(&publisher, [message("unanswered")]).await.unwrap().remove(0);
            while topic.stats().await.unwrap().published < 2 * n + 2 {}
            answers(&server, "memq-orders", true).await;
            assert_eq!(receipt.await.unwrap(), Stored::again(Offset(2 * n + 1)));
        }
    })
    .await;
}

#[tokio::test]
async fn more_than_the_client_takes_at_once_is_sent_in_order() {
    each(async |server| {
        let transport = to(&server.url()).window(10_000).transport().await.unwrap();
        let publisher = open(&transport, "orders").await.publisher().await.unwrap();
        publish(&publisher, message("0")).await.unwrap();
        // All at once: on one thread the client sends nothing meanwhile.
        let mut messages: VecDeque<_> = numbered(6_000).skip(1).collect();
        let mut receipts = Vec::new();
        publisher.submit(&mut messages, &mut receipts).unwrap();
        assert_eq!((messages.len(), receipts.len()), (0, 5_999));
        for (n, receipt) in receipts.into_iter().enumerate() {
            assert_eq!(receipt.await.unwrap(), Stored::at(Offset(n as u64 + 1)));
        }
        assert_eq!(texts(&server, "memq-orders").await, numbers(6_000));
    })
    .await;
}

#[tokio::test]
async fn who_finds_the_line_full_of_what_others_send_is_sent_too() {
    each(async |server| {
        // Nothing is to be rescued by looking for answers that are lost.
        let transport = to(&server.url()).window(10_000).ack_timeout(Duration::from_secs(600));
        let topic = open(&transport.transport().await.unwrap(), "orders").await;
        let (many, one) = (topic.publisher().await.unwrap(), topic.publisher().await.unwrap());
        publish(&many, message("0")).await.unwrap();
        publish(&one, message("1")).await.unwrap();
        let (mut messages, mut receipts) = (numbered(6_000).collect(), Vec::new());
        many.submit(&mut messages, &mut receipts).unwrap();
        let mut own = Vec::new();
        one.submit(&mut VecDeque::from([message("more")]), &mut own).unwrap();
        own.remove(0).await.unwrap();
        many.flush().await;
        assert_eq!(topic.stats().await.unwrap().published, 6_003);
    })
    .await;
}

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for something on a thread that knows no runtime.
fn wait<F: Future>(future: F) -> F::Output {
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

#[tokio::test]
async fn threads_without_a_runtime_publish_in_order() {
    each(async |server| {
        let transport = to(&server.url()).window(5).transport().await.unwrap();
        let publisher = open(&transport, "orders").await.publisher().await.unwrap();
        let threads = ["a", "b", "c"].map(|name| {
            let publisher = publisher.clone();
            thread::spawn(move || {
                let texts = (0..300).map(|n| message(format!("{name}{n}")));
                for receipt in wait(submit(&publisher, texts)).unwrap() {
                    wait(receipt).unwrap();
                }
            })
        });
        let joining = || threads.into_iter().for_each(|thread| thread.join().unwrap());
        tokio::task::spawn_blocking(joining).await.unwrap();
        let all = texts(&server, "memq-orders").await;
        assert_eq!(all.len(), 900);
        for name in ["a", "b", "c"] {
            let own: Vec<_> = all.iter().filter_map(|text| text.strip_prefix(name)).collect();
            assert_eq!(own, numbers(300));
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_admitted_has_an_outcome_also_where_its_runtime_has_ended() {
    each(async |server| {
        let proxy = Arc::new(Proxy::to(server.addr()).unwrap());
        let (url, holding) = (proxy.url(), proxy.clone());
        let ending = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.unwrap();
            let (publisher, receipts) = runtime.block_on(async {
                let transport = to(&url).transport().await.unwrap();
                let publisher = open(&transport, "orders").await.publisher().await.unwrap();
                publish(&publisher, message("0")).await.unwrap();
                holding.hold();
                let receipts = submit(&publisher, [message("1"), message("2")]).await.unwrap();
                (publisher, receipts)
            });
            drop(runtime);
            (publisher, receipts)
        };
        let (publisher, receipts) = tokio::task::spawn_blocking(ending).await.unwrap();
        for receipt in receipts {
            let told = receipt.await.unwrap_err();
            assert!(matches!(told, PublishFault::Unknown(_)), "{told}");
        }
        publisher.flush().await;
        publisher.room().await;
        let told = publish(&publisher, message("3")).await.unwrap_err();
        assert!(matches!(told, PublishFault::Closed), "{told}");
    })
    .await;
}
