//! crossfire: bounded; its one-to-one flavour, and its flavour for many. It has no batches.

use crossfire::{AsyncRx, AsyncTx, MAsyncRx, MAsyncTx, mpmc, spsc};

use crate::queue::{Load, Open, Queue, Rx, Seen, Shape, Tx};

/// One to one.
#[derive(Debug)]
pub struct One;
/// Each message to one of many.
#[derive(Debug)]
pub struct Many;

type OneTx<M> = AsyncTx<spsc::Array<M>>;
type OneRx<M> = AsyncRx<spsc::Array<M>>;
type ManyTx<M> = MAsyncTx<mpmc::Array<M>>;
type ManyRx<M> = MAsyncRx<mpmc::Array<M>>;

impl<M: Load> Queue<M> for One {
    const NAME: &'static str = "crossfire";
    type Tx = OneTx<M>;
    type Rx = OneRx<M>;
    type Hold = ();

    async fn open(_shape: &Shape) -> Open<OneTx<M>, OneRx<M>, ()> {
        let (tx, rx) = spsc::bounded_async(M::CAPACITY);
        Open { senders: vec![tx], receivers: vec![rx], hold: () }
    }
}

impl<M: Load> Queue<M> for Many {
    const NAME: &'static str = "crossfire";
    type Tx = ManyTx<M>;
    type Rx = ManyRx<M>;
    type Hold = ();

    async fn open(shape: &Shape) -> Open<ManyTx<M>, ManyRx<M>, ()> {
        let (tx, rx) = mpmc::bounded_async(M::CAPACITY);
        Open { senders: vec![tx; shape.senders], receivers: vec![rx; shape.receivers], hold: () }
    }
}

impl<M: Load> Tx<M> for OneTx<M> {
    async fn send(&mut self, message: M) {
        assert!(AsyncTx::send(self, message).await.is_ok(), "the receiver is gone");
    }
}

impl<M: Load> Tx<M> for ManyTx<M> {
    async fn send(&mut self, message: M) {
        assert!(AsyncTx::send(self, message).await.is_ok(), "the receivers are gone");
    }
}

impl<M: Load> Rx<M> for OneRx<M> {
    async fn recv(&mut self, seen: &mut Seen) -> bool {
        let received = AsyncRx::recv(self).await;
        let more = received.is_ok();
        received.into_iter().for_each(|message| seen.take(message));
        more
    }
}

impl<M: Load> Rx<M> for ManyRx<M> {
    async fn recv(&mut self, seen: &mut Seen) -> bool {
        let received = AsyncRx::recv(self).await;
        let more = received.is_ok();
        received.into_iter().for_each(|message| seen.take(message));
        more
    }
}
