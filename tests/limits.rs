//! What readers and openers refuse: payloads that are too long, and stages that are others.

use crate::common;

use common::Order;
use memq::codec::Stage;
use memq::{Broker, Cause, Compression, DecodeError, OpenError, RecvError, TopicConflict};

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
