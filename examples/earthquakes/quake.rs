//! What is published: one seismic event, and how it is read from a GeoJSON feature.

use std::collections::HashMap;

use memq::Topic;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// Room for 256 messages only, far less than a week has: with `overflow = Wait` the publisher then
/// waits for the slowest subscriber, and nothing is ever dropped.
///
/// MessagePack keeps every bit of an `f64`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Topic)]
#[topic(name = "quakes", format = MessagePack, compress = Zstd, max = 256, overflow = Wait)]
pub struct Quake {
    pub id: String,
    /// Who reported it: `ci` is Southern California, `us` the national centre.
    #[topic(key)]
    pub network: String,
    /// `earthquake`, `explosion`, `quarry blast`, …
    pub kind: Option<String>,
    pub place: Option<String>,
    pub magnitude: f64,
    /// Milliseconds since 1970-01-01 UTC.
    pub time: i64,
    pub longitude: f64,
    pub latitude: f64,
    /// Kilometres.
    pub depth: Option<f64>,
}

impl Quake {
    /// The event that a feature describes, or why it describes none.
    ///
    /// Place, kind and depth may be absent; all else must be there and be possible.
    pub fn from_feature(json: &str) -> Result<Self, String> {
        let feature: Value = serde_json::from_str(json).map_err(|error| {
            // The position is left out, so that equal mistakes have equal reasons.
            error.to_string().split(" at line ").next().unwrap_or_default().to_owned()
        })?;
        if !feature.is_object() {
            return Err("the feature is not an object".to_owned());
        }
        let coordinates =
            required(&feature, "/geometry/coordinates", "a list of numbers", |value| {
                value.as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<_>>>()
            })?;
        let [longitude, latitude, ref rest @ ..] = coordinates[..] else {
            return Err("/geometry/coordinates has less than two numbers".to_owned());
        };
        if !(-180.0..=180.0).contains(&longitude) {
            return Err("the longitude is out of range".to_owned());
        }
        if !(-90.0..=90.0).contains(&latitude) {
            return Err("the latitude is out of range".to_owned());
        }
        Ok(Self {
            id: required(&feature, "/id", "a text", text)?,
            network: required(&feature, "/properties/net", "a text", text)?,
            kind: optional(&feature, "/properties/type", "a text", text)?,
            place: optional(&feature, "/properties/place", "a text", text)?,
            magnitude: required(&feature, "/properties/mag", "a number", Value::as_f64)?,
            time: required(&feature, "/properties/time", "a whole number", Value::as_i64)?,
            longitude,
            latitude,
            depth: rest.first().copied(),
        })
    }
}

/// The value at a path, which must be there and be what `read` expects.
fn required<V>(
    feature: &Value,
    path: &str,
    expected: &str,
    read: impl Fn(&Value) -> Option<V>,
) -> Result<V, String> {
    optional(feature, path, expected, read)?.ok_or_else(|| format!("{path} is missing or empty"))
}

/// The value at a path; `None` where it is missing, null or empty.
fn optional<V>(
    feature: &Value,
    path: &str,
    expected: &str,
    read: impl Fn(&Value) -> Option<V>,
) -> Result<Option<V>, String> {
    match feature.pointer(path) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(value) => read(value).map(Some).ok_or_else(|| format!("{path} is not {expected}")),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// The features of a GeoJSON text: where each is in it, and not yet what is in them.
pub fn features(text: &str) -> Result<Vec<&RawValue>, String> {
    let collection: HashMap<String, &RawValue> =
        serde_json::from_str(text).map_err(|error| match error.is_data() {
            true => "not a FeatureCollection: it is not an object".to_owned(),
            false => format!("not JSON: {error}"),
        })?;
    let kind = collection.get("type").map_or("null", |kind| kind.get());
    if kind != "\"FeatureCollection\"" {
        return Err("not a FeatureCollection: its \"type\" is another".to_owned());
    }
    let features = collection.get("features").map_or("null", |features| features.get());
    serde_json::from_str(features)
        .map_err(|_| "not a FeatureCollection: its \"features\" are not an array".to_owned())
}
