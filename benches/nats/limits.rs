//! Where memq is not as fast as the client, and why: words beside the figures.

/// What keeps memq from more in the workload of this name.
pub fn of(name: &str) -> Option<&'static str> {
    LIMITS.iter().find(|(known, _)| *known == name).map(|(_, cause)| *cause)
}

const LIMITS: &[(&str, &str)] = &[
    (
        "publish-awaited",
        "Does not reach 0.91: a message goes through one task more, that of its publisher, which keeps the order \
         and sends again what is not known to be stored; and so does the answer. Alone on its way, it waits for \
         each of them to be woken.",
    ),
    (
        "publish-pipelined",
        "The same task, and a receipt for each message; a batch has fewer wake-ups. By the profile the server \
         takes two thirds of the processor here, so that a fifth more for this process is a fifteenth for both \
         together.",
    ),
    (
        "group-batches",
        "What settles goes through a task to the connection, and each delivery has a token of its own, by which \
         it is known what a member holds: that is given back when it leaves.",
    ),
    (
        "group-singly",
        "Does not reach it: a group whose messages can become dead letters, as they do where nothing is said, \
         fetches no message that nobody waits for, so that each is a round trip, as for raw. The server counts an \
         attempt for all that it has sent: what lies here ahead would come nearer to the dead letters with each \
         worker that crashes, though nobody was handed it. Beside that, each request wakes the tasks of all the \
         group's consumers. `recv_batch` asks for many at once, and a group without dead letters fetches ahead.",
    ),
];
