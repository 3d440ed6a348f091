//! What a member leaves to the others: it is sent no more than it waits for, and nothing once it does not
//! wait.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use memq::spi::{GroupRules, RemoteGroup, Settle};

use crate::kit::{Setup, acked, any_order, confirm, each, nothing, place, settle, take};
use crate::support::raw;

/// Keys of eight partitions.
const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// Pulls of members that wait at the server.
async fn pulls(setup: &Setup) -> usize {
    let stream = raw(&setup.server).await.get_stream("memq-orders").await.expect("the stream");
    let names = stream.consumer_names().try_collect::<Vec<_>>().await.expect("names");
    let mut waiting = 0;
    // The group itself hands out nothing.
    for name in names.into_iter().filter(|name| name != "billing") {
        waiting += stream.consumer_info(name).await.expect("a consumer").num_waiting;
    }
    waiting
}

/// Waits until there are so many.
async fn waiting(setup: &Setup, all: usize) {
    while pulls(setup).await != all {}
}

/// Takes so many messages, which nobody had before.
async fn take_new(member: &mut Box<dyn RemoteGroup>, messages: usize) {
    for _ in 0..messages {
        let handed = take(member).await;
        assert_eq!(handed.attempt, 1, "{handed:?}");
        settle(&handed, Settle::Ack).expect("a delivery");
    }
}

/// A `recv` that is given up while nothing is there.
async fn gives_up(member: &mut Box<dyn RemoteGroup>) {
    let mut into = Vec::new();
    let polled = poll_fn(|cx| Poll::Ready(member.poll_next(1, &mut into, cx))).await;
    assert!(polled.is_pending());
    member.stop_waiting();
}

#[tokio::test]
async fn a_member_that_waits_for_one_leaves_the_other_partitions_to_the_others() {
    each(8, |setup| async move {
        setup.publish(&KEYS).await;
        setup.publish(&["", "a"]).await;
        let rules = GroupRules::default();
        let mut one = setup.join(&rules, 1).await;
        let first = take(&mut one).await;
        assert_eq!(setup.stats().await.in_flight, 1);
        let mut other = setup.join(&rules, 10).await;
        // All but what comes after it in its partition, if it has a key.
        let rest = if place(&first).0 == 0 { 8 } else { 9 };
        take_new(&mut other, rest).await;
        confirm(&first, Settle::Ack).await.unwrap();
        take_new(&mut other, 9 - rest).await;
        assert_eq!(setup.lag().await, 0);
    })
    .await;
}

#[tokio::test]
async fn members_that_take_one_and_go_count_no_attempts_of_what_they_leave() {
    each(8, |setup| async move {
        setup.publish(&KEYS).await;
        let rules = GroupRules::default();
        for _ in 0..3 {
            let mut member = setup.join(&rules, 10).await;
            let handed = take(&mut member).await;
            assert_eq!(handed.attempt, 1);
            confirm(&handed, Settle::Ack).await.unwrap();
        }
        take_new(&mut setup.join(&rules, 10).await, 5).await;
    })
    .await;
}

#[tokio::test]
async fn what_comes_while_a_member_works_is_for_the_others() {
    each(8, |setup| async move {
        let rules = GroupRules::default();
        let mut one = setup.join(&rules, 10).await;
        let (first, ()) = tokio::join!(take(&mut one), async {
            // At each partition, and for what has no key.
            waiting(&setup, 9).await;
            setup.publish(&["a"]).await;
        });
        waiting(&setup, 0).await;
        setup.publish(&KEYS[1..]).await;
        confirm(&first, Settle::Ack).await.unwrap();
        // It takes one of what came meanwhile, and leaves the rest to the others.
        let second = take(&mut one).await;
        assert_eq!((second.attempt, setup.stats().await.in_flight), (1, 1));
        take_new(&mut setup.join(&rules, 10).await, 6).await;
        // Until that one is gone.
        waiting(&setup, 0).await;
        settle(&second, Settle::Ack).unwrap();
        // And it waits again.
        setup.publish(&["h", ""]).await;
        take_new(&mut one, 2).await;
    })
    .await;
}

#[tokio::test]
async fn what_comes_after_somebody_gave_up_is_for_the_others() {
    for rules in [GroupRules::default(), any_order()] {
        each(3, |setup| {
            let rules = rules.clone();
            async move {
                let mut one = setup.join(&rules, 10).await;
                nothing(&mut one).await;
                gives_up(&mut one).await;
                waiting(&setup, 0).await;
                setup.publish(&["", "a", "b"]).await;
                take_new(&mut setup.join(&rules, 10).await, 3).await;
                // Until that one is gone.
                waiting(&setup, 0).await;
                setup.publish(&["", "a", "b"]).await;
                take_new(&mut one, 3).await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn what_comes_to_who_has_just_given_up_and_never_comes_again_goes_back() {
    each(1, |setup| async move {
        let mut rules = any_order();
        rules.ack_deadline = Duration::from_secs(1);
        let mut one = setup.join(&rules, 10).await;
        nothing(&mut one).await;
        waiting(&setup, 1).await;
        gives_up(&mut one).await;
        setup.publish(&[""]).await;
        assert_eq!(acked(&mut setup.join(&rules, 10).await).await, (0, 2));
    })
    .await;
}

#[tokio::test]
async fn a_partition_that_is_held_up_holds_up_no_other() {
    each(8, |setup| async move {
        let rules = GroupRules::default();
        // Each partition but one has a message that somebody holds, and one behind it.
        setup.publish(&[&KEYS[1..], &KEYS[1..]].concat()).await;
        let mut one = setup.join(&rules, 10).await;
        let mut held = Vec::new();
        for _ in 1..8 {
            held.push(take(&mut one).await);
        }
        waiting(&setup, 0).await;
        setup.publish(&["a"]).await;
        let mut other = setup.join(&rules, 10).await;
        assert_eq!(acked(&mut other).await, (14, 1));
        // What is settled later comes to who waits.
        let waits = async {
            let mut seen = Vec::new();
            for _ in 1..8 {
                seen.push(acked(&mut other).await);
            }
            seen.sort_unstable();
            assert_eq!(seen, (7..14).map(|offset| (offset, 1)).collect::<Vec<_>>());
        };
        let settles = async {
            for held in &held {
                assert!(place(held).0 < 7);
                confirm(held, Settle::Ack).await.unwrap();
            }
        };
        tokio::join!(waits, settles);
        assert_eq!(setup.lag().await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_member_whose_pulls_end_together_looks_for_all_of_them_at_once() {
    each(8, |setup| async move {
        let mut one = setup.join(&GroupRules::default(), 10).await;
        let ends = async {
            waiting(&setup, 9).await;
            let client = raw(&setup.server).await.client();
            let register = "$JS.API.CONSUMER.INFO.memq-orders.billing";
            let mut reads = client.subscribe(register).await.unwrap();
            client.flush().await.unwrap();
            let stream = raw(&setup.server).await.get_stream("memq-orders").await.unwrap();
            let names = stream.consumer_names().try_collect::<Vec<_>>().await.unwrap();
            for name in names.iter().filter(|name| *name != "billing") {
                stream.delete_consumer(name).await.unwrap();
            }
            waiting(&setup, 9).await;
            client.flush().await.unwrap();
            let mut seen = 0;
            while reads.next().now_or_never().is_some() {
                seen += 1;
            }
            // Two for a look. Nine pulls would look nine times.
            assert!((2..=10).contains(&seen), "{seen}");
            setup.publish(&["a"]).await;
        };
        tokio::join!(take_new(&mut one, 1), ends);
    })
    .await;
}
