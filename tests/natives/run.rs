//! One case: random steps, and what must hold after each.

use std::collections::HashSet;
use std::future::IntoFuture;
use std::time::Duration;

use fastrand::Rng;
use memq::{
    Backoff, Broker, Consumer, Delivery, Overflow, Permit, Publisher, RecvError, Start, Subscriber,
};

use super::Numbered;
use super::common::try_now;

const GROUPS: [&str; 2] = ["a", "b"];

/// Of batches; a segment holds 256 messages, and more than 1,024 let others run in between.
const SIZES: [usize; 14] = [0, 1, 2, 5, 30, 63, 64, 65, 129, 255, 256, 257, 600, 1_500];

#[derive(Default)]
struct Group {
    auto_ack: bool,
    most: Option<usize>,
    settled: HashSet<u64>,
}

struct Member<T: Numbered> {
    consumer: Consumer<T>,
    group: usize,
    held: Vec<Delivery<T>>,
}

struct Reader<T: Numbered> {
    subscriber: Subscriber<T>,
    next: u64,
}

pub struct Run<'p, T: Numbered> {
    rng: Rng,
    broker: Broker,
    publisher: &'p Publisher<T>,
    permits: Vec<Permit<'p, T>>,
    /// The id of the message at each offset.
    stored: Vec<u64>,
    groups: [Group; 2],
    members: Vec<Member<T>>,
    readers: Vec<Reader<T>>,
    ids: u64,
    /// How many keys there are.
    keys: u8,
    /// Whether all messages are of one size.
    uniform: bool,
}

impl<T: Numbered> Run<'_, T> {
    pub async fn all(seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let broker = Broker::new();
        let publisher = &broker.publisher::<T>().await.unwrap();
        let groups = [(); 2].map(|()| Group {
            auto_ack: rng.u8(..4) == 0,
            most: *rng.choice(&[None, None, Some(3), Some(100)]).unwrap(),
            settled: HashSet::new(),
        });
        let (keys, uniform) = (*rng.choice(&[0, 0, 1, 8]).unwrap(), rng.bool());
        let steps = rng.usize(5..60);
        let mut run = Run {
            rng,
            broker: broker.clone(),
            publisher,
            permits: Vec::new(),
            stored: Vec::new(),
            groups,
            members: Vec::new(),
            readers: Vec::new(),
            ids: 0,
            keys,
            uniform,
        };
        for _ in 0..steps {
            run.step().await;
            run.check().await;
        }
        run.drain().await;
    }

    async fn step(&mut self) {
        let member = self.rng.usize(..4).checked_rem(self.members.len());
        match (self.rng.u8(..20), member) {
            (0..=4, _) => self.batch().await,
            (5, _) => self.singles(),
            (6, _) => self.permits.extend(try_now(self.publisher.reserve()).and_then(Result::ok)),
            (7, _) => self.permit(),
            (8, _) if self.members.len() < 4 => self.join().await,
            (9, _) if self.readers.len() < 3 => self.subscribe().await,
            (10..=12, Some(at)) => self.receive(at),
            (13 | 14, Some(at)) => self.settle(at),
            (15, Some(at)) => self.receive_and_settle(at),
            (16, Some(at)) if self.rng.u8(..4) == 0 => self.leave(at),
            (17 | 18, _) => self.read(),
            (19, _) => {
                tokio::time::advance(Duration::from_millis(self.rng.u64(..100))).await;
            }
            _ => {}
        }
    }

    fn size(&mut self) -> usize {
        *self.rng.choice(&SIZES).unwrap()
    }

    fn message(&mut self) -> T {
        self.ids += 1;
        let keyed = self.keys > 0 && self.rng.u8(..4) == 0;
        let key = keyed.then(|| self.rng.u8(..self.keys));
        let large = !self.uniform && self.rng.u8(..10) == 0;
        T::of(self.ids, key, if large { self.rng.usize(..3_000) } else { 8 })
    }

    // Publishing.

    async fn batch(&mut self) {
        let messages: Vec<_> = (0..self.size()).map(|_| self.message()).collect();
        let ids: Vec<_> = messages.iter().map(T::id).collect();
        let before = self.stored.len();
        let stored = match try_now(self.publisher.publish_batch(messages)) {
            Some(Ok(offsets)) => {
                assert_eq!(offsets.len(), ids.len());
                offsets
            }
            Some(Err(error)) => {
                let (_, rest) = ids.split_at(error.published.len());
                assert!(error.rest.iter().map(T::id).eq(rest.iter().copied()));
                error.published
            }
            // It was dropped while it waited: what it stored remains.
            None => {
                assert_eq!(T::OVERFLOW, Overflow::Wait);
                let published = self.broker.stats(T::SPEC.name()).await.unwrap().published;
                (before as u64..published).map(memq::Offset).collect()
            }
        };
        assert!(stored.iter().zip(before..).all(|(offset, at)| offset.0 == at as u64));
        self.stored.extend(&ids[..stored.len()]);
    }

    fn singles(&mut self) {
        for _ in 0..self.rng.usize(1..20) {
            let message = self.message();
            let id = message.id();
            if let Some(Ok(offset)) = try_now(self.publisher.publish(message).into_future()) {
                assert_eq!(offset.0, self.stored.len() as u64);
                self.stored.push(id);
            }
        }
    }

    fn permit(&mut self) {
        let Some(permit) = self.permits.pop() else { return };
        if self.rng.bool() {
            let message = self.message();
            let id = message.id();
            if permit.send(message).is_ok() {
                self.stored.push(id);
            }
        }
    }

    // Groups.

    async fn join(&mut self) {
        let group = self.rng.usize(..2);
        let rules = &self.groups[group];
        let most = *self.rng.choice(&[1, 10, 100, 5_000]).unwrap();
        let builder = self.broker.subscriber::<T>().from(Start::Earliest).group(GROUPS[group]);
        let builder = builder.max_in_flight(most);
        let builder = if rules.auto_ack {
            builder.auto_ack()
        } else {
            let builder = builder.without_dead_letters().backoff(Backoff::NONE);
            let builder = builder.ack_deadline(Duration::from_millis(500));
            if let Some(most) = rules.most { builder.group_max_in_flight(most) } else { builder }
        };
        let consumer = builder.await.unwrap();
        self.members.push(Member { consumer, group, held: Vec::new() });
    }

    /// A batch of deliveries, each of which is the message of its offset, and not settled yet; one of each
    /// key at most, where it is not settled by that.
    fn deliveries(&mut self, at: usize, most: usize) -> Option<memq::Deliveries<T>> {
        let Member { consumer, group, .. } = &mut self.members[at];
        let deliveries = loop {
            match try_now(consumer.recv_batch(most))? {
                Ok(deliveries) => break deliveries,
                Err(RecvError::Lagged { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        };
        assert!(deliveries.len() <= most);
        let group = &mut self.groups[*group];
        if !group.auto_ack {
            let mut keys = HashSet::new();
            let mut of_keys = deliveries.iter().filter_map(|delivery| delivery.key());
            assert!(of_keys.all(|key| keys.insert(key)), "two of one key at once");
        }
        for delivery in &deliveries {
            assert_eq!(delivery.id(), self.stored[delivery.offset().0 as usize]);
            let is_new = if group.auto_ack {
                group.settled.insert(delivery.id())
            } else {
                !group.settled.contains(&delivery.id())
            };
            assert!(is_new, "{} is handed out after it was settled", delivery.offset());
        }
        Some(deliveries)
    }

    fn receive(&mut self, at: usize) {
        let most = self.size();
        let Some(deliveries) = self.deliveries(at, most) else { return };
        let member = &mut self.members[at];
        if !self.groups[member.group].auto_ack {
            member.held.extend(deliveries);
        }
    }

    fn receive_and_settle(&mut self, at: usize) {
        let most = self.size();
        let Some(deliveries) = self.deliveries(at, most) else { return };
        self.acknowledge(at, deliveries);
    }

    fn acknowledge(&mut self, at: usize, deliveries: memq::Deliveries<T>) {
        let group = &mut self.groups[self.members[at].group];
        if !group.auto_ack {
            assert!(deliveries.iter().all(|delivery| group.settled.insert(delivery.id())));
        }
        deliveries.ack();
    }

    /// Some of what a member holds, in any order.
    fn settle(&mut self, at: usize) {
        let member = &mut self.members[at];
        let settled = &mut self.groups[member.group].settled;
        let count = self.rng.usize(..=member.held.len());
        let mut some: Vec<_> = member.held.drain(..count).collect();
        self.rng.shuffle(&mut some);
        for delivery in some {
            let id = delivery.id();
            match self.rng.u8(..6) {
                0 => delivery.nack(),
                1 => drop(delivery),
                2 => {
                    // Late, it is refused.
                    drop(delivery.extend());
                    member.held.push(delivery);
                }
                _ => {
                    if let Some(Ok(())) = try_now(delivery.ack_confirmed()) {
                        assert!(settled.insert(id), "{id} was settled twice");
                    }
                }
            }
        }
    }

    fn leave(&mut self, at: usize) {
        let Member { consumer, held, .. } = self.members.swap_remove(at);
        if self.rng.bool() {
            drop(consumer);
            drop(held);
        } else {
            drop(held);
            drop(consumer);
        }
    }

    // Subscribers.

    async fn subscribe(&mut self) {
        let subscriber = self.broker.subscriber::<T>().from(Start::Earliest).await.unwrap();
        let next = subscriber.position().0;
        self.readers.push(Reader { subscriber, next });
    }

    fn read(&mut self) {
        let most = self.size();
        if let Some(at) = self.rng.usize(..3).checked_rem(self.readers.len()) {
            self.readers[at].read(most, &self.stored);
        }
    }

    // What must hold.

    async fn check(&self) {
        let stats = self.broker.stats(T::SPEC.name()).await.unwrap();
        assert_eq!(stats.published, self.stored.len() as u64);
        assert_eq!(stats.published, stats.depth + stats.dropped.total() + stats.consumed);
        assert!(stats.depth <= T::MAX as u64);
        if T::OVERFLOW != Overflow::DropOldest {
            assert_eq!(stats.dropped.max_messages + stats.dropped.max_bytes, 0);
        }
        let sums = stats.partitions.iter().fold((0, 0, 0), |sums, partition| {
            (sums.0 + partition.published, sums.1 + partition.depth, sums.2 + partition.bytes)
        });
        assert_eq!(sums, (stats.published, stats.depth, stats.bytes));
        for reader in &stats.subscribers {
            let sum = reader.delivered + reader.filtered + reader.skipped + reader.lag;
            assert_eq!(reader.since_start, sum, "{reader:?}");
        }
        for group in &stats.groups {
            let sum = group.settled + group.dead_lettered + group.skipped + group.lag;
            assert_eq!(group.since_start, sum, "{}", group.name);
            let held: usize = group.members.iter().map(|member| member.held.len()).sum();
            assert_eq!(group.in_flight, held as u64, "{}", group.name);
            assert!(group.members.iter().all(|member| member.held.len() <= member.max_in_flight));
            assert!(group.max_in_flight.is_none_or(|most| group.in_flight <= most as u64));
            let at = GROUPS.iter().position(|name| *name == group.name).unwrap();
            assert_eq!(group.settled, self.groups[at].settled.len() as u64, "{}", group.name);
        }
    }

    /// Everything that is there is read and settled by those that are there.
    async fn drain(mut self) {
        self.permits.clear();
        for member in &mut self.members {
            member.held.clear();
        }
        for reader in &mut self.readers {
            while reader.read(500, &self.stored) {}
            assert_eq!(reader.next, self.stored.len() as u64);
        }
        let mut found = true;
        while std::mem::take(&mut found) {
            for at in 0..self.members.len() {
                while let Some(deliveries) = self.deliveries(at, 500) {
                    found = true;
                    self.acknowledge(at, deliveries);
                }
            }
        }
        self.check().await;
        let stats = self.broker.stats(T::SPEC.name()).await.unwrap();
        for group in stats.groups.iter().filter(|group| !group.members.is_empty()) {
            assert_eq!((group.lag, group.in_flight), (0, 0), "{}", group.name);
        }
    }
}

impl<T: Numbered> Reader<T> {
    /// Returns whether there was something.
    fn read(&mut self, most: usize, stored: &[u64]) -> bool {
        let found = match try_now(self.subscriber.recv_batch(most)) {
            Some(Ok(batch)) => {
                assert!(batch.len() <= most);
                for (at, message) in batch.iter().enumerate() {
                    assert_eq!(message.offset().0, self.next);
                    assert_eq!(message.id(), stored[self.next as usize]);
                    assert_eq!(batch.get(at).unwrap().offset(), message.offset());
                    self.next += 1;
                }
                let offsets = batch.iter().map(|message| message.offset()).collect::<Vec<_>>();
                assert!(batch.into_iter().map(|message| message.offset()).eq(offsets));
                true
            }
            Some(Err(RecvError::Lagged { skipped, .. })) => {
                self.next += skipped;
                true
            }
            Some(Err(error)) => panic!("{error}"),
            None => false,
        };
        assert_eq!(self.subscriber.position().0, self.next);
        found
    }
}
