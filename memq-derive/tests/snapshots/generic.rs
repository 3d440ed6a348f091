#[automatically_derived]
impl<T: Named, const N: usize> ::memq::Topic for Order<T, N>
where
    T: Clone,
    Self: ::core::marker::Send + ::core::marker::Sync + 'static,
    ::memq::codec::Postcard: ::memq::Codec<Self>,
    T::Key: ::memq::TopicKey,
{
    type Codec = ::memq::codec::Postcard;
    const SPEC: ::memq::TopicSpec = ::memq::TopicSpec::new(<T as Named>::NAME)
        .compression_level(::memq::Compression::Zstd, -7);
    fn key(&self) -> ::core::option::Option<::memq::Key<'_>> {
        ::memq::TopicKey::to_key(&self.1)
    }
}
