//! What handles do where their topic is kept by a back end: the far halves of them.

mod exclusive;
mod fault;
mod outlet;
mod site;

pub(crate) use self::exclusive::Exclusive;
pub(crate) use self::fault::{administered, not_there, opened, published, unsupported};
pub(crate) use self::outlet::{Admission, Outlet};
pub(crate) use self::site::Site;
