//! Names from constants, which are checked where they are evaluated.

use memq::{Topic, TopicSpec};

const ORDERS: &str = "orders";

mod names {
    pub(super) const INVOICES: &str = "shop.invoices";
    #[allow(non_upper_case_globals)]
    pub(super) const letters: &str = "letters";
}

#[derive(Topic)]
#[topic(name = ORDERS)]
struct Order;

#[derive(Topic)]
#[topic(name = names::INVOICES)]
struct Invoice;

#[derive(Topic)]
#[topic(name = self::names::letters)]
struct Letter;

#[derive(Topic)]
#[topic(name = Self::NAME)]
struct Parcel;

impl Parcel {
    const NAME: &'static str = "parcels";
}

const _: [TopicSpec; 4] = [Order::SPEC, Invoice::SPEC, Letter::SPEC, Parcel::SPEC];

fn main() {
    assert_eq!(Order::SPEC.name(), "orders");
    assert_eq!(Invoice::SPEC.name(), "shop.invoices");
    assert_eq!(Letter::SPEC.name(), "letters");
    assert_eq!(Parcel::SPEC.name(), "parcels");
}
