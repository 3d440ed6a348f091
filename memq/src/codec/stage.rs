//! Steps of the user's own between compression and storage, such as encryption.

use std::fmt;
use std::sync::Arc;

use crate::error::{Cause, DecodeError, EncodeError};

/// A step of your own on the bytes of a topic, applied last when they are stored and undone first
/// when they are read: encryption, a signature.
///
/// Stages belong to a topic: [`TopicBuilder::stage`](crate::TopicBuilder::stage) on opening it
/// first. They are undone for every reader of it, typed or not. Bytes at rest in the log are sealed.
/// Only names are compared: somebody who opens the topic later with stages of the same names gets the
/// first one's, and their own are ignored, whatever keys they hold.
///
/// ```
/// use memq::codec::Stage;
///
/// /// Not encryption; it stands in for it.
/// struct Flip(u8);
///
/// impl Stage for Flip {
///     fn name(&self) -> &str {
///         "flip"
///     }
///     fn seal(&self, bytes: &[u8]) -> Result<Vec<u8>, memq::Cause> {
///         Ok(bytes.iter().map(|byte| byte ^ self.0).collect())
///     }
///     fn open(&self, bytes: &[u8]) -> Result<Vec<u8>, memq::Cause> {
///         self.seal(bytes)
///     }
/// }
/// ```
pub trait Stage: Send + Sync + 'static {
    /// A name for errors; two openers of a topic must name the same stages in the same order. Put the
    /// key's own name into it where stages with different keys must not pass for each other.
    fn name(&self) -> &str;

    /// What is stored for these bytes.
    ///
    /// # Errors
    ///
    /// Any; the message is not published then.
    fn seal(&self, bytes: &[u8]) -> Result<Vec<u8>, Cause>;

    /// The bytes that were sealed to these.
    ///
    /// # Errors
    ///
    /// Any; the record is reported as not decodable then.
    fn open(&self, bytes: &[u8]) -> Result<Vec<u8>, Cause>;
}

/// The stages of a topic, in the order in which they are applied.
#[derive(Clone, Default)]
pub(crate) struct Stages(Arc<[Arc<dyn Stage>]>);

impl From<&[Arc<dyn Stage>]> for Stages {
    fn from(stages: &[Arc<dyn Stage>]) -> Self {
        Self(stages.into())
    }
}

impl Stages {
    pub(crate) fn with(&self, stage: Arc<dyn Stage>) -> Self {
        Self(self.0.iter().cloned().chain([stage]).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether they have the same names in the same order.
    pub(crate) fn same_names(&self, other: &Self) -> bool {
        let names = other.0.iter().map(|stage| stage.name());
        self.0.iter().map(|stage| stage.name()).eq(names)
    }

    /// The names, in their order.
    pub(crate) fn to_names(&self) -> Vec<String> {
        self.0.iter().map(|stage| stage.name().to_string()).collect()
    }

    /// The names, quoted and joined, for errors.
    pub(crate) fn names(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|stage| format!("{:?}", stage.name())).collect();
        if names.is_empty() { "no stages".into() } else { names.join(", ") }
    }

    pub(crate) fn seal(&self, bytes: &[u8]) -> Result<Vec<u8>, EncodeError> {
        let mut sealed = bytes.to_vec();
        for stage in self.0.iter() {
            sealed = stage
                .seal(&sealed)
                .map_err(|source| EncodeError::Stage { stage: stage.name().into(), source })?;
        }
        Ok(sealed)
    }

    pub(crate) fn open(&self, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut opened = bytes.to_vec();
        for stage in self.0.iter().rev() {
            opened = stage
                .open(&opened)
                .map_err(|source| DecodeError::Stage { stage: stage.name().into(), source })?;
        }
        Ok(opened)
    }
}

impl fmt::Debug for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|stage| stage.name())).finish()
    }
}
