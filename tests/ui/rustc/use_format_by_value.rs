use memq::{Broker, Format, Topic};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json)]
struct Order;

async fn open(broker: Broker) {
    let _ = broker.publisher::<Order>().format(Format::Json).await;
}

fn main() {}
