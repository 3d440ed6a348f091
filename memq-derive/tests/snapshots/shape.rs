#[automatically_derived]
impl<T: Clone + ::memq::Shape, const N: usize> ::memq::Shape for Line<T, N>
where
    T: Copy,
{
    const SHAPE: ::memq::schema::Fingerprint = {
        use ::memq::schema::probe::Spelled as _;
        ::memq::schema::Fingerprint::of("struct \"item\"")
            .field(::memq::schema::probe::Of::<T>::SHAPE, "T")
            .and("\"counts\"")
            .field(::memq::schema::probe::Of::<[u32; N]>::SHAPE, "[u32;N]")
            .and("\"next\"")
            .and("Option<Box<Self>>")
            .and("\"extra\"")
            .field(::memq::schema::probe::Of::<Extra<T>>::SHAPE, "Extra<T>")
    };
    const NEEDS_NAMES: ::core::option::Option<&'static ::core::primitive::str> = {
        use ::memq::schema::probe::Spelled as _;
        ::memq::schema::probe::first(
            &[
                ::memq::schema::probe::Of::<T>::NEEDS_NAMES,
                ::memq::schema::probe::Of::<Extra<T>>::NEEDS_NAMES,
            ],
        )
    };
    const NEEDS_PLACES: ::core::option::Option<&'static ::core::primitive::str> = {
        use ::memq::schema::probe::Spelled as _;
        ::memq::schema::probe::first(
            &[
                ::memq::schema::probe::Of::<T>::NEEDS_PLACES,
                ::memq::schema::probe::Of::<Extra<T>>::NEEDS_PLACES,
            ],
        )
    };
    fn aliases(out: &mut ::memq::schema::Aliases) {
        use ::memq::schema::probe::Spelled as _;
        if out.enter::<Self>() {
            out.add("Line", "item", "name");
            ::memq::schema::probe::Of::<T>::aliases(out);
            ::memq::schema::probe::Of::<Extra<T>>::aliases(out);
        }
    }
}
