//! A cursor over bytes that knows where in the file it is.

use crate::{Error, Fault};

/// The length of a slice as `u64`, the type of every length and offset in the format.
#[allow(clippy::as_conversions, reason = "usize is at most 64 bits wide on every target of Rust")]
pub(crate) const fn length(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

/// Reads fields from the front of a slice; errors carry the offset in the file.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Offset of `rest` from the start of the file, in bytes.
    offset: u64,
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`, which begin at `offset` of the file.
    pub(crate) fn new(bytes: &'a [u8], offset: u64) -> Self {
        Self { rest: bytes, offset }
    }

    /// Offset of the next byte from the start of the file.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes, or as many as there are.
    pub(crate) fn take_up_to(&mut self, count: u64) -> &'a [u8] {
        // A count beyond usize is beyond what is left, too.
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, &[]));
        self.rest = rest;
        self.offset = self.offset.saturating_add(length(taken));
        taken
    }

    /// The next `N` bytes; on an error nothing is consumed.
    pub(crate) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Error> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            let (needed, left) = (length(&[0; N]), length(self.rest));
            return Err(Error::Truncated { offset: self.offset, what, needed, left });
        };
        self.rest = rest;
        self.offset = self.offset.saturating_add(length(taken));
        Ok(*taken)
    }

    /// A little-endian 16-bit field.
    pub(crate) fn u16(&mut self, what: &'static str) -> Result<u16, Error> {
        self.array(what).map(u16::from_le_bytes)
    }

    /// A little-endian 32-bit field.
    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, Error> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// The next varint; only the encoding that [`varint::write`](crate::varint::write) produces is accepted, so that
    /// equal files have equal bytes.
    pub(crate) fn varint(&mut self, what: &'static str) -> Result<u64, Error> {
        /// A 64-bit value takes at most this many bytes.
        const MAX_BYTES: u32 = 10;
        let offset = self.offset();
        let mut value = 0u64;
        for shift in (0..MAX_BYTES).map(|index| index.saturating_mul(7)) {
            let [byte] = self.array(what)?;
            let group = u64::from(byte & 0x7f);
            // The tenth byte has room for bit 63 alone.
            if shift == 63 && byte > 1 {
                return Err(Error::malformed(offset, Fault::WideVarint));
            }
            value |= group.wrapping_shl(shift);
            if byte < 0x80 {
                let superfluous = byte == 0 && shift > 0;
                return if superfluous {
                    Err(Error::malformed(offset, Fault::LongVarint))
                } else {
                    Ok(value)
                };
            }
        }
        Err(Error::malformed(offset, Fault::WideVarint))
    }

    /// A variable-length field that must not be 0.
    pub(crate) fn positive(&mut self, what: &'static str) -> Result<u64, Error> {
        let offset = self.offset;
        match self.varint(what)? {
            0 => Err(Error::malformed(offset, Fault::Zero(what))),
            value => Ok(value),
        }
    }
}
