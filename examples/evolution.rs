//! Three versions of one type on one log: each release reads what all before it wrote, and an old
//! reader says by name what it cannot read.
//!
//! ```text
//! cargo run --example evolution
//! ```

use std::num::ParseIntError;

use memq::{Broker, DecodeError, Publisher, RecvError, Topic};
use serde::{Deserialize, Serialize};

/// The first release: a price is text.
#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json)]
struct OrderV1 {
    item: String,
    price: String,
}

/// The second: a price is a number, which not every text is.
#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json, version = 2, try_upcast_from = OrderV1)]
struct OrderV2 {
    item: String,
    cents: u64,
}

impl TryFrom<OrderV1> for OrderV2 {
    type Error = ParseIntError;

    fn try_from(order: OrderV1) -> Result<Self, ParseIntError> {
        let (whole, cents) = order.price.split_once('.').unwrap_or((&order.price, "0"));
        let cents = whole.parse::<u64>()? * 100 + cents.parse::<u64>()?;
        Ok(Self { item: order.item, cents })
    }
}

/// The third: an order has several lines.
#[derive(Debug, PartialEq, Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json, version = 3, upcast_from = OrderV2)]
struct Order {
    lines: Vec<Line>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    item: String,
    cents: u64,
}

impl From<OrderV2> for Order {
    fn from(order: OrderV2) -> Self {
        Self { lines: vec![Line { item: order.item, cents: order.cents }] }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), memq::Error> {
    let broker = Broker::new();

    // Three releases write, one after the other. Nothing is rewritten.
    let first: Publisher<OrderV1> = broker.publisher().await?;
    first.publish(OrderV1 { item: "tea".into(), price: "4.20".into() }).await?;
    first.publish(OrderV1 { item: "milk".into(), price: "cheap".into() }).await?;
    let second = broker.publisher::<OrderV2>().await?;
    second.publish(OrderV2 { item: "sugar".into(), cents: 150 }).await?;
    let third = broker.publisher::<Order>().await?;
    let lines = vec![Line { item: "lemon".into(), cents: 60 }];
    third.publish(Order { lines }).await?;

    println!("a reader of version 3, from the start:");
    let mut orders = broker.subscriber::<Order>().await?;
    for _ in 0..4 {
        match orders.recv().await {
            Ok(order) => println!("  offset {}: {:?}", order.offset(), order.lines),
            Err(RecvError::Decode { offset, source }) => {
                println!("  offset {offset}: {source}");
            }
            Err(other) => return Err(other.into()),
        }
    }

    println!("a reader of version 1, left running:");
    let mut old = broker.subscriber::<OrderV1>().await?;
    for _ in 0..4 {
        match old.recv().await {
            Ok(order) => {
                println!("  offset {}: {} for {}", order.offset(), order.item, order.price)
            }
            Err(RecvError::Decode { offset, source }) => {
                assert!(matches!(source, DecodeError::Version { .. }));
                println!("  offset {offset}: {source}");
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}
