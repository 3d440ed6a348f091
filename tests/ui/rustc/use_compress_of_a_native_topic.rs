use memq::{Broker, Compression, Topic};

#[derive(Topic)]
#[topic(name = "orders")]
struct Order;

async fn open(broker: Broker) {
    let _ = broker.publisher::<Order>().compress(Compression::Gzip).await;
}

fn main() {}
