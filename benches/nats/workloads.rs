//! What is measured, by name.

mod group;
mod publish;
mod read;

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

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
fn row<F: Future<Output = (Taken, u64)> + Send + 'static>(
    site: &Place,
    peer: &'static str,
    run: impl Fn(Arc<Site>, u64) -> F + 'static,
) -> Row {
    let site = site.clone();
    let run = move |count| {
        let site = site.get().expect("a server");
        // As a task, as programs do.
        let task = site.runtime.spawn(run(site.clone(), count));
        let (Taken { elapsed, cpu }, delivered) = site.runtime.block_on(task).expect("a run");
        let value = delivered as f64 / elapsed.as_secs_f64().max(1e-9);
        Outcome { value, elapsed, count, delivered, expected: count, duplicates: 0, cpu }
    };
    Row { peer, run: Box::new(run) }
}

/// How long something takes.
struct Stopwatch {
    began: Instant,
    cpu: Duration,
}

/// How long it took, and what this process had of the processor meanwhile.
struct Taken {
    elapsed: Duration,
    cpu: Duration,
}

impl Stopwatch {
    fn start() -> Self {
        Self { cpu: cpu(), began: Instant::now() }
    }

    fn stop(self) -> Taken {
        let elapsed = self.began.elapsed();
        Taken { elapsed, cpu: cpu().saturating_sub(self.cpu) }
    }
}

/// What the threads of this process had of the processor so far; zero where the system does not tell.
fn cpu() -> Duration {
    let threads = || -> io::Result<u64> {
        let mut sum = 0;
        for thread in fs::read_dir("/proc/self/task")? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            let nanos = text.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok());
            sum += nanos.unwrap_or_default();
        }
        Ok(sum)
    };
    Duration::from_nanos(threads().unwrap_or_default())
}
