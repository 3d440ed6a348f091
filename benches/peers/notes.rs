//! What is compared, and how.

/// Packages that are compared, and those whose speed is theirs too.
pub const COMPARED: &[&str] = &[
    "memq",
    "tokio-memq",
    "tokio",
    "async-broadcast",
    "flume",
    "kanal",
    "crossfire",
    "async-channel",
    "ruststream",
    "disruptor",
    "bytes",
    "serde_json",
];

/// How the peers are used, and what is left out.
pub const NOTES: &[&str] = &[
    "memq takes each value out of its message (`into_inner`), memq-borrowed reads it where it is \
     (`recv_ref`, or the batch), memq-batch reads what is there, at most 100, in place; memq-consumed is memq-borrowed on a topic \
     with `retain = UntilConsumed`, which frees what was read as a channel does. Topics are native, \
     hold 1,024 messages where nothing else is said, and publishers wait (`overflow = Wait`). Where \
     work is shared memq is a consumer group, and each delivery is acknowledged.",
    "Every bounded peer holds 1,024 messages where the workload says nothing else. tokio-memq keeps \
     10,000, its default, since nothing waits for a reader and the oldest is dropped; tokio-memq-few keeps \
     as many as the workload says. tokio-broadcast drops too, and tells the receiver. async-broadcast \
     waits. ruststream is unbounded, copies on publishing, and keeps every message while its broker lives.",
    "All run on tokio with two workers. The disruptor is polled by tasks, since its own threads would \
     spin on both cores. Publishers whose send never waits (tokio-broadcast, ruststream, and \
     async-broadcast in S11) let others run every 128 messages, as tokio's other channels do.",
    "What goes between threads costs what a line of a cache costs on its way there and back, which the head \
     says. Where that differs between two machines, so do all rates between tasks, and the ratios with them.",
    "In a workload with batches a peer without them does the same singly. tokio-mpsc has no second \
     receiver, channels have no fan-out, broadcasts and the disruptor do not share work, ruststream \
     takes bytes only and none of a megabyte: there they have no row.",
    "Heap is counted in this program, so every allocation costs a few ns more than it would, for all \
     alike.",
    "Ratios are within a round, then the median; above 1 is better. Best other: the best row that is \
     not memq's. Delivered, expected and lost are of all rounds together.",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::version;

    #[test]
    fn every_compared_package_has_a_version() {
        for package in COMPARED {
            let version = version(package).unwrap_or_else(|| panic!("{package} is not locked"));
            assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{package} {version}");
        }
    }
}
