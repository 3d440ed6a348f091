use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", ttl = "5 fortnights")]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
