//! The futures of a subscriber that give one message.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Subscriber, Taken};
use crate::error::RecvError;
use crate::payload::Payload;

/// Waits for the next message and gives what is made of it.
///
/// Not an `async fn`, whose inside cannot be told to be part of who awaits it: called, it hands its
/// message over through memory, which costs as much as half a publish and a receive.
pub(super) struct Receive<'a, T: Payload, F> {
    /// Until it is done.
    subscriber: Option<&'a mut Subscriber<T>>,
    give: F,
}

impl<'a, T: Payload, F, R> Receive<'a, T, F>
where
    F: Fn(&'a mut Subscriber<T>, Taken<T>) -> R,
{
    #[inline]
    pub(super) fn new(subscriber: &'a mut Subscriber<T>, give: F) -> Self {
        Self { subscriber: Some(subscriber), give }
    }
}

impl<'a, T: Payload, F, R> Future for Receive<'a, T, F>
where
    F: Fn(&'a mut Subscriber<T>, Taken<T>) -> R + Unpin,
{
    type Output = Result<R, RecvError>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(subscriber) = self.subscriber.take() else { polled_after_the_end() };
        let taken = match subscriber.take_at_once() {
            Some(taken) => taken,
            None => match subscriber.poll_looking(cx) {
                Poll::Ready(taken) => taken,
                Poll::Pending => {
                    self.subscriber = Some(subscriber);
                    return Poll::Pending;
                }
            },
        };
        match taken {
            Ok(taken) => Poll::Ready(Ok((self.give)(subscriber, taken))),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

#[cold]
fn polled_after_the_end() -> ! {
    panic!("a receive was polled after it was done")
}
