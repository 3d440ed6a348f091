//! tokio-memq 1.0: subscribers of a topic, and consumers of one group, over native values.
//!
//! Its topics drop the oldest message where they are full and tell nobody.

use tokio_memq::mq::{ConsumptionMode, MessageQueue, TopicOptions};
use tokio_memq::{AsyncMessagePublisher, MessageSubscriber, Publisher, Subscriber, TopicMessage};

use crate::queue::{Load, Open, Queue, Rx, Seen, Shape, Tx};

/// Messages that a topic keeps where nothing is said; here too, since nothing waits for a reader.
const KEPT: usize = 10_000;
const TOPIC: &str = "topic";

/// Subscribers, each of which sees all, of topics that keep as many messages as where nothing is said, or
/// as few as those of the others.
#[derive(Debug)]
pub struct Broadcast<const FEW: bool = false>;
/// Consumers with one identity.
#[derive(Debug)]
pub struct Sharing;

fn options(max_messages: usize) -> TopicOptions {
    TopicOptions { max_messages: Some(max_messages), ..TopicOptions::default() }
}

impl<M: Load, const FEW: bool> Queue<M> for Broadcast<FEW> {
    const NAME: &'static str = if FEW { "tokio-memq-few" } else { "tokio-memq" };
    type Tx = Publisher;
    type Rx = Subscriber;
    type Hold = MessageQueue;

    async fn open(shape: &Shape) -> Open<Publisher, Subscriber, MessageQueue> {
        let queue = MessageQueue::new();
        let options = options(if FEW { M::CAPACITY } else { KEPT });
        queue.create_topic(TOPIC.to_string(), options).await.expect("a topic");
        let mut receivers = Vec::new();
        for _ in 0..shape.receivers + shape.slow {
            receivers.push(queue.subscriber(TOPIC.to_string()).await.expect("a subscriber"));
        }
        let senders = (0..shape.senders).map(|_| queue.publisher(TOPIC.to_string())).collect();
        Open { senders, receivers, hold: queue }
    }
}

impl<M: Load> Queue<M> for Sharing {
    const NAME: &'static str = "tokio-memq";
    type Tx = Publisher;
    type Rx = Subscriber;
    type Hold = MessageQueue;

    async fn open(shape: &Shape) -> Open<Publisher, Subscriber, MessageQueue> {
        let queue = MessageQueue::new();
        queue.create_topic(TOPIC.to_string(), options(KEPT)).await.expect("a topic");
        let mut receivers = Vec::new();
        for _ in 0..shape.receivers {
            let (topic, group) = (TOPIC.to_string(), "workers".to_string());
            let member = queue.subscriber_group(topic, group, ConsumptionMode::Earliest);
            receivers.push(member.await.expect("a member"));
        }
        let senders = (0..shape.senders).map(|_| queue.publisher(TOPIC.to_string())).collect();
        Open { senders, receivers, hold: queue }
    }
}

impl<M: Load> Tx<M> for Publisher {
    async fn send(&mut self, message: M) {
        AsyncMessagePublisher::publish(self, message).await.expect("published");
    }

    async fn send_many(&mut self, messages: Vec<M>) {
        AsyncMessagePublisher::publish_batch(self, messages).await.expect("published");
    }
}

impl<M: Load> Rx<M> for Subscriber {
    async fn recv(&mut self, seen: &mut Seen) -> bool {
        let Ok(message) = MessageSubscriber::recv(self).await else { return false };
        see::<M>(&message, seen);
        true
    }

    async fn recv_many(&mut self, max: usize, seen: &mut Seen) -> bool {
        let Ok(messages) = self.recv_batch(max).await else { return false };
        messages.iter().for_each(|message| see::<M>(message, seen));
        true
    }
}

fn see<M: Load>(message: &TopicMessage, seen: &mut Seen) {
    seen.take(message.deserialize::<M>().expect("a message"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::{CAPACITY, Job};
    use crate::run::this_thread;

    /// Which message is the first that there is, of one more than the others keep.
    fn first<const FEW: bool>() -> Vec<u64> {
        this_thread().block_on(async {
            let open = <Broadcast<FEW> as Queue<Job>>::open(&Shape::ONE);
            let Open { mut senders, mut receivers, hold } = open.await;
            for number in 0..=CAPACITY as u64 {
                Tx::send(&mut senders[0], Job { number, bytes: bytes::Bytes::new() }).await;
            }
            let mut seen = Seen::numbered(Some(vec![0]));
            assert!(Rx::<Job>::recv(&mut receivers[0], &mut seen).await);
            drop(hold);
            seen.numbers.expect("numbers")
        })
    }

    #[test]
    fn it_keeps_its_default_or_as_few_as_the_others() {
        // A bit for each number: 0, and 1.
        assert_eq!((first::<false>(), first::<true>()), (vec![0b01], vec![0b10]));
    }
}
