#[automatically_derived]
impl ::memq::Topic for Order {
    type Codec = ::memq::codec::Json;
    const SPEC: ::memq::TopicSpec = ::memq::TopicSpec::new("orders");
    const SHAPE: ::core::option::Option<::memq::schema::Fingerprint> = {
        use ::memq::schema::probe::Spelled as _;
        ::core::option::Option::Some(
            ::memq::schema::Fingerprint::of(
                    "tag=\"kind\" content=\"of\" enum \"placed_now\" tuple",
                )
                .field(::memq::schema::probe::Of::<u64>::SHAPE, "u64")
                .and("with=\"cents\"")
                .field(::memq::schema::probe::Of::<Money>::SHAPE, "Money")
                .and("\"gone\" struct \"whySo\" skip_serializing_if")
                .field(
                    ::memq::schema::probe::Of::<Option<String>>::SHAPE,
                    "Option<String>",
                )
                .and("\"more\" flatten")
                .field(::memq::schema::probe::Of::<Extra>::SHAPE, "Extra")
                .and("\"draft\" skip"),
        )
    };
    fn aliases(out: &mut ::memq::schema::Aliases) {
        use ::memq::schema::probe::Spelled as _;
        if out.enter::<Self>() {
            out.add("Order", "placed_now", "ordered");
            ::memq::schema::probe::Of::<Extra>::aliases(out);
        }
    }
}
const _: () = {
    use ::memq::schema::probe::Spelled as _;
    ::memq::schema::probe::carried(::memq::schema::probe::Of::<Extra>::NEEDS_PLACES);
};
