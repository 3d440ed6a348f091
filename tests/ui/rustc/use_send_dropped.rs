#![deny(unused_must_use)]
use memq::{PublishError, Publisher, Topic};

#[derive(Topic)]
#[topic(name = "orders")]
struct Order;

fn send(orders: &Publisher<Order>) {
    orders.send(Order);
}

async fn forget(orders: &Publisher<Order>) -> Result<(), PublishError<Order>> {
    orders.send(Order).await?;
    Ok(())
}

fn main() {}
