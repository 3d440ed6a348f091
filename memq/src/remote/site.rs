//! Where a handle's topic is.

/// The half of a handle that is for topics in memory, or the one for topics kept elsewhere. Where
/// there can be none of the latter, as for native types, it is the former and nothing beside it.
#[derive(Debug)]
pub(crate) enum Site<H, T> {
    Here(H),
    There(T),
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::codec::Native;
    use crate::topic::{Topic, TopicSpec};

    /// A native topic's message: what is elsewhere of a handle to it takes no place.
    pub(crate) struct Number;

    impl Topic for Number {
        type Codec = Native;
        const SPEC: TopicSpec = TopicSpec::new("numbers");
    }
}
