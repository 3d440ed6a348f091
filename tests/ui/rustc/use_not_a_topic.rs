use memq::Broker;

struct Order;

async fn open(broker: Broker) {
    let _ = broker.publisher::<Order>().await;
}

fn main() {}
