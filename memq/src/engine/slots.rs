//! An array that is filled from its start: by one writer, under the eyes of any number of readers,
//! without a lock.
//!
//! The only file with `unsafe`. [`std::sync::OnceLock`] slots do the same without, since they let
//! anybody write; that costs two locked instructions for each message, more than a fifth of a publish
//! and a receive. Here there is one [`Writer`], which nobody can copy, so one store is enough.

use std::mem::{MaybeUninit, needs_drop};
use std::sync::Arc;

use super::sync::{AtomicU64, Ordering, UnsafeCell};
use crate::foreign::contain;

struct Slot<T> {
    value: UnsafeCell<MaybeUninit<T>>,
    /// A note on the value, and [`SET`] once that was written. Beside it, since who looks at one wants
    /// the other.
    mark: AtomicU64,
}

/// The bit of a mark that says that the slot is set; the note is in the others.
const SET: u64 = 1;

/// Reads the array.
pub(super) struct Slots<T>(Arc<[Slot<T>]>);

/// Fills the array; there is one.
pub(super) struct Writer<T> {
    slots: Arc<[Slot<T>]>,
    /// The first slot that is not set, for all to see.
    shown: u32,
    /// The first that is not written.
    next: u32,
}

/// Fills it with values that have one note.
pub(crate) struct Run<'a, T> {
    writer: &'a mut Writer<T>,
    note: u64,
}

/// An array of so many slots, fewer than 2³², and what fills it.
pub(super) fn slots<T>(count: usize) -> (Writer<T>, Slots<T>) {
    handles(std::iter::repeat_with(Slot::new).take(count).collect())
}

/// Of an array that nobody else has, and that is unset: `slots` made it, or `renew` was alone with it.
fn handles<T>(slots: Arc<[Slot<T>]>) -> (Writer<T>, Slots<T>) {
    (Writer { slots: slots.clone(), shown: 0, next: 0 }, Slots(slots))
}

/// The memory of an array that is gone. What had to be dropped in it was.
pub(super) struct Spare<T>(Arc<[Slot<T>]>);

impl<T> Spare<T> {
    /// Whether who gets one that was read long ago gains by it: where new slots are cleared as a whole.
    pub(super) const WORTH_IT: bool = Slot::<T>::CLEARED;

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How large so many slots are.
    pub(super) const fn bytes(count: usize) -> usize {
        count * size_of::<Slot<T>>()
    }

    /// A new array in its memory, all unset, and what fills it.
    pub(super) fn renew(mut self) -> Option<(Writer<T>, Slots<T>)> {
        Arc::get_mut(&mut self.0)?.iter_mut().for_each(|slot| *slot = Slot::new());
        Some(handles(self.0))
    }
}

impl<T> Slot<T> {
    /// Whether a new slot is cleared as a whole. That takes its cache lines from the readers that had
    /// them last, all at once; else the first write to each waits for that, where no mark is in it.
    /// Larger ones cost more to clear than it saves.
    const CLEARED: bool = size_of::<Self>() > 64 && size_of::<Self>() <= 512;

    fn new() -> Self {
        let value = if Self::CLEARED { MaybeUninit::zeroed() } else { MaybeUninit::uninit() };
        Self { value: UnsafeCell::new(value), mark: AtomicU64::new(0) }
    }
}

impl<T> Slots<T> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value in this slot and the note on it, if it is set; then it stays.
    #[inline]
    #[expect(unsafe_code, reason = "reads what `push` wrote")]
    pub(super) fn get(&self, index: usize) -> Option<(&T, u64)> {
        let slot = self.0.get(index)?;
        let mark = slot.mark.load(Ordering::Acquire);
        if mark & SET == 0 {
            return None;
        }
        // SAFETY: `SET` is stored with `Release` after the value was written, and is read here with
        // `Acquire`, so the value is seen whole. Nobody writes to a slot that is set, and it is
        // dropped with the array alone, which `self` keeps.
        Some((slot.value.with(|value| unsafe { (*value).assume_init_ref() }), mark >> 1))
    }

    /// How many values are set from there on, `most` at most.
    #[inline]
    pub(super) fn run(&self, index: usize, most: usize) -> usize {
        let slots = self.0.get(index..).unwrap_or_default().iter().take(most);
        slots.take_while(|slot| slot.mark.load(Ordering::Acquire) & SET != 0).count()
    }

    /// Drops the values, and leaves the memory, if nobody else has it.
    pub(super) fn retire(&mut self) -> Option<Spare<T>> {
        let slots = Arc::get_mut(&mut self.0)?;
        if needs_drop::<T>() {
            slots.iter_mut().for_each(|slot| *slot = Slot::new());
        }
        Some(Spare(std::mem::take(&mut self.0)))
    }

    /// The values that are set, and the notes on them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&T, u64)> {
        (0..self.len()).map_while(|index| self.get(index))
    }
}

impl<T> Writer<T> {
    /// How many slots are written.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.next as usize
    }

    /// How many slots are not written.
    #[inline]
    pub(super) fn room(&self) -> usize {
        self.slots.len() - self.len()
    }

    /// Writes to the next slot, which is not [shown](Self::show) yet, with a note of 63 bits. Returns
    /// whether there was one.
    #[inline]
    pub(super) fn push(&mut self, value: T, note: u64) -> bool {
        self.write(|| value, self.mark(note))
    }

    /// Writes to the next slot and shows it. All before it are shown. Returns whether there was one.
    #[inline]
    pub(super) fn push_shown(&mut self, value: T, note: u64) -> bool {
        debug_assert_eq!(self.shown, self.next);
        let written = self.write(|| value, note << 1 | SET);
        self.shown = self.next;
        written
    }

    /// Writes values that have the same note.
    pub(super) fn run(&mut self, note: u64) -> Run<'_, T> {
        Run { writer: self, note }
    }

    /// Of the next slot with this note. The first that is not shown is not set, so that readers stop there.
    #[inline]
    fn mark(&self, note: u64) -> u64 {
        note << 1 | if self.shown == self.next { 0 } else { SET }
    }

    /// A value is made where there is a slot for it, so that it need not be moved more than once.
    #[inline]
    #[expect(unsafe_code, reason = "writes to a slot that nobody reads yet")]
    fn write(&mut self, value: impl FnOnce() -> T, mark: u64) -> bool {
        let Some(slot) = self.slots.get(self.len()) else { return false };
        // SAFETY: this is the array's only writer, since `handles` is given arrays that nobody else has,
        // and `&mut self` holds it alone. It comes to each slot once, as `next` only grows, or again
        // where making the value panicked. Readers do not look at the value before the mark has
        // `SET`, which it gets after this.
        slot.value.with_mut(|place| unsafe { (*place).write(value()) });
        slot.mark.store(mark, Ordering::Release);
        self.next += 1;
        true
    }

    /// Sets the slots that were written. Only the first of them is not set yet: a reader that goes
    /// through the array finds none of them, or all, and does not follow the writer from slot to slot.
    #[inline]
    pub(super) fn show(&mut self) {
        if self.shown < self.next {
            let first = &self.slots[self.shown as usize].mark;
            first.store(first.load(Ordering::Relaxed) | SET, Ordering::Release);
            self.shown = self.next;
        }
    }
}

impl<T> Run<'_, T> {
    /// Writes values as [`Writer::push`] does, `most` at most, as far as there are slots. Each is made
    /// where there is one for it. How many those were.
    #[inline]
    pub(crate) fn fill(&mut self, most: usize, mut value: impl FnMut() -> T) -> usize {
        let count = most.min(self.writer.room());
        if count > 0 {
            self.writer.write(&mut value, self.writer.mark(self.note));
        }
        for _ in 1..count {
            self.writer.write(&mut value, self.note << 1 | SET);
        }
        count
    }
}

impl<T> Drop for Slot<T> {
    #[expect(unsafe_code, reason = "drops what `push` wrote")]
    fn drop(&mut self) {
        // Whoever drops the array came after all who used it: `Arc` orders that. What was written first
        // and never shown is forgotten, which takes a panic between the two.
        if needs_drop::<T>() && self.mark.load(Ordering::Relaxed) & SET != 0 {
            // Whoever comes last is seldom whose it was, and in an array two panics would be one too many.
            // SAFETY: the value was written, and nobody else is left who could look at it.
            contain(|| self.value.with_mut(|value| unsafe { (*value).assume_init_drop() }));
        }
    }
}

// SAFETY: through a shared array a value is moved in from the writer's thread, dropped in whichever
// thread is last (`Send`), and looked at from many (`Sync`).
#[expect(unsafe_code, reason = "`UnsafeCell` says no for all of them")]
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

#[cfg(all(test, not(memq_loom)))]
mod tests {
    use super::*;

    #[test]
    fn values_are_seen_once_they_are_set_and_dropped_once() {
        const { assert!(!Slot::<(Arc<()>, ())>::CLEARED && Slot::<(Arc<()>, [u64; 9])>::CLEARED) };
        seen_and_dropped_once(());
        seen_and_dropped_once([7_u64; 9]);
    }

    fn seen_and_dropped_once<B: Copy + PartialEq + std::fmt::Debug>(beside: B) {
        let counted = Arc::new(());
        let (mut writer, slots) = slots(3);
        assert_eq!((slots.len(), slots.get(0)), (3, None));
        for _ in 0..3 {
            assert!(writer.push((counted.clone(), beside), 0));
        }
        assert_eq!(slots.get(0), None, "it is not shown yet");
        writer.show();
        assert!(!writer.push((counted.clone(), beside), 0));
        assert_eq!((slots.iter().count(), slots.get(3)), (3, None));
        assert!(slots.iter().all(|(value, _)| value.1 == beside));
        assert_eq!(Arc::strong_count(&counted), 4);
        drop(slots);
        assert_eq!(Arc::strong_count(&counted), 4, "the writer keeps them");
        drop(writer);
        assert_eq!(Arc::strong_count(&counted), 1);
    }

    #[test]
    fn a_value_whose_making_panics_leaves_its_slot_to_the_next() {
        let (mut writer, slots) = slots(2);
        let mut run = writer.run(5);
        let mut values = [Some(1), None].into_iter();
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            run.fill(3, || values.next().flatten().expect("made badly"))
        }))
        .expect_err("it panics");
        assert_eq!(run.fill(3, || 2), 1, "one has its slot already");
        assert_eq!(run.fill(3, || unreachable!("there is no slot")), 0);
        assert_eq!(slots.get(0), None, "a run is shown as a whole");
        writer.show();
        assert_eq!(slots.iter().collect::<Vec<_>>(), [(&1, 5), (&2, 5)]);
    }

    #[test]
    fn what_was_never_set_is_not_dropped() {
        let counted = Arc::new(());
        let (mut writer, reader) = slots(8);
        assert!(writer.push(counted.clone(), 0));
        writer.show();
        drop((writer, reader));
        assert_eq!(Arc::strong_count(&counted), 1);
    }

    #[test]
    fn a_reader_in_another_thread_sees_each_value_whole_and_in_order() {
        let (mut writer, slots) = slots(10_000);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                for index in 0..slots.len() {
                    let (value, note): (&(usize, Box<usize>), _) = loop {
                        match slots.get(index) {
                            Some(value) => break value,
                            None => std::thread::yield_now(),
                        }
                    };
                    assert_eq!((value.0, *value.1, note), (index, index, index as u64));
                }
            });
            for index in 0..slots.len() {
                assert!(writer.push((index, Box::new(index)), index as u64));
                if index % 7 < 3 || index + 1 == slots.len() {
                    writer.show();
                }
            }
        });
    }
}
