//! The log through its public interface against a plain reference model.
//!
//! Each case is a topic with random options and a random list of steps; after every step what was
//! returned, what was woken and every number of the statistics must be what the model says.
//! `PROPTEST_CASES` raises the number of cases. Failing seeds are kept in
//! `tests/proptest-regressions`, and what once failed is below as it was reduced.

#[path = "../common/mod.rs"]
mod common;
mod reference;
mod run;
mod steps;

use std::time::Duration;

use memq::Overflow;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use run::Run;
use steps::{Options, Place, Step, options, steps};

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "proptest-regressions/model.txt",
        ))),
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_log_does_what_its_model_says(options in options(), steps in steps()) {
        replay(options, steps);
    }
}

fn replay(options: Options, steps: impl IntoIterator<Item = Step>) {
    common::paused().block_on(async {
        let topic = Run::open(options).await;
        let mut run = Run::new(&topic).await;
        for step in steps {
            run.step(step).await;
        }
    });
}

const ONE: Options = Options { max: 1, max_bytes: 1 << 20, ttl: None, overflow: Overflow::Wait };

#[test]
fn a_waiting_publish_finds_that_the_oldest_expired() {
    let options = Options { ttl: Some(Duration::from_millis(283)), ..ONE };
    let advance = [Step::Advance(190), Step::Advance(93)];
    let begin = [Step::Publish(8), Step::Begin(8)];
    replay(options, begin.into_iter().chain(advance).chain([Step::Resume]));
}

#[test]
fn the_first_subscriber_wakes_a_publisher_that_waits() {
    let join = Step::Join(Place::Latest, None);
    replay(ONE, [Step::Publish(8), Step::Begin(8), join, Step::Resume]);
}
