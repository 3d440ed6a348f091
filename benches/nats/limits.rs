//! Where memq is not as fast as the client, and why: words beside the figures.

/// What keeps memq from more in the workload of this name.
pub fn of(name: &str) -> Option<&'static str> {
    LIMITS.iter().find(|(known, _)| *known == name).map(|(_, cause)| *cause)
}

const LIMITS: &[(&str, &str)] = &[
    (
        "publish-awaited",
        "A message goes through one task more, that of its publisher, which keeps the order and sends again what \
         is not known to be stored: each of its steps may wait for a core.",
    ),
    (
        "group-singly",
        "A group whose messages can become dead letters, as they do where nothing is said, fetches no message \
         that nobody waits for: one round trip for each, as for raw. The server counts an attempt for all that \
         it has sent, so that what lies here ahead would come nearer to the dead letters with each worker that \
         crashes, though nobody was handed it. `recv_batch` asks for many at once.",
    ),
];
