//! The disruptor: a ring that every receiver reads in place, by its polling interface, in tasks that let
//! others run where there is nothing to do. Its own threads would spin on both cores.

use disruptor::{
    BusySpin, EventPoller, MultiConsumerBarrier, MultiProducer, MultiProducerBarrier, Polling,
    Producer, SingleConsumerBarrier, SingleProducer, SingleProducerBarrier, build_multi_producer,
    build_single_producer,
};
use tokio::task::yield_now;

use crate::queue::{Load, Open, Queue, Rx, Seen, Shape, Tx};

/// What is there is read in place. Its trait of barriers cannot be named, so this is no function.
macro_rules! poll {
    ($reader:expr, $seen:expr, $max:expr) => {
        loop {
            match $reader.0.take($max) {
                Ok(mut events) => {
                    (&mut events).flatten().for_each(|message| $seen.see(message));
                    break true;
                }
                Err(Polling::NoEvents) => {}
                Err(Polling::Shutdown) => break false,
            }
            yield_now().await;
        }
    };
}

/// One to one.
#[derive(Debug)]
pub struct One;
/// Many to many, each sees all.
#[derive(Debug)]
pub struct Many;

/// A place of the ring.
type Slot<M> = Option<M>;
type OneTx<M> = SingleProducer<Slot<M>, SingleConsumerBarrier>;
type ManyTx<M> = MultiProducer<Slot<M>, MultiConsumerBarrier>;

/// A producer.
pub struct Writer<P>(P);
/// A poller.
pub struct Reader<M, B>(EventPoller<Slot<M>, B>);

/// Its size is a power of two.
fn size<M: Load>() -> usize {
    M::CAPACITY.next_power_of_two()
}

impl<M: Load> Queue<M> for One {
    const NAME: &'static str = "disruptor";
    type Tx = Writer<OneTx<M>>;
    type Rx = Reader<M, SingleProducerBarrier>;
    type Hold = ();

    async fn open(_shape: &Shape) -> Open<Self::Tx, Self::Rx, ()> {
        let (rx, builder) =
            build_single_producer(size::<M>(), || None, BusySpin).new_event_poller();
        Open { senders: vec![Writer(builder.build())], receivers: vec![Reader(rx)], hold: () }
    }
}

impl<M: Load> Queue<M> for Many {
    const NAME: &'static str = "disruptor";
    type Tx = Writer<ManyTx<M>>;
    type Rx = Reader<M, MultiProducerBarrier>;
    type Hold = ();

    async fn open(shape: &Shape) -> Open<Self::Tx, Self::Rx, ()> {
        let mut builder =
            build_multi_producer(size::<M>(), || None, BusySpin).with_multi_consumer();
        let mut receivers = Vec::new();
        for _ in 0..shape.receivers {
            let (rx, next) = builder.new_event_poller();
            receivers.push(Reader(rx));
            builder = next;
        }
        let tx = builder.build();
        let mut senders = (1..shape.senders).map(|_| Writer(tx.clone())).collect::<Vec<_>>();
        senders.push(Writer(tx));
        Open { senders, receivers, hold: () }
    }
}

impl<M: Load, P: Producer<Slot<M>> + Send + 'static> Tx<M> for Writer<P> {
    async fn send(&mut self, message: M) {
        let mut message = Some(message);
        while self.0.try_publish(|slot| *slot = message.take()).is_err() {
            yield_now().await;
        }
    }

    async fn send_many(&mut self, messages: Vec<M>) {
        let count = messages.len();
        let mut messages = messages.into_iter();
        loop {
            let published = self.0.try_batch_publish(count, |slots| {
                slots.zip(&mut messages).for_each(|(slot, message)| *slot = Some(message));
            });
            if published.is_ok() {
                break;
            }
            yield_now().await;
        }
    }
}

impl<M: Load> Rx<M> for Reader<M, SingleProducerBarrier> {
    async fn recv(&mut self, seen: &mut Seen) -> bool {
        poll!(self, seen, u64::MAX)
    }

    async fn recv_many(&mut self, max: usize, seen: &mut Seen) -> bool {
        poll!(self, seen, max as u64)
    }
}

impl<M: Load> Rx<M> for Reader<M, MultiProducerBarrier> {
    async fn recv(&mut self, seen: &mut Seen) -> bool {
        poll!(self, seen, u64::MAX)
    }

    async fn recv_many(&mut self, max: usize, seen: &mut Seen) -> bool {
        poll!(self, seen, max as u64)
    }
}
