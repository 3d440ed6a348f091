//! What a type looks like to a codec, of the types that serde itself knows.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num;
use std::ops::{Bound, Range, RangeFrom, RangeInclusive, RangeTo};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::probe::first;
use super::{Aliases, Fingerprint};

/// What a type looks like to a codec, so that topics with fields of it notice when it changes.
///
/// Derived, for the types inside a topic's: `#[derive(memq::Shape)]`. The topic's own type needs only
/// `#[derive(Topic)]`. A type without a shape counts as it is spelled where it is used, so what changes
/// inside it is not seen.
///
/// Two types that hold each other cannot both have one, since each constant would need the other:
/// rustc says so, and one of them does without.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no shape that is known",
    note = "add `#[derive(memq::Shape)]` to the type"
)]
pub trait Shape {
    /// Its fingerprint.
    const SHAPE: Fingerprint;

    /// Why a format that does not name its fields cannot carry it, if it cannot.
    #[doc(hidden)]
    const NEEDS_NAMES: Option<&'static str> = None;

    /// Why `Json` and `MessagePack`, which have one null and lists by places, cannot carry it, if they
    /// cannot.
    #[doc(hidden)]
    const NEEDS_PLACES: Option<&'static str> = None;

    /// Adds the aliases of its fields and variants.
    #[doc(hidden)]
    fn aliases(_: &mut Aliases) {}
}

/// Types with nothing in them that has a shape.
macro_rules! plain {
    ($($shape:literal: $($ty:ty),+;)+) => {
        $($(impl Shape for $ty {
            const SHAPE: Fingerprint = Fingerprint::of($shape);
        })+)+
    };
}

plain! {
    "bool": bool;
    "char": char;
    "i8": i8, num::NonZeroI8;
    "i16": i16, num::NonZeroI16;
    "i32": i32, num::NonZeroI32;
    "i64": i64, num::NonZeroI64;
    "i128": i128, num::NonZeroI128;
    "isize": isize, num::NonZeroIsize;
    "u8": u8, num::NonZeroU8;
    "u16": u16, num::NonZeroU16;
    "u32": u32, num::NonZeroU32;
    "u64": u64, num::NonZeroU64;
    "u128": u128, num::NonZeroU128;
    "usize": usize, num::NonZeroUsize;
    "f32": f32;
    "f64": f64;
    "unit": ();
    "string": str, String, Path, PathBuf;
    "bytes": CStr, CString;
    "Duration": Duration;
    "SystemTime": SystemTime;
    "Ipv4Addr": Ipv4Addr;
    "Ipv6Addr": Ipv6Addr;
    "IpAddr": IpAddr;
    "SocketAddrV4": SocketAddrV4;
    "SocketAddrV6": SocketAddrV6;
    "SocketAddr": SocketAddr;
}

/// Types that are around others: as those where no text is said, and else that text and those.
macro_rules! around {
    ($([$($generics:tt)*] $ty:ty: $($shape:literal)? $($inner:ident),+;)+) => {
        $(impl<$($generics)*> Shape for $ty {
            const SHAPE: Fingerprint = around!(@shape $($shape)? $($inner),+);
            const NEEDS_NAMES: Option<&'static str> = first(&[$($inner::NEEDS_NAMES),+]);
            const NEEDS_PLACES: Option<&'static str> = first(&[$($inner::NEEDS_PLACES),+]);

            fn aliases(out: &mut Aliases) {
                $($inner::aliases(out);)+
            }
        })+
    };
    (@shape $inner:ident) => { $inner::SHAPE };
    (@shape $shape:literal $($inner:ident),+) => {
        Fingerprint::of($shape)$(.with($inner::SHAPE))+
    };
}

around! {
    // What serde writes as what is in it.
    [T: Shape + ?Sized] &T: T;
    [T: Shape + ?Sized] &mut T: T;
    [T: Shape + ?Sized] Box<T>: T;
    [T: Shape + ?Sized] Rc<T>: T;
    [T: Shape + ?Sized] Arc<T>: T;
    [T: Shape + ToOwned + ?Sized] Cow<'_, T>: T;
    [T: Shape] Cell<T>: T;
    [T: Shape + ?Sized] RefCell<T>: T;
    [T: Shape] num::Wrapping<T>: T;
    [T: Shape] num::Saturating<T>: T;
    [T: Shape] Reverse<T>: T;

    [T: Shape] Option<T>: "option" T;
    [T: Shape, E: Shape] Result<T, E>: "Result" T, E;
    [T: Shape] Bound<T>: "Bound" T;
    [T: Shape] Range<T>: "Range" T;
    [T: Shape] RangeInclusive<T>: "Range" T;
    [T: Shape] RangeFrom<T>: "RangeFrom" T;
    [T: Shape] RangeTo<T>: "RangeTo" T;

    [T: Shape] [T]: "seq" T;
    [T: Shape] Vec<T>: "seq" T;
    [T: Shape] VecDeque<T>: "seq" T;
    [T: Shape] LinkedList<T>: "seq" T;
    [T: Shape] BinaryHeap<T>: "seq" T;
    [T: Shape] BTreeSet<T>: "seq" T;
    [T: Shape, S] HashSet<T, S>: "seq" T;
    [K: Shape, V: Shape] BTreeMap<K, V>: "map" K, V;
    [K: Shape, V: Shape, S] HashMap<K, V, S>: "map" K, V;
}

impl<T: ?Sized> Shape for PhantomData<T> {
    const SHAPE: Fingerprint = Fingerprint::of("unit struct").and("PhantomData");
}

impl<T: Shape, const N: usize> Shape for [T; N] {
    const SHAPE: Fingerprint =
        Fingerprint::of("array").with(Fingerprint::from_u64(N as u64)).with(T::SHAPE);
    const NEEDS_NAMES: Option<&'static str> = T::NEEDS_NAMES;
    const NEEDS_PLACES: Option<&'static str> = T::NEEDS_PLACES;

    fn aliases(out: &mut Aliases) {
        T::aliases(out);
    }
}

/// Tuples of each length that serde knows.
macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        around! { [$first: Shape $(, $rest: Shape)*] ($first, $($rest,)*): "tuple" $first $(, $rest)*; }
        tuples! { $($rest)* }
    };
    () => {};
}

tuples! { A B C D E F G H I J K L M N O P }

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::probe;

    /// Of what has a name for each field, and one other name.
    struct Named;

    impl Shape for Named {
        const SHAPE: Fingerprint = Fingerprint::of("named");
        const NEEDS_NAMES: Option<&'static str> = Some("flatten");
        const NEEDS_PLACES: Option<&'static str> = Some("two options");

        fn aliases(out: &mut Aliases) {
            if out.enter::<Self>() {
                out.add("Named", "item", "article");
            }
        }
    }

    struct Unknown;

    #[test]
    fn what_is_written_alike_has_one_shape_and_nothing_else_does() {
        assert_eq!(<Box<[u8]>>::SHAPE, Vec::<u8>::SHAPE);
        assert_eq!(<Cow<'static, str>>::SHAPE, String::SHAPE);
        assert_eq!(Arc::<Named>::SHAPE, Named::SHAPE);
        let shapes = [
            u8::SHAPE,
            i8::SHAPE,
            <()>::SHAPE,
            <(u8,)>::SHAPE,
            <(u8, i8)>::SHAPE,
            <(i8, u8)>::SHAPE,
            <[u8; 1]>::SHAPE,
            <[u8; 2]>::SHAPE,
            Vec::<u8>::SHAPE,
            Vec::<Vec<u8>>::SHAPE,
            Option::<u8>::SHAPE,
            Option::<Option<u8>>::SHAPE,
            BTreeMap::<u8, i8>::SHAPE,
            BTreeMap::<i8, u8>::SHAPE,
            String::SHAPE,
        ];
        for (at, shape) in shapes.iter().enumerate() {
            assert!(!shapes[..at].contains(shape), "{at}");
        }
    }

    #[test]
    fn a_probe_tells_a_shape_where_there_is_one() {
        use probe::Spelled as _;
        const KNOWN: Option<Fingerprint> = probe::Of::<Vec<Named>>::SHAPE;
        const NONE: Option<Fingerprint> = probe::Of::<Unknown>::SHAPE;
        assert_eq!((KNOWN, NONE), (Some(Vec::<Named>::SHAPE), None));
        let inside = probe::Of::<BTreeMap<u8, Option<[Named; 2]>>>::NEEDS_NAMES;
        assert_eq!(inside, Some("flatten"));
        let inside = probe::Of::<[(u8, Vec<Named>); 2]>::NEEDS_PLACES;
        assert_eq!(inside, Some("two options"));
        assert_eq!(probe::Of::<Vec<Unknown>>::NEEDS_NAMES, None);
    }

    #[test]
    fn aliases_are_told_once_for_each_type() {
        use probe::Spelled as _;
        let mut all = Aliases::new();
        probe::Of::<(Vec<Named>, Option<Named>)>::aliases(&mut all);
        probe::Of::<Unknown>::aliases(&mut all);
        assert_eq!(all.iter().collect::<Vec<_>>(), [("Named", "item", "article")]);
    }
}
