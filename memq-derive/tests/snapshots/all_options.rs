#[automatically_derived]
impl ::memq::Topic for Order {
    type Codec = ::memq::codec::Json;
    const SPEC: ::memq::TopicSpec = ::memq::TopicSpec::new("orders")
        .compression(::memq::Compression::Zstd)
        .ttl(::core::time::Duration::new(3600, 250000000))
        .max_messages(10000)
        .max_bytes(67108864)
        .overflow(::memq::Overflow::Reject)
        .partitions(8)
        .dedup(::core::time::Duration::new(120, 0))
        .retain(::memq::Retain::UntilConsumed);
    const SHAPE: ::core::option::Option<::memq::schema::Fingerprint> = {
        use ::memq::schema::probe::Spelled as _;
        ::core::option::Option::Some(
            ::memq::schema::Fingerprint::of("struct \"customer\"")
                .field(::memq::schema::probe::Of::<u64>::SHAPE, "u64")
                .and("\"item\"")
                .field(::memq::schema::probe::Of::<String>::SHAPE, "String"),
        )
    };
    fn key(&self) -> ::core::option::Option<::memq::Key<'_>> {
        ::memq::TopicKey::to_key(&self.customer)
    }
}
