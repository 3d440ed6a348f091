//! Brokers whose topics another system keeps: here, a loopback to a broker in memory.

#[path = "../common/mod.rs"]
mod common;
mod loopback;

mod administration;
mod bridge;
mod conformance;
mod consuming;
mod dead_letters;
mod opening;
mod publishing;
mod reading;
mod sending;
mod versions;
mod workers;
