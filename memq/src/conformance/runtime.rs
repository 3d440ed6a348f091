//! Runtimes and tasks for the cases, which the library itself has no use for.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::kit::Failure;
use super::{Backend, Case, Outcome};

/// Longer than a case takes, with what it leaves behind.
const AT_MOST: Duration = Duration::from_secs(75);

/// On which runtime a case runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Threads {
    /// On tokio's runtime for one thread.
    One,
    /// On its runtime for several.
    Several,
}

impl Threads {
    fn runtime(self) -> Result<Runtime, Failure> {
        let mut builder = match self {
            Self::One => Builder::new_current_thread(),
            Self::Several => Builder::new_multi_thread(),
        };
        Ok(builder.enable_all().worker_threads(2).build()?)
    }
}

/// Runs a case on a runtime of its own, for use in a test. Where it is left out, it says so on
/// standard error.
///
/// # Panics
///
/// Where the case fails, with what was seen.
pub fn check<B: Backend>(backend: &Arc<B>, case: &Case, threads: Threads) {
    let (tell, told) = std::sync::mpsc::channel();
    let (one, on) = (*case, backend.clone());
    // On a thread of its own, so that one that never lets go of it ends nevertheless.
    std::thread::spawn(move || drop(tell.send(run(on, one, threads))));
    let outcome = match told.recv_timeout(AT_MOST) {
        Ok(outcome) => outcome,
        Err(_) => Err(Failure::new("it did not end, nor let go of its thread")),
    };
    match outcome {
        Ok(Outcome::Passed) => {}
        Ok(Outcome::LeftOut(lacks)) => {
            let text = format!("LEFT OUT: {}: this back end lacks {lacks:?}\n", case.name());
            drop(std::io::stderr().write_all(text.as_bytes()));
        }
        Err(failure) => panic!("{}, on {threads:?}: {failure}", case.name()),
    }
}

fn run<B: Backend>(backend: Arc<B>, case: Case, threads: Threads) -> Result<Outcome, Failure> {
    let runtime = threads.runtime()?;
    // In a task of its own, so that on several threads it is a worker that runs it.
    let running = runtime.spawn(async move { case.run(&backend).await });
    let outcome = runtime.block_on(running)?;
    // What the tasks of a case hold is dropped, and where one hangs nobody waits.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// A task of a case.
#[expect(clippy::disallowed_methods, reason = "cases do several things at once, as programs do")]
pub(super) fn task<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future)
}
