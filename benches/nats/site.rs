//! One server, memq and the client on it, and the messages that go through both.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::stream::{self, Stream};
use async_nats::jetstream::{Context, consumer};
use futures_util::TryStreamExt as _;
use memq::{Broker, Topic};
use memq_nats_server::{Binary, Server};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

/// Messages on their way to the server at once, at most; memq's default.
pub const WINDOW: usize = 1_000;
/// Messages that a group is asked for at once.
pub const BATCH: usize = 256;
/// Messages in the topic that is read.
pub const KEPT: u64 = 200_000;

/// What goes through both: about a hundred bytes of JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reading {
    pub number: u64,
    pub sensor: u32,
    pub celsius: f64,
    pub place: String,
}

impl Reading {
    pub fn new(number: u64) -> Self {
        let celsius = (number % 400) as f64 / 10.0;
        Self {
            number,
            sensor: number as u32 % 1_000,
            celsius,
            place: "the greenhouse, behind".into(),
        }
    }
}

/// The topic that is published to.
#[derive(Clone, Debug, Serialize, Deserialize, Topic)]
#[topic(name = "published", format = Json, max = 50_000_000, max_bytes = "64GB")]
pub struct Published(pub Reading);

/// The topic that is read, by memq and by the client.
#[derive(Clone, Debug, Serialize, Deserialize, Topic)]
#[topic(name = "kept", format = Json, max = 50_000_000, max_bytes = "64GB")]
pub struct Kept(pub Reading);

/// Their streams, and the client's own.
pub const PUBLISHED: &str = "memq-published";
pub const STREAM: &str = "memq-kept";
pub const RAW: &str = "raw-published";

/// What the client publishes to: of one length with memq's.
pub const SUBJECT: &str = "kraw.publishd.0.n";

/// A server with everything on it.
pub struct Site {
    pub runtime: Runtime,
    /// Ends with it.
    _server: Server,
    pub broker: Broker,
    /// The client. A connection of its own, as memq has.
    pub raw: Context,
    /// How memq has set up its stream.
    config: stream::Config,
    number: AtomicU64,
}

impl Site {
    /// Starts a server.
    pub fn new(binary: &Binary) -> io::Result<Self> {
        let server = Server::start(binary)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (broker, raw, config) = runtime.block_on(async {
            let broker = memq_nats::connect(server.url()).await.expect("memq connects");
            let client = async_nats::connect(server.url()).await.expect("the client connects");
            let raw = ContextBuilder::new().max_ack_inflight(2 * WINDOW).build(client);
            fill(&broker).await;
            broker.create::<Published>().await.expect("a topic");
            let published = raw.get_stream(PUBLISHED).await.expect("its stream");
            let config = published.cached_info().config.clone();
            broker.delete("published").await.expect("the topic");
            (broker, raw, config)
        });
        Ok(Self { runtime, _server: server, broker, raw, config, number: AtomicU64::new(0) })
    }

    /// A name that was not used yet.
    pub fn unused(&self, what: &str) -> String {
        format!("{what}{}", self.number.fetch_add(1, Ordering::Relaxed))
    }

    /// An empty stream of the client's, set up as memq sets up its own.
    pub async fn raw_stream(&self) {
        let config = stream::Config {
            name: RAW.to_owned(),
            subjects: vec![SUBJECT.replace(".0.n", ".*.*")],
            description: None,
            ..self.config.clone()
        };
        self.raw.create_stream(config).await.expect("a stream");
    }

    /// The stream that is read.
    pub async fn kept(&self) -> Stream {
        self.raw.get_stream(STREAM).await.expect("its stream")
    }

    /// How many messages are in a stream, which is then deleted.
    pub async fn count_and_delete(&self, stream: &str) -> u64 {
        let info = self.raw.get_stream(stream).await.expect("the stream").cached_info().clone();
        self.raw.delete_stream(stream).await.expect("the stream");
        info.state.messages
    }

    /// Waits until the server knows of this many messages that they are settled in the only group.
    pub async fn settled(&self, count: u64) {
        loop {
            let consumers =
                self.kept().await.consumers().try_collect::<Vec<consumer::Info>>().await;
            let settled = |info: &consumer::Info| {
                let sent = info.delivered.consumer_sequence;
                sent.min(info.ack_floor.stream_sequence) >= count
            };
            if consumers.expect("consumers").iter().any(settled) {
                return;
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }
}

/// Fills the topic that is read.
async fn fill(broker: &Broker) {
    let publisher = broker.publisher::<Kept>().await.expect("a publisher");
    let all = (0..KEPT).map(|number| Kept(Reading::new(number)));
    publisher.publish_batch(all).await.expect("stored");
}
