::core::compile_error! {
    "a message outlives its publisher, so it cannot borrow for `'a`: own the data, as `String`, `Vec` or `Arc`, or borrow for `'static`"
}
::core::compile_error! {
    "there is no option `nmae`: did you mean `name`?"
}
#[automatically_derived]
impl<T: 'static> my::memq::Topic for Order<'static, T>
where
    [T]: Fn(&'static str),
    Self: ::core::marker::Send + ::core::marker::Sync + 'static,
{
    type Codec = my::memq::codec::Mistaken;
    const SPEC: my::memq::TopicSpec = my::memq::TopicSpec::new("invalid");
}
