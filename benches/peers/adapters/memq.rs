//! memq: a typed native topic, and a consumer group of it.

use std::marker::PhantomData;

use memq::{Broker, Consumer, Publisher, RecvError, Subscriber, Topic};

use crate::queue::{Load, Open, Queue, Rx, Seen, Shape, Tx};

/// Subscribers that read in this way.
#[derive(Debug)]
pub struct By<R>(PhantomData<R>);

/// Each value is taken out of its message.
pub type Owned = By<Out>;
/// Each value is read where it lies, and lent for that.
pub type Borrowed = By<InPlace>;
/// What is there, at most this many, is read where it lies.
pub type Batched = By<Batches>;
/// As `Borrowed`, in a topic that frees what was read, as a channel does.
pub type Consumed = By<InPlaceConsumed>;

#[derive(Debug)]
pub struct Out;
#[derive(Debug)]
pub struct InPlace;
#[derive(Debug)]
pub struct InPlaceConsumed;
#[derive(Debug)]
pub struct Batches;

/// Members of one group that read, and acknowledge.
#[derive(Debug)]
pub struct Group;

const BATCH: usize = 100;

pub async fn open<M: Load>(shape: &Shape) -> Open<Publisher<M>, Subscriber<M>, Broker> {
    let broker = Broker::new();
    let (mut senders, mut receivers) = (Vec::new(), Vec::new());
    for _ in 0..shape.senders {
        senders.push(broker.publisher::<M>().await.expect("a publisher"));
    }
    for _ in 0..shape.receivers + shape.slow {
        receivers.push(broker.subscriber::<M>().await.expect("a subscriber"));
    }
    Open { senders, receivers, hold: broker }
}

async fn close<M: Load>(broker: &Broker) {
    broker.close(<M as Topic>::SPEC.name()).await.expect("the topic");
}

/// How a subscriber reads.
pub trait Reading<M: Load>: Send + 'static {
    const NAME: &'static str;

    fn recv(
        subscriber: &mut Subscriber<M>,
        seen: &mut Seen,
    ) -> impl Future<Output = Result<(), RecvError>> + Send;

    fn recv_many(
        subscriber: &mut Subscriber<M>,
        max: usize,
        seen: &mut Seen,
    ) -> impl Future<Output = Result<(), RecvError>> + Send {
        async move {
            for message in &subscriber.recv_batch(max).await? {
                seen.see(&*message);
            }
            Ok(())
        }
    }
}

impl<M: Load> Reading<M> for Out {
    const NAME: &'static str = "memq";

    async fn recv(subscriber: &mut Subscriber<M>, seen: &mut Seen) -> Result<(), RecvError> {
        seen.take(subscriber.recv().await?.into_inner());
        Ok(())
    }

    async fn recv_many(
        subscriber: &mut Subscriber<M>,
        max: usize,
        seen: &mut Seen,
    ) -> Result<(), RecvError> {
        for message in subscriber.recv_batch(max).await? {
            seen.take(message.into_inner());
        }
        Ok(())
    }
}

impl<M: Load> Reading<M> for InPlace {
    const NAME: &'static str = "memq-borrowed";

    async fn recv(subscriber: &mut Subscriber<M>, seen: &mut Seen) -> Result<(), RecvError> {
        seen.see(&*subscriber.recv_ref().await?);
        Ok(())
    }
}

impl<M: Load> Reading<M> for InPlaceConsumed {
    const NAME: &'static str = "memq-consumed";

    async fn recv(subscriber: &mut Subscriber<M>, seen: &mut Seen) -> Result<(), RecvError> {
        seen.see(&*subscriber.recv_ref().await?);
        Ok(())
    }
}

impl<M: Load> Reading<M> for Batches {
    const NAME: &'static str = "memq-batch";

    async fn recv(subscriber: &mut Subscriber<M>, seen: &mut Seen) -> Result<(), RecvError> {
        Self::recv_many(subscriber, BATCH, seen).await
    }
}

impl<M: Load, R: Reading<M>> Queue<M> for By<R> {
    const NAME: &'static str = <R as Reading<M>>::NAME;
    type Tx = Publisher<M>;
    type Rx = Reader<M, R>;
    type Hold = Broker;

    async fn open(shape: &Shape) -> Open<Publisher<M>, Reader<M, R>, Broker> {
        let Open { senders, receivers, hold } = open(shape).await;
        let receivers = receivers.into_iter().map(|rx| Reader(rx, PhantomData)).collect();
        Open { senders, receivers, hold }
    }

    async fn close(broker: &Broker) {
        close::<M>(broker).await;
    }
}

impl<M: Load> Tx<M> for Publisher<M> {
    async fn send(&mut self, message: M) {
        self.publish(message).await.expect("published");
    }

    async fn send_many(&mut self, messages: Vec<M>) {
        self.publish_batch(messages).await.expect("published");
    }
}

/// A subscriber that reads in one of these ways.
#[derive(Debug)]
pub struct Reader<M: Load, R>(Subscriber<M>, PhantomData<R>);

impl<M: Load, R: Reading<M>> Rx<M> for Reader<M, R> {
    async fn recv(&mut self, seen: &mut Seen) -> bool {
        more(R::recv(&mut self.0, seen).await)
    }

    async fn recv_many(&mut self, max: usize, seen: &mut Seen) -> bool {
        more(R::recv_many(&mut self.0, max, seen).await)
    }
}

/// What was lost is known from what was seen.
fn more(received: Result<(), RecvError>) -> bool {
    !matches!(received, Err(RecvError::Closed | RecvError::Deleted))
}

impl<M: Load> Queue<M> for Group {
    const NAME: &'static str = "memq";
    type Tx = Publisher<M>;
    type Rx = Consumer<M>;
    type Hold = Broker;

    async fn open(shape: &Shape) -> Open<Publisher<M>, Consumer<M>, Broker> {
        let broker = Broker::new();
        let (mut senders, mut receivers) = (Vec::new(), Vec::new());
        for _ in 0..shape.senders {
            senders.push(broker.publisher::<M>().await.expect("a publisher"));
        }
        for _ in 0..shape.receivers {
            let member = broker.subscriber::<M>().group("workers").await;
            receivers.push(member.expect("a member"));
        }
        Open { senders, receivers, hold: broker }
    }

    async fn close(broker: &Broker) {
        close::<M>(broker).await;
    }
}

impl<M: Load> Rx<M> for Consumer<M> {
    async fn recv(&mut self, seen: &mut Seen) -> bool {
        more(Consumer::recv(self).await.map(|delivery| {
            seen.see(&*delivery);
            delivery.ack();
        }))
    }

    async fn recv_many(&mut self, max: usize, seen: &mut Seen) -> bool {
        more(self.recv_batch(max).await.map(|deliveries| {
            deliveries.iter().for_each(|delivery| seen.see(&*delivery));
            deliveries.ack();
        }))
    }
}
