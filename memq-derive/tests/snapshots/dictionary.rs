#[automatically_derived]
impl ::memq::Topic for Order {
    type Codec = ::memq::codec::Json;
    const SPEC: ::memq::TopicSpec = ::memq::TopicSpec::dictionary(
        ::memq::TopicSpec::new("orders").compression_level(::memq::Compression::Zstd, 7),
        ::core::include_bytes!("orders.dict"),
    );
    const SHAPE: ::core::option::Option<::memq::schema::Fingerprint> = {
        use ::memq::schema::probe::Spelled as _;
        ::core::option::Option::Some(::memq::schema::Fingerprint::of("unit"))
    };
}
