//! How a message gets among the dead letters where topics are kept elsewhere.
//!
//! In two steps: it is stored there, under an id that is always the same, and then the group is told
//! to forget it. Whoever stops between them leaves a message that comes back and goes the same way
//! again; the id keeps it from being there twice.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::{Group, Hold, Outlet, opened, published, settled};
use crate::engine::group::BURY_AGAIN;
use crate::error::{PublishError, SettleError};
use crate::spi::{Fault, Outgoing, Settle, SettleFault, Token};

/// How long a message may wait for room in its dead-letter topic, before that says that it is full.
const ROOM: Duration = Duration::from_secs(5);

/// What becomes of a burial, once that is known.
pub(crate) type Buried = oneshot::Receiver<Result<(), SettleError>>;

/// Counts a burial for as long as it is under way.
struct UnderWay(Arc<Group>);

impl UnderWay {
    fn begin(group: Arc<Group>) -> Self {
        group.burials.send_modify(|burials| *burials += 1);
        Self(group)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.burials.send_modify(|burials| *burials -= 1);
    }
}

/// Sends a dead message to its topic, also when nobody waits for that: `letter`, as it is to be there.
/// The outcome is told once it is there and forgotten, or after the first time that it is not taken;
/// that is tried again.
pub(crate) fn bury(group: &Arc<Group>, hold: &Hold, mut letter: Outgoing) -> Buried {
    let (tell, outcome) = oneshot::channel();
    letter.within = Some(ROOM);
    let under_way = UnderWay::begin(group.clone());
    let token = hold.token.clone();
    group.transport.run(Box::pin(async move {
        let group = &under_way.0;
        let mut tell = Some(tell);
        let mut told = |outcome| {
            if let Some(tell) = tell.take() {
                // Nobody may want to know.
                drop(tell.send(outcome));
            }
        };
        while let Err(source) = kept(group, &*token, group.store(letter.clone())).await {
            let topic = group.dead_letters.as_ref();
            let topic = topic.map(|dead| dead.outlet.topic.to_string()).unwrap_or_default();
            told(Err(SettleError::DeadLetter { topic, source }));
            sleep(BURY_AGAIN).await;
            if is_another_s(&token.extend(group.ack_deadline)) {
                return;
            }
        }
        // Where that is not confirmed it comes back, and is buried again under the same id.
        told(token.settle_confirmed(Settle::Forget).await.map_err(settled));
    }));
    outcome
}

/// Whether a message is no longer this member's to bury.
fn is_another_s(extended: &Result<(), SettleFault>) -> bool {
    matches!(
        extended,
        Err(SettleFault::AlreadySettled
            | SettleFault::HandedOutAgain
            | SettleFault::GroupDeleted
            | SettleFault::Fault(Fault::Deleted))
    )
}

/// Waits, and keeps the message meanwhile.
async fn kept<R>(group: &Group, token: &dyn Token, work: impl Future<Output = R>) -> R {
    let mut work = pin!(work);
    let pause = (group.ack_deadline / 2).max(Duration::from_millis(1));
    loop {
        match timeout(pause, work.as_mut()).await {
            Ok(done) => return done,
            // Where it cannot be kept, it is buried again under the same id.
            Err(_) => drop(token.extend(group.ack_deadline)),
        }
    }
}

impl Group {
    /// Stores a dead letter; if its topic was deleted, in the one that was created since.
    async fn store(&self, mut letter: Outgoing) -> Result<(), PublishError<()>> {
        let deleted = || PublishError::Deleted(());
        let dead = self.dead_letters.as_ref().ok_or_else(deleted)?;
        let id = letter.id.take();
        letter.id = id.clone().filter(|_| dead.dedup);
        match dead.outlet.store(letter.clone()).await {
            Err(PublishError::Deleted(())) => {}
            stored => return stored.map(drop),
        }
        let name = &dead.outlet.topic;
        let found = self.transport.find(name).await.map_err(|fault| published(fault.into()))?;
        let topic = found.ok_or_else(deleted)?;
        let way = topic.publisher().await.map_err(|fault| {
            let source = opened(name, fault).into();
            PublishError::Unavailable { message: (), source }
        })?;
        let outlet = Outlet { topic: name.clone(), way };
        letter.id = id.filter(|_| topic.options().dedup.is_some());
        // It may have another number of them.
        let partitions = topic.options().partitions;
        letter.partition = letter.record.key().map(|key| key.partition(partitions));
        outlet.store(letter).await.map(drop)
    }
}
