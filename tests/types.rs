//! Which public types can be sent, shared and moved: part of the interface, so a change is seen.

use crate::common;

use common::Order;
use memq::codec::{Bincode, Encoded, Json, MessagePack, Native, Postcard, Raw, Shared};
use memq::*;
use static_assertions::{assert_impl_all, assert_not_impl_any};

numbers!(Number, "numbers");

// Handles.
assert_impl_all!(Broker: Send, Sync, Unpin, Clone, Default, std::fmt::Debug);
assert_impl_all!(Publisher<Number>: Send, Sync, Unpin, Clone, std::fmt::Debug);
assert_impl_all!(Publisher<Order>: Send, Sync, Unpin, Clone, std::fmt::Debug);
assert_impl_all!(Publisher<Record>: Send, Sync, Unpin, Clone, std::fmt::Debug);
assert_impl_all!(Subscriber<Number>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(Subscriber<Order>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(Subscriber<Record>: Send, Sync, Unpin, std::fmt::Debug);
// A subscriber has one position: two of the same would be two subscribers.
assert_not_impl_any!(Subscriber<Number>: Clone);
assert_impl_all!(Permit<'static, Number>: Send, Sync, Unpin, std::fmt::Debug);
assert_not_impl_any!(Permit<'static, Number>: Clone);

// Builders and futures.
assert_impl_all!(TopicBuilder<'static, Number>: Send, Sync, Unpin, Clone, std::fmt::Debug);
assert_impl_all!(TopicBuilder<'static, Record>: Send, Sync, Unpin, Clone, std::fmt::Debug);
assert_impl_all!(PublisherBuilder<'static, Order>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(SubscriberBuilder<'static, Order>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(Opening<Publisher<Order>>: Send, Unpin, std::fmt::Debug);
assert_impl_all!(Opening<Subscriber<Order>>: Send, Unpin, std::fmt::Debug);
assert_impl_all!(Publish<'static, Number>: Send, Unpin, std::fmt::Debug);
assert_impl_all!(Publish<'static, Order>: Send, Unpin, std::fmt::Debug);
assert_impl_all!(Publishing<'static, Number>: Send, Unpin, std::fmt::Debug);
assert_impl_all!(Publishing<'static, Order>: Send, Unpin, std::fmt::Debug);
assert_impl_all!(SendMessage<'static, Number>: Send, Unpin, std::fmt::Debug);
assert_impl_all!(SendMessage<'static, Order>: Send, Unpin, std::fmt::Debug);
assert_impl_all!(Sending<'static, Number>: Send, Unpin, std::fmt::Debug);
assert_impl_all!(Sending<'static, Order>: Send, Unpin, std::fmt::Debug);
assert_impl_all!(Receipt<Number>: Send, Unpin, std::fmt::Debug);
assert_impl_all!(Receipt<Order>: Send, Unpin, std::fmt::Debug);
assert_impl_all!(Receipt<Record>: Send, Unpin, std::fmt::Debug);
// It may hold the message, which can be given back once.
assert_not_impl_any!(Receipt<Number>: Clone);
assert_impl_all!(PublishBatch<'static, Number>: Send, Unpin, std::fmt::Debug);
assert_impl_all!(PublishBatch<'static, Order>: Send, Unpin, std::fmt::Debug);

// Messages.
assert_impl_all!(Message<Number>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(Message<Order>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(Message<Record>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(MessageRef<'static, Order>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(Batch<Order>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(BatchIter<'static, Order>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(BatchIntoIter<Order>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(DeliveryRef<'static, Number>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(DeliveryRef<'static, Order>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(Deliveries<Number>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(Deliveries<Order>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(DeliveriesIter<'static, Order>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(DeliveriesIntoIter<Order>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(Record: Send, Sync, Unpin, Clone, std::fmt::Debug);
assert_impl_all!(Headers: Send, Sync, Unpin, Clone, Default, PartialEq, std::fmt::Debug);
assert_impl_all!(Key<'static>: Send, Sync, Unpin, Clone, Eq, std::hash::Hash, std::fmt::Display);

// Plain data.
assert_impl_all!(Offset: Send, Sync, Copy, Ord, std::hash::Hash, std::fmt::Display);
assert_impl_all!(Partition: Send, Sync, Copy, Ord, std::hash::Hash, std::fmt::Display);
assert_impl_all!(Timestamp: Send, Sync, Copy, Ord, std::hash::Hash, std::fmt::Debug);
assert_impl_all!(TopicName: Send, Sync, Clone, Ord, std::hash::Hash, std::fmt::Display);
assert_impl_all!(TopicSpec: Send, Sync, Copy, Eq, std::fmt::Debug);
assert_impl_all!(TopicOptions: Send, Sync, Copy, Eq, std::fmt::Debug);
assert_impl_all!(Format: Send, Sync, Copy, Eq, std::hash::Hash, std::fmt::Display);
assert_impl_all!(Compression: Send, Sync, Copy, Eq, std::hash::Hash, std::fmt::Display);
assert_impl_all!(Overflow: Send, Sync, Copy, Eq, std::hash::Hash, std::fmt::Display);
assert_impl_all!(Retain: Send, Sync, Copy, Eq, std::hash::Hash, std::fmt::Display);
assert_impl_all!(schema::Fingerprint: Send, Sync, Copy, Ord, std::hash::Hash, std::fmt::Display);
assert_impl_all!(schema::Lineage<Order>: Send, Sync, Copy, std::fmt::Debug);
assert_impl_all!(schema::Aliases: Send, Sync, Clone, Default, std::fmt::Debug);
assert_impl_all!(Start: Send, Sync, Copy, Eq, std::fmt::Debug);
assert_impl_all!(TopicStats: Send, Sync, Clone, Eq, std::fmt::Debug);
assert_impl_all!(SubscriberStats: Send, Sync, Clone, Eq, std::fmt::Debug);
assert_impl_all!(Dropped: Send, Sync, Copy, Eq, std::fmt::Debug);
assert_impl_all!(LagReason: Send, Sync, Copy, Eq, std::hash::Hash, std::fmt::Display);
assert_impl_all!(Encoded: Send, Sync);
assert_impl_all!(Shared: Send, Sync);
assert_impl_all!(Raw: Send, Sync);
assert_impl_all!(Json: Send, Sync, Copy);
assert_impl_all!(MessagePack: Send, Sync, Copy);
assert_impl_all!(Bincode: Send, Sync, Copy);
assert_impl_all!(Postcard: Send, Sync, Copy);
assert_impl_all!(Native: Send, Sync, Copy);

// Errors are errors, and go through `?`, `Box<dyn Error>` and a channel.
assert_impl_all!(Error: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(OpenError: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(TopicConflict: std::error::Error, Send, Sync, Unpin, Clone, Eq);
assert_impl_all!(PublishError<Order>: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(BatchError<Order>: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(RecvError: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(SeekError: std::error::Error, Send, Sync, Unpin, Clone, Eq);
assert_impl_all!(AdminError: std::error::Error, Send, Sync, Unpin, Clone, Eq);
assert_impl_all!(EncodeError: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(DecodeError: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(FrameError: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(DetectError: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(HeaderError: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(TopicNameError: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(TimestampError: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(ParseOptionError: std::error::Error, Send, Sync, Unpin, Clone, Eq);
assert_impl_all!(Start: From<Offset>, From<u64>, From<Timestamp>, From<std::time::SystemTime>);

/// A native message that is not `Clone` and not `Debug`: nothing asks for more than it needs.
struct Bare;

impl Topic for Bare {
    type Codec = Native;
    const SPEC: TopicSpec = TopicSpec::new("bare");
}

assert_impl_all!(Publisher<Bare>: Send, Sync, Clone);
assert_impl_all!(Receipt<Bare>: Send, Unpin, std::fmt::Debug);
assert_impl_all!(PublishError<Bare>: std::error::Error, Send, Sync);
assert_impl_all!(Message<Bare>: Send, Sync);

fn sent<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn futures_of_every_method_can_be_sent() {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await.unwrap();
    let mut incoming = broker.subscriber::<Order>().await.unwrap();
    let order = || Order::new(7, "tea");

    sent(std::future::IntoFuture::into_future(orders.publish(order()))).await.unwrap();
    sent(std::future::IntoFuture::into_future(orders.send(order()))).await.unwrap().await.unwrap();
    sent(orders.flush()).await;
    sent(orders.publish_batch([order(), order()])).await.unwrap();
    sent(orders.reserve()).await.unwrap().send(order()).unwrap();
    sent(incoming.recv()).await.unwrap();
    sent(incoming.recv_timeout(std::time::Duration::from_secs(1))).await.unwrap();
    sent(incoming.recv_batch(1)).await.unwrap();
    sent(incoming.next()).await.unwrap().unwrap();
    sent(incoming.seek(Start::Earliest)).await.unwrap();
    sent(broker.stats("orders")).await.unwrap();
    sent(broker.options("orders")).await.unwrap();
    sent(broker.topics()).await.unwrap();
    sent(broker.close("orders")).await.unwrap();
    sent(broker.delete("orders")).await.unwrap();
}
