//! Several processes that share the work of a consumer group: each event goes to one of them, and each
//! process says in the end what it did.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use memq::{Broker, Consumer, PublishError, RecvError, Start, Topic};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::quake::Quake;
use crate::report::Report;
use crate::{Result, work};

/// How long a process may take to say what it did, once all is done.
const PATIENCE: Duration = Duration::from_secs(30);

/// The group whose work is shared.
const GROUP: &str = "assessors";

/// A process is there. The one whose message is the first of this topic publishes the events.
#[derive(Serialize, Deserialize, Topic)]
#[topic(name = "processes", format = Json)]
struct Process {
    pid: u32,
}

/// What a process did of the work of the group.
#[derive(Clone, Serialize, Deserialize, Topic)]
#[topic(name = "shares", format = Json)]
pub struct Share {
    run: String,
    /// From 1 on, in the order in which they came.
    process: u64,
    by_network: BTreeMap<String, u64>,
}

/// What all processes did.
pub struct Shares(Vec<Share>);

/// The part of this process in a run.
pub struct Part {
    run: String,
    number: u64,
    /// It takes events from the group, until there are no more.
    assessing: JoinHandle<Result<BTreeMap<String, u64>, RecvError>>,
}

/// Takes part in a run, and is a member of its group from now on.
pub async fn join(broker: &Broker, run: &str) -> Result<Part> {
    // No order, since each event stands for itself; and a few at once, so that there are some for the
    // others.
    let events = broker.subscriber::<Quake>().group(GROUP).any_order().max_in_flight(8).await?;
    let here = broker.publisher::<Process>().await?;
    let offset = match here.publish(Process { pid: std::process::id() }).await {
        Err(PublishError::Closed(_)) => {
            return Err(format!("run {run} has all its processes: give another name").into());
        }
        told => told?,
    };
    // Not earlier: who is told to go away takes nothing with it.
    let assessing = tokio::spawn(assess(events));
    Ok(Part { run: run.to_owned(), number: offset.0 + 1, assessing })
}

/// Looks at each event that this process is handed.
async fn assess(mut events: Consumer<Quake>) -> Result<BTreeMap<String, u64>, RecvError> {
    let mut counts = BTreeMap::new();
    while let Some(event) = events.next().await.transpose()? {
        let network = event.network.clone();
        // Counted only if it is settled: otherwise somebody is handed it again, and counts it.
        if event.ack_confirmed().await.is_ok() {
            *counts.entry(network).or_default() += 1;
        }
    }
    Ok(counts)
}

impl Part {
    /// From 1 on, in the order in which processes came.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether this process publishes.
    pub fn is_first(&self) -> bool {
        self.number == 1
    }

    /// Waits until there are so many processes, does what the example does, and gathers what each did.
    pub async fn lead(
        self,
        broker: &Broker,
        features: &[&RawValue],
        archive: Option<&Path>,
        count: usize,
    ) -> Result<(Report, Shares)> {
        let Part { run, number, assessing } = self;
        let mut processes = broker.subscriber::<Process>().from(Start::Earliest).await?;
        for _ in 0..count {
            let process = processes.recv().await?;
            eprintln!("run {run}: process {} is there", process.pid);
        }
        // Whoever comes later is told so.
        broker.close(Process::SPEC.name()).await?;

        let mut told = broker.subscriber::<Share>().from(Start::Earliest).await?;
        let report = work::work(broker, features, archive).await?;
        let mut shares = vec![Share { run, process: number, by_network: assessing.await?? }];
        while shares.len() < count {
            let Some(share) = told.recv_timeout(PATIENCE).await? else {
                let missing = count - shares.len();
                return Err(
                    format!("{missing} of {count} processes do not say what they did").into()
                );
            };
            shares.push(share.into_inner());
        }
        shares.sort_by_key(|share| share.process);
        let shares = Shares(shares);
        shares.check(&report)?;
        Ok((report, shares))
    }

    /// Takes its share of the events, and says what it was.
    pub async fn follow(self, broker: &Broker) -> Result<Share> {
        let Part { run, number, assessing } = self;
        let share = Share { run, process: number, by_network: assessing.await?? };
        broker.publisher::<Share>().await?.publish(share.clone()).await?;
        Ok(share)
    }
}

impl Share {
    /// How many events it settled.
    fn settled(&self) -> u64 {
        self.by_network.values().sum()
    }

    pub fn to_json(&self) -> Value {
        json!({
            "run": self.run,
            "process": self.process,
            "settled": self.settled(),
            "by_network": self.by_network,
        })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events settled by process {}", self.settled(), self.process)
    }
}

impl Shares {
    /// Whether the group together saw what each subscriber saw: everything, and nothing twice.
    fn check(&self, report: &Report) -> Result<(), String> {
        let mut together = BTreeMap::<_, u64>::new();
        for (network, count) in self.0.iter().flat_map(|share| &share.by_network) {
            *together.entry(network.clone()).or_default() += count;
        }
        if together == report.by_network {
            Ok(())
        } else {
            Err(format!("something was lost, or done twice:\n{report}\n{self}"))
        }
    }

    /// The report with the shares, as one line.
    pub fn to_json(&self, report: &Report) -> Result<String> {
        let mut json: Value = serde_json::from_str(&report.to_json())?;
        json["shares"] = self.0.iter().map(Share::to_json).collect();
        Ok(json.to_string())
    }
}

impl fmt::Display for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shared")?;
        self.0.iter().try_for_each(|share| write!(f, "\n  {share}"))
    }
}
