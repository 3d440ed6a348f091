//! A JSON Schema as people read it: a table of fields, and types in a few words.

use maud::{Markup, html};
use serde_json::{Map, Value};

use crate::schema::document::schemas::Schemas;

/// Where a named schema is on the page.
pub(super) fn anchor(name: &str) -> String {
    format!("type-{name}")
}

/// What a schema says: its description, then its fields, its variants, or its type.
pub(super) fn definition(schemas: &Schemas, schema: &Value) -> Markup {
    let (name, schema) = schemas.follow(schema);
    let fields = schema.get("properties").and_then(Value::as_object);
    let variants = ["oneOf", "anyOf"].iter().find_map(|of| schema.get(of)?.as_array());
    html! {
        div id=[name.map(anchor)] {
            @if let Some(text) = text(schema, "description") { p { (text) } }
            @if let Some(fields) = fields { (table(schema, fields)) }
            @if let Some(variants) = variants { (alternatives(variants)) }
            @if fields.is_none() && variants.is_none() { p { (kind(schema)) } }
        }
    }
}

fn table(schema: &Value, fields: &Map<String, Value>) -> Markup {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    html! {
        div.scroll {
            table {
                thead { tr { th { "Field" } th { "Type" } th { "" } th { "Description" } } }
                tbody {
                    @for (name, field) in fields {
                        tr {
                            td { code { (name) } }
                            td { (kind(field)) }
                            td {
                                @if !required.contains(&name.as_str()) {
                                    "optional"
                                    @if let Some(value) = field.get("default") {
                                        ", " code { (value) } " if not there"
                                    }
                                }
                            }
                            td { @if let Some(text) = text(field, "description") { (text) } }
                        }
                    }
                }
            }
        }
    }
}

fn alternatives(variants: &[Value]) -> Markup {
    html! {
        p { "One of:" }
        @for variant in variants {
            div.variant {
                @match variant.get("properties").and_then(Value::as_object) {
                    Some(fields) => {
                        @if let Some(text) = text(variant, "description") { p { (text) } }
                        (table(variant, fields))
                    }
                    None => {
                        p {
                            (kind(variant))
                            @if let Some(text) = text(variant, "description") { ": " (text) }
                        }
                    }
                }
            }
        }
    }
}

/// A type in a few words; others are linked to.
fn kind(schema: &Value) -> Markup {
    if let Some(to) = text(schema, "$ref") {
        let name = to.rsplit('/').next().unwrap_or(to);
        return html! { a href=(format!("#{}", anchor(name))) { (name) } };
    }
    if let Some(value) = schema.get("const") {
        return html! { code { (value) } };
    }
    for (word, between) in
        [("enum", " or "), ("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")]
    {
        if let Some(all) = schema.get(word).and_then(Value::as_array) {
            return html! {
                @for (at, one) in all.iter().enumerate() {
                    @if at > 0 { (between) }
                    @if word == "enum" { code { (one) } } @else { (kind(one)) }
                }
            };
        }
    }
    match schema.get("type") {
        Some(Value::String(name)) => named(schema, name),
        Some(Value::Array(names)) => html! {
            @for (at, name) in names.iter().enumerate() {
                @if at > 0 { " or " }
                (named(schema, name.as_str().unwrap_or_default()))
            }
        },
        _ => html! { "anything" },
    }
}

/// A JSON type by its name.
fn named(schema: &Value, name: &str) -> Markup {
    match name {
        "array" => match schema.get("items") {
            Some(Value::Array(items)) => html! {
                "list of "
                @for (at, item) in items.iter().enumerate() {
                    @if at > 0 { ", " }
                    (kind(item))
                }
            },
            Some(items) => html! { "list of " (kind(items)) },
            None => html! { "list" },
        },
        "object" => match (schema.get("properties"), schema.get("additionalProperties")) {
            (None, Some(values @ Value::Object(_))) => html! { "map of " (kind(values)) },
            (Some(Value::Object(fields)), _) => html! {
                "object of "
                @for (at, (name, field)) in fields.iter().enumerate() {
                    @if at > 0 { ", " }
                    code { (name) } ": " (kind(field))
                }
            },
            _ => html! { "object" },
        },
        name => match text(schema, "format") {
            Some(format) => html! { (name) " (" (format) ")" },
            None => html! { (name) },
        },
    }
}

fn text<'s>(schema: &'s Value, word: &str) -> Option<&'s str> {
    schema.get(word)?.as_str()
}
