//! S9: an order of 12 fields as JSON, alone and with zstd: from value to value on one thread.

use std::time::{Duration, Instant};

use memq::{Broker, Topic};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio_memq::mq::{
    CompressionConfig, JsonConfig, MessageQueue, PipelineConfig, SerializationConfig,
    SerializationFactory, SerializationFormat,
};
use tokio_memq::{AsyncMessagePublisher, MessageSubscriber};

use super::row;
use crate::measure::{Outcome, Workload};
use crate::run::this_thread;

/// Orders that are made before each look at the clock.
const CHUNK: u64 = 1_000;
/// The level of every compression here.
pub(super) const LEVEL: i32 = 3;

#[derive(Clone, Debug, Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json, max = 1_024)]
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) customer: u64,
    pub(super) item: String,
    pub(super) quantity: u32,
    pub(super) price_cents: u64,
    pub(super) currency: String,
    pub(super) street: String,
    pub(super) city: String,
    pub(super) country: String,
    pub(super) express: bool,
    pub(super) notes: Option<String>,
    pub(super) tags: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, Topic)]
#[topic(name = "packed", format = Json, compress = Zstd(3), max = 1_024)]
#[serde(transparent)]
struct Packed(Order);

fn order(id: u64) -> Order {
    Order {
        id,
        customer: id % 1_000,
        item: "tea, green, 250 g".into(),
        quantity: 3,
        price_cents: 1_299,
        currency: "EUR".into(),
        street: "Lindenstrasse 12".into(),
        city: "Bern".into(),
        country: "CH".into(),
        express: true,
        notes: None,
        tags: vec!["gift".into(), "fragile".into()],
    }
}

pub fn all() -> Vec<Workload> {
    let workload = |name, what, rows| Workload {
        name,
        what,
        unit: "µs",
        higher_is_better: false,
        most: 300_000,
        least: CHUNK,
        fixed: false,
        rows,
    };
    vec![
        workload(
            "S9-json",
            "a 12-field order, published and received as JSON on one thread",
            vec![
                row("memq", |count| ours(count, order)),
                row("tokio-memq", |count| seed(count, false)),
                row("bare-serde", |count| bare(count, false)),
            ],
        ),
        workload(
            "S9-json-zstd",
            "the same, compressed with zstd, level 3",
            vec![
                row("memq", |count| ours(count, |id| Packed(order(id)))),
                row("tokio-memq", |count| seed(count, true)),
                row("bare-serde", |count| bare(count, true)),
            ],
        ),
    ]
}

/// Times `each` on `count` values that are made beside the clock.
pub(super) async fn timed<T>(
    count: u64,
    make: impl Fn(u64) -> T,
    mut each: impl AsyncFnMut(T) -> bool,
) -> Outcome {
    let mut elapsed = Duration::ZERO;
    let (mut done, mut delivered) = (0, 0);
    while done < count {
        let values = (done..(done + CHUNK).min(count)).map(&make).collect::<Vec<_>>();
        done += values.len() as u64;
        let began = Instant::now();
        for value in values {
            delivered += u64::from(each(value).await);
        }
        elapsed += began.elapsed();
    }
    let value = elapsed.as_secs_f64() * 1e6 / count as f64;
    Outcome { delivered, ..Outcome::whole(value, elapsed, count) }
}

fn ours<T>(count: u64, make: impl Fn(u64) -> T) -> Outcome
where
    T: Topic<Codec = memq::codec::Json> + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    this_thread().block_on(async {
        let broker = Broker::new();
        let publisher = broker.publisher::<T>().await.expect("a publisher");
        let mut subscriber = broker.subscriber::<T>().await.expect("a subscriber");
        let each = async |value| {
            publisher.publish(value).await.expect("published");
            let value = subscriber.recv().await.map(memq::Message::into_inner);
            std::hint::black_box(value).is_ok()
        };
        timed(count, make, each).await
    })
}

fn seed(count: u64, packed: bool) -> Outcome {
    let topic = if packed { "packed" } else { "orders" };
    let level = LEVEL;
    let pipeline = PipelineConfig {
        compression: CompressionConfig::Zstd { level },
        pre: None,
        post: None,
        use_magic_header: true,
    };
    SerializationFactory::register_topic_defaults(
        topic,
        SerializationFormat::Json,
        SerializationConfig::Json(JsonConfig { pretty: false }),
        packed.then_some(pipeline),
    );
    this_thread().block_on(async {
        let queue = MessageQueue::new();
        let subscriber = queue.subscriber(topic.to_string()).await.expect("a subscriber");
        let publisher = queue.publisher(topic.to_string());
        let each = async |value| {
            // As a batch of one: its `publish` renders the bytes for a log line also where nothing is
            // logged, and panics on most that are not text.
            publisher.publish_batch(vec![value]).await.expect("published");
            let message = subscriber.recv().await.expect("a message");
            std::hint::black_box(message.deserialize::<Order>()).is_ok()
        };
        timed(count, order, each).await
    })
}

/// No queue: to bytes and back, with fresh buffers.
fn bare(count: u64, packed: bool) -> Outcome {
    this_thread().block_on(async {
        let each = async |value: Order| {
            let json = serde_json::to_vec(&value).expect("JSON");
            let json = if packed {
                let packed = zstd::encode_all(&*json, LEVEL).expect("compressed");
                zstd::decode_all(&*packed).expect("decompressed")
            } else {
                json
            };
            std::hint::black_box(serde_json::from_slice::<Order>(&json)).is_ok()
        };
        timed(count, order, each).await
    })
}
