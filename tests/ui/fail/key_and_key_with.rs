use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", key_with = Self::customer)]
struct Order {
    #[topic(key)]
    customer: u64,
}

fn main() {
    let _ = Order::SPEC;
}
