//! Room for one message, reserved before there is a message.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::Publisher;
use super::publish::give_back;
use super::room::Room;
use crate::engine::queue::{PERMIT, Place};
use crate::engine::state::Refusal;
use crate::engine::topic::Topic;
use crate::error::PublishError;
use crate::message::Stored;
use crate::payload::Payload;
use crate::position::Offset;
use crate::remote::{Site, not_there};
use crate::spi::Capability;

/// Room for one message; see [`Publisher::reserve`]. Dropped, it gives the room back.
#[must_use = "a permit that is dropped gives its room back"]
pub struct Permit<'a, T: Payload> {
    publisher: &'a Publisher<T>,
    topic: &'a Arc<Topic<Stored<T>>>,
    /// Whether the topic still holds room for it.
    held: bool,
}

pub(super) async fn reserve<T: Payload>(
    publisher: &Publisher<T>,
) -> Result<Permit<'_, T>, PublishError<()>> {
    let Site::Here(topic) = &publisher.site else { return Err(not_there(Capability::Reserve)) };
    let mut room = Room::new(publisher, topic, publisher.within);
    poll_fn(|cx| {
        loop {
            match topic.reserve(room.place()) {
                Ok(()) => return Poll::Ready(Ok(Permit { publisher, topic, held: true })),
                Err(Refusal::Full) => match room.poll(PERMIT as u32, cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(refusal)) => {
                        topic.count_rejected(1);
                        return Poll::Ready(Err(refusal));
                    }
                    Poll::Pending => return Poll::Pending,
                },
                Err(refusal) => return Poll::Ready(Err(refusal.into())),
            }
        }
    })
    .await
}

pub(super) fn try_reserve<T: Payload>(
    publisher: &Publisher<T>,
) -> Result<Permit<'_, T>, PublishError<()>> {
    let Site::Here(topic) = &publisher.site else { return Err(not_there(Capability::Reserve)) };
    match topic.reserve(&mut Place::default()) {
        Ok(()) => Ok(Permit { publisher, topic, held: true }),
        Err(refusal) => {
            if matches!(refusal, Refusal::Full) {
                topic.count_rejected(1);
            }
            Err(refusal.into())
        }
    }
}

impl<T: Payload> Permit<'_, T> {
    /// Publishes a message in the reserved room; never waits.
    ///
    /// # Errors
    ///
    /// As [`Publisher::publish`], but never for want of room.
    pub fn send(mut self, message: T) -> Result<Offset, PublishError<T>> {
        let mut ready = match self.publisher.ready(&message) {
            Ok(ready) => ready,
            Err(source) => return Err(PublishError::Encode { message, source }),
        };
        let mut message = Some(message);
        self.held = false;
        let appended = self.topic.append_reserved(&mut ready.offer(&mut message));
        appended.map_err(|refusal| give_back(refusal.into(), message))
    }
}

impl<T: Payload> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        if self.held {
            self.topic.release();
        }
    }
}

impl<T: Payload> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("topic", self.publisher.topic()).finish_non_exhaustive()
    }
}
