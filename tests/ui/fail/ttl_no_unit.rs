use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", ttl = "3600")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
