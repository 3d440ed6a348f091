//! The wait for room in a full topic, with its deadline.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Sleep;

use super::Publisher;
use crate::engine::queue::Place;
use crate::engine::topic::Topic;
use crate::error::PublishError;
use crate::message::Stored;
use crate::payload::Payload;

/// How often a publisher that finds no room lets others run, before it sleeps: a reader makes room
/// soon, mostly, and then nobody has to wake it.
const PATIENCE: u8 = 16;

/// A publisher's place among those that wait. Leaves it on drop.
pub(super) struct Room<'a, T: Payload> {
    topic: &'a std::sync::Arc<Topic<Stored<T>>>,
    within: Option<Duration>,
    /// Begins with the first wait.
    deadline: Option<Pin<Box<Sleep>>>,
    place: Place,
    /// Whether there may be a place to give up.
    waited: bool,
    /// How often it still lets others run before it sleeps.
    patience: u8,
}

impl<'a, T: Payload> Room<'a, T> {
    pub(super) fn new(publisher: &'a Publisher<T>, within: Option<Duration>) -> Self {
        Self {
            topic: &publisher.topic,
            within,
            deadline: None,
            place: Place::default(),
            waited: false,
            patience: PATIENCE,
        }
    }

    pub(super) fn topic(&self) -> &'a std::sync::Arc<Topic<Stored<T>>> {
        self.topic
    }

    /// This publisher's place among those that wait.
    pub(super) fn place(&mut self) -> &mut Place {
        &mut self.place
    }

    /// Gives the place up, for those behind it.
    pub(super) fn leave(&mut self) {
        if std::mem::take(&mut self.waited) {
            self.topic.leave_room(&mut self.place);
        }
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
        if self.poll_turn(size as usize, cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let Some(within) = self.within else { return Poll::Pending };
        if !within.is_zero() {
            let sleep = || Box::pin(tokio::time::sleep(within));
            ready!(self.deadline.get_or_insert_with(sleep).as_mut().poll(cx));
        }
        self.leave();
        Poll::Ready(Err(PublishError::Timeout(())))
    }

    fn poll_turn(&mut self, size: usize, cx: &mut Context<'_>) -> Poll<()> {
        if self.patience == 0 {
            return self.topic.poll_room(size, &mut self.place, cx);
        }
        self.patience -= 1;
        let turn = self.topic.poll_turn(size, &mut self.place);
        if turn.is_pending() {
            cx.waker().wake_by_ref();
        }
        turn
    }
}

impl<T: Payload> Drop for Room<'_, T> {
    fn drop(&mut self) {
        self.leave();
    }
}
