//! flume: bounded, its async half; each message to one receiver.

use flume::{Receiver, Sender, bounded};

use crate::queue::{Load, Open, Queue, Rx, Seen, Shape, Tx};

#[derive(Debug)]
pub struct Flume;

impl<M: Load> Queue<M> for Flume {
    const NAME: &'static str = "flume";
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
        assert!(self.send_async(message).await.is_ok(), "the receivers are gone");
    }
}

impl<M: Load> Rx<M> for Receiver<M> {
    async fn recv(&mut self, seen: &mut Seen) -> bool {
        let received = self.recv_async().await;
        let more = received.is_ok();
        received.into_iter().for_each(|message| seen.take(message));
        more
    }

    async fn recv_many(&mut self, max: usize, seen: &mut Seen) -> bool {
        let more = Rx::recv(self, seen).await;
        self.try_iter().take(max - 1).for_each(|message| seen.take(message));
        more
    }
}
