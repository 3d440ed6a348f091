//! Consumer groups on real servers, as a back end is asked for them.

mod anywhere;
mod handing_out;
mod kit;
mod lifecycle;
mod partitions;
mod sharing;
#[path = "../support/mod.rs"]
mod support;
