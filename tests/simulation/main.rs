//! Consumer groups through their public interface against a plain reference model.
//!
//! Each case is a topic with random options and groups with random rules, and a random list of
//! steps; after every step what was returned, who was woken and every number of the statistics must
//! be what the model says. At the end every message must have ended once.
//!
//! `MEMQ_SEED` replays the case of that seed alone, and `MEMQ_STEPS` says how many steps are taken
//! in all. A case that fails is made smaller, and printed with its seed so that it can be kept below.

mod check;
#[path = "../common/mod.rs"]
mod common;
mod group;
mod kept;
mod reference;
mod run;
mod steps;

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use fastrand::Rng;

use run::Run;
use steps::{Options, Step, lending, options, steps};

/// Steps of one case, and of all of them where nothing is said.
const LENGTH: usize = 250;
const STEPS: usize = 120_000;

fn replay(options: Options, steps: impl IntoIterator<Item = Step>) {
    common::paused().block_on(tokio::task::unconstrained(async {
        let topic = Run::open(options).await;
        let mut run = Run::new(&topic);
        for step in steps {
            run.step(step).await;
        }
        run.drain().await;
    }));
}

fn number(name: &str) -> Option<u64> {
    let said = std::env::var(name).ok()?;
    Some(said.parse().unwrap_or_else(|_| panic!("{name} = {said} is no number")))
}

fn fails(options: &Options, steps: &[Step]) -> bool {
    catch_unwind(AssertUnwindSafe(|| replay(options.clone(), steps.to_vec()))).is_err()
}

/// Leaves out steps for as long as the case fails without them.
fn smaller(options: &Options, mut steps: Vec<Step>) -> Vec<Step> {
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let mut chunk = steps.len().div_ceil(2);
    loop {
        let mut at = 0;
        let before = steps.len();
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + chunk).min(steps.len()));
            if fails(options, &fewer) { steps = fewer } else { at += chunk }
        }
        if chunk == 1 && steps.len() == before {
            break;
        }
        chunk = chunk.div_ceil(2);
    }
    set_hook(hook);
    steps
}

#[test]
fn groups_do_what_their_model_says() {
    simulate(options);
}

#[test]
fn members_that_claim_ahead_do_what_their_model_says() {
    simulate(lending);
}

fn simulate(options: fn(&mut Rng) -> Options) {
    let said = number("MEMQ_SEED");
    let first = said.unwrap_or_else(|| fastrand::u64(..));
    let cases = number("MEMQ_STEPS").map_or(STEPS, |steps| steps as usize).div_ceil(LENGTH);
    println!("MEMQ_SEED={first} and those after it, {cases} cases");
    for case in 0..if said.is_some() { 1 } else { cases as u64 } {
        let seed = first.wrapping_add(case);
        let mut rng = Rng::with_seed(seed);
        let (options, steps) = (options(&mut rng), steps(&mut rng, LENGTH));
        if fails(&options, &steps) {
            let steps = smaller(&options, steps);
            println!("MEMQ_SEED={seed} fails; what is left of it:\n{options:?}\n{steps:?}");
            replay(options, steps);
        }
    }
}
