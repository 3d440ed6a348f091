//! Code that is not ours and may panic: handlers, wakers, and what a message does when it is dropped.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What it returns, or what it threw.
pub(crate) fn caught<R>(run: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(run))
}

/// Runs what concerns others than who comes by. A panic ends here, told by the panic hook: nobody is to lose
/// by it what he was just given.
pub(crate) fn contain(run: impl FnOnce()) {
    if cfg!(memq_loom) {
        // Models are to fail.
        return run();
    }
    if let Err(panic) = caught(run) {
        forget(panic);
    }
}

/// Drops what was thrown. It may panic too, and then once more.
pub(crate) fn forget(panic: Box<dyn Any + Send>) {
    if let Err(again) = caught(|| drop(panic)) {
        mem::forget(again);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    /// Panics when it is dropped, so often.
    struct Bomb(u32);

    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0 > 0 {
                panic_any(Self(self.0 - 1));
            }
        }
    }

    #[test]
    fn a_panic_ends_here_and_what_it_threw_is_dropped() {
        for times in 0..4 {
            contain(|| drop(Bomb(times)));
        }
        contain(|| panic!("not ours"));
    }
}
