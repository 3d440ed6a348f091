//! A memq under another name.

mod my_lib {
    pub mod reexports {
        pub use memq as queue;
    }
}

use memq as mq;

#[derive(my_lib::reexports::queue::Topic)]
#[topic(name = "orders", crate = my_lib::reexports::queue, compress = None)]
struct Order {
    #[topic(key)]
    customer: u64,
}

#[derive(mq::Topic)]
#[topic(crate = mq, name = "invoices", ttl = "1h", overflow = Wait)]
struct Invoice;

#[derive(mq::Topic)]
#[topic(crate = crate::my_lib::reexports::queue, name = "letters")]
struct Letter;

fn main() {
    use mq::Topic as _;
    assert_eq!(Order { customer: 7 }.key(), Some(mq::Key::from("7")));
    assert_eq!(Invoice::SPEC.name(), "invoices");
    assert_eq!(Letter::SPEC.name(), "letters");
}
