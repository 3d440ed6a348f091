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

#[test]
fn as_much_is_fetched_ahead_as_was_said_or_else_a_part_where_attempts_do_not_count() {
    let stats = GroupStats::at("workers", Offset(0));
    let mut counted = GroupRules::default();
    counted.max_attempts = Some(5);
    let asked = |said, rules: &GroupRules, pending, most| {
        let mut state = State::new(Register::new(rules.clone(), 1), stats.clone());
        state.pending = pending;
        state.satisfied(Ahead::new(said, rules));
        assert_eq!(state.fetches(), state.ahead > 0);
        let asked = state.asks(Part::All, most);
        // Nobody waits for it.
        assert!(!asked.waits);
        asked.batch
    };
    assert_eq!(asked(Some(256), &counted, 1_000, 1_000), 256);
    assert_eq!(asked(Some(256), &counted, 3, 1_000), 3);
    assert_eq!(asked(Some(256), &counted, 1_000, 10), 10);
    assert_eq!(asked(None, &counted, 1_000, 1_000), 0);
    let free = GroupRules::default();
    assert_eq!(asked(None, &free, 160, 1_000), 10);
    assert_eq!(asked(None, &free, 10_000, 1_000), 64);
    assert_eq!(asked(Some(0), &free, 10_000, 1_000), 0);
}
