use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders")]
#[derive(Clone, Copy)]
union Order {
    number: u64,
    bits: [u8; 8],
}

fn main() {
    let _ = Order::SPEC;
}
