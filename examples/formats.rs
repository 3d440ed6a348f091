//! Formats and compressions: the type declares one, a publisher may write another, and every
//! subscriber reads them all, since each record names its own.
//!
//! ```text
//! cargo run --example formats
//! ```

use memq::codec::{Bincode, MessagePack, Postcard};
use memq::{Broker, Compression, Error, Publisher, RecvError, Topic};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json, compress = Zstd)]
struct Order {
    #[topic(key)]
    customer: u64,
    items: Vec<String>,
}

fn order() -> Order {
    Order { customer: 7, items: vec!["tea".into(); 20] }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let broker = Broker::new();

    // What the type says, and four publishers that do otherwise.
    let publishers: [Publisher<Order>; 5] = [
        broker.publisher().await?,
        broker.publisher().compress(Compression::None).await?,
        broker.publisher().format(MessagePack).compress(Compression::Gzip).await?,
        broker.publisher().format(Postcard).compress(Compression::Zstd).level(19).await?,
        broker.publisher().format(Bincode).compress(Compression::None).await?,
    ];
    for orders in &publishers {
        orders.publish(order()).await?;
    }

    // A typed subscriber does not notice. One over bytes sees what is stored.
    let mut typed = broker.subscriber::<Order>().await?;
    let mut bytes = broker.topic("orders").subscriber().await?;
    println!("{:<14}{:<14}bytes", "format", "compression");
    for _ in &publishers {
        assert_eq!(*typed.recv().await?, order());
        let record = bytes.recv().await?;
        let (format, compression) = (record.format().to_string(), record.compression().to_string());
        println!("{format:<14}{compression:<14}{}", record.bytes().len());
        assert_eq!(record.decode::<Order>()?, order());
    }

    from_elsewhere().await
}

/// Bytes that no publisher of this type wrote: the subscriber says what it accepts.
async fn from_elsewhere() -> Result<(), Error> {
    let broker = Broker::new();
    broker.create::<Order>().await?;
    let mut strict = broker.subscriber::<Order>().await?;
    let mut open = broker.subscriber::<Order>().accept(MessagePack).await?;

    // A frame around MessagePack, from a file or another process.
    let other_process = Broker::new();
    let writer = other_process.publisher::<Order>().format(MessagePack).await?;
    writer.publish(order()).await?;
    let frame = other_process.topic("orders").subscriber().await?.recv().await?.frame()?;

    let bridge = broker.topic("orders").publisher().await?;
    bridge.publish_bytes(frame).await?;
    bridge.publish_bytes(r#"{"customer":8,"items":[]}"#).await?; // Json: the topic's own format

    assert_eq!(*open.recv().await?, order());
    assert_eq!(open.recv().await?.customer, 8);

    // The error says what to do, and costs one message only.
    match strict.recv().await {
        Err(RecvError::Decode { offset, source }) => println!("\noffset {offset}: {source}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(strict.recv().await?.customer, 8);
    Ok(())
}
