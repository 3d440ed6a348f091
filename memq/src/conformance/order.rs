//! Messages of one key in a group: one at a time and in order, whatever fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::kit::{Checked, ITEMS, Item, Kit, claim, done, ensure, items, same, soon};
use super::runtime::task;
use crate::broker::Broker;
use crate::consumer::Consumer;
use crate::delivery::Delivery;

const KEYS: u64 = 5;
const EACH: u64 = 8;

/// What has been done of each key.
struct Turns {
    /// The next value of each key.
    next: Vec<AtomicU64>,
    /// Whether a message of the key is in somebody's hands.
    in_hand: Vec<AtomicBool>,
}

impl Turns {
    fn new() -> Arc<Self> {
        let next = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self { next, in_hand: (0..KEYS).map(|_| AtomicBool::new(false)).collect() })
    }

    /// Whether this one may be handed out now; and what becomes of it.
    async fn handle(&self, item: Delivery<Item>) -> Checked {
        let key = item.key.unwrap_or_default() as usize;
        let next = self.next[key].load(Ordering::SeqCst);
        same("the next of its key", (key, item.value), (key, next))?;
        let twice = self.in_hand[key].swap(true, Ordering::SeqCst);
        ensure(!twice, format_args!("two messages of key {key} are in flight"))?;
        tokio::task::yield_now().await;
        self.in_hand[key].store(false, Ordering::SeqCst);
        match (item.attempt(), item.value % 4) {
            (1, 0) => item.nack_after(Duration::from_millis(20)),
            (1, 1) => drop(item),
            (2, 1) => item.nack_after(Duration::ZERO),
            _ => {
                self.next[key].fetch_add(1, Ordering::SeqCst);
                item.ack_confirmed().await?;
            }
        }
        Ok(())
    }
}

async fn publish_and_close(broker: &Broker) -> Checked {
    let publisher = broker.publisher::<Item>().await?;
    for value in 0..EACH {
        let batch = (0..KEYS).map(|key| Item::keyed(key, value));
        publisher.publish_batch(batch).await?;
    }
    Ok(broker.close(ITEMS).await?)
}

/// Handles messages until there are no more, or after this many it goes away.
async fn member(mut member: Consumer<Item>, turns: Arc<Turns>, most: usize) -> Checked {
    for _ in 0..most {
        match soon("a delivery or the end", member.next()).await? {
            Some(item) => turns.handle(item?).await?,
            None => break,
        }
    }
    Ok(())
}

async fn all_are_done(turns: &Turns) -> Checked {
    let done: Vec<_> = turns.next.iter().map(|next| next.load(Ordering::SeqCst)).collect();
    same("done of each key", done, vec![EACH; KEYS as usize])
}

pub(super) async fn keys_take_turns_through_failures(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    items(&broker).create().await?;
    let other = kit.join(&broker).await?;
    let turns = Turns::new();
    let mut tasks = Vec::new();
    for broker in [&broker, &other] {
        let open = kit.group(broker, "work");
        tasks.push(task(member(open.await?, turns.clone(), usize::MAX)));
    }
    publish_and_close(&broker).await?;
    for task in tasks {
        task.await??;
    }
    all_are_done(&turns).await
}

pub(super) async fn keys_keep_their_order_over_members(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    items(&broker).partitions(3).create().await?;
    let other = kit.join(&broker).await?;
    let turns = Turns::new();
    let mut tasks = Vec::new();
    // Some go away in the middle, with what they have not handled.
    for (broker, most) in [(&broker, 5), (&other, 9), (&broker, usize::MAX), (&other, usize::MAX)] {
        let open = kit.group(broker, "work");
        tasks.push(task(member(open.await?, turns.clone(), most)));
    }
    publish_and_close(&broker).await?;
    for task in tasks {
        task.await??;
    }
    all_are_done(&turns).await
}

pub(super) async fn any_order_holds_nobody_up(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..4).map(|value| Item::keyed(1, value))).await?;
    let mut group = kit.group(&broker, "work").any_order().await?;
    // With order, the second would wait for the first.
    let mut held = Vec::new();
    for value in 0..4 {
        let item = claim(&mut group).await?;
        same("the message", (item.value, item.attempt()), (value, 1))?;
        held.push(item);
    }
    for item in held {
        item.ack_confirmed().await?;
    }
    done(&broker, ITEMS, "work").await?;
    Ok(())
}
