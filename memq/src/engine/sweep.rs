//! The tasks there are: one expires the messages of a topic that nobody publishes to or reads, and one
//! forgets the ids of messages.
//!
//! Correctness does not need them: nobody is given an expired message, and no id counts after its window,
//! with or without. They return the memory. Each sleeps until the oldest is due, so a topic that has
//! none has none, and they end with their topic.

use std::sync::{Arc, Weak};

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::state::{Chore, Next};
use super::topic::Topic;

/// Starts such a task, or returns `None` outside a runtime.
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub(super) fn start<P: Send + Sync + 'static>(
    topic: &Arc<Topic<P>>,
    chore: Chore,
) -> Option<AbortHandle> {
    let runtime = Handle::try_current().ok()?;
    let sweeper = Sweeper { topic: Arc::downgrade(topic), chore, done: false };
    Some(runtime.spawn(sweeper.run()).abort_handle())
}

struct Sweeper<P: Send + Sync + 'static> {
    topic: Weak<Topic<P>>,
    chore: Chore,
    /// Whether the topic is to start no other one when this one is gone: it knows that nothing was
    /// left to do, or the runtime has no timer.
    done: bool,
}

impl<P: Send + Sync + 'static> Sweeper<P> {
    async fn run(mut self) {
        loop {
            let due = {
                let Some(topic) = self.topic.upgrade() else { return };
                match topic.sweep(self.chore) {
                    Next::Soon => None,
                    Next::At(due) => Some(topic.clock().instant(due)),
                    Next::Never => {
                        self.done = true;
                        return;
                    }
                }
            };
            let Some(due) = due else {
                tokio::task::yield_now().await;
                continue;
            };
            // Panics where the runtime has no timer, and so would the next one.
            self.done = true;
            let sleep = tokio::time::sleep_until(due);
            self.done = false;
            sleep.await;
        }
    }
}

/// Where it ended with its runtime, another one must be started.
impl<P: Send + Sync + 'static> Drop for Sweeper<P> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        if let Some(topic) = self.topic.upgrade() {
            topic.sweeper_gone(self.chore);
        }
    }
}
