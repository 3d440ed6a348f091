//! What a group did not get, since retention took it: it is told once, whoever of it comes and goes.

use crate::common;

use std::cell::RefCell;
use std::future::IntoFuture;
use std::pin::pin;

use common::{paused, poll_once};
use memq::codec::Json;
use memq::{Broker, LagReason, Publisher, Record, RecvError, Topic, TopicSpec};
use serde::{Deserialize, Deserializer, Serialize};

/// A slow reader lost 187,700 of 200,000 without an error.
#[tokio::test]
async fn a_group_is_told_of_every_message_that_retention_took() {
    let broker = Broker::new();
    let log = broker.topic("log").max(100);
    let publisher = log.publisher().await.unwrap();
    let mut member = log.subscriber().group("work").await.unwrap();
    let (mut delivered, mut skipped) = (0, 0);
    for round in 0..50 {
        publisher.publish_batch((0..30 + round * 7).map(|_| Record::new("x"))).await.unwrap();
        loop {
            match member.try_recv() {
                Ok(Some(delivery)) => {
                    delivered += 1;
                    delivery.ack();
                }
                Ok(None) => break,
                Err(RecvError::Lagged { skipped: more, .. }) => skipped += more,
                Err(error) => panic!("{error}"),
            }
        }
    }
    let stats = broker.stats("log").await.unwrap();
    assert_eq!(delivered + skipped, stats.published);
    assert!(skipped > 0);
    assert_eq!((stats.groups[0].skipped, stats.groups[0].settled), (skipped, delivered));
}

thread_local!(static MEANWHILE: RefCell<Option<Publisher<Slow>>> = const { RefCell::new(None) });

/// While the first one is decoded, others are published.
#[derive(Debug, Serialize)]
struct Slow(u64);

impl<'de> Deserialize<'de> for Slow {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(from)?;
        if let Some(publisher) = MEANWHILE.take() {
            (number + 1..number + 4).for_each(|next| drop(publisher.publish(Slow(next)).now()));
        }
        Ok(Self(number))
    }
}

impl Topic for Slow {
    type Codec = Json;
    const SPEC: TopicSpec = TopicSpec::new("slow").max_messages(2);
}

#[test]
fn what_ends_a_batch_is_told_to_another_where_its_consumer_goes() {
    paused().block_on(async {
        let broker = Broker::new();
        let publisher = broker.publisher::<Slow>().await.unwrap();
        let open = || broker.subscriber::<Slow>().group("work").into_future();
        let (mut one, mut other) = (open().await.unwrap(), open().await.unwrap());
        let batch = {
            let mut batch = pin!(one.recv_batch(10));
            assert!(poll_once(batch.as_mut()).is_none());
            publisher.publish(Slow(0)).await.unwrap();
            MEANWHILE.set(Some(publisher));
            batch.await.unwrap()
        };
        // It ends with what was missed behind it.
        assert_eq!(batch.iter().map(|slow| slow.0).collect::<Vec<_>>(), [0]);
        batch.ack();
        drop(one);
        let told = other.try_recv().unwrap_err();
        let RecvError::Lagged { skipped: 1, reason: LagReason::MaxMessages } = told else {
            panic!("{told:?}");
        };
        let stats = other.stats().unwrap();
        assert_eq!((stats.settled, stats.skipped, stats.lag), (1, 1, 2));
        assert_eq!(other.try_recv().unwrap().unwrap().0, 2);
    });
}
