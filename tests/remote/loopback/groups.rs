//! A member of a group, and what settles its deliveries.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use memq::spi::*;
use memq::{
    CommitError, Consumer, GroupStats, Lease, Offset, Record, RecvError, SeekError, SettleError,
    Start,
};

use super::reading::{ended, incoming};
use super::{Connection, Kept, at_once, now};

#[derive(Debug)]
pub(super) struct Member {
    pub(super) connection: Arc<Connection>,
    pub(super) kept: Arc<Kept>,
    pub(super) inside: Consumer<Record>,
    pub(super) retired: bool,
    pub(super) deadline: Duration,
    /// What is to be told of what was removed.
    pub(super) lagged: u64,
}

impl RemoteGroup for Member {
    fn member(&self) -> u64 {
        self.inside.id()
    }

    fn poll_next(
        &mut self,
        max: usize,
        into: &mut Vec<Handed>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ReadEnd>> {
        if self.connection.is_away() {
            return Poll::Ready(Err(Fault::Unavailable("the server is away".into()).into()));
        }
        self.connection.asked.lock().unwrap().push(max);
        let before = into.len();
        while into.len() < before + max && !self.retired {
            // All that is there; the member inside would let others run in between.
            let received = match self.inside.try_recv().transpose() {
                Some(received) => Poll::Ready(received),
                None => self.inside.poll_recv(cx),
            };
            match received {
                Poll::Ready(Ok(delivery)) => {
                    let attempt = delivery.attempt();
                    let (message, lease) = delivery.into_parts();
                    let held = Held {
                        lease: Mutex::new(Some(lease)),
                        connection: self.connection.clone(),
                        kept: self.kept.clone(),
                        group: self.inside.group().into(),
                        deadline: self.deadline,
                    };
                    let token = Arc::new(held) as Arc<dyn Token>;
                    into.push(Handed::new(incoming(message), attempt, Some(token)));
                }
                Poll::Ready(Err(RecvError::Lagged { skipped, .. })) => {
                    self.lagged += skipped;
                    break;
                }
                Poll::Ready(Err(_)) if into.len() > before => break,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(ended(error))),
                Poll::Pending => break,
            }
        }
        if into.len() > before {
            return Poll::Ready(Ok(()));
        }
        if self.lagged > 0 {
            let skipped = std::mem::take(&mut self.lagged);
            return Poll::Ready(Err(ReadEnd::Lagged { skipped }));
        }
        if self.connection.poll_over(cx) {
            Poll::Ready(Err(ReadEnd::Closed))
        } else {
            Poll::Pending
        }
    }

    fn retire(&mut self) {
        self.retired = true;
    }

    fn commit(&self, upto: Offset) -> Boxed<Result<(), MoveFault>> {
        now(at_once(self.inside.commit(upto)).map_err(|error| match error {
            CommitError::BeyondEnd { requested, end } => MoveFault::BeyondEnd { requested, end },
            CommitError::GroupDeleted => MoveFault::GroupDeleted,
            _ => Fault::Deleted.into(),
        }))
    }

    fn seek(&mut self, start: Start) -> Boxed<Result<Offset, MoveFault>> {
        let moved = at_once(self.inside.seek(start));
        if moved.is_ok() && start != Start::Committed {
            // Statistics start anew.
            self.kept.forgotten.lock().unwrap().remove(self.inside.group());
        }
        now(moved.map_err(|error| match error {
            SeekError::BeyondEnd { requested, end } => MoveFault::BeyondEnd { requested, end },
            SeekError::GroupDeleted => MoveFault::GroupDeleted,
            _ => Fault::Deleted.into(),
        }))
    }

    fn stats(&self) -> Option<GroupStats> {
        self.inside.stats().map(|stats| self.kept.told(stats))
    }
}

/// What settles a delivery of the broker inside.
#[derive(Debug)]
struct Held {
    lease: Mutex<Option<Lease<Record>>>,
    connection: Arc<Connection>,
    kept: Arc<Kept>,
    group: String,
    deadline: Duration,
}

/// Nobody settles by dropping it: the message stays with its member.
impl Drop for Held {
    fn drop(&mut self) {
        std::mem::forget(self.lease.lock().unwrap().take());
    }
}

impl Held {
    fn end(&self, how: Settle) -> Result<(), SettleFault> {
        let lease = self.lease.lock().unwrap().take().ok_or(SettleFault::AlreadySettled)?;
        let settled = match how {
            Settle::Return => {
                lease.nack_after(Duration::ZERO);
                Ok(())
            }
            Settle::Delay(delay) => {
                lease.nack_after(delay);
                Ok(())
            }
            how => {
                let settled = at_once(lease.ack_confirmed());
                if let (Settle::Forget, Ok(())) = (how, &settled) {
                    let mut forgotten = self.kept.forgotten.lock().unwrap();
                    *forgotten.entry(self.group.clone()).or_default() += 1;
                }
                settled
            }
        };
        settled.map_err(not_settled)
    }
}

fn not_settled(error: SettleError) -> SettleFault {
    match error {
        SettleError::AlreadySettled => SettleFault::AlreadySettled,
        SettleError::HandedOutAgain => SettleFault::HandedOutAgain,
        SettleError::Expired => SettleFault::Expired,
        SettleError::GroupDeleted => SettleFault::GroupDeleted,
        _ => Fault::Deleted.into(),
    }
}

impl Token for Held {
    fn settle(&self, how: Settle) -> Result<(), SettleFault> {
        self.end(how)
    }

    fn settle_confirmed(&self, how: Settle) -> Boxed<Result<(), SettleFault>> {
        if self.connection.silent.load(SeqCst) {
            return Box::pin(std::future::pending());
        }
        let fewer = |left: usize| left.checked_sub(1);
        if self.connection.unheard.fetch_update(SeqCst, SeqCst, fewer).is_ok() {
            // It ends here, and comes back from there.
            let returned = self.end(Settle::Return);
            return now(returned.and(Err(Fault::Unavailable("away".into()).into())));
        }
        now(self.end(how))
    }

    fn extend(&self, by: Duration) -> Result<(), SettleFault> {
        let able = self.connection.capabilities.has(Capability::ExtendBy);
        let by = if able { by } else { self.deadline };
        let lease = self.lease.lock().unwrap();
        lease.as_ref().map_or(Err(SettleFault::AlreadySettled), |lease| {
            lease.extend_by(by).map_err(not_settled)
        })
    }
}
