use memq::Topic;

const ORDERS: &str = "orders";

#[derive(Topic)]
#[topic(name = ORDERS)]
struct Order<const N: usize> {
    items: [u8; N],
}

fn main() {
    let _ = Order::<3>::SPEC;
}
