use memq::Topic;

#[derive(Topic)]
#[topic(name = "orders", key_with = Self::customer)]
struct Order {
    customer: u64,
}

impl Order {
    fn customer(&self) -> u64 {
        self.customer
    }
}

fn main() {}
