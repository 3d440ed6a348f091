use memq::Topic;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json)]
struct Order {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Option<String>>,
}


fn main() {
    let _ = Order::SPEC;
}
