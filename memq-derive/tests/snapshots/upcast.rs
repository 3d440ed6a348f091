#[automatically_derived]
#[allow(deprecated)]
impl ::memq::Topic for Order {
    type Codec = ::memq::codec::Postcard;
    const SPEC: ::memq::TopicSpec = ::memq::TopicSpec::new("orders").version(3);
    const SHAPE: ::core::option::Option<::memq::schema::Fingerprint> = {
        use ::memq::schema::probe::Spelled as _;
        ::core::option::Option::Some(
            ::memq::schema::Fingerprint::of("struct \"client\"")
                .field(::memq::schema::probe::Of::<u64>::SHAPE, "u64")
                .and("\"lines\"")
                .field(::memq::schema::probe::Of::<Vec<Line>>::SHAPE, "Vec<Line>")
                .and("\"earlier\"")
                .and("Option<Box<Self>>"),
        )
    };
    const LINEAGE: ::memq::schema::Lineage<Self> = ::memq::schema::Lineage::try_from::<
        v2::Order,
    >();
    fn aliases(out: &mut ::memq::schema::Aliases) {
        use ::memq::schema::probe::Spelled as _;
        if out.enter::<Self>() {
            out.add("Order", "client", "customer");
            ::memq::schema::probe::Of::<Vec<Line>>::aliases(out);
        }
    }
}
#[allow(deprecated)]
const _: ::memq::schema::Lineage<Order> = <Order as ::memq::Topic>::LINEAGE;
#[allow(deprecated)]
const _: () = {
    use ::memq::schema::probe::Spelled as _;
    ::memq::schema::probe::carried(::memq::schema::probe::Of::<Vec<Line>>::NEEDS_NAMES);
};
