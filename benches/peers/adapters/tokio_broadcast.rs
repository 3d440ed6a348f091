//! tokio's `broadcast`: what a receiver is too slow for is lost to it, and it is told.

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender, channel};

use crate::queue::{Load, Open, Queue, Rx, Seen, Shape, Tx};

#[derive(Debug)]
pub struct Broadcast;

/// Sending never waits: it lets others run as often as tokio would have it.
pub const YIELD_EVERY: u32 = 128;

/// A sender, and how much it sent since it let others run.
#[derive(Debug)]
pub struct Writer<M>(Sender<M>, u32);

impl<M: Load> Queue<M> for Broadcast {
    const NAME: &'static str = "tokio-broadcast";
    type Tx = Writer<M>;
    type Rx = Receiver<M>;
    type Hold = ();

    async fn open(shape: &Shape) -> Open<Writer<M>, Receiver<M>, ()> {
        let (tx, _) = channel(M::CAPACITY);
        let receivers =
            (0..shape.receivers + shape.slow).map(|_| tx.subscribe()).collect::<Vec<_>>();
        let senders = (0..shape.senders).map(|_| Writer(tx.clone(), 0)).collect();
        Open { senders, receivers, hold: () }
    }
}

impl<M: Load> Tx<M> for Writer<M> {
    async fn send(&mut self, message: M) {
        // It is an error to send where nobody receives any more; the receivers know what they saw.
        let _ = self.0.send(message);
        self.1 += 1;
        if self.1 == YIELD_EVERY {
            self.1 = 0;
            tokio::task::yield_now().await;
        }
    }
}

impl<M: Load> Rx<M> for Receiver<M> {
    async fn recv(&mut self, seen: &mut Seen) -> bool {
        match Receiver::recv(self).await {
            Ok(message) => seen.take(message),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return false,
        }
        true
    }
}
