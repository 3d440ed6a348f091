use memq::Topic;

#[derive(Topic)]
#[topic(
    name = "or/ders",
    fromat = Json,
    ttl = "1 hour",
    max = 0,
    max_bytes = "64MB" 2,
    overflow = Block,
)]
struct Order {
    #[topic(kye)]
    customer: u64,
}

fn main() {
    let _ = Order::SPEC;
}
