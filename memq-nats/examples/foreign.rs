//! A program in another language on the same topic, in both directions: `foreign.py` reads what this
//! publishes, with a plain NATS client, and publishes orders that this reads as its type.
//!
//! ```text
//! cargo run -p memq-nats --example foreign
//! cargo run -p memq-nats --example foreign -- nats://127.0.0.1:4222
//! ```
//!
//! The first starts a server of its own on loopback. Both say how the Python is started. What is on
//! the wire is in the documentation of `memq_nats`.
#![allow(clippy::disallowed_methods, reason = "a program starts tasks as it likes")]

use memq::{Broker, Consumer, Record, RecvError, Subscriber, Topic};
use memq_nats::Connect;
use memq_nats_server::{Binary, Server};
use serde::{Deserialize, Serialize};

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// Where the topic is, apart from those of others.
const NAMESPACE: &str = "foreign";

/// How many orders there are in the end: those that are published here, and those of the other program,
/// which also publishes something that is none.
const ORDERS: usize = 5;

#[derive(Debug, Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json)]
struct Order {
    #[topic(key)]
    customer: String,
    item: String,
}

fn main() -> Result<()> {
    match std::env::args().nth(1) {
        Some(address) => trade(&address),
        None => {
            let binary = Binary::all()?.into_iter().next().ok_or(
                "there is no nats-server to start: install one with scripts/nats-servers, or give the \
                 address of one that runs",
            )?;
            // It ends with this.
            let server = Server::start(&binary)?;
            trade(&server.url())
        }
    }
}

#[tokio::main]
async fn trade(address: &str) -> Result<()> {
    let broker = Connect::new(address).namespace(NAMESPACE).await?;
    // What an earlier run has left, if it was cut off.
    clear(&broker).await?;

    let orders = broker.publisher::<Order>().await?;
    for (customer, item) in [("ann", "tea"), ("Zoë", "thé vert 🍵")] {
        let order = Order { customer: customer.to_owned(), item: item.to_owned() };
        orders.publish(order).header("trace", "00f067").await?;
    }

    let reader = tokio::spawn(read(broker.subscriber::<Order>().await?));
    let billing = broker.subscriber::<Order>().group("billing").await?;
    let dead = broker.topic("orders.billing.dead").subscriber().await?;
    let member = tokio::spawn(work(billing, dead));

    println!("now start: python3 memq-nats/examples/foreign.py {address} {NAMESPACE}");
    reader.await??;
    member.await??;
    clear(&broker).await
}

/// Reads what is published, by whomever.
async fn read(mut orders: Subscriber<Order>) -> Result<()> {
    for _ in 0..=ORDERS {
        match orders.recv().await {
            Ok(order) => {
                let trace = order.headers().get("trace").unwrap_or("none");
                println!("reader: {} orders {}, trace {trace}", order.customer, order.item);
            }
            // Of that one message; the next is another.
            Err(error @ RecvError::Decode { .. }) => println!("reader: {error}"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A member of a group, until everything is done: what it acknowledges is, and what is no order is a
/// dead letter.
async fn work(mut orders: Consumer<Order>, mut dead: Subscriber<Record>) -> Result<()> {
    let (mut billed, mut given_up) = (0, false);
    while billed < ORDERS || !given_up {
        tokio::select! {
            order = orders.recv() => {
                let order = order?;
                let key = order.key().map(|key| key.as_bytes().escape_ascii().to_string());
                println!("group:  {} is billed for {}, key {}", order.customer, order.item,
                    key.unwrap_or_else(|| "none".to_owned()));
                order.ack_confirmed().await?;
                billed += 1;
            }
            letter = dead.recv() => {
                let payload = letter?.payload()?;
                println!("group:  given up: {}", payload.escape_ascii());
                given_up = true;
            }
        }
    }
    Ok(())
}

async fn clear(broker: &Broker) -> Result<()> {
    for topic in broker.topics().await? {
        broker.delete(topic).await?;
    }
    Ok(())
}
