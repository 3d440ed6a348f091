use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders")]
struct Order {
    item: *const u8,
}

fn main() {}
