//! Dead letters that are kept elsewhere, given back to their topic.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::{A_DAY, DeadLetters, REDRIVE, Redriven};
use crate::broker::hub::{Hub, Reached};
use crate::codec::form::Reader;
use crate::dead_letter::{DeadLetter, alive};
use crate::engine::segment::{Lane, SlotRef};
use crate::error::{Error, OpenError, RecvError};
use crate::message::{self, Far, Message, Stored};
use crate::name::TopicName;
use crate::options::Start;
use crate::payload::Payload;
use crate::position::Offset;
use crate::remote::{opened, received, settled};
use crate::spi::{
    Capability, GroupOrder, GroupRequest, GroupRules, Handed, Incarnation, Incoming, ReadEnd,
    RemoteGroup, RemoteTopic, Settle, SettleFault, Token,
};

/// Dead letters that are asked for at once.
const AT_ONCE: usize = 64;

/// How long a redrive waits for more, before it asks whether there are any.
const LOOK: Duration = Duration::from_millis(100);

/// How often it does, where others hold what is left, before it leaves that to them.
const LOOKS: u32 = 10;

impl<T: Payload> DeadLetters<'_, T> {
    /// As [`redrive`](DeadLetters::redrive).
    pub(super) async fn redrive_there(
        &self,
        hub: &Arc<Hub>,
        mut filter: impl FnMut(&T, &DeadLetter) -> bool,
    ) -> Result<Redriven, Error> {
        let plan = self.topic.plan(hub);
        let (dead, from) = self.of().find(&plan).await?;
        let not_opened = |source: OpenError| OpenError::DeadLetterTopic {
            group: self.group.clone(),
            source: Box::new(source),
        };
        let (dead, reached) = plan.named(dead).reach().await.map_err(not_opened)?;
        let Reached { topic, stages, dictionary, far, .. } = reached;
        // Publishers of the topic may have written in formats of their own.
        let mut reader = Reader::new(from.decoders, stages);
        if let Some(own) = dictionary {
            reader.dictionaries = reader.dictionaries.with(own);
        }
        let origin = self.topic.publisher().await?;
        let mut dead = Dead::open(hub, dead, &*topic).await?;

        let mut done = Redriven::default();
        // What is left is held until the end, so that it does not come again.
        let mut left = Vec::new();
        while let Some(Letter { message, token }) = dead.next(&*topic, left.len() as u64).await? {
            let (schema, slot) = (message.schema, arrived::<T>(&far, message));
            let opened = message::open(slot.entry(), &reader);
            let wanted = opened.ok().and_then(|opened| {
                let message = Message::<T>::new(slot.clone(), opened);
                let why = DeadLetter::of(message.headers())?;
                let own = why.topic == from.topic.name().as_str() && why.group == self.group;
                (own && filter(&message, &why)).then_some(why.partition)
            });
            let (Some(partition), Some(own)) = (wanted, &token.0) else {
                done.left += 1;
                left.push(token);
                continue;
            };
            let id = dead.id(slot.offset());
            origin.store(alive::<T>(&slot), partition, Some(id), schema).await?;
            match own.settle_confirmed(Settle::Ack).await {
                Err(fault @ SettleFault::Fault(_)) => return Err(settled(fault).into()),
                _ => done.redriven += 1,
            }
        }
        Ok(done)
    }
}

/// The dead letters there were when a redrive began, one after the other.
struct Dead {
    name: TopicName,
    incarnation: Incarnation,
    member: Box<dyn RemoteGroup>,
    end: Offset,
    /// The next one last.
    handed: Vec<Letter>,
}

/// A dead letter that was handed out.
struct Letter {
    message: Incoming,
    token: Mine,
}

/// What settles it. Dropped, it gives the dead letter back for another redrive; where it is settled,
/// that does nothing.
struct Mine(Option<Box<dyn Token>>);

impl Drop for Mine {
    fn drop(&mut self) {
        if let Some(token) = &self.0 {
            // Where that fails, it comes back after its deadline.
            drop(token.settle(Settle::Return));
        }
    }
}

impl Dead {
    async fn open(hub: &Hub, name: TopicName, topic: &dyn RemoteTopic) -> Result<Self, OpenError> {
        hub.able(&name, Capability::Groups)?;
        let rules = GroupRules {
            ack_deadline: A_DAY,
            // What is left does not keep back what comes after it.
            order: GroupOrder::Any,
            ..GroupRules::default()
        };
        let stats = topic.stats().await.map_err(|fault| opened(&name, fault.into()))?;
        let request = GroupRequest::new(REDRIVE, rules, Start::Earliest, usize::MAX);
        let member = topic.group(request).await.map_err(|fault| opened(&name, fault))?;
        let (incarnation, handed) = (topic.incarnation(), Vec::new());
        Ok(Self { name, incarnation, member, end: stats.next, handed })
    }

    /// The next one, where so many are held already.
    async fn next(&mut self, topic: &dyn RemoteTopic, held: u64) -> Result<Option<Letter>, Error> {
        let (mut pause, mut looks) = (Duration::ZERO, 0);
        while self.handed.is_empty() {
            let mut handed = Vec::new();
            let more = poll_fn(|cx| self.member.poll_next(AT_ONCE, &mut handed, cx));
            match timeout(pause, more).await {
                Ok(Ok(())) => self.handed.extend(handed.into_iter().rev().map(|handed| {
                    let Handed { message, token, .. } = handed;
                    Letter { message, token: Mine(token) }
                })),
                Ok(Err(ReadEnd::Lagged { .. })) => {}
                Ok(Err(ReadEnd::Closed)) => return Ok(None),
                Ok(Err(end)) => return Err(received(end).into()),
                Err(_) => {
                    let stats = topic.stats().await;
                    let stats = stats.map_err(|fault| received(fault.into()))?;
                    let group = stats.group(REDRIVE).ok_or(RecvError::GroupDeleted)?;
                    let handed_out = group.in_flight + group.delayed;
                    looks = if group.lag <= handed_out { looks + 1 } else { 0 };
                    if group.lag <= held || looks > LOOKS {
                        return Ok(None);
                    }
                    pause = LOOK;
                }
            }
        }
        Ok(self.handed.pop().filter(|next| next.message.offset < self.end))
    }

    /// The id under which it is redriven, however often that is begun.
    fn id(&self, offset: Offset) -> Arc<str> {
        let Incarnation(incarnation) = self.incarnation;
        format!("{}:{incarnation:x}:{REDRIVE}:{offset}", self.name).into()
    }
}

/// A message as if it were in a log here.
fn arrived<T: Payload>(far: &Far<T, ()>, message: Incoming) -> SlotRef<Stored<T>> {
    let Incoming { offset, at, partition, record, .. } = message;
    let entry = message::arrived::<T, ()>(record, partition, far);
    SlotRef::of(&Lane::of_run(offset, vec![(entry, at)]), offset)
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;
    use crate::spi::Boxed;

    /// Says how it was settled.
    #[derive(Debug)]
    struct Tells(Arc<Mutex<Vec<Settle>>>);

    impl Token for Tells {
        fn settle(&self, how: Settle) -> Result<(), SettleFault> {
            self.0.lock().push(how);
            Ok(())
        }

        fn settle_confirmed(&self, how: Settle) -> Boxed<Result<(), SettleFault>> {
            Box::pin(std::future::ready(self.settle(how)))
        }

        fn extend(&self, _: Duration) -> Result<(), SettleFault> {
            Ok(())
        }
    }

    #[test]
    fn what_a_redrive_leaves_is_given_back_and_not_kept_for_a_day() {
        let told = Arc::new(Mutex::new(Vec::new()));
        drop(Mine(Some(Box::new(Tells(told.clone())))));
        assert_eq!(*told.lock(), [Settle::Return]);
    }
}
