//! What the tests of groups share.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::time::Duration;

use memq::spi::{
    GroupOrder, GroupRequest, GroupRules, Handed, OpenFault, Outgoing, ReadEnd, RemoteGroup,
    RemoteTopic, Settle, SettleFault, TopicRequest, Transport,
};
use memq::{GroupStats, Partition, Record, Start, TopicName};
use memq_nats::Connect;
use memq_nats_server::{Binary, Server};
use tokio::time::timeout;

use crate::support::PATIENCE;

/// So long nothing is seen to happen.
pub(crate) const NOTHING: Duration = Duration::from_millis(300);

/// A topic on a server of its own.
pub(crate) struct Setup {
    /// Runs for as long as this is there.
    pub(crate) server: Server,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) topic: Arc<dyn RemoteTopic>,
}

/// Runs a test on each version of the server, in a topic of so many partitions.
pub(crate) async fn each<F: Future<Output = ()>>(partitions: u16, test: impl Fn(Setup) -> F) {
    for binary in Binary::all_or_skip() {
        let server = Server::start(&binary).expect("a server");
        let transport = Connect::new(server.url()).transport().await.expect("a connection");
        let mut request = TopicRequest::new(name("orders"));
        request.partitions = Some(partitions);
        let topic = transport.open(request).await.expect("a topic");
        timeout(PATIENCE, test(Setup { server, transport, topic })).await.expect("an end");
    }
}

pub(crate) fn name(name: &str) -> TopicName {
    name.parse().expect("a name")
}

impl Setup {
    /// Publishes one message for each key; none where it is empty.
    pub(crate) async fn publish(&self, keys: &[&str]) {
        let publisher = self.topic.publisher().await.expect("a publisher");
        let mut messages: VecDeque<_> = keys
            .iter()
            .map(|key| {
                let key = (!key.is_empty()).then_some(*key);
                let mut message = Outgoing::new(Record::new("x").with_key(key));
                // As memq does it by the hash of the key.
                let partitions = self.topic.options().partitions;
                message.partition =
                    key.map(|key| Partition(u16::from(key.as_bytes()[0]) % partitions));
                message
            })
            .collect();
        let mut receipts = Vec::new();
        publisher.submit(&mut messages, &mut receipts).expect("room");
        for receipt in receipts {
            receipt.await.expect("a stored message");
        }
    }

    pub(crate) async fn join(&self, rules: &GroupRules, most: usize) -> Box<dyn RemoteGroup> {
        self.try_join(rules, Start::Earliest, most).await.expect("a member")
    }

    /// One that has so many messages fetched ahead.
    pub(crate) async fn join_ahead(
        &self,
        rules: &GroupRules,
        messages: usize,
    ) -> Box<dyn RemoteGroup> {
        let mut request = GroupRequest::new("billing", rules.clone(), Start::Earliest, 1_000);
        request.prefetch = Some(messages);
        self.topic.group(request).await.expect("a member")
    }

    pub(crate) async fn try_join(
        &self,
        rules: &GroupRules,
        start: Start,
        most: usize,
    ) -> Result<Box<dyn RemoteGroup>, OpenFault> {
        self.topic.group(GroupRequest::new("billing", rules.clone(), start, most)).await
    }

    pub(crate) async fn lag(&self) -> u64 {
        self.stats().await.lag
    }

    pub(crate) async fn stats(&self) -> GroupStats {
        let stats = self.topic.stats().await.expect("statistics");
        stats.group("billing").expect("a group").clone()
    }
}

pub(crate) fn any_order() -> GroupRules {
    let mut rules = GroupRules::default();
    rules.order = GroupOrder::Any;
    rules
}

pub(crate) async fn try_take(member: &mut Box<dyn RemoteGroup>) -> Result<Handed, ReadEnd> {
    let mut into = Vec::new();
    poll_fn(|cx| member.poll_next(1, &mut into, cx)).await?;
    Ok(into.pop().expect("a message"))
}

pub(crate) async fn take(member: &mut Box<dyn RemoteGroup>) -> Handed {
    try_take(member).await.expect("a message")
}

/// Takes the next message and says where it is, and how often it was handed out.
pub(crate) async fn acked(member: &mut Box<dyn RemoteGroup>) -> (u64, u32) {
    let handed = take(member).await;
    settle(&handed, Settle::Ack).expect("a delivery");
    place(&handed)
}

pub(crate) async fn nothing(member: &mut Box<dyn RemoteGroup>) {
    if let Ok(handed) = timeout(NOTHING, try_take(member)).await {
        panic!("{handed:?}");
    }
}

pub(crate) fn place(handed: &Handed) -> (u64, u32) {
    (handed.message.offset.0, handed.attempt)
}

pub(crate) fn settle(handed: &Handed, how: Settle) -> Result<(), SettleFault> {
    handed.token.as_ref().expect("a token").settle(how)
}

pub(crate) async fn confirm(handed: &Handed, how: Settle) -> Result<(), SettleFault> {
    handed.token.as_ref().expect("a token").settle_confirmed(how).await
}
