//! Type and const parameters, with names that depend on them. The bounds of the trait are asked of
//! the whole type, so only what the name needs is written.

use std::marker::PhantomData;

use memq::{Key, Topic, TopicKey};
use serde::{Deserialize, Serialize};

trait Named {
    const NAME: &'static str;
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Tea;

impl Named for Tea {
    const NAME: &'static str = "tea";
}

impl Named for std::rc::Rc<u8> {
    const NAME: &'static str = "not.send";
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = T::NAME, format = Json)]
struct Order<T: Named> {
    #[topic(key)]
    item: u64,
    kind: T,
}

#[derive(Topic)]
#[topic(name = <T as Named>::NAME)]
struct Keyed<K, T>
where
    T: Named,
{
    #[topic(key)]
    key: K,
    kind: PhantomData<fn() -> T>,
}

#[derive(Topic)]
#[topic(name = Names::<N, 2>::NAME)]
struct Sized<const N: usize = 3>([u8; N]);

struct Names<const N: usize, const M: usize>;

impl<const N: usize, const M: usize> Names<N, M> {
    const NAME: &'static str = if N > M { "large" } else { "small" };
}

#[derive(Topic)]
#[topic(name = Self::NAME, key_with = Self::first)]
enum Choice<T: Named + TopicKey> {
    One(T),
    Two,
}

impl<T: Named + TopicKey> Choice<T> {
    const NAME: &'static str = T::NAME;

    fn first(&self) -> Option<Key<'_>> {
        match self {
            Self::One(one) => one.to_key(),
            Self::Two => None,
        }
    }
}

impl Named for String {
    const NAME: &'static str = "text";
}

fn key_of<T: Topic>(message: &T) -> Option<Key<'_>> {
    message.key()
}

fn main() {
    assert_eq!(Order::<Tea>::SPEC.name(), "tea");
    assert_eq!(key_of(&Order { item: 7, kind: Tea }), Some(Key::from(7_u64)));
    assert_eq!(Sized([0; 3]).key(), None);
    assert_eq!(Sized::<3>::SPEC.name(), "large");
    assert_eq!(Sized::<1>::SPEC.name(), "small");
    let keyed = Keyed::<_, Tea> { key: Some("k"), kind: PhantomData };
    assert_eq!(key_of(&keyed), Some(Key::from("k")));
    assert_eq!(key_of(&Choice::One(String::from("one"))), Some(Key::from("one")));
    assert_eq!(key_of(&Choice::<String>::Two), None);
    // A value that cannot be a message is still a value.
    let _ = Order { item: 7, kind: std::rc::Rc::new(1_u8) };
}
