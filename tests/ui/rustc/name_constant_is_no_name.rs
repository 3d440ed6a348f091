use memq::Topic;

const ORDERS: &str = "shop/orders";

#[derive(Topic)]
#[topic(name = ORDERS)]
struct Order;

const _: &str = Order::SPEC.name();

fn main() {}
