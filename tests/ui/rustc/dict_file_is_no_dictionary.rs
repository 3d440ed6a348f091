use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json, compress = Zstd(dict = "not_a_topic.rs"))]
struct Order;

const _: &str = Order::SPEC.name();

fn main() {}
