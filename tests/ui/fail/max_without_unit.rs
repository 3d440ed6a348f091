use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", max = "64")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
