//! Filters: what they leave out, what they may do, and that they hold nobody up.

use crate::common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::{poll_once, try_now};
use memq::{Broker, Offset, Publisher, RecvError, Start};

numbers!(Number, "numbers", max_messages(100_000));

/// Messages after which a filter here stops to publish more, so that a failure ends too.
const ENOUGH: u64 = 20_000;

/// A filter that publishes a message for each one it sees.
fn echo(publisher: Publisher<Number>, keep: bool) -> impl Fn(&Number) -> bool + Send + Sync {
    move |number| {
        if number.0 < ENOUGH {
            publisher.try_publish(Number(number.0 + 1)).unwrap();
        }
        keep
    }
}

#[tokio::test]
async fn a_filter_leaves_out_for_its_subscriber_alone() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    let even = |number: &Number| number.0 % 2 == 0;
    let mut some =
        broker.subscriber::<Number>().filter(even).filter(|number| number.0 > 4).await.unwrap();
    let mut all = broker.subscriber::<Number>().await.unwrap();
    numbers.publish_batch((0..10).map(Number)).await.unwrap();
    let batch = some.recv_batch(100).await.unwrap();
    assert_eq!(batch.iter().map(|number| number.offset().0).collect::<Vec<_>>(), [6, 8]);
    assert_eq!(all.recv_batch(100).await.unwrap().len(), 10);
    let stats = some.stats();
    assert_eq!((stats.since_start, stats.delivered, stats.filtered, stats.lag), (10, 2, 8, 0));
    some.seek(Start::Earliest).await.unwrap();
    assert_eq!((some.stats().filtered, some.stats().lag), (0, 10));
}

/// A batch takes what is there, and not what comes while it is taken.
#[tokio::test]
async fn a_batch_without_a_limit_ends_although_more_is_published_all_the_time() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    let echo = echo(numbers.clone(), true);
    let mut reader = broker.subscriber::<Number>().filter(echo).await.unwrap();
    numbers.publish(Number(0)).await.unwrap();
    let batch = reader.recv_batch(usize::MAX).await.unwrap();
    assert!(batch.len() < 10, "{}", batch.len());
    let next = batch.len() as u64;
    assert_eq!(reader.recv().await.unwrap().offset(), Offset(next));
}

#[tokio::test]
async fn looking_for_a_message_ends_although_more_is_published_all_the_time() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    let echo = echo(numbers.clone(), false);
    let mut reader = broker.subscriber::<Number>().filter(echo).await.unwrap();
    numbers.publish(Number(0)).await.unwrap();
    assert!(reader.try_recv().unwrap().is_none());
    assert!(reader.position() < Offset(ENOUGH / 2), "{:?}", reader.position());
    // And waiting lets others run now and then.
    assert!(poll_once(reader.recv()).is_none());
    assert!(reader.position() < Offset(ENOUGH / 2), "{:?}", reader.position());
    assert!(try_now(reader.recv()).is_none());
    assert_eq!(reader.stats().filtered, ENOUGH + 1);
}

#[tokio::test]
async fn a_filter_that_panics_is_not_given_its_message_again() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    let faulty = |number: &Number| {
        assert!(number.0 != 1, "a fault of the filter's own");
        true
    };
    let mut reader = broker.subscriber::<Number>().filter(faulty).await.unwrap();
    numbers.publish_batch((0..3).map(Number)).await.unwrap();
    assert_eq!(reader.recv().await.unwrap().0, 0);
    assert!(catch_unwind(AssertUnwindSafe(|| reader.try_recv())).is_err());
    assert_eq!(reader.recv().await.unwrap().0, 2);
    let stats = broker.stats("numbers").await.unwrap();
    let reader = &stats.subscribers[0];
    assert_eq!(reader.since_start, reader.delivered + reader.filtered + reader.skipped);
}

#[tokio::test]
async fn a_filter_that_leaves_out_the_rest_does_not_hide_the_end() {
    let broker = Broker::new();
    let numbers = broker.publisher::<Number>().await.unwrap();
    let mut reader = broker.subscriber::<Number>().filter(|_| false).await.unwrap();
    numbers.publish_batch((0..5_000).map(Number)).await.unwrap();
    broker.close("numbers").await.unwrap();
    assert!(matches!(reader.try_recv(), Err(RecvError::Closed)));
}
