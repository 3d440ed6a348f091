//! How messages get into a topic.

use std::ops::Range;
use std::sync::Arc;

use super::Topic;
use crate::engine::offer::Offer;
use crate::engine::queue::Place;
use crate::engine::recycler::Recycler;
use crate::engine::state::{Refusal, State};
use crate::engine::sync::MutexGuard;
use crate::position::{Offset, Timestamp};

impl<P: Send + Sync + 'static> Topic<P> {
    /// The same, in memory that is used again.
    pub(crate) fn recycling(mut self, recycler: &Arc<Recycler>) -> Self {
        self.hot.0.state.get_mut().recycle(recycler.pool());
        self
    }

    /// Stores a message, or says why not and leaves it where it is. Never waits.
    /// Of a message whose id is known it returns the first offset, and stores nothing.
    #[inline(always)]
    pub(crate) fn append(
        self: &Arc<Self>,
        mut offer: impl Offer<P>,
        id: Option<&Arc<str>>,
        place: &mut Place,
    ) -> Result<Offset, Refusal> {
        let now = self.date();
        let mut state = self.enter();
        if id.is_none() && !place.is_taken() {
            if let Some(offset) = state.append_steadily(&mut offer, now) {
                self.tell_lost(&state);
                if state.has_parked() {
                    wake_readers(state);
                }
                return Ok(offset);
            }
        }
        self.append_looking(state, offer, id, now, place)
    }

    /// As `append`, of a message that needs a look. With the lock, and apart from the above, so that
    /// what is offered need not be put together for that.
    #[inline(never)]
    fn append_looking(
        self: &Arc<Self>,
        state: MutexGuard<'_, State<P>>,
        mut offer: impl Offer<P>,
        id: Option<&Arc<str>>,
        now: Timestamp,
        place: &mut Place,
    ) -> Result<Offset, Refusal> {
        self.with_and_sweep(state, place, |state, place, after| {
            state.append(&mut offer, id, now, place, after)
        })
    }

    /// Stores messages until no more are offered or the next one is refused. Says at which offsets, too.
    pub(crate) fn append_all(
        self: &Arc<Self>,
        offer: &mut impl Offer<P>,
        place: &mut Place,
    ) -> (Range<u64>, Result<(), Refusal>) {
        let now = self.date();
        let state = self.hot.0.state.lock_for_long();
        self.with_and_sweep(state, place, |state, place, after| {
            state.append_all(offer, now, place, after)
        })
    }

    /// Stores a message in the room that was promised to it.
    pub(crate) fn append_reserved(
        self: &Arc<Self>,
        offer: &mut impl Offer<P>,
    ) -> Result<Offset, Refusal> {
        let now = self.date();
        let nobody = &mut Place::default();
        self.and_sweep(nobody, |state, _, after| state.append_reserved(offer, now, after))
    }
}

/// Wakes the readers that are parked, without the lock.
#[inline(never)]
fn wake_readers<P>(mut state: MutexGuard<'_, State<P>>) {
    let woken = state.unpark_readers();
    drop(state);
    woken.run();
}
