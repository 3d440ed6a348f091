//! Types that change: versions, fingerprints, and what a reader makes of messages of others.

use crate::common;

use std::sync::Arc;

use common::Around;
use memq::codec::{Codec, Json, Native, Postcard, Stage};
use memq::schema::{Fingerprint, Lineage};
use memq::{
    Broker, Cause, Compression, DeadLetter, DecodeError, Format, OpenError, Payload, Record,
    RecvError, Subscriber, Topic, TopicSpec,
};
use serde::{Deserialize, Serialize};

/// Three versions of one type in this codec, in a module.
macro_rules! orders {
    ($module:ident, $codec:ident) => {
        mod $module {
            use super::*;

            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            pub struct V1 {
                pub item: String,
                pub count: u32,
            }

            impl Topic for V1 {
                type Codec = $codec;
                const SPEC: TopicSpec = TopicSpec::new("orders");
                const SHAPE: Option<Fingerprint> = Some(Fingerprint::of("item").and("count"));
            }

            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            pub struct V2 {
                pub count: u32,
                pub items: Vec<String>,
            }

            impl From<V1> for V2 {
                fn from(old: V1) -> Self {
                    Self { count: old.count, items: vec![old.item] }
                }
            }

            impl Topic for V2 {
                type Codec = $codec;
                const SPEC: TopicSpec = TopicSpec::new("orders").version(2);
                const SHAPE: Option<Fingerprint> = Some(Fingerprint::of("count").and("items"));
                const LINEAGE: Lineage<Self> = Lineage::from::<V1>();
            }

            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            pub struct V3 {
                pub items: Vec<(String, u32)>,
            }

            impl TryFrom<V2> for V3 {
                type Error = Cause;

                fn try_from(old: V2) -> Result<Self, Cause> {
                    if old.count == 0 {
                        return Err("nothing was ordered".into());
                    }
                    Ok(Self {
                        items: old.items.into_iter().map(|item| (item, old.count)).collect(),
                    })
                }
            }

            impl Topic for V3 {
                type Codec = $codec;
                const SPEC: TopicSpec = TopicSpec::new("orders").version(3);
                const SHAPE: Option<Fingerprint> = Some(Fingerprint::of("items"));
                const LINEAGE: Lineage<Self> = Lineage::try_from::<V2>();
            }

            pub fn v1(item: &str, count: u32) -> V1 {
                V1 { item: item.into(), count }
            }

            pub fn v2(item: &str, count: u32) -> V2 {
                v1(item, count).into()
            }

            pub fn v3(item: &str, count: u32) -> V3 {
                V3 { items: vec![(item.into(), count)] }
            }
        }
    };
}

orders!(json, Json);
orders!(postcard, Postcard);

async fn refused<T: Payload + std::fmt::Debug>(reader: &mut Subscriber<T>) -> DecodeError {
    match reader.recv().await {
        Err(RecvError::Decode { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

/// All types at once, opened in this order; the last one reads all.
macro_rules! read_through_the_chain {
    ($module:ident) => {{
        use $module::*;
        for newest_first in [true, false] {
            let broker = Broker::new();
            let early = match newest_first {
                true => Some(broker.subscriber::<V3>().await.unwrap()),
                false => None,
            };
            broker.publisher::<V1>().await.unwrap().publish(v1("tea", 1)).await.unwrap();
            broker.publisher::<V2>().await.unwrap().publish(v2("milk", 2)).await.unwrap();
            broker.publisher::<V3>().await.unwrap().publish(v3("salt", 3)).await.unwrap();
            let mut reader = match early {
                Some(early) => early,
                None => broker.subscriber::<V3>().await.unwrap(),
            };
            let mut all = Vec::new();
            while let Some(order) = reader.try_recv().unwrap() {
                all.push(order.into_inner());
            }
            assert_eq!(all, [v3("tea", 1), v3("milk", 2), v3("salt", 3)]);
            let mut reader = broker.subscriber::<V3>().from(0).await.unwrap();
            let batch = reader.recv_batch(10).await.unwrap();
            assert_eq!(batch.iter().map(|order| order.items[0].1).collect::<Vec<_>>(), [1, 2, 3]);
            // The second reads the first and itself, and names the third.
            let mut reader = broker.subscriber::<V2>().from(0).await.unwrap();
            assert_eq!(reader.recv().await.unwrap().items, ["tea"]);
            assert_eq!(reader.recv().await.unwrap().items, ["milk"]);
            let error = refused(&mut reader).await;
            assert!(matches!(error, DecodeError::Version { got: 3, have: 2 }), "{error:?}");
        }
    }};
}

/// Records of each version, as they are stored and as frames, read one by one.
macro_rules! read_one_by_one {
    ($module:ident) => {{
        use $module::*;
        let broker = Broker::new();
        broker.publisher::<V1>().await.unwrap().publish(v1("tea", 1)).await.unwrap();
        broker.publisher::<V2>().await.unwrap().publish(v2("milk", 0)).await.unwrap();
        broker.publisher::<V3>().await.unwrap().publish(v3("salt", 3)).await.unwrap();
        let mut records = broker.topic("orders").subscriber().await.unwrap();
        let (first, second) = (records.recv().await.unwrap(), records.recv().await.unwrap());
        let third = records.recv().await.unwrap();
        let framed = Record::parse(first.frame().unwrap()).unwrap();
        for first in [&*first, &framed] {
            assert_eq!(first.read::<V1>().unwrap(), v1("tea", 1));
            assert_eq!(first.read::<V3>().unwrap(), v3("tea", 1));
        }
        let error = second.read::<V3>().unwrap_err();
        assert!(matches!(error, DecodeError::Upcast { from: 2, to: 3, .. }), "{error:?}");
        let error = third.read::<V2>().unwrap_err();
        assert!(matches!(error, DecodeError::Version { got: 3, have: 2 }), "{error:?}");
    }};
}

#[tokio::test]
async fn a_record_alone_is_read_as_its_topics_subscribers_do() {
    read_one_by_one!(json);
    read_one_by_one!(postcard);
    let other = Record::new(vec![0, 0]).with_format(Format::Postcard);
    let error = other.clone().with_fingerprint(Fingerprint::of("else")).read::<postcard::V1>();
    assert!(matches!(error, Err(DecodeError::Schema { .. })), "{error:?}");
    let error = other.read::<json::V1>();
    assert!(matches!(error, Err(DecodeError::Format { got: Format::Postcard, .. })), "{error:?}");
    let error = Record::new(vec![0]).with_sealed(true).read::<json::V1>();
    assert!(matches!(error, Err(DecodeError::Sealed)), "{error:?}");
}

#[tokio::test]
async fn older_messages_are_read_through_their_chain_whoever_comes_first() {
    read_through_the_chain!(json);
    read_through_the_chain!(postcard);
}

#[tokio::test]
async fn frames_carry_version_and_fingerprint() {
    use postcard::*;
    let shop = Broker::new();
    shop.publisher::<V1>().await.unwrap().publish(v1("tea", 1)).await.unwrap();
    shop.publisher::<V2>().await.unwrap().publish(v2("tea", 2)).await.unwrap();
    let mut raw = shop.topic("orders").subscriber().from(0).await.unwrap();
    let (one, two) = (raw.recv().await.unwrap(), raw.recv().await.unwrap());
    assert_eq!((one.version(), one.fingerprint()), (1, V1::SHAPE));
    assert_eq!((two.version(), two.fingerprint()), (2, V2::SHAPE));
    let print = V2::SHAPE.unwrap().as_u64().to_le_bytes();
    let head = [&b"TMQ\x02\x04\x00\x03\x12\x02\x00"[..], &print].concat();
    let frames = [one.frame().unwrap(), two.frame_checked().unwrap()];
    assert_eq!(two.frame().unwrap()[..18], head[..]);

    let elsewhere = Broker::new();
    let writer = elsewhere.topic("orders").publisher().await.unwrap();
    for frame in frames {
        writer.publish_bytes(frame).await.unwrap();
    }
    let mut reader = elsewhere.subscriber::<V3>().from(0).await.unwrap();
    assert_eq!(*reader.recv().await.unwrap(), v3("tea", 1));
    assert_eq!(*reader.recv().await.unwrap(), v3("tea", 2));
}

#[tokio::test]
async fn bytes_that_say_no_version_count_as_the_first() {
    use json::*;
    let broker = Broker::new();
    let mut reader = broker.subscriber::<V2>().await.unwrap();
    let writer = broker.topic("orders").publisher().await.unwrap();
    writer.publish_bytes(r#"{"item":"tea","count":1}"#).await.unwrap();
    let new = r#"{"count":2,"items":["milk"]}"#;
    writer.publish_bytes(new).await.unwrap();
    writer.publish(Record::new(new).with_version(2)).await.unwrap();
    assert_eq!(*reader.recv().await.unwrap(), v2("tea", 1));
    let error = refused(&mut reader).await;
    assert!(matches!(error, DecodeError::Malformed { format: Format::Json, .. }), "{error:?}");
    assert_eq!(*reader.recv().await.unwrap(), v2("milk", 2));
}

#[tokio::test]
async fn what_cannot_be_read_says_what_to_do() {
    /// Version 3, without a way from the others.
    #[derive(Debug, Serialize, Deserialize)]
    struct Alone {
        item: String,
    }

    impl Topic for Alone {
        type Codec = Json;
        const SPEC: TopicSpec = TopicSpec::new("orders").version(3);
    }

    let broker = Broker::new();
    let writer = broker.topic("orders").publisher().await.unwrap();
    let json = Record::new(r#"{"item":"tea","count":1}"#).with_format(Format::Json);
    for version in [4, 2, 0, 3] {
        writer.publish(json.clone().with_version(version)).await.unwrap();
    }
    let mut alone = broker.subscriber::<Alone>().from(0).await.unwrap();
    let text = refused(&mut alone).await.to_string();
    let expected = "the message has version 4, and version 3 is read here: \
                    update this reader before those that publish";
    assert_eq!(text, expected);
    for got in [2, 0] {
        let text = refused(&mut alone).await.to_string();
        assert!(text.contains(&format!("has version {got}, and version 3")), "{text}");
        assert!(text.contains("`upcast_from = …`"), "{text}");
    }
    assert_eq!(alone.recv().await.unwrap().item, "tea");
}

#[tokio::test]
async fn an_older_message_is_read_by_the_older_types_codec_alone() {
    use json::*;
    let broker = Broker::new();
    let mut reader = broker.subscriber::<V2>().await.unwrap();
    let writer = broker.topic("orders").publisher().await.unwrap();
    let mut bytes = Vec::new();
    Postcard::encode(&v1("tea", 1), &mut bytes).unwrap();
    writer.publish(Record::new(bytes).with_format(Format::Postcard)).await.unwrap();
    let text = refused(&mut reader).await.to_string();
    assert!(text.contains("version 1 in Postcard") && text.contains("V1`"), "{text}");
    assert!(text.contains("reads Json: publish it in that, or read"), "{text}");
    // As it says.
    let mut own = broker.subscriber::<V1>().accept(Postcard).await.unwrap();
    assert_eq!(*own.recv().await.unwrap(), v1("tea", 1));
}

#[tokio::test]
async fn fields_that_changed_places_are_an_error_and_never_each_other() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Transfer {
        from: u32,
        to: u32,
    }

    impl Topic for Transfer {
        type Codec = Postcard;
        const SPEC: TopicSpec = TopicSpec::new("transfers");
        const SHAPE: Option<Fingerprint> = Some(Fingerprint::of("struct").and("from").and("to"));
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Swapped {
        to: u32,
        from: u32,
    }

    impl Topic for Swapped {
        type Codec = Postcard;
        const SPEC: TopicSpec = TopicSpec::new("transfers");
        const SHAPE: Option<Fingerprint> = Some(Fingerprint::of("struct").and("to").and("from"));
    }

    let (old, new) = (Broker::new(), Broker::new());
    let transfers = old.publisher::<Transfer>().await.unwrap();
    transfers.publish(Transfer { from: 1, to: 2 }).await.unwrap();
    let mut kept = old.topic("transfers").subscriber().from(0).await.unwrap();
    let frame = kept.recv().await.unwrap().frame().unwrap();

    let mut reader = new.subscriber::<Swapped>().await.unwrap();
    let writer = new.topic("transfers").publisher().await.unwrap();
    writer.publish_bytes(frame.clone()).await.unwrap();
    let error = refused(&mut reader).await;
    let (wrote, reads) = (Transfer::SHAPE.unwrap(), Swapped::SHAPE.unwrap());
    assert!(
        matches!(error, DecodeError::Schema { got, have } if (got, have) == (wrote, reads)),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(text.contains(&wrote.to_string()) && text.contains(&reads.to_string()), "{text}");
    assert!(text.contains("higher `version` and `upcast_from`"), "{text}");

    // Without the fingerprint that is what they would be.
    let bare = Record::parse(frame).unwrap().with_fingerprint(None);
    writer.publish(bare).await.unwrap();
    let swapped = reader.recv().await.unwrap();
    assert_eq!((swapped.to, swapped.from), (1, 2));
}

#[tokio::test]
async fn the_fingerprint_of_an_older_type_is_held_to_that_type() {
    use postcard::*;
    let broker = Broker::new();
    let mut reader = broker.subscriber::<V3>().await.unwrap();
    let writer = broker.topic("orders").publisher().await.unwrap();
    let mut bytes = Vec::new();
    Postcard::encode(&v1("tea", 1), &mut bytes).unwrap();
    let record = Record::new(bytes).with_format(Format::Postcard);
    let other = Fingerprint::of("another");
    writer.publish(record.clone().with_fingerprint(other)).await.unwrap();
    writer.publish(record.with_fingerprint(V1::SHAPE)).await.unwrap();
    let error = refused(&mut reader).await;
    assert!(
        matches!(error, DecodeError::Schema { got, have } if got == other && Some(have) == V1::SHAPE),
        "{error:?}"
    );
    assert_eq!(*reader.recv().await.unwrap(), v3("tea", 1));
}

#[tokio::test]
async fn formats_that_name_their_fields_carry_no_fingerprint() {
    use json::*;
    let broker = Broker::new();
    let orders = broker.publisher::<V2>().await.unwrap();
    orders.publish(v2("tea", 1)).await.unwrap();
    // Another format than the type's says it where it has to.
    let orders = broker.publisher::<V2>().format(Postcard).await.unwrap();
    orders.publish(v2("tea", 2)).await.unwrap();
    let mut raw = broker.topic("orders").subscriber().from(0).await.unwrap();
    let (json, postcard) = (raw.recv().await.unwrap(), raw.recv().await.unwrap());
    assert_eq!((json.version(), json.fingerprint()), (2, None));
    assert_eq!((postcard.version(), postcard.fingerprint()), (2, V2::SHAPE));
    assert_eq!(broker.subscriber::<V2>().from(1).await.unwrap().recv().await.unwrap().count, 2);
}

#[tokio::test]
async fn what_cannot_become_the_newer_type_is_one_error_and_a_dead_letter() {
    use postcard::*;
    let broker = Broker::new();
    let mut reader = broker.subscriber::<V3>().await.unwrap();
    let old = broker.publisher::<V2>().await.unwrap();
    for count in [1, 0, 2] {
        old.publish(v2("tea", count)).await.unwrap();
    }
    broker.publisher::<V1>().await.unwrap().publish(v1("tea", 0)).await.unwrap();
    let mut group = broker.subscriber::<V3>().from(0).group("billing").await.unwrap();

    assert_eq!(*reader.recv().await.unwrap(), v3("tea", 1));
    let error = refused(&mut reader).await;
    assert!(matches!(error, DecodeError::Upcast { from: 2, to: 3, .. }), "{error:?}");
    assert_eq!(*reader.recv().await.unwrap(), v3("tea", 2));

    for count in [1, 2] {
        let order = group.recv().await.unwrap();
        assert_eq!(*order, v3("tea", count));
        order.ack();
    }
    // The last one is looked at, and is dead.
    assert!(group.try_recv().unwrap().is_none());
    let mut dead = broker.topic("orders.billing.dead").subscriber().from(0).await.unwrap();
    for version in [2, 1] {
        let letter = dead.recv().await.unwrap();
        let print = if version == 2 { V2::SHAPE } else { V1::SHAPE };
        assert_eq!((letter.version(), letter.fingerprint()), (version, print));
        let why = DeadLetter::of(letter.headers()).unwrap();
        let said = "could not become one of version 3: nothing was ordered";
        assert!(why.reason.contains(said), "{}", why.reason);
    }

    // What can read them gives them back, as what they were.
    let newest = broker.dead_letters::<V3>("billing").redrive(|_, _| true).await.unwrap();
    assert_eq!((newest.redriven, newest.left), (0, 2));
    let older = broker.dead_letters::<V2>("billing").redrive(|_, _| true).await.unwrap();
    assert_eq!((older.redriven, older.left), (2, 0));
    let mut raw = broker.topic("orders").subscriber().from(4).await.unwrap();
    for (version, print) in [(2, V2::SHAPE), (1, V1::SHAPE)] {
        let back = raw.recv().await.unwrap();
        assert_eq!((back.version(), back.fingerprint()), (version, print));
    }
}

#[tokio::test]
async fn what_is_compressed_and_sealed_keeps_its_version() {
    use postcard::*;
    let broker = Broker::new();
    let topic = broker.topic("orders").stage(Around).compress(Compression::Zstd);
    topic.format(Format::Postcard).create().await.unwrap();
    broker.publisher::<V1>().await.unwrap().publish(v1("tea", 1)).await.unwrap();
    broker.publisher::<V2>().await.unwrap().publish(v2("tea", 2)).await.unwrap();
    let mut reader = broker.subscriber::<V3>().from(0).await.unwrap();
    assert_eq!(*reader.recv().await.unwrap(), v3("tea", 1));
    assert_eq!(*reader.recv().await.unwrap(), v3("tea", 2));

    let sealed = broker.topic("orders").subscriber().keep_sealed().from(1);
    let sealed = sealed.await.unwrap().recv().await.unwrap().into_inner();
    assert!(sealed.is_sealed());
    assert_eq!((sealed.version(), sealed.fingerprint()), (2, V2::SHAPE));
    // Also through a frame around what is sealed, and where that says nothing.
    let stages: [Arc<dyn Stage>; 1] = [Arc::new(Around)];
    let parsed = Record::parse(sealed.frame().unwrap()).unwrap();
    for record in [parsed, Record::new(sealed.bytes().clone())] {
        let opened = record.unseal(&stages).unwrap();
        assert_eq!((opened.version(), opened.fingerprint()), (2, V2::SHAPE));
    }
}

#[tokio::test]
async fn a_type_that_is_no_version_of_the_others_conflicts_by_name() {
    use json::*;

    /// Another child of the first.
    #[derive(Debug, Serialize, Deserialize)]
    struct Cousin {
        item: String,
    }

    impl From<V1> for Cousin {
        fn from(old: V1) -> Self {
            Self { item: old.item }
        }
    }

    impl Topic for Cousin {
        type Codec = Json;
        const SPEC: TopicSpec = TopicSpec::new("orders").version(2);
        const LINEAGE: Lineage<Self> = Lineage::from::<V1>();
    }

    let conflict = |error: OpenError| match error {
        OpenError::Conflict(conflict) => (conflict.option, conflict.existing, conflict.requested),
        other => panic!("{other:?}"),
    };
    let broker = Broker::new();
    broker.create::<V1>().await.unwrap();
    broker.create::<V3>().await.unwrap();
    let (option, existing, requested) = conflict(broker.subscriber::<Cousin>().await.unwrap_err());
    assert_eq!(option, "type");
    assert!(existing.ends_with("json::V3") && requested.ends_with("Cousin"), "{existing}");
    // The one between them is not opened yet, and fits; and so do all again.
    broker.create::<V2>().await.unwrap();
    broker.create::<V1>().await.unwrap();

    let broker = Broker::new();
    broker.create::<Cousin>().await.unwrap();
    broker.create::<V1>().await.unwrap();
    let (_, existing, requested) = conflict(broker.publisher::<V2>().await.unwrap_err());
    assert!(existing.ends_with("Cousin") && requested.ends_with("json::V2"), "{existing}");
}

#[tokio::test]
async fn native_messages_are_read_only_as_what_they_are() {
    #[derive(Debug)]
    struct Old(u32);

    impl Topic for Old {
        type Codec = Native;
        const SPEC: TopicSpec = TopicSpec::new("orders");
    }

    #[derive(Debug)]
    #[expect(dead_code, reason = "nobody gets to read it")]
    struct New(u64);

    impl From<Old> for New {
        fn from(old: Old) -> Self {
            Self(old.0.into())
        }
    }

    impl Topic for New {
        type Codec = Native;
        const SPEC: TopicSpec = TopicSpec::new("orders").version(2);
        const LINEAGE: Lineage<Self> = Lineage::from::<Old>();
    }

    let refused = |error: OpenError| {
        assert!(matches!(error, OpenError::Option { option: "version", .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("Old`") && text.contains("New`"), "{text}");
        assert!(text.contains("a format, such as `Json`"), "{text}");
    };
    let broker = Broker::new();
    broker.publisher::<Old>().await.unwrap().publish(Old(7)).await.unwrap();
    refused(broker.subscriber::<New>().await.unwrap_err());
    let broker = Broker::new();
    broker.publisher::<New>().await.unwrap().publish(New(7)).await.unwrap();
    refused(broker.subscriber::<Old>().await.unwrap_err());
}
