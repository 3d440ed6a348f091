//! What handles do where their topic is kept by a back end: the far halves of them.

mod cursor;
mod exclusive;
mod fault;
mod outlet;
mod site;

pub(crate) use self::cursor::Cursor;
pub(crate) use self::exclusive::Exclusive;
pub(crate) use self::fault::{
    administered, moved, not_there, opened, published, received, unsupported,
};
pub(crate) use self::outlet::{Admission, Outlet};
pub(crate) use self::site::Site;
