use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders")]
struct Order {
    #[topic(key, ttl = "1h")]
    customer: u64,
}

fn main() {
    let _ = Order::SPEC;
}
