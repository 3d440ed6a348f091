#[automatically_derived]
impl my::memq::Topic for Order {
    type Codec = my::Codec<Self>;
    const SPEC: my::memq::TopicSpec = my::memq::TopicSpec::new(names::ORDERS)
        .compression_level(my::memq::Compression::Gzip, 9);
    fn key(&self) -> ::core::option::Option<my::memq::Key<'_>> {
        Self::key_of(self)
    }
}
