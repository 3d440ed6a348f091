//! async-channel: bounded; each message to one receiver. It has no batches.

use async_channel::{Receiver, Sender, bounded};

use crate::queue::{Load, Open, Queue, Rx, Seen, Shape, Tx};

#[derive(Debug)]
pub struct Channel;

impl<M: Load> Queue<M> for Channel {
    const NAME: &'static str = "async-channel";
    type Tx = Sender<M>;
    type Rx = Receiver<M>;
    type Hold = ();

    async fn open(shape: &Shape) -> Open<Sender<M>, Receiver<M>, ()> {
        let (tx, rx) = bounded(M::CAPACITY);
        Open { senders: vec![tx; shape.senders], receivers: vec![rx; shape.receivers], hold: () }
    }
}

impl<M: Load> Tx<M> for Sender<M> {
    async fn send(&mut self, message: M) {
        assert!(Sender::send(self, message).await.is_ok(), "the receivers are gone");
    }
}

impl<M: Load> Rx<M> for Receiver<M> {
    async fn recv(&mut self, seen: &mut Seen) -> bool {
        let received = Receiver::recv(self).await;
        let more = received.is_ok();
        received.into_iter().for_each(|message| seen.take(message));
        more
    }
}
