//! What readers and openers refuse: payloads that are too long, and stages that are others.

use crate::common;

use std::error::Error;

use common::Order;
use memq::codec::Stage;
use memq::{
    Broker, Cause, Compression, DecodeError, Format, OpenError, Record, RecvError, TopicConflict,
};

#[tokio::test]
async fn a_payload_that_is_too_long_is_refused_however_it_is_compressed() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let broker = Broker::new();
        let writer = broker.publisher::<Order>().compress(compression).await.unwrap();
        let order = Order::new(1, &"tea".repeat(100));
        let length = serde_json::to_vec(&order).unwrap().len();
        writer.publish(order.clone()).await.unwrap();

        let mut reader = broker.subscriber::<Order>().max_decoded(length).await.unwrap();
        assert_eq!(*reader.recv().await.unwrap(), order);
        let mut reader = broker.subscriber::<Order>().max_decoded(length - 1).await.unwrap();
        match reader.recv().await {
            Err(RecvError::Decode { source: DecodeError::TooLarge { limit }, .. }) => {
                assert_eq!(limit, length - 1, "{compression}");
            }
            other => panic!("{compression}: {other:?}"),
        }
    }
}

/// The text of an error, and those of all its causes.
fn texts(error: &dyn Error) -> Vec<String> {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect()
}

#[tokio::test]
async fn what_cannot_be_written_or_read_says_itself_what_to_do_and_once() {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    let unnamed = orders.publish(Order::new(1, "tea")).id("").now().unwrap_err();
    let said = texts(&unnamed);
    assert!(said[0].ends_with("has 1 to 256 bytes, and this one has 0: use a hash of it"));
    assert_eq!(said.len(), 1, "{said:?}");
    let crates = broker.topic("crates").max_bytes(1).publisher().await.unwrap();
    let said = texts(&crates.publish_batch([Record::new("tea")]).await.unwrap_err());
    assert!(said[0].starts_with("the batch stopped after 0 messages: the message counts "));
    assert_eq!(said.len(), 1, "{said:?}");

    let untyped = broker.topic("orders").publisher().await.unwrap();
    untyped.publish(Record::new("{}").with_format(Format::Json)).await.unwrap();
    untyped.publish(Record::new("{}").with_format(Format::Cbor)).await.unwrap();
    let mut reader = broker.subscriber::<Order>().await.unwrap();
    let said = texts(&reader.recv().await.unwrap_err());
    let begin =
        "the record at offset 0 could not be decoded, and the next receive goes on after it: ";
    let why = said[0].strip_prefix(begin).unwrap();
    assert_eq!(why, "the payload is not valid Json for this type");
    assert!(said[1].starts_with("missing field `customer`"), "{said:?}");
    assert_eq!(said.len(), 2, "{said:?}");
    let said = texts(&reader.recv().await.unwrap_err());
    assert!(said[0].ends_with("and Json is read here: memq has no codec that does"), "{said:?}");
    assert_eq!(said.len(), 1, "{said:?}");
}

/// A stage that does nothing but have a name.
struct Named(&'static str);

impl Stage for Named {
    fn name(&self) -> &str {
        self.0
    }

    fn seal(&self, bytes: &[u8]) -> Result<Vec<u8>, Cause> {
        Ok(bytes.to_vec())
    }

    fn open(&self, bytes: &[u8]) -> Result<Vec<u8>, Cause> {
        Ok(bytes.to_vec())
    }
}

/// Opens a topic with the first stages, and then with the others.
async fn twice(first: &[&'static str], then: &[&'static str]) -> Result<(), TopicConflict> {
    let broker = Broker::new();
    for names in [first, then] {
        let topic = broker.topic("log");
        let topic = names.iter().fold(topic, |topic, name| topic.stage(Named(name)));
        match topic.await {
            Ok(_) => {}
            Err(OpenError::Conflict(conflict)) => return Err(conflict),
            Err(error) => panic!("{error}"),
        }
    }
    Ok(())
}

#[tokio::test]
async fn stages_are_the_same_if_each_has_the_same_name() {
    twice(&["a", "b"], &["a", "b"]).await.unwrap();
    twice(&["a", "b"], &[]).await.unwrap();
    for (first, then, existing, requested) in [
        (&[][..], &["none"][..], "no stages", r#""none""#),
        (&[], &["no stages"], "no stages", r#""no stages""#),
        (&["a, b"], &["a", "b"], r#""a, b""#, r#""a", "b""#),
        (&["a", "b"], &["a, b"], r#""a", "b""#, r#""a, b""#),
        (&["a", "b"], &["b", "a"], r#""a", "b""#, r#""b", "a""#),
        (&["a", "b"], &["a"], r#""a", "b""#, r#""a""#),
    ] {
        let conflict = twice(first, then).await.unwrap_err();
        assert_eq!(conflict.option, "stage");
        assert_eq!((&*conflict.existing, &*conflict.requested), (existing, requested));
    }
}
