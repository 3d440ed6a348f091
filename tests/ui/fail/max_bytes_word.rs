use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", max_bytes = Large)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
