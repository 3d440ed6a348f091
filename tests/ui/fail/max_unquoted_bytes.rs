use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", max = 64MiB)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
