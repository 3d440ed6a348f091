//! Native messages are lent to the dead-letter topic.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memq::codec::Native;
use memq::{Broker, DeadLetter, Offset, OpenError, Topic, TopicSpec};
use tokio::time::advance;

use crate::common::paused;

/// Neither `Clone` nor serde.
#[derive(Debug, Topic)]
#[topic(name = "native", partitions = 4)]
struct Unique {
    #[topic(key)]
    key: u8,
    alive: Arc<AtomicU64>,
}

impl Drop for Unique {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Unique {
    fn new(key: u8, alive: &Arc<AtomicU64>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self { key, alive: alive.clone() }
    }
}

#[test]
fn a_native_message_that_cannot_be_copied_is_a_dead_letter_and_comes_back() {
    paused().block_on(async {
        let broker = Broker::new();
        let alive = Arc::new(AtomicU64::new(0));
        let native = broker.publisher::<Unique>().await.unwrap();
        native.publish(Unique::new(7, &alive)).await.unwrap();
        let mut group = broker.subscriber::<Unique>().group("work").await.unwrap();
        group.recv().await.unwrap().reject("not now");

        let letters = broker.dead_letters::<Unique>("work");
        let mut dead = letters.subscriber().await.unwrap();
        let letter = dead.recv().await.unwrap();
        assert_eq!((letter.key, letter.key()), (7, Some("7".into())));
        let why = DeadLetter::of(letter.headers()).unwrap();

        assert_eq!(letters.redrive(|native, _| native.key == 7).await.unwrap().redriven, 1);
        let again = group.recv().await.unwrap();
        assert_eq!((again.key, again.offset(), again.attempt()), (7, Offset(1), 1));
        assert_eq!(again.partition(), why.partition);
        // It dies again.
        again.reject("again");
        letters.redrive(|_, _| true).await.unwrap();
        let again = group.recv().await.unwrap();
        assert_eq!((again.key, again.offset()), (7, Offset(2)));
        again.ack();
        let counted: Vec<u64> =
            broker.stats("native").await.unwrap().partitions.into_iter().map(|p| p.bytes).collect();
        assert!(counted.iter().sum::<u64>() < 1_000, "{counted:?}");
        assert_eq!(alive.load(Ordering::SeqCst), 1);
        drop((broker, native, group, dead, letter));
        assert_eq!(alive.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn dead_letters_of_a_deleted_group_and_of_dead_letters_are_found_by_their_topic() {
    paused().block_on(async {
        let broker = Broker::new();
        let alive = Arc::new(AtomicU64::new(0));
        let native = broker.publisher::<Unique>().await.unwrap();
        native.publish(Unique::new(7, &alive)).await.unwrap();
        let mut group = broker.subscriber::<Unique>().group("work").await.unwrap();
        group.recv().await.unwrap().reject("no");
        let letters = broker.dead_letters::<Unique>("work");
        let mut again = letters.subscriber().group("fix").await.unwrap();
        again.recv().await.unwrap().reject("never");
        let nested = letters.clone().in_topic("native.work.dead.fix.dead");
        assert_eq!(nested.subscriber().await.unwrap().recv().await.unwrap().key, 7);

        broker.delete_group("native", "work").await.unwrap();
        let unknown = letters.topic().await.unwrap_err();
        assert!(matches!(unknown, OpenError::NoGroup { .. }), "{unknown}");
        let letters = letters.in_topic("native.work.dead");
        assert_eq!(letters.subscriber().await.unwrap().recv().await.unwrap().key, 7);
        assert_eq!(letters.redrive(|_, _| true).await.unwrap().redriven, 1);
    });
}

/// What is large, and counted.
#[derive(Debug, Topic)]
#[topic(name = "fat")]
struct Fat {
    _alive: Arc<()>,
    _body: [u8; 1024],
}

impl Fat {
    fn new(alive: &Arc<()>) -> Self {
        Self { _alive: alive.clone(), _body: [0; 1024] }
    }
}

#[test]
fn native_dead_letters_count_what_they_keep_once() {
    paused().block_on(async {
        let (broker, alive) = (Broker::new(), Arc::new(()));
        let fat = broker.publisher::<Fat>().await.unwrap();
        let mut group = broker.subscriber::<Fat>().group("work").await.unwrap();
        for _ in 0..2_000 {
            fat.publish(Fat::new(&alive)).await.unwrap();
        }
        for _ in 0..2_000 {
            group.recv().await.unwrap().reject("no");
        }
        let origin = broker.stats("fat").await.unwrap();
        let dead = broker.stats("fat.work.dead").await.unwrap();
        assert_eq!((dead.depth, dead.dropped.total()), (2_000, 0));
        let both = origin.bytes * 3 / 2..origin.bytes * 3;
        assert!(both.contains(&dead.bytes), "{} of {}", dead.bytes, origin.bytes);

        let mut left =
            broker.dead_letters::<Fat>("work").redrive(|_, _| true).await.unwrap().redriven;
        assert_eq!(left, 2_000);
        while left > 0 {
            let batch = group.recv_batch(100).await.unwrap();
            left -= batch.len() as u64;
            batch.ack();
        }
    });
}

/// Deletes the topic, and checks that its dead letters count all that is left of it, and twice
/// what each says itself at most.
async fn count_what_is_left(broker: &Broker, graves: &str, alive: &Arc<()>, letters: usize) {
    let origin = broker.stats("fat").await.unwrap();
    let each = (origin.bytes / origin.depth) as usize;
    broker.delete("fat").await.unwrap();
    let dead = broker.stats(graves).await.unwrap();
    assert_eq!((dead.depth, dead.dropped.total()), (letters as u64, 0));
    let (left, counted) = (Arc::strong_count(alive) - 1, dead.bytes as usize / each);
    assert!((left..=left + 2 * letters).contains(&counted), "{left} of {counted}");
}

#[test]
fn what_comes_after_a_native_dead_letter_is_not_kept_with_it() {
    paused().block_on(async {
        let (broker, alive) = (Broker::new(), Arc::new(()));
        let fat = broker.publisher::<Fat>().await.unwrap();
        let mut group = broker.subscriber::<Fat>().group("work").await.unwrap();
        let mut letters = 0;
        for number in 0..3_000 {
            fat.publish(Fat::new(&alive)).await.unwrap();
            let received = group.recv().await.unwrap();
            if number % 300 == 10 {
                received.reject("no");
                letters += 1;
            } else {
                received.ack();
            }
        }
        drop((fat, group));
        count_what_is_left(&broker, "fat.work.dead", &alive, letters).await;
    });
}

#[test]
fn a_native_dead_letter_that_is_refused_first_counts_what_it_keeps() {
    paused().block_on(async {
        let (broker, alive) = (Broker::new(), Arc::new(()));
        let group = |name: &str| broker.subscriber::<Fat>().group(name).dead_letter("graves");
        let fat = broker.publisher::<Fat>().await.unwrap();
        let mut work = group("work").await.unwrap();
        for _ in 0..500 {
            fat.publish(Fat::new(&alive)).await.unwrap();
        }
        for _ in 0..400 {
            work.recv().await.unwrap().ack();
        }
        broker.delete("graves").await.unwrap();
        work.recv().await.unwrap().reject_confirmed("no").await.unwrap_err();
        // Whose dead-letter topic is there again.
        let other = group("other").await.unwrap();
        advance(Duration::from_secs(2)).await;
        work.recv().await.unwrap().ack();
        drop((fat, work, other));
        count_what_is_left(&broker, "graves", &alive, 1).await;
    });
}

/// Says that it keeps so many bytes.
#[derive(Debug)]
struct Heavy(usize);

impl Topic for Heavy {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("heavy");

    fn footprint(&self) -> usize {
        self.0
    }
}

#[test]
fn a_native_message_of_most_of_what_a_topic_holds_can_die() {
    paused().block_on(async {
        let broker = Broker::new();
        let heavy = broker.publisher::<Heavy>().await.unwrap();
        let mut group = broker.subscriber::<Heavy>().group("work").await.unwrap();
        heavy.publish(Heavy(200 << 20)).await.unwrap();
        group.recv().await.unwrap().reject_confirmed("no").await.unwrap();
        assert_eq!(broker.stats("heavy.work.dead").await.unwrap().depth, 1);

        // Beside a neighbour it keeps more than the topic may hold.
        heavy.publish(Heavy((1 << 20) - 400)).await.unwrap();
        heavy.publish(Heavy((255 << 20) + 100)).await.unwrap();
        group.recv().await.unwrap().ack();
        group.recv().await.unwrap().reject_confirmed("no").await.unwrap();
        let dead = broker.stats("heavy.work.dead").await.unwrap();
        assert_eq!((dead.depth, dead.bytes), (1, 256 << 20));
    });
}

#[test]
fn the_dead_letter_topic_of_a_native_type_can_have_options_of_its_own() {
    paused().block_on(async {
        let (broker, alive) = (Broker::new(), Arc::new(AtomicU64::new(0)));
        let letters = broker.dead_letters::<Unique>("work");
        letters.create().max(2).await.unwrap();
        letters.clone().in_topic("graves").create().partitions(3).await.unwrap();
        let no_name = letters.in_topic("no such name!").create().await.unwrap_err();
        assert!(matches!(no_name, OpenError::Name(_)), "{no_name}");

        let native = broker.publisher::<Unique>().await.unwrap();
        let mut group = broker.subscriber::<Unique>().group("work").await.unwrap();
        for key in 0..3 {
            native.publish(Unique::new(key, &alive)).await.unwrap();
            group.recv().await.unwrap().reject("no");
        }
        let mut dead = broker.dead_letters::<Unique>("work").subscriber().await.unwrap();
        assert_eq!(dead.recv().await.unwrap().key, 1);
        assert_eq!(broker.options("native.work.dead").await.unwrap().max_messages, 2);

        let other = broker.subscriber::<Unique>().group("other").dead_letter("graves");
        drop(other.await.unwrap());
        assert_eq!(broker.options("graves").await.unwrap().partitions, 3);
    });
}
