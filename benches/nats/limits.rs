//! Where memq is not as fast as the client, and why: words beside the figures.

/// What keeps memq from more in the workload of this name.
pub fn of(name: &str) -> Option<&'static str> {
    LIMITS.iter().find(|(known, _)| *known == name).map(|(_, cause)| *cause)
}

const LIMITS: &[(&str, &str)] = &[];
