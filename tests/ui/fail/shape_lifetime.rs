use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders")]
struct Order<'a, T: 'a> {
    item: &'a T,
}

fn main() {
    let _ = Order::<'_, u8>::SPEC;
}
