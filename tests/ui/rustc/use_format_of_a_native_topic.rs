use memq::{Broker, Topic, codec::Json};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders")]
struct Order;

async fn open(broker: Broker) {
    let _ = broker.publisher::<Order>().format(Json).await;
}

fn main() {}
