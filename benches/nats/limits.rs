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
        "Does not always reach it: the same, and a receipt for each message; a batch has fewer wake-ups.",
    ),
    (
        "group-batches",
        "Does not always reach 0.91. What arrives goes through a task of the member to whoever waits, so that it \
         can be given back and its deadline kept.",
    ),
    (
        "group-singly",
        "Does not always reach it: a group whose messages can become dead letters, as they do where nothing is \
         said, fetches no message that nobody waits for, so that each is a round trip, as for raw. The server counts an \
         attempt for all that it has sent: what lies here ahead would come nearer to the dead letters with each \
         worker that crashes, though nobody was handed it. Beside that, what is asked for and what arrives goes \
         through a task of the member. `recv_batch` asks for many at once, and a group without dead \
         letters fetches ahead.",
    ),
];
