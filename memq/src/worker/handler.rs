//! What handles messages: functions of values, of messages, and of deliveries.

use std::fmt;
use std::future::Future;
use std::task::{Context, Poll};
use std::time::Duration;

use super::attempt::{Hold, contain};
use crate::codec::form::Take;
use crate::delivery::Delivery;
use crate::error::Cause;
use crate::message::Message;
use crate::payload::Payload;

/// What a worker runs for each message: an async function or closure.
///
/// * `async fn(T) -> Result<(), E>`, with `E: Display`: by value. `Ok` acknowledges the message, `Err`
///   is a failed attempt, and what it says is the reason that the dead letter has. A native value is
///   cloned, since other readers share it; so code that is generic over `T` has to say that values can
///   be taken out: `where <T as Payload>::Form: codec::Take<T>`.
/// * `async fn(Message<T>) -> Result<(), E>`: the same with the message, which has headers, key, offset and
///   date beside the value, and is not cloned. One that is kept keeps its part of the log in memory.
/// * `async fn(Delivery<T>)`: it settles the delivery itself. One that it drops unsettled is a failed
///   attempt.
///
/// A closure with variables of its own is `move |message: T| { let own = own.clone(); async move { .. } }`;
/// an `async` closure may only borrow.
///
/// It may be an `FnMut`, it need not be `'static`, and it may borrow. A panic leaves what it shares
/// between its calls as it then was. `Kind` says which of them it is and is inferred; a closure says
/// the type of its argument for that. It cannot be implemented; write a function.
///
/// ```
/// # use memq::{Broker, Topic};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), memq::Error> {
/// # #[derive(Clone, Topic)]
/// # #[topic(name = "orders")]
/// # struct Order { item: String }
/// # let broker = Broker::new();
/// # broker.publisher::<Order>().await?.publish(Order { item: "tea".into() }).await?;
/// # broker.close("orders").await?;
/// use memq::{Delivery, Message};
///
/// async fn charge(order: Order) -> Result<(), String> {
///     if order.item.is_empty() { Err("there is nothing to pay for".into()) } else { Ok(()) }
/// }
/// broker.subscriber::<Order>().group("billing").await?.run(charge).await?;
///
/// async fn audit(order: Message<Order>) -> Result<(), &'static str> {
///     println!("{} at {} for {:?}", order.item, order.offset(), order.headers().get("user"));
///     Ok(())
/// }
/// broker.subscriber::<Order>().group("audit").await?.run(audit).await?;
///
/// let mail = broker.subscriber::<Order>().group("mail").await?;
/// mail.run(|order: Delivery<Order>| async move {
///     if order.item == "tea" { order.ack() } else { order.reject("we only send tea") }
/// })
/// .await?;
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "this is no handler for messages of `{T}`",
    label = "neither `async fn({T}) -> Result<(), E>`, nor that of a `Message<{T}>`, nor `async fn(Delivery<{T}>)`",
    note = "a closure says the type of its argument: `|message: {T}| async move {{ Ok::<(), Error>(()) }}`",
    note = "the error of a handler by value is `Display`, and a native message is `Clone`, or is handled as a `Message<{T}>`; a handler of a `Delivery` settles it and returns `()`",
    note = "code that is generic over `T: memq::Topic` also says, for a handler by value, `where <T as memq::Payload>::Form: memq::codec::Take<T>`"
)]
pub trait Handler<T: Payload, Kind> {
    /// One call of it, while it runs.
    type Future: Future;

    /// Whether it may not be ready for another call.
    #[doc(hidden)]
    const WAITS: bool = false;

    #[doc(hidden)]
    fn poll_ready(&mut self, _: &mut Context<'_>, _: Inside) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }

    #[doc(hidden)]
    fn begin(
        &mut self,
        delivery: Delivery<T>,
        pause: Duration,
        _: Inside,
    ) -> Begun<T, Self::Future>;

    #[doc(hidden)]
    fn verdict(output: <Self::Future as Future>::Output, _: Inside) -> Result<(), String>;
}

/// Handlers by value: `async fn(T) -> Result<(), E>`.
#[derive(Debug)]
pub enum ByValue {}

/// Handlers of messages: `async fn(Message<T>) -> Result<(), E>`.
#[derive(Debug)]
pub enum ByMessage {}

/// Handlers of deliveries: `async fn(Delivery<T>)`.
#[derive(Debug)]
pub enum ByDelivery {}

/// It cannot be named outside, so nobody calls or implements what takes it.
#[derive(Debug)]
pub struct Inside(());

pub(super) const INSIDE: Inside = Inside(());

/// A call that was begun, or how it panicked.
#[expect(missing_debug_implementations, reason = "it cannot be named outside")]
pub struct Begun<T: Payload, F> {
    pub(super) hold: Hold<T>,
    pub(super) future: Result<F, String>,
}

/// Calls something with the value, and keeps the lease.
pub(super) fn by_value<T, F>(delivery: Delivery<T>, call: impl FnOnce(T) -> F) -> Begun<T, F>
where
    T: Payload,
    T::Form: Take<T>,
{
    let (opened, lease) = delivery.split();
    let stored = lease.entry().payload;
    let future = contain(|| call(<T::Form as Take<T>>::take(stored, opened)));
    Begun { hold: Hold::Lease(lease), future }
}

impl<T, F, Fut, E> Handler<T, ByValue> for F
where
    T: Payload,
    T::Form: Take<T>,
    F: FnMut(T) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: fmt::Display,
{
    type Future = Fut;

    fn begin(&mut self, delivery: Delivery<T>, _: Duration, _: Inside) -> Begun<T, Fut> {
        by_value(delivery, self)
    }

    fn verdict(output: Result<(), E>, _: Inside) -> Result<(), String> {
        output.map_err(|error| error.to_string())
    }
}

impl<T, F, Fut, E> Handler<T, ByMessage> for F
where
    T: Payload,
    F: FnMut(Message<T>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: fmt::Display,
{
    type Future = Fut;

    fn begin(&mut self, delivery: Delivery<T>, _: Duration, _: Inside) -> Begun<T, Fut> {
        let (message, lease) = delivery.into_parts();
        Begun { hold: Hold::Lease(lease), future: contain(|| self(message)) }
    }

    fn verdict(output: Result<(), E>, _: Inside) -> Result<(), String> {
        output.map_err(|error| error.to_string())
    }
}

impl<T, F, Fut> Handler<T, ByDelivery> for F
where
    T: Payload,
    F: FnMut(Delivery<T>) -> Fut,
    Fut: Future<Output = ()>,
{
    type Future = Fut;

    fn begin(&mut self, mut delivery: Delivery<T>, pause: Duration, _: Inside) -> Begun<T, Fut> {
        let hold = Hold::Watch(delivery.watch(pause));
        Begun { hold, future: contain(|| self(delivery)) }
    }

    fn verdict((): (), _: Inside) -> Result<(), String> {
        Ok(())
    }
}
