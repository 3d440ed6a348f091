#![deny(unused_must_use)]
use memq::{Publisher, Topic};

#[derive(Topic)]
#[topic(name = "orders")]
struct Order;

fn publish(orders: Publisher<Order>) {
    orders.publish(Order);
}

fn main() {}
