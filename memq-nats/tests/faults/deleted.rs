//! A topic that is deleted while everybody is in the middle of something.

use std::future::IntoFuture;
use std::time::Duration;

use memq::{Broker, Ended, Offset, Overflow, PublishError, Record, RecvError, SettleError};
use memq_nats_server::{Ledger, Mark, Seen, Server};

use crate::kit::{record, to};
use crate::support::{each, raw};

/// Messages that the topic holds: it is full, and waits for who holds the first of them.
const MAX: u64 = 4;

/// Messages that a publisher has under way.
const WINDOW: usize = 16;

/// So long nothing is seen to happen.
const NOTHING: Duration = Duration::from_millis(50);

/// Names who does not end.
async fn ends<T>(who: &str, what: impl IntoFuture<Output = T>) -> T {
    let patience = Duration::from_secs(20);
    let ended = tokio::time::timeout(patience, what.into_future()).await;
    ended.unwrap_or_else(|_| panic!("{who} does not end"))
}

fn mark(number: u64) -> Mark {
    Mark { publisher: 1, number }
}

/// Deletes the topic while nothing moves, and looks how each ends who uses it.
async fn deleted_by(server: &Server, delete: impl AsyncFnOnce(), fault: &str) {
    let broker = to(&server.url()).window(WINDOW).await.unwrap();
    let orders = broker.topic("orders").max(MAX as usize).overflow(Overflow::Wait);
    let publisher = orders.publisher().await.unwrap();
    let group = |name: &str| orders.subscriber().group(name);
    let mut behind = orders.subscriber().await.unwrap();
    let mut waiting = orders.subscriber().await.unwrap();
    let mut holding = group("billing").await.unwrap();
    let mut consuming = group("audit").any_order().await.unwrap();
    let worker = group("work").await.unwrap().run(async |_: Record| Ok::<(), &str>(()));
    let worker_handle = worker.handle();
    let mut running = tokio::task::JoinSet::new();
    running.spawn(worker);

    let ledger = Ledger::new();
    for number in 0..MAX {
        publisher.publish(record(mark(number))).await.unwrap();
        ledger.acknowledged(mark(number));
    }
    // Until nothing more is admitted.
    let mut receipts = Vec::new();
    for number in MAX.. {
        let send = publisher.send(record(mark(number))).into_future();
        let Ok(sent) = tokio::time::timeout(NOTHING, send).await else { break };
        receipts.push(sent.unwrap());
    }
    assert!(receipts.len() <= WINDOW);
    let mut seen = Seen::new();
    for _ in 0..MAX {
        let read = waiting.recv().await.unwrap();
        seen.push(std::str::from_utf8(read.bytes()).unwrap().parse().unwrap());
        let delivery = consuming.recv().await.unwrap();
        delivery.ack_confirmed().await.unwrap();
    }
    while worker_handle.report().succeeded < MAX {
        tokio::task::yield_now().await;
    }
    let held = holding.recv().await.unwrap();

    // Each of these waits for something, and is asked once before it is deleted.
    let (another, batching) = (publisher.clone(), publisher.clone());
    let publish = ends("a publish", another.publish(record(mark(100))));
    let send = ends("a send", publisher.send(record(mark(101))));
    let batch = ends("a batch", batching.publish_batch([record(mark(102)), record(mark(103))]));
    let all = async {
        tokio::join!(
            publish,
            send,
            batch,
            ends("a subscriber", waiting.recv()),
            ends("a consumer", consuming.recv()),
            ends("a worker", running.join_next())
        )
    };
    tokio::pin!(all);
    let early = tokio::time::timeout(NOTHING, &mut all).await;
    assert!(early.is_err(), "{early:?}");
    delete().await;
    let (published, sent, batched, read, consumed, worked) = all.await;

    let told = published.unwrap_err();
    assert!(matches!(told, PublishError::Deleted(_)), "{told}");
    ledger.refused(mark(100));
    let told = sent.unwrap_err();
    assert!(matches!(told, PublishError::Deleted(_)), "{told}");
    let told = batched.unwrap_err();
    assert!(matches!(*told.reason, PublishError::Deleted(())), "{told:?}");
    assert_eq!((told.published.len(), told.rest.len()), (0, 2));
    (101..=103).for_each(|number| ledger.refused(mark(number)));
    for (number, receipt) in (MAX..).zip(receipts) {
        let told = ends("a receipt", receipt).await.unwrap_err();
        assert!(matches!(told, PublishError::Deleted(_)), "{told}");
        assert_eq!(told.into_message().bytes()[..], *mark(number).to_string().as_bytes());
        ledger.refused(mark(number));
    }
    assert!(matches!(read, Err(RecvError::Deleted)), "{read:?}");
    assert!(matches!(consumed, Err(RecvError::Deleted)), "{consumed:?}");
    let worked = worked.unwrap().unwrap().unwrap();
    assert_eq!((worked.ended, worked.succeeded), (Ended::Deleted, MAX));
    let settled = ends("a delivery", held.ack_confirmed()).await;
    assert!(matches!(settled, Err(SettleError::Deleted)), "{settled:?}");
    let ended = ends("a consumer that holds one", holding.recv()).await;
    assert!(matches!(ended, Err(RecvError::Deleted)), "{ended:?}");
    // What had arrived may be read before.
    let mut read = 0;
    let ended = loop {
        match ends("a subscriber that is behind", behind.recv()).await {
            Ok(_) => read += 1,
            Err(ended) => break ended,
        }
    };
    assert!(matches!(ended, RecvError::Deleted) && read <= MAX, "{ended:?} after {read}");
    is_another(&broker, &publisher, &ledger, seen, fault).await;
}

/// Nobody creates it again by the way, and who does finds nothing of the old one in it.
async fn is_another(
    broker: &Broker,
    old: &memq::Publisher<Record>,
    ledger: &Ledger,
    mut seen: Seen,
    fault: &str,
) {
    assert!(!broker.topics().await.unwrap().iter().any(|name| name.as_str() == "orders"));
    let told = old.publish(record(mark(200))).await.unwrap_err();
    assert!(matches!(told, PublishError::Deleted(_)), "{told}");
    ledger.refused(mark(200));
    let new = broker.topic("orders").publisher().await.unwrap();
    assert_eq!(new.publish(record(mark(201))).await.unwrap(), Offset(0));
    ledger.acknowledged(mark(201));
    let told = old.publish(record(mark(202))).await.unwrap_err();
    assert!(matches!(told, PublishError::Deleted(_)), "{told}");
    ledger.refused(mark(202));
    let mut reading = broker.topic("orders").subscriber().await.unwrap();
    broker.close("orders").await.unwrap();
    crate::kit::read_records(&mut reading, &mut seen).await;
    let report = ledger.compare(&seen);
    report.tell(fault);
    assert_eq!((report.lost, report.doubled, report.refused_and_seen), (0, 0, 0), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_topic_ends_everybody_who_waits_by_a_typed_error() {
    each(async |server| {
        let fault = format!("a topic deleted, {}", server.binary().version());
        let other = to(&server.url()).await.unwrap();
        deleted_by(&server, async || other.delete("orders").await.unwrap(), &fault).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_an_administrator_deletes_does_the_same() {
    each(async |server| {
        let fault = format!("a stream deleted, {}", server.binary().version());
        let delete = async || {
            raw(&server).await.delete_stream("memq-orders").await.unwrap();
        };
        deleted_by(&server, delete, &fault).await;
    })
    .await;
}
