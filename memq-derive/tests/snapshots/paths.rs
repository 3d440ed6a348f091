#[automatically_derived]
impl my::memq::Topic for Order {
    type Codec = my::Codec<Self>;
    const SPEC: my::memq::TopicSpec = my::memq::TopicSpec::new(names::ORDERS)
        .compression_level(my::memq::Compression::Gzip, 9);
    const SHAPE: ::core::option::Option<my::memq::schema::Fingerprint> = {
        use my::memq::schema::probe::Spelled as _;
        ::core::option::Option::Some(
            my::memq::schema::Fingerprint::of("enum \"Placed\" newtype")
                .field(my::memq::schema::probe::Of::<u64>::SHAPE, "u64")
                .and("\"Cancelled\" unit"),
        )
    };
    fn key(&self) -> ::core::option::Option<my::memq::Key<'_>> {
        Self::key_of(self)
    }
}
