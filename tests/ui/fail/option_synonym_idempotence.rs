use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", idempotence = "2m")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
