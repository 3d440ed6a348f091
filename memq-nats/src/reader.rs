//! Readers of a topic.

use std::sync::Arc;

use memq::spi::{Fault, OpenFault, ReaderRequest, RemoteReader};

use crate::topic::Core;

/// Opens a reader.
pub(crate) async fn open(
    _core: Arc<Core>,
    _request: ReaderRequest,
) -> Result<Box<dyn RemoteReader>, OpenFault> {
    Err(Fault::Unavailable("this version does not read yet".into()).into())
}
