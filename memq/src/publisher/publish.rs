//! One message on its way into the log.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::remote::{self, Departure, Passage};
use super::room::Room;
use super::{Made, Offered, Publisher, Ready, head};
use crate::codec::form::{Form, Packed};
use crate::engine::offer::Head;
use crate::engine::queue::Place;
use crate::engine::state::Refusal;
use crate::engine::topic::Topic;
use crate::error::{EncodeError, PublishError};
use crate::headers::Headers;
use crate::key::{Key, TopicKey};
use crate::message::{Far, Stored};
use crate::payload::{Its, Payload};
use crate::position::{Offset, Partition};
use crate::record::Meta;
use crate::remote::{Outlet, Site, not_there};
use crate::spi::Capability;

/// Messages after which a publisher lets other tasks run once.
pub(super) const YIELD_EVERY: u64 = 1024;

/// Lets other tasks run, and other threads where a reader is about to lose messages.
#[cold]
pub(super) fn make_way<P: Send + Sync + 'static>(topic: &Topic<P>, cx: &Context<'_>) {
    if topic.presses() {
        // Who should read may wait for this processor, which no task can give it.
        std::thread::yield_now();
    }
    cx.waker().wake_by_ref();
}

/// A message to be published: add what it carries, then `.await` it.
///
/// Nothing happens before that.
#[must_use = "a message is published by `.await` or `.now()`"]
pub struct Publish<'a, T: Payload> {
    message: T,
    /// Most messages say nothing more, and are the cheaper for it.
    said: Option<Box<Said>>,
    publisher: &'a Publisher<T>,
}

/// A message that is ready for the log, and its id.
type Identified<T> = (Ready<T>, Option<Arc<str>>);

/// What is said of a message beside its value.
#[derive(Default)]
pub(super) struct Said {
    pub(super) key: Option<Key<'static>>,
    pub(super) headers: Headers,
    pub(super) partition: Option<Partition>,
    /// How long to wait for room, in place of the publisher's limit.
    within: Option<Duration>,
    id: Option<Arc<str>>,
    /// Whether the id is memq's own, for whoever can tell a repetition by it.
    is_own: bool,
    /// The first thing that was wrong; reported when it is published.
    fault: Option<EncodeError>,
}

impl<'a, T: Payload> Publish<'a, T> {
    #[inline]
    pub(super) fn new(publisher: &'a Publisher<T>, message: T) -> Self {
        Self { publisher, message, said: None }
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

    /// Gives the message an id of memq's own, which is left out where a topic in memory remembers none.
    pub(super) fn own_id(self, id: String) -> Self {
        let mut publish = self.id(id);
        publish.said().is_own = true;
        publish
    }

    /// Waits for room for this long at most, in place of the publisher's own limit.
    ///
    /// # Panics
    ///
    /// The future, if it has to wait outside a tokio runtime with its timer enabled.
    pub fn within(mut self, deadline: Duration) -> Self {
        self.said().within = Some(deadline);
        self
    }

    /// Publishes the message now, or gives it back; never waits.
    ///
    /// # Errors
    ///
    /// [`PublishError::Full`] where there is no room, and else as
    /// [`publish`](Publisher::publish).
    pub fn now(self) -> Result<Offset, PublishError<T>> {
        let Self { publisher, message, said } = self;
        let (mut ready, id) = match publisher.identified(&message, said) {
            Ok(identified) => identified,
            Err(refusal) => return Err(refusal.with(message)),
        };
        let Site::Here(topic) = &publisher.site else {
            return Err(not_there(Capability::PublishNow).with(message));
        };
        let mut message = Some(message);
        let offered = &mut ready.offer(&mut message);
        let appended = topic.append(offered, id.as_ref(), &mut Place::default());
        appended.map_err(|refusal| {
            if matches!(refusal, Refusal::Full) {
                topic.count_rejected(1);
            }
            give_back(refusal.into(), message)
        })
    }
}

/// The error around the message, which is there until it is stored.
pub(super) fn give_back<T>(refusal: PublishError<()>, message: Option<T>) -> PublishError<T> {
    match message {
        Some(message) => refusal.with(message),
        None => unreachable!("a message was stored and refused"),
    }
}

impl<T: Payload> Publisher<T> {
    /// Encodes a message, and takes out its id.
    #[inline]
    fn identified(
        &self,
        message: &T,
        said: Option<Box<Said>>,
    ) -> Result<Identified<T>, PublishError<()>> {
        match said {
            None => match self.ready(message) {
                Ok(ready) => Ok((ready, None)),
                Err(source) => Err(PublishError::Encode { message: (), source }),
            },
            Some(said) => self.identified_with(message, *said),
        }
    }

    fn identified_with(
        &self,
        message: &T,
        mut said: Said,
    ) -> Result<Identified<T>, PublishError<()>> {
        let fault = |source| PublishError::Encode { message: (), source };
        if let Some(source) = said.fault.take() {
            return Err(fault(source));
        }
        let mut id = said.id.take();
        if id.is_some() && !self.dedup {
            match &self.site {
                _ if !said.is_own => return Err(PublishError::NoDedup(())),
                // Nobody here would remember it.
                Site::Here(_) => id = None,
                Site::There(_) => {}
            }
        }
        if let Some(partition) = said.partition {
            self.check(partition)?;
        }
        Ok((self.ready_with(message, said).map_err(fault)?, id))
    }
}

impl<'a, T: Payload> IntoFuture for Publish<'a, T> {
    type Output = Result<Offset, PublishError<T>>;
    type IntoFuture = Publishing<'a, T>;

    #[inline]
    fn into_future(self) -> Publishing<'a, T> {
        let Self { publisher, message, said } = self;
        Publishing { publisher, message: Some(message), next: said.map_or(Next::Store, Next::Look) }
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
// As they stand: moved with a word before it, a message is read in other pieces than it was written in,
// and the processor waits until those have left its store buffer.
#[repr(C)]
pub struct Publishing<'a, T: Payload> {
    /// Until it is polled.
    message: Option<T>,
    next: Next<'a, T>,
    publisher: &'a Publisher<T>,
}

/// What the next poll does.
enum Next<'a, T: Payload> {
    /// Stores the message; nothing, where that is done.
    Store,
    /// Looks at what is said of it, and stores it.
    Look(Box<Said>),
    /// It found no room. Boxed, since most do.
    Wait(Box<Waiting<'a, T>>),
    /// It is published; lets other tasks run before it says so.
    Yielded(Offset),
    /// It is on its way to where its topic is kept.
    There(Far<T, Box<Passage<T>>>),
}

/// A message that waits for room.
struct Waiting<'a, T: Payload> {
    room: Room<'a, T>,
    message: Option<T>,
    ready: Ready<T>,
    id: Option<Arc<str>>,
}

impl<'a, T: Payload> Publishing<'a, T> {
    #[cold]
    fn poll_later(&mut self, cx: &mut Context<'_>) -> Poll<Result<Offset, PublishError<T>>> {
        match &mut self.next {
            Next::Store => polled_after_the_end(),
            Next::Look(_) => self.look(cx),
            Next::Wait(waiting) => waiting.poll(cx),
            Next::Yielded(offset) => {
                let offset = *offset;
                self.next = Next::Store;
                Poll::Ready(Ok(offset))
            }
            Next::There(far) => {
                let published = ready!(T::Form::there_mut(far).poll(cx));
                self.next = Next::Store;
                Poll::Ready(published)
            }
        }
    }

    /// What is said of the message, if something is; once.
    fn said(&mut self) -> Option<Box<Said>> {
        match std::mem::replace(&mut self.next, Next::Store) {
            Next::Look(said) => Some(said),
            next => {
                self.next = next;
                None
            }
        }
    }

    /// Looks at what is said of the message, and stores it.
    fn look(&mut self, cx: &mut Context<'_>) -> Poll<Result<Offset, PublishError<T>>> {
        let (Some(said), Some(message)) = (self.said(), &self.message) else {
            polled_after_the_end()
        };
        let within = said.within;
        match self.publisher.identified_with(message, *said) {
            Ok((mut ready, id)) => {
                let Ready { made, meta, head } = &mut ready;
                self.publish(made, meta, *head, id.as_ref(), within, cx)
            }
            Err(refusal) => Poll::Ready(Err(give_back(refusal, self.message.take()))),
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

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let (Some(message), Next::Store) = (&this.message, &this.next) else {
            return this.poll_later(cx);
        };
        // In parts, as it is offered: to move them together costs more than to store the message.
        match T::Form::pack::<Its>(message, &this.publisher.writer) {
            Ok(Packed { made, mut meta, key, size }) => {
                let head = head(size, key, this.publisher.partition(key), meta.as_ref());
                this.publish(&mut Some(made), &mut meta, head, None, None, cx)
            }
            Err(source) => {
                let refusal = PublishError::Encode { message: (), source };
                Poll::Ready(Err(give_back(refusal, this.message.take())))
            }
        }
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
    ) -> Poll<Result<Offset, PublishError<T>>> {
        let topic = match &self.publisher.site {
            Site::Here(topic) => topic,
            Site::There(far) => return self.depart(far, (made, meta, head), id.cloned(), within, cx),
        };
        let offered = Offered { message: &mut self.message, made, meta, head };
        match topic.append(offered, id, &mut Place::default()) {
            Ok(offset) => {
                // What was stored as bytes is still there.
                self.message = None;
                if (offset.0 + 1) % YIELD_EVERY == 0 {
                    make_way(topic, cx);
                    self.next = Next::Yielded(offset);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(offset))
            }
            Err(Refusal::Full) => {
                let ready = Ready { made: made.take(), meta: meta.take(), head };
                self.wait(topic, ready, id.cloned(), within);
                self.poll_later(cx)
            }
            Err(refusal) => Poll::Ready(Err(give_back(refusal.into(), self.message.take()))),
        }
    }

    #[cold]
    fn wait(
        &mut self,
        topic: &'a Arc<Topic<Stored<T>>>,
        ready: Ready<T>,
        id: Option<Arc<str>>,
        within: Option<Duration>,
    ) {
        let room = Room::new(self.publisher, topic, within.or(self.publisher.within));
        let message = self.message.take();
        self.next = Next::Wait(Box::new(Waiting { room, message, ready, id }));
    }

    /// The message as it is sent, where its topic is kept elsewhere and it was not taken before.
    pub(super) fn departure(&mut self) -> Option<Result<Departure<'a, T>, PublishError<T>>> {
        let Site::There(far) = &self.publisher.site else { return None };
        let message = self.message.take()?;
        let said = self.said();
        let within = said.as_ref().and_then(|said| said.within).or(self.publisher.within);
        Some(match self.publisher.identified(&message, said) {
            Ok((Ready { made: Some(made), meta, head }, id)) => {
                let stored = T::Form::store(&mut None, made);
                let mut outgoing = remote::outgoing::<T>(far, stored, meta, head.partition);
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
    ) -> Poll<Result<Offset, PublishError<T>>> {
        let (Some(message), Some(made)) = (self.message.take(), made.take()) else {
            polled_after_the_end()
        };
        // What is sent is bytes, so that the message stays where it is.
        let stored = T::Form::store(&mut None, made);
        let mut outgoing = remote::outgoing::<T>(far, stored, meta.take(), head.partition);
        (outgoing.id, outgoing.within) = (id, within.or(self.publisher.within));
        self.next = Next::There(remote::passage(far, message, outgoing));
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
