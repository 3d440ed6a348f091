//! Topics elsewhere, administered by the calls for those in memory.

use std::sync::Arc;

use memq::spi::{
    Boxed, Capabilities, Capability, Fault, OpenFault, RemoteTopic, TopicRequest, Transport,
};
use memq::{AdminError, Broker, OpenError, Overflow, Topic, TopicName};
use serde::{Deserialize, Serialize};

use crate::common::Order;
use crate::loopback::{Loopback, Server, able};

#[tokio::test]
async fn topics_are_listed_looked_at_closed_and_deleted() {
    let server = Server::start();
    let broker = server.connect(8).broker();
    broker.topic("jobs").max(500).overflow(Overflow::Wait).partitions(3).await.unwrap();
    broker.create::<Order>().await.unwrap();
    let names = broker.topics().await.unwrap();
    assert_eq!(names.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["jobs", "orders"]);

    let options = broker.options("jobs").await.unwrap();
    assert_eq!((options.max_messages, options.partitions), (500, 3));
    assert_eq!(options.overflow, Overflow::Wait);

    let orders = broker.publisher::<Order>().await.unwrap();
    orders.publish(Order::new(7, "tea")).await.unwrap();
    let stats = broker.stats("orders").await.unwrap();
    assert_eq!((stats.published, stats.depth, stats.next.0), (1, 1, 1));
    let explained = broker.explain("orders").await.unwrap().to_string();
    assert_eq!(explained, server.inside().explain("orders").await.unwrap().to_string());

    broker.close("orders").await.unwrap();
    broker.delete("orders").await.unwrap();
    assert_eq!(broker.topics().await.unwrap().len(), 1);
}

/// Where nobody tells who reads, that is no reason to say that nobody does.
#[tokio::test]
async fn an_explanation_says_nothing_of_readers_that_are_not_told_of() {
    let server = Server::start();
    let told = server.connect(8).broker();
    let untold = server.connect_with(8, able().without(Capability::Members)).broker();
    let orders = told.publisher::<Order>().await.unwrap();
    orders.publish(Order::new(7, "tea")).await.unwrap();
    let explained = async |broker: &Broker| broker.explain("orders").await.unwrap().to_string();
    assert!(explained(&told).await.contains("nobody reads it"));
    assert!(!explained(&untold).await.contains("nobody"));
    drop(told.subscriber::<Order>().group("billing").await.unwrap());
    assert!(explained(&told).await.contains("has no members"));
    let explained = explained(&untold).await;
    assert!(explained.contains(r#"group "billing""#) && !explained.contains("no members"));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let broker = Server::start().connect(8).broker();
    let missing = |name: &str| AdminError::NotFound { topic: name.into() };
    for name in ["nowhere", "no name at all"] {
        assert_eq!(broker.options(name).await.unwrap_err(), missing(name));
        assert_eq!(broker.stats(name).await.unwrap_err(), missing(name));
        assert_eq!(broker.explain(name).await.unwrap_err(), missing(name));
        assert_eq!(broker.close(name).await.unwrap_err(), missing(name));
        assert_eq!(broker.delete(name).await.unwrap_err(), missing(name));
        assert_eq!(broker.delete_group(name, "billing").await.unwrap_err(), missing(name));
    }
    broker.topic("jobs").await.unwrap();
    let no_group = AdminError::NoGroup { topic: "jobs".into(), group: "billing".into() };
    assert_eq!(broker.delete_group("jobs", "billing").await.unwrap_err(), no_group);
}

#[tokio::test]
async fn a_broker_outlives_its_clones_and_then_shuts_the_connection_down() {
    let server = Server::start();
    let broker = server.connect(8).broker();
    let orders = broker.publisher::<Order>().await.unwrap();
    let clone: Broker = broker.clone();
    drop(broker);
    orders.publish(Order::new(1, "tea")).await.unwrap();
    drop(clone);
    let refused = orders.publish(Order::new(2, "tea")).await.unwrap_err();
    assert!(matches!(refused, memq::PublishError::Closed(order) if order.customer == 2));
    // What was stored is where it was.
    assert_eq!(server.inside().stats("orders").await.unwrap().published, 1);
}

/// A connection that is away when something is to be deleted.
#[derive(Debug)]
struct Away(Loopback);

impl Transport for Away {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn open(&self, request: TopicRequest) -> Boxed<Result<Arc<dyn RemoteTopic>, OpenFault>> {
        self.0.open(request)
    }

    fn find(&self, name: &TopicName) -> Boxed<Result<Option<Arc<dyn RemoteTopic>>, Fault>> {
        Transport::find(&self.0, name)
    }

    fn topics(&self) -> Boxed<Result<Vec<TopicName>, Fault>> {
        self.0.topics()
    }

    fn delete(&self, _: &TopicName) -> Boxed<Result<bool, Fault>> {
        Box::pin(async { Err(Fault::Unavailable("away".into())) })
    }

    fn run(&self, work: Boxed<()>) {
        self.0.run(work);
    }

    fn shut_down(&self) {
        self.0.shut_down();
    }
}

/// Another type for the topic of orders.
#[derive(Debug, Serialize, Deserialize, Topic)]
#[topic(name = "orders", format = Json)]
struct Other {
    other: u64,
}

#[tokio::test]
async fn a_topic_that_could_not_be_deleted_is_still_bound_to_its_type() {
    let broker = Broker::over(Arc::new(Away(Server::start().connect(8))));
    broker.create::<Order>().await.unwrap();
    let refused = broker.delete("orders").await.unwrap_err();
    assert_eq!(refused, AdminError::Unavailable { reason: "away".into() });
    let refused = broker.create::<Other>().await.unwrap_err();
    assert!(
        matches!(&refused, OpenError::Conflict(conflict) if conflict.option == "type"),
        "{refused}"
    );
}
