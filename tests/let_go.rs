//! What a batch and a subscriber let go of is code of the user's own: when it runs, and what it leaves
//! where it panics.

use crate::common;

use std::future::IntoFuture;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use common::{Bell, poll_once, poll_with, settle_with};
use memq::codec::Json;
use memq::{Broker, Compression, Offset, Overflow, Record, Topic, TopicSpec};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes whose owner counts that it is let go of, and panics first if it is to.
struct Owner(Arc<AtomicUsize>, bool);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        b"[1]"
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        if self.1 {
            panic!("an owner that panics");
        }
    }
}

fn owned(gone: &Arc<AtomicUsize>, panics: bool) -> Record {
    Record::new(Bytes::from_owner(Owner(gone.clone(), panics)))
}

/// Of those that are stored, compressed, nobody needs the given bytes any more.
#[tokio::test]
async fn a_batch_that_waits_for_room_keeps_no_bytes_of_what_it_stored() {
    let broker = Broker::new();
    let topic = broker.topic("full").max(3).overflow(Overflow::Wait).compress(Compression::Gzip);
    let writer = topic.publisher().await.unwrap();
    let _reader = topic.subscriber().await.unwrap();
    let gone = Arc::new(AtomicUsize::new(0));
    let mut batch = writer.publish_batch((0..4).map(|_| owned(&gone, false)));
    assert!(poll_with(&Bell::new(), &mut batch).is_pending());
    assert_eq!(broker.stats("full").await.unwrap().published, 3);
    assert_eq!(gone.load(Ordering::SeqCst), 3);
}

/// It says what was published, and gives back the rest, as one does whose owners do not panic.
#[tokio::test]
async fn a_batch_that_is_refused_and_polled_after_a_panic_ends() {
    let broker = Broker::new();
    let topic = broker.topic("one").max(1).overflow(Overflow::Reject).compress(Compression::Gzip);
    let writer = topic.publisher().await.unwrap();
    let (told, hears) = mpsc::channel();
    std::thread::spawn(move || {
        let gone = Arc::new(AtomicUsize::new(0));
        let mut batch = writer.publish_batch([owned(&gone, true), owned(&gone, false)]);
        assert!(catch_unwind(AssertUnwindSafe(|| poll_with(&Bell::new(), &mut batch))).is_err());
        let Poll::Ready(Err(error)) = poll_with(&Bell::new(), &mut batch) else {
            panic!("it does not fail")
        };
        told.send((error.published.clone(), error.rest.len())).unwrap();
    });
    let ended = hears.recv_timeout(Duration::from_secs(10)).expect("it goes round for ever");
    assert_eq!(ended, (vec![Offset(0)], 1));
}

/// In a batch of more than are stored at a time.
#[tokio::test]
async fn a_long_batch_that_is_polled_after_a_panic_goes_on_where_it_was() {
    let broker = Broker::new();
    let topic = broker.topic("long").compress(Compression::Gzip);
    let writer = topic.publisher().await.unwrap();
    let gone = Arc::new(AtomicUsize::new(0));
    let mut batch = writer.publish_batch((0..600).map(|number| owned(&gone, number == 3)));
    assert!(catch_unwind(AssertUnwindSafe(|| poll_with(&Bell::new(), &mut batch))).is_err());
    let Poll::Ready(Ok(offsets)) = poll_with(&Bell::new(), &mut batch) else { panic!("it fails") };
    assert_eq!(offsets, (0..600).map(Offset).collect::<Vec<_>>());
    assert_eq!(broker.stats("long").await.unwrap().published, 600);
}

/// Panics when it is let go of after it was read, once.
#[derive(Serialize, Deserialize)]
struct Lent(u64);

static LENT: AtomicBool = AtomicBool::new(false);

impl Drop for Lent {
    fn drop(&mut self) {
        if self.0 == 0 && LENT.swap(false, Ordering::SeqCst) {
            panic!("lent");
        }
    }
}

impl Topic for Lent {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new("lent");
}

#[tokio::test]
async fn a_lent_message_whose_drop_panics_takes_no_other_message_with_it() {
    let broker = Broker::new();
    let writer = broker.publisher::<Lent>().await.unwrap();
    let mut reader = broker.subscriber::<Lent>().await.unwrap();
    writer.publish_batch((0..3).map(Lent)).await.unwrap();
    assert_eq!(reader.recv_ref().await.unwrap().0, 0);
    LENT.store(true, Ordering::SeqCst);
    let next = catch_unwind(AssertUnwindSafe(|| poll_once(reader.recv_ref()).is_some()));
    assert!(next.is_err());
    assert_eq!(reader.recv_ref().await.unwrap().0, 1);
}

/// Panics where it is decoded, if it is to.
#[derive(Serialize)]
struct Trap(bool);

impl<'de> Deserialize<'de> for Trap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        assert!(!bool::deserialize(deserializer)?, "a trap");
        Ok(Self(false))
    }
}

impl Topic for Trap {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new("traps").max_messages(64).overflow(Overflow::Wait);
}

#[tokio::test]
async fn a_codec_that_panics_keeps_no_publisher_waiting() {
    let broker = Broker::new();
    let writer = broker.publisher::<Trap>().await.unwrap();
    let mut reader = broker.subscriber::<Trap>().await.unwrap();
    writer.publish_batch((0..64).map(|number| Trap(number == 1))).await.unwrap();
    reader.recv().await.unwrap();
    writer.publish(Trap(false)).await.unwrap();
    let bell = Bell::new();
    let mut waits = writer.publish(Trap(false)).into_future();
    assert!(settle_with(&bell, &mut waits).is_pending());
    let rings = bell.rings();
    // The next of the same segment, so that it is there without a look.
    let next = catch_unwind(AssertUnwindSafe(|| poll_once(reader.recv()).is_some()));
    assert!(next.is_err());
    assert!(bell.rings() > rings);
    assert!(poll_with(&bell, &mut waits).is_ready());
    assert_eq!(reader.recv().await.unwrap().offset().0, 2);
}

static LIVING: AtomicUsize = AtomicUsize::new(0);

/// Counts those that were decoded and are not let go of yet.
struct Counted;

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer)?;
        assert_eq!(LIVING.fetch_add(1, Ordering::SeqCst), 0, "the one that was lent is kept");
        Ok(Self)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // Those that are published are not counted.
        let _ =
            LIVING.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1));
    }
}

impl Topic for Counted {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new("counted");
}

#[tokio::test]
async fn what_was_lent_is_let_go_of_before_the_next_is_decoded() {
    let broker = Broker::new();
    let writer = broker.publisher::<Counted>().await.unwrap();
    let mut reader = broker.subscriber::<Counted>().await.unwrap();
    writer.publish_batch((0..4).map(|_| Counted)).await.unwrap();
    for _ in 0..2 {
        reader.recv_ref().await.unwrap();
        drop(reader.recv().await.unwrap());
    }
    assert_eq!(LIVING.load(Ordering::SeqCst), 0);
}
