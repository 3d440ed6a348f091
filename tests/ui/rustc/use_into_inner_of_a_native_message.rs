use memq::{Message, Topic};

#[derive(Topic)]
#[topic(name = "orders")]
struct Order;

fn take(message: Message<Order>) -> Order {
    message.into_inner()
}

fn main() {}
