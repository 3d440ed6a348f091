//! Two thousand flights through a consumer group whose work goes wrong in every way: handlers fail
//! now and then, some panic, some flights can never be settled, and a worker is killed with flights in
//! its hands. At the end each flight is settled or dead-lettered, exactly once, and those of each
//! airport in order.
//!
//! What goes wrong with a flight is drawn from a seed, so a run can be repeated.
//!
//! ```text
//! cargo run --release --example flights
//! cargo run --release --example flights -- --seed 7 --workers 8
//! cargo run --release --example flights -- --json --file some.json
//! ```

mod flight;
mod ledger;
mod options;
mod report;
mod trouble;
mod worker;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use memq::{Backoff, Broker, Consumer, DeadLetter, OpenError, Record, Subscriber, Topic};
use tokio::sync::{Mutex, oneshot};

use self::flight::{Entry, Flight, InputError};
use self::ledger::Ledger;
use self::options::{Options, Parsed};
use self::report::Report;
use self::trouble::Troubles;
use self::worker::Worker;

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// The group that all workers are in.
const GROUP: &str = "board";

/// After so many attempts a flight is a dead letter.
const MAX_ATTEMPTS: u32 = 5;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args_os().skip(1)) {
        Ok(Parsed::Run(options)) => options,
        Ok(Parsed::Help) => {
            print!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(mistake) => {
            eprint!("flights: {mistake}\n\n{}", options::HELP);
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("flights: {}", report::explain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let path = &options.file;
    let text =
        fs::read(path).map_err(|source| InputError::Unread { path: path.clone(), source })?;
    let entries = flight::entries(&text, path)?;

    let report = work(entries, options)?;

    let text = if options.json { report.to_json() } else { report.to_string() };
    match writeln!(io::stdout(), "{text}") {
        // Nobody reads on, as with `| head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written?,
    }
    Ok(report.check()?)
}

/// Publishes everything, with all workers at work, and reports.
#[tokio::main]
async fn work(entries: Vec<Entry>, options: &Options) -> Result<Report> {
    let broker = Broker::new();
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let read = entries.len() as u64;
    let airports = flight::airports(&entries);
    let worker = |consumer| Worker {
        consumer,
        troubles: Troubles::new(options.seed),
        ledger: ledger.clone(),
        stuck: None,
    };

    // The group first: a topic that waits makes room only for what the group has settled.
    let first = join(&broker).await?;
    let dead = first.dead_letter_topic().ok_or("the group has no dead-letter topic")?.clone();
    let letters = tokio::spawn(collect(broker.topic(dead.as_str()).subscriber().await?));

    // One worker gets stuck halfway, with flights in its hands.
    let (stuck, held) = oneshot::channel();
    let doomed = Worker { stuck: Some((read / 2, stuck)), ..worker(first) };
    let doomed = tokio::spawn(doomed.run());
    let mut workers = Vec::new();
    for _ in 1..options.workers.get() {
        workers.push(tokio::spawn(worker(join(&broker).await?).run()));
    }
    let publishing = tokio::spawn(publish(broker.clone(), entries));

    // It is killed, and another takes its place. With few flights it may end before it is stuck.
    let held = match held.await {
        Ok(held) => {
            doomed.abort();
            let ended = doomed.await;
            assert!(ended.is_err_and(|error| error.is_cancelled()), "it was stuck");
            workers.push(tokio::spawn(worker(join(&broker).await?).run()));
            held
        }
        Err(_) => {
            doomed.await??;
            Vec::new()
        }
    };

    // The workers end when the topic is closed and every flight is settled or dead.
    publishing.await??;
    for worker in workers {
        worker.await??;
    }
    broker.close(&dead).await?;
    let letters = letters.await??;
    let stats = broker.stats(Flight::SPEC.name()).await?;
    let ledger = std::mem::take(&mut *ledger.lock().await);
    Ok(Report { read, airports, held, letters, stats, ledger })
}

/// Another member of the group. What is said of the group has to be the same for each; the back-off is
/// a member's own.
async fn join(broker: &Broker) -> Result<Consumer<Flight>, OpenError> {
    broker
        .subscriber::<Flight>()
        .group(GROUP)
        .max_attempts(MAX_ATTEMPTS)
        .ack_deadline(Duration::from_secs(60))
        .backoff(Backoff::exponential(Duration::from_millis(1), Duration::from_millis(8)))
        .await
}

/// Publishes everything in the order of the file, and closes the topic, also if that fails.
async fn publish(broker: Broker, entries: Vec<Entry>) -> Result<()> {
    let published = publish_all(&broker, entries).await;
    broker.close(Flight::SPEC.name()).await?;
    published
}

async fn publish_all(broker: &Broker, entries: Vec<Entry>) -> Result<()> {
    let flights = broker.publisher::<Flight>().await?;
    let raw = broker.topic(Flight::SPEC.name()).publisher().await?;
    for entry in entries {
        match entry {
            Entry::Flight(flight) => flights.publish(flight).await?,
            // Published as it is: no worker can decode it, so it is a dead letter.
            Entry::Damaged(json) => raw.publish_bytes(json).await?,
        };
    }
    Ok(())
}

/// Why each dead letter is there, until their topic is closed. As records, since not all of them can
/// be decoded.
async fn collect(mut letters: Subscriber<Record>) -> Result<Vec<DeadLetter>> {
    let mut reasons = Vec::new();
    while let Some(record) = letters.next().await.transpose()? {
        reasons.push(DeadLetter::of(record.headers()).ok_or("a dead letter has no reason")?);
    }
    Ok(reasons)
}
