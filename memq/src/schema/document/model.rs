//! What is documented: topics, the messages in them, and who does what. Plain data.

use std::any::type_name;
use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde_json::Value;

use super::DocumentError;
use super::schemas::{Family, Schemas};
use super::text;
use crate::codec::Codec;
use crate::options::{DEFAULT_ACK_DEADLINE, DEFAULT_MAX_ATTEMPTS, Format, TopicOptions};
use crate::schema::Fingerprint;
use crate::topic::Topic;

/// An application, or what runs in a broker.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) title: String,
    pub(super) version: String,
    pub(super) description: Option<String>,
    pub(super) servers: BTreeMap<String, Server>,
    /// What subjects begin with, where topics are on NATS.
    pub(super) namespace: Option<String>,
    pub(super) channels: BTreeMap<String, Channel>,
    pub(super) schemas: Schemas,
}

/// Where topics are.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) protocol: String,
    pub(super) host: String,
    pub(super) path: Option<String>,
}

/// A topic.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) options: TopicOptions,
    pub(super) messages: Vec<Message>,
    pub(super) operations: Vec<(Operation, Option<String>)>,
}

/// One version of what is in a topic.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// What the documents call it: a key without dots, and no other message of the channel has it.
    pub(super) name: String,
    topic: &'static str,
    options: TopicOptions,
    pub(super) type_name: &'static str,
    pub(super) format: Format,
    pub(super) version: u16,
    pub(super) fingerprint: Option<Fingerprint>,
    contract: Contract,
    /// Its schemas, on their own.
    family: Family,
    /// Its schema among those of the model, once that is [complete](Model::complete).
    pub(super) schema: Value,
    pub(super) description: Option<String>,
    pub(super) examples: Vec<Value>,
}

/// Which of the two sides of a type is described: serde may write other things than it accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contract {
    Written,
    Accepted,
}

/// What is done with a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Publish,
    Subscribe,
    Consume(ConsumerGroup),
}

/// A consumer group, as documents describe it. What is not said is as in
/// [`ConsumerBuilder`](crate::ConsumerBuilder).
///
/// ```
/// use std::time::Duration;
/// use memq::schema::ConsumerGroup;
///
/// let billing = ConsumerGroup::new("billing")
///     .ack_deadline(Duration::from_secs(60))
///     .max_attempts(3)
///     .dead_letter("orders.unpaid");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ConsumerGroup {
    pub(super) name: String,
    pub(super) ack_deadline: Option<Duration>,
    pub(super) max_attempts: Option<u32>,
    pub(super) dead_letter: DeadLetters,
    pub(super) any_order: bool,
    /// Whether messages are settled when they are handed out; `None` where that is not known.
    pub(super) auto_ack: Option<bool>,
}

/// Where a group's dead letters go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DeadLetters {
    /// To `{topic}.{group}.dead`.
    Default,
    To(String),
    /// It has none.
    Nowhere,
}

impl ConsumerGroup {
    /// A group of this name, with the rules that a group has if nothing is said. The name is shown as it
    /// is; whether a group can have it is found out by who opens one.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ack_deadline: Some(DEFAULT_ACK_DEADLINE),
            max_attempts: Some(DEFAULT_MAX_ATTEMPTS),
            dead_letter: DeadLetters::Default,
            any_order: false,
            auto_ack: Some(false),
        }
    }

    /// How long a message may be in flight before it comes back.
    pub fn ack_deadline(mut self, deadline: Duration) -> Self {
        self.ack_deadline = Some(deadline);
        self
    }

    /// How often a message is handed out before it is a dead letter.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// The name of its dead-letter topic.
    pub fn dead_letter(mut self, topic: impl Into<String>) -> Self {
        self.dead_letter = DeadLetters::To(topic.into());
        self
    }

    /// It gives no message up.
    pub fn without_dead_letters(mut self) -> Self {
        (self.dead_letter, self.max_attempts) = (DeadLetters::Nowhere, None);
        self
    }

    /// Messages of one key do not wait for each other.
    pub fn any_order(mut self) -> Self {
        self.any_order = true;
        self
    }

    /// Messages are settled when they are handed out, and there are no dead letters.
    pub fn auto_ack(mut self) -> Self {
        self.auto_ack = Some(true);
        (self.dead_letter, self.max_attempts) = (DeadLetters::Nowhere, None);
        self.ack_deadline = None;
        self
    }

    /// The dead-letter topic that it has in this topic.
    pub(super) fn dead_letter_topic(&self, topic: &str) -> Option<String> {
        match &self.dead_letter {
            DeadLetters::Default => Some(format!("{topic}.{}.dead", self.name)),
            DeadLetters::To(name) => Some(name.clone()),
            DeadLetters::Nowhere => None,
        }
    }
}

impl Server {
    /// That of a URL; `nats` where none says how it is spoken to.
    pub(super) fn of(url: &str) -> Self {
        let (protocol, rest) = url.split_once("://").unwrap_or(("nats", url));
        // What is before an `@` is nobody's business, also where it is in no good form, as a password
        // with a `/`, or that of one more server; nor is what is asked of the server.
        let rest = rest.rsplit('@').next().unwrap_or(rest);
        let rest = rest.split(['?', '#']).next().unwrap_or(rest);
        let (host, path) = match rest.split_once('/') {
            Some((host, path)) if !path.is_empty() => (host, Some(format!("/{path}"))),
            Some((host, _)) => (host, None),
            None => (rest, None),
        };
        Self { protocol: protocol.to_owned(), host: host.to_owned(), path }
    }
}

impl Message {
    pub(super) fn of<T: Topic + JsonSchema>(contract: Contract) -> Self {
        let format = <T::Codec as Codec<T>>::FORMAT;
        let version = T::SPEC.schema_version();
        let name = text::key(&T::schema_name());
        Self {
            name: if version == 1 { name } else { format!("{name}-v{version}") },
            topic: T::SPEC.name(),
            options: TopicOptions { format, ..T::SPEC.request().over(TopicOptions::default()) },
            type_name: type_name::<T>(),
            format,
            version,
            fingerprint: T::SHAPE.filter(|_| format.is_positional()),
            contract,
            family: Family::of::<T>(contract),
            schema: Value::Null,
            description: None,
            examples: Vec::new(),
        }
    }
}

impl Channel {
    pub(super) fn new(options: TopicOptions) -> Self {
        Self { options, messages: Vec::new(), operations: Vec::new() }
    }

    /// This name, with a number where another message has it.
    fn fresh(&self, name: &str) -> String {
        let taken = |name: &str| self.messages.iter().any(|message| message.name == name);
        let (mut fresh, mut number) = (name.to_owned(), 1);
        while taken(&fresh) {
            number += 1;
            fresh = format!("{name}-{number}");
        }
        fresh
    }
}

impl Model {
    pub(super) fn new(title: String, version: String) -> Self {
        Self {
            title,
            version,
            description: None,
            servers: BTreeMap::new(),
            namespace: None,
            channels: BTreeMap::new(),
            schemas: Schemas::default(),
        }
    }

    /// Adds an operation with this message. What is published describes its message, also where it is
    /// read besides.
    pub(super) fn operate(&mut self, mut message: Message, operation: Operation) {
        let options = message.options;
        let channel =
            self.channels.entry(message.topic.to_owned()).or_insert_with(|| Channel::new(options));
        let known = channel.messages.iter().position(|of| of.type_name == message.type_name);
        message.name = match known {
            Some(at) => channel.messages[at].name.clone(),
            None => channel.fresh(&message.name),
        };
        let operation = (operation, Some(message.name.clone()));
        if !channel.operations.contains(&operation) {
            channel.operations.push(operation);
        }
        match known.map(|at| &mut channel.messages[at]) {
            None => channel.messages.push(message),
            Some(known) if message.contract == Contract::Written => {
                message.examples = std::mem::take(&mut known.examples);
                *known = message;
            }
            Some(_) => {}
        }
    }

    /// The same, with the schemas of all messages gathered.
    pub(super) fn complete(&self) -> Self {
        let mut model = self.clone();
        for message in model.channels.values_mut().flat_map(|channel| &mut channel.messages) {
            message.schema = model.schemas.add(message.family.clone());
            message.description = model.schemas.description(&message.schema);
        }
        model
    }

    /// The message of a type that was named.
    pub(super) fn message<T: Topic>(&mut self) -> Result<&mut Message, DocumentError> {
        let name = type_name::<T>();
        let mut messages =
            self.channels.get_mut(T::SPEC.name()).into_iter().flat_map(|of| of.messages.iter_mut());
        let found = messages.find(|message| message.type_name == name);
        found.ok_or_else(|| DocumentError::Unnamed { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_shown_without_secrets() {
        for (url, protocol, host, path) in [
            ("nats://a.example:4222", "nats", "a.example:4222", None),
            ("tls://u:secret@a.example/", "tls", "a.example", None),
            ("u:secret@a.example/in", "nats", "a.example", Some("/in")),
            ("nats://u:sec/ret?@a.example", "nats", "a.example", None),
            ("nats://u:secret@a:1,nats://u:secret@b:2", "nats", "b:2", None),
            ("ws://a.example/in?token=secret", "ws", "a.example", Some("/in")),
        ] {
            let server = Server::of(url);
            let shown = (&*server.protocol, &*server.host, server.path.as_deref());
            assert_eq!(shown, (protocol, host, path), "{url}");
        }
    }
}
