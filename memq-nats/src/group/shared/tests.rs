use memq::{Record, Timestamp};

use super::*;

#[test]
fn who_asks_for_many_and_then_waits_for_the_first_is_brought_many() {
    let stats = GroupStats::at("workers", Offset(0));
    let mut state = State::new(Register::new(GroupRules::default(), 1), stats);
    let waker = Waker::noop();
    drop(state.want(256, waker));
    drop(state.want(1, waker));
    assert_eq!(state.wanted, 256);
    // It has some: what it asks for from then on counts alone.
    state.satisfied(Ahead::new(None, &GroupRules::default()));
    drop(state.want(1, waker));
    assert_eq!(state.wanted, 1);
}

#[test]
fn a_pull_waits_unless_many_are_asked_for_and_some_are_there() {
    let stats = GroupStats::at("workers", Offset(0));
    let mut state = State::new(Register::new(GroupRules::default(), 1), stats);
    drop(state.want(256, Waker::noop()));
    let asked = |batch, waits| Asked { batch, waits };
    let keyed = Part::Keyed(memq::Partition(0));
    assert_eq!(state.asks(Part::Unkeyed, 1_000), asked(256, true));
    state.pending = 10;
    assert_eq!(state.asks(Part::Unkeyed, 1_000), asked(256, false));
    assert_eq!(state.asks(Part::All, 100), asked(100, false));
    assert_eq!(state.asks(Part::All, 1), asked(1, true));
    assert_eq!(state.asks(Part::All, 0).batch, 0);
    assert_eq!(state.asks(keyed, 1_000), asked(1, true));
}

/// A group whose messages have so many attempts, if they count.
fn rules(max_attempts: Option<u32>) -> GroupRules {
    let mut rules = GroupRules::default();
    rules.max_attempts = max_attempts;
    rules
}

/// A member that has some, in a group where more are pending, and has this many left that it was not handed.
fn satisfied(said: Option<usize>, rules: &GroupRules, pending: u64, ready: u64) -> State {
    let stats = GroupStats::at("workers", Offset(0));
    let mut state = State::new(Register::new(rules.clone(), 1), stats);
    state.pending = pending;
    state.ready.extend((0..ready).map(|offset| Arrived {
        incoming: Incoming::new(Offset(offset), Timestamp::default(), Record::new("")),
        attempt: 1,
        reply: Subject::from_static("$JS.ACK"),
        since: Instant::now(),
    }));
    state.satisfied(Ahead::new(said, rules));
    assert_eq!(state.fetches(), state.ahead > 0);
    state
}

#[test]
fn as_much_is_fetched_ahead_as_was_said_or_else_a_part_where_attempts_do_not_count() {
    let asked = |said, rules: &GroupRules, pending, most| {
        let asked = satisfied(said, rules, pending, 0).asks(Part::All, most);
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
fn a_pull_waits_where_the_group_may_be_full() {
    let mut limited = rules(None);
    limited.max_in_flight = Some(4);
    let mut state = satisfied(None, &limited, 10_000, 0);
    drop(state.want(256, Waker::noop()));
    assert_eq!(state.asks(Part::All, 1_000), Asked { batch: 256, waits: true });
}

#[test]
fn more_is_fetched_ahead_once_half_of_it_is_left() {
    for (ready, fetched) in [(10, 0), (5, 0), (4, 6), (1, 9)] {
        let state = satisfied(Some(10), &rules(Some(5)), 100, ready);
        assert_eq!(state.asks(Part::All, 1_000).batch, fetched, "{ready}");
    }
}

#[test]
fn who_was_told_that_nothing_is_there_asks_no_more_until_somebody_waits() {
    let mut state = satisfied(Some(10), &rules(Some(5)), 100, 0);
    state.found_nothing();
    assert_eq!(state.asks(Part::All, 1_000).batch, 0);
    drop(state.want(1, Waker::noop()));
    assert_eq!(state.asks(Part::All, 1_000), Asked { batch: 1, waits: true });
}
