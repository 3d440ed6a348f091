//! The one place that starts tasks.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::{EnterGuard, Handle};
use tokio::task::AbortHandle;

/// Tasks that end with whoever made them, on the runtime that the connection was made in.
#[derive(Debug)]
pub(crate) struct Tasks {
    runtime: Handle,
    ended: AtomicBool,
    running: Mutex<Vec<AbortHandle>>,
}

impl Tasks {
    /// On the runtime that is entered.
    pub(crate) fn new(runtime: Handle) -> Arc<Self> {
        Arc::new(Self { runtime, ended: AtomicBool::new(false), running: Mutex::default() })
    }

    /// Runs a future until it ends or these do. From any thread.
    #[expect(clippy::disallowed_methods, reason = "this is where tasks are started")]
    pub(crate) fn run(&self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let task = self.runtime.spawn(work).abort_handle();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if self.ended.load(Ordering::Relaxed) {
            task.abort();
        } else {
            // Those that ended are forgotten before the list would grow for them.
            if running.len() == running.capacity() {
                running.retain(|task| !task.is_finished());
            }
            running.push(task.clone());
        }
        task
    }

    /// Lets what is made meanwhile in this thread run there.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Runs a future that ends by itself, also after these. From any thread.
    #[expect(clippy::disallowed_methods, reason = "this is where tasks are started")]
    pub(crate) fn detach(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(work));
    }

    /// Ends them all, and those that somebody starts later.
    pub(crate) fn end(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        self.ended.store(true, Ordering::Relaxed);
        running.drain(..).for_each(|task| task.abort());
    }
}
