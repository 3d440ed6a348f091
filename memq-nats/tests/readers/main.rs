//! Readers on real servers: where they start, what they are told, how they end, and what they do while
//! the server is away.
#![allow(clippy::unwrap_used, reason = "this is a test")]

mod ends;
mod kit;
mod outages;
mod reading;
#[path = "../support/mod.rs"]
mod support;
