//! How groups begin, are compared, moved and end.

use std::time::Duration;

use futures_util::StreamExt as _;
use memq::spi::{Fault, GroupOrder, GroupRequest, GroupRules, OpenFault, ReadEnd, Settle};
use memq::spi::{SettleFault, TopicRequest};
use memq::{Offset, Start};
use memq_nats::Connect;

use crate::kit::{NOTHING, acked, any_order, confirm, each, name, nothing, settle, take, try_take};

#[tokio::test]
async fn a_group_is_never_changed_by_who_joins() {
    each(1, |setup| async move {
        let mut rules = any_order();
        rules.dead_letter = Some(name("dead"));
        rules.max_attempts = Some(3);
        let _member = setup.join(&rules, 1).await;
        let change: [fn(&mut GroupRules); 6] = [
            |rules| rules.ack_deadline = Duration::from_secs(7),
            |rules| rules.max_attempts = None,
            |rules| rules.max_in_flight = Some(1),
            |rules| rules.auto_ack = true,
            |rules| rules.dead_letter = None,
            |rules| rules.order = GroupOrder::ByKey,
        ];
        for change in change {
            let mut other = rules.clone();
            change(&mut other);
            match setup.try_join(&other, Start::Earliest, 1).await {
                Err(OpenFault::Rules(has)) => assert_eq!(*has, rules),
                other => panic!("{other:?}"),
            }
            assert_eq!(setup.topic.group_rules("billing").await.unwrap(), Some(rules.clone()));
        }
        assert_eq!(setup.topic.group_rules("shipping").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn what_the_server_cannot_do_is_refused_by_name() {
    each(1, |setup| async move {
        let mut rules = GroupRules::default();
        rules.max_in_flight = Some(2);
        let refused = setup.try_join(&rules, Start::Earliest, 1).await;
        assert!(
            matches!(refused, Err(OpenFault::Option { option: "group_max_in_flight", .. })),
            "{refused:?}"
        );
        assert_eq!(setup.topic.group_rules("billing").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_group_starts_where_it_is_told() {
    each(1, |setup| async move {
        setup.publish(&["", ""]).await;
        let at = {
            let mut member = setup.join(&any_order(), 10).await;
            let _first = take(&mut member).await;
            take(&mut member).await.message.at
        };
        let starts = [
            (Start::Committed, 0),
            (Start::Earliest, 0),
            (Start::Offset(Offset(1)), 1),
            (Start::Time(at), 1),
            (Start::Ago(Duration::from_secs(3_600)), 0),
            (Start::Ago(Duration::ZERO), 2),
            (Start::Latest, 2),
            (Start::Last(0), 2),
            (Start::Last(1), 1),
            (Start::Last(3), 0),
            (Start::Offset(Offset(2)), 2),
        ];
        setup.topic.delete_group("billing").await.unwrap();
        for (start, first) in starts {
            let stats = setup.try_join(&any_order(), start, 1).await.unwrap().stats().unwrap();
            assert_eq!((stats.position, stats.lag), (Offset(first), 2 - first), "{start:?}");
            assert!(setup.topic.delete_group("billing").await.unwrap());
        }
        let beyond = setup.try_join(&any_order(), Start::Offset(Offset(3)), 1).await;
        match beyond {
            Err(OpenFault::BeyondEnd { requested, end }) => {
                assert_eq!((requested, end), (Offset(3), Offset(2)));
            }
            other => panic!("{other:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_group_that_is_moved_takes_its_members_with_it() {
    each(2, |setup| async move {
        setup.publish(&["a", "", "a", ""]).await;
        let rules = GroupRules::default();
        let (mut one, mut other) = (setup.join(&rules, 10).await, setup.join(&rules, 10).await);
        let held = take(&mut one).await;
        assert_eq!(one.seek(Start::Offset(Offset(2))).await.unwrap(), Offset(2));
        assert!(matches!(settle(&held, Settle::Ack), Err(SettleFault::AlreadySettled)));
        let mut seen = vec![acked(&mut other).await, acked(&mut other).await];
        seen.sort_unstable();
        assert_eq!(seen, [(2, 1), (3, 1)]);
        assert_eq!(one.seek(Start::Last(9)).await.unwrap(), Offset(0));
        assert_eq!(one.seek(Start::Last(1)).await.unwrap(), Offset(3));
        assert_eq!(acked(&mut other).await, (3, 1));
        assert_eq!(one.seek(Start::Latest).await.unwrap(), Offset(4));
        setup.publish(&["a"]).await;
        assert_eq!(acked(&mut one).await, (4, 1));
        assert_eq!(setup.topic.group_rules("billing").await.unwrap(), Some(rules));
    })
    .await;
}

#[tokio::test]
async fn members_see_that_their_group_is_deleted() {
    each(1, |setup| async move {
        setup.publish(&["", "a"]).await;
        let rules = GroupRules::default();
        let mut member = setup.join(&rules, 10).await;
        let held = [take(&mut member).await, take(&mut member).await];
        let (ended, deleted) =
            tokio::join!(try_take(&mut member), setup.topic.delete_group("billing"));
        assert!(deleted.unwrap());
        assert!(matches!(ended, Err(ReadEnd::GroupDeleted)), "{ended:?}");
        assert!(matches!(settle(&held[0], Settle::Ack), Err(SettleFault::GroupDeleted)));
        assert!(member.stats().is_none());
        assert!(!setup.topic.delete_group("billing").await.unwrap());
        // A new one knows nothing of it, and its members are none of the old one's.
        let mut new = setup.join(&rules, 10).await;
        assert_eq!(take(&mut new).await.attempt, 1);
        assert!(matches!(try_take(&mut member).await, Err(ReadEnd::GroupDeleted)));
    })
    .await;
}

#[tokio::test]
async fn members_see_that_their_topic_is_deleted() {
    each(1, |setup| async move {
        let mut member = setup.join(&GroupRules::default(), 10).await;
        let deleted = setup.transport.delete(&name("orders"));
        let (ended, deleted) = tokio::join!(try_take(&mut member), deleted);
        assert!(deleted.unwrap());
        assert!(matches!(ended, Err(ReadEnd::Fault(Fault::Deleted))), "{ended:?}");
        let joined = setup.try_join(&GroupRules::default(), Start::Earliest, 1).await;
        assert!(matches!(joined, Err(OpenFault::Fault(Fault::Deleted))), "{joined:?}");
    })
    .await;
}

#[tokio::test]
async fn members_end_with_the_runtime_they_were_opened_in() {
    each(1, |setup| async move {
        let url = setup.server.url();
        let joining = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.unwrap();
            runtime.block_on(async {
                let transport = Connect::new(url).transport().await.unwrap();
                let topic = transport.open(TopicRequest::new(name("orders"))).await.unwrap();
                let rules = GroupRules::default();
                let request = GroupRequest::new("billing", rules, Start::Earliest, 10);
                topic.group(request).await.unwrap()
            })
        };
        let mut member = tokio::task::spawn_blocking(joining).await.unwrap();
        let ended = try_take(&mut member).await;
        assert!(matches!(ended, Err(ReadEnd::Closed)), "{ended:?}");
    })
    .await;
}

#[tokio::test]
async fn members_are_polled_anywhere() {
    each(1, |setup| async move {
        setup.publish(&["", "a"]).await;
        let mut member = setup.join(&GroupRules::default(), 10).await;
        let taking = move || {
            // It has no timers.
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let taken = runtime.block_on(async {
                let mut taken = [acked(&mut member).await, acked(&mut member).await];
                taken.sort_unstable();
                taken
            });
            // Nothing has to be told to who waited there.
            drop(runtime);
            (member, taken)
        };
        let (mut member, taken) = tokio::task::spawn_blocking(taking).await.unwrap();
        assert_eq!(taken, [(0, 1), (1, 1)]);
        setup.publish(&[""]).await;
        assert_eq!(acked(&mut member).await, (2, 1));
    })
    .await;
}

#[tokio::test]
async fn a_closed_topic_ends_once_everything_is_settled() {
    each(1, |setup| async move {
        setup.publish(&["", "a"]).await;
        let mut member = setup.join(&GroupRules::default(), 10).await;
        setup.topic.close().await.unwrap();
        let (one, other) = (take(&mut member).await, take(&mut member).await);
        settle(&one, Settle::Return).unwrap();
        assert_eq!(acked(&mut member).await.1, 2);
        nothing(&mut member).await;
        settle(&other, Settle::Ack).unwrap();
        let ended = try_take(&mut member).await;
        assert!(matches!(ended, Err(ReadEnd::Closed)), "{ended:?}");
    })
    .await;
}

#[tokio::test]
async fn a_member_says_what_it_holds() {
    each(1, |setup| async move {
        setup.publish(&["", "", ""]).await;
        let mut member = setup.join(&any_order(), 2).await;
        let held = take(&mut member).await;
        let stats = member.stats().unwrap();
        assert_eq!((stats.name.as_str(), stats.any_order), ("billing", true));
        let [own] = &stats.members[..] else { panic!("{stats:?}") };
        assert_eq!((own.id, own.max_in_flight), (member.member(), 2));
        assert_eq!(own.held, [held.message.offset]);
        let all = setup.topic.stats().await.unwrap();
        let group = all.group("billing").unwrap();
        assert_eq!((group.lag, group.in_flight, group.delivered), (3, 1, 1));
        assert_eq!((group.committed, group.position), (Offset(0), Offset(1)));
        confirm(&held, Settle::Ack).await.unwrap();
        let all = setup.topic.stats().await.unwrap();
        let group = all.group("billing").unwrap();
        assert_eq!((group.lag, group.settled, group.committed), (2, 1, Offset(1)));
        assert_eq!(group.since_start, group.settled + group.lag);
    })
    .await;
}

#[tokio::test]
async fn one_that_retires_keeps_what_it_holds_and_takes_no_more() {
    each(1, |setup| async move {
        setup.publish(&["", ""]).await;
        let (mut one, mut other) =
            (setup.join(&any_order(), 10).await, setup.join(&any_order(), 10).await);
        let held = take(&mut one).await;
        one.retire();
        assert_eq!(acked(&mut other).await, (1, 1));
        confirm(&held, Settle::Ack).await.unwrap();
        assert_eq!(setup.lag().await, 0);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_sent_for_a_name_that_no_group_can_have() {
    each(1, |setup| async move {
        let client = async_nats::connect(setup.server.url()).await.unwrap();
        let mut heard = client.subscribe("foreign").await.unwrap();
        client.flush().await.unwrap();
        for name in
            ["x 0\r\n\r\nPUB foreign 1\r\nx\r\nPUB y", "a b", "a.b", "a\tb", "a\n", "*", ">", ""]
        {
            let deleted = setup.topic.delete_group(name).await;
            assert!(matches!(deleted, Ok(false)), "{name:?} {deleted:?}");
            let rules = setup.topic.group_rules(name).await;
            assert!(matches!(rules, Ok(None)), "{name:?} {rules:?}");
            let request = GroupRequest::new(name, GroupRules::default(), Start::Earliest, 10);
            let joined = setup.topic.group(request).await;
            let refused = matches!(&joined, Err(OpenFault::Option { option: "group", .. }));
            assert!(refused, "{name:?} {joined:?}");
        }
        let heard = tokio::time::timeout(NOTHING, heard.next()).await;
        assert!(heard.is_err(), "{heard:?}");
    })
    .await;
}
