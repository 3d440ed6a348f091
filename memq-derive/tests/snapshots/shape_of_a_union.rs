::core::compile_error! {
    "a union has no shape, since nothing says which of its fields is there: use an enum"
}
#[automatically_derived]
impl ::memq::Shape for Bits {
    const SHAPE: ::memq::schema::Fingerprint = ::memq::schema::Fingerprint::of(
        "invalid",
    );
}
