//! Subscribers and consumers as streams.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::consumer::Consumer;
use crate::delivery::Delivery;
use crate::error::RecvError;
use crate::message::Message;
use crate::payload::Payload;
use crate::subscriber::Subscriber;

impl<T: Payload> Subscriber<T> {
    /// Ends with `None` when the topic is closed, and after one `Deleted` when it was deleted.
    pub(crate) fn poll_stream(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message<T>, RecvError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.poll_recv(cx).map(|received| {
            self.ended = matches!(received, Err(RecvError::Closed | RecvError::Deleted));
            match received {
                Err(RecvError::Closed) => None,
                received => Some(received),
            }
        })
    }
}

/// Errors are items: the stream goes on after [`RecvError::Lagged`] and [`RecvError::Decode`]. It
/// ends when the topic is closed and everything was read, and after one [`RecvError::Deleted`].
impl<T: Payload> Stream for Subscriber<T> {
    type Item = Result<Message<T>, RecvError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_stream(cx)
    }
}

/// Errors are items: the stream goes on after [`RecvError::Lagged`] and [`RecvError::Decode`]. It
/// ends when the topic is closed and everything is settled, and after one error when the topic or the
/// group was deleted.
impl<T: Payload> Stream for Consumer<T> {
    type Item = Result<Delivery<T>, RecvError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_stream(cx)
    }
}
