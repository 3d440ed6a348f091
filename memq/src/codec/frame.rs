//! The frame.
use crate::error::{EncodeError, FrameError};
use crate::record::Body;
use bytes::Bytes;

/// Body as a version 2 frame.
pub(crate) fn write(_body: &Body) -> Result<Bytes, EncodeError> {
    todo!()
}

/// A frame, version 1 or 2; the payload is a slice of `bytes`, not a copy.
pub(crate) fn read(_bytes: &Bytes) -> Result<Body, FrameError> {
    todo!()
}
