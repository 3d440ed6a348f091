use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", max = "64MiB", max_bytes = "1GiB")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
