//! The wait for room in a full topic, with its deadline.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Sleep;

use super::Publisher;
use super::patience::Patience;
use crate::engine::queue::Place;
use crate::engine::topic::Topic;
use crate::error::PublishError;
use crate::message::Stored;
use crate::payload::Payload;

/// A publisher's place among those that wait. Leaves it on drop.
pub(super) struct Room<'a, T: Payload> {
    topic: &'a Arc<Topic<Stored<T>>>,
    within: Option<Duration>,
    /// Begins with the first wait.
    deadline: Option<Pin<Box<Sleep>>>,
    place: Place,
    /// Whether there may be a place to give up.
    waited: bool,
    /// Before it sleeps.
    patience: Patience,
    /// What the next one begins with.
    next_patience: &'a AtomicU8,
}

impl<'a, T: Payload> Room<'a, T> {
    pub(super) fn new(
        publisher: &'a Publisher<T>,
        topic: &'a Arc<Topic<Stored<T>>>,
        within: Option<Duration>,
    ) -> Self {
        Self {
            topic,
            within,
            deadline: None,
            place: Place::default(),
            waited: false,
            patience: Patience::of(publisher.patience.load(Ordering::Relaxed)),
            next_patience: &publisher.patience,
        }
    }

    pub(super) fn topic(&self) -> &'a Arc<Topic<Stored<T>>> {
        self.topic
    }

    /// This publisher's place among those that wait.
    pub(super) fn place(&mut self) -> &mut Place {
        &mut self.place
    }

    /// Gives the place up, for those behind it.
    pub(super) fn leave(&mut self) {
        if std::mem::take(&mut self.waited) {
            self.patience.renew();
            self.next_patience.store(self.patience.most(), Ordering::Relaxed);
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

    /// Looks whether it is worth trying, a few times before it sleeps where that tends to help.
    fn poll_turn(&mut self, size: usize, cx: &mut Context<'_>) -> Poll<()> {
        if self.patience.lasts() {
            match self.topic.turn(size, &mut self.place) {
                Some(true) => return Poll::Ready(()),
                Some(false) => {
                    self.patience.wait();
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                // Those before it come first, and then it is woken.
                None => {}
            }
        }
        self.topic.poll_room(size, &mut self.place, cx)
    }
}

impl<T: Payload> Drop for Room<'_, T> {
    fn drop(&mut self) {
        self.leave();
    }
}
