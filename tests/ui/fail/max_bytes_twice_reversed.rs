use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", max_bytes = 65_536, max = "64MiB")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
