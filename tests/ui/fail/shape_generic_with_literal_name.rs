use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders")]
struct Order<T> {
    item: T,
}

fn main() {
    let _ = Order::<u8>::SPEC;
}
