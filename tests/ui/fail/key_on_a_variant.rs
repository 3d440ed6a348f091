use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders")]
enum Order {
    Placed {
        #[topic(key)]
        customer: u64,
    },
    Cancelled,
}

fn main() {
    let _ = Order::SPEC;
}
