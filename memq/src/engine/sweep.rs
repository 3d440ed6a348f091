//! The one task there is: it expires messages of a topic that nobody publishes to or reads.
//!
//! Correctness does not need it: nobody is given an expired message, with or without. It returns
//! their memory. It sleeps until the oldest message expires, so an empty topic has none, and it
//! ends with its topic.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::topic::Topic;

/// A sweeper comes at most this many times in one `ttl`, however many messages expire.
const SWEEPS_PER_TTL: u32 = 16;

/// Starts the task, or returns `None` outside a runtime.
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub(super) fn start<P: Send + Sync + 'static>(topic: &Arc<Topic<P>>) -> Option<AbortHandle> {
    let runtime = Handle::try_current().ok()?;
    let pause = topic.ttl().unwrap_or_default() / SWEEPS_PER_TTL;
    let sweeper = Sweeper { topic: Arc::downgrade(topic), done: false };
    Some(runtime.spawn(sweeper.run(pause)).abort_handle())
}

struct Sweeper<P: Send + Sync + 'static> {
    topic: Weak<Topic<P>>,
    /// Whether the topic is to start no other one when this one is gone: it knows that nothing was
    /// left to do, or the runtime has no timer.
    done: bool,
}

impl<P: Send + Sync + 'static> Sweeper<P> {
    async fn run(mut self, pause: Duration) {
        loop {
            let due = {
                let Some(topic) = self.topic.upgrade() else { return };
                let Some(next) = topic.sweep() else {
                    self.done = true;
                    return;
                };
                topic.clock().instant(next.max(topic.now() + pause))
            };
            // Panics where the runtime has no timer, and so would the next one.
            self.done = true;
            let sleep = tokio::time::sleep_until(due);
            self.done = false;
            sleep.await;
        }
    }
}

/// Where it ended with its runtime, or in a panic of what it freed, another one must be started.
impl<P: Send + Sync + 'static> Drop for Sweeper<P> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        if let Some(topic) = self.topic.upgrade() {
            topic.sweeper_gone();
        }
    }
}
