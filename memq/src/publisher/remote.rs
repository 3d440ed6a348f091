//! Messages on their way to where their topic is kept.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::batch::CHUNK;
use super::{Publisher, share};
use crate::codec::form::{Form, Packed};
use crate::engine::offer::ANY;
use crate::error::{BatchError, PublishError};
use crate::exclusive::Exclusive;
use crate::message::Far;
use crate::payload::{Its, Payload};
use crate::position::{Offset, Partition};
use crate::record::{Body, Meta, Record};
use crate::remote::{Admission, Outlet, published};
use crate::spi::{Boxed, Outgoing, Receipt};

/// One message that is on its way.
pub(super) type Passage<T> = Exclusive<Boxed<Result<Offset, PublishError<T>>>>;

/// Many of them.
pub(super) type Passages<T> = Exclusive<Boxed<Result<Vec<Offset>, BatchError<T>>>>;

/// A message that is sent, and itself for the case that it comes back.
pub(super) struct Departure<'a, T: Payload> {
    pub(super) far: &'a Far<T, Arc<Outlet>>,
    pub(super) message: T,
    pub(super) outgoing: Outgoing,
}

/// One that waits for a place in the window.
pub(super) type Admitting<T> = Exclusive<Boxed<Result<Sent<T>, PublishError<T>>>>;

/// One that was admitted.
pub(super) struct Sent<T> {
    receipt: Receipt,
    /// What is given back; until that is known.
    message: Option<T>,
}

impl<T> Sent<T> {
    /// What became of it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Offset, PublishError<T>>> {
        let told = ready!(Pin::new(&mut self.receipt).poll(cx));
        let Some(message) = self.message.take() else {
            panic!("a receipt was polled after it was done")
        };
        Poll::Ready(match told {
            Ok(stored) => Ok(stored.offset),
            Err(fault) => Err(published(fault).with(message)),
        })
    }
}

impl<'a, T: Payload> Departure<'a, T> {
    /// Gets the message into the window, or says how it goes on.
    pub(super) fn admit(self) -> Result<Far<T, Box<Sent<T>>>, Refused<T>> {
        let Self { far, message, outgoing } = self;
        let outlet = T::Form::there(far).clone();
        match outlet.try_admit(outgoing) {
            Ok(Admission::Admitted(receipt)) => {
                let sent = Box::new(Sent { receipt, message: Some(message) });
                Ok(T::Form::instead(far, sent))
            }
            Ok(Admission::Full(outgoing)) => {
                let admit = async move {
                    match outlet.admit(*outgoing).await {
                        Ok(receipt) => Ok(Sent { receipt, message: Some(message) }),
                        Err(refusal) => Err(refusal.with(message)),
                    }
                };
                let admitting = Box::new(Exclusive::new(Box::pin(admit) as Boxed<_>));
                Err(Refused::Later(T::Form::instead(far, admitting)))
            }
            Err(refusal) => Err(Refused::Never(refusal.with(message))),
        }
    }
}

/// A message that was not admitted at once.
pub(super) enum Refused<T: Payload> {
    Later(Far<T, Box<Admitting<T>>>),
    Never(PublishError<T>),
}

/// A message that is encoded, as it is sent.
pub(super) fn outgoing(body: Body, meta: Option<Arc<Meta>>, partition: u16) -> Outgoing {
    let mut outgoing = Outgoing::new(Record { body, meta });
    outgoing.partition = (partition != ANY).then_some(Partition(partition));
    outgoing
}

/// Sends a message, and gives it back where it is not published.
pub(super) fn passage<T: Payload>(
    far: &Far<T, Arc<Outlet>>,
    message: T,
    outgoing: Outgoing,
) -> Far<T, Box<Passage<T>>> {
    let outlet = T::Form::there(far).clone();
    let store =
        async move { outlet.store(outgoing).await.map_err(|refusal| refusal.with(message)) };
    T::Form::instead(far, Box::new(Exclusive::new(Box::pin(store))))
}

/// A batch that is not sent yet.
pub(super) fn not_sent<T: Payload>(far: &Far<T, Arc<Outlet>>) -> Far<T, Option<Box<Passages<T>>>> {
    T::Form::instead(far, None)
}

/// A batch, of which some first messages were admitted.
struct Sending<T: Payload> {
    publisher: Publisher<T>,
    far: Far<T, Arc<Outlet>>,
    /// In their order; those that were stored are absent.
    messages: Vec<Option<T>>,
    /// The first that is not encoded.
    next: usize,
    /// Those that are, and wait for a place in the window.
    encoded: VecDeque<Outgoing>,
    receipts: VecDeque<Receipt>,
    /// The first whose receipt was not looked at.
    told: usize,
    offsets: Vec<Offset>,
    /// The first message that is not stored, and why.
    failed: Option<(usize, PublishError<()>)>,
    partition: Option<Partition>,
}

/// Sends messages in their order, all that there are into the window, until one is refused.
pub(super) fn passages<T: Payload>(
    far: &Far<T, Arc<Outlet>>,
    publisher: Publisher<T>,
    messages: Vec<Option<T>>,
    partition: Option<Partition>,
) -> Box<Passages<T>> {
    let mut sending = Sending {
        far: share::<T>(far),
        publisher,
        offsets: Vec::with_capacity(messages.len()),
        messages,
        next: 0,
        encoded: VecDeque::new(),
        receipts: VecDeque::new(),
        told: 0,
        failed: None,
        partition,
    };
    Box::new(Exclusive::new(Box::pin(async move {
        while sending.failed.is_none() && sending.next < sending.messages.len() {
            sending.encode();
            sending.admit().await;
        }
        while let Some(receipt) = sending.receipts.pop_front() {
            sending.look_at(receipt).await;
        }
        sending.end()
    })))
}

impl<T: Payload> Sending<T> {
    /// Encodes the next messages.
    fn encode(&mut self) {
        let end = self.messages.len().min(self.next + CHUNK);
        while self.next < end {
            let Some(message) = self.messages.get(self.next).and_then(Option::as_ref) else {
                unreachable!("a message was stored before it was sent")
            };
            let packed = match T::Form::pack::<Its>(message, &self.publisher.writer) {
                Ok(packed) => packed,
                Err(source) => {
                    return self.fail(self.next, PublishError::Encode { message: (), source });
                }
            };
            let Packed { made, meta, key, .. } = packed;
            let partition = self.publisher.partition(key);
            let mut outgoing = outgoing(T::Form::send(message, made, &self.far), meta, partition);
            outgoing.partition = self.partition.or(outgoing.partition);
            outgoing.within = self.publisher.within;
            self.encoded.push_back(outgoing);
            self.next += 1;
        }
    }

    /// Gets what is encoded into the window, as long as nothing was refused. Whoever waits for a place
    /// first looks at the receipts there are: with each there is one.
    async fn admit(&mut self) {
        let outlet = T::Form::there(&self.far).clone();
        let mut admitted = Vec::new();
        loop {
            let submitted = outlet.way.submit(&mut self.encoded, &mut admitted);
            self.receipts.extend(admitted.drain(..));
            let next = self.told + self.receipts.len();
            if let Err(fault) = submitted {
                self.fail(next, published(fault));
            }
            if self.encoded.is_empty() {
                return;
            }
            match self.receipts.pop_front() {
                Some(receipt) => self.look_at(receipt).await,
                None => {
                    if let Err(refusal) = outlet.room(self.publisher.within).await {
                        self.fail(next, refusal);
                    }
                }
            }
            if self.failed.is_some() {
                self.encoded.clear();
                return;
            }
        }
    }

    /// Waits for what became of the next message.
    async fn look_at(&mut self, receipt: Receipt) {
        let stored = receipt.await;
        let at = self.told;
        self.told += 1;
        match stored {
            Ok(stored) => {
                self.offsets.push(stored.offset);
                if let Some(place) = self.messages.get_mut(at) {
                    *place = None;
                }
            }
            Err(fault) => self.fail(at, published(fault)),
        }
    }

    fn fail(&mut self, at: usize, reason: PublishError<()>) {
        if self.failed.as_ref().is_none_or(|(first, _)| at < *first) {
            self.failed = Some((at, reason));
        }
    }

    fn end(&mut self) -> Result<Vec<Offset>, BatchError<T>> {
        let published = std::mem::take(&mut self.offsets);
        match self.failed.take() {
            None => Ok(published),
            Some((_, reason)) => Err(BatchError {
                published,
                reason: Box::new(reason),
                rest: self.messages.drain(..).flatten().collect(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Place, Topic};
    use super::*;
    use crate::message::Stored;
    use crate::remote::Number;

    #[test]
    fn handles_of_native_topics_have_no_place_for_what_is_elsewhere() {
        assert_eq!(size_of::<Place<Number>>(), size_of::<Arc<Topic<Stored<Number>>>>());
        assert_eq!(size_of::<Option<Far<Number, Box<Admitting<Number>>>>>(), 0);
    }
}
