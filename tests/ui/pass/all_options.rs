//! Every option, in no order, over several attributes, with and without trailing commas.

use std::time::Duration;

use memq::{Compression, Key, Overflow, Retain, Topic, TopicSpec};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(
    overflow = Reject,
    max_bytes = "64MiB",
    retain = UntilConsumed,
    ttl = "1d 2h 3m 4s 5ms 6us 7ns",
    key_with = Self::customer,
    compress = Zstd(-7),
    name = "shop.orders",
)]
#[topic(dedup = "1m 500ms", max = 10_000, partitions = 8, format = Json, crate = ::memq)]
struct Order {
    customer: String,
}

impl Order {
    fn customer(&self) -> Option<Key<'_>> {
        (!self.customer.is_empty()).then(|| Key::from(self.customer.as_str()))
    }
}

const SPEC: TopicSpec = TopicSpec::new("shop.orders")
    .compression_level(Compression::Zstd, -7)
    .ttl(Duration::new(93_784, 5_006_007))
    .max_messages(10_000)
    .max_bytes(64 << 20)
    .overflow(Overflow::Reject)
    .partitions(8)
    .dedup(Duration::from_millis(60_500))
    .retain(Retain::UntilConsumed);

#[derive(Topic)]
#[topic(name = "frames", footprint_with = Self::bytes)]
#[topic(max = "1GiB")]
#[topic(compress = None, retain = WithinLimits)]
struct Frame;

impl Frame {
    fn bytes(&self) -> usize {
        1 << 20
    }
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "logs", format = Json, compress = Gzip(0), max = 1usize, max_bytes = 65_536)]
struct Log;

fn main() {
    assert_eq!(Order::SPEC, SPEC);
    assert_eq!(Order { customer: "ada".into() }.key(), Some(Key::from("ada")));
    assert_eq!(Order { customer: String::new() }.key(), None);
    assert_eq!(
        Frame::SPEC,
        TopicSpec::new("frames")
            .max_bytes(1 << 30)
            .compression(Compression::None)
            .retain(Retain::WithinLimits)
    );
    assert_eq!(Frame.footprint(), 1 << 20);
    assert_eq!(
        Log::SPEC,
        TopicSpec::new("logs")
            .compression_level(Compression::Gzip, 0)
            .max_messages(1)
            .max_bytes(65_536)
    );
}
