//! What can be shared because nobody can use it through a shared reference.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use parking_lot::Mutex;

/// What is used by whoever has it alone, as a future is polled. Handles that hold one can be shared all
/// the same. The mutex is never locked: it says so to the compiler.
pub(crate) struct Exclusive<V>(Mutex<V>);

impl<V> Exclusive<V> {
    pub(crate) fn new(value: V) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn into_inner(self) -> V {
        self.0.into_inner()
    }
}

impl<F: Future + Unpin> Exclusive<F> {
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<F::Output> {
        Pin::new(self.0.get_mut()).poll(cx)
    }
}

impl<V> fmt::Debug for Exclusive<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exclusive").finish_non_exhaustive()
    }
}
