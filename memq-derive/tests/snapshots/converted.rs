#[automatically_derived]
impl ::memq::Topic for Order {
    type Codec = ::memq::codec::MessagePack;
    const SPEC: ::memq::TopicSpec = ::memq::TopicSpec::new("orders");
    const SHAPE: ::core::option::Option<::memq::schema::Fingerprint> = {
        use ::memq::schema::probe::Spelled as _;
        ::core::option::Option::Some(
            ::memq::schema::Fingerprint::of("into")
                .field(::memq::schema::probe::Of::<Wire<u8>>::SHAPE, "Wire<u8>"),
        )
    };
    fn aliases(out: &mut ::memq::schema::Aliases) {
        use ::memq::schema::probe::Spelled as _;
        if out.enter::<Self>() {
            ::memq::schema::probe::Of::<Wire<u8>>::aliases(out);
        }
    }
}
const _: () = {
    use ::memq::schema::probe::Spelled as _;
    ::memq::schema::probe::carried(::memq::schema::probe::Of::<Wire<u8>>::NEEDS_PLACES);
};
