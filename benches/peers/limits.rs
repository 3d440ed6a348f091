//! What is asked of memq in each workload, and what keeps it from more: words beside the figures.

/// For one workload: the target, and what limits memq where it is not the first.
pub struct Limit {
    pub target: &'static str,
    pub cause: &'static str,
}

/// Of the workload of this name.
pub fn of(name: &str) -> Option<Limit> {
    let (_, target, cause) = LIMITS.iter().find(|(known, ..)| *known == name)?;
    Some(Limit { target, cause })
}

const LIMITS: &[(&str, &str, &str)] = &[
    (
        "L1",
        "40 ns, or 1.5 times kanal's",
        "The topic's lock (one locked instruction to take it, one to release it), one more for a reader of a \
         topic where publishers wait, so that it misses none, the reference of the `Bytes` (two), and the date. \
         kanal stores neither date nor offset, and keeps nothing for a second reader. `recv` counts two references \
         besides, which `recv_ref` does not.",
    ),
    (
        "S1a",
        "15 times tokio-memq, above every async peer",
        "The allocation of a kilobyte, which another thread frees. Where what was read is freed at once \
         (memq-consumed), or its value is taken out (memq), the two threads meet in the allocator.",
    ),
    (
        "S1b",
        "20 times tokio-memq, above every peer",
        "The publisher: what it costs on one thread, and the lines of the slots, which go from core to \
         core with each message. The disruptor's ring has slots that are written again and again, and no \
         lock.",
    ),
    (
        "S2b",
        "4 times tokio-broadcast where it is lent, 1.5 times where it is taken out",
        "Taking a value out counts a reference of its `Bytes`, a counter that both cores change. The \
         disruptor's readers share one ring that is never freed.",
    ),
    (
        "S3b",
        "9 times tokio-memq",
        "The publisher: most of its time is to make a message, which counts a reference of the `Bytes`, and to \
         drop the one that it displaces. The disruptor's go from the list into a ring that is never freed, \
         without a lock.",
    ),
    (
        "S4a",
        "6 times tokio-memq, above every async peer",
        "Memory: each megabyte is cleared when it is made. tokio-memq keeps 10,000, its default, and so takes \
         fresh pages for each message, 256 of them; where it keeps as few as the others (tokio-memq-few) it \
         uses them again, as they do. A log keeps what was read, which has left the caches when its memory is \
         used again; a channel keeps nothing (memq-consumed neither).",
    ),
    ("S5b", "9 times tokio-memq, above every peer", "As S3b."),
    (
        "S6b",
        "20 times tokio-memq",
        "Each message takes the lock once, to be published; members claim up to 32 at once where much \
         waits, and acknowledge them without. The channels hand a message out and forget it: they know no \
         acknowledgement, no redelivery and no order within a key.",
    ),
    (
        "S6c",
        "12 times tokio-memq",
        "As S6b, but once for fifty messages. A fifth of the time goes into the counter of the `Bytes`, which \
         both cores change, and a quarter is waited for the topic's lock, which each batch takes twice: when it \
         is published and when it is claimed.",
    ),
    ("S7-current", "450 ns", "Two polls of each task, which every channel needs."),
    (
        "S7-multi",
        "450 ns",
        "As S7-current, and what tokio's scheduler of several threads takes more. A task that sleeps is run by \
         the worker that wakes it, so both come to be on one.",
    ),
    (
        "S8a",
        "above tokio-mpsc",
        "As S1b. kanal and crossfire move 64 bytes from one stack to another, and keep nothing.",
    ),
    (
        "S8c",
        "1.5 times every peer",
        "The publisher: it clears slots and moves each value from its list into one, under the lock; readers go \
         on without it. kanal moves the whole batch under one lock of its own.",
    ),
    (
        "S9-json",
        "1.5 µs",
        "serde_json; memq adds a copy into a buffer of the message's length, and the log.",
    ),
    ("S9-json-zstd", "8 µs", "zstd. bare-serde makes a new context for each message."),
    (
        "S9-json-zstd-dict",
        "3.2 µs",
        "zstd; bare-serde uses prepared dictionaries and contexts that are kept, too.",
    ),
    ("S9-bytes", "81 bytes for 227", "What the dictionary knows of other orders."),
    (
        "S10-bytes",
        "72 bytes",
        "A slot is the `Bytes` (32) and a word for size and state (8). What messages have in common, \
         the date and the partition, they share. The last segment is half empty on average.",
    ),
    ("S10-struct", "72 bytes", "The same without the `Bytes`."),
    (
        "S11",
        "8 million deliveries/s, none lost",
        "The publisher, which pauses where the fast reader kept up and is about to lose some: 64 times 50 µs at \
         once, and then once for each 16,384 messages. That outlasts the time for which the system gives the \
         reader's processor to something else, most often. A reader that stands still for longer loses some, and \
         is told of each.",
    ),
    (
        "S12",
        "2 µs",
        "Memory: a topic is a few allocations, and a registry of ten thousand does not fit a cache.",
    ),
    (
        "S12-heap",
        "1,500 bytes",
        "Half of it is the topic: options, counters, and a lock in cache lines of its own; a third the \
         first segment, which has places for two messages.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads;

    #[test]
    fn every_workload_has_its_words() {
        let names: Vec<_> = workloads::all().iter().map(|workload| workload.name).collect();
        for name in &names {
            assert!(of(name).is_some(), "nothing is said of {name}");
        }
        assert_eq!(names.len(), LIMITS.len());
    }
}
