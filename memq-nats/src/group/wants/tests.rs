use super::*;

/// A group whose messages have so many attempts, if they count.
fn rules(max_attempts: Option<u32>) -> GroupRules {
    let mut rules = GroupRules::default();
    rules.max_attempts = max_attempts;
    rules
}

/// The same, in any order, so that there is one consumer.
fn any_order(rules: &GroupRules) -> GroupRules {
    let mut rules = rules.clone();
    rules.order = memq::spi::GroupOrder::Any;
    rules
}

fn asked(batch: usize, waits: bool) -> Asked {
    Asked { batch, waits }
}

const NOTHING: Asked = Asked { batch: 0, waits: false };

/// A member that wants so many of a group with one consumer.
fn wanting(messages: usize) -> Wants {
    let mut wants = Wants::new(&any_order(&rules(None)));
    assert!(wants.want(messages, 1_000).is_none(), "its lane has not come yet");
    wants
}

#[test]
fn who_asks_for_many_and_then_waits_for_the_first_is_brought_many() {
    let mut wants = wanting(256);
    let _ = wants.want(1, 1_000);
    assert_eq!(wants.next(0, 1_000).0.batch, 256);
    // It has some: what it asks for from then on counts alone.
    let _ = wants.satisfied(Ahead::new(None, &rules(None)), 0, 1_000);
    let _ = wants.want(1, 1_000);
    assert_eq!(wants.next(0, 1_000).0.batch, 1);
}

#[test]
fn a_pull_waits_unless_many_are_asked_for_and_some_are_there() {
    let mut wants = wanting(256);
    assert_eq!(wants.next(0, 1_000).0, asked(256, true));
    wants.pending = 10;
    assert_eq!(wants.next(0, 1_000).0, asked(256, false));
    assert_eq!(wants.next(0, 100).0, asked(100, false));
    assert_eq!(wants.next(0, 1).0, asked(1, true));
    assert_eq!(wants.next(0, 0).0.batch, 0);
    // Where the group may be full only one that waits is answered.
    wants.limited = true;
    assert_eq!(wants.next(0, 1_000).0, asked(256, true));
}

/// What a member fetches ahead that has some, in a group where more are pending, and has this many left that
/// it was not handed.
fn fetched(said: Option<usize>, rules: &GroupRules, pending: u64, ready: usize) -> Wants {
    let mut wants = Wants::new(&any_order(rules));
    wants.pending = pending;
    assert_eq!(wants.next(0, usize::MAX).0, NOTHING);
    let rings = wants.satisfied(Ahead::new(said, rules), ready, usize::MAX);
    assert_eq!(rings.lanes().count(), usize::from(wants.ahead > 0));
    wants
}

#[test]
fn as_much_is_fetched_ahead_as_was_said_or_else_a_part_where_attempts_do_not_count() {
    let asked = |said, rules: &GroupRules, pending, room| {
        let asked = fetched(said, rules, pending, 0).next(0, room).0;
        // Nobody waits for it.
        assert!(!asked.waits);
        asked.batch
    };
    let counted = rules(Some(5));
    assert_eq!(asked(Some(256), &counted, 1_000, 1_000), 256);
    assert_eq!(asked(Some(256), &counted, 3, 1_000), 3);
    assert_eq!(asked(Some(256), &counted, 1_000, 10), 10);
    assert_eq!(asked(Some(usize::MAX), &counted, u64::MAX, usize::MAX), PULL);
    assert_eq!(asked(None, &counted, 1_000, 1_000), 0);
    let free = rules(None);
    assert_eq!(asked(None, &free, 160, 1_000), 10);
    assert_eq!(asked(None, &free, 10_000, 1_000), 64);
    assert_eq!(asked(Some(0), &free, 10_000, 1_000), 0);
    // What one has would be of what the others may hold.
    for mut limited in [free, counted] {
        limited.max_in_flight = Some(4);
        assert_eq!(asked(None, &limited, 10_000, 1_000), 0);
        assert_eq!(asked(Some(256), &limited, 10_000, 1_000), 0);
    }
}

#[test]
fn more_is_fetched_ahead_once_half_of_it_is_left() {
    for (ready, batch) in [(10, 0), (5, 0), (4, 6), (1, 9)] {
        let mut wants = fetched(Some(10), &rules(Some(5)), 100, ready);
        assert_eq!(wants.next(0, 1_000).0.batch, batch, "{ready}");
    }
}

#[test]
fn who_was_told_that_nothing_is_there_asks_no_more_until_somebody_waits() {
    let mut wants = fetched(Some(10), &rules(Some(5)), 100, 0);
    assert!(wants.over(0, Found::None, 1_000).is_none());
    assert_eq!(wants.next(0, 1_000).0, NOTHING);
    assert_eq!(wants.want(1, 1_000).lanes().collect::<Vec<_>>(), [0]);
    assert_eq!(wants.next(0, 1_000).0, asked(1, true));
}

/// A group by key with three consumers, whose lanes all rest.
fn by_key() -> Wants {
    let mut wants = Wants::new(&rules(Some(5)));
    assert_eq!(wants.grow(3), 1);
    for lane in 0..3 {
        assert_eq!(wants.next(lane, 9), (NOTHING, Rings::default()));
    }
    wants
}

fn rung(rings: Rings) -> Vec<usize> {
    rings.lanes().collect()
}

#[test]
fn consumers_that_may_have_some_are_asked_in_turn_for_no_more_than_is_wanted() {
    let mut wants = by_key();
    for lane in [0, 1, 2, 0, 1] {
        assert_eq!(rung(wants.want(1, 9)), [lane]);
        assert_eq!(wants.next(lane, 9), (asked(1, true), Rings::default()));
        // The others rest, though they come.
        assert_eq!(wants.next((lane + 1) % 3, 9), (NOTHING, Rings::default()));
        wants.came(lane, 1, 7);
        assert!(wants.over(lane, Found::Some, 9).is_none());
        assert_eq!(wants.next(lane, 9).0, NOTHING);
        assert!(wants.settled(lane, 9).is_none());
    }
    // Many are asked of several, of which those with a key send one each.
    assert_eq!(rung(wants.want(6, 9)), [0, 2]);
    assert_eq!([0, 2].map(|lane| wants.next(lane, 9).0), [asked(5, false), asked(1, true)]);
    assert_eq!(rung(wants.want(7, 9)), [1]);
}

#[test]
fn no_more_is_asked_for_than_there_is_room_for() {
    let mut wants = by_key();
    assert!(wants.want(6, 0).is_none());
    assert_eq!(rung(wants.call(2)), [0]);
    assert_eq!(wants.next(0, 2).0, asked(2, true));
    // What is rung and comes too late rests.
    assert_eq!(wants.next(0, 0).0, NOTHING);
}

#[test]
fn those_that_have_none_are_waited_at_together() {
    let mut wants = by_key();
    let _ = wants.want(1, 9);
    for lane in [0, 1] {
        assert_eq!(wants.next(lane, 9).0, asked(1, true));
        assert_eq!(rung(wants.pass_on(lane, 9)), [lane + 1], "it is the next one's turn");
        // And is asked again once its pull ends.
        let _ = wants.over(lane, Found::None, 9);
        assert_eq!(wants.next(lane, 9), (asked(1, true), Rings::default()));
        assert!(wants.pass_on(lane, 9).is_none(), "its turn is over");
    }
    assert_eq!(wants.next(2, 9).0, asked(1, true));
    // One that is at work meanwhile is not waited for, but by pulls that wait already.
    wants.came(2, 1, 0);
    let _ = wants.over(2, Found::Some, 9);
    let _ = wants.over(0, Found::None, 9);
    assert_eq!([0, 2].map(|lane| wants.next(lane, 9).0), [NOTHING, NOTHING]);
    assert_eq!(rung(wants.want(1, 9)), [0, 2]);
    assert_eq!([0, 2].map(|lane| wants.next(lane, 9).0), [asked(1, true), asked(1, true)]);
    // What came meanwhile to one where nobody waited is not known. Of the other the member has one.
    assert!(wants.counts(0) && !wants.counts(2));
}

#[test]
fn the_more_had_none_the_more_are_asked_at_once() {
    let mut wants = Wants::new(&rules(None));
    wants.grow(16);
    (0..16).for_each(|lane| assert_eq!(wants.next(lane, 9), (NOTHING, Rings::default())));
    let mut rings = wants.want(1, 9);
    let mut seen = Vec::new();
    while !rings.is_none() {
        seen.push(rings.lanes().count());
        let asked = std::mem::take(&mut rings);
        for lane in asked.lanes() {
            assert!(wants.next(lane, 9).0.waits);
            rings = Rings(rings.0 | wants.pass_on(lane, 9).0);
        }
    }
    assert_eq!(seen, [1, 1, 1, 1, 2, 2, 3, 3, 2]);
    // Another time it begins anew.
    wants.came(3, 1, 5);
    (0..16).for_each(|lane| assert!(wants.over(lane, Found::Unknown, 9).is_none()));
    (0..16).for_each(|lane| assert_eq!(wants.next(lane, 9).0, NOTHING));
    assert_eq!(wants.want(1, 9).lanes().count(), 2, "and at the one whose message it has it waits");
}

#[test]
fn a_consumer_that_sends_one_at_a_time_is_waited_at_until_that_is_settled() {
    let mut wants = by_key();
    wants.came(1, 1, 7);
    assert_eq!(rung(wants.want(3, 9)), [0, 1]);
    assert_eq!([0, 1].map(|lane| wants.next(lane, 9).0), [asked(3, true), asked(1, true)]);
    let _ = wants.over(1, Found::Unknown, 9);
    let _ = wants.over(0, Found::None, 9);
    assert!(wants.settled(1, 9).is_none(), "it is about to come");
    assert_eq!(wants.next(1, 9).0, asked(1, true));
    assert_eq!(wants.lanes[1].doing, Doing::Takes(1), "and its turn has come");
}

#[test]
fn who_does_not_say_what_it_has_holds_up_nobody() {
    let mut wants = by_key();
    assert_eq!(rung(wants.want(1, 9)), [0]);
    assert_eq!(rung(wants.pass_on(0, 9)), [1]);
    assert_eq!(rung(wants.pass_on(1, 9)), [2]);
    assert!(wants.pass_on(2, 9).is_none());
}

#[test]
fn who_gave_up_is_asked_for_once_and_no_more() {
    for mut wants in [by_key(), fetched(None, &rules(Some(5)), 0, 0)] {
        assert_eq!(rung(wants.want(1, 9)), [0]);
        wants.give_up();
        assert_eq!(wants.next(0, 9), (asked(1, true), Rings::default()));
        assert!(wants.pass_on(0, 9).is_none());
        assert!(wants.over(0, Found::None, 9).is_none());
        assert_eq!(wants.next(0, 9), (NOTHING, Rings::default()));
        assert!(!wants.want(1, 9).is_none());
    }
}

#[test]
fn who_takes_what_came_after_all_has_not_given_up() {
    let mut wants = by_key();
    let _ = wants.want(1, 9);
    wants.give_up();
    wants.came(0, 1, 0);
    assert!(wants.is_given_up(), "it may never be taken");
    let _ = wants.satisfied(Ahead::new(None, &rules(Some(5))), 0, 9);
    assert!(!wants.is_given_up());
}

#[test]
fn a_consumer_whose_message_went_back_is_asked_in_turn_again() {
    let mut wants = by_key();
    wants.came(2, 1, 0);
    let _ = wants.over(2, Found::Unknown, 9);
    assert_eq!(wants.next(2, 9).0, NOTHING);
    wants.let_go(2);
    assert_eq!(rung(wants.want(3, 9)), [0]);
    let _ = wants.pass_on(0, 9);
    assert!(wants.counts(1) && wants.counts(2));
}

#[test]
fn what_is_fetched_ahead_comes_from_all_consumers() {
    let mut wants = by_key();
    wants.pending = 100;
    let rings = wants.satisfied(Ahead::new(Some(4), &rules(None)), 0, 9);
    assert_eq!(rung(rings), [0]);
    assert_eq!(wants.next(0, 9).0, asked(4, false));
    wants.came(0, 4, 96);
    let _ = wants.over(0, Found::Some, 9);
    let _ = wants.next(0, 9);
    let rings = wants.satisfied(Ahead::new(Some(4), &rules(None)), 0, 9);
    assert_eq!(rung(rings), [0, 1, 2]);
    assert_eq!([0, 1, 2].map(|lane| wants.next(lane, 9).0.batch), [2, 1, 1]);
    // What one of them does not have another one may.
    wants.came(0, 2, 94);
    let _ = wants.over(0, Found::Some, 9);
    assert_eq!(wants.next(0, 9).0, NOTHING);
    assert_eq!(rung(wants.over(1, Found::None, 9)), [0]);
    assert_eq!(wants.next(0, 9).0, asked(1, false));
    // Nobody waits for it.
    assert_eq!(wants.next(1, 9).0, NOTHING);
}

#[test]
fn all_lanes_that_there_can_be_are_rung_singly() {
    let most = super::super::parts::most(&rules(None));
    assert!(most <= u128::BITS as usize);
    let mut rings = Rings::default();
    rings.add(0);
    rings.add(most - 1);
    assert_eq!(rung(rings), [0, most - 1]);
    assert_eq!(rung(rings.without(0)), [most - 1]);
}
