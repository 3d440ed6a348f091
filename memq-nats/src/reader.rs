//! Readers of a topic.
//!
//! Each has a consumer of its own on the server, which forgets what it has sent. So the reader keeps
//! the cursor: whenever something is wrong, as after the connection was cut, the consumer is made anew
//! at the cursor. A task does that, and keeps a bounded number of messages ready.

mod buffer;
mod drive;
mod pull;
mod source;

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use memq::spi::{Incoming, OpenFault, ReadEnd, ReaderRequest, RemoteReader};
use memq::{Offset, Start};

use self::buffer::Buffer;
use self::drive::Driver;
use self::source::Source;
use crate::names::offset;
use crate::start::{self, Nowhere};
use crate::topic::Core;

/// Opens a reader.
///
/// # Errors
///
/// As [`RemoteTopic::reader`](memq::spi::RemoteTopic::reader).
///
/// # Cancel safety
///
/// Dropped, a consumer may be left, which the server removes by itself.
pub(crate) async fn open(
    core: Arc<Core>,
    request: ReaderRequest,
) -> Result<Box<dyn RemoteReader>, OpenFault> {
    if request.start == Start::Committed {
        return Err(Nowhere::Unknown(request.start).into());
    }
    let cursor = start::resolve(&core, request.start).await?;
    let source = Source::new(core.clone());
    // Here and not in the task, so that publishers that make room know of the reader from now on.
    let (pending, end) = source.open(cursor).await?;
    let buffer = Arc::new(Buffer::new(offset(end)));
    let driver = Driver::new(core.clone(), source, buffer.clone(), cursor, pending);
    // It ends by itself, and then tidies up.
    core.link.tasks.detach(driver.run());
    Ok(Box::new(Reader { name: core.name.to_string(), start: offset(cursor), buffer }))
}

/// What a subscriber holds. Its task ends once this is gone.
struct Reader {
    name: String,
    start: Offset,
    buffer: Arc<Buffer>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("topic", &self.name)
            .field("start", &self.start)
            .finish_non_exhaustive()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.buffer.leave();
    }
}

impl RemoteReader for Reader {
    fn start(&self) -> Offset {
        self.start
    }

    fn poll_next(
        &mut self,
        max: usize,
        into: &mut Vec<Incoming>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ReadEnd>> {
        self.buffer.poll_take(max, into, cx)
    }

    fn end(&self) -> Offset {
        self.buffer.end()
    }

    fn set_back(&mut self) -> Option<Offset> {
        self.buffer.take_back()
    }
}
