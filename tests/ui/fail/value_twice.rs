use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders" "invoices", max = 10 20)]
struct Order;

fn main() {
    let _ = Order::SPEC;
}
