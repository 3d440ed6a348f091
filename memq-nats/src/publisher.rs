//! The way of one publisher into a topic. It checks, admits and sends in order; a task takes the answers,
//! and sends what could not be sent at once.

mod admitted;
mod answer;
mod drive;
mod late;
mod window;

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{HeaderMap, Subject};
use memq::spi::{Boxed, Fault, Outgoing, PublishFault, Receipt, RemotePublisher};
use memq::{Partition, TopicOptions};
use tokio::sync::Notify;

use self::admitted::{Admitted, Flight, TooLarge};
use self::drive::Driver;
use crate::names::{self, Place};
use crate::time::after;
use crate::topic::{Core, Phase};
use crate::wire;

/// What is admitted and not stored has at most this size, and that of one message more.
const MOST_BYTES: usize = 16 << 20;

/// What publishers hold. Its task ends once this is gone and what was admitted is stored.
pub(crate) struct Publisher(Arc<Shared>);

/// What the handle and its task share.
struct Shared {
    core: Arc<Core>,
    /// The partition after the one that the last message without a key went to.
    turn: AtomicU16,
    state: Mutex<Admitted>,
    /// Rings the task.
    work: Notify,
    /// Rings those that wait for room in the window, in turn.
    room: Notify,
    /// Rings those that wait until everything is done.
    done: Notify,
    /// Rings who tells whose time is up.
    hurry: Notify,
}

impl Publisher {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        // So that it is told soon that the topic is deleted: a stream that is created again takes
        // messages under the same subjects.
        drop(core.watch());
        let state = Mutex::new(Admitted::new(
            core.link.settings.window,
            format!("memq:{}:", names::unique()),
        ));
        Self(Arc::new(Shared {
            core,
            turn: AtomicU16::new(0),
            state,
            work: Notify::new(),
            room: Notify::new(),
            done: Notify::new(),
            hurry: Notify::new(),
        }))
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state();
        f.debug_struct("Publisher")
            .field("topic", &self.0.core.name)
            .field("admitted", &state.all)
            .field("done", &state.done)
            .finish_non_exhaustive()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.state().left = true;
        self.0.work.notify_one();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, Admitted> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Messages that may be admitted and not done.
    fn window(&self) -> u64 {
        self.core.link.settings.window as u64
    }

    /// Why nothing is admitted any more.
    fn ended(&self) -> Result<(), PublishFault> {
        match self.core.phase() {
            Phase::Deleted => Err(Fault::Deleted.into()),
            Phase::Closed => Err(PublishFault::Closed),
            Phase::Open if self.core.link.is_down() => Err(PublishFault::Closed),
            Phase::Open => Ok(()),
        }
    }

    /// Where a message goes, and what is sent with it; or what is wrong with it.
    fn check(
        &self,
        state: &mut Admitted,
        options: &TopicOptions,
        message: &Outgoing,
    ) -> Result<(Place, HeaderMap, usize), PublishFault> {
        let partition = message.partition.unwrap_or_else(|| {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            Partition(turn % options.partitions.max(1))
        });
        let place = Place { partition, keyed: message.record.key().is_some() };
        let make = || {
            let namespace = &self.core.link.settings.namespace;
            Subject::from(namespace.subject(&self.core.name, place))
        };
        let subject = state.subject(place, make);
        let id = admitted::id(&state.prefix, message, state.all);
        let headers = wire::headers(&message.record, Some(id));
        let bytes = wire::length(&headers) + message.record.bytes().len();
        // The server counts the subject towards what a topic keeps, and not towards one message.
        let kept = options.max_bytes.saturating_sub(subject);
        let max_bytes = self.core.link.client.max_payload().min(kept);
        if bytes > max_bytes {
            return Err(PublishFault::TooLarge { bytes, max_bytes });
        }
        Ok((place, headers, bytes))
    }
}

impl RemotePublisher for Publisher {
    fn submit(
        &self,
        messages: &mut VecDeque<Outgoing>,
        receipts: &mut Vec<Receipt>,
    ) -> Result<(), PublishFault> {
        let shared = &self.0;
        shared.ended()?;
        // Dropped once the lock is free: their bytes may be anybody's code.
        let mut refused = Vec::new();
        let mut state = shared.state();
        if state.over {
            return Err(PublishFault::Closed);
        }
        let (before, options) = (state.all, shared.core.options());
        while state.all - state.done < shared.window() && state.bytes < MOST_BYTES {
            let Some(message) = messages.pop_front() else { break };
            let (promise, receipt) = Receipt::pair();
            receipts.push(receipt);
            match shared.check(&mut state, &options, &message) {
                Ok((place, headers, bytes)) => {
                    let until = message.within.map(after);
                    if until.is_some_and(|until| state.soonest.is_none_or(|first| until < first)) {
                        state.soonest = until;
                        shared.hurry.notify_one();
                    }
                    let headers = Some(headers);
                    let number = state.all;
                    let flight = Flight { message, place, number, headers, bytes, until, promise };
                    state.window.push(flight);
                    state.bytes += bytes;
                    state.all += 1;
                }
                Err(fault) => {
                    promise.keep(Err(fault));
                    refused.push(message);
                }
            }
        }
        if state.all == before {
            return Ok(());
        }
        let mut too_large = Vec::new();
        let is_sent = state.send(&mut too_large);
        let is_for_task = !is_sent || !too_large.is_empty() || !state.watched;
        let starts = !std::mem::replace(&mut state.runs, true);
        drop(state);
        too_large.into_iter().for_each(TooLarge::tell);
        if starts {
            // It outlives the broker, for what is admitted is still sent.
            shared.core.link.tasks.detach(Driver::new(shared.clone()).run());
        }
        if is_for_task {
            shared.work.notify_one();
        }
        Ok(())
    }

    fn room(&self) -> Boxed<()> {
        let shared = self.0.clone();
        Box::pin(async move {
            loop {
                let mut rings = std::pin::pin!(shared.room.notified());
                rings.as_mut().enable();
                let has_room = {
                    let state = shared.state();
                    // With a quarter of it free, a batch is worth sending.
                    let kept = if state.stands() { 0 } else { shared.window() / 4 };
                    let is_free = state.all - state.done < shared.window() - kept;
                    state.over || (is_free && state.bytes < MOST_BYTES)
                };
                if has_room || shared.ended().is_err() {
                    return;
                }
                rings.await;
            }
        })
    }

    fn flush(&self) -> Boxed<()> {
        let shared = self.0.clone();
        Box::pin(async move {
            let all = shared.state().all;
            loop {
                let mut rings = std::pin::pin!(shared.done.notified());
                rings.as_mut().enable();
                if shared.state().done >= all {
                    return;
                }
                rings.await;
            }
        })
    }
}
