//! Batches of native values, each asked for its key and its size: what is known of one goes for those that
//! follow it and say the same, and for no others.

use crate::common;

use std::future::IntoFuture;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{from_both_ends, poll_once};
use memq::codec::Native;
use memq::{Broker, Key, Start, Topic, TopicKey, TopicSpec};

/// Counts for as many bytes as it says, and has a key if it is odd.
#[derive(Clone, Copy)]
struct Weighed(u64);

impl Topic for Weighed {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("weighed").partitions(4);

    fn footprint(&self) -> usize {
        self.0 as usize
    }

    fn key(&self) -> Option<Key<'_>> {
        (self.0 % 2 == 1).then(|| self.0.to_key()).flatten()
    }
}

/// Those that follow each other and say the same are looked at once, and no others.
#[tokio::test]
async fn a_native_batch_leaves_a_topic_as_its_messages_would() {
    let all = [2, 2, 2, 6, 6, 3, 3, 5, 5, 2, 4, 4, 7].map(Weighed);
    let mut left = Vec::new();
    for together in [false, true] {
        let broker = Broker::new();
        let weighed = broker.publisher::<Weighed>().await.unwrap();
        let mut reader = broker.subscriber::<Weighed>().await.unwrap();
        if together {
            weighed.publish_batch(all).await.unwrap();
        } else {
            for one in all {
                weighed.publish(one).await.unwrap();
            }
        }
        let stats = broker.stats("weighed").await.unwrap();
        let read = reader.recv_batch(100).await.unwrap();
        let read: Vec<_> = read.iter().map(|one| (one.0, one.offset(), one.partition())).collect();
        left.push((stats.bytes, stats.partitions, read));
    }
    assert_eq!(left[0], left[1]);
}

#[tokio::test]
async fn a_batch_is_read_and_taken_from_both_ends() {
    let broker = Broker::new();
    let weighed = broker.publisher::<Weighed>().await.unwrap();
    let mut reader = broker.subscriber::<Weighed>().await.unwrap();
    // More than two stretches of the log have.
    weighed.publish_batch((0..600).map(|_| Weighed(2))).await.unwrap();
    for front in [0, 1, 3] {
        reader.seek(Start::Earliest).await.unwrap();
        let batch = reader.recv_batch(1_000).await.unwrap();
        let ends = [batch.first(), batch.last()].map(|one| one.unwrap().offset().0);
        assert_eq!(ends, [0, 599]);
        let read = from_both_ends(batch.iter(), front).into_iter().map(|one| one.offset().0);
        assert!(read.eq(0..600));
        let taken = from_both_ends(batch.into_iter(), front).into_iter();
        assert!(taken.map(|one| one.offset().0).eq(0..600));
    }
    let empty = reader.recv_batch(0).await.unwrap();
    assert!(empty.first().is_none() && empty.last().is_none());
}

/// Says of itself what it is told to, and counts how often it is asked.
#[derive(Clone, Debug)]
struct Asked {
    key: Option<u8>,
    size: usize,
    asked: Arc<AtomicUsize>,
}

impl Topic for Asked {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("asked").partitions(3);

    fn key(&self) -> Option<Key<'_>> {
        assert_ne!(self.asked.fetch_add(1, Ordering::Relaxed), BADLY, "asked badly");
        self.key.as_ref().and_then(TopicKey::to_key)
    }

    fn footprint(&self) -> usize {
        self.size
    }
}

/// The question that it panics at.
const BADLY: usize = 300;

#[tokio::test]
async fn values_that_follow_each_other_have_each_what_they_say() {
    let asked = Arc::new(AtomicUsize::new(BADLY + 1));
    let one = |key, size| Asked { key, size, asked: asked.clone() };
    let keyed = [None, None, Some(1), Some(1), None, Some(2)].map(|key| one(key, 8));
    let all = [&keyed[..], &[one(None, 9), one(None, 9), one(Some(2), 9), one(None, 9)]].concat();
    let mut left = Vec::new();
    for together in [false, true] {
        let broker = Broker::new();
        let publisher = broker.publisher::<Asked>().await.unwrap();
        let mut reader = broker.subscriber::<Asked>().await.unwrap();
        if together {
            publisher.publish_batch(all.clone()).await.unwrap();
        } else {
            for one in all.clone() {
                publisher.publish(one).await.unwrap();
            }
        }
        let stats = broker.stats("asked").await.unwrap();
        let read = reader.recv_batch(100).await.unwrap();
        let read: Vec<_> = read.iter().map(|one| (one.size, one.key, one.partition())).collect();
        left.push((stats.bytes, stats.partitions, read));
    }
    assert_eq!(left[0], left[1]);
}

#[tokio::test]
async fn hardly_a_value_is_asked_more_than_once() {
    let broker = Broker::new();
    let publisher = broker.publisher::<Asked>().await.unwrap();
    let asked = Arc::new(AtomicUsize::new(BADLY + 1));
    publisher.publish_batch([Asked { key: None, size: 8, asked: asked.clone() }]).await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed) - BADLY - 1, 1);
    for run in [1, 2, 7, 100, 200] {
        let asked = Arc::new(AtomicUsize::new(BADLY + 1));
        let one = |at: usize| Asked { key: None, size: at / run, asked: asked.clone() };
        publisher.publish_batch((0..200).map(one)).await.unwrap();
        let count = asked.load(Ordering::Relaxed) - BADLY - 1;
        assert!((200..205).contains(&count), "in runs of {run}: {count}");
    }
}

#[tokio::test]
async fn a_long_batch_is_asked_and_stored_part_by_part() {
    let broker = Broker::new();
    let publisher = broker.publisher::<Asked>().await.unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let all = vec![Asked { key: None, size: 8, asked: asked.clone() }; 600];
    let mut batch = pin!(publisher.publish_batch(all).into_future());
    catch_unwind(AssertUnwindSafe(|| poll_once(batch.as_mut()))).expect_err("it panics");
    assert_eq!(broker.stats("asked").await.unwrap().published, 256);
    assert_eq!(batch.await.unwrap().len(), 600);
}

/// What has a key only from the second look on, since others share it.
#[derive(Debug)]
struct Late(AtomicUsize);

impl Topic for Late {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("late");

    fn key(&self) -> Option<Key<'_>> {
        (self.0.fetch_add(1, Ordering::Relaxed) > 0).then(|| "late".into())
    }
}

#[tokio::test]
async fn what_is_known_of_a_value_is_what_it_said_first() {
    let broker = Broker::new();
    let publisher = broker.publisher::<Late>().await.unwrap();
    publisher.publish_batch([0, 1, 1].map(|looks| Late(AtomicUsize::new(looks)))).await.unwrap();
    let mut group = broker.subscriber::<Late>().from(Start::Earliest).group("each").await.unwrap();
    // The last two have a key, and wait for each other; the first had none then.
    assert_eq!(group.recv_batch(3).await.unwrap().len(), 2);
}
