//! What can be shared because nobody can use it through a shared reference.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use parking_lot::Mutex;

/// A future that is polled by whoever has it alone. Handles that hold one can be shared all the same.
/// The mutex is never locked: it says so to the compiler.
pub(crate) struct Exclusive<F>(Mutex<F>);

impl<F> Exclusive<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(Mutex::new(future))
    }
}

impl<F: Future + Unpin> Exclusive<F> {
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<F::Output> {
        Pin::new(self.0.get_mut()).poll(cx)
    }
}

impl<F> fmt::Debug for Exclusive<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exclusive").finish_non_exhaustive()
    }
}
