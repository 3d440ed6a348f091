//! `tower` services as handlers.

use std::future::Future;
use std::task::{Context, Poll};
use std::time::Duration;

use tower_service::Service;

use super::Worker;
use super::handler::{Begun, Handler, Inside, by_value};
use crate::codec::form::Take;
use crate::consumer::Consumer;
use crate::delivery::Delivery;
use crate::error::{Cause, with_causes};
use crate::payload::Payload;

/// Services: made into handlers by [`Consumer::run_service`].
#[derive(Debug)]
pub enum ByService {}

/// A service as a handler; see [`Consumer::run_service`].
#[derive(Clone, Debug)]
pub struct Calls<S>(S);

#[diagnostic::do_not_recommend]
impl<T, S> Handler<T, ByService> for Calls<S>
where
    T: Payload,
    T::Form: Take<T>,
    S: Service<T>,
    S::Error: Into<Cause>,
{
    type Future = S::Future;

    const WAITS: bool = true;

    fn poll_ready(&mut self, cx: &mut Context<'_>, _: Inside) -> Poll<Result<(), Cause>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn begin(&mut self, delivery: Delivery<T>, _: Duration, _: Inside) -> Begun<T, S::Future> {
        by_value(delivery, |value| self.0.call(value))
    }

    fn verdict(output: <S::Future as Future>::Output, _: Inside) -> Result<(), String> {
        output.map(drop).map_err(|error| with_causes(&*error.into()))
    }
}

impl<T: Payload> Consumer<T> {
    /// [`run`](Self::run) with a `tower` service in place of a function: limits, time-outs and
    /// load-shedding are its layers. With feature `tower`.
    ///
    /// No message is taken while the service is not ready, so other members get it. A response
    /// acknowledges the message and is dropped; an error is a failed attempt, also one of a layer
    /// that sheds load: give the retries a [pause](Worker::retry) that outlasts the load, or the attempts
    /// are used up before it does. The worker's own [`concurrency`](Worker::concurrency) and
    /// [`time_limit`](Worker::time_limit) hold beside those of the layers.
    ///
    /// A service whose `poll_ready` reserves something has it reserved while the worker waits for a
    /// message: do not let workers share one limit that is smaller than they are many. A `poll_ready`
    /// that fails ends the worker with [`RunError::Service`](crate::RunError::Service), once what is
    /// in flight is finished.
    ///
    /// # Cancel safety
    ///
    /// As [`Worker`].
    ///
    /// ```
    /// # use memq::{Broker, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Topic)]
    /// # #[topic(name = "orders")]
    /// # struct Order { item: String }
    /// # let broker = Broker::new();
    /// # broker.publisher::<Order>().await?.publish(Order { item: "tea".into() }).await?;
    /// # broker.close("orders").await?;
    /// use std::time::Duration;
    /// use tower::{ServiceBuilder, service_fn};
    ///
    /// let charge = ServiceBuilder::new()
    ///     .concurrency_limit(4)
    ///     .timeout(Duration::from_secs(5))
    ///     .service(service_fn(|order: Order| async move {
    ///         if order.item == "tea" { Ok("paid") } else { Err("it costs nothing") }
    ///     }));
    ///
    /// let billing = broker.subscriber::<Order>().group("billing").await?;
    /// let report = billing.run_service(charge).concurrency(16).await?;
    /// assert_eq!(report.succeeded, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_service<S>(self, service: S) -> Worker<T, Calls<S>, ByService>
    where
        T::Form: Take<T>,
        S: Service<T>,
        S::Error: Into<Cause>,
    {
        self.run(Calls(service))
    }
}
