use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", max = "10k")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
