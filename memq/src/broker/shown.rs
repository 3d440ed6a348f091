//! Records as JSON, through the types that have their topic.

use serde_json::Value;

use super::{Broker, Home, binding, find, not_found};
use crate::error::{DecodeError, Error};
use crate::name::TopicName;
use crate::record::Record;

impl Broker {
    /// A record of a topic as JSON, for tools that show what is in it.
    ///
    /// Records whose format describes itself are read as [`Record::to_json`] does. Of others fields have
    /// only positions: those are read as the type that they were written from, where this process has
    /// opened the topic with it, and with their fingerprint compared.
    ///
    /// ```
    /// # #[cfg(feature = "postcard")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), memq::Error> {
    /// # use memq::{Broker, Topic};
    /// # use serde::{Deserialize, Serialize};
    /// #[derive(Serialize, Deserialize, Topic)]
    /// #[topic(name = "stock", format = Postcard)]
    /// struct Stock { item: String, left: u32 }
    ///
    /// # let broker = Broker::new();
    /// let stock = broker.publisher::<Stock>().await?;
    /// stock.publish(Stock { item: "tea".into(), left: 3 }).await?;
    ///
    /// let record = broker.topic("stock").subscriber().await?.recv().await?;
    /// let json = broker.to_json("stock", &record).await?;
    /// assert_eq!(json.to_string(), r#"{"item":"tea","left":3}"#);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "postcard"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// [`AdminError::NotFound`](crate::AdminError::NotFound) where there is no such topic,
    /// [`DecodeError::Unavailable`] where no type that has it is what the record is of, and what
    /// [`Record::to_json`] and the codec say.
    pub async fn to_json(&self, topic: impl AsRef<str>, record: &Record) -> Result<Value, Error> {
        let topic = topic.as_ref();
        if !record.format().is_positional() {
            return Ok(record.to_json()?);
        }
        let shown = match &self.home {
            Home::Memory(registry) => binding::show(&*find(registry, topic)?, record),
            Home::Elsewhere(hub) => {
                let name = TopicName::new(topic).map_err(|_| not_found(topic))?;
                hub.find(topic).await?;
                hub.show(&name, record)
            }
        };
        let missing = || DecodeError::Unavailable {
            what: format!("JSON of {}, in which fields have no names,", record.format()),
            remedy: format!(
                "open topic {topic:?} in this process with the type of version {} first",
                record.version()
            ),
        };
        Ok(shown.ok_or_else(missing)??)
    }
}
