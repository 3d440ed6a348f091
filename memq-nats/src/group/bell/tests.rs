//! All that can happen around a bell, in each order, up to some length.

use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use super::*;

/// A member that waits.
#[derive(Debug, Default)]
struct Waiting {
    woken: Mutex<bool>,
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        *self.woken.lock().unwrap() = true;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Something comes for the lane.
    Comes,
    /// The same, whenever the lane is polled the next time, and once more after that.
    ComesMeanwhile,
    /// The same, before the member waits the next time.
    ComesLast,
    /// The member is polled, and waits.
    Waits,
    /// What waited is gone, without a word.
    Goes,
    /// The lane rests from its next poll on, or does not.
    Rests(bool),
    /// The member takes no more.
    Ends,
    /// The task runs, if it is woken.
    Runs,
    /// What it does at its leisure is due.
    Due,
}
use Step::*;

const STEPS: [Step; 10] =
    [Comes, ComesMeanwhile, ComesLast, Waits, Goes, Rests(true), Rests(false), Ends, Runs, Due];

/// A lane that counts what came and what it has seen, and who is around it.
struct World {
    bell: Arc<Bell>,
    came: u32,
    seen: u32,
    polls: u32,
    rests: bool,
    meanwhile: u32,
    last: bool,
    member: Option<Arc<Waiting>>,
    /// Whether the task is to look at its leisure.
    leisure: bool,
    over: bool,
}

impl World {
    fn new() -> Self {
        let bell = Arc::new(Bell::default());
        // Before that it is for the task.
        bell.locked().rests = true;
        Self {
            bell,
            came: 0,
            seen: 0,
            polls: 0,
            rests: true,
            meanwhile: 0,
            last: false,
            member: None,
            leisure: false,
            over: false,
        }
    }

    fn comes(&mut self) {
        self.came += 1;
        self.bell.ring();
    }

    /// As the runner polls a lane.
    fn poll(&mut self) {
        if !self.bell.answer() {
            return;
        }
        for round in 1.. {
            self.bell.locked().rests = self.rests;
            self.polls += 1;
            self.seen = self.came;
            if self.meanwhile > 0 {
                self.meanwhile -= 1;
                self.comes();
            }
            if let Some(woken) = self.bell.leave(round < 2) {
                self.bell.call(woken);
                return;
            }
        }
    }

    /// Whether the task is woken, and is to look at its leisure.
    fn rings(&self) -> Option<bool> {
        match pin!(self.bell.rings()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(leisure) => Some(leisure),
            Poll::Pending => None,
        }
    }

    fn looks(&mut self) {
        self.leisure = false;
        self.bell.looks();
        self.poll();
    }

    /// Whether the task did something.
    fn runs(&mut self) -> bool {
        match self.rings() {
            // Also where it is woken while it is at leisure.
            Some(leisure) if self.leisure || !leisure => self.looks(),
            Some(_) => self.leisure = true,
            None => return false,
        }
        true
    }

    fn step(&mut self, step: Step) {
        match step {
            Comes => self.comes(),
            ComesMeanwhile => self.meanwhile = 2,
            ComesLast => self.last = true,
            Waits => self.waits(),
            Goes => self.member = None,
            Rests(rests) => self.rests = rests,
            Ends => {
                self.over = true;
                self.bell.end();
            }
            Runs => drop(self.runs()),
            Due if self.leisure => self.looks(),
            Due => {}
        }
    }

    fn waits(&mut self) {
        if self.bell.comes() {
            self.poll();
        }
        self.poll();
        if take(&mut self.last) {
            self.comes();
        }
        let member = Arc::new(Waiting::default());
        if !self.bell.waits(&Waker::from(member.clone())) {
            // It is polled again.
            *member.woken.lock().unwrap() = true;
        }
        self.member = Some(member);
    }

    fn is_woken(&self) -> bool {
        self.member.as_ref().is_some_and(|member| *member.woken.lock().unwrap())
    }

    /// Whether what came is seen with nothing else to come: by a member that is woken, or by the
    /// task, in time where somebody waits for that.
    fn settles(&mut self) -> bool {
        (self.meanwhile, self.last) = (0, false);
        let waits = self.member.is_some();
        loop {
            let woken = self.is_woken();
            if woken {
                self.waits();
            }
            if !woken && !self.runs() {
                break;
            }
        }
        if self.seen < self.came && self.leisure && !waits && !self.over {
            self.looks();
        }
        self.seen == self.came
    }
}

#[test]
fn whatever_comes_is_seen_and_at_once_where_somebody_waits() {
    const LENGTH: u32 = 6;
    for number in 0..STEPS.len().pow(LENGTH) {
        let steps = (0..LENGTH).map(|at| STEPS[number / STEPS.len().pow(at) % STEPS.len()]);
        let mut world = World::new();
        steps.clone().for_each(|step| world.step(step));
        assert!(world.settles(), "{:?}", steps.collect::<Vec<_>>());
    }
}

#[test]
fn a_member_that_waits_is_woken_and_the_task_looks_later() {
    let mut world = World::new();
    world.waits();
    world.comes();
    assert!(world.is_woken());
    assert_eq!(world.rings(), Some(true));
}

#[test]
fn a_member_that_waits_no_more_is_not_woken() {
    let mut world = World::new();
    world.waits();
    assert!(!world.bell.comes());
    world.comes();
    assert!(!world.is_woken());
    assert!(world.bell.comes());
}

#[test]
fn the_task_is_not_woken_for_each_message() {
    let mut world = World::new();
    let mut woken = 0;
    for _ in 0..100 {
        world.waits();
        world.comes();
        woken += u32::from(world.rings().is_some());
    }
    assert_eq!(woken, 1);
    world.bell.looks();
    world.waits();
    world.comes();
    assert_eq!(world.rings(), Some(true));
}

#[test]
fn nobody_is_woken_by_what_comes_while_somebody_is_at_it() {
    let mut world = World::new();
    world.waits();
    world.comes();
    assert_eq!(world.rings(), Some(true));
    world.bell.looks();
    world.meanwhile = 1;
    world.waits();
    assert_eq!((world.seen, world.polls), (2, 2));
    assert_eq!(world.rings(), None);
    // Nothing came, so there is nothing to look at.
    world.poll();
    assert_eq!(world.polls, 2);
}

#[test]
fn a_lane_that_does_not_rest_is_for_the_task_at_once() {
    let mut world = World::new();
    world.step(Rests(false));
    world.comes();
    world.waits();
    world.comes();
    assert!(!world.is_woken());
    assert_eq!(world.rings(), Some(false));
}

#[test]
fn once_it_takes_no_more_the_member_is_not_woken() {
    let mut world = World::new();
    world.waits();
    world.step(Ends);
    world.comes();
    assert!(!world.is_woken());
    assert_eq!(world.rings(), Some(false));
}

#[test]
fn nobody_is_woken_before_who_is_at_it_leaves() {
    let mut world = World::new();
    world.comes();
    assert!(world.bell.answer());
    let [waits, told] = [Arc::new(Waiting::default()), Arc::new(Waiting::default())];
    let is_woken = |member: &Arc<Waiting>| *member.woken.lock().unwrap();
    world.bell.tell(Some(Waker::from(told.clone())));
    // Who waits meanwhile need not come again for what the other one sees.
    world.comes();
    assert!(world.bell.waits(&Waker::from(waits.clone())));
    let woken = world.bell.leave(false).unwrap();
    assert!(!is_woken(&waits) && !is_woken(&told));
    world.bell.call(woken);
    assert!(is_woken(&waits) && is_woken(&told));
}

#[test]
fn nobody_is_held_by_a_lane_that_ended() {
    let world = World::new();
    let member = Arc::new(Waiting::default());
    assert!(world.bell.waits(&Waker::from(member.clone())));
    world.bell.call(world.bell.ended());
    assert_eq!(Arc::strong_count(&member), 1);
    assert!(world.bell.waits(&Waker::from(member.clone())));
    assert_eq!(Arc::strong_count(&member), 1);
}
