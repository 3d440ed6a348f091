//! Steps that are as many as there are members or messages: counted where the tests are built, so that
//! they can tell who takes more of them than it may.

#[cfg(all(test, not(memq_loom)))]
use std::cell::Cell;

#[cfg(all(test, not(memq_loom)))]
thread_local!(static STEPS: Cell<usize> = const { Cell::new(0) });

/// One more.
#[inline(always)]
pub(super) fn step() {
    #[cfg(all(test, not(memq_loom)))]
    STEPS.set(STEPS.get() + 1);
}

/// How many something takes.
#[cfg(all(test, not(memq_loom)))]
pub(super) fn of(work: impl FnOnce()) -> usize {
    let before = STEPS.get();
    work();
    STEPS.get() - before
}
