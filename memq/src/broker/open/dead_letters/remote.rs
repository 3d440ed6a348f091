//! Dead letters that are kept elsewhere, given back to their topic.

use std::future::{Future, poll_fn, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Sleep, sleep, timeout};

use super::{DeadLetters, REDRIVE, Redriven, lost_before, not_found};
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

/// How long what is looked at is kept from others that redrive, once its process is gone. It is kept
/// for longer as long as it is there.
const KEPT: Duration = Duration::from_secs(60);

/// How often it is.
const KEEP: Duration = Duration::from_secs(15);

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
        let there = plan.hub.transport().find(&dead).await;
        if there.map_err(|fault| not_opened(opened(&dead, fault.into())))?.is_none() {
            return Err(not_found(&dead));
        }
        let (dead, reached) = plan.named(dead).reach().await.map_err(not_opened)?;
        let Reached { topic, stages, dictionary, far, .. } = reached;
        // Publishers of the topic may have written in formats of their own.
        let mut reader = Reader::new(from.decoders, stages, T::versions());
        if let Some(own) = dictionary {
            reader.dictionaries = reader.dictionaries.with(own);
        }
        let origin = self.topic.publisher().await?;
        let (mut dead, mut done) = Dead::open(hub, dead, &*topic).await?;

        while let Some(message) = dead.next(&*topic, &mut done).await? {
            let slot = arrived::<T>(&far, message);
            let opened = message::open(slot.entry(), &reader);
            let wanted = opened.ok().and_then(|opened| {
                let message = Message::<T>::new(slot.clone(), opened);
                let why = DeadLetter::of(message.headers())?;
                let own = why.topic == from.topic.name().as_str() && why.group == self.group;
                (own && filter(&message, &why)).then_some(why.partition)
            });
            let Some(partition) = wanted else {
                done.left += 1;
                continue;
            };
            let id = dead.id(slot.offset());
            dead.kept_while(origin.store(alive::<T>(&slot, None), partition, Some(id))).await?;
            dead.settle(Settle::Ack).await?;
            done.redriven += 1;
        }
        // So that it is not handed what is left.
        dead.member.retire();
        // Before anybody is told: from a process that ends now it would come back after a while.
        while !dead.held.is_empty() {
            dead.settle(Settle::Return).await?;
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
    handed: Vec<Handed>,
    /// What settles those that are looked at, and left: so they do not come again before the end.
    held: Vec<Arc<dyn Token>>,
    /// When they are to be kept again.
    keep: Pin<Box<Sleep>>,
}

impl Dead {
    /// What is there, and what of it is lost already.
    async fn open(
        hub: &Hub,
        name: TopicName,
        topic: &dyn RemoteTopic,
    ) -> Result<(Self, Redriven), OpenError> {
        hub.able(&name, Capability::Groups)?;
        let rules = GroupRules {
            ack_deadline: KEPT,
            // What is left does not keep back what comes after it.
            order: GroupOrder::Any,
            ..GroupRules::default()
        };
        let stats = topic.stats().await.map_err(|fault| opened(&name, fault.into()))?;
        let request = GroupRequest::new(REDRIVE, rules, Start::Earliest, usize::MAX);
        let member = topic.group(request).await.map_err(|fault| opened(&name, fault))?;
        let (incarnation, end) = (topic.incarnation(), stats.next);
        let (handed, held, keep) = (Vec::new(), Vec::new(), Box::pin(sleep(KEEP)));
        let done = Redriven { lost: lost_before(Some(stats)), ..Redriven::default() };
        Ok((Self { name, incarnation, member, end, handed, held, keep }, done))
    }

    /// Does something, and keeps meanwhile what is held.
    async fn kept_while<R>(&mut self, work: impl Future<Output = R>) -> R {
        let mut work = pin!(work);
        poll_fn(|cx| {
            self.keep(cx);
            work.as_mut().poll(cx)
        })
        .await
    }

    /// Keeps what is held from coming back, where it is time for that.
    fn keep(&mut self, cx: &mut Context<'_>) {
        while self.keep.as_mut().poll(cx).is_ready() {
            let handed = self.handed.iter().filter_map(|handed| handed.token.as_ref());
            for token in self.held.iter().chain(handed) {
                // What cannot be kept comes again, and is redriven under the same id.
                drop(token.extend(KEPT));
            }
            self.keep = Box::pin(sleep(KEEP));
        }
    }

    /// The next one, which is held then.
    async fn next(
        &mut self,
        topic: &dyn RemoteTopic,
        done: &mut Redriven,
    ) -> Result<Option<Incoming>, Error> {
        self.kept_while(ready(())).await;
        let (mut pause, mut looks) = (Duration::ZERO, 0);
        while self.handed.is_empty() {
            let more = poll_fn(|cx| self.member.poll_next(AT_ONCE, &mut self.handed, cx));
            match timeout(pause, more).await {
                Ok(Ok(())) => self.handed.reverse(),
                Ok(Err(ReadEnd::Lagged { skipped })) => done.lost += skipped,
                Ok(Err(ReadEnd::Closed)) => return Ok(None),
                Ok(Err(end)) => return Err(received(end).into()),
                Err(_) => {
                    let stats = topic.stats().await;
                    let stats = stats.map_err(|fault| received(fault.into()))?;
                    let group = stats.group(REDRIVE).ok_or(RecvError::GroupDeleted)?;
                    let handed_out = group.in_flight + group.delayed;
                    looks = if group.lag <= handed_out { looks + 1 } else { 0 };
                    if group.lag <= self.held.len() as u64 || looks > LOOKS {
                        return Ok(None);
                    }
                    pause = LOOK;
                }
            }
        }
        let Some(Handed { message, token, .. }) = self.handed.pop() else { return Ok(None) };
        self.held.extend(token);
        Ok(Some(message).filter(|message| message.offset < self.end))
    }

    /// Settles the one that was held last.
    async fn settle(&mut self, how: Settle) -> Result<(), Error> {
        let Some(token) = self.held.pop() else { return Ok(()) };
        match token.settle_confirmed(how).await {
            Err(fault @ SettleFault::Fault(_)) => Err(settled(fault).into()),
            _ => Ok(()),
        }
    }

    /// The id under which it is redriven, however often that is begun.
    fn id(&self, offset: Offset) -> Arc<str> {
        let Incarnation(incarnation) = self.incarnation;
        format!("{}:{incarnation:x}:{REDRIVE}:{offset}", self.name).into()
    }
}

/// What was not settled comes back at once, also where a redrive fails or is dropped.
impl Drop for Dead {
    fn drop(&mut self) {
        self.member.retire();
        let handed = self.handed.drain(..).filter_map(|handed| handed.token);
        for token in self.held.drain(..).chain(handed) {
            // Who cannot be told gives it back after its deadline.
            let _ = token.settle(Settle::Return);
        }
    }
}

/// A message as if it were in a log here.
fn arrived<T: Payload>(far: &Far<T, ()>, message: Incoming) -> SlotRef<Stored<T>> {
    let Incoming { offset, at, partition, record } = message;
    let entry = message::arrived::<T, ()>(record, partition, far);
    SlotRef::of(&Lane::of_run(offset, [(entry, at)]), offset)
}
