//! Where a handle's topic is.

/// The half of a handle that is for topics in memory, or the one for topics kept elsewhere. Where
/// there can be none of the latter, as for native types, it is the former and nothing beside it.
#[derive(Debug)]
pub(crate) enum Site<H, T> {
    Here(H),
    There(T),
}
