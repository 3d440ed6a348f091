//! Documents about topics: what is in them, and that nothing in them can do harm.

use memq::codec::Postcard;
use memq::schema::{AsyncApi, ConsumerGroup, DocumentError, document};
use memq::{Broker, DecodeError, Error, Overflow, Topic, bridge};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Wanted <b>now</b> & "here".
#[derive(Serialize, Deserialize, JsonSchema, Topic)]
#[topic(name = "orders", format = Json, ttl = "1h", max = 500, overflow = Reject, partitions = 4)]
struct Order {
    #[topic(key)]
    customer: u64,
    lines: Vec<Line>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Line {
    item: String,
    /// How many.
    #[serde(default)]
    amount: u32,
}

#[derive(Serialize, Deserialize, JsonSchema, Topic)]
#[topic(name = "returns", format = Postcard)]
struct Return {
    lines: Vec<Line>,
}

/// Names that are no keys, each in the other.
#[derive(Serialize, Deserialize, JsonSchema, Topic)]
#[schemars(rename = "a/b ~\"1\" é")]
#[topic(name = "odd", format = Json)]
struct Odd {
    inner: Inner,
    more: Vec<Option<Inner>>,
    same: Same,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Inner<T> #/%20")]
struct Inner {
    /// Whose it is.
    #[serde(default)]
    odd: Vec<Odd>,
}

/// What the name of the one before would be.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "a-x2Fb")]
struct Same {
    text: String,
}

mod reader {
    use super::*;

    /// The same name in the same topic, and another type.
    #[derive(Serialize, Deserialize, JsonSchema, Topic)]
    #[schemars(rename = "a/b ~\"1\" é")]
    #[topic(name = "odd", format = Json)]
    pub(super) struct Odd {
        #[serde(default)]
        same: Option<String>,
    }

    /// Its name and the other's, with their versions, are one.
    #[derive(Serialize, Deserialize, JsonSchema, Topic)]
    #[schemars(rename = "Order-v2")]
    #[topic(name = "orders", format = Json)]
    pub(super) struct First {
        first: u8,
    }

    #[derive(Serialize, Deserialize, JsonSchema, Topic)]
    #[schemars(rename = "Order")]
    #[topic(name = "orders", format = Json, version = 2)]
    pub(super) struct Second {
        second: u8,
    }
}

#[derive(JsonSchema, Topic)]
#[topic(name = "frames")]
struct Frame(#[allow(dead_code, reason = "described, not read")] Vec<u8>);

fn shop() -> AsyncApi {
    AsyncApi::new("shop", "1.0.0")
}

/// The value at a path of an AsyncAPI document, through references.
fn at<'d>(document: &'d Value, path: &[&str]) -> &'d Value {
    let mut value = document;
    for step in path {
        value = &value[*step];
        if let Some(to) = value["$ref"].as_str() {
            value = document.pointer(to.trim_start_matches('#')).unwrap();
        }
    }
    value
}

#[test]
fn a_topic_is_a_channel_with_its_options() {
    let json = shop().publishes::<Order>().to_json();
    assert_eq!(json["asyncapi"], "3.0.0");
    assert_eq!(json["info"], json!({ "title": "shop", "version": "1.0.0" }));
    let channel = &json["channels"]["orders"];
    assert_eq!(channel["address"], "orders");
    assert_eq!(
        channel["x-memq"],
        json!({
            "format": "Json", "maxMessages": 500, "maxBytes": 256 << 20, "overflow": "Reject",
            "partitions": 4, "retain": "WithinLimits", "ttl": "1h",
        })
    );
    let message = at(&json, &["channels", "orders", "messages", "Order"]);
    assert_eq!(message["contentType"], "application/json");
    assert_eq!(message["description"], r#"Wanted <b>now</b> & "here"."#);
    let customer = at(&json, &["components", "schemas", "Order", "properties", "customer"]);
    assert_eq!(customer["format"], "uint64");
}

#[test]
fn a_group_is_an_operation_with_its_rules() {
    let api = shop()
        .consumes::<Order>(ConsumerGroup::new("billing").max_attempts(3))
        .consumes::<Order>(ConsumerGroup::new("mail").auto_ack().any_order())
        .consumes::<Order>(ConsumerGroup::new("audit").without_dead_letters());
    let json = api.to_json();
    let rules = |group: &str| &json["operations"][format!("consume.{group}.orders")]["x-memq"];
    assert_eq!(
        *rules("billing"),
        json!({
            "group": "billing", "order": "by key", "settledBy": "acknowledgement",
            "ackDeadline": "30s", "maxAttempts": 3, "deadLetterTopic": "orders.billing.dead",
        })
    );
    let mail = json!({ "group": "mail", "order": "any", "settledBy": "hand-out" });
    assert_eq!(*rules("mail"), mail);
    assert_eq!(rules("audit")["deadLetterTopic"], Value::Null);
    let binding = &json["operations"]["consume.billing.orders"]["bindings"]["nats"];
    assert_eq!(binding["queue"], "billing");
}

/// A line need not say its amount, and always does: two schemas of one name.
#[test]
fn what_is_written_and_what_is_accepted_are_told_apart() {
    let json = shop().publishes::<Order>().subscribes::<Return>().to_json();
    let schemas = &json["components"]["schemas"];
    let names: Vec<_> = schemas.as_object().unwrap().keys().collect();
    assert_eq!(names, ["Line", "Line.2", "Order", "Return"]);
    let line = |of: &str| at(&json, &["components", "schemas", of, "properties", "lines", "items"]);
    assert_eq!(line("Order")["required"], json!(["item", "amount"]));
    assert_eq!(line("Return")["required"], json!(["item"]));
    assert_eq!(line("Return")["properties"]["amount"]["description"], "How many.");

    // Of a type that is published and read, there is what is written, in whichever order that is said.
    let both = [
        shop().publishes::<Order>().subscribes::<Order>(),
        shop().subscribes::<Order>().publishes::<Order>(),
    ];
    for json in both.map(|api| api.to_json()) {
        assert_eq!(json["components"]["schemas"].as_object().unwrap().len(), 2);
        let line = at(&json, &["components", "schemas", "Line"]);
        assert_eq!(line["required"], json!(["item", "amount"]));
        assert_eq!(json["operations"].as_object().unwrap().len(), 2);
    }
}

#[test]
fn an_example_is_of_a_type_that_is_there() {
    let order = Order { customer: 7, lines: Vec::new() };
    let refused = shop().subscribes::<Return>().example(&order).unwrap_err();
    assert!(matches!(&refused, DocumentError::Unnamed { name } if name.ends_with("::Order")));
    let json = shop().publishes::<Order>().example(&order).unwrap().to_json();
    let message = at(&json, &["channels", "orders", "messages", "Order"]);
    let examples = json!([{ "payload": { "customer": 7, "lines": [] } }]);
    assert_eq!(message["examples"], examples);
    // What is said of a type that is read stays where it is published, too.
    let json = shop().subscribes::<Order>().example(&order).unwrap().publishes::<Order>().to_json();
    let message = at(&json, &["channels", "orders", "messages", "Order"]);
    assert_eq!(message["examples"], examples);
}

#[test]
fn subjects_and_headers_are_those_that_nats_has() {
    let json = shop().server("main", "nats://ada:secret@example.com:4222/").on_nats("memq");
    let json = json.publishes::<Order>().publishes::<Return>().to_json();
    let server = json!({ "host": "example.com:4222", "protocol": "nats" });
    assert_eq!(json["servers"]["main"], server);
    assert_eq!(json["channels"]["orders"]["address"], "memq.orders.{partition}.{kind}");
    let header = |topic: &str, name: &str, header: &str| {
        let message = at(&json, &["channels", topic, "messages", name]);
        message["headers"]["properties"][header]["const"].clone()
    };
    assert_eq!(header("orders", "Order", "Content-Type"), "application/json");
    assert_eq!(header("orders", "Order", "Memq-Fingerprint"), Value::Null);
    assert_eq!(header("returns", "Return", "Content-Type"), "application/vnd.memq.postcard");
}

/// Every reference of a document.
fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(map) => {
            let own = map.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(map.values().flat_map(references)).collect()
        }
        Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// `scripts/documents` holds what this writes to AsyncAPI's parser.
#[test]
fn names_of_any_kind_are_keys_and_no_two_are_one() {
    let long = "g".repeat(300);
    let groups = ["a b", "a/b", "a~1b", "a.b", "a\"b", "é", "a-x20b", "$message.header", "", &long];
    let mut api = shop()
        .server("main/\"1\"", "nats://example.com")
        .publishes::<Odd>()
        .subscribes::<reader::Odd>()
        .subscribes::<reader::First>()
        .subscribes::<reader::Second>();
    for group in groups {
        api = api.consumes::<Odd>(ConsumerGroup::new(group));
    }
    let json = api.to_json();
    let keys = |path: &str| json.pointer(path).unwrap().as_object().unwrap().keys();
    for path in
        ["/servers", "/operations", "/components/messages", "/components/schemas", "/channels"]
    {
        for key in keys(path) {
            assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)), "{key}");
        }
    }
    let references = references(&json);
    assert!(references.len() > 20, "{references:?}");
    for to in references {
        let to = to.strip_prefix('#').unwrap();
        assert!(json.pointer(to).is_some() && !to.contains(['%', '~']), "{to}");
    }
    // Each thing is there once, and what is behind a reference is what was meant.
    assert_eq!(keys("/operations").count(), 3 + groups.len());
    assert_eq!(keys("/components/messages").count(), 4);
    assert_eq!(keys("/components/schemas").count(), 6);
    let told: Vec<_> = json["operations"].as_object().unwrap().values().collect();
    for group in groups {
        assert!(told.iter().any(|operation| operation["x-memq"]["group"] == group), "{group}");
    }
    fn follow<'d>(json: &'d Value, value: &Value) -> &'d Value {
        json.pointer(value["$ref"].as_str().unwrap().trim_start_matches('#')).unwrap()
    }
    let follow = |value: &Value| follow(&json, value);
    let payload = |operation: &str| {
        let message = follow(follow(&json["operations"][operation]["messages"][0]));
        follow(&message["payload"])
    };
    let written = payload("publish.odd");
    assert_eq!(written["description"], "Names that are no keys, each in the other.");
    let inner = follow(&written["properties"]["inner"]);
    assert_eq!(inner["properties"]["odd"]["description"], "Whose it is.");
    let read = payload("subscribe.odd");
    assert_eq!(read["description"], "The same name in the same topic, and another type.");
    let html = api.to_html();
    assert!(html.contains("Whose it is.") && html.contains("Group a&quot;b"));

    if let Some(folder) = std::env::var_os("MEMQ_DOCUMENTS") {
        let file = std::path::Path::new(&folder).join("odd.json");
        std::fs::write(file, json.to_string()).unwrap();
    }
}

#[test]
fn a_native_topic_has_no_content_type() {
    let json = shop().publishes::<Frame>().to_json();
    let message = at(&json, &["channels", "frames", "messages", "Frame"]);
    assert_eq!(message["contentType"], Value::Null);
    assert_eq!(json["channels"]["frames"]["x-memq"]["format"], "Native");
}

#[test]
fn text_on_the_page_is_text() {
    let api = AsyncApi::new("<script>alert(1)</script>", "1").description("a & b < c");
    let html = api.publishes::<Order>().to_html();
    assert!(!html.contains("<script") && !html.contains("<b>now"));
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(html.contains("a &amp; b &lt; c"));
    assert!(html.contains("Wanted &lt;b&gt;now&lt;/b&gt; &amp;"));
    // It loads nothing.
    assert!(!html.contains("src=") && !html.contains("<link") && !html.contains("@import"));
}

#[tokio::test]
async fn what_runs_is_documented_with_the_options_it_has() {
    let broker = Broker::new();
    let topic = broker.topic("orders").max(9).overflow(Overflow::Wait);
    let jobs = topic.subscriber().group("billing").dead_letter("unpaid").any_order().await.unwrap();
    broker.topic("logs").await.unwrap();

    let json = document(&broker).await.unwrap().to_json();
    let names: Vec<_> = json["channels"].as_object().unwrap().keys().collect();
    assert!(names.contains(&&"orders".to_owned()) && names.contains(&&"logs".to_owned()));
    assert_eq!(json["channels"]["orders"]["x-memq"]["maxMessages"], 9);
    let rules = &json["operations"]["consume.billing.orders"]["x-memq"];
    let told = json!({ "group": "billing", "order": "any", "deadLetterTopic": "unpaid" });
    assert_eq!(*rules, told);

    // The type brings its schema, and leaves the options.
    let group = ConsumerGroup::new("billing").max_attempts(7);
    let app = shop().consumes::<Order>(group).running(&broker).await.unwrap();
    let json = app.to_json();
    assert_eq!(json["channels"]["orders"]["x-memq"]["maxMessages"], 9);
    assert_eq!(json["operations"]["consume.billing.orders"]["x-memq"]["maxAttempts"], 7);
    drop(jobs);
}

#[tokio::test]
async fn groups_of_memq_itself_are_not_the_application_s() {
    let (broker, remote) = (Broker::new(), Broker::new());
    let mirror = bridge(&broker, &remote).name("shop").topic_named("orders").mirror_out();
    let mirror = mirror.await.unwrap();
    let groups = broker.stats("orders").await.unwrap().groups;
    assert_eq!(groups.first().map(|group| &*group.name), Some("memq-bridge-shop"));
    let json = document(&broker).await.unwrap().to_json();
    assert!(json["channels"]["orders"].is_object());
    assert!(!json.to_string().contains("memq-bridge-shop"), "{json}");
    drop(mirror);
}

#[tokio::test]
async fn records_are_shown_through_the_type_of_their_topic() {
    let broker = Broker::new();
    let mut records = broker.topic("returns").subscriber().await.unwrap();
    let lines = || vec![Line { item: "tea".into(), amount: 2 }];
    let returns = broker.publisher::<Return>().await.unwrap();
    returns.publish(Return { lines: lines() }).await.unwrap();
    let record = records.recv().await.unwrap();
    assert!(matches!(record.to_json(), Err(DecodeError::Unavailable { .. })));
    let shown = broker.to_json("returns", &record).await.unwrap();
    assert_eq!(shown, json!({ "lines": [{ "item": "tea", "amount": 2 }] }));

    // A publisher's own format, and one that describes itself.
    let mut records = broker.topic("orders").subscriber().await.unwrap();
    let orders = broker.publisher::<Order>().format(Postcard).await.unwrap();
    orders.publish(Order { customer: 7, lines: lines() }).await.unwrap();
    let orders = broker.publisher::<Order>().await.unwrap();
    orders.publish(Order { customer: 7, lines: lines() }).await.unwrap();
    for _ in 0..2 {
        let record = records.recv().await.unwrap();
        let shown = broker.to_json("orders", &record).await.unwrap();
        assert_eq!(shown["lines"][0], json!({ "item": "tea", "amount": 2 }));
    }

    // Not as another type of the same version.
    let other = memq::schema::Fingerprint::of("another");
    let other = (*record).clone().with_format(memq::Format::Postcard).with_fingerprint(other);
    let Err(Error::Decode(error)) = broker.to_json("orders", &other).await else { panic!() };
    assert!(matches!(error, DecodeError::Schema { .. }), "{error}");

    // Nobody here knows its type: no guess.
    broker.topic("stock").await.unwrap();
    let Err(Error::Decode(missing)) = broker.to_json("stock", &record).await else { panic!() };
    assert!(missing.to_string().contains("with the type of version 1"));
    assert!(matches!(broker.to_json("nowhere", &record).await, Err(Error::Admin(_))));
}
