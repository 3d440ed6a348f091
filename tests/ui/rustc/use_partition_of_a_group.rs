use memq::{Broker, Topic};

#[derive(Topic)]
#[topic(name = "orders")]
struct Order;

async fn open(broker: Broker) {
    let _ = broker.subscriber::<Order>().group("billing").partition(3).await;
}

fn main() {}
