//! What is measured, by name.

mod group;
mod publish;
mod read;

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use memq_benches::measure::{Outcome, Row, Workload};

use crate::site::Site;

/// What the client does that memq is compared with.
pub const BASE: &str = "raw";

/// Where they run; there by the time they do.
pub type Place = Rc<OnceCell<Arc<Site>>>;

/// All of them.
pub fn all(site: &Place) -> Vec<Workload> {
    let mut all = publish::all(site);
    all.extend(group::all(site));
    all.extend(read::all(site));
    all
}

/// Something that takes time, with so many messages; says how many of them arrived, and when.
fn row<F: Future<Output = (Duration, u64)> + Send + 'static>(
    site: &Place,
    peer: &'static str,
    run: impl Fn(Arc<Site>, u64) -> F + 'static,
) -> Row {
    let site = site.clone();
    let run = move |count| {
        let site = site.get().expect("a server");
        // As a task, as programs do.
        let task = site.runtime.spawn(run(site.clone(), count));
        let (elapsed, delivered) = site.runtime.block_on(task).expect("a run");
        let value = delivered as f64 / elapsed.as_secs_f64().max(1e-9);
        Outcome { value, elapsed, count, delivered, expected: count, duplicates: 0 }
    };
    Row { peer, run: Box::new(run) }
}

/// How long it took since then.
fn since(began: Instant) -> Duration {
    began.elapsed()
}
