//! Native topics against a plain list of what was stored.
//!
//! Their messages are stored, read and claimed in runs, of which the models of topics of bytes know
//! little. Each case is a topic with groups and subscribers and random steps, most of them batches of
//! every size. After every step the numbers of the statistics must add up; at the end, of what
//! retention left, subscribers must have read all and groups settled all, once.
//!
//! `MEMQ_SEED` replays the case of that seed alone, for every topic, and `MEMQ_CASES` says how many
//! there are for each.

#[path = "../common/mod.rs"]
mod common;
mod run;
mod threads;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use memq::codec::Native;
use memq::{Key, Overflow, Retain, Topic, TopicKey, TopicSpec};

use run::Run;

/// Cases of each topic where nothing is said.
const CASES: u64 = 200;

/// A topic whose messages say what they count for.
trait Numbered: Topic {
    const OVERFLOW: Overflow;
    const MAX: usize;

    fn of(id: u64, key: Option<u8>, size: usize) -> Self;
    fn id(&self) -> u64;
}

macro_rules! natives {
    ($($type:ident: $overflow:ident, $retain:ident, $max:literal $(, $option:ident($value:expr))*;)*) => {$(
        #[derive(Debug)]
        struct $type {
            id: u64,
            key: Option<u8>,
            size: usize,
        }

        impl Topic for $type {
            type Codec = Native;
            const SPEC: TopicSpec = TopicSpec::new("natives")
                .overflow(Overflow::$overflow)
                .retain(Retain::$retain)
                .max_messages($max)
                $(.$option($value))*;

            fn key(&self) -> Option<Key<'_>> {
                self.key.as_ref().and_then(TopicKey::to_key)
            }

            fn footprint(&self) -> usize {
                self.size
            }
        }

        impl Numbered for $type {
            const OVERFLOW: Overflow = Overflow::$overflow;
            const MAX: usize = $max;

            fn of(id: u64, key: Option<u8>, size: usize) -> Self {
                Self { id, key, size }
            }

            fn id(&self) -> u64 {
                self.id
            }
        }
    )*};
}

const TTL: Duration = Duration::from_millis(50);

natives! {
    Drop1: DropOldest, WithinLimits, 1;
    Drop7: DropOldest, UntilConsumed, 7;
    Drop300: DropOldest, WithinLimits, 300, max_bytes(20_000);
    Drop2000: DropOldest, WithinLimits, 2_000, max_bytes(1 << 20), partitions(3);
    DropOld: DropOldest, UntilConsumed, 2_000, ttl(TTL);
    DropNone: DropOldest, WithinLimits, 10_000;
    Reject2: Reject, WithinLimits, 2;
    Reject300: Reject, WithinLimits, 300, max_bytes(20_000);
    Reject2000: Reject, UntilConsumed, 2_000, partitions(2);
    RejectOld: Reject, WithinLimits, 64, ttl(TTL);
    Wait7: Wait, WithinLimits, 7, max_bytes(2_000);
    Wait300: Wait, UntilConsumed, 300;
    Wait2000: Wait, WithinLimits, 2_000, max_bytes(100_000), partitions(5);
    WaitOld: Wait, WithinLimits, 2_000, ttl(TTL);
}

fn number(name: &str) -> Option<u64> {
    let said = std::env::var(name).ok()?;
    Some(said.parse().unwrap_or_else(|_| panic!("{name} = {said} is no number")))
}

fn cases<T: Numbered>() {
    let said = number("MEMQ_SEED");
    let first = said.unwrap_or_else(|| fastrand::u64(..));
    let cases = said.map_or_else(|| number("MEMQ_CASES").unwrap_or(CASES), |_| 1);
    let topic = std::any::type_name::<T>();
    println!("{topic}: MEMQ_SEED={first} and those after it, {cases} cases");
    for seed in (0..cases).map(|case| first.wrapping_add(case)) {
        let case = tokio::task::unconstrained(Run::<T>::all(seed));
        let ended = catch_unwind(AssertUnwindSafe(|| common::paused().block_on(case)));
        if let Err(panic) = ended {
            println!("MEMQ_SEED={seed} fails for {topic}");
            resume_unwind(panic);
        }
    }
}

#[test]
fn topics_that_drop_the_oldest_do_what_the_list_says() {
    cases::<Drop1>();
    cases::<Drop7>();
    cases::<Drop300>();
    cases::<Drop2000>();
    cases::<DropOld>();
    cases::<DropNone>();
}

#[test]
fn topics_that_reject_do_what_the_list_says() {
    cases::<Reject2>();
    cases::<Reject300>();
    cases::<Reject2000>();
    cases::<RejectOld>();
}

#[test]
fn topics_whose_publishers_wait_do_what_the_list_says() {
    cases::<Wait7>();
    cases::<Wait300>();
    cases::<Wait2000>();
    cases::<WaitOld>();
}
