//! Messages in memory that earlier ones were in.

use std::collections::VecDeque;
use std::future::{Future as _, IntoFuture as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use memq::{Broker, Topic};

#[derive(Topic)]
#[topic(name = "plain", max = 1_024, overflow = Wait)]
struct Plain([u64; 9]);

#[derive(Topic)]
#[topic(name = "dropped", max = 1_024, overflow = Wait)]
struct Dropped([u64; 9], Arc<()>);

const MESSAGES: u64 = 50_000;
const BATCH: u64 = 100;
/// What a topic keeps, and the segment that a part of it is in.
const MOST: usize = 1_024 + 128;

/// One reader follows, another is nearly as far behind as it may be. Each sees all, as they were published.
async fn all_are_whole<T: Topic>(
    make: impl Fn([u64; 9]) -> T,
    look: impl Fn(&T) -> [u64; 9],
    after: impl Fn(),
) {
    let broker = Broker::new();
    let publisher = broker.publisher::<T>().await.unwrap();
    let mut near = broker.subscriber::<T>().await.unwrap();
    let mut far = broker.subscriber::<T>().await.unwrap();
    let mut unread = VecDeque::new();
    for first in (0..MESSAGES).step_by(BATCH as usize) {
        let numbers = first..first + BATCH;
        publisher.publish_batch(numbers.clone().map(|number| make([number; 9]))).await.unwrap();
        for number in numbers.clone() {
            assert_eq!(look(near.recv_ref().await.unwrap().get()), [number; 9]);
        }
        assert!(near.try_recv().unwrap().is_none(), "a message that was published before");
        unread.extend(numbers);
        while unread.len() > 900 {
            for message in &far.recv_batch(50).await.unwrap() {
                assert_eq!(Some(look(message.get())), unread.pop_front().map(|number| [number; 9]));
            }
        }
        after();
    }
}

#[tokio::test]
async fn messages_where_others_were_are_whole() {
    all_are_whole(Plain, |plain| plain.0, || {}).await;
}

#[tokio::test]
async fn messages_go_with_their_segment_also_where_its_memory_stays() {
    let alive = Arc::new(());
    let look = || assert!(Arc::strong_count(&alive) <= MOST, "{}", Arc::strong_count(&alive));
    let read = |dropped: &Dropped| {
        assert!(Arc::ptr_eq(&dropped.1, &alive));
        dropped.0
    };
    all_are_whole(|numbers| Dropped(numbers, alive.clone()), read, look).await;
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[tokio::test]
async fn futures_that_are_done_do_nothing_more() {
    let broker = Broker::new();
    let publisher = broker.publisher::<Plain>().await.unwrap();
    let mut subscriber = broker.subscriber::<Plain>().await.unwrap();
    let mut cx = Context::from_waker(Waker::noop());

    // The last one lets others run before it is done.
    for _ in 0..1_023 {
        publisher.publish(Plain([0; 9])).await.unwrap();
        subscriber.recv().await.unwrap();
    }
    for publish in [publisher.publish(Plain([1; 9])), publisher.publish(Plain([1; 9])).key("k")] {
        let mut publishing = pin!(publish.into_future());
        while publishing.as_mut().poll(&mut cx).is_pending() {}
        let again = catch_unwind(AssertUnwindSafe(|| publishing.as_mut().poll(&mut cx)));
        assert!(again.is_err(), "a publish was done twice");
    }
    for _ in 0..2 {
        let mut receiving = pin!(subscriber.recv_ref());
        while receiving.as_mut().poll(&mut cx).is_pending() {}
        let again = catch_unwind(AssertUnwindSafe(|| receiving.as_mut().poll(&mut cx).is_ready()));
        assert!(again.is_err(), "a receive was done twice");
    }
    assert!(subscriber.try_recv().unwrap().is_none());
    assert_eq!(broker.stats("plain").await.unwrap().published, 1_025);
}
