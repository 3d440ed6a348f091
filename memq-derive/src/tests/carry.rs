//! What formats carry of what serde is told, beside what the derive says to it: each type is written and
//! read back, and has to be refused where that fails or gives another value, and nowhere else.

use ::serde::de::DeserializeOwned;
use ::serde::{Deserialize, Serialize};
use memq::codec::{Bincode, Codec, Json, MessagePack, Postcard};

use super::{ALL, errors};

/// Whether every value is read as it was written.
fn carries<C: Codec<T>, T: PartialEq>(values: &[T]) -> bool {
    values.iter().all(|value| {
        let mut bytes = Vec::new();
        C::encode(value, &mut bytes).is_ok() && C::decode(&bytes).is_ok_and(|read| read == *value)
    })
}

/// Checks a type and some values of it in all formats, and that it is refused in `refused` of them.
fn check<T>(item: &str, values: &[T], refused: &[&str])
where
    T: Serialize + DeserializeOwned + PartialEq + Send + Sync + 'static,
{
    let carried = [
        ("Json", carries::<Json, T>(values)),
        ("MessagePack", carries::<MessagePack, T>(values)),
        ("Postcard", carries::<Postcard, T>(values)),
        ("Bincode", carries::<Bincode, T>(values)),
    ];
    for (format, carried) in carried {
        let errors = errors(&format!(r#"#[topic(name = "a", format = {format})] {item}"#), ALL);
        assert_eq!(carried, errors.is_empty(), "{format}: carried, and {errors:?}: {item}");
        assert_eq!(refused.contains(&format), !carried, "{format}: {item}");
        for error in errors {
            assert!(error.starts_with(&format!("`{format}` ")), "{error}");
        }
    }
    // Nothing is known of the codecs of others, and a native message is never written.
    for codec in ["codec = my::Codec", "format = Native"] {
        let errors = errors(&format!(r#"#[topic(name = "a", {codec})] {item}"#), ALL);
        assert!(errors.is_empty(), "{errors:?}");
    }
}

const POSITIONAL: &[&str] = &["Postcard", "Bincode"];
const NAMED: &[&str] = &["Json", "MessagePack"];
const ALL_FOUR: &[&str] = &["Json", "MessagePack", "Postcard", "Bincode"];
const NONE: &[&str] = &[];

/// One test for each: `Message` is the type, and what follows it is there for it.
macro_rules! cases {
    ($($name:ident($refused:expr, [$($value:expr),+ $(,)?] $(,)?) { $item:item $($other:item)* })+) => {
        $(mod $name {
            use super::*;

            #[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
            $item

            $($other)*

            #[test]
            fn is_refused_where_it_is_not_carried() {
                check::<Message>(stringify!($item), &[$($value),+], $refused);
            }
        })+
    };
}

fn is_zero(number: &u8) -> bool {
    *number == 0
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
struct Inner {
    c: u8,
}

/// What `serde_with::rust::double_option` does.
mod double_option {
    use super::*;

    pub(super) fn serialize<S: ::serde::Serializer>(
        value: &Option<Option<u8>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let list: Vec<Option<u8>> = value.iter().copied().collect();
        list.serialize(to)
    }

    pub(super) fn deserialize<'de, D: ::serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Option<u8>>, D::Error> {
        let list = <Vec<Option<u8>>>::deserialize(from)?;
        Ok(list.into_iter().next())
    }
}

cases! {
    flatten(POSITIONAL, [Message { a: 1, inner: Inner { c: 2 }, b: 3 }]) {
        struct Message { a: u8, #[serde(flatten)] inner: Inner, b: u8 }
    }
    flatten_in_a_variant(POSITIONAL, [Message::A { inner: Inner { c: 2 }, b: 3 }]) {
        enum Message { A { #[serde(flatten)] inner: Inner, b: u8 } }
    }
    flatten_that_is_skipped(NONE, [Message { a: 1, inner: Inner { c: 0 }, b: 3 }]) {
        struct Message { a: u8, #[serde(flatten, skip)] inner: Inner, b: u8 }
    }
    untagged(POSITIONAL, [Message::A { a: 1 }, Message::B(2)]) {
        #[serde(untagged)]
        enum Message { A { a: u8 }, B(u8) }
    }
    untagged_variant(POSITIONAL, [Message::A { a: 1 }, Message::B(2)]) {
        enum Message { A { a: u8 }, #[serde(untagged)] B(u8) }
    }
    internal_tag(POSITIONAL, [Message::A { a: 1 }, Message::B]) {
        #[serde(tag = "kind")]
        enum Message { A { a: u8 }, B }
    }
    adjacent_tag(POSITIONAL, [Message::A { a: 1 }, Message::B]) {
        #[serde(tag = "kind", content = "of")]
        enum Message { A { a: u8 }, B }
    }
    adjacent_tag_without_units(POSITIONAL, [Message::A(1), Message::B(2, 3)]) {
        #[serde(tag = "kind", content = "of")]
        enum Message { A(u8), B(u8, u8) }
    }
    only_written_newtype(NONE, [Message(3)]) {
        struct Message(#[serde(skip_deserializing)] u8);
    }
    only_read_newtype(NONE, [Message(3)]) {
        struct Message(#[serde(skip_serializing)] u8);
    }
    only_read_newtype_variant(ALL_FOUR, [Message::A(0), Message::B(3)]) {
        enum Message { A(#[serde(skip_serializing, default)] u8), B(u8) }
    }
    only_written_newtype_variant(ALL_FOUR, [Message::A(0), Message::B(3)]) {
        enum Message { A(#[serde(skip_deserializing)] u8), B(u8) }
    }
    sometimes_left_out_of_a_tuple(ALL_FOUR, [Message(0, 2), Message(1, 2)]) {
        struct Message(#[serde(skip_serializing_if = "is_zero", default)] u8, #[serde(default)] u8);
    }
    sometimes_left_out_of_a_tuple_last(POSITIONAL, [Message(1, 0, 0), Message(1, 2, 0)]) {
        struct Message(
            u8,
            #[serde(skip_serializing_if = "is_zero", default)] u8,
            #[serde(skip)] u8,
        );
    }
    sometimes_left_out_of_a_tuple_without_default(ALL_FOUR, [Message(1, 0), Message(1, 2)]) {
        struct Message(u8, #[serde(skip_serializing_if = "is_zero")] u8);
    }
    only_read_in_a_tuple(ALL_FOUR, [Message(0, 2)]) {
        struct Message(#[serde(skip_serializing, default)] u8, #[serde(default)] u8);
    }
    only_written_in_a_tuple(ALL_FOUR, [Message(1, 0)]) {
        struct Message(u8, #[serde(skip_deserializing)] u8);
    }
    only_written_in_a_tuple_variant(ALL_FOUR, [Message::A(1, 0)]) {
        enum Message { A(u8, #[serde(skip_deserializing)] u8) }
    }
    tag_of_a_struct(POSITIONAL, [Message { a: 1, b: 2 }]) {
        #[serde(tag = "kind")]
        struct Message { a: u8, b: u8 }
    }
    sometimes_left_out(POSITIONAL, [Message { a: 0, b: 2 }, Message { a: 1, b: 2 }]) {
        struct Message { #[serde(skip_serializing_if = "is_zero", default)] a: u8, b: u8 }
    }
    sometimes_left_out_last(POSITIONAL, [Message { a: 1, b: 0 }, Message { a: 1, b: 2 }]) {
        struct Message { a: u8, #[serde(skip_serializing_if = "is_zero", default)] b: u8 }
    }
    sometimes_left_out_of_a_variant(POSITIONAL, [Message::A { a: 0, b: 2 }]) {
        enum Message { A { #[serde(skip_serializing_if = "is_zero", default)] a: u8, b: u8 } }
    }
    sometimes_left_out_of_a_newtype(NONE, [Message(0), Message(1)]) {
        struct Message(#[serde(skip_serializing_if = "is_zero", default)] u8);
    }
    sometimes_left_out_of_a_newtype_variant(NONE, [Message::A(0), Message::A(1), Message::B(0)]) {
        enum Message { A(#[serde(skip_serializing_if = "is_zero", default)] u8), B(u8) }
    }
    sometimes_left_out_and_always(NONE, [Message { a: 0, b: 2 }]) {
        struct Message { #[serde(skip, skip_serializing_if = "is_zero")] a: u8, b: u8 }
    }
    only_read(POSITIONAL, [Message { a: 0, b: 2 }]) {
        struct Message { #[serde(skip_serializing, default)] a: u8, b: u8 }
    }
    only_read_in_a_variant(POSITIONAL, [Message::A { a: 0, b: 2 }]) {
        enum Message { A { #[serde(skip_serializing, default)] a: u8, b: u8 } }
    }
    only_written(POSITIONAL, [Message { a: 0, b: 2 }]) {
        struct Message { #[serde(skip_deserializing)] a: u8, b: u8 }
    }
    only_written_last(POSITIONAL, [Message { a: 1, b: 0 }]) {
        struct Message { a: u8, #[serde(skip_deserializing)] b: u8 }
    }
    skipped(NONE, [Message { a: 0, b: 2 }]) {
        struct Message { #[serde(skip)] a: u8, b: u8 }
    }
    skipped_both_ways(NONE, [Message { a: 0, b: 2 }]) {
        struct Message { #[serde(skip_serializing, skip_deserializing)] a: u8, b: u8 }
    }
    skipped_in_a_tuple(NONE, [Message(0, 2)]) {
        struct Message(#[serde(skip)] u8, u8);
    }
    skipped_in_a_newtype_variant(NONE, [Message::A(0), Message::B(3)]) {
        enum Message { A(#[serde(skip)] u8), B(u8) }
    }
    skipped_variant(POSITIONAL, [Message::A, Message::C]) {
        enum Message { A, #[serde(skip)] #[allow(dead_code)] B, C }
    }
    skipped_variants_at_the_end(NONE, [Message::A, Message::B]) {
        enum Message { A, B, #[serde(skip)] #[allow(dead_code)] C, #[serde(skip)] #[allow(dead_code)] D }
    }
    variant_only_written(POSITIONAL, [Message::C]) {
        enum Message { #[serde(skip_deserializing)] #[allow(dead_code)] A, C }
    }
    variant_only_read(NONE, [Message::A, Message::C]) {
        enum Message { A, #[serde(skip_serializing)] #[allow(dead_code)] B, C }
    }
    words_in_a_skipped_variant(NONE, [Message::A]) {
        enum Message { A, #[serde(skip)] #[allow(dead_code)] B { #[serde(flatten)] b: Inner } }
    }
    transparent(NONE, [Message { a: 3, b: 0 }, Message { a: 0, b: 0 }]) {
        #[serde(transparent)]
        struct Message {
            #[serde(skip_serializing_if = "is_zero")]
            a: u8,
            #[serde(skip)]
            b: u8,
        }
    }
    converted(NONE, [Message { inner: Inner { c: 3 } }]) {
        #[serde(from = "Inner", into = "Inner")]
        struct Message { #[serde(flatten)] inner: Inner }
        impl From<Inner> for Message { fn from(inner: Inner) -> Self { Self { inner } } }
        impl From<Message> for Inner { fn from(message: Message) -> Self { message.inner } }
    }
    converted_to_write(NONE, [Message { c: 3, d: 0 }]) {
        #[serde(into = "Inner")]
        struct Message {
            #[serde(skip_serializing_if = "is_zero")]
            c: u8,
            #[serde(skip_deserializing)]
            d: u8,
        }
        impl From<Message> for Inner { fn from(message: Message) -> Self { Self { c: message.c } } }
    }
    converted_to_read(NONE, [Message { c: 3, d: 0 }]) {
        #[serde(from = "Inner")]
        struct Message { c: u8, #[serde(skip_serializing)] d: u8 }
        impl From<Inner> for Message { fn from(inner: Inner) -> Self { Self { c: inner.c, d: 0 } } }
    }
    renamed(NONE, [Message { a_b: 1, c: 2, d: 0 }]) {
        #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
        #[derive(Default)]
        struct Message { a_b: u8, #[serde(rename = "x", alias = "y")] c: u8, d: u8 }
    }

    option_in_an_option(NAMED, [Message { a: Some(None) }, Message { a: None }]) {
        struct Message { a: Option<Option<u8>> }
    }
    option_in_an_option_that_may_be_left_out(
        ALL_FOUR,
        [Message { a: Some(None) }, Message { a: None }],
    ) {
        struct Message { #[serde(default, skip_serializing_if = "Option::is_none")] a: Option<Option<u8>> }
    }
    option_in_a_boxed_option(NAMED, [Message::A(Some(Box::new(None)))]) {
        enum Message { A(Option<Box<Option<u8>>>) }
    }
    option_in_an_option_in_a_list(NAMED, [Message(vec![Some(None), None])]) {
        struct Message(Vec<std::option::Option<Option<u8>>>);
    }
    option_in_an_option_in_a_tuple(NAMED, [Message(vec![(1, [Some(None); 2])])]) {
        struct Message(Vec<(u8, [Option<Option<u8>>; 2])>);
    }
    option_in_an_option_transparently(NAMED, [Message { a: Some(None) }]) {
        #[serde(transparent)]
        struct Message { a: Option<Option<u8>> }
    }
    option_of_a_list_of_options(NONE, [Message(Some(vec![None, Some(1)])), Message(None)]) {
        struct Message(Option<Vec<Option<u8>>>);
    }
    option_in_an_option_with_a_way_of_its_own(NONE, [Message { a: Some(None) }, Message { a: None }]) {
        struct Message { #[serde(with = "double_option")] a: Option<Option<u8>> }
    }
    option_in_an_option_with_functions(NONE, [Message { a: Some(None) }, Message { a: None }]) {
        struct Message {
            #[serde(serialize_with = "double_option::serialize")]
            #[serde(deserialize_with = "double_option::deserialize")]
            a: Option<Option<u8>>,
        }
    }
    option_in_an_option_that_is_skipped(NONE, [Message { a: None, b: 1 }]) {
        struct Message { #[serde(skip)] a: Option<Option<u8>>, b: u8 }
    }
    option_in_an_option_of_nothing(NONE, [Message(std::marker::PhantomData, 3)]) {
        struct Message(std::marker::PhantomData<Option<Option<u8>>>, u8);
    }
}
