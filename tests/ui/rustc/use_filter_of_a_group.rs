use memq::{Broker, Topic};

#[derive(Topic)]
#[topic(name = "orders")]
struct Order {
    customer: u64,
}

async fn open(broker: Broker) {
    let orders = broker.subscriber::<Order>().group("billing");
    let _ = orders.filter(|order| order.customer > 0).await;
}

fn main() {}
