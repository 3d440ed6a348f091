//! async-broadcast: senders wait for the slowest receiver, or drop the oldest message.

use async_broadcast::{InactiveReceiver, Receiver, RecvError, Sender, broadcast};

use super::tokio_broadcast::YIELD_EVERY;
use crate::queue::{Load, Open, Queue, Rx, Seen, Shape, Tx};

/// Senders wait.
#[derive(Debug)]
pub struct Waiting;
/// Senders drop the oldest.
#[derive(Debug)]
pub struct Overflowing;

fn open<M: Load>(shape: &Shape, overflow: bool) -> Open<Sender<M>, Receiver<M>, Keep<M>> {
    let (mut tx, rx) = broadcast(M::CAPACITY);
    tx.set_overflow(overflow);
    let receivers = (0..shape.receivers + shape.slow).map(|_| rx.new_receiver()).collect();
    let senders = vec![tx; shape.senders];
    Open { senders, receivers, hold: rx.deactivate() }
}

type Keep<M> = InactiveReceiver<M>;

impl<M: Load> Queue<M> for Waiting {
    const NAME: &'static str = "async-broadcast";
    type Tx = Sender<M>;
    type Rx = Receiver<M>;
    type Hold = Keep<M>;

    async fn open(shape: &Shape) -> Open<Sender<M>, Receiver<M>, Keep<M>> {
        open(shape, false)
    }
}

/// A sender that never waits, and how much it sent since it let others run.
#[derive(Debug)]
pub struct Writer<M>(Sender<M>, u32);

impl<M: Load> Queue<M> for Overflowing {
    const NAME: &'static str = "async-broadcast";
    type Tx = Writer<M>;
    type Rx = Receiver<M>;
    type Hold = Keep<M>;

    async fn open(shape: &Shape) -> Open<Writer<M>, Receiver<M>, Keep<M>> {
        let Open { senders, receivers, hold } = open(shape, true);
        let senders = senders.into_iter().map(|tx| Writer(tx, 0)).collect();
        Open { senders, receivers, hold }
    }
}

impl<M: Load> Tx<M> for Writer<M> {
    async fn send(&mut self, message: M) {
        Tx::send(&mut self.0, message).await;
        self.1 += 1;
        if self.1 == YIELD_EVERY {
            self.1 = 0;
            tokio::task::yield_now().await;
        }
    }
}

impl<M: Load> Tx<M> for Sender<M> {
    async fn send(&mut self, message: M) {
        assert!(self.broadcast_direct(message).await.is_ok(), "the receivers are gone");
    }
}

impl<M: Load> Rx<M> for Receiver<M> {
    async fn recv(&mut self, seen: &mut Seen) -> bool {
        match self.recv_direct().await {
            Ok(message) => seen.take(message),
            Err(RecvError::Overflowed(_)) => {}
            Err(RecvError::Closed) => return false,
        }
        true
    }
}
