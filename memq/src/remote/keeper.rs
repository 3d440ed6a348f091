//! Deliveries that are kept for longer than the system keeps one at a time.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::engine::clock::Clock;
use crate::position::Timestamp;
use crate::spi::{Token, Transport};

/// Kept deliveries at which those that are settled are looked for first.
const LOOK: usize = 1_024;

/// How often a delivery is extended at most, however short that is.
const NO_SOONER: Duration = Duration::from_millis(1);

/// Gives deliveries to the work that keeps them, or `None` to end it. Dropped, that ends too.
#[derive(Debug)]
pub(crate) struct Keeper(mpsc::UnboundedSender<Option<Kept>>);

/// A delivery that is kept for as long as it is not settled.
#[derive(Debug)]
struct Kept {
    token: Weak<dyn Token>,
    /// When it is to be extended again.
    due: Timestamp,
    until: Timestamp,
}

impl Keeper {
    /// `deadline` is what an extension gives.
    pub(super) fn start(transport: &dyn Transport, clock: Arc<Clock>, deadline: Duration) -> Self {
        let (keep, asked) = mpsc::unbounded_channel();
        transport.run(Box::pin(work(asked, clock, deadline)));
        Self(keep)
    }

    /// Keeps a delivery, which was extended now, until then, whatever was said of it before.
    pub(super) fn keep(&self, token: &Arc<dyn Token>, until: Timestamp) {
        // It is due at once: the work knows when that was.
        let kept = Kept { token: Arc::downgrade(token), due: Timestamp::default(), until };
        // Where the transport runs nothing any more, the delivery comes back.
        drop(self.0.send(Some(kept)));
    }

    /// Keeps nothing any more: what was kept is another's.
    pub(super) fn stop(&self) {
        drop(self.0.send(None));
    }
}

async fn work(
    mut asked: mpsc::UnboundedReceiver<Option<Kept>>,
    clock: Arc<Clock>,
    deadline: Duration,
) {
    // All are extended by as much, so that they are due in their order.
    let mut queue: VecDeque<Kept> = VecDeque::new();
    let mut look = LOOK;
    let add = |queue: &mut VecDeque<Kept>, kept: Kept| {
        let now = clock.now();
        if now + deadline < kept.until {
            queue.push_back(Kept { due: now + (deadline / 2).max(NO_SOONER), ..kept });
        }
    };
    loop {
        let next = match queue.front() {
            None => Ok(asked.recv().await.flatten()),
            Some(first) => {
                let next = tokio::time::timeout_at(clock.instant(first.due), asked.recv()).await;
                next.map(Option::flatten)
            }
        };
        match next {
            Ok(Some(kept)) => {
                queue.retain(|other| !other.token.ptr_eq(&kept.token));
                add(&mut queue, kept);
            }
            Ok(None) => return,
            Err(_) => {
                let Some(first) = queue.pop_front() else { continue };
                let kept = first.token.upgrade();
                if kept.is_some_and(|token| token.extend(deadline).is_ok()) {
                    add(&mut queue, first);
                }
            }
        }
        if queue.len() > look {
            queue.retain(|kept| kept.token.strong_count() > 0);
            look = LOOK.max(2 * queue.len());
        }
    }
}
