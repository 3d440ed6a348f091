//! Faults on real servers, as programs meet them: through publishers, subscribers, consumers and workers.
//! After each nothing that was acknowledged is lost, nothing is there twice that is promised once, and order
//! is kept. How long nothing was acknowledged is written to stderr, in a line that begins with `FAULT`, and
//! never a reason to fail.
#![allow(clippy::unwrap_used, reason = "this is a test")]

mod cluster;
mod cut;
mod dead_letter;
mod deleted;
mod full;
mod heavy;
mod killed;
mod kit;
mod oversized;
mod slow;
#[path = "../support/mod.rs"]
mod support;
