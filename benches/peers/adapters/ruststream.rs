//! ruststream's memory broker: bytes only, copied on publishing; unbounded, and it keeps every message
//! for as long as it lives.

use std::pin::pin;

use futures_util::StreamExt;
use ruststream::memory::{MemoryBroker, MemoryPublisher, MemorySubscriber};
use ruststream::{BatchSubscriber, IncomingMessage, OutgoingMessage, Publisher, Subscriber};

use super::tokio_broadcast::YIELD_EVERY;
use crate::queue::{Blob, Open, Queue, Rx, Seen, Shape, Tx};

#[derive(Debug)]
pub struct Memory;

/// A publisher, and how much it sent since it let others run: publishing never waits.
#[derive(Debug)]
pub struct Writer(MemoryPublisher, u32);

const NAME: &str = "blobs";

impl<const CAPACITY: usize, const MODE: u8> Queue<Blob<CAPACITY, MODE>> for Memory {
    const NAME: &'static str = "ruststream";
    type Tx = Writer;
    type Rx = MemorySubscriber;
    type Hold = MemoryBroker;

    async fn open(shape: &Shape) -> Open<Writer, MemorySubscriber, MemoryBroker> {
        let broker = MemoryBroker::new();
        let receivers = (0..shape.receivers + shape.slow)
            .map(|_| {
                let mut subscriber = broker.subscribe(NAME);
                subscriber.set_batch_limit(shape.batch);
                subscriber
            })
            .collect();
        let senders = (0..shape.senders).map(|_| Writer(broker.publisher(), 0)).collect();
        Open { senders, receivers, hold: broker }
    }
}

impl<const CAPACITY: usize, const MODE: u8> Tx<Blob<CAPACITY, MODE>> for Writer {
    async fn send(&mut self, message: Blob<CAPACITY, MODE>) {
        self.0.publish(OutgoingMessage::new(NAME, &message.0)).await.expect("published");
        self.1 += 1;
        if self.1 == YIELD_EVERY {
            self.1 = 0;
            tokio::task::yield_now().await;
        }
    }
}

impl<const CAPACITY: usize, const MODE: u8> Rx<Blob<CAPACITY, MODE>> for MemorySubscriber {
    async fn recv(&mut self, seen: &mut Seen) -> bool {
        let Some(Ok(message)) = pin!(self.stream()).next().await else { return false };
        seen.raw(message.payload().len() as u64);
        message.ack().await.is_ok()
    }

    async fn recv_many(&mut self, _max: usize, seen: &mut Seen) -> bool {
        let Some(Ok(batch)) = pin!(self.batches()).next().await else { return false };
        for message in batch {
            seen.raw(message.payload().len() as u64);
            if message.ack().await.is_err() {
                return false;
            }
        }
        true
    }
}
