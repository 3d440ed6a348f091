use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = Cbor)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
