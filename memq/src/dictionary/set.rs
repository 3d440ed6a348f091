//! The dictionaries that a record can be opened with.

use std::sync::Arc;

use super::Dictionary;

/// Few, as a rule one or none. One word, since every record in a log has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dictionaries(Option<Arc<Vec<Dictionary>>>);

impl Dictionaries {
    fn as_slice(&self) -> &[Dictionary] {
        self.0.as_ref().map_or(&[], |all| all.as_slice())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The one of this id.
    pub(crate) fn get(&self, id: u32) -> Option<&Dictionary> {
        self.as_slice().iter().find(|dictionary| dictionary.id() == id)
    }

    #[cfg(feature = "zstd")]
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> {
        self.as_slice().iter().map(Dictionary::id)
    }

    /// These and one more, which is the one of its id.
    pub(crate) fn with(&self, dictionary: Dictionary) -> Self {
        let others = self.as_slice().iter().filter(|other| other.id() != dictionary.id());
        Self(Some(Arc::new(others.cloned().chain([dictionary.clone()]).collect())))
    }

    /// These, and those of `more` whose ids are not here.
    pub(crate) fn and(&self, more: &Self) -> Self {
        if self.0.is_none() {
            return more.clone();
        }
        let new = |other: &&Dictionary| self.get(other.id()).is_none();
        more.as_slice().iter().filter(new).fold(self.clone(), |all, one| all.with(one.clone()))
    }
}
