//! kanal: bounded, its async half; each message to one receiver.

use kanal::{AsyncReceiver, AsyncSender, bounded_async};

use crate::queue::{Load, Open, Queue, Rx, Seen, Shape, Tx};

#[derive(Debug)]
pub struct Kanal;

/// A receiver and the room for its batches.
#[derive(Debug)]
pub struct Reader<M>(AsyncReceiver<M>, Vec<M>);

impl<M: Load> Queue<M> for Kanal {
    const NAME: &'static str = "kanal";
    type Tx = AsyncSender<M>;
    type Rx = Reader<M>;
    type Hold = ();

    async fn open(shape: &Shape) -> Open<AsyncSender<M>, Reader<M>, ()> {
        let (tx, rx) = bounded_async(M::CAPACITY);
        let receivers = (0..shape.receivers).map(|_| Reader(rx.clone(), Vec::new())).collect();
        Open { senders: vec![tx; shape.senders], receivers, hold: () }
    }
}

impl<M: Load> Tx<M> for AsyncSender<M> {
    async fn send(&mut self, message: M) {
        assert!(AsyncSender::send(self, message).await.is_ok(), "the receivers are gone");
    }
}

impl<M: Load> Rx<M> for Reader<M> {
    async fn recv(&mut self, seen: &mut Seen) -> bool {
        let received = self.0.recv().await;
        let more = received.is_ok();
        received.into_iter().for_each(|message| seen.take(message));
        more
    }

    /// It takes all there is, also beyond the batch.
    async fn recv_many(&mut self, _max: usize, seen: &mut Seen) -> bool {
        let more = Rx::recv(self, seen).await;
        let _ = self.0.drain_into(&mut self.1);
        self.1.drain(..).for_each(|message| seen.take(message));
        more
    }
}
