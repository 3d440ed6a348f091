//! The log through its public interface against a plain reference model.
//!
//! Each case is a topic with random options and a random list of steps; after every step what was
//! returned, what was woken and every number of the statistics must be what the model says.
//! `PROPTEST_CASES` raises the number of cases. Failing seeds are kept beside this file.

#[path = "../common/mod.rs"]
mod common;
mod reference;
mod run;
mod steps;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use run::Run;
use steps::{options, steps};

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/model/proptest-regressions.txt",
        ))),
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_log_does_what_its_model_says(options in options(), steps in steps()) {
        common::paused().block_on(async {
            let topic = Run::open(options).await;
            let mut run = Run::new(&topic).await;
            for step in steps {
                run.step(step).await;
            }
        });
    }
}
