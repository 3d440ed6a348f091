//! Topics that are named at run time: the same handles, over bytes. Each record says by itself how
//! it is encoded and compressed, so a reader needs no agreement with the writer.
//!
//! ```text
//! cargo run --example dynamic_topics
//! ```

use memq::codec::Detected;
use memq::{Broker, Compression, EncodeError, Error, Format, PublishError, Record, Topic};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize, Topic)]
#[topic(name = "sensors", format = MessagePack, compress = Gzip)]
struct Reading {
    #[topic(key)]
    sensor: String,
    celsius: f64,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let broker = Broker::new();
    one_topic_for_each_tenant(&broker).await?;
    frames_carry_a_typed_topic_elsewhere(&broker).await?;
    bytes_of_unknown_origin()
}

/// Names and options are values here, so mistakes in them are errors at run time.
async fn one_topic_for_each_tenant(broker: &Broker) -> Result<(), Error> {
    for tenant in ["acme", "globex"] {
        let audit = broker.topic(&format!("audit.{tenant}")).format(Format::Json).max(1_000);
        let entry = format!(r#"{{"tenant":"{tenant}","action":"sign-in"}}"#);
        audit.publisher().await?.publish_bytes(entry).key(tenant).header("trace", "4bf92f").await?;
    }

    for name in broker.topics().await? {
        let record = broker.topic(name.as_str()).subscriber().await?.recv().await?;
        let entry: serde_json::Value = record.decode()?;
        assert_eq!(entry["action"], "sign-in");
        println!("{name}: {} {entry}", record.format());
    }

    let mistake = broker.topic("audit/acme").create().await.unwrap_err();
    println!("refused: {mistake}");
    let mistake = broker.topic("audit.acme").max(5).create().await.unwrap_err();
    println!("refused: {mistake}");
    Ok(())
}

/// The header in front of a frame says the format and the compression.
async fn frames_carry_a_typed_topic_elsewhere(broker: &Broker) -> Result<(), Error> {
    let readings = broker.publisher::<Reading>().await?;
    let attic = || Reading { sensor: "attic".into(), celsius: 31.5 };
    readings.publish(attic()).await?;

    // Whoever knows no type reads the same topic by its name. A frame is made on the way out, …
    let record = broker.topic("sensors").subscriber().await?.recv().await?;
    let frame = record.frame()?;
    println!("{} bytes, beginning with {:?}", frame.len(), frame[..3].escape_ascii().to_string());

    // … and recognised on the way in, in another broker that may be in another process.
    let elsewhere = Broker::new();
    let inbox = elsewhere.topic("inbox");
    inbox.publisher().await?.publish_bytes(frame).await?;
    let record = inbox.subscriber().await?.recv().await?;
    assert_eq!((record.format(), record.compression()), (Format::MessagePack, Compression::Gzip));
    assert_eq!(record.decode::<Reading>()?, attic());

    // What begins like a frame and is none is an error. It is never taken for something else.
    let damaged = inbox.publisher().await?.publish_bytes(&b"TMQ\x09 what is this?"[..]).await;
    match damaged {
        Err(PublishError::Encode { source: EncodeError::Frame(reason), .. }) => {
            println!("refused: {reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(elsewhere.stats("inbox").await?.published, 1);
    Ok(())
}

/// Without a header, `detect` tells what can be told from the whole of the bytes.
fn bytes_of_unknown_origin() -> Result<(), Error> {
    let samples: [(&str, &[u8]); 4] = [
        ("an object", br#"{"sensor":"attic","celsius":31.5}"#),
        ("a map", b"\x82\xa6sensor\xa5attic\xa7celsius\xcb\x40\x3f\x80\x00\x00\x00\x00\x00"),
        ("a frame", b"TMQ\x02\x01\x00\x00\x08[]"),
        ("a text", b"attic: 31.5"),
    ];
    for (what, bytes) in samples {
        match Record::detect(bytes) {
            Ok(Detected::Format(format)) => {
                let record = Record::new(bytes.to_vec()).with_format(format);
                println!("{what}: {format}, {:?}", record.decode::<Reading>()?);
            }
            Ok(Detected::Frame { format, .. }) => println!("{what}: a frame around {format}"),
            Ok(other) => println!("{what}: {other:?}"),
            // Nothing is guessed: the writer has to say.
            Err(error) => println!("{what}: {error}"),
        }
    }
    Ok(())
}
