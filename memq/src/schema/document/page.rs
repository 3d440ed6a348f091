//! The model as a page for people: one file that loads nothing and runs nothing.

mod fields;
mod style;

use maud::{DOCTYPE, Markup, html};

use self::fields::{anchor, definition};
use super::model::{Channel, ConsumerGroup, Message, Model, Operation};
use super::text;
use crate::options::{Compression, Overflow, Retain};

/// The page.
pub(super) fn write(model: &Model) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (model.title) " " (model.version) }
                style { (style::CSS) }
            }
            body {
                header {
                    h1 { (model.title) " " span.version { (model.version) } }
                    @if let Some(description) = &model.description { p { (description) } }
                    @for (name, server) in &model.servers {
                        p.server {
                            (name) ": " code {
                                (server.protocol) "://" (server.host)
                                @if let Some(path) = &server.path { (path) }
                            }
                        }
                    }
                }
                main {
                    (overview(model))
                    @for (name, channel) in &model.channels { (topic(model, name, channel)) }
                    (types(model))
                }
            }
        }
    };
    page.into_string()
}

/// All topics at a glance.
fn overview(model: &Model) -> Markup {
    html! {
        @if model.channels.is_empty() { p { "There are no topics." } } @else {
            div.scroll {
                table {
                    thead { tr { th { "Topic" } th { "Messages" } th { "Format" } th { "Who" } } }
                    tbody {
                        @for (name, channel) in &model.channels {
                            tr {
                                td { a href=(format!("#topic-{name}")) { (name) } }
                                td {
                                    @for (at, message) in channel.messages.iter().enumerate() {
                                        @if at > 0 { ", " }
                                        (message.name)
                                    }
                                }
                                td { (channel.options.format) }
                                td { (who(channel)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What is done with a topic, in short.
fn who(channel: &Channel) -> Markup {
    let done = |wanted: fn(&Operation) -> bool| {
        channel.operations.iter().any(|(operation, _)| wanted(operation))
    };
    let groups = groups(channel);
    html! {
        @if done(|operation| *operation == Operation::Publish) { span.badge { "published" } " " }
        @if done(|operation| *operation == Operation::Subscribe) { span.badge { "read" } " " }
        @for group in &groups { span.badge { "group " (group.name) } " " }
    }
}

/// The groups of a topic, each once.
fn groups(channel: &Channel) -> Vec<&ConsumerGroup> {
    let mut groups: Vec<&ConsumerGroup> = Vec::new();
    for (operation, _) in &channel.operations {
        if let Operation::Consume(group) = operation {
            if !groups.iter().any(|known| known.name == group.name) {
                groups.push(group);
            }
        }
    }
    groups
}

fn topic(model: &Model, name: &str, channel: &Channel) -> Markup {
    html! {
        section id=(format!("topic-{name}")) {
            h2 { (name) }
            (limits(channel))
            @for group in groups(channel) { (rules(name, group)) }
            @for message in &channel.messages { (self::message(model, channel, message)) }
        }
    }
}

/// What a topic keeps, and what it does when it is full.
fn limits(channel: &Channel) -> Markup {
    let options = &channel.options;
    let overflow = match options.overflow {
        Overflow::DropOldest => {
            "the oldest messages go, and who had not read them is told how many"
        }
        Overflow::Reject => "publishers get their message back",
        Overflow::Wait => "publishers wait for the slowest reader",
    };
    html! {
        dl {
            dt { "Format" }
            dd {
                (options.format)
                @if options.compression != Compression::None {
                    ", " (options.compression) " at level " (options.level)
                }
                @if let Some(dictionary) = options.dictionary { ", dictionary " (dictionary) }
            }
            dt { "Kept" }
            dd {
                "up to " (text::messages(options.max_messages)) " and "
                (text::bytes(options.max_bytes))
                @if let Some(ttl) = options.ttl { ", for " (text::duration(ttl)) }
                @if options.retain == Retain::UntilConsumed { ", until everybody has read them" }
            }
            dt { "When full" }
            dd { (overflow) }
            @if options.partitions > 1 { dt { "Partitions" } dd { (options.partitions) } }
            @if let Some(window) = options.dedup {
                dt { "Message ids" }
                dd { "stored once within " (text::duration(window)) }
            }
        }
    }
}

fn rules(topic: &str, group: &ConsumerGroup) -> Markup {
    html! {
        h3 { "Group " (group.name) }
        ul {
            @if let Some(deadline) = group.ack_deadline {
                li { "acknowledged within " (text::duration(deadline)) ", or handed out again" }
            }
            @if group.auto_ack == Some(true) { li { "settled when handed out: at most once" } }
            li {
                @if group.any_order { "in any order" } @else { "messages of one key one by one" }
            }
            @match (group.max_attempts, group.dead_letter_topic(topic)) {
                (Some(attempts), Some(dead)) => {
                    li { "after " (attempts) " attempts to " code { (dead) } }
                }
                (None, Some(dead)) => { li { "dead letters go to " code { (dead) } } }
                (_, None) => { li { "no dead letters" } }
            }
        }
    }
}

fn message(model: &Model, channel: &Channel, message: &Message) -> Markup {
    let done = |operation: &Operation| match operation {
        Operation::Publish => "published".to_owned(),
        Operation::Subscribe => "read by subscribers".to_owned(),
        Operation::Consume(group) => format!("read by group {}", group.name),
    };
    let of = |(_, name): &&(Operation, Option<String>)| name.as_ref() == Some(&message.name);
    let done: Vec<String> =
        channel.operations.iter().filter(of).map(|(operation, _)| done(operation)).collect();
    html! {
        article {
            h3 { (message.name) " " span.version { "version " (message.version) } }
            p.facts {
                (done.join(", ")) " · " code { (message.type_name) }
                @if let Some(fingerprint) = message.fingerprint {
                    " · fingerprint " code { (fingerprint) }
                }
            }
            (definition(&model.schemas, &message.schema))
            @for example in &message.examples {
                details {
                    summary { "Example" }
                    pre { (format!("{example:#}")) }
                }
            }
        }
    }
}

/// What messages are made of, but the messages themselves.
fn types(model: &Model) -> Markup {
    let messages: Vec<_> = model
        .channels
        .values()
        .flat_map(|channel| &channel.messages)
        .filter_map(|message| model.schemas.follow(&message.schema).0)
        .collect();
    let parts: Vec<_> = model.schemas.iter().filter(|(name, _)| !messages.contains(name)).collect();
    html! {
        @if !parts.is_empty() {
            section {
                h2 { "Types" }
                @for (name, schema) in parts {
                    article id=(anchor(name)) {
                        h3 { (name) }
                        (definition(&model.schemas, schema))
                    }
                }
            }
        }
    }
}
