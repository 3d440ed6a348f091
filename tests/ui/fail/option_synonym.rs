use memq::Topic;

#[derive(Topic)]
#[topic(topic = "orders", capacity = 10, expires = "1h", max_messages = 5)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
