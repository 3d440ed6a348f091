//! What the engine shares between threads is made of this: the real thing, or, under `cfg(memq_loom)`,
//! what [loom](https://docs.rs/loom) looks through in every interleaving.

#[cfg(not(memq_loom))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

    /// A lock that is held for some tens of nanoseconds.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

    pub(crate) use parking_lot::MutexGuard;

    /// Pauses of the processor before a lock is asked for again, at first and at last.
    const PAUSES: std::ops::RangeInclusive<u32> = 8..=256;

    /// The same by who asks often: so many more each time.
    const STEP: usize = 2;
    const MOST: u32 = 100;

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(parking_lot::Mutex::new(value))
        }

        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0.get_mut()
        }

        #[inline]
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.try_lock().unwrap_or_else(|| self.wait())
        }

        /// As `lock`, by who has much to do with it: then it is asked for more often, since it is not
        /// worth while to let others go on, and for longer.
        #[inline]
        pub(crate) fn lock_for_long(&self) -> MutexGuard<'_, T> {
            self.0.try_lock().unwrap_or_else(|| self.wait_often())
        }

        /// Asks less and less often before it lets the system run something else, which costs more
        /// than the lock is held for. That also lets whoever has it go on for a while.
        #[cold]
        fn wait(&self) -> MutexGuard<'_, T> {
            let twice = |pauses: &u32| Some(pauses * 2);
            let pauses = std::iter::successors(Some(*PAUSES.start()), twice);
            self.wait_between(pauses.take_while(|pauses| PAUSES.contains(pauses)))
        }

        #[cold]
        fn wait_often(&self) -> MutexGuard<'_, T> {
            self.wait_between((0..=MOST).step_by(STEP).skip(1))
        }

        #[inline]
        fn wait_between(&self, pauses: impl Iterator<Item = u32>) -> MutexGuard<'_, T> {
            for pauses in pauses {
                (0..pauses).for_each(|_| std::hint::spin_loop());
                if let Some(guard) = self.0.try_lock() {
                    return guard;
                }
            }
            self.0.lock()
        }
    }

    /// Uses of what an `Arc` keeps, whose ends that orders before its memory goes.
    #[derive(Debug)]
    pub(crate) struct Uses;

    impl Uses {
        pub(crate) fn new() -> Self {
            Self
        }

        #[inline]
        pub(crate) fn end(&self) {}
    }

    /// What only a protocol makes safe to touch, with loom's way of touching it.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        #[inline]
        pub(crate) fn with<R>(&self, look: impl FnOnce(*const T) -> R) -> R {
            look(self.0.get())
        }

        #[inline]
        pub(crate) fn with_mut<R>(&self, change: impl FnOnce(*mut T) -> R) -> R {
            change(self.0.get())
        }
    }
}

#[cfg(memq_loom)]
mod modelled {
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::MutexGuard;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

    /// Models do not know what `Arc` orders. This orders as much: each end comes after those before it.
    #[derive(Debug)]
    pub(crate) struct Uses(AtomicU64);

    impl Uses {
        pub(crate) fn new() -> Self {
            Self(AtomicU64::new(0))
        }

        pub(crate) fn end(&self) {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// A lock that is never poisoned, as parking_lot's.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }

        pub(crate) fn lock_for_long(&self) -> MutexGuard<'_, T> {
            self.lock()
        }

        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }
}

#[cfg(memq_loom)]
use self::modelled as used;
#[cfg(not(memq_loom))]
use self::real as used;

pub(crate) use used::{
    AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, UnsafeCell, Uses, fence,
};

/// Stores a value that whoever reads the other of two atomics, both sequentially consistent, is not to
/// miss: loom knows only fences for that, and elsewhere this is the cheaper.
#[inline]
pub(crate) fn store_and_fence(atomic: &AtomicU64, value: u64) {
    if cfg!(memq_loom) {
        atomic.store(value, Ordering::Release);
        fence(Ordering::SeqCst);
    } else {
        atomic.store(value, Ordering::SeqCst);
    }
}

/// In cache lines of its own: who changes it does not slow down those who look at its neighbours.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Apart<T>(pub(crate) T);
