#[automatically_derived]
impl ::memq::Topic for Order {
    type Codec = ::memq::codec::Native;
    const SPEC: ::memq::TopicSpec = ::memq::TopicSpec::new("orders");
}
