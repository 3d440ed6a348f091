//! What a consumer group is promised: each message to one member at a time, and back when that goes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use futures_util::future::select;

use super::kit::{
    Checked, Failure, ITEMS, Item, Kit, LOOK, abandon, claim, done, ensure, same, settled, soon,
};
use super::runtime::task;
use crate::consumer::Consumer;
use crate::delivery::Delivery;
use crate::engine::stats::TopicStats;
use crate::options::Start;
use crate::position::Offset;

/// Longer than any case takes.
const NEVER: Duration = Duration::from_secs(3_600);

pub(super) async fn a_group_gives_each_message_to_one_member_at_a_time(kit: Kit) -> Checked {
    const COUNT: usize = 240;
    let broker = kit.open().await?;
    let other = kit.join(&broker).await?;
    broker.create::<Item>().await?;
    let held: Arc<Vec<AtomicU8>> = Arc::new((0..COUNT).map(|_| AtomicU8::new(0)).collect());
    let mut tasks = Vec::new();
    let mut groups = Vec::new();
    for group in ["one", "two"] {
        for member in 0..3 {
            let broker = if member == 0 { &other } else { &broker };
            groups.push(kit.group(broker, group).ack_deadline(NEVER).await?);
        }
    }
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..COUNT as u64).map(Item::new)).await?;
    broker.close(ITEMS).await?;
    for (at, mut member) in groups.into_iter().enumerate() {
        let held = held.clone();
        // Two bits for each group: in hand, and done.
        let (in_hand, over) = if at < 3 { (1, 2) } else { (4, 8) };
        tasks.push(task(async move {
            let mut count = 0;
            while let Some(item) = soon("a delivery or the end", member.next()).await? {
                let item = item?;
                let state = &held[item.value as usize];
                let before = state.fetch_or(in_hand, Ordering::SeqCst);
                let free = before & (in_hand | over) == 0;
                ensure(free, format_args!("{item:?} was handed to two members"))?;
                same("the attempt", item.attempt(), 1)?;
                tokio::task::yield_now().await;
                state.fetch_or(over, Ordering::SeqCst);
                state.fetch_and(!in_hand, Ordering::SeqCst);
                item.ack_confirmed().await?;
                count += 1;
            }
            Ok::<_, Failure>(count)
        }));
    }
    let mut handled = 0;
    for task in tasks {
        handled += task.await??;
    }
    same("what both groups handled", handled, 2 * COUNT)?;
    let all = held.iter().all(|state| state.load(Ordering::SeqCst) == 2 | 8);
    ensure(all, "a message was not handled by both groups")
}

pub(super) async fn a_group_goes_on_where_it_was(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..6).map(Item::new)).await?;
    let mut group = kit.share(broker.subscriber::<Item>().from(Offset(2)), "work").await?;
    for value in 2..4 {
        let item = claim(&mut group).await?;
        same("the message", item.value, value)?;
        item.ack_confirmed().await?;
    }
    drop(group);
    publisher.publish(Item::new(6)).await?;
    // Where it would start says nothing any more.
    let other = kit.join(&broker).await?;
    let mut group = kit.share(other.subscriber::<Item>().from(Start::Earliest), "work").await?;
    for value in 4..7 {
        let item = claim(&mut group).await?;
        same("the next message", item.value, value)?;
        item.ack_confirmed().await?;
    }
    let stats = done(&broker, ITEMS, "work").await?;
    same("where it resumes", stats.committed, Offset(7))?;
    let mut last = kit.share(broker.subscriber::<Item>().from(Start::Last(2)), "last").await?;
    for value in 5..7 {
        let item = claim(&mut last).await?;
        same("the last messages", item.value, value)?;
        item.ack_confirmed().await?;
    }
    // A new group that starts at the latest sees only what comes.
    let mut late = kit.share(broker.subscriber::<Item>().from(Start::Latest), "late").await?;
    publisher.publish(Item::new(7)).await?;
    let item = claim(&mut late).await?;
    same("the first of a late group", item.value, 7)?;
    item.ack();
    Ok(())
}

pub(super) async fn a_member_that_goes_away_gives_back_at_once(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..6).map(Item::new)).await?;
    let open = |most| kit.group(&broker, "work").ack_deadline(NEVER).max_in_flight(most);
    let mut gone = open(3).await?;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(claim(&mut gone).await?);
    }
    let mut panics = open(1).await?;
    let failing = task(async move {
        let _held = claim(&mut panics).await?;
        // What `panic!` does, without its message.
        resume_unwind(Box::new("on purpose"));
        #[expect(unreachable_code, reason = "it says what the task gives")]
        Ok::<_, Failure>(())
    });
    ensure(soon("a panic", failing).await?.is_err(), "the task did not panic")?;
    drop(gone);
    // Only by the deadline, an hour later, would they come back otherwise.
    let mut stays = open(6).await?;
    let mut attempts = BTreeMap::new();
    for _ in 0..6 {
        let item = claim(&mut stays).await?;
        attempts.insert(item.value, item.attempt());
        item.ack_confirmed().await?;
    }
    let expected = [(0, 2), (1, 2), (2, 2), (3, 2), (4, 1), (5, 1)];
    same("the attempts", attempts, BTreeMap::from(expected))?;
    drop(held);
    done(&broker, ITEMS, "work").await?;
    Ok(())
}

pub(super) async fn a_group_holds_no_more_than_it_may(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..20).map(Item::new)).await?;
    let mut member = kit.group(&broker, "work").ack_deadline(NEVER).max_in_flight(3).await?;
    let mut held = VecDeque::new();
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        if held.len() == 3 {
            // At the limit there is nothing for it, until one is settled; and then there is one.
            ensure(member.try_recv()?.is_none(), "a member was given more than it may hold")?;
            let first: Option<Delivery<Item>> = held.pop_front();
            let first = first.ok_or_else(|| Failure::new("it holds none"))?;
            first.ack_confirmed().await?;
        }
        let item = claim(&mut member).await?;
        ensure(seen.insert(item.value), "a message came twice")?;
        held.push_back(item);
    }
    for item in held {
        item.ack_confirmed().await?;
    }
    done(&broker, ITEMS, "work").await?;

    // What the members may hold together is the group's.
    let open = || kit.group(&broker, "few").group_max_in_flight(1);
    let (mut one, mut other) = (open().await?, open().await?);
    for value in 0..3 {
        let item = either(&mut one, &mut other).await?;
        same("the message", item.value, value)?;
        let second = one.try_recv()?.or(other.try_recv()?);
        ensure(second.is_none(), "a group was given more than it may hold")?;
        item.ack_confirmed().await?;
    }
    Ok(())
}

/// The next delivery, to whichever it comes.
async fn either(
    one: &mut Consumer<Item>,
    other: &mut Consumer<Item>,
) -> Result<Delivery<Item>, Failure> {
    let (one, other) = (pin!(one.recv()), pin!(other.recv()));
    let first = soon("a delivery", select(one, other)).await?.factor_first().0;
    Ok(first?)
}

pub(super) async fn auto_ack_hands_out_once(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..10).map(Item::new)).await?;
    let mut group = kit.group(&broker, "work").auto_ack().await?;
    for value in 0..5 {
        // Dropped, and not coming back.
        let item = claim(&mut group).await?;
        same("the message", (item.value, item.attempt()), (value, 1))?;
    }
    for value in 5..10 {
        let (item, lease) = claim(&mut group).await?.into_value();
        same("the message", item.value, value)?;
        lease.nack();
    }
    let stats = done(&broker, ITEMS, "work").await?;
    same("settled and redelivered", (stats.settled, stats.redelivered), (10, 0))
}

pub(super) async fn a_batch_is_confirmed_as_a_whole(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..10).map(Item::new)).await?;
    let mut group = kit.group(&broker, "work").await?;
    let mut values = Vec::new();
    while values.len() < 10 {
        let batch = soon("a batch", group.recv_batch(10)).await??;
        values.extend(batch.iter().map(|item| item.value));
        soon("the word for a batch", batch.ack_confirmed()).await??;
    }
    values.sort_unstable();
    same("the messages", values, (0..10).collect::<Vec<_>>())?;
    let stats = done(&broker, ITEMS, "work").await?;
    same("settled and redelivered", (stats.settled, stats.redelivered), (10, 0))
}

pub(super) async fn a_dropped_confirmation_settles_or_brings_back(kit: Kit) -> Checked {
    const COUNT: u64 = 300;
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..COUNT).map(Item::new)).await?;
    // None comes back by its deadline.
    let mut group = kit.group(&broker, "work").any_order().ack_deadline(NEVER).await?;
    let (mut held, mut count) = (Vec::new(), 0);
    while count < COUNT {
        let batch = soon("a batch", group.recv_batch(COUNT as usize)).await??;
        count += batch.len() as u64;
        held.push(batch);
    }
    for (polls, batch) in (1..4).cycle().zip(held) {
        // Whether it settled all of them, some or none.
        let _said = abandon(polls, batch.ack_confirmed()).await;
    }
    let rest = async {
        let over = |stats: &TopicStats| stats.group("work").is_some_and(|group| group.lag == 0);
        while !over(&broker.stats(ITEMS).await?) {
            if let Some(item) = group.recv_timeout(LOOK).await? {
                item.ack_confirmed().await?;
            }
        }
        Checked::Ok(())
    };
    soon("the end of all", rest).await??;
    let stats = done(&broker, ITEMS, "work").await?;
    same("settled", stats.settled, COUNT)
}

pub(super) async fn statistics_tell_who_holds_what(kit: Kit) -> Checked {
    let broker = kit.open().await?;
    let publisher = broker.publisher::<Item>().await?;
    publisher.publish_batch((0..4).map(Item::new)).await?;
    let mut one = kit.group(&broker, "work").max_in_flight(5).await?;
    let mut other = kit.group(&broker, "work").max_in_flight(6).await?;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(claim(&mut one).await?);
    }
    let last = claim(&mut other).await?;
    let like = |stats: &TopicStats| stats.group("work").is_some_and(|group| group.in_flight == 4);
    let stats = settled(&broker, ITEMS, like).await?;
    let group = stats.group("work").ok_or_else(|| Failure::new("the group is gone"))?;
    let members: Vec<_> = group
        .members
        .iter()
        .map(|member| (member.id, member.held.clone(), member.max_in_flight))
        .collect();
    let offsets = |of: &[Delivery<Item>]| of.iter().map(Delivery::offset).collect::<Vec<_>>();
    let expected = [(one.id(), offsets(&held), 5), (other.id(), vec![last.offset()], 6)];
    same("the members", &members[..], &expected[..])?;
    last.ack_confirmed().await?;
    for item in held {
        item.ack_confirmed().await?;
    }
    drop(other);
    done(&broker, ITEMS, "work").await?;
    let stats = broker.stats(ITEMS).await?;
    let left: Vec<_> = stats.groups.iter().flat_map(|group| &group.members).collect();
    same("members that are left", left.len(), 1)?;
    ensure(left.iter().all(|member| member.held.is_empty()), "a member holds what is settled")
}
