use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = Native, compress = Gzip)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
