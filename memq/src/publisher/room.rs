//! The wait for room in a full topic, with its deadline.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

use super::Publisher;
use crate::engine::topic::Topic;
use crate::engine::wake::Ticket;
use crate::error::PublishError;
use crate::message::Stored;
use crate::payload::Payload;

/// A publisher's place among those that wait. Leaves it on drop.
pub(super) struct Room<'a, T: Payload> {
    topic: &'a std::sync::Arc<Topic<Stored<T>>>,
    within: Option<Duration>,
    /// Begins with the first wait.
    deadline: Option<Pin<Box<Sleep>>>,
    ticket: Ticket,
    waited: bool,
}

impl<'a, T: Payload> Room<'a, T> {
    pub(super) fn new(publisher: &'a Publisher<T>, within: Option<Duration>) -> Self {
        Self {
            topic: &publisher.topic,
            within,
            deadline: None,
            ticket: Ticket::default(),
            waited: false,
        }
    }

    pub(super) fn topic(&self) -> &'a std::sync::Arc<Topic<Stored<T>>> {
        self.topic
    }

    /// Waits until it is worth trying again, or says why there will be no room.
    pub(super) fn poll(
        &mut self,
        size: u32,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), PublishError<()>>> {
        if !self.topic.waits() {
            return Poll::Ready(Err(PublishError::Full(())));
        }
        self.waited = true;
        if self.topic.poll_room(size as usize, &mut self.ticket, cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let Some(within) = self.within else { return Poll::Pending };
        if within.is_zero() {
            return Poll::Ready(Err(PublishError::Timeout(())));
        }
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(within)));
        deadline.as_mut().poll(cx).map(|()| Err(PublishError::Timeout(())))
    }
}

impl<T: Payload> Drop for Room<'_, T> {
    fn drop(&mut self) {
        if self.waited {
            self.topic.leave_room(&mut self.ticket);
        }
    }
}
