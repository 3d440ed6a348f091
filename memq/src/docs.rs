//! Pages to read. There is nothing to call here.

#[doc = include_str!("docs/delivery.md")]
pub mod delivery {}
