//! One attempt at a message: the handler's future within its time limit, panics contained.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::Timeout;

use crate::delivery::{Lease, Watch};
use crate::foreign::{caught, forget};
use crate::payload::Payload;

/// What a worker keeps of a delivery while its handler runs.
pub(super) enum Hold<T: Payload> {
    /// The handler has the value alone.
    Lease(Lease<T>),
    /// The handler has the whole delivery, and settles it.
    Watch(Arc<Watch>),
}

/// How an attempt ended.
pub(super) enum End<O> {
    Returned(O),
    /// With this text.
    Panicked(String),
    /// With this text.
    TimedOut(String),
}

/// An attempt that has ended, and is not settled yet.
pub(super) struct Finished<T: Payload, O> {
    /// The number of the attempt.
    pub(super) serial: u64,
    pub(super) hold: Hold<T>,
    pub(super) end: End<O>,
}

pin_project! {
    /// Dropped before it has ended, its message comes back without a pause.
    pub(super) struct Attempt<T: Payload, F> {
        serial: u64,
        limit: Duration,
        // `None` once it has ended.
        hold: Option<Hold<T>>,
        #[pin]
        work: Option<Timeout<F>>,
    }

    impl<T: Payload, F> PinnedDrop for Attempt<T, F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(Hold::Watch(watch)) = this.hold {
                watch.at_once();
            }
            discard_in(&mut this.work);
        }
    }
}

impl<T: Payload, F: Future> Attempt<T, F> {
    pub(super) fn new(serial: u64, limit: Duration, hold: Hold<T>, future: F) -> Self {
        let work = Some(tokio::time::timeout(limit, future));
        Self { serial, limit, hold: Some(hold), work }
    }
}

impl<T: Payload, F: Future> Future for Attempt<T, F> {
    type Output = Finished<T, F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let polled = match this.work.as_mut().as_pin_mut() {
            Some(work) => contain(|| work.poll(cx)),
            None => return Poll::Pending,
        };
        let end = match polled {
            Ok(polled) => match ready!(polled) {
                Ok(output) => End::Returned(output),
                Err(_) => End::TimedOut(format!("its handler took longer than {:?}", this.limit)),
            },
            Err(panicked) => End::Panicked(panicked),
        };
        if let (Some(Hold::Watch(watch)), End::TimedOut(why) | End::Panicked(why)) =
            (&this.hold, &end)
        {
            watch.because(why);
        }
        // Nothing of the handler is left when its message is settled.
        discard_in(&mut this.work);
        match this.hold.take() {
            Some(hold) => Poll::Ready(Finished { serial: *this.serial, hold, end }),
            None => Poll::Pending,
        }
    }
}

/// Runs code that is not ours. Where it panics, returns that as the reason of a failed attempt.
pub(super) fn contain<R>(run: impl FnOnce() -> R) -> Result<R, String> {
    caught(run).map_err(|panic| {
        let reason = match message(&*panic) {
            Some(message) => format!("its handler panicked: {message}"),
            None => "its handler panicked".into(),
        };
        forget(panic);
        reason
    })
}

/// Drops what is not ours.
fn discard_in<F>(place: &mut Pin<&mut Option<F>>) {
    if place.is_some() {
        drop(contain(|| place.set(None)));
    }
}

fn message(panic: &(dyn Any + Send)) -> Option<&str> {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
}
