//! Groups of a topic that gets its partitions later, as it may until there is a message.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use futures_util::TryStreamExt as _;
use memq::spi::{GroupRules, Outgoing, RemoteTopic, Settle};
use memq::{Partition, Record};
use memq_nats::Connect;

use crate::kit::{Setup, acked, confirm, each, name, nothing, take};
use crate::support::{open, pass, publish, raw, request, submit};

/// A topic that did not say how many partitions it has.
async fn unsaid(setup: Setup, name: &str) -> Setup {
    let topic = open(&setup.transport, name).await;
    assert_eq!(topic.options().partitions, 1);
    Setup { topic, ..setup }
}

/// Says, on another connection, how many there are.
async fn three(setup: &Setup) -> Arc<dyn RemoteTopic> {
    let mut wants = request(setup.topic.name().as_str());
    wants.partitions = Some(3);
    let other = Connect::new(setup.server.url()).transport().await.expect("a connection");
    other.open(wants).await.expect("a topic of three")
}

/// Whether a group has a consumer for one partition only.
async fn is_narrow(setup: &Setup) -> bool {
    let stream = format!("memq-{}", setup.topic.name());
    let stream = raw(&setup.server).await.get_stream(stream).await.expect("the stream");
    let names = stream.consumer_names().try_collect::<Vec<_>>().await.expect("names");
    names.iter().any(|name| name.ends_with("=n0"))
}

#[tokio::test]
async fn partitions_that_are_said_later_are_heard() {
    each(1, |setup| async move {
        let setup = unsaid(setup, "late").await;
        let mut member = setup.join(&GroupRules::default(), 10).await;
        assert!(is_narrow(&setup).await);
        let say_and_publish = async {
            let setup = Setup { topic: three(&setup).await, ..setup };
            // Who waits is told by that, and need not wait for long.
            assert!(!is_narrow(&setup).await);
            setup.publish(&["", "", "", "a", "b", "c"]).await;
            setup
        };
        // It waits while they are said.
        let (first, setup) = tokio::join!(acked(&mut member), say_and_publish);
        let mut seen = vec![first];
        while seen.len() < 6 {
            seen.push(acked(&mut member).await);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..6).map(|offset| (offset, 1)).collect::<Vec<_>>());
        nothing(&mut member).await;
        assert_eq!(setup.lag().await, 0);
    })
    .await;
}

#[tokio::test]
async fn who_is_never_idle_hears_them_where_nobody_was_told() {
    each(1, |setup| async move {
        let setup = unsaid(setup, "late").await;
        let mut member = setup.join(&GroupRules::default(), 10).await;
        // Somebody says so, and goes away before members are told.
        let stream = raw(&setup.server).await.get_stream("memq-late").await.unwrap();
        let mut config = stream.cached_info().config.clone();
        let notes = config.description.take().unwrap();
        let more = notes.replace(r#""partitions":1"#, r#""partitions":3,"said":["partitions"]"#);
        assert_ne!(more, notes);
        config.description = Some(more);
        raw(&setup.server).await.update_stream(config).await.unwrap();

        let transport = Connect::new(setup.server.url()).transport().await.unwrap();
        let publisher = open(&transport, "late").await.publisher().await.unwrap();
        let to = |partition, key: Option<&str>| {
            let mut message = Outgoing::new(Record::new("x").with_key(key));
            message.partition = Some(Partition(partition));
            message
        };
        // One for each pull, so that none waits when time passes.
        submit(&publisher, [to(0, None), to(0, Some("a"))]).await.unwrap();
        let _two = [acked(&mut member).await, acked(&mut member).await];
        pass(Duration::from_secs(31)).await;
        submit(&publisher, [to(0, None), to(0, Some("a")), to(2, None)]).await.unwrap();
        // The consumer for all partitions begins where the group did, so that none is missed.
        let mut missing = vec![2, 3, 4];
        while !missing.is_empty() {
            let (offset, _) = acked(&mut member).await;
            missing.retain(|missed| *missed != offset);
        }
        assert!(!is_narrow(&setup).await);
        let groups = setup.topic.stats().await.unwrap().groups;
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].name, name("billing").as_str());
    })
    .await;
}

#[tokio::test]
async fn a_group_that_begins_while_they_are_said_is_of_all_of_them() {
    each(1, |setup| async move {
        let mut setup = setup;
        for number in 0..10 {
            let name = format!("late-{number}");
            setup = unsaid(setup, &name).await;
            let rules = GroupRules::default();
            let (mut member, _grown) = tokio::join!(setup.join(&rules, 10), three(&setup));
            assert!(!is_narrow(&setup).await);
            let grown = open(&setup.transport, &name).await;
            let publisher = grown.publisher().await.unwrap();
            let mut last = Outgoing::new(Record::new("x"));
            last.partition = Some(Partition(2));
            publish(&publisher, last).await.unwrap();
            assert_eq!(acked(&mut member).await, (0, 1));
        }
    })
    .await;
}

#[tokio::test]
async fn a_part_for_one_partition_that_was_left_goes() {
    each(1, |setup| async move {
        let setup = unsaid(setup, "late").await;
        let member = setup.join(&GroupRules::default(), 10).await;
        let stream = raw(&setup.server).await.get_stream("memq-late").await.unwrap();
        let names = stream.consumer_names().try_collect::<Vec<_>>().await.unwrap();
        let narrow = names.iter().find(|name| name.ends_with("=n0")).unwrap();
        let config = stream.consumer_info(narrow).await.unwrap().config;
        let wide = narrow.trim_end_matches('0');
        let setup = Setup { topic: three(&setup).await, ..setup };
        drop(setup.join(&GroupRules::default(), 10).await);
        stream.consumer_info(wide).await.unwrap();
        // Somebody who had not heard of them made it, and went away before it looked once more.
        let left = pull::Config {
            durable_name: config.durable_name,
            filter_subject: config.filter_subject,
            ..pull::Config::default()
        };
        stream.create_consumer(left).await.unwrap();
        assert!(is_narrow(&setup).await);
        let mut other = setup.join(&GroupRules::default(), 10).await;
        assert!(!is_narrow(&setup).await);
        drop(member);
        setup.publish(&["", "a"]).await;
        for _ in 0..2 {
            confirm(&take(&mut other).await, Settle::Ack).await.unwrap();
        }
        assert_eq!(setup.lag().await, 0);
    })
    .await;
}
