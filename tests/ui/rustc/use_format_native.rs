use memq::{Broker, Topic, codec::Native};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json)]
struct Order;

async fn open(broker: Broker) {
    let _ = broker.publisher::<Order>().format(Native).await;
}

fn main() {}
