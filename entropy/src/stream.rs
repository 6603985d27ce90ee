//! The first bytes of a stream: how many lanes, and where interleaving ends.

use alloc::vec::Vec;

use crate::error::{Error, expect_length};

/// What precedes the states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// One lane codes everything.
    Single,
    /// The first `intervals` intervals are interleaved over `lanes` lanes. Their final states hold the words
    /// of the single lane that codes the rest, `unused_words` fewer than two per lane.
    Interleaved { lanes: usize, unused_words: usize, intervals: u64 },
}

impl Header {
    pub(crate) fn write(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Single => bytes.push(0),
            Self::Interleaved { lanes, unused_words, mut intervals } => {
                bytes.push((unused_words as u8) << 3 | lanes.ilog2() as u8);
                while intervals >= 0x80 {
                    bytes.push(intervals as u8 | 0x80);
                    intervals >>= 7;
                }
                bytes.push(intervals as u8);
            }
        }
    }

    /// Reads a header; returns it and the bytes behind it.
    pub(crate) fn read(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (&first, mut rest) = bytes.split_first().ok_or(Error::UnexpectedEnd)?;
        let (lanes, unused_words) = (1 << (first & 7), usize::from(first >> 3));
        match lanes {
            1 if unused_words == 0 => return Ok((Self::Single, rest)),
            2..=64 if unused_words <= 2 * lanes - 3 => {}
            _ => return Err(Error::Malformed { what: "first byte" }),
        }
        let mut intervals = 0;
        for shift in (0..56).step_by(7) {
            let (&byte, after) = rest.split_first().ok_or(Error::UnexpectedEnd)?;
            rest = after;
            intervals |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                // A last byte of zero would be a second way to write the same number.
                if byte == 0 {
                    return Err(Error::Malformed { what: "interval count" });
                }
                return Ok((Self::Interleaved { lanes, unused_words, intervals }, rest));
            }
        }
        Err(Error::Malformed { what: "interval count" })
    }
}

/// Refuses widths of raw bits outside `1..=16`.
pub(crate) fn check_width(width: u32) -> Result<(), Error> {
    expect_length("width of raw bits", width as usize, width.clamp(1, 16) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back() {
        for intervals in [1, 127, 128, 300_000, (1 << 56) - 1] {
            let header = Header::Interleaved { lanes: 64, unused_words: 3, intervals };
            let mut bytes = Vec::new();
            header.write(&mut bytes);
            assert_eq!(Header::read(&bytes), Ok((header, &[][..])));
            assert_eq!(Header::read(&bytes[..bytes.len() - 1]), Err(Error::UnexpectedEnd));
        }
        assert_eq!(Header::read(&[0, 9]), Ok((Header::Single, &[9][..])));
        for bad in [&[8][..], &[7, 1], &[2 << 3 | 1, 1], &[6, 0], &[6, 0x80, 0], &[6, 255, 255, 255, 255, 255, 255, 255, 255]] {
            assert!(matches!(Header::read(bad), Err(Error::Malformed { .. })), "{bad:?}");
        }
    }
}
