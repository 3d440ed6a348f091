//! placeholder
impl crate::Record {
    /// placeholder
    pub fn parse(bytes: impl Into<bytes::Bytes>) -> Result<Self, crate::FrameError> {
        Ok(Self::new(bytes))
    }
}
