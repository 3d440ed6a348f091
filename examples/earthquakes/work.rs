//! What is done with the events, whatever keeps the topics.

use std::collections::BTreeMap;
use std::path::Path;

use memq::{Broker, Overflow, Record, RecvError, Subscriber, Topic};
use serde_json::value::RawValue;

use crate::archive::{self, Archive};
use crate::quake::Quake;
use crate::report::{self, Progress, Report};

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// The topic of what is not a valid event.
pub const REJECTED: &str = "quakes.rejected";

/// Publishes everything, with all subscribers at work, and reports.
pub async fn work(broker: &Broker, features: &[&RawValue], path: Option<&Path>) -> Result<Report> {
    let (archive, file) = Archive::create(path)?;

    // Subscribers first: a topic that waits makes room only for what they all have read.
    let by_network = broker.subscriber::<Quake>().await?;
    let strongest = broker.subscriber::<Quake>().await?;
    let alerts =
        broker.subscriber::<Quake>().filter(|quake: &Quake| quake.magnitude >= 4.5).await?;
    let records = broker.topic(Quake::SPEC.name()).subscriber().await?;
    let rejected = broker.topic(REJECTED).max(256).overflow(Overflow::Wait);

    let by_network = tokio::spawn(count_by_network(by_network));
    let strongest = tokio::spawn(find_strongest(strongest));
    let alerts = tokio::spawn(count(alerts));
    let archived = tokio::spawn(archive::write(records, file));
    let reasons = tokio::spawn(count_reasons(rejected.subscriber().await?));

    let quakes = broker.publisher::<Quake>().await?;
    let rejected = rejected.publisher().await?;
    let progress = Progress::new(features.len());
    for (index, feature) in features.iter().enumerate() {
        match Quake::from_feature(feature.get()) {
            Ok(quake) => {
                quakes.publish(quake).await?;
            }
            Err(reason) => {
                rejected
                    .publish_bytes(feature.get().to_owned())
                    .header("reason", reason)
                    .header("feature", index.to_string())
                    .await?;
            }
        }
        progress.show(index + 1);
    }

    // Publishing ends here; whoever reads drains what is there, and then reads the end.
    broker.close(Quake::SPEC.name()).await?;
    broker.close(REJECTED).await?;
    let report = Report {
        read: features.len() as u64,
        published: broker.stats(Quake::SPEC.name()).await?.published,
        by_network: by_network.await??,
        strongest: strongest.await??,
        alerts: alerts.await??,
        reasons: reasons.await??,
        archived: archived
            .await?
            .map_err(|error| format!("{}: {}", archive.path.display(), report::explain(&*error)))?,
        archive: path.map(Path::to_owned),
    };

    let mut published =
        features.iter().filter_map(|feature| Quake::from_feature(feature.get()).ok());
    let read_back = archive.read(|quake: Quake| match published.next() {
        Some(original) if original == quake => Ok(()),
        _ => Err(format!("event {} in the archive is not the one published", quake.id).into()),
    })?;
    if published.next().is_some() || read_back != report.archived {
        return Err("the archive lacks events".into());
    }
    report.check()?;
    Ok(report)
}

async fn count_by_network(
    mut quakes: Subscriber<Quake>,
) -> Result<BTreeMap<String, u64>, RecvError> {
    let mut counts = BTreeMap::new();
    while let Some(quake) = quakes.next().await.transpose()? {
        *counts.entry(quake.into_inner().network).or_default() += 1;
    }
    Ok(counts)
}

/// Of equally strong ones, the first.
async fn find_strongest(mut quakes: Subscriber<Quake>) -> Result<Option<Quake>, RecvError> {
    let mut strongest: Option<Quake> = None;
    while let Some(quake) = quakes.next().await.transpose()? {
        if strongest.as_ref().is_none_or(|strongest| quake.magnitude > strongest.magnitude) {
            strongest = Some(quake.into_inner());
        }
    }
    Ok(strongest)
}

async fn count(mut quakes: Subscriber<Quake>) -> Result<u64, RecvError> {
    let mut count = 0;
    while quakes.next().await.transpose()?.is_some() {
        count += 1;
    }
    Ok(count)
}

async fn count_reasons(
    mut rejected: Subscriber<Record>,
) -> Result<BTreeMap<String, u64>, RecvError> {
    let mut reasons = BTreeMap::new();
    while let Some(record) = rejected.next().await.transpose()? {
        let reason = record.headers().get("reason").unwrap_or("no reason given");
        *reasons.entry(reason.to_owned()).or_default() += 1;
    }
    Ok(reasons)
}
