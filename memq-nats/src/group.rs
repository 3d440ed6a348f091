//! Consumer groups of a topic.

use std::sync::Arc;

use memq::spi::{Capability, Fault, GroupRequest, GroupRules, OpenFault, RemoteGroup};

use crate::topic::Core;

const NONE: Fault = Fault::Unsupported(Capability::Groups);

/// Joins a group.
pub(crate) async fn join(
    _core: Arc<Core>,
    _request: GroupRequest,
) -> Result<Box<dyn RemoteGroup>, OpenFault> {
    Err(NONE.into())
}

/// The rules of a group.
pub(crate) async fn rules(_core: Arc<Core>, _group: String) -> Result<Option<GroupRules>, Fault> {
    Err(NONE)
}

/// Deletes a group.
pub(crate) async fn delete(_core: Arc<Core>, _group: String) -> Result<bool, Fault> {
    Err(NONE)
}
