use memq::Topic;

#[derive(Topic)]
#[topic(max = 10)]
struct Order<T> {
    item: T,
}

fn main() {
    let _ = Order::<u8>::SPEC;
}
