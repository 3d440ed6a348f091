use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders")]
struct Order {
    #[topic(key)]
    price: Option<f32>,
}

fn main() {
    let _ = Order::SPEC;
}
