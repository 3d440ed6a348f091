use proptest::prelude::*;

use super::*;

/// A server that stores each id once, and answers.
#[derive(Default)]
struct Server {
    log: Vec<u32>,
    room: Option<usize>,
}

impl Server {
    fn publish(&mut self, id: u32) -> Option<usize> {
        if let Some(at) = self.log.iter().position(|known| *known == id) {
            return Some(at);
        }
        if self.room == Some(0) {
            return None;
        }
        self.room = self.room.map(|room| room - 1);
        self.log.push(id);
        Some(self.log.len() - 1)
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// So many more are published.
    Push(usize),
    /// All that may be sent is, and arrives; so many answers come back, then the others.
    Deliver,
    /// All that may be sent is. So much of it arrives, so many of the answers come back, and the
    /// connection is cut.
    Cut(usize, usize),
    /// Room for so many.
    Room(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..6_usize).prop_map(Step::Push),
        Just(Step::Deliver),
        (0..8_usize, 0..8_usize).prop_map(|(arrive, answer)| Step::Cut(arrive, answer)),
        (0..4_usize).prop_map(Step::Room),
    ];
    proptest::collection::vec(step, 1..60)
}

/// Sends all that may be.
fn send(window: &mut Window<u32>) -> Vec<(Ticket, u32)> {
    std::iter::from_fn(|| {
        let next = window.next().map(|(ticket, id)| (ticket, *id))?;
        window.sent();
        Some(next)
    })
    .collect()
}

fn answer(
    window: &mut Window<u32>,
    ticket: Ticket,
    at: Option<usize>,
    told: &mut Vec<(u32, usize)>,
) {
    match at {
        Some(at) => told.extend(window.stored(ticket).map(|id| (id, at))),
        None => window.no_room(ticket),
    }
}

/// Publishes by these steps in a topic that waits, and what is left at the end.
fn play(steps: Vec<Step>, width: usize, limited: bool) -> (Server, Vec<(u32, usize)>, u32) {
    let mut window = Window::new(width);
    let mut server = Server { room: limited.then_some(2), ..Server::default() };
    let (mut told, mut pushed, mut popped) = (Vec::new(), 0, 0);
    let mut late = Vec::new();
    let all = steps.into_iter().map(Some).chain(std::iter::repeat_n(None, 200));
    for step in all {
        match step {
            Some(Step::Push(count)) => {
                for _ in 0..count {
                    window.push(pushed);
                    pushed += 1;
                }
            }
            Some(Step::Room(room)) => server.room = server.room.map(|_| room),
            Some(Step::Cut(arrive, answers)) => {
                let sent = send(&mut window);
                assert!(sent.len() <= width);
                for (at, (ticket, id)) in sent.into_iter().enumerate().take(arrive) {
                    let stored = server.publish(id);
                    if at < answers {
                        answer(&mut window, ticket, stored, &mut told);
                    } else {
                        late.push((ticket, stored));
                    }
                }
                window.again();
            }
            deliver => {
                if deliver.is_none() {
                    server.room = server.room.map(|_| 5);
                }
                for (ticket, id) in send(&mut window) {
                    let stored = server.publish(id);
                    answer(&mut window, ticket, stored, &mut told);
                }
                // Answers of a connection that was cut change nothing.
                for (ticket, at) in late.drain(..) {
                    answer(&mut window, ticket, at, &mut told);
                }
            }
        }
        if window.stalled() {
            window.retry();
        }
        popped += window.advance() as u32;
        assert_eq!(popped as usize + window.flights.len(), pushed as usize);
    }
    assert!(window.is_empty() && !window.waits());
    (server, told, pushed)
}

proptest! {
    #[test]
    fn everything_is_stored_once_and_in_order_through_cuts(steps in steps(), width in 1..7_usize) {
        let (server, told, pushed) = play(steps, width, false);
        prop_assert_eq!(&server.log, &(0..pushed).collect::<Vec<_>>());
        prop_assert_eq!(told.len(), pushed as usize);
        prop_assert!(told.iter().all(|(id, at)| server.log[*at] == *id));
    }

    #[test]
    fn a_full_topic_delays_and_loses_nothing(steps in steps(), width in 1..7_usize) {
        let (server, told, pushed) = play(steps, width, true);
        prop_assert_eq!(&server.log, &(0..pushed).collect::<Vec<_>>());
        prop_assert_eq!(told.len(), pushed as usize);
    }
}

fn window(messages: u32, width: usize) -> Window<u32> {
    let mut window = Window::new(width);
    (0..messages).for_each(|id| window.push(id));
    window
}

#[test]
fn after_a_failure_the_first_is_sent_alone() {
    let mut window = window(8, 4);
    assert_eq!(send(&mut window).len(), 4);
    window.again();
    let sent = send(&mut window);
    assert_eq!(sent.iter().map(|(_, id)| *id).collect::<Vec<_>>(), [0]);
    window.stored(sent[0].0);
    assert_eq!(send(&mut window).len(), 2);
}

#[test]
fn what_is_stored_behind_a_gap_is_not_sent_again() {
    let mut window = window(3, 3);
    let sent = send(&mut window);
    assert_eq!(window.stored(sent[1].0), Some(1));
    assert_eq!(window.advance(), 0);
    window.again();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let sent = send(&mut window);
        ids.extend(sent.iter().map(|(_, id)| *id));
        for (ticket, id) in sent {
            assert_eq!(window.stored(ticket), Some(id));
        }
    }
    assert_eq!((ids, window.advance()), (vec![0, 2], 3));
}

#[test]
fn one_that_is_refused_alone_stops_nobody() {
    let mut window = window(3, 3);
    let sent = send(&mut window);
    assert_eq!(window.refused(sent[0].0), Some(0));
    assert_eq!(window.stored(sent[1].0), Some(1));
    assert_eq!(window.stored(sent[2].0), Some(2));
    assert_eq!(window.advance(), 3);
}

#[test]
fn where_nobody_waits_room_is_looked_for_once() {
    let mut window = window(2, 2);
    let mut given_up = Vec::new();
    for (ticket, _) in send(&mut window) {
        window.no_room(ticket);
    }
    assert!(window.stalled());
    given_up.extend(window.give_up_refused());
    assert!(given_up.is_empty());
    window.retry();
    for expected in [&[0][..], &[0, 1]] {
        let sent = send(&mut window);
        assert_eq!(sent.len(), 1);
        window.no_room(sent[0].0);
        given_up.extend(window.give_up_refused());
        assert_eq!(given_up, expected);
    }
}

#[test]
fn where_nobody_waits_nothing_is_stored_behind_what_came_after_it() {
    let mut window = window(2, 2);
    let sent = send(&mut window);
    window.no_room(sent[0].0);
    assert_eq!(window.stored(sent[1].0), Some(1));
    assert_eq!((window.give_up_refused(), window.advance(), window.stalled()), (vec![0], 2, false));
}

#[test]
fn only_what_is_not_stored_for_sure_expires() {
    let mut window = window(3, 1);
    let sent = send(&mut window);
    assert_eq!(window.expire(|_| true), [1, 2]);
    // Its outcome is not known, though it is not under way any more.
    window.again();
    assert!(window.expire(|_| true).is_empty());
    assert_eq!(window.stored(sent[0].0), None);
}

#[test]
fn what_is_abandoned_may_be_stored_only_if_it_was_sent() {
    let mut window = window(3, 2);
    send(&mut window);
    assert_eq!(window.abandon(), [(0, true), (1, true), (2, false)]);
    assert_eq!((window.advance(), window.is_empty()), (3, true));
}

#[test]
fn one_that_is_not_sent_after_all_holds_nobody_up() {
    let mut window = window(3, 2);
    assert_eq!(window.next().map(|(_, id)| *id), Some(0));
    assert_eq!((window.withdraw(), window.advance()), (Some(0), 1));
    let sent = send(&mut window);
    assert_eq!(sent.iter().map(|(_, id)| *id).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(window.stored(sent[0].0), Some(1));
}

#[test]
fn one_that_was_looked_at_is_the_next_one_still() {
    let mut window = window(2, 1);
    let (ticket, _) = window.next().unwrap();
    assert_eq!(window.next().map(|(ticket, _)| ticket), Some(ticket));
    window.sent();
    assert_eq!((window.next().is_none(), window.stored(ticket)), (true, Some(0)));
}
