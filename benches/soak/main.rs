//! Full speed for a long time, with readers and group members that are slow, fast, come and go: the
//! memory at the end is that near the start. `scripts/soak` runs it.

mod load;
mod memory;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use load::Counts;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let seconds = match (args.next().map(|seconds| seconds.parse()), args.next()) {
        (None, _) => 600,
        (Some(Ok(seconds @ 10..=86_400)), None) => seconds,
        _ => {
            eprintln!("soak takes a number of seconds, 10 to 86400");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let counts = Arc::new(Counts::default());
    let began = Instant::now();
    let samples = runtime.block_on(async {
        let load = load::start(&counts).await;
        let samples = sample(seconds).await;
        drop(load);
        samples
    });
    let elapsed = began.elapsed();
    runtime.shutdown_timeout(Duration::from_secs(5));
    counts.print(elapsed);
    match memory::judge(&samples) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(said) => {
            eprintln!("soak: {said}");
            ExitCode::FAILURE
        }
    }
}

/// The resident memory, each second.
async fn sample(seconds: u64) -> Vec<u64> {
    let mut samples = Vec::with_capacity(seconds as usize);
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.tick().await;
    for second in 1..=seconds {
        ticks.tick().await;
        samples.extend(memory::resident());
        if second % 60 == 0 {
            let mebibytes = samples.last().map_or(0, |bytes| bytes >> 20);
            eprintln!("{second:>5} s  {mebibytes} MiB");
        }
    }
    samples
}
