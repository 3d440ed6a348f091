//! The peers, each used the way its own documentation teaches.

pub mod async_broadcast;
pub mod async_channel;
pub mod crossfire;
pub mod disruptor;
pub mod flume;
pub mod kanal;
pub mod memq;
pub mod ruststream;
pub mod tokio_broadcast;
pub mod tokio_memq;
pub mod tokio_mpsc;
