use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders")]
enum Order {
    #[topic(ttl = "1h")]
    Placed,
    Cancelled,
}

fn main() {
    let _ = Order::SPEC;
}
