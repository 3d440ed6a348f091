//! The future that publishes a message, and waits for room where there is none.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::{Publish, Said, YIELD_EVERY, give_back, make_way, pause};
use crate::codec::form::{Form, Packed};
use crate::engine::offer::Head;
use crate::engine::queue::Place;
use crate::engine::state::Refusal;
use crate::engine::topic::Topic;
use crate::error::PublishError;
use crate::message::{Far, Stored};
use crate::payload::{Its, Payload};
use crate::position::Offset;
use crate::publisher::remote::{self, Departure, Passage};
use crate::publisher::room::Room;
use crate::publisher::{Made, Offered, Publisher, Ready, head};
use crate::record::Meta;
use crate::remote::{Outlet, Site};

impl<'a, T: Payload> IntoFuture for Publish<'a, T> {
    type Output = Result<Offset, PublishError<T>>;
    type IntoFuture = Publishing<'a, T>;

    #[inline]
    fn into_future(self) -> Publishing<'a, T> {
        let Self { publisher, message, said } = self;
        Publishing { message: Some(message), said, next: Next::Store, later: None, publisher }
    }
}

/// The future of [`Publish`].
///
/// # Cancel safety
///
/// See [`Publisher::publish`].
#[must_use = "futures do nothing unless awaited"]
// As they stand: moved with a word before it, a message is read in other pieces than it was written in,
// and the processor waits until those have left its store buffer.
#[repr(C)]
pub struct Publishing<'a, T: Payload> {
    /// Until it is polled.
    message: Option<T>,
    /// What is said of it, until that is looked at.
    said: Option<Box<Said>>,
    next: Next,
    /// What is left to do without the message. Boxed, since for most nothing is.
    later: Option<Box<Later<'a, T>>>,
    publisher: &'a Publisher<T>,
}

/// What the next poll does, if nothing is left to do later.
#[derive(Clone, Copy)]
enum Next {
    /// Stores the message.
    Store,
    /// It is published; lets other tasks run before it says so.
    Yielded(Offset),
    /// So, and first pauses for readers.
    Pressed(Offset),
    /// It is done; or what was said of the message was looked at, and is gone where code that is not ours
    /// panicked over it.
    Over,
}

/// What a message that is not stored yet waits for.
enum Later<'a, T: Payload> {
    /// Room.
    Wait(Waiting<'a, T>),
    /// It is on its way to where its topic is kept.
    There(Far<T, Box<Passage<T>>>),
}

/// An outcome that takes a look. Its error is boxed, so that who expects none need not have a place for it.
type Looked<T> = Poll<Result<Offset, Box<PublishError<T>>>>;

/// A message that waits for room.
struct Waiting<'a, T: Payload> {
    room: Room<'a, T>,
    message: Option<T>,
    ready: Ready<T>,
    id: Option<Arc<str>>,
}

impl<'a, T: Payload> Publishing<'a, T> {
    #[cold]
    fn poll_later(&mut self, cx: &mut Context<'_>) -> Looked<T> {
        if let Some(said) = self.said.take() {
            return self.look(*said, cx);
        }
        let published = match (self.later.as_deref_mut(), self.next) {
            (Some(Later::Wait(waiting)), _) => ready!(waiting.poll(cx)),
            (Some(Later::There(far)), _) => ready!(T::Form::there_mut(far).poll(cx)),
            (None, Next::Yielded(offset)) => Ok(offset),
            (None, Next::Pressed(offset)) => {
                if let Site::Here(topic) = &self.publisher.site {
                    ready!(pause(topic, cx));
                }
                Ok(offset)
            }
            (None, Next::Store | Next::Over) => polled_after_the_end(),
        };
        (self.later, self.next) = (None, Next::Over);
        Poll::Ready(published.map_err(Box::new))
    }

    /// Looks at what is said of the message, and stores it.
    fn look(&mut self, said: Said, cx: &mut Context<'_>) -> Looked<T> {
        let Some(message) = &self.message else { polled_after_the_end() };
        self.next = Next::Over;
        let within = said.within;
        match self.publisher.identified_with(message, said) {
            Ok((mut ready, id)) => {
                let Ready { made, meta, head } = &mut ready;
                self.publish(made, meta, *head, id.as_ref(), within, cx)
            }
            Err(refusal) => self.refuse(refusal),
        }
    }
}

#[cold]
fn polled_after_the_end() -> ! {
    panic!("a publish was polled after it was done")
}

/// Nothing in it is pinned.
impl<T: Payload> Unpin for Publishing<'_, T> {}

impl<T: Payload> Future for Publishing<'_, T> {
    type Output = Result<Offset, PublishError<T>>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let looked = match (&this.message, &this.said, this.next) {
            // In parts, as it is offered: to move them together costs more than to store the message.
            (Some(message), None, Next::Store) => {
                match T::Form::pack::<Its>(message, &this.publisher.writer) {
                    Ok(Packed { made, mut meta, key, size }) => {
                        let head = head(size, key, this.publisher.partition(key), meta.as_ref());
                        this.publish(&mut Some(made), &mut meta, head, None, None, cx)
                    }
                    Err(source) => this.refuse(PublishError::Encode { message: (), source }),
                }
            }
            _ => this.poll_later(cx),
        };
        looked.map_err(|refusal| *refusal)
    }
}

impl<'a, T: Payload> Publishing<'a, T> {
    /// Stores the message, or begins to wait for room.
    #[inline(always)]
    fn publish(
        &mut self,
        made: &mut Option<Made<T>>,
        meta: &mut Option<Arc<Meta>>,
        head: Head,
        id: Option<&Arc<str>>,
        within: Option<Duration>,
        cx: &mut Context<'_>,
    ) -> Looked<T> {
        let topic = match &self.publisher.site {
            Site::Here(topic) => topic,
            Site::There(far) => {
                return self.depart(far, (made, meta, head), id.cloned(), within, cx);
            }
        };
        let offered = Offered { message: &mut self.message, made, meta, head };
        match topic.append(offered, id, &mut Place::default()) {
            Ok(offset) => {
                // What was not stored itself is still there.
                self.message = None;
                if (offset.0 + 1) % YIELD_EVERY == 0 {
                    return self.make_way(topic, offset, cx);
                }
                Poll::Ready(Ok(offset))
            }
            Err(Refusal::Full) => {
                let ready = Ready { made: made.take(), meta: meta.take(), head };
                self.wait(topic, ready, id.cloned(), within, cx)
            }
            Err(refusal) => self.refuse(refusal.into()),
        }
    }

    #[cold]
    fn refuse(&mut self, refusal: PublishError<()>) -> Looked<T> {
        Poll::Ready(Err(Box::new(give_back(refusal, self.message.take()))))
    }

    /// It is published, and lets others run before it says so.
    #[cold]
    fn make_way(
        &mut self,
        topic: &Topic<Stored<T>>,
        offset: Offset,
        cx: &mut Context<'_>,
    ) -> Looked<T> {
        let presses = make_way(topic, cx);
        self.next = if presses { Next::Pressed(offset) } else { Next::Yielded(offset) };
        Poll::Pending
    }

    #[cold]
    fn wait(
        &mut self,
        topic: &'a Arc<Topic<Stored<T>>>,
        ready: Ready<T>,
        id: Option<Arc<str>>,
        within: Option<Duration>,
        cx: &mut Context<'_>,
    ) -> Looked<T> {
        let room = Room::new(self.publisher, topic, within.or(self.publisher.within));
        let message = self.message.take();
        self.later = Some(Box::new(Later::Wait(Waiting { room, message, ready, id })));
        self.poll_later(cx)
    }

    /// The message as it is sent, where its topic is kept elsewhere and it was not taken before.
    pub(in crate::publisher) fn departure(
        &mut self,
    ) -> Option<Result<Departure<'a, T>, PublishError<T>>> {
        let Site::There(far) = &self.publisher.site else { return None };
        let message = self.message.take()?;
        let said = self.said.take();
        let within = said.as_ref().and_then(|said| said.within).or(self.publisher.within);
        Some(match self.publisher.identified(&message, said) {
            Ok((Ready { made: Some(made), meta, head }, id)) => {
                let body = T::Form::send(&message, made, far);
                let mut outgoing = remote::outgoing(body, meta, head.partition);
                (outgoing.id, outgoing.within) = (id, within);
                Ok(Departure { far, message, outgoing })
            }
            Ok(_) => unreachable!("a message was stored before it was sent"),
            Err(refusal) => Err(refusal.with(message)),
        })
    }

    /// Sends the message to where its topic is kept.
    #[cold]
    fn depart(
        &mut self,
        far: &'a Far<T, Arc<Outlet>>,
        (made, meta, head): (&mut Option<Made<T>>, &mut Option<Arc<Meta>>, Head),
        id: Option<Arc<str>>,
        within: Option<Duration>,
        cx: &mut Context<'_>,
    ) -> Looked<T> {
        let (Some(message), Some(made)) = (self.message.take(), made.take()) else {
            polled_after_the_end()
        };
        let body = T::Form::send(&message, made, far);
        let mut outgoing = remote::outgoing(body, meta.take(), head.partition);
        (outgoing.id, outgoing.within) = (id, within.or(self.publisher.within));
        self.later = Some(Box::new(Later::There(remote::passage(far, message, outgoing))));
        self.poll_later(cx)
    }
}

impl<T: Payload> Waiting<'_, T> {
    /// Tries again, and waits for room until it is stored or will not be.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Offset, PublishError<T>>> {
        let refusal = loop {
            let Self { room, message, ready, id } = self;
            if message.is_none() {
                polled_after_the_end();
            }
            let size = ready.head.size;
            match room.topic().append(&mut ready.offer(message), id.as_ref(), room.place()) {
                Ok(offset) => {
                    self.message = None;
                    return Poll::Ready(Ok(offset));
                }
                Err(Refusal::Full) => match ready!(room.poll(size, cx)) {
                    Ok(()) => {}
                    Err(refusal) => {
                        room.topic().count_rejected(1);
                        break refusal;
                    }
                },
                Err(refusal) => {
                    room.leave();
                    break refusal.into();
                }
            }
        };
        Poll::Ready(Err(give_back(refusal, self.message.take())))
    }
}

impl<T: Payload> fmt::Debug for Publishing<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publishing").field("topic", self.publisher.topic()).finish_non_exhaustive()
    }
}
