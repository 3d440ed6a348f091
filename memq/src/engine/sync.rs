//! What the engine shares between threads is made of this: the real thing, or, under `cfg(memq_loom)`,
//! what [loom](https://docs.rs/loom) looks through in every interleaving.

#[cfg(not(memq_loom))]
mod real {
    pub(crate) use std::sync::OnceLock as Once;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

    pub(crate) use parking_lot::Mutex;
}

#[cfg(memq_loom)]
mod modelled {
    use std::sync::OnceLock;

    pub(crate) use loom::sync::MutexGuard;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

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

        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }

    /// A value that is set once. Whether a thread sees that it is, loom decides.
    #[derive(Debug)]
    pub(crate) struct Once<T> {
        value: OnceLock<T>,
        is_set: AtomicBool,
    }

    impl<T> Once<T> {
        pub(crate) fn new() -> Self {
            Self { value: OnceLock::new(), is_set: AtomicBool::new(false) }
        }

        pub(crate) fn get(&self) -> Option<&T> {
            if self.is_set.load(Ordering::Acquire) { self.value.get() } else { None }
        }

        pub(crate) fn set(&self, value: T) -> Result<(), T> {
            self.value.set(value)?;
            self.is_set.store(true, Ordering::Release);
            Ok(())
        }
    }
}

#[cfg(memq_loom)]
use self::modelled as used;
#[cfg(not(memq_loom))]
use self::real as used;

pub(crate) use used::{AtomicBool, AtomicU64, Mutex, Once, Ordering, fence};
