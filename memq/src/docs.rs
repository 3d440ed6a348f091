//! Pages to read. There is nothing to call here.

#[doc = include_str!("docs/delivery.md")]
pub mod delivery {}

#[doc = include_str!("docs/growing.md")]
pub mod growing {}

#[doc = include_str!("docs/evolving.md")]
pub mod evolving {}
