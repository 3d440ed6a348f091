//! Documents of an application, from its types: AsyncAPI for tools, and a page for people.
//!
//! ```text
//! cargo run --example asyncapi             # YAML
//! cargo run --example asyncapi -- --json
//! cargo run --example asyncapi -- --html > shop.html
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use memq::Topic;
use memq::schema::{AsyncApi, ConsumerGroup, DocumentError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Somebody wants something from the shop.
#[derive(Serialize, Deserialize, JsonSchema, Topic)]
#[topic(name = "orders", format = Json, compress = Zstd, ttl = "24h", max = 100_000, overflow = Wait)]
struct Order {
    /// Who pays.
    #[topic(key)]
    customer: u64,
    /// What is wanted, at least one line.
    lines: Vec<Line>,
    /// Where it is brought, if not to the customer.
    #[serde(default)]
    address: Option<Address>,
}

/// One thing, and how many of it.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Line {
    item: String,
    /// At least 1.
    amount: u32,
}

/// Where somebody lives.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Address {
    street: String,
    town: String,
}

/// What happened to a payment.
#[derive(Serialize, Deserialize, JsonSchema, Topic)]
#[topic(name = "payments", format = MessagePack, partitions = 8, dedup = "2m", key_with = Self::order)]
#[serde(tag = "what")]
enum Payment {
    /// The money is there.
    Paid { order: u64, cents: u64 },
    /// The bank said no.
    Refused { order: u64, reason: String },
}

impl Payment {
    fn order(&self) -> Option<memq::Key<'_>> {
        let (Self::Paid { order, .. } | Self::Refused { order, .. }) = self;
        Some(memq::Key::from(*order))
    }
}

/// How many of each item are left.
#[derive(Serialize, Deserialize, JsonSchema, Topic)]
#[topic(name = "shop.stock", format = Postcard, max = 1)]
struct Stock {
    items: BTreeMap<String, u32>,
}

fn shop() -> Result<AsyncApi, DocumentError> {
    let order = Order {
        customer: 7,
        lines: vec![Line { item: "oolong".into(), amount: 2 }],
        address: None,
    };
    let billing = ConsumerGroup::new("billing")
        .ack_deadline(Duration::from_secs(60))
        .max_attempts(3)
        .dead_letter("orders.unpaid");
    AsyncApi::new("Tea shop", "1.2.0")
        .description("Sells tea, and brings it.")
        .server("production", "nats://nats.example.com:4222")
        .publishes::<Order>()
        .example(&order)?
        .consumes::<Order>(billing)
        .subscribes::<Payment>()
        .consumes::<Payment>(ConsumerGroup::new("mail").auto_ack())
        .example(&Payment::Refused { order: 12, reason: "no cover".into() })?
        .publishes::<Stock>()
        .subscribes::<Stock>()
        .example(&Stock { items: BTreeMap::from([("oolong".into(), 40)]) })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let shop = shop()?;
    match std::env::args().nth(1).as_deref() {
        None | Some("--yaml") => print!("{}", shop.to_yaml()),
        Some("--json") => println!("{:#}", shop.to_json()),
        Some("--html") => print!("{}", shop.to_html()),
        Some("--nats") => println!("{:#}", shop.on_nats("memq").to_json()),
        Some(other) => {
            return Err(format!("`{other}` is none of --yaml, --json, --html, --nats").into());
        }
    }
    Ok(())
}
