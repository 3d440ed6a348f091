//! Versions of a type where topics are kept elsewhere.

use std::panic::{AssertUnwindSafe, catch_unwind};

use memq::codec::Postcard;
use memq::schema::{Fingerprint, Lineage};
use memq::{Consumer, ConsumerBuilder, DecodeError, OpenError, RecvError, Topic, TopicSpec};
use serde::{Deserialize, Serialize};

use crate::common::{settle, spawn, try_now};
use crate::loopback::Server;

#[derive(Debug, Serialize, Deserialize)]
struct Old {
    celsius: i32,
}

impl Topic for Old {
    type Codec = Postcard;
    const SPEC: TopicSpec = TopicSpec::new("readings");
    const SHAPE: Option<Fingerprint> = Some(Fingerprint::of("celsius"));
}

#[derive(Debug, Serialize, Deserialize)]
struct New {
    kelvin: u32,
}

impl TryFrom<Old> for New {
    type Error = std::num::TryFromIntError;

    fn try_from(old: Old) -> Result<Self, Self::Error> {
        assert_ne!(old.celsius, 451, "no such degrees");
        Ok(Self { kelvin: u32::try_from(old.celsius + 273)? })
    }
}

impl Topic for New {
    type Codec = Postcard;
    const SPEC: TopicSpec = TopicSpec::new("readings").version(2);
    const SHAPE: Option<Fingerprint> = Some(Fingerprint::of("kelvin"));
    const LINEAGE: Lineage<Self> = Lineage::try_from::<Old>();
}

/// Version 1 again, with a field of another meaning.
#[derive(Debug, Serialize, Deserialize)]
struct Stranger {
    fahrenheit: i32,
}

impl Topic for Stranger {
    type Codec = Postcard;
    const SPEC: TopicSpec = TopicSpec::new("readings");
    const SHAPE: Option<Fingerprint> = Some(Fingerprint::of("fahrenheit"));
}

#[tokio::test]
async fn both_types_of_a_lineage_have_a_topic_whoever_comes_first() {
    for new_first in [true, false] {
        let broker = Server::start().connect(64).broker();
        if new_first {
            broker.create::<New>().await.unwrap();
        }
        broker.publisher::<Old>().await.unwrap().publish(Old { celsius: 20 }).await.unwrap();
        broker.publisher::<New>().await.unwrap().publish(New { kelvin: 300 }).await.unwrap();
        let mut reader = broker.subscriber::<New>().from(0).await.unwrap();
        assert_eq!(reader.recv().await.unwrap().kelvin, 293);
        assert_eq!(reader.recv().await.unwrap().kelvin, 300);
        let error = broker.subscriber::<Stranger>().await.unwrap_err();
        let OpenError::Conflict(conflict) = error else { panic!("{error:?}") };
        let first = if new_first { "New" } else { "Old" };
        assert!(conflict.existing.ends_with(first), "{conflict}");
        assert!(conflict.requested.ends_with("Stranger"), "{conflict}");
    }
}

/// In another process nobody knows the type that wrote; the fingerprint tells.
#[tokio::test]
async fn another_process_is_told_apart_by_the_fingerprint() {
    let server = Server::start();
    let here = server.connect(64).broker();
    here.publisher::<Old>().await.unwrap().publish(Old { celsius: 20 }).await.unwrap();
    let there = server.connect(64).broker();
    let mut reader = there.subscriber::<Stranger>().from(0).await.unwrap();
    match reader.recv().await {
        Err(RecvError::Decode { source: DecodeError::Schema { got, have }, .. }) => {
            assert_eq!((Some(got), Some(have)), (Old::SHAPE, Stranger::SHAPE));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_dead_letter_keeps_what_it_was_written_from_on_both_ways() {
    let server = Server::start();
    let broker = server.connect(64).broker();
    broker.publisher::<Old>().await.unwrap().publish(Old { celsius: -300 }).await.unwrap();
    broker.publisher::<New>().await.unwrap().publish(New { kelvin: 1 }).await.unwrap();
    let mut group = broker.subscriber::<New>().from(0).group("work").await.unwrap();
    let first = group.recv().await.unwrap();
    assert_eq!(first.kelvin, 1);
    first.ack();
    settle().await;
    let kept = |topic, from: u64| {
        let inside = server.inside();
        async move {
            let record = inside.topic(topic).subscriber().from(from).await.unwrap().try_recv();
            let record = record.unwrap().unwrap().into_inner();
            (record.version(), record.fingerprint())
        }
    };
    assert_eq!(kept("readings.work.dead", 0).await, (1, Old::SHAPE));
    let redriven = broker.dead_letters::<Old>("work").redrive(|_, _| true).await.unwrap();
    assert_eq!((redriven.redriven, redriven.left), (1, 0));
    assert_eq!(kept("readings", 2).await, (1, Old::SHAPE));
}

#[tokio::test]
async fn a_converter_that_panics_takes_nothing_but_its_message_from_those_who_read() {
    let server = Server::start();
    let broker = server.connect(64).broker();
    let old = broker.publisher::<Old>().await.unwrap();
    let mut reader = broker.subscriber::<New>().await.unwrap();
    let mut group = broker.subscriber::<New>().group("work").max_attempts(1).await.unwrap();
    old.publish_batch([1, 2, 451, 3].map(|celsius| Old { celsius })).await.unwrap();

    let batch = reader.recv_batch(9).await.unwrap();
    assert_eq!(batch.iter().map(|new| new.kelvin).collect::<Vec<_>>(), [274, 275]);
    assert_eq!(reader.position().0, 2);
    assert!(catch_unwind(AssertUnwindSafe(|| try_now(reader.recv()))).is_err());
    assert_eq!(reader.recv().await.unwrap().kelvin, 276);

    let batch = group.recv_batch(9).await.unwrap();
    assert_eq!(batch.iter().map(|new| new.kelvin).collect::<Vec<_>>(), [274, 275, 276]);
    assert!(catch_unwind(AssertUnwindSafe(|| try_now(group.recv()))).is_err());
    batch.ack();
    let mut dead = broker.dead_letters::<Old>("work").subscriber().await.unwrap();
    assert_eq!(dead.recv().await.unwrap().celsius, 451);
}

/// What a member that waits for a batch of the new type is handed of readings that come together.
async fn batch_of(
    rules: impl FnOnce(ConsumerBuilder<'_, New>) -> ConsumerBuilder<'_, New>,
    celsius: &[i32],
) -> (Consumer<New>, Result<Vec<u32>, RecvError>) {
    let broker = Server::start().connect(64).broker();
    let old = broker.publisher::<Old>().await.unwrap();
    let mut member = rules(broker.subscriber::<New>().group("all")).await.unwrap();
    let waiting = spawn(async move {
        let batch = member.recv_batch(128).await.map(|batch| {
            let kelvin = batch.iter().map(|reading| reading.kelvin).collect();
            batch.ack();
            kelvin
        });
        (member, batch)
    });
    settle().await;
    old.publish_batch(celsius.iter().map(|celsius| Old { celsius: *celsius })).await.unwrap();
    settle().await;
    assert!(waiting.is_finished(), "it waits on");
    waiting.await.unwrap()
}

#[tokio::test]
async fn what_comes_with_what_cannot_be_read_is_handed_out_with_it() {
    let unread = [-300, 1, 2, 3];
    let (mut member, kelvin) = batch_of(|group| group.auto_ack(), &unread).await;
    assert_eq!(kelvin.unwrap(), [274, 275, 276]);
    assert!(matches!(member.recv().await, Err(RecvError::Decode { .. })));
    let (mut member, kelvin) = batch_of(|group| group.without_dead_letters(), &unread).await;
    assert_eq!(kelvin.unwrap(), [274, 275, 276]);
    assert!(matches!(member.recv().await, Err(RecvError::Decode { .. })));
    let (_, alone) = batch_of(|group| group.auto_ack(), &[-300]).await;
    assert!(matches!(alone, Err(RecvError::Decode { .. })));
    let many: Vec<_> = std::iter::repeat_n(-300, 40).chain(0..20).collect();
    let (_, kelvin) = batch_of(|group| group.max_attempts(1), &many).await;
    assert_eq!(kelvin.unwrap(), (273..293).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_comes_with_what_panics_is_handed_out_with_it() {
    let (member, kelvin) = batch_of(|group| group.max_attempts(1), &[451, 1, 2, 3]).await;
    assert_eq!(kelvin.unwrap(), [274, 275, 276]);
    let mut member = AssertUnwindSafe(member);
    let next = spawn(async move { member.recv().await.map(|_| ()) });
    assert!(next.await.unwrap_err().is_panic());
}
