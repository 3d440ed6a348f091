//! A week of earthquakes through a topic on NATS JetStream: the example of the same name of memq, with
//! the same events and the same subscribers, on a server.
//!
//! It starts a server of its own on loopback, or uses one that runs:
//!
//! ```text
//! cargo run --release -p memq-nats --example nats_earthquakes
//! cargo run --release -p memq-nats --example nats_earthquakes -- --server nats://127.0.0.1:4222
//! ```
//!
//! Run in two terminals, two processes share the work of a consumer group. Which of them is first
//! does not matter:
//!
//! ```text
//! cargo run --release -p memq-nats --example nats_earthquakes -- --server nats://127.0.0.1:4222 --share monday
//! ```
//!
//! Its topics are in a namespace of their own, `quakes_` and more, and are deleted in the end.
#![allow(
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a program reads the clock and starts tasks as it likes, and shares files with another"
)]

#[path = "../../../examples/earthquakes/archive.rs"]
mod archive;
mod more;
#[path = "../../../examples/earthquakes/options.rs"]
mod options;
#[path = "../../../examples/earthquakes/quake.rs"]
mod quake;
#[path = "../../../examples/earthquakes/report.rs"]
mod report;
mod share;
#[path = "../../../examples/earthquakes/work.rs"]
mod work;

use std::process::ExitCode;
use std::time::SystemTime;

use memq::Broker;
use memq_nats::Connect;
use memq_nats_server::{Binary, Server};

use self::more::More;
use self::options::{Options, Parsed};

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// What is read where nothing else is said.
const SHIPPED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/usgs-earthquakes-week.geojson");

fn main() -> ExitCode {
    let mut more = More::default();
    let parsed =
        Options::parse(std::env::args_os().skip(1), |option, rest| more.take(option, rest));
    let options = match parsed.and_then(|parsed| more.check().map(|()| parsed)) {
        Ok(Parsed::Run(options)) => options,
        Ok(Parsed::Help) => {
            print!("{}", more::HELP);
            return ExitCode::SUCCESS;
        }
        Err(mistake) => {
            eprint!("earthquakes: {mistake}\n\n{}", more::HELP);
            return ExitCode::from(2);
        }
    };
    match run(&options, &more) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("earthquakes: {}", report::explain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, more: &More) -> Result<()> {
    // Before a server is started for it.
    let text = options.text()?;
    options.features(&text)?;
    // Ends with this, if it is one of its own.
    let own = if more.server.is_none() { Some(start()?) } else { None };
    let address = match &own {
        Some(server) => server.url(),
        None => more.server.clone().unwrap_or_default(),
    };
    work(&address, &text, options, more)
}

/// A server of its own, on loopback.
fn start() -> Result<Server> {
    let none = "there is no nats-server to start: install one with scripts/nats-servers, or give the \
                address of one that runs with --server";
    let binary = Binary::all()?.into_iter().next().ok_or(none)?;
    Ok(Server::start(&binary)?)
}

#[tokio::main]
async fn work(address: &str, text: &str, options: &Options, more: &More) -> Result<()> {
    let features = options.features(text)?;
    let archive = options.archive.as_deref();
    let namespace = match &more.share {
        Some(run) => format!("quakes_{run}"),
        None => unused_namespace()?,
    };
    let broker = Connect::new(address).name("earthquakes").namespace(&namespace).await?;
    let told = if let Some(run) = &more.share {
        let part = share::join(&broker, run).await?;
        if part.is_first() {
            eprintln!("run {run}: this process is the first of {}, and publishes;", more.processes);
            eprintln!("run {run}: start the others with --server {address} --share {run}");
            let done = part.lead(&broker, &features, archive, more.processes).await;
            let (report, shares) = cleared(&broker, done).await?;
            if options.json { shares.to_json(&report)? } else { format!("{report}\n{shares}") }
        } else {
            eprintln!("run {run}: this process is number {}, and shares the work", part.number());
            let share = part.follow(&broker).await?;
            if options.json { share.to_json().to_string() } else { share.to_string() }
        }
    } else {
        let report = cleared(&broker, work::work(&broker, &features, archive).await).await?;
        if options.json { report.to_json() } else { report.to_string() }
    };
    Ok(report::print(&told)?)
}

/// What came of a run, once its topics are deleted: all that are in the namespace.
async fn cleared<R>(broker: &Broker, done: Result<R>) -> Result<R> {
    let clear = async {
        for topic in broker.topics().await? {
            broker.delete(topic).await?;
        }
        Ok(())
    };
    let cleared: Result<()> = clear.await;
    // What went wrong first says more.
    let done = done?;
    cleared.map(|()| done)
}

/// A namespace in which there is nothing yet.
fn unused_namespace() -> Result<String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(format!("quakes_{:x}_{:x}", std::process::id(), now.as_nanos()))
}
