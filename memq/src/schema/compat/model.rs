//! A JSON Schema as the alternatives that it allows, one level at a time. Nothing is compared here.
//!
//! This is the part of JSON Schema that schemars writes. Whatever else stands in one is an error:
//! what is not understood cannot be judged.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::words::Unjudged;
use crate::schema::reference::pointer;

/// References that lead to references.
const DEEP: usize = 64;

/// Says which other names a reader takes for a property: the other name, and that of the property.
pub(super) const ALIASES: &str = "x-aliases";

/// Keywords that say nothing of what is allowed.
pub(super) fn is_annotation(keyword: &str) -> bool {
    const KNOWN: &[&str] = &[
        "$comment",
        "$schema",
        "default",
        "deprecated",
        "description",
        "examples",
        "readOnly",
        "title",
        "writeOnly",
    ];
    KNOWN.contains(&keyword) || (keyword.starts_with("x-") && keyword != ALIASES)
}

/// One kind of value that a schema allows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Alternative {
    Any,
    Null,
    Bool(Option<bool>),
    Int(Int),
    Float(Float),
    Text(Text),
    List(List),
    Object(Object),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Int {
    pub(super) min: i128,
    pub(super) max: i128,
    /// A number between them that is not allowed.
    pub(super) hole: Option<i128>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Float {
    /// `f32`.
    pub(super) single: bool,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    /// The only texts that are allowed.
    pub(super) only: Option<BTreeSet<String>>,
    pub(super) min: u64,
    pub(super) max: Option<u64>,
    pub(super) pattern: Option<String>,
    pub(super) format: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct List {
    /// The elements that come first.
    pub(super) first: Vec<Value>,
    /// The others.
    pub(super) rest: Value,
    pub(super) min: u64,
    pub(super) max: Option<u64>,
    pub(super) unique: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Object {
    pub(super) properties: BTreeMap<String, Value>,
    pub(super) required: BTreeSet<String>,
    pub(super) rest: Rest,
    /// Other names of properties.
    pub(super) aliases: BTreeMap<String, String>,
    /// Whether `rest` counts the properties of what it is put together with.
    sees_all: bool,
}

/// Properties that are not listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Rest {
    /// Not written, and ignored by readers.
    #[default]
    Ignored,
    /// Not written, and refused by readers.
    Refused,
    /// The entries of a map; with a pattern of the keys, if not every text is one.
    Entries(Option<String>, Value),
}

/// A schema with what it refers to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document<'d>(pub(super) &'d Value);

type Alternatives = Result<Vec<Alternative>, Unjudged>;

fn unknown<T>(what: impl Into<String>) -> Result<T, Unjudged> {
    Err(Unjudged(what.into()))
}

impl<'d> Document<'d> {
    /// What this part of the document allows.
    pub(super) fn alternatives(self, schema: &Value) -> Alternatives {
        self.at(schema, 0)
    }

    fn at(self, schema: &Value, depth: usize) -> Alternatives {
        if depth > DEEP {
            return unknown("references that lead nowhere");
        }
        let object = match schema {
            Value::Bool(true) => return Ok(vec![Alternative::Any]),
            Value::Bool(false) => return Ok(Vec::new()),
            Value::Object(object) => object,
            _ => return unknown(format!("`{schema}` in place of a schema")),
        };
        let nothing = json!({});
        if object.get("not") == Some(&nothing) {
            return Ok(Vec::new());
        }
        let mut all = plain(object)?;
        for (keyword, inner) in object {
            let list = || inner.as_array().ok_or_else(|| Unjudged(format!("`{keyword}: {inner}`")));
            match keyword.as_str() {
                "$ref" => all = meet(&all, &self.at(self.find(inner)?, depth + 1)?)?,
                "allOf" => {
                    for part in list()? {
                        all = meet(&all, &self.at(part, depth + 1)?)?;
                    }
                }
                "anyOf" | "oneOf" => {
                    let mut any = Vec::new();
                    for part in list()? {
                        any.extend(self.at(part, depth + 1)?);
                    }
                    all = meet(&all, &any)?;
                }
                _ => {}
            }
        }
        Ok(all)
    }

    /// What a reference is to.
    fn find(self, reference: &Value) -> Result<&'d Value, Unjudged> {
        let path = reference.as_str().and_then(|text| text.strip_prefix('#'));
        let found = path.and_then(|path| self.0.pointer(&pointer(path)));
        found.ok_or_else(|| Unjudged(format!("the reference {reference}")))
    }
}

/// What the keywords of a schema itself allow, without those that lead to others.
fn plain(schema: &Map<String, Value>) -> Alternatives {
    let mut types: Vec<&str> = Vec::new();
    let mut only: Option<Vec<&Value>> = None;
    let mut more = Vec::new();
    for (keyword, value) in schema {
        match keyword.as_str() {
            "type" => match value {
                Value::String(one) => types.push(one),
                Value::Array(several) => types.extend(several.iter().filter_map(Value::as_str)),
                _ => return unknown(format!("`type: {value}`")),
            },
            "const" => only = Some(vec![value]),
            "enum" => only = Some(value.as_array().into_iter().flatten().collect()),
            "$ref" | "allOf" | "anyOf" | "oneOf" | "$defs" => {}
            word if is_annotation(word) => {}
            word => more.push(word),
        }
    }
    if let Some(values) = only {
        let fits = |value: &&&Value| types.is_empty() || types.iter().any(|ty| is_a(value, ty));
        return match more.first() {
            Some(word) => unknown(format!("`{word}` beside a list of values")),
            None => values.iter().filter(fits).map(|value| constant(value)).collect(),
        };
    }
    if types.is_empty() {
        return match more.first() {
            Some(word) => unknown(format!("`{word}` without a type")),
            None => Ok(vec![Alternative::Any]),
        };
    }
    for word in more {
        if !types.iter().any(|ty| keywords(ty).contains(&word)) {
            return unknown(format!("the keyword `{word}` in a schema"));
        }
    }
    types.iter().map(|ty| typed(ty, schema)).collect()
}

fn is_a(value: &Value, ty: &str) -> bool {
    match value {
        Value::Null => ty == "null",
        Value::Bool(_) => ty == "boolean",
        Value::Number(_) => ty == "integer" || ty == "number",
        Value::String(_) => ty == "string",
        Value::Array(_) => ty == "array",
        Value::Object(_) => ty == "object",
    }
}

fn constant(value: &Value) -> Result<Alternative, Unjudged> {
    match value {
        Value::Null => Ok(Alternative::Null),
        Value::Bool(one) => Ok(Alternative::Bool(Some(*one))),
        Value::String(text) => {
            Ok(Alternative::Text(Text { only: Some([text.clone()].into()), ..Text::default() }))
        }
        Value::Number(_) => {
            let one = whole(value)?;
            Ok(Alternative::Int(Int { min: one, max: one, hole: None }))
        }
        _ => unknown(format!("the constant {value}")),
    }
}

/// Keywords that belong to a type.
fn keywords(ty: &str) -> &'static [&'static str] {
    match ty {
        "integer" => &["format", "minimum", "maximum", "not"],
        "number" => &["format", "minimum", "maximum"],
        "string" => &["format", "minLength", "maxLength", "pattern"],
        "array" => &["items", "prefixItems", "minItems", "maxItems", "uniqueItems"],
        "object" => &[
            "properties",
            "required",
            "additionalProperties",
            "unevaluatedProperties",
            "patternProperties",
            ALIASES,
        ],
        _ => &[],
    }
}

fn typed(ty: &str, schema: &Map<String, Value>) -> Result<Alternative, Unjudged> {
    let format = match schema.get("format") {
        None => None,
        Some(format) => {
            Some(format.as_str().ok_or_else(|| Unjudged(format!("`format: {format}`")))?)
        }
    };
    Ok(match ty {
        "null" => Alternative::Null,
        "boolean" => Alternative::Bool(None),
        "integer" => Alternative::Int(int(format, schema)?),
        "number" => Alternative::Float(float(format, schema)?),
        "string" => Alternative::Text(Text {
            only: None,
            min: count(schema, "minLength")?.unwrap_or(0),
            max: count(schema, "maxLength")?,
            pattern: schema.get("pattern").map(|pattern| pattern.to_string()),
            format: format.map(str::to_owned),
        }),
        "array" => Alternative::List(list(schema)?),
        "object" => Alternative::Object(object(schema)?),
        other => return unknown(format!("the type `{other}`")),
    })
}

fn whole(value: &Value) -> Result<i128, Unjudged> {
    let whole = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    whole.ok_or_else(|| Unjudged(format!("the bound {value}")))
}

fn count(schema: &Map<String, Value>, keyword: &str) -> Result<Option<u64>, Unjudged> {
    match schema.get(keyword) {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(count) => Ok(Some(count)),
            None => unknown(format!("`{keyword}: {value}`")),
        },
    }
}

fn int(format: Option<&str>, schema: &Map<String, Value>) -> Result<Int, Unjudged> {
    let (low, high) = match format {
        Some("int8") => (i8::MIN.into(), i8::MAX.into()),
        Some("int16") => (i16::MIN.into(), i16::MAX.into()),
        Some("int32") => (i32::MIN.into(), i32::MAX.into()),
        Some("int64" | "int") => (i64::MIN.into(), i64::MAX.into()),
        Some("uint8") => (0, u8::MAX.into()),
        Some("uint16") => (0, u16::MAX.into()),
        Some("uint32") => (0, u32::MAX.into()),
        Some("uint64" | "uint") => (0, u64::MAX.into()),
        Some("uint128") => (0, i128::MAX),
        Some("int128") | None => (i128::MIN, i128::MAX),
        Some(other) => return unknown(format!("the format `{other}` of a number")),
    };
    let bound = |keyword| schema.get(keyword).map(whole).transpose();
    let hole = match schema.get("not") {
        None => None,
        Some(not) => match not.get("const") {
            Some(value) if not.as_object().is_some_and(|not| not.len() == 1) => Some(whole(value)?),
            _ => return unknown(format!("`not: {not}`")),
        },
    };
    Ok(Int {
        min: bound("minimum")?.map_or(low, |bound| bound.max(low)),
        max: bound("maximum")?.map_or(high, |bound| bound.min(high)),
        hole,
    })
}

fn float(format: Option<&str>, schema: &Map<String, Value>) -> Result<Float, Unjudged> {
    let single = match format {
        Some("float") => true,
        Some("double") | None => false,
        Some(other) => return unknown(format!("the format `{other}` of a number")),
    };
    let bound = |keyword| schema.get(keyword).and_then(Value::as_f64);
    Ok(Float { single, min: bound("minimum"), max: bound("maximum") })
}

fn list(schema: &Map<String, Value>) -> Result<List, Unjudged> {
    let first = match schema.get("prefixItems") {
        None => Vec::new(),
        Some(Value::Array(first)) => first.clone(),
        Some(other) => return unknown(format!("`prefixItems: {other}`")),
    };
    Ok(List {
        first,
        rest: schema.get("items").cloned().unwrap_or(Value::Bool(true)),
        min: count(schema, "minItems")?.unwrap_or(0),
        max: count(schema, "maxItems")?,
        unique: schema.get("uniqueItems") == Some(&Value::Bool(true)),
    })
}

fn object(schema: &Map<String, Value>) -> Result<Object, Unjudged> {
    let map = |keyword: &str| match schema.get(keyword) {
        None => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map.clone()),
        Some(other) => unknown(format!("`{keyword}: {other}`")),
    };
    let patterns = map("patternProperties")?;
    let additional = schema.get("additionalProperties");
    let unevaluated = schema.get("unevaluatedProperties");
    let open = match (additional, unevaluated) {
        (Some(_), Some(_)) => {
            return unknown("`additionalProperties` beside `unevaluatedProperties`");
        }
        (Some(rest), None) | (None, Some(rest)) => Some(rest),
        (None, None) => None,
    };
    let rest = match (open, patterns.iter().next()) {
        (None, None) => Rest::Ignored,
        (Some(Value::Bool(false)), None) => Rest::Refused,
        (Some(rest), None) => Rest::Entries(None, rest.clone()),
        (Some(Value::Bool(false)), Some((pattern, value))) if patterns.len() == 1 => {
            Rest::Entries(Some(pattern.clone()), value.clone())
        }
        _ => return unknown("a map with several kinds of keys"),
    };
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let text = |name: &Value| name.as_str().map(str::to_owned);
    let aliases = map(ALIASES)?;
    Ok(Object {
        properties: map("properties")?.into_iter().collect(),
        required: required.filter_map(text).collect(),
        rest,
        aliases: aliases
            .iter()
            .filter_map(|(alias, name)| Some((alias.clone(), text(name)?)))
            .collect(),
        sees_all: unevaluated.is_some(),
    })
}

/// What both allow.
fn meet(some: &[Alternative], others: &[Alternative]) -> Alternatives {
    let mut all = Vec::new();
    for one in some {
        for other in others {
            all.extend(both(one, other)?);
        }
    }
    Ok(all)
}

fn both(one: &Alternative, other: &Alternative) -> Result<Option<Alternative>, Unjudged> {
    use Alternative::{Any, Float, Int, Object, Text};
    Ok(match (one, other) {
        (Any, only) | (only, Any) => Some(only.clone()),
        (same, as_other) if same == as_other => Some(same.clone()),
        (Object(one), Object(other)) => Some(Object(together(one, other)?)),
        (Text(one), Text(other)) => match (&one.only, &other.only) {
            (Some(some), Some(others)) => {
                let only: BTreeSet<String> = some.intersection(others).cloned().collect();
                let some = !only.is_empty();
                some.then(|| Text(super::model::Text { only: Some(only), ..one.clone() }))
            }
            _ => return unknown("two rules for one text"),
        },
        (Int(_), Float(_)) | (Float(_), Int(_)) => return unknown("two rules for one number"),
        (one, other) if std::mem::discriminant(one) == std::mem::discriminant(other) => {
            return unknown("two rules for one value");
        }
        _ => None,
    })
}

/// An object with the properties of both: how `flatten` and `tag` are written.
fn together(one: &Object, other: &Object) -> Result<Object, Unjudged> {
    let strange = |inner: &Object, outer: &Object| {
        let fine = inner.sees_all || inner.rest == Rest::Ignored;
        !fine && !outer.properties.keys().all(|name| inner.properties.contains_key(name))
    };
    if strange(one, other) || strange(other, one) {
        return unknown("`additionalProperties` beside properties of another part");
    }
    let rest = match (&one.rest, &other.rest) {
        (Rest::Ignored, rest) | (rest, Rest::Ignored) => rest.clone(),
        (one, other) if one == other => one.clone(),
        _ => return unknown("two rules for further properties"),
    };
    let mut properties = one.properties.clone();
    for (name, schema) in &other.properties {
        let own = properties.entry(name.clone()).or_insert_with(|| schema.clone());
        if own != schema {
            *own = json!({ "allOf": [own.clone(), schema.clone()] });
        }
    }
    let aliases = one.aliases.iter().chain(&other.aliases);
    Ok(Object {
        properties,
        required: one.required.union(&other.required).cloned().collect(),
        rest,
        aliases: aliases.map(|(alias, name)| (alias.clone(), name.clone())).collect(),
        sees_all: one.sees_all || other.sees_all,
    })
}
