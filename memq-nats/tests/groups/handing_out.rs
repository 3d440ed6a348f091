//! Who is handed what, how often and when.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt as _;
use memq::spi::{GroupRules, Settle, SettleFault};
use tokio::time::timeout;

use crate::kit::{NOTHING, acked, any_order, confirm, each, nothing, place, settle, take};
use crate::support::pass;

#[tokio::test]
async fn a_message_comes_back_with_one_more_attempt() {
    for key in ["", "a"] {
        each(1, |setup| async move {
            setup.publish(&[key]).await;
            let mut member = setup.join(&GroupRules::default(), 10).await;
            let first = take(&mut member).await;
            assert_eq!(first.attempt, 1);
            settle(&first, Settle::Return).unwrap();
            let second = take(&mut member).await;
            assert_eq!(second.attempt, 2);
            assert!(matches!(settle(&first, Settle::Ack), Err(SettleFault::AlreadySettled)));
            confirm(&second, Settle::Delay(Duration::from_millis(50))).await.unwrap();
            let third = take(&mut member).await;
            assert_eq!(third.attempt, 3);
            assert_eq!(setup.lag().await, 1);
            confirm(&third, Settle::Ack).await.unwrap();
            assert_eq!(setup.lag().await, 0);
        })
        .await;
    }
}

#[tokio::test]
async fn what_is_given_up_never_comes_back() {
    each(1, |setup| async move {
        setup.publish(&["a", "a"]).await;
        let mut member = setup.join(&GroupRules::default(), 10).await;
        let first = take(&mut member).await;
        confirm(&first, Settle::Forget).await.unwrap();
        let again = confirm(&first, Settle::Ack).await;
        assert!(matches!(again, Err(SettleFault::AlreadySettled)));
        assert_eq!(acked(&mut member).await, (1, 1));
    })
    .await;
}

#[tokio::test]
async fn keys_take_turns_through_failures_and_members() {
    each(3, |setup| async move {
        setup.publish(&["a", "a", "a", ""]).await;
        let rules = GroupRules::default();
        let (mut one, mut other) = (setup.join(&rules, 10).await, setup.join(&rules, 10).await);
        let mut first = take(&mut one).await;
        while first.message.offset.0 == 3 {
            settle(&first, Settle::Ack).unwrap();
            first = take(&mut one).await;
        }
        assert_eq!(place(&first), (0, 1));
        settle(&first, Settle::Delay(Duration::from_millis(100))).unwrap();
        let mut seen = Vec::new();
        while seen.len() < 3 {
            let handed = tokio::select! {
                handed = take(&mut one) => handed,
                handed = take(&mut other) => handed,
            };
            if handed.message.offset.0 < 3 {
                seen.push(place(&handed));
            }
            settle(&handed, Settle::Ack).unwrap();
        }
        assert_eq!(seen, [(0, 2), (1, 1), (2, 1)]);
    })
    .await;
}

#[tokio::test]
async fn keys_of_other_partitions_go_on() {
    each(16, |setup| async move {
        setup.publish(&["a", "b", "c", "d", "e", "f", "g", "h"]).await;
        let mut member = setup.join(&GroupRules::default(), 10).await;
        let (one, other) = (take(&mut member).await, take(&mut member).await);
        assert_ne!(one.message.partition, other.message.partition);
    })
    .await;
}

#[tokio::test]
async fn what_a_member_had_goes_back_when_it_is_dropped() {
    each(1, |setup| async move {
        setup.publish(&["", "", ""]).await;
        let (mut one, mut other) =
            (setup.join(&any_order(), 10).await, setup.join(&any_order(), 10).await);
        let mut into = Vec::new();
        // All are on their way to this one, and some are handed out.
        poll_fn(|cx| one.poll_next(3, &mut into, cx)).await.unwrap();
        drop(one);
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(acked(&mut other).await.0);
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2]);
        let stale = settle(&into[0], Settle::Ack);
        assert!(matches!(stale, Err(SettleFault::HandedOutAgain)));
    })
    .await;
}

#[tokio::test]
async fn what_a_member_did_not_take_goes_to_the_others() {
    each(1, |setup| async move {
        setup.publish(&["", "", "", ""]).await;
        let (mut one, mut other) =
            (setup.join(&any_order(), 10).await, setup.join(&any_order(), 10).await);
        // Each takes one, and holds it; neither has what the other is to have.
        let mut seen = Vec::new();
        for _ in 0..2 {
            for member in [&mut one, &mut other] {
                seen.push(take(member).await);
            }
        }
        let mut seen: Vec<_> = seen.iter().map(place).collect();
        seen.sort_unstable();
        assert_eq!(seen, [(0, 1), (1, 1), (2, 1), (3, 1)]);
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_extended_stays_and_then_comes_back() {
    each(1, |setup| async move {
        setup.publish(&[""]).await;
        let mut rules = GroupRules::default();
        rules.ack_deadline = Duration::from_secs(2);
        let (mut one, mut other) = (setup.join(&rules, 1).await, setup.join(&rules, 1).await);
        let first = take(&mut one).await;
        for _ in 0..9 {
            first.token.as_ref().unwrap().extend(rules.ack_deadline).unwrap();
            nothing(&mut other).await;
        }
        assert_eq!(place(&take(&mut other).await), (0, 2));
    })
    .await;
}

#[tokio::test]
async fn members_and_groups_hold_what_they_may() {
    each(1, |setup| async move {
        setup.publish(&[""; 5]).await;
        let mut rules = any_order();
        rules.max_in_flight = Some(3);
        let (mut one, mut other) = (setup.join(&rules, 2).await, setup.join(&rules, 10).await);
        let held = [take(&mut one).await, take(&mut one).await];
        nothing(&mut one).await;
        let _third = take(&mut other).await;
        nothing(&mut other).await;
        confirm(&held[0], Settle::Ack).await.unwrap();
        assert_eq!(place(&take(&mut other).await), (3, 1));
        confirm(&held[1], Settle::Ack).await.unwrap();
        assert_eq!(acked(&mut one).await, (4, 1));
    })
    .await;
}

#[tokio::test]
async fn a_group_that_settles_as_it_hands_out_has_nothing_to_settle() {
    each(1, |setup| async move {
        setup.publish(&["a", "a", ""]).await;
        let mut rules = GroupRules::default();
        rules.auto_ack = true;
        let mut member = setup.join(&rules, 1).await;
        for offset in 0..3 {
            let handed = take(&mut member).await;
            assert_eq!((place(&handed), handed.token.is_none()), ((offset, 1), true));
        }
        while setup.lag().await > 0 {}
    })
    .await;
}

#[tokio::test]
async fn what_is_not_handed_out_yet_is_kept_from_the_others() {
    each(1, |setup| async move {
        let mut rules = any_order();
        rules.ack_deadline = Duration::from_secs(1);
        let mut one = setup.join(&rules, 10).await;
        for first in [0, 5] {
            setup.publish(&[""; 5]).await;
            // All are wanted, and one is taken when they are there.
            let mut into = Vec::new();
            let wants = poll_fn(|cx| Poll::Ready(one.poll_next(5, &mut into, cx))).await;
            assert!(wants.is_pending());
            assert_eq!(acked(&mut one).await, (first, 1));
            if first > 0 {
                let mut other = setup.join(&rules, 10).await;
                let taken = timeout(rules.ack_deadline * 2, take(&mut other)).await;
                assert!(taken.is_err(), "{taken:?}");
            }
            for offset in first + 1..first + 5 {
                assert_eq!(acked(&mut one).await, (offset, 1));
            }
            // Nothing is there to be kept for a while.
            pass(rules.ack_deadline / 2).await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_lay_here_for_a_while_is_handed_out_with_its_deadline_begun_anew() {
    each(1, |setup| async move {
        let client = async_nats::connect(setup.server.url()).await.unwrap();
        let mut heard = client.subscribe("$JS.ACK.>").await.unwrap();
        client.flush().await.unwrap();
        setup.publish(&[""; 2]).await;
        let mut rules = any_order();
        rules.ack_deadline = Duration::from_secs(120);
        let mut member = setup.join_ahead(&rules, 1).await;
        let first = take(&mut member).await;
        while setup.stats().await.in_flight < 2 {}
        // What has come is looked at by then, while the server answers.
        for _ in 0..3 {
            pass(Duration::from_secs(1)).await;
            setup.stats().await;
        }
        // So short that it is not kept meanwhile.
        pass(rules.ack_deadline / 8).await;
        let second = take(&mut member).await;
        let told = heard.next().await.unwrap();
        assert_eq!(told.payload, "+WPI");
        for delivery in [first, second] {
            settle(&delivery, Settle::Ack).unwrap();
            assert_eq!(heard.next().await.unwrap().payload, "+ACK");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_fetched_ahead_as_was_said_is_kept_from_the_others_until_the_member_leaves() {
    each(1, |setup| async move {
        setup.publish(&[""; 10]).await;
        let mut rules = GroupRules::default();
        rules.max_attempts = Some(5);
        let mut one = setup.join_ahead(&rules, 4).await;
        let first = take(&mut one).await;
        while setup.stats().await.in_flight < 5 {}
        let mut other = setup.join(&rules, 10).await;
        for offset in 5..10 {
            assert_eq!(acked(&mut other).await, (offset, 1));
        }
        confirm(&first, Settle::Ack).await.unwrap();
        assert_eq!(acked(&mut one).await, (1, 1));
        drop(one);
        for offset in 2..5 {
            assert_eq!(acked(&mut other).await, (offset, 2));
        }
        nothing(&mut other).await;
    })
    .await;
}

#[tokio::test]
async fn who_fetches_nothing_ahead_has_no_more_than_it_takes() {
    each(1, |setup| async move {
        setup.publish(&[""; 40]).await;
        // It would have two for each of these.
        let mut one = setup.join_ahead(&GroupRules::default(), 0).await;
        let _first = take(&mut one).await;
        let mut other = setup.join(&GroupRules::default(), 10).await;
        assert_eq!(acked(&mut other).await, (1, 1));
    })
    .await;
}

#[tokio::test]
async fn what_arrives_while_nobody_looks_is_kept_from_the_others() {
    each(1, |setup| async move {
        let mut rules = any_order();
        rules.ack_deadline = Duration::from_secs(1);
        let mut one = setup.join(&rules, 10).await;
        let mut into = Vec::new();
        let wants = poll_fn(|cx| Poll::Ready(one.poll_next(5, &mut into, cx))).await;
        assert!(wants.is_pending());
        // Until it waits at the server.
        nothing(&mut one).await;
        setup.publish(&[""; 1]).await;
        let mut other = setup.join(&rules, 10).await;
        let taken = timeout(rules.ack_deadline * 2, take(&mut other)).await;
        assert!(taken.is_err(), "{taken:?}");
        assert_eq!(acked(&mut one).await, (0, 1));
    })
    .await;
}

#[tokio::test]
async fn who_asks_for_many_is_handed_what_others_left_and_then_what_comes() {
    each(1, |setup| async move {
        let rules = any_order();
        let (mut one, mut other) = (setup.join(&rules, 20).await, setup.join(&rules, 20).await);
        let mut into = Vec::new();
        setup.publish(&[""; 6]).await;
        // It is told that three more are there, asks for more than that, and one is taken meanwhile.
        poll_fn(|cx| one.poll_next(3, &mut into, cx)).await.unwrap();
        assert_eq!(acked(&mut other).await, (3, 1));
        while into.len() < 5 {
            poll_fn(|cx| one.poll_next(10, &mut into, cx)).await.unwrap();
        }
        setup.publish(&[""; 4]).await;
        // It is told that two more are there, and they are not any more when it asks.
        poll_fn(|cx| one.poll_next(2, &mut into, cx)).await.unwrap();
        assert_eq!(acked(&mut other).await, (8, 1));
        assert_eq!(acked(&mut other).await, (9, 1));
        let asks = timeout(NOTHING, poll_fn(|cx| one.poll_next(10, &mut into, cx))).await;
        assert!(asks.is_err(), "{asks:?}");
        setup.publish(&[""]).await;
        poll_fn(|cx| one.poll_next(10, &mut into, cx)).await.unwrap();
        let seen: Vec<_> = into.iter().map(place).collect();
        assert_eq!(seen, [0, 1, 2, 4, 5, 6, 7, 10].map(|offset| (offset, 1)));
    })
    .await;
}

#[tokio::test]
async fn what_is_handed_out_again_to_the_same_member_is_not_settled_by_what_was_before() {
    each(1, |setup| async move {
        let mut rules = GroupRules::default();
        rules.ack_deadline = Duration::from_secs(1);
        let mut member = setup.join(&rules, 10).await;
        setup.publish(&[""]).await;
        let [one, two, three] =
            [take(&mut member).await, take(&mut member).await, take(&mut member).await];
        assert_eq!([place(&one), place(&two), place(&three)], [(0, 1), (0, 2), (0, 3)]);
        let extended = one.token.as_ref().unwrap().extend(Duration::ZERO);
        assert!(matches!(extended, Err(SettleFault::HandedOutAgain)));
        let again = [settle(&one, Settle::Ack), confirm(&two, Settle::Forget).await];
        assert!(again.iter().all(|fault| matches!(fault, Err(SettleFault::HandedOutAgain))));
        confirm(&three, Settle::Ack).await.unwrap();
        assert!(matches!(settle(&three, Settle::Ack), Err(SettleFault::AlreadySettled)));
        assert_eq!(setup.lag().await, 0);
    })
    .await;
}
