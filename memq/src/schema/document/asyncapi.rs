//! The model as an AsyncAPI 3.0 document: <https://www.asyncapi.com/docs/reference/specification/v3.0.0>.
//!
//! What the specification has no word for is under `x-memq`.

use serde_json::{Map, Value, json};

use super::model::{Channel, ConsumerGroup, Message, Model, Operation};
use super::text;
use crate::options::{Compression, Format, TopicOptions};

/// The document.
pub(super) fn write(model: &Model) -> Value {
    let mut info = json!({ "title": model.title, "version": model.version });
    put(&mut info, "description", model.description.clone());
    let mut document = json!({ "asyncapi": "3.0.0", "info": info });
    if !model.servers.is_empty() {
        let servers = model.servers.iter().map(|(name, server)| {
            let mut at = json!({ "host": server.host, "protocol": server.protocol });
            put(&mut at, "pathname", server.path.clone());
            (text::key(name), at)
        });
        put(&mut document, "servers", Some(object(servers)));
    }
    let channels = model.channels.iter().map(|(name, of)| (name.clone(), channel(model, name, of)));
    put(&mut document, "channels", Some(object(channels)));
    put(&mut document, "operations", Some(object(operations(model))));
    let schemas = model.schemas.iter().map(|(name, schema)| (name.to_owned(), schema.clone()));
    let messages = model.channels.iter().flat_map(|(topic, channel)| {
        channel.messages.iter().map(|of| (component(topic, of), message(model, of)))
    });
    let components = json!({ "messages": object(messages), "schemas": object(schemas) });
    put(&mut document, "components", Some(components));
    document
}

fn channel(model: &Model, topic: &str, channel: &Channel) -> Value {
    let messages = channel.messages.iter().map(|message| {
        let to = format!("#/components/messages/{}", component(topic, message));
        (message.name.clone(), json!({ "$ref": to }))
    });
    let address = match &model.namespace {
        Some(namespace) => format!("{namespace}.{topic}.{{partition}}.{{kind}}"),
        None => topic.to_owned(),
    };
    let mut value = json!({
        "address": address,
        "title": topic,
        "messages": object(messages),
        "x-memq": options(&channel.options),
    });
    if model.namespace.is_some() {
        let last = channel.options.partitions - 1;
        let parameters = json!({
            "partition": {
                "description": format!("The partition of the message, from 0 to {last}."),
                "default": "0",
            },
            "kind": {
                "description": "`k` for messages with a key, `n` for the others.",
                "enum": ["k", "n"],
            },
        });
        put(&mut value, "parameters", Some(parameters));
    }
    value
}

/// What a topic runs with.
fn options(options: &TopicOptions) -> Value {
    let mut value = json!({
        "format": options.format.to_string(),
        "maxMessages": options.max_messages,
        "maxBytes": options.max_bytes,
        "overflow": options.overflow.to_string(),
        "partitions": options.partitions,
        "retain": options.retain.to_string(),
    });
    if options.compression != Compression::None {
        put(&mut value, "compression", Some(options.compression.to_string()));
        put(&mut value, "level", Some(options.level));
    }
    put(&mut value, "dictionary", options.dictionary);
    put(&mut value, "ttl", options.ttl.map(text::duration));
    put(&mut value, "dedup", options.dedup.map(text::duration));
    value
}

fn operations(model: &Model) -> impl Iterator<Item = (String, Value)> {
    model.channels.iter().flat_map(|(topic, channel)| {
        channel.operations.iter().fold(Map::new(), |mut all, (operation, message)| {
            let (name, value) = self::operation(topic, operation);
            let value = all.entry(name).or_insert(value);
            if let Some(message) = message {
                let to = format!("#/channels/{topic}/messages/{message}");
                let messages = value.as_object_mut().map(|operation| {
                    operation.entry("messages").or_insert_with(|| Value::Array(Vec::new()))
                });
                if let Some(Value::Array(messages)) = messages {
                    messages.push(json!({ "$ref": to }));
                }
            }
            all
        })
    })
}

fn operation(topic: &str, operation: &Operation) -> (String, Value) {
    let channel = json!({ "$ref": format!("#/channels/{topic}") });
    match operation {
        Operation::Publish => {
            let summary = format!("Publishes to {topic}.");
            let value = json!({ "action": "send", "channel": channel, "summary": summary });
            (format!("publish.{topic}"), value)
        }
        Operation::Subscribe => {
            let summary = format!("Reads every message of {topic}.");
            let value = json!({ "action": "receive", "channel": channel, "summary": summary });
            (format!("subscribe.{topic}"), value)
        }
        Operation::Consume(group) => {
            let mut value = json!({
                "action": "receive",
                "channel": channel,
                "summary": format!("Shares the messages of {topic} in group {}.", group.name),
                "x-memq": rules(topic, group),
            });
            // The binding takes no longer one, and no group has one.
            if group.name.len() <= 255 {
                let nats = json!({ "queue": group.name, "bindingVersion": "0.1.0" });
                put(&mut value, "bindings", Some(json!({ "nats": nats })));
            }
            (format!("consume.{}.{topic}", text::key(&group.name)), value)
        }
    }
}

fn rules(topic: &str, group: &ConsumerGroup) -> Value {
    let mut value = json!({
        "group": group.name,
        "order": if group.any_order { "any" } else { "by key" },
    });
    let settled = group.auto_ack.map(|auto| if auto { "hand-out" } else { "acknowledgement" });
    put(&mut value, "settledBy", settled);
    put(&mut value, "ackDeadline", group.ack_deadline.map(text::duration));
    put(&mut value, "maxAttempts", group.max_attempts);
    put(&mut value, "deadLetterTopic", group.dead_letter_topic(topic));
    value
}

/// The name of a message among those of all topics. What is behind the last dot is the message's.
fn component(topic: &str, message: &Message) -> String {
    format!("{topic}.{}", message.name)
}

fn message(model: &Model, message: &Message) -> Value {
    let mut value = json!({
        "name": message.name,
        "title": message.type_name,
        "payload": message.schema,
        "x-memq": { "version": message.version },
    });
    put(&mut value, "description", message.description.clone());
    put(&mut value, "contentType", content_type(message.format));
    if let Some(fingerprint) = message.fingerprint {
        put(&mut value["x-memq"], "fingerprint", Some(fingerprint.to_string()));
    }
    if model.namespace.is_some() {
        put(&mut value, "headers", Some(headers(message)));
    }
    if !message.examples.is_empty() {
        let examples = message.examples.iter().map(|of| json!({ "payload": of })).collect();
        put(&mut value, "examples", Some(Value::Array(examples)));
    }
    value
}

/// The headers that clients of NATS see.
fn headers(message: &Message) -> Value {
    let mut properties = json!({
        "Memq-Key": { "type": "string", "description": "The key, if the message has one." },
        "Nats-Msg-Id": { "type": "string", "description": "Stored once for each id." },
    });
    put(
        &mut properties,
        "Content-Type",
        content_type(message.format).map(|of| json!({ "const": of })),
    );
    if message.version != 1 {
        let version = message.version.to_string();
        put(&mut properties, "Memq-Version", Some(json!({ "const": version })));
    }
    if let Some(fingerprint) = message.fingerprint {
        let fingerprint = json!({ "const": fingerprint.to_string() });
        put(&mut properties, "Memq-Fingerprint", Some(fingerprint));
    }
    json!({ "type": "object", "properties": properties })
}

/// What `Content-Type` calls a format; native messages have none.
fn content_type(format: Format) -> Option<&'static str> {
    (format != Format::Native).then(|| format.content_type())
}

/// Sets a member that is there.
fn put(object: &mut Value, key: &str, value: Option<impl Into<Value>>) {
    if let (Value::Object(map), Some(value)) = (object, value) {
        map.insert(key.to_owned(), value.into());
    }
}

fn object(members: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Object(members.into_iter().collect())
}
