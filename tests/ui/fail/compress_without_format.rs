use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", compress = Zstd(7))]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
