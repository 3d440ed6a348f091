#[automatically_derived]
impl my::memq::Shape for State {
    const SHAPE: my::memq::schema::Fingerprint = {
        use my::memq::schema::probe::Spelled as _;
        my::memq::schema::Fingerprint::of(
                "enum \"Placed\" unit \"Sent\" struct \"how\" flatten",
            )
            .field(my::memq::schema::probe::Of::<How>::SHAPE, "How")
            .and("\"Gone\" tuple")
            .field(my::memq::schema::probe::Of::<u8>::SHAPE, "u8")
            .field(my::memq::schema::probe::Of::<u16>::SHAPE, "u16")
    };
    const NEEDS_NAMES: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(
        "`State`, which is in this topic, says `#[serde(flatten)]`, and `Postcard` and `Bincode` cannot carry that: remove it there, or use a format that writes names here, `format = Json` or `format = MessagePack`",
    );
    const NEEDS_PLACES: ::core::option::Option<&'static ::core::primitive::str> = {
        use my::memq::schema::probe::Spelled as _;
        my::memq::schema::probe::first(
            &[my::memq::schema::probe::Of::<How>::NEEDS_PLACES],
        )
    };
    fn aliases(out: &mut my::memq::schema::Aliases) {
        use my::memq::schema::probe::Spelled as _;
        if out.enter::<Self>() {
            my::memq::schema::probe::Of::<How>::aliases(out);
        }
    }
}
