//! What bytes of unknown origin are likely to be.

/// What bytes of unknown origin are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detected;
