//! One message on its way into the log, in two stages: admitted, then stored.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Publisher;
use super::publish::{Publish, Publishing};
use super::remote::{Admitting, Refused, Sent};
use crate::codec::form::Form;
use crate::error::PublishError;
use crate::headers::Headers;
use crate::key::TopicKey;
use crate::message::Far;
use crate::payload::Payload;
use crate::position::{Offset, Partition};
use crate::remote::Site;

impl<T: Payload> Publisher<T> {
    /// Admits a message when awaited, and gives a [`Receipt`], which tells whether it is stored;
    /// before that, a key, headers and a deadline can be added.
    ///
    /// In memory a message is stored when it is admitted: this does what
    /// [`publish`](Self::publish) does, and the receipt is ready at once.
    ///
    /// On a backend with a server, each `publish` waits for the server's word, and this does not:
    /// admitted messages are on their way together, in a window. While that is full, this waits.
    ///
    /// * What one publisher and its clones have sent is stored in the order in which it was
    ///   admitted. A backend with a server may store one that is under way with others after some of
    ///   them, where room is made in a full topic just then, or a leader is lost:
    ///   see [`docs::growing`](crate::docs::growing#order), also for what rules that out.
    /// * A message that is refused is left out, and those behind it may be stored: published again,
    ///   it comes after them. Where one must not be stored without the one before it, await the
    ///   receipt of that first, or use [`publish`](Self::publish).
    /// * Where the server's word does not come, the receipt says that the outcome is not known. With an
    ///   [`id`](SendMessage::id) the message can be published again.
    ///
    /// ```
    /// # use memq::{Broker, Offset, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[derive(Topic)]
    /// # #[topic(name = "orders")]
    /// # struct Order { item: &'static str }
    /// # let broker = Broker::new();
    /// # let orders = broker.publisher::<Order>().await?;
    /// let tea = orders.send(Order { item: "tea" }).await?; // admitted
    /// let milk = orders.send(Order { item: "milk" }).key("7").await?;
    ///
    /// assert_eq!(tea.await?, Offset(0)); // stored
    /// assert_eq!(milk.await?, Offset(1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The future, and the receipt's, give the message back inside the [`PublishError`]. What is known
    /// at once, such as that it cannot be encoded or that the topic is closed, the first one says; in
    /// memory that is everything.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, the message is either admitted or not, whole, and
    /// nothing else is affected. A [`Receipt`] that is dropped takes nothing back.
    #[inline]
    pub fn send(&self, message: T) -> SendMessage<'_, T> {
        SendMessage { publish: self.publish(message) }
    }

    /// Waits until everything that this publisher and its clones have [sent](Self::send) before is
    /// stored or refused; which of them, the receipts tell.
    ///
    /// In memory that is so already. On a backend with a server, await it before the process ends.
    ///
    /// ```
    /// # use memq::{Broker, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # #[derive(Topic)]
    /// # #[topic(name = "numbers")]
    /// # struct Number(u64);
    /// # let broker = Broker::new();
    /// # let numbers = broker.publisher::<Number>().await?;
    /// let mut receipts = Vec::new();
    /// for number in 0..100 {
    ///     receipts.push(numbers.send(Number(number)).await?);
    /// }
    /// numbers.flush().await;
    /// for receipt in receipts {
    ///     receipt.await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// A dropped future has only stopped waiting.
    pub async fn flush(&self) {
        if let Site::There(far) = &self.site {
            T::Form::there(far).way.flush().await;
        }
    }
}

/// A message to be sent: add what it carries, then `.await` it for its [`Receipt`].
///
/// Nothing happens before that.
#[must_use = "a message is sent by `.await`"]
pub struct SendMessage<'a, T: Payload> {
    publish: Publish<'a, T>,
}

impl<T: Payload> SendMessage<'_, T> {
    /// Gives the message this key; as [`Publish::key`].
    pub fn key(self, key: impl TopicKey) -> Self {
        Self { publish: self.publish.key(key) }
    }

    /// Adds a header; as [`Publish::header`].
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        Self { publish: self.publish.header(name, value) }
    }

    /// Adds headers; as [`Publish::headers`].
    pub fn headers(self, headers: &Headers) -> Self {
        Self { publish: self.publish.headers(headers) }
    }

    /// Puts the message into this partition; as [`Publish::partition`].
    pub fn partition(self, partition: impl Into<Partition>) -> Self {
        Self { publish: self.publish.partition(partition) }
    }

    /// Gives the message an id; as [`Publish::id`].
    pub fn id(self, id: impl AsRef<str>) -> Self {
        Self { publish: self.publish.id(id) }
    }

    /// Gives the message an id of memq's own, by which systems tell repetitions that remember ids also
    /// where the topic does not ask for it.
    pub(crate) fn own_id(self, id: String) -> Self {
        Self { publish: self.publish.own_id(id) }
    }

    /// Waits for this long at most, in place of the publisher's own limit: for room in the topic,
    /// and on a backend with a server also for a place in the window and for the server's word.
    ///
    /// # Panics
    ///
    /// As [`Publish::within`].
    pub fn within(self, deadline: Duration) -> Self {
        Self { publish: self.publish.within(deadline) }
    }
}

impl<'a, T: Payload> IntoFuture for SendMessage<'a, T> {
    type Output = Result<Receipt<T>, PublishError<T>>;
    type IntoFuture = Sending<'a, T>;

    #[inline]
    fn into_future(self) -> Sending<'a, T> {
        Sending { publishing: self.publish.into_future(), admitting: None }
    }
}

impl<T: Payload> fmt::Debug for SendMessage<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendMessage").field("publish", &self.publish).finish()
    }
}

/// The future of [`SendMessage`].
///
/// # Cancel safety
///
/// See [`Publisher::send`].
#[must_use = "futures do nothing unless awaited"]
pub struct Sending<'a, T: Payload> {
    publishing: Publishing<'a, T>,
    /// Where its topic is kept elsewhere, and the window is full.
    admitting: Option<Far<T, Box<Admitting<T>>>>,
}

impl<T: Payload> Sending<'_, T> {
    /// Admits the message where its topic is kept elsewhere. `None` where it is here.
    fn poll_admit(&mut self, cx: &mut Context<'_>) -> Option<Poll<Admitted<T>>> {
        let receipt = |sent| Receipt { stored: Outcome::There(sent) };
        if self.admitting.is_none() {
            let departure = match self.publishing.departure()? {
                Ok(departure) => departure,
                Err(refusal) => return Some(Poll::Ready(Err(refusal))),
            };
            match departure.admit() {
                Ok(sent) => return Some(Poll::Ready(Ok(receipt(sent)))),
                Err(Refused::Never(refusal)) => return Some(Poll::Ready(Err(refusal))),
                Err(Refused::Later(admitting)) => self.admitting = Some(admitting),
            }
        }
        let far = self.admitting.as_mut()?;
        let Poll::Ready(admitted) = T::Form::there_mut(far).poll(cx) else {
            return Some(Poll::Pending);
        };
        let sent = |sent| receipt(T::Form::instead(far, Box::new(sent)));
        Some(Poll::Ready(admitted.map(sent)))
    }
}

/// What becomes of a message that is sent.
type Admitted<T> = Result<Receipt<T>, PublishError<T>>;

impl<T: Payload> Future for Sending<'_, T> {
    type Output = Result<Receipt<T>, PublishError<T>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(admitted) = self.poll_admit(cx) {
            return admitted;
        }
        let stored = Pin::new(&mut self.publishing).poll(cx);
        stored.map_ok(|stored| Receipt { stored: Outcome::Known(stored) })
    }
}

impl<T: Payload> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("publishing", &self.publishing).finish()
    }
}

/// Tells whether a message that was [sent](Publisher::send) is stored: a future of its offset.
///
/// Await it whenever you like, and in any order: the message does not wait for that. In memory it
/// is ready at once.
///
/// # Errors
///
/// It gives the message back inside the [`PublishError`] where it is not stored.
///
/// # Cancel safety
///
/// Dropped, it takes nothing back: the message goes on, and nobody is told whether it is stored.
#[must_use = "a receipt tells whether the message is stored: await it, or drop it where that does not matter"]
pub struct Receipt<T: Payload> {
    stored: Outcome<T>,
}

/// What became of a message that was admitted.
enum Outcome<T: Payload> {
    Known(Offset),
    /// The system that keeps its topic will say.
    There(Far<T, Box<Sent<T>>>),
}

/// Nothing in it is pinned.
impl<T: Payload> Unpin for Receipt<T> {}

impl<T: Payload> Future for Receipt<T> {
    type Output = Result<Offset, PublishError<T>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.stored {
            Outcome::Known(offset) => Poll::Ready(Ok(*offset)),
            Outcome::There(sent) => T::Form::there_mut(sent).poll(cx),
        }
    }
}

impl<T: Payload> fmt::Debug for Receipt<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = match &self.stored {
            Outcome::Known(offset) => Some(offset),
            Outcome::There(_) => None,
        };
        f.debug_struct("Receipt").field("stored", &known).finish()
    }
}
