//! One receive of a consumer, which gives its place on if it is dropped.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Consumer;
use crate::delivery::Delivery;
use crate::error::RecvError;
use crate::payload::Payload;

/// Waits for a message, and stops waiting when it is dropped.
pub(super) struct Receive<'a, T: Payload> {
    consumer: &'a mut Consumer<T>,
}

impl<'a, T: Payload> Receive<'a, T> {
    pub(super) fn new(consumer: &'a mut Consumer<T>) -> Self {
        Self { consumer }
    }
}

impl<T: Payload> Future for Receive<'_, T> {
    type Output = Result<Delivery<T>, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.consumer.poll_take(cx, true)
    }
}

impl<T: Payload> Drop for Receive<'_, T> {
    fn drop(&mut self) {
        self.consumer.stop_waiting();
    }
}
