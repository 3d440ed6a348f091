//! tokio's `mpsc`: bounded; many to one.

use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::queue::{Load, Open, Queue, Rx, Seen, Shape, Tx};

#[derive(Debug)]
pub struct Mpsc;

/// A receiver and the room for its batches.
#[derive(Debug)]
pub struct Reader<M>(Receiver<M>, Vec<M>);

impl<M: Load> Queue<M> for Mpsc {
    const NAME: &'static str = "tokio-mpsc";
    type Tx = Sender<M>;
    type Rx = Reader<M>;
    type Hold = ();

    async fn open(shape: &Shape) -> Open<Sender<M>, Reader<M>, ()> {
        let (tx, rx) = channel(M::CAPACITY);
        Open { senders: vec![tx; shape.senders], receivers: vec![Reader(rx, Vec::new())], hold: () }
    }
}

impl<M: Load> Tx<M> for Sender<M> {
    async fn send(&mut self, message: M) {
        assert!(Sender::send(self, message).await.is_ok(), "the receiver is gone");
    }

    async fn send_many(&mut self, messages: Vec<M>) {
        let permits = self.reserve_many(messages.len()).await.expect("a receiver");
        permits.zip(messages).for_each(|(permit, message)| permit.send(message));
    }
}

impl<M: Load> Rx<M> for Reader<M> {
    async fn recv(&mut self, seen: &mut Seen) -> bool {
        let received = self.0.recv().await;
        let more = received.is_some();
        received.into_iter().for_each(|message| seen.take(message));
        more
    }

    async fn recv_many(&mut self, max: usize, seen: &mut Seen) -> bool {
        let received = self.0.recv_many(&mut self.1, max).await;
        self.1.drain(..).for_each(|message| seen.take(message));
        received > 0
    }
}
