//! A member of the group, at work.

use std::panic;
use std::sync::Arc;
use std::time::Duration;

use memq::{Consumer, Delivery, Offset, RecvError};
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinSet;

use crate::MAX_ATTEMPTS;
use crate::flight::Flight;
use crate::ledger::Ledger;
use crate::trouble::{Trouble, Troubles};

/// Flights that a worker works on at once. They are of different airports, since the next flight of
/// an airport waits until the one before is settled.
const AT_ONCE: usize = 8;

pub struct Worker {
    pub consumer: Consumer<Flight>,
    pub troubles: Troubles,
    pub ledger: Arc<Mutex<Ledger>>,
    /// Once so many flights are settled it works no more, and says what it holds.
    pub stuck: Option<(u64, oneshot::Sender<Vec<Offset>>)>,
}

impl Worker {
    /// Works until the topic is closed and everything is settled.
    ///
    /// Killed at any time, it leaves nothing behind: its handlers are aborted with the `JoinSet`, and
    /// what it holds comes back to the others with the consumer.
    pub async fn run(mut self) -> Result<(), RecvError> {
        loop {
            let batch = match self.consumer.recv_batch(AT_ONCE).await {
                Err(RecvError::Closed) => return Ok(()),
                batch => batch?,
            };
            let settled = self.ledger.lock().await.settled.len() as u64;
            if let Some((_, stuck)) = self.stuck.take_if(|(after, _)| settled >= *after) {
                // Whoever listens kills it. `batch` is held meanwhile.
                drop(stuck.send(batch.iter().map(|flight| flight.offset()).collect()));
                return std::future::pending().await;
            }
            let mut handlers = JoinSet::new();
            for flight in batch {
                handlers.spawn(handle(flight, self.troubles, self.ledger.clone()));
            }
            // The flight of a handler that panicked is back already: it was dropped.
            while let Some(handled) = handlers.join_next().await {
                let panicked = handled.is_err_and(|error| error.is_panic());
                self.ledger.lock().await.panics += u64::from(panicked);
            }
        }
    }
}

async fn handle(flight: Delivery<Flight>, troubles: Troubles, ledger: Arc<Mutex<Ledger>>) {
    let (offset, attempt) = (flight.offset(), flight.attempt());
    tokio::time::sleep(Duration::from_millis(1)).await;
    let trouble = troubles.of(offset.0, attempt);
    if trouble == Trouble::Panics {
        // As `panic!`, without a message on stderr.
        panic::resume_unwind(Box::new("a part is missing"));
    }

    // Settled and written down in one: nobody settles the next flight of this airport between. In
    // memory `…_confirmed` does not wait, so the task cannot be killed between either.
    let mut ledger = ledger.lock().await;
    let (flight, lease) = flight.into_value();
    match trouble {
        Trouble::Impossible => {
            if lease.reject_confirmed("the airport is unknown").await.is_ok() {
                ledger.ended(&flight);
            }
        }
        Trouble::Fails => {
            if lease.nack_confirmed().await.is_ok() && attempt == MAX_ATTEMPTS {
                ledger.ended(&flight);
            }
        }
        Trouble::None | Trouble::Panics => {
            if lease.ack_confirmed().await.is_ok() {
                ledger.settled(offset, attempt, &flight);
            }
        }
    }
}
