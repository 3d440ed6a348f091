//! Where memq is not as fast as the client, and why: words beside the figures.

/// What keeps memq from more in the workload of this name.
pub fn of(name: &str) -> Option<&'static str> {
    LIMITS.iter().find(|(known, _)| *known == name).map(|(_, cause)| *cause)
}

const LIMITS: &[(&str, &str)] = &[
    (
        "publish-awaited",
        "Who publishes sends the message; the answer goes through the publisher's task, which keeps the order and \
         sends again what is not known to be stored.",
    ),
    (
        "publish-pipelined",
        "The same, and a receipt for each message; a batch takes the lock less often and boxes none.",
    ),
    (
        "group-batches",
        "Each message has a place among those that are held, so that it can be given back, and what the server says \
         of it is read: where it stands, when it was stored, which attempt it is. raw-each is faster, since \
         acknowledgements are on their way while it reads the rest: to take all of a batch before the first of it \
         is acknowledged makes the server wait at its end. memq hands out batches as large as they come, for \
         those who store them together; smaller ones were up to a twentieth faster, with more of the processor.",
    ),
    (
        "group-singly",
        "A group whose messages can become dead letters, as they do where nothing is said, fetches no message that \
         nobody waits for, so that each is a round trip, as for raw. The server counts an attempt for all that it \
         has sent: what lies here ahead would come nearer to the dead letters with each worker that crashes, \
         though nobody was handed it. `recv_batch` and workers ask for many at once, `prefetch` says that some are \
         to be fetched ahead, and a group without dead letters does so by itself. memq-prefetch does \
         what is done in group-batches, for each message by itself. memq-worker extends each message that it \
         starts, which the server is told beside the acknowledgement.",
    ),
];
