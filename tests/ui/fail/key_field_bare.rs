use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders")]
struct Order {
    #[topic]
    customer: u64,
}

fn main() {
    let _ = Order::SPEC;
}
