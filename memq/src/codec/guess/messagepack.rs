//! Where a MessagePack value ends. Not recursive, and it allocates nothing.

/// Whether the bytes are one map or array, to the last byte.
pub(in crate::codec) fn is_map_or_array(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0x80..=0x9f | 0xdc..=0xdf)) && length(bytes) == Some(bytes.len())
}

/// The length of the value that the bytes begin with; `None` where there is no whole one.
pub(in crate::codec) fn length(bytes: &[u8]) -> Option<usize> {
    let mut rest = Rest(bytes);
    // Values still to come. Each takes a byte at least, so more than that are a lie.
    let mut open = 1_u64;
    while open > 0 {
        open -= 1;
        open += rest.value()?;
        if open > rest.0.len() as u64 {
            return None;
        }
    }
    Some(bytes.len() - rest.0.len())
}

/// Bytes not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// Reads one value; of a map or array only the beginning, and how many are inside.
    fn value(&mut self) -> Option<u64> {
        let [marker] = *self.number()?;
        let low = u64::from(marker);
        match marker {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => {}
            0x80..=0x8f => return Some((low & 0x0f) * 2),
            0x90..=0x9f => return Some(low & 0x0f),
            0xa0..=0xbf => self.text(low & 0x1f)?,
            // Never used, by the format's definition.
            0xc1 => return None,
            0xc4 => self.skip_by(Self::u8, 0)?,
            0xc5 => self.skip_by(Self::u16, 0)?,
            0xc6 => self.skip_by(Self::u32, 0)?,
            // An extension has one byte for its type.
            0xc7 => self.skip_by(Self::u8, 1)?,
            0xc8 => self.skip_by(Self::u16, 1)?,
            0xc9 => self.skip_by(Self::u32, 1)?,
            0xcc | 0xd0 => self.skip(1)?,
            0xcd | 0xd1 => self.skip(2)?,
            0xca | 0xce | 0xd2 => self.skip(4)?,
            0xcb | 0xcf | 0xd3 => self.skip(8)?,
            0xd4..=0xd8 => self.skip(1 + (1 << (marker - 0xd4)))?,
            0xd9 => {
                let length = self.u8()?;
                self.text(length)?;
            }
            0xda => {
                let length = self.u16()?;
                self.text(length)?;
            }
            0xdb => {
                let length = self.u32()?;
                self.text(length)?;
            }
            0xdc => return self.u16(),
            0xdd => return self.u32(),
            0xde => return Some(self.u16()? * 2),
            0xdf => return Some(self.u32()? * 2),
        }
        Some(0)
    }

    fn text(&mut self, length: u64) -> Option<()> {
        std::str::from_utf8(self.take(length)?).ok().map(drop)
    }

    fn skip_by(&mut self, length: fn(&mut Self) -> Option<u64>, more: u64) -> Option<()> {
        let length = length(self)?;
        self.skip(length + more)
    }

    fn skip(&mut self, length: u64) -> Option<()> {
        self.take(length).map(drop)
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn number<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(number)
    }

    fn u8(&mut self) -> Option<u64> {
        self.number().map(|[byte]| u64::from(*byte))
    }

    fn u16(&mut self) -> Option<u64> {
        self.number().map(|bytes| u64::from(u16::from_be_bytes(*bytes)))
    }

    fn u32(&mut self) -> Option<u64> {
        self.number().map(|bytes| u64::from(u32::from_be_bytes(*bytes)))
    }
}
