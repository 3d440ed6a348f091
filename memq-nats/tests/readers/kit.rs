//! What these tests share.

use std::sync::Arc;

use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt as _;
use memq::Start;
use memq::spi::{Fault, Incoming, ReadEnd, ReaderRequest, RemoteReader, RemoteTopic, Transport};
use memq_nats_server::Server;

use crate::support::{message, raw, request, submit};

/// The topic `orders`, which keeps more than any test publishes.
pub(crate) async fn orders(transport: &Arc<dyn Transport>) -> Arc<dyn RemoteTopic> {
    let mut wants = request("orders");
    wants.max_messages = Some(1_000_000);
    transport.open(wants).await.unwrap()
}

/// A reader from this start on.
pub(crate) async fn reader(
    topic: &Arc<dyn RemoteTopic>,
    start: impl Into<Start>,
) -> Box<dyn RemoteReader> {
    topic.reader(ReaderRequest::from(start)).await.unwrap()
}

/// Adds what comes next, `max` messages at most.
pub(crate) async fn read(
    reader: &mut Box<dyn RemoteReader>,
    max: usize,
    run: &mut Vec<Incoming>,
) -> Result<(), ReadEnd> {
    std::future::poll_fn(|cx| reader.poll_next(max, run, cx)).await
}

/// So many messages.
pub(crate) async fn take(reader: &mut Box<dyn RemoteReader>, count: usize) -> Vec<Incoming> {
    let mut run = Vec::new();
    while run.len() < count {
        read(reader, count - run.len(), &mut run).await.unwrap();
    }
    run
}

/// Why there is no message.
pub(crate) async fn end(reader: &mut Box<dyn RemoteReader>) -> ReadEnd {
    let mut run = Vec::new();
    let read = read(reader, 1, &mut run).await;
    read.expect_err(&format!("the end, and not {run:?}"))
}

pub(crate) fn offsets(run: &[Incoming]) -> Vec<u64> {
    run.iter().map(|message| message.offset.0).collect()
}

pub(crate) fn texts(run: &[Incoming]) -> Vec<String> {
    run.iter().map(|one| String::from_utf8_lossy(one.record.bytes()).into_owned()).collect()
}

/// The numbers from 0 on, as texts.
pub(crate) fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

/// Publishes the numbers from 0 on, and waits until they are stored.
pub(crate) async fn publish_numbers(topic: &Arc<dyn RemoteTopic>, count: usize) {
    let publisher = topic.publisher().await.unwrap();
    for receipt in submit(&publisher, numbers(count).into_iter().map(message)).await.unwrap() {
        receipt.await.unwrap();
    }
}

pub(crate) fn is_closed(end: &ReadEnd) -> bool {
    matches!(end, ReadEnd::Closed)
}

pub(crate) fn is_deleted(end: &ReadEnd) -> bool {
    matches!(end, ReadEnd::Fault(Fault::Deleted))
}

pub(crate) fn is_unavailable(end: &ReadEnd) -> bool {
    matches!(end, ReadEnd::Fault(Fault::Unavailable(_)))
}

/// The stream of the topic `orders`, as the client without memq has it.
pub(crate) async fn stream(server: &Server) -> Stream {
    raw(server).await.get_stream("memq-orders").await.unwrap()
}

/// The consumers of that stream.
pub(crate) async fn consumers(server: &Server) -> Vec<String> {
    stream(server).await.consumer_names().map(Result::unwrap).collect().await
}
