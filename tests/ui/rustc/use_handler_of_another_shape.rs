use memq::{Broker, Topic};

#[derive(Clone, Topic)]
#[topic(name = "orders")]
struct Order(u64);

async fn no_result(_: Order) {}

async fn run(broker: Broker) {
    let orders = broker.subscriber::<Order>().group("billing").await.unwrap();
    let _ = orders.run(no_result);
}

fn main() {
    let _ = run;
}
