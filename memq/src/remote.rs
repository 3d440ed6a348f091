//! What handles do where their topic is kept by a back end: the far halves of them.

mod burial;
mod cursor;
mod fault;
mod group;
mod keeper;
mod member;
mod outlet;
mod site;

pub(crate) use self::burial::{Buried, bury};
pub(crate) use self::cursor::Cursor;
pub(crate) use self::fault::{
    administered, committed, moved, not_there, opened, published, received, settled, sought,
    unsupported,
};
pub(crate) use self::group::{DeadLetters, Group, Hold};
pub(crate) use self::member::Member;
pub(crate) use self::outlet::{Admission, Outlet};
pub(crate) use self::site::Site;

#[cfg(test)]
pub(crate) use self::site::tests::Number;
