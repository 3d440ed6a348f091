use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders")]
struct Order {
    #[topic(key)]
    price: f64,
}

fn main() {
    let _ = Order::SPEC;
}
