use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", key = customer)]
struct Order {
    customer: u64,
}

fn main() {
    let _ = Order::SPEC;
}
