use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", dedup = "18446744073709551616s")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
