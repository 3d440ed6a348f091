use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", version = "v2")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
