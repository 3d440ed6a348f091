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
    const SHAPE: ::core::option::Option<::memq::schema::Fingerprint> = {
        use ::memq::schema::probe::Spelled as _;
        ::memq::schema::probe::carried(::memq::schema::probe::Of::<[T; N]>::NEEDS_NAMES);
        ::memq::schema::probe::carried(::memq::schema::probe::Of::<T::Key>::NEEDS_NAMES);
        ::core::option::Option::Some(
            ::memq::schema::Fingerprint::of("tuple")
                .field(::memq::schema::probe::Of::<[T; N]>::SHAPE, "[T;N]")
                .field(::memq::schema::probe::Of::<T::Key>::SHAPE, "T::Key"),
        )
    };
    fn aliases(out: &mut ::memq::schema::Aliases) {
        use ::memq::schema::probe::Spelled as _;
        if out.enter::<Self>() {
            ::memq::schema::probe::Of::<[T; N]>::aliases(out);
            ::memq::schema::probe::Of::<T::Key>::aliases(out);
        }
    }
    fn key(&self) -> ::core::option::Option<::memq::Key<'_>> {
        ::memq::TopicKey::to_key(&self.1)
    }
}
