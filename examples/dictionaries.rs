//! A dictionary: small messages, compressed with what they have in common.
//!
//! `data/flights.dict` was trained on the flights beside it, by the example `train_dictionary`. The
//! path is relative to this file, as with `include_bytes!`, and the dictionary becomes a part of the
//! program.
//!
//! ```text
//! cargo run --example dictionaries
//! ```

use memq::{Broker, Compression, Dictionary, Error, Record, Topic};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Topic)]
#[topic(name = "flights", format = Json, compress = Zstd(dict = "data/flights.dict"))]
struct Flight {
    date: String,
    delay: i32,
    distance: u32,
    origin: String,
    destination: String,
}

fn flight() -> Flight {
    Flight {
        date: "2001/01/14 08:15".into(),
        delay: 7,
        distance: 1_250,
        origin: "JFK".into(),
        destination: "MIA".into(),
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let broker = Broker::new();
    let mut typed = broker.subscriber::<Flight>().await?;
    let mut bytes = broker.topic("flights").subscriber().await?;

    broker.publisher::<Flight>().await?.publish(flight()).await?;
    assert_eq!(*typed.recv().await?, flight());
    let with = bytes.recv().await?;

    // The same without, from a program that knows no type.
    let plain = with.payload()?;
    let alone = broker.topic("flights.alone").compress(Compression::Zstd);
    alone.publisher().await?.publish_bytes(plain.clone()).await?;
    let without = alone.subscriber().await?.recv().await?;
    println!(
        "{} bytes as JSON, {} with zstd, {} with its dictionary",
        plain.len(),
        without.bytes().len(),
        with.bytes().len()
    );

    // In a file, or in another process, the frame says which dictionary it takes.
    let frame = with.frame()?;
    let read = Record::parse(frame)?;
    println!("refused: {}", read.decode::<Flight>().expect_err("the dictionary is elsewhere"));
    let dictionary = Dictionary::new(&include_bytes!("data/flights.dict")[..])?;
    assert_eq!(read.with_dictionary(&dictionary).decode::<Flight>()?, flight());
    Ok(())
}
