//! Older versions of a type, one from the other.

use memq::{Topic, schema::Fingerprint};
use serde::{Deserialize, Serialize};

mod v1 {
    use super::*;

    #[derive(Serialize, Deserialize, Topic)]
    #[topic(name = "orders", format = Json)]
    pub struct Order {
        pub item: String,
    }
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Postcard, version = 2, upcast_from = v1::Order)]
struct OrderV2 {
    item: String,
    count: u8,
}

impl From<v1::Order> for OrderV2 {
    fn from(old: v1::Order) -> Self {
        Self { item: old.item, count: 1 }
    }
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = MessagePack, version = 5, try_upcast_from = OrderV2)]
struct Order {
    item: String,
    count: std::num::NonZeroU8,
}

impl TryFrom<OrderV2> for Order {
    type Error = std::num::TryFromIntError;

    fn try_from(old: OrderV2) -> Result<Self, Self::Error> {
        Ok(Self { item: old.item, count: old.count.try_into()? })
    }
}

trait Named {
    const NAME: &'static str;
}

struct Tea;

impl Named for Tea {
    const NAME: &'static str = "tea";
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = T::NAME, format = Json)]
struct Old<T: Named> {
    #[serde(skip)]
    of: std::marker::PhantomData<T>,
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = <T as Named>::NAME, format = Json, version = 2, upcast_from = Old<T>)]
struct New<T: Named> {
    #[serde(skip)]
    of: std::marker::PhantomData<T>,
}

impl<T: Named> From<Old<T>> for New<T> {
    fn from(old: Old<T>) -> Self {
        Self { of: old.of }
    }
}

fn shape<T: Topic>() -> Option<Fingerprint> {
    T::SHAPE
}

fn main() {
    assert_eq!(v1::Order::SPEC.schema_version(), 1);
    assert_eq!(OrderV2::SPEC.schema_version(), 2);
    assert_eq!(Order::SPEC.schema_version(), 5);
    assert_eq!(New::<Tea>::SPEC.schema_version(), 2);
    let _ = (Order::LINEAGE, New::<Tea>::LINEAGE);
    assert_eq!(shape::<OrderV2>(), shape::<Order>());
    assert_ne!(shape::<OrderV2>(), shape::<v1::Order>());
}
