use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", max = "64Mb")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
