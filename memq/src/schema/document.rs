//! Documents about topics, from their types: AsyncAPI for tools, and a page for people.
//!
//! Both are made from one [model](model): what an application publishes and reads, or what runs in a
//! broker. Nothing is published or read here.

mod asyncapi;
mod model;
mod page;
mod running;
mod schemas;
mod text;
mod yaml;

use std::any::type_name;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

pub use self::model::ConsumerGroup;
use self::model::{Contract, Message, Model, Operation, Server};
pub use self::running::document;
use crate::broker::Broker;
use crate::error::{AdminError, Cause};
use crate::topic::Topic;

/// What an application publishes and reads, as an [AsyncAPI 3.0](https://www.asyncapi.com/docs/reference/specification/v3.0.0)
/// document, and as a page for people.
///
/// Everything comes from the types: names and options from `#[topic(…)]`, fields and their descriptions
/// from [schemars](https://docs.rs/schemars), which reads doc comments and serde's words. A type that is
/// published is described as it is written, one that is only read as it is accepted.
///
/// Schemas, messages and operations are under the names of types, topics and groups. What AsyncAPI does not
/// take in a key is `-x` and two digits for each byte there, and a version after the first is `-v2`.
///
/// ```
/// use memq::Topic;
/// use memq::schema::{AsyncApi, ConsumerGroup};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// /// Somebody wants tea.
/// #[derive(Serialize, Deserialize, JsonSchema, Topic)]
/// #[topic(name = "orders", format = Json, ttl = "1h")]
/// struct Order {
///     /// Who pays.
///     #[topic(key)]
///     customer: u64,
///     item: String,
/// }
///
/// /// Somebody has paid.
/// #[derive(Serialize, Deserialize, JsonSchema, Topic)]
/// #[topic(name = "payments", format = Json)]
/// struct Payment {
///     order: u64,
/// }
///
/// let shop = AsyncApi::new("shop", "1.2.0")
///     .description("Sells tea.")
///     .publishes::<Order>()
///     .example(&Order { customer: 7, item: "oolong".into() })?
///     .subscribes::<Payment>()
///     .consumes::<Payment>(ConsumerGroup::new("shipping").max_attempts(3));
///
/// let json = shop.to_json();
/// assert_eq!(json["channels"]["orders"]["address"], "orders");
/// assert_eq!(json["components"]["schemas"]["Order"]["description"], "Somebody wants tea.");
/// assert_eq!(json["operations"]["publish.orders"]["action"], "send");
/// assert!(shop.to_yaml().contains("description: Who pays."));
/// assert!(shop.to_html().contains("<h1>shop"));
/// # Ok::<(), memq::schema::DocumentError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct AsyncApi {
    model: Model,
}

impl AsyncApi {
    /// An application of this name and version of its interface, which publishes and reads nothing yet.
    pub fn new(title: impl Into<String>, version: impl Into<String>) -> Self {
        Self { model: Model::new(title.into(), version.into()) }
    }

    /// What it is, in CommonMark.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.model.description = Some(text.into());
        self
    }

    /// Names a server on which its topics are: `nats://nats.example.com:4222`. May be said several
    /// times; of two with one name the later stays.
    pub fn server(mut self, name: impl Into<String>, url: &str) -> Self {
        self.model.servers.insert(name.into(), Server::of(url));
        self
    }

    /// Says that topics are streams of NATS JetStream, under this namespace (`memq` where `memq-nats` is
    /// told no other): then channels have the subjects as addresses, and messages the headers that
    /// clients in other languages see.
    pub fn on_nats(mut self, namespace: impl Into<String>) -> Self {
        self.model.namespace = Some(namespace.into());
        self
    }

    /// It publishes messages of this type.
    pub fn publishes<T: Topic + JsonSchema>(self) -> Self {
        self.operates::<T>(Contract::Written, Operation::Publish)
    }

    /// It reads all messages of this type.
    pub fn subscribes<T: Topic + JsonSchema>(self) -> Self {
        self.operates::<T>(Contract::Accepted, Operation::Subscribe)
    }

    /// It takes part in a consumer group of this type's topic.
    pub fn consumes<T: Topic + JsonSchema>(self, group: ConsumerGroup) -> Self {
        self.operates::<T>(Contract::Accepted, Operation::Consume(group))
    }

    /// Adds a value as an example of its message, as JSON shows it.
    ///
    /// # Errors
    ///
    /// [`DocumentError::Unnamed`] where nothing publishes or reads the type yet, and
    /// [`DocumentError::Example`] where JSON cannot show the value.
    pub fn example<T: Topic + Serialize>(mut self, value: &T) -> Result<Self, DocumentError> {
        let shown = |source: serde_json::Error| DocumentError::Example {
            name: type_name::<T>().to_owned(),
            source: source.into(),
        };
        let example = serde_json::to_value(value).map_err(shown)?;
        self.model.message::<T>()?.examples.push(example);
        Ok(self)
    }

    /// Adds what runs in a broker now, as [`document`] does.
    ///
    /// # Errors
    ///
    /// [`DocumentError::Broker`] where the topics are kept elsewhere, and that cannot be reached.
    pub async fn running(mut self, broker: &Broker) -> Result<Self, DocumentError> {
        running::add(&mut self.model, broker).await?;
        Ok(self)
    }

    fn operates<T: Topic + JsonSchema>(mut self, contract: Contract, operation: Operation) -> Self {
        self.model.operate(Message::of::<T>(contract), operation);
        self
    }

    /// The AsyncAPI document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        asyncapi::write(&self.model.complete())
    }

    /// The AsyncAPI document as YAML.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        yaml::write(&self.to_json())
    }

    /// A page for people: topics, their fields, versions and limits, who publishes and who reads. One
    /// file that loads nothing, with all text escaped.
    #[must_use]
    pub fn to_html(&self) -> String {
        page::write(&self.model.complete())
    }
}

/// A document could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// An example of a type that nothing publishes or reads.
    #[error(
        "nothing publishes or reads `{name}`: say `publishes` or `subscribes` before its example"
    )]
    Unnamed {
        /// The type.
        name: String,
    },
    /// A value that JSON cannot show.
    #[error("the example of `{name}` cannot be shown as JSON")]
    Example {
        /// Its type.
        name: String,
        /// Why not.
        source: Cause,
    },
    /// The broker could not be asked.
    #[error(transparent)]
    Broker(#[from] AdminError),
}
