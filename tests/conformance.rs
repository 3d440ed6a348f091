//! The broker in memory keeps what memq promises of every backend.

use memq::Broker;
use memq::conformance::{Backend, Capabilities, Opened, cases, left_out};

struct Memory;

impl Backend for Memory {
    fn capabilities(&self) -> Capabilities {
        Capabilities::ALL.without(Capabilities::DURABLE)
    }

    fn open(&self, _place: &str) -> Opened<Broker> {
        Box::pin(async { Ok(Broker::new()) })
    }
}

memq::conformance!(Memory);

/// Nothing survives the process, and the rest is kept.
#[test]
fn what_is_left_out_in_memory_is_what_outlives_it() {
    let expected = [
        "restart_keeps_what_was_acknowledged",
        "groups_resume_after_restart",
        "a_reader_goes_on_through_a_restart",
    ];
    let left_out = left_out(Memory.capabilities());
    assert!(left_out.iter().all(|(_, lacks)| *lacks == Capabilities::DURABLE));
    assert_eq!(left_out.iter().map(|(name, _)| *name).collect::<Vec<_>>(), expected);
    assert!(cases().len() > 40);
}
