use memq::codec::MessagePack;
use memq::{Broker, Topic};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json, ttl = "1 hour")]
struct Order {
    item: String,
}

async fn run(broker: Broker) -> Result<(), memq::Error> {
    let orders = broker.publisher::<Order>().format(MessagePack).await?;
    orders.publish(Order { item: "tea".into() }).await?;
    let mut read = broker.subscriber::<Order>().await?;
    let Order { item: _ } = read.recv().await?.into_inner();
    let workers = broker.subscriber::<Order>().group("billing").await?;
    let worker = workers.run(|_: Order| async { Ok::<(), std::fmt::Error>(()) }).concurrency(3);
    worker.await?;
    Ok(())
}

fn main() {
    let _ = run;
}
