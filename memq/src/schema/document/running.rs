//! What runs in a broker, as a document.

use super::model::{Channel, ConsumerGroup, Model, Operation};
use super::{AsyncApi, DocumentError};
use crate::broker::Broker;
use crate::engine::stats::GroupStats;
use crate::error::AdminError;

/// What runs in a broker now: every topic with the options it runs with, and every consumer group.
///
/// A broker does not know the schemas of its topics: name their types afterwards, by
/// [`publishes`](AsyncApi::publishes) and [`subscribes`](AsyncApi::subscribes). The options stay those of
/// the broker. Of a group it tells the name, the order and the dead-letter topic; its other rules are
/// not in the document. Groups whose names begin with `memq-` are memq's own, as that of a
/// [`bridge`](fn@crate::bridge), and not in it either.
///
/// ```
/// # use memq::{Broker, Topic};
/// # use schemars::JsonSchema;
/// # use serde::{Deserialize, Serialize};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), memq::schema::DocumentError> {
/// # #[derive(Serialize, Deserialize, JsonSchema, Topic)]
/// # #[topic(name = "orders", format = Json)]
/// # struct Order { item: String }
/// let broker = Broker::new();
/// let options = broker.topic("orders").max(500);
/// # let _ =
/// options.subscriber().group("billing").await;
///
/// let running = memq::schema::document(&broker).await?.publishes::<Order>();
/// let json = running.to_json();
/// assert_eq!(json["channels"]["orders"]["x-memq"]["maxMessages"], 500);
/// assert_eq!(json["operations"]["consume.billing.orders"]["action"], "receive");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`DocumentError::Broker`] where the topics are kept elsewhere, and that cannot be reached.
///
/// # Cancel safety
///
/// Dropped, nothing was learned.
pub async fn document(broker: &Broker) -> Result<AsyncApi, DocumentError> {
    AsyncApi::new("memq", env!("CARGO_PKG_VERSION")).running(broker).await
}

/// Adds what runs. Options are as the broker has them; what was said of a group stays.
pub(super) async fn add(model: &mut Model, broker: &Broker) -> Result<(), DocumentError> {
    for name in broker.topics().await? {
        let (options, stats) = match (broker.options(&name).await, broker.stats(&name).await) {
            (Ok(options), Ok(stats)) => (options, stats),
            // It was deleted meanwhile.
            (Err(AdminError::NotFound { .. }), _) | (_, Err(AdminError::NotFound { .. })) => {
                continue;
            }
            (Err(error), _) | (_, Err(error)) => return Err(error.into()),
        };
        let known = model.channels.remove(name.as_str());
        let mut channel = known.unwrap_or_else(|| Channel::new(options));
        channel.options = options;
        // Those of memq itself are no operations of the application.
        for group in stats.groups.iter().filter(|group| !group.name.starts_with("memq-")) {
            let named = |(operation, _): &(Operation, _)| match operation {
                Operation::Consume(known) => known.name == group.name,
                _ => false,
            };
            if !channel.operations.iter().any(named) {
                channel.operations.push((Operation::Consume(ConsumerGroup::of(group)), None));
            }
        }
        model.channels.insert(name.to_string(), channel);
    }
    Ok(())
}

impl ConsumerGroup {
    /// What statistics tell of a group.
    fn of(group: &GroupStats) -> Self {
        let mut rules = Self::new(&group.name);
        rules = match &group.dead_letter_topic {
            Some(topic) => rules.dead_letter(topic),
            None => rules.without_dead_letters(),
        };
        (rules.ack_deadline, rules.max_attempts, rules.auto_ack) = (None, None, None);
        rules.any_order = group.any_order;
        rules
    }
}
