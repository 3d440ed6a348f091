//! The first program: declare a message, publish one, receive it.
//!
//! ```text
//! cargo run --example quickstart
//! ```

use memq::{Broker, Topic};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json, compress = Zstd, ttl = "1h", max = 10_000)]
struct Order {
    #[topic(key)]
    customer: u64,
    item: String,
}

#[tokio::main]
async fn main() -> Result<(), memq::Error> {
    let broker = Broker::new(); // in memory; nothing to install
    let orders = broker.publisher::<Order>().await?; // Publisher<Order>
    let mut incoming = broker.subscriber::<Order>().await?; // Subscriber<Order>

    orders.publish(Order { customer: 7, item: "tea".into() }).await?;

    let order = incoming.recv().await?; // Message<Order>, derefs to Order
    println!("{} ordered {} (offset {})", order.customer, order.item, order.offset());
    Ok(())
}
