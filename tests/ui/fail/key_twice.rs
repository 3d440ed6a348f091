use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders")]
struct Order {
    #[topic(key)]
    customer: u64,
    #[topic(key)]
    item: String,
}

fn main() {
    let _ = Order::SPEC;
}
