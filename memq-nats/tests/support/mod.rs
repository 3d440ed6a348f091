//! What the tests of this crate share: servers of each version, and what one reads on them.
#![allow(dead_code, reason = "no test uses all of it")]

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use futures_util::StreamExt as _;
use memq::spi::{Outgoing, PublishFault, Receipt, RemotePublisher, RemoteTopic, Stored};
use memq::spi::{TopicRequest, Transport};
use memq::{Format, Record, TopicName};
use memq_nats::Connect;
use memq_nats_server::{Binary, Server};

/// Far more than anything takes here; a test that waits longer has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test on a new server of each version there is.
pub(crate) async fn each<F: Future<Output = ()>>(test: impl Fn(Arc<Server>) -> F) {
    for binary in Binary::all_or_skip() {
        let server = Arc::new(Server::start(&binary).expect("a server"));
        let version = server.binary().version();
        let run = tokio::time::timeout(PATIENCE, test(server)).await;
        assert!(run.is_ok(), "nothing happens any more, on nats-server {version}");
    }
}

/// Moves the clock of this process by so much.
pub(crate) async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// How to connect to an address.
pub(crate) fn to(address: &str) -> Connect {
    Connect::new(address).give_up_after(Duration::from_secs(20))
}

/// A connection.
pub(crate) async fn connect(server: &Server) -> Arc<dyn Transport> {
    to(&server.url()).transport().await.expect("a connection")
}

/// What is asked for of a topic.
pub(crate) fn request(name: &str) -> TopicRequest {
    TopicRequest::new(TopicName::new(name).expect("a name"))
}

/// A topic with whatever it has.
pub(crate) async fn open(transport: &Arc<dyn Transport>, name: &str) -> Arc<dyn RemoteTopic> {
    transport.open(request(name)).await.expect("a topic")
}

/// A message of some text.
pub(crate) fn message(text: impl Into<String>) -> Outgoing {
    Outgoing::new(Record::new(text.into()).with_format(Format::Json))
}

/// Publishes one message, and waits for its outcome.
pub(crate) async fn publish(
    publisher: &Arc<dyn RemotePublisher>,
    message: Outgoing,
) -> Result<Stored, PublishFault> {
    submit(publisher, [message]).await?.remove(0).await
}

/// Admits all of these.
pub(crate) async fn submit(
    publisher: &Arc<dyn RemotePublisher>,
    messages: impl IntoIterator<Item = Outgoing>,
) -> Result<Vec<Receipt>, PublishFault> {
    let mut messages: VecDeque<_> = messages.into_iter().collect();
    let mut receipts = Vec::new();
    loop {
        publisher.submit(&mut messages, &mut receipts)?;
        if messages.is_empty() {
            return Ok(receipts);
        }
        publisher.room().await;
    }
}

/// The client without memq.
pub(crate) async fn raw(server: &Server) -> jetstream::Context {
    jetstream::new(async_nats::connect(server.url()).await.expect("a connection"))
}

/// All that a stream holds, as the client reads it.
pub(crate) async fn contents(server: &Server, stream: &str) -> Vec<jetstream::Message> {
    let raw = raw(server).await;
    let info = raw.get_stream(stream).await.expect("the stream").cached_info().clone();
    contents_by(&raw, stream, info.state.messages as usize).await
}

/// So many messages of a stream, over this connection.
pub(crate) async fn contents_by(
    raw: &jetstream::Context,
    stream: &str,
    count: usize,
) -> Vec<jetstream::Message> {
    let stream = raw.get_stream(stream).await.expect("the stream");
    let config = pull::Config { ack_policy: AckPolicy::None, ..Default::default() };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let mut all = Vec::new();
    while all.len() < count {
        let mut batch = consumer.fetch().max_messages(1_000).messages().await.expect("messages");
        while let Some(message) = batch.next().await {
            all.push(message.expect("a message"));
        }
    }
    all
}

/// Their payloads.
pub(crate) async fn texts(server: &Server, stream: &str) -> Vec<String> {
    let text =
        |message: &jetstream::Message| String::from_utf8_lossy(&message.payload).into_owned();
    contents(server, stream).await.iter().map(text).collect()
}
