use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", format = my::Format)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
