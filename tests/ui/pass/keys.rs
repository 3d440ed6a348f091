//! Types that can be keys, and fields that are not.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU64;
use std::sync::Arc;

use memq::{Key, Topic, TopicKey};

macro_rules! keyed {
    ($($name:ident: $type:ty = $value:expr => $text:literal,)*) => {
        $(
            #[derive(Topic)]
            #[topic(name = "keyed")]
            struct $name(#[topic(key)] $type);
        )*

        fn main() {
            $(assert_eq!($name($value).key(), Some(Key::from($text)));)*
        }
    };
}

struct Customer(u64);

impl TopicKey for Customer {
    fn to_key(&self) -> Option<Key<'_>> {
        self.0.to_key()
    }
}

keyed! {
    Integer: i128 = -1 => "-1",
    NonZero: NonZeroU64 = NonZeroU64::MIN => "1",
    Bool: bool = true => "true",
    Char: char = 'c' => "c",
    Text: String = "text".into() => "text",
    Static: &'static str = "static" => "static",
    Borrowed: Cow<'static, str> = "cow".into() => "cow",
    Shared: Arc<str> = "arc".into() => "arc",
    Bytes: [u8; 3] = *b"abc" => "abc",
    Slice: Box<[u8]> = (*b"box").into() => "box",
    SharedSlice: Arc<[u8]> = (*b"shared").into() => "shared",
    Address: IpAddr = [192, 0, 2, 7].into() => "192.0.2.7",
    Six: Ipv6Addr = Ipv6Addr::LOCALHOST => "::1",
    Optional: Option<String> = Some("some".into()) => "some",
    Own: Customer = Customer(7) => "7",
}
