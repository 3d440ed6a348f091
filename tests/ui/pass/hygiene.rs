//! The generated code depends on no name of the scope it lands in.

#![deny(warnings, unused_qualifications, missing_docs)]
#![allow(dead_code, non_camel_case_types, unused_macros)]

mod hostile {
    pub struct Option;
    pub struct Result;
    pub struct String;
    pub struct Vec;
    pub struct Box;
    pub struct Some;
    pub struct None;
    pub struct Ok;
    pub struct Err;
    pub struct Duration;
    pub struct Key;
    pub struct Of;
    pub struct Spelled;
    pub struct Shape;
    pub struct Lineage;
    pub struct Fingerprint;
    pub struct Aliases;
    pub struct Topic;
    pub struct TopicSpec;
    pub struct TopicKey;
    pub struct Compression;
    pub struct Overflow;
    pub struct Json;
    pub struct Native;
    pub struct str;
    pub struct u64;
    pub struct usize;
    pub struct i32;
    pub trait Send {}
    pub trait Sync {}
    pub trait Sized {}
    pub trait Clone {}
    pub trait Copy {}
    pub trait Default {}
    pub trait Iterator {}
    pub trait Into {}
    pub trait From {}
    pub trait TryFrom {}
    pub trait Drop {}
    pub trait Fn {}
    pub mod core {}
    pub mod std {}
    pub mod alloc {}
    pub mod memq {}
    pub mod serde {}
    pub mod schema {}

    macro_rules! panic {
        ($($any:tt)*) => {
            compile_error!("not this one")
        };
    }
    macro_rules! assert {
        ($($any:tt)*) => {
            compile_error!("not this one")
        };
    }

    #[derive(::memq::Topic)]
    #[topic(
        name = "orders",
        compress = None,
        ttl = "1h",
        max = 10,
        max_bytes = "1MiB",
        overflow = Wait,
    )]
    pub struct Order {
        #[topic(key)]
        pub customer: ::core::primitive::u64,
    }

    #[derive(::serde::Serialize, ::serde::Deserialize, ::memq::Topic)]
    #[topic(name = "lines", format = Json, compress = Zstd(3), key_with = Line::key_of)]
    pub struct Line(pub ::std::string::String);

    impl Line {
        pub fn key_of(&self) -> ::core::option::Option<::memq::Key<'_>> {
            ::core::option::Option::Some(::memq::Key::from(self.0.as_str()))
        }

        /// Not the one of the trait.
        pub fn key(&self) -> ::core::primitive::u64 {
            0
        }
    }

    #[derive(::memq::Topic)]
    #[topic(name = "lines", codec = super::Void, version = 2, upcast_from = Line)]
    pub struct Lines {
        pub all: ::std::vec::Vec<Inside>,
        pub of: Own<::core::option::Option<Inside>>,
        pub out: (),
    }

    #[derive(::memq::Shape)]
    pub enum Inside {
        One(::std::string::String),
        Two { out: ::core::primitive::u64, own: Own<Own<::std::boxed::Box<Inside>>> },
    }

    #[derive(::memq::Shape)]
    pub struct Own<T> {
        pub first: T,
    }

    // What the derive asks of types that have constants and functions of these names.
    impl<T> Own<T> {
        pub const SHAPE: ::core::primitive::u64 = 0;
        pub const NEEDS_NAMES: ::core::primitive::u64 = 0;

        pub fn aliases() {}
        pub fn enter() {}
    }

    impl ::core::convert::From<Line> for Lines {
        fn from(line: Line) -> Lines {
            let inside = Inside::One(line.0);
            Lines { all: ::std::vec::Vec::from([inside]), of: Own { first: ::core::option::Option::None }, out: () }
        }
    }

    #[derive(::memq::Topic)]
    #[topic(name = T::NAME)]
    pub struct Generic<T: super::Named>(#[topic(key)] pub T);

    // What `#[topic(key)]` calls on a type that has a method of that name.
    impl super::Own {
        pub fn to_key(&self) -> ::core::primitive::u64 {
            0
        }
    }
}

/// A codec.
pub struct Void;

impl memq::codec::Codec<hostile::Lines> for Void {
    type Form = memq::codec::Encoded;
    const FORMAT: memq::Format = memq::Format::Custom;

    fn encode(_: &hostile::Lines, _: &mut Vec<u8>) -> Result<(), memq::EncodeError> {
        Ok(())
    }

    fn decode(_: &[u8]) -> Result<hostile::Lines, memq::DecodeError> {
        Ok(hostile::Lines::from(hostile::Line(String::new())))
    }
}

trait Named {
    const NAME: &'static str;
}

struct Own;

impl Named for Own {
    const NAME: &'static str = "own";
}

impl memq::TopicKey for Own {
    fn to_key(&self) -> Option<memq::Key<'_>> {
        Some(memq::Key::from("own"))
    }
}

fn key_of<T: memq::Topic>(message: &T) -> Option<memq::Key<'_>> {
    message.key()
}

fn main() {
    assert_eq!(key_of(&hostile::Order { customer: 7 }), Some(memq::Key::from("7")));
    assert_eq!(key_of(&hostile::Line("tea".into())), Some(memq::Key::from("tea")));
    let lines = hostile::Lines::from(hostile::Line("tea".into()));
    assert_eq!(key_of(&lines), None);
    assert!(<hostile::Lines as memq::Topic>::SHAPE.is_some());
    assert_eq!(key_of(&hostile::Generic(Own)), Some(memq::Key::from("own")));
}
