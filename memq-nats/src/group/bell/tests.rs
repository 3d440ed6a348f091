//! All that can happen to a bell, in each order, up to some length.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::*;

/// Waker of a member that may be gone.
#[derive(Debug, Default)]
struct Member {
    woken: Mutex<bool>,
}

impl Wake for Member {
    fn wake(self: Arc<Self>) {
        *self.woken.lock().unwrap() = true;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// Something comes for the lane.
    Comes,
    /// The same, while it is looked at by the member or the task.
    ComesMeanwhile,
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
}
use Step::*;

const STEPS: [Step; 8] =
    [Comes, ComesMeanwhile, Waits, Goes, Rests(true), Rests(false), Ends, Runs];

/// A lane that counts what came and what it has seen, and who is around it.
struct World {
    bell: Arc<Bell>,
    came: u32,
    seen: u32,
    rests: bool,
    meanwhile: bool,
    /// The member that waits.
    member: Option<Arc<Member>>,
    over: bool,
}

impl World {
    fn new() -> Self {
        let bell = Arc::new(Bell::default());
        // Before that it is for the task.
        bell.locked().rests = true;
        Self { bell, came: 0, seen: 0, rests: true, meanwhile: false, member: None, over: false }
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
        let mut rounds = 0;
        loop {
            self.bell.locked().rests = self.rests;
            self.seen = self.came;
            if take(&mut self.meanwhile) {
                self.comes();
            }
            rounds += 1;
            if !self.bell.leave(rounds < 2) {
                return;
            }
        }
    }

    /// The task, if it has a reason to run; whether it had.
    fn runs(&mut self) -> bool {
        let mut context = std::task::Context::from_waker(Waker::noop());
        let is_rung = std::pin::pin!(self.bell.rings()).poll(&mut context).is_ready();
        if is_rung {
            self.bell.looks();
            self.poll();
        }
        is_rung
    }

    fn step(&mut self, step: Step) {
        match step {
            Comes => self.comes(),
            ComesMeanwhile => self.meanwhile = true,
            Waits if !self.over => self.waits(),
            Goes => self.member = None,
            Rests(rests) => self.rests = rests,
            Ends => {
                self.over = true;
                self.bell.end();
            }
            Runs => drop(self.runs()),
            Waits => {}
        }
    }

    fn waits(&mut self) {
        let member = Arc::new(Member::default());
        if self.bell.comes() {
            self.poll();
        }
        self.poll();
        if self.bell.waits(&Waker::from(member.clone())) {
            self.member = Some(member);
        } else {
            *member.woken.lock().unwrap() = true;
            self.member = Some(member);
        }
    }

    /// Whether what came is seen without anything else coming: by a member that is woken, or by the task.
    fn settles(&mut self) -> bool {
        self.meanwhile = false;
        for _ in 0..8 {
            let woken = self.member.take_if(|member| *member.woken.lock().unwrap()).is_some();
            if woken && !self.over {
                self.waits();
            }
            if !self.runs() && !woken {
                break;
            }
        }
        self.seen == self.came
    }
}

/// Runs all sequences of this length, which are told apart by their number.
fn all(length: u32, mut see: impl FnMut(&[Step])) {
    for number in 0..STEPS.len().pow(length) {
        let mut rest = number;
        let steps: Vec<_> = std::iter::repeat_with(|| {
            let step = STEPS[rest % STEPS.len()];
            rest /= STEPS.len();
            step
        })
        .take(length as usize)
        .collect();
        see(&steps);
    }
}

#[test]
fn whatever_comes_is_seen_by_somebody() {
    let mut reached = BTreeSet::new();
    all(6, |steps| {
        let mut world = World::new();
        steps.iter().for_each(|step| world.step(*step));
        reached.extend(steps.last().copied());
        assert!(world.settles(), "{steps:?}");
    });
    assert_eq!(reached.len(), STEPS.len());
}

#[test]
fn a_member_that_waits_is_woken_at_once_and_the_task_does_not_run_before_it() {
    let mut world = World::new();
    world.waits();
    let member = world.member.clone().unwrap();
    world.comes();
    assert!(*member.woken.lock().unwrap());
    // The task looks at its leisure.
    let mut context = std::task::Context::from_waker(Waker::noop());
    let rings = std::pin::pin!(world.bell.rings()).poll(&mut context);
    assert!(matches!(rings, std::task::Poll::Ready(true)), "{rings:?}");
}

#[test]
fn the_task_is_not_woken_for_each_message() {
    let mut world = World::new();
    let mut context = std::task::Context::from_waker(Waker::noop());
    let mut rings =
        |world: &World| std::pin::pin!(world.bell.rings()).poll(&mut context).is_ready();
    let mut woken = 0;
    for _ in 0..100 {
        world.waits();
        world.comes();
        woken += u32::from(rings(&world));
    }
    assert_eq!(woken, 1);
    world.bell.looks();
    world.waits();
    world.comes();
    assert!(rings(&world));
}

#[test]
fn a_lane_that_does_not_rest_is_for_the_task_at_once() {
    let mut world = World::new();
    world.step(Rests(false));
    world.comes();
    world.poll();
    world.waits();
    let member = world.member.clone().unwrap();
    world.comes();
    assert!(!*member.woken.lock().unwrap());
    let mut context = std::task::Context::from_waker(Waker::noop());
    let rings = std::pin::pin!(world.bell.rings()).poll(&mut context);
    assert!(matches!(rings, std::task::Poll::Ready(false)), "{rings:?}");
}

#[test]
fn once_it_takes_no_more_the_member_is_not_woken() {
    let mut world = World::new();
    world.waits();
    let member = world.member.clone().unwrap();
    world.step(Ends);
    world.comes();
    assert!(!*member.woken.lock().unwrap());
    assert!(world.settles());
}
