//! One message on its way into the log.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::room::Room;
use super::{Publisher, Ready};
use crate::engine::queue::Place;
use crate::engine::state::Refusal;
use crate::error::{EncodeError, PublishError};
use crate::headers::Headers;
use crate::key::{Key, TopicKey};
use crate::payload::Payload;
use crate::position::{Offset, Partition};

/// Messages after which a publisher lets other tasks run once.
pub(super) const YIELD_EVERY: u64 = 1024;

/// A message to be published: add what it carries, then `.await` it.
///
/// Nothing happens before that.
#[must_use = "a message is published by `.await` or `.now()`"]
pub struct Publish<'a, T: Payload> {
    publisher: &'a Publisher<T>,
    message: T,
    /// Most messages say nothing more, and are the cheaper for it.
    said: Option<Box<Said>>,
    within: Option<Duration>,
}

/// A message that is ready for the log, and its id.
type Identified<T> = (Ready<T>, Option<Arc<str>>);

/// What is said of a message beside its value.
#[derive(Default)]
pub(super) struct Said {
    pub(super) key: Option<Key<'static>>,
    pub(super) headers: Headers,
    pub(super) partition: Option<Partition>,
    id: Option<Arc<str>>,
    /// The first thing that was wrong; reported when it is published.
    fault: Option<EncodeError>,
}

impl<'a, T: Payload> Publish<'a, T> {
    pub(super) fn new(publisher: &'a Publisher<T>, message: T) -> Self {
        Self { publisher, message, said: None, within: publisher.within }
    }

    pub(super) fn refused(publisher: &'a Publisher<T>, message: T, fault: EncodeError) -> Self {
        let mut publish = Self::new(publisher, message);
        publish.said().fault = Some(fault);
        publish
    }

    fn said(&mut self) -> &mut Said {
        self.said.get_or_insert_default()
    }

    /// Gives the message this key, in place of the one its type takes from the value. `None`
    /// leaves that.
    pub fn key(mut self, key: impl TopicKey) -> Self {
        self.said().key = key.to_key().map(Key::into_owned);
        self
    }

    /// Adds a header. One that breaks the [rules](Headers) is reported on publishing.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let said = self.said();
        if let Err(error) = said.headers.insert(name, value) {
            said.fault.get_or_insert(EncodeError::Header(error));
        }
        self
    }

    /// Adds headers, those of another message say.
    pub fn headers(mut self, headers: &Headers) -> Self {
        for (name, value) in headers.iter() {
            self = self.header(name, value);
        }
        self
    }

    /// Puts the message into this partition, whatever its key. One that the topic does not have is
    /// reported on publishing.
    ///
    /// Messages of one key are in order only within a partition.
    pub fn partition(mut self, partition: impl Into<Partition>) -> Self {
        self.said().partition = Some(partition.into());
        self
    }

    /// Gives the message an id, of 1 to 256 bytes: where one of the same id was published within the
    /// topic's `dedup` window, nothing is stored, and the offset is that of the first.
    ///
    /// So a publish whose outcome is not known can be repeated. The window begins when the first is
    /// stored, and holds for all publishers of the topic. It ends early where more than 1,048,576 ids
    /// come within it; [`TopicStats::ids_forgotten`](crate::TopicStats) counts that. An id is
    /// neither kept with the message nor compared with its value.
    ///
    /// ```
    /// # use memq::{Broker, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[cfg(feature = "derive")] {
    /// #[derive(Topic)]
    /// #[topic(name = "payments", dedup = "2m")]
    /// struct Payment { cents: u64 }
    ///
    /// let broker = Broker::new();
    /// let payments = broker.publisher::<Payment>().await?;
    /// let first = payments.publish(Payment { cents: 250 }).id("invoice-17").await?;
    /// let again = payments.publish(Payment { cents: 250 }).id("invoice-17").await?;
    /// assert_eq!(first, again);
    /// assert_eq!(broker.stats("payments").await?.published, 1);
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// On publishing, [`PublishError::NoDedup`] where the topic has no window.
    pub fn id(mut self, id: impl AsRef<str>) -> Self {
        let (id, said) = (id.as_ref(), self.said());
        match id.len() {
            1..=256 => said.id = Some(id.into()),
            bytes => {
                said.fault.get_or_insert(EncodeError::Id { bytes });
            }
        }
        self
    }

    /// Waits for room for this long at most, in place of the publisher's own limit.
    ///
    /// # Panics
    ///
    /// The future, if it has to wait outside a tokio runtime with its timer enabled.
    pub fn within(mut self, deadline: Duration) -> Self {
        self.within = Some(deadline);
        self
    }

    /// Publishes the message now, or gives it back; never waits.
    ///
    /// # Errors
    ///
    /// [`PublishError::Full`] where there is no room, and else as
    /// [`publish`](Publisher::publish).
    pub fn now(self) -> Result<Offset, PublishError<T>> {
        let publisher = self.publisher;
        let (Ready { entry, origin }, id) = self.ready()?;
        publisher.topic.append(entry, id.as_ref(), &mut Place::default()).map_err(
            |(refusal, entry)| {
                if matches!(refusal, Refusal::Full) {
                    publisher.topic.count_rejected(1);
                }
                PublishError::from(refusal).with(Ready::<T> { entry, origin }.into_message())
            },
        )
    }

    /// Encodes the message, and takes out its id.
    fn ready(mut self) -> Result<Identified<T>, PublishError<T>> {
        let mut id = None;
        if let Some(said) = &mut self.said {
            if let Some(source) = said.fault.take() {
                return Err(PublishError::Encode { message: self.message, source });
            }
            id = said.id.take();
            if id.is_some() && !self.publisher.dedup {
                return Err(PublishError::NoDedup(self.message));
            }
            if let Some(Err(refusal)) = said.partition.map(|at| self.publisher.check(at)) {
                return Err(refusal.with(self.message));
            }
        }
        Ok((self.publisher.ready(self.message, self.said)?, id))
    }
}

impl<'a, T: Payload> IntoFuture for Publish<'a, T> {
    type Output = Result<Offset, PublishError<T>>;
    type IntoFuture = Publishing<'a, T>;

    fn into_future(self) -> Publishing<'a, T> {
        Publishing { room: Room::new(self.publisher, self.within), step: Step::Begin(self) }
    }
}

impl<T: Payload> fmt::Debug for Publish<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish").field("topic", self.publisher.topic()).finish_non_exhaustive()
    }
}

/// The future of [`Publish`].
///
/// # Cancel safety
///
/// See [`Publisher::publish`].
#[must_use = "futures do nothing unless awaited"]
pub struct Publishing<'a, T: Payload> {
    room: Room<'a, T>,
    step: Step<'a, T>,
}

enum Step<'a, T: Payload> {
    Begin(Publish<'a, T>),
    Append(Ready<T>, Option<Arc<str>>),
    /// Published; lets other tasks run before it says so.
    Yielded(Offset),
    Done,
}

/// Nothing in it is pinned.
impl<T: Payload> Unpin for Publishing<'_, T> {}

impl<T: Payload> Future for Publishing<'_, T> {
    type Output = Result<Offset, PublishError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            let (Ready { entry, origin }, id) = match std::mem::replace(&mut this.step, Step::Done)
            {
                Step::Begin(publish) => publish.ready()?,
                Step::Append(ready, id) => (ready, id),
                Step::Yielded(offset) => return Poll::Ready(Ok(offset)),
                Step::Done => panic!("a publish was polled after it was done"),
            };
            match this.room.topic().append(entry, id.as_ref(), this.room.place()) {
                Ok(offset) if (offset.0 + 1) % YIELD_EVERY == 0 => {
                    this.step = Step::Yielded(offset);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Ok(offset) => return Poll::Ready(Ok(offset)),
                Err((Refusal::Full, entry)) => {
                    let room = this.room.poll(entry.size, cx);
                    let ready = Ready { entry, origin };
                    match room {
                        Poll::Ready(Ok(())) => this.step = Step::Append(ready, id),
                        Poll::Ready(Err(refusal)) => {
                            this.room.topic().count_rejected(1);
                            return Poll::Ready(Err(refusal.with(ready.into_message())));
                        }
                        Poll::Pending => {
                            this.step = Step::Append(ready, id);
                            return Poll::Pending;
                        }
                    }
                }
                Err((refusal, entry)) => {
                    this.room.leave();
                    let message = Ready::<T> { entry, origin }.into_message();
                    return Poll::Ready(Err(PublishError::from(refusal).with(message)));
                }
            }
        }
    }
}

impl<T: Payload> fmt::Debug for Publishing<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publishing")
            .field("topic", self.room.topic().name())
            .finish_non_exhaustive()
    }
}
