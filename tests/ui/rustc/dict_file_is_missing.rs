use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json, compress = Zstd(dict = "no_such_file.dict"))]
struct Order;

const _: &str = Order::SPEC.name();

fn main() {}
