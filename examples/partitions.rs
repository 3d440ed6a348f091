//! A topic in partitions: messages of one key are in one of them, the members of a group divide them,
//! and each can be read alone. And message ids, so that a publish can be repeated.
//!
//! ```text
//! cargo run --example partitions
//! ```

use std::collections::{HashMap, HashSet};

use memq::{Broker, Error, Key, Offset, Partition, PublishError, Topic};

#[derive(Clone, Debug, Topic)]
#[topic(name = "clicks", partitions = 8, dedup = "2m")]
struct Click {
    #[topic(key)]
    user: u32,
    page: &'static str,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let broker = Broker::new();
    let clicks = broker.publisher::<Click>().await?;
    for round in 0..4 {
        let page = ["/", "/tea", "/cart", "/pay"][round];
        clicks.publish_batch((0..20).map(|user| Click { user, page })).await?;
    }

    // The same key goes to the same partition, and anybody can compute which.
    let mut all = broker.subscriber::<Click>().await?;
    let mut users: HashMap<Partition, HashSet<u32>> = HashMap::new();
    while let Some(click) = all.try_recv()? {
        assert_eq!(click.partition(), Key::from(click.user).partition(8));
        users.entry(click.partition()).or_default().insert(click.user);
    }
    let stats = broker.stats("clicks").await?;
    for partition in &stats.partitions {
        let users = users.get(&partition.partition).map_or(0, HashSet::len);
        let clicks = partition.published;
        println!("partition {}: {clicks} clicks of {users} users", partition.partition);
        assert_eq!(partition.published, 4 * users as u64);
    }
    assert_eq!(users.values().map(HashSet::len).sum::<usize>(), 20);

    divide(&broker).await?;

    // A publish may name the partition, whatever the key. There is no ninth.
    let to = |partition: u16| clicks.publish(Click { user: 7, page: "/" }).partition(partition);
    let offset = to(3).await?;
    let refused = to(8).await.unwrap_err();
    println!("refused: {refused}");
    assert!(matches!(refused, PublishError::Partition { partitions: 8, .. }));

    // One partition alone. Offsets are of the whole topic, so they have gaps here.
    let mut third = broker.subscriber::<Click>().partition(3).from(offset).await?;
    clicks.publish(Click { user: 1, page: "/" }).partition(4).await?;
    let last = to(3).await?;
    assert_eq!(third.recv().await?.offset(), offset);
    let next = third.recv().await?;
    assert_eq!((next.offset(), next.page), (last, "/"));
    println!("of partition 3: offsets {offset} and {last}");
    assert_eq!((offset, last), (Offset(80), Offset(82)));

    repeat(&broker).await
}

/// Members divide the partitions. Who joins or leaves changes who has which.
async fn divide(broker: &Broker) -> Result<(), Error> {
    let join = || broker.subscriber::<Click>().group("counters");
    let mut one = join().await?;
    let stats = || async { Ok::<_, Error>(broker.stats("clicks").await?) };
    let shares = |stats: &memq::TopicStats| -> Vec<Vec<u16>> {
        let members = stats.group("counters").into_iter().flat_map(|group| &group.members);
        members.map(|member| member.partitions.iter().map(|p| p.0).collect()).collect()
    };
    assert_eq!(shares(&stats().await?), [[0, 1, 2, 3, 4, 5, 6, 7]]);

    let mut two = join().await?;
    let divided = shares(&stats().await?);
    println!("two members: {divided:?}");
    assert_eq!(divided, [[0, 2, 4, 6], [1, 3, 5, 7]]);

    let mut counts = [0, 0];
    for (count, member) in counts.iter_mut().zip([&mut one, &mut two]) {
        while let Some(click) = member.try_recv()? {
            assert!(divided[usize::from(click.partition().0 % 2)].contains(&click.partition().0));
            *count += 1;
            click.ack();
        }
    }
    println!("they have {counts:?} clicks");
    assert_eq!(counts.iter().sum::<u64>(), 80);

    drop(one);
    assert_eq!(shares(&stats().await?), [[0, 1, 2, 3, 4, 5, 6, 7]]);
    Ok(())
}

/// With an id a publish can be repeated when nobody knows whether it was done: it is stored once.
async fn repeat(broker: &Broker) -> Result<(), Error> {
    let clicks = broker.publisher::<Click>().await?;
    let publish = || clicks.publish(Click { user: 7, page: "/pay" }).id("order-4711");
    let first = publish().await?;
    let again = publish().await?;
    let stats = broker.stats("clicks").await?;
    println!("published at {first}, and again at {again}: {} deduplicated", stats.deduplicated);
    assert_eq!((first, again), (Offset(83), Offset(83)));
    assert_eq!((stats.published, stats.deduplicated), (84, 1));
    Ok(())
}
