//! How a consumer takes messages for a batch: as many as there are, in runs.

use super::{CHUNK, Consumer, Deliveries};
use crate::codec::form::Form;
use crate::delivery::{Delivery, Lease};
use crate::engine::state::Run;
use crate::error::Pending;
use crate::payload::Payload;

/// Claims after each other at most that bring nothing but work for others.
const IDLE: usize = 16;

impl<T: Payload> Consumer<T> {
    /// Takes what is there, this many at most, until an error: that is for the next receive.
    pub(super) fn take_runs(&mut self, most: usize, deliveries: &mut Deliveries<T>) {
        // A long batch takes what is there now, and not what is published while it is taken.
        let most = if most > CHUNK { most.min(self.seat.ahead()) } else { most };
        let most = deliveries.len().saturating_add(most);
        let (mut runs, mut idle) = (Vec::new(), 0);
        while deliveries.len() < most && self.pending.is_empty() && idle < IDLE {
            let wanted = (most - deliveries.len()).min(CHUNK);
            let stopped = self.seat.claim_up_to(wanted, &mut runs, &mut self.lanes);
            let is_over = stopped.is_none();
            idle = if runs.is_empty() { idle + 1 } else { 0 };
            // Beside one for all.
            let count = runs.iter().map(|run| run.count).sum::<usize>();
            self.budget = self.budget.saturating_sub(self.seat.cost(count));
            if let Some(opened) = T::Form::opened() {
                for run in runs.drain(..) {
                    deliveries.push_run(self.source(&run.lane), &run, opened);
                }
            } else {
                // All of them are held before one is opened.
                let (mut leases, mut rows) = (Vec::new(), Vec::new());
                for run in runs.drain(..) {
                    rows.push(run.row());
                    let Run { lane, ticket, count, .. } = run;
                    let (source, seat) = (self.source(&lane), &mut self.seat);
                    let lease = |at| Lease::new(source.clone(), ticket.after(at), seat.hold());
                    leases.extend((0..count).map(lease));
                }
                deliveries.reserve(leases.len());
                let mut leases = leases.into_iter();
                for row in rows {
                    for lease in leases.by_ref().take(row.len()) {
                        let opened = self.open(lease);
                        self.put(opened, deliveries);
                    }
                    deliveries.end_run(row);
                }
            }
            if let Some(claim) = stopped {
                let taken = self.take(claim);
                self.put(taken, deliveries);
            }
            if is_over {
                break;
            }
        }
        if deliveries.len() < most {
            self.source = None;
        }
    }

    /// Puts what was taken into the batch; an error is for the next receive.
    fn put(&mut self, taken: Result<Option<Delivery<T>>, Pending>, deliveries: &mut Deliveries<T>) {
        match taken {
            Ok(Some(delivery)) => deliveries.push(delivery),
            Ok(None) => {}
            Err(pending) => self.pending.push_back(pending),
        }
    }
}
