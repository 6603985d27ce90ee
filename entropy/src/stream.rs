//! The first bytes of a stream: how many lanes, and where interleaving ends.

use alloc::vec::Vec;

use crate::error::{Error, expect_length};
use crate::rans::MAX_LANES;

/// What precedes the states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// One lane codes everything.
    Single,
    /// The first `intervals` intervals are interleaved over `lanes` lanes. Where their decoding ends, the states
    /// hold the words of the single lane that codes the rest, and could hold `unused_words` more.
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
            2..=64 => {}
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

/// Most unused words that a header can state.
pub(crate) const MAX_UNUSED_WORDS: usize = 31;

/// Most bytes that packed states can take: 51 bits each.
pub(crate) const MAX_PACKED: usize = 51 * MAX_LANES / 8;

/// Appends bits to bytes, lowest bit first.
///
/// A state `s` in `[2^32, 2^48)` is packed as `e = floor(log2(s)) - 32` in 4 bits, then the `32 + e` bits below its
/// leading one. That is the code in which states, whose logarithms are spread evenly, are shortest; and read the
/// other way round it turns any bits into such states. So the lanes cost nothing: what a starting state takes in
/// beyond its logarithm pays for what an ending state takes beyond its own.
pub(crate) fn pack_states(states: &[u64]) -> (Vec<u8>, usize) {
    let mut bytes = Vec::with_capacity(MAX_PACKED);
    let (mut pending, mut pending_bits, mut bits) = (0_u64, 0, 0);
    for &state in states {
        let exponent = u64::from(state.ilog2() - 32);
        for (value, width) in
            [(exponent | (state & 0xffff) << 4, 20), ((state ^ 1 << state.ilog2()) >> 16, 16 + exponent)]
        {
            pending |= value << pending_bits;
            pending_bits += width;
            bits += width;
            while pending_bits >= 8 {
                bytes.push(pending as u8);
                (pending, pending_bits) = (pending >> 8, pending_bits - 8);
            }
        }
    }
    if pending_bits > 0 {
        bytes.push(pending as u8);
    }
    (bytes, bits as usize)
}

/// Reads `states.len()` packed states from bits that continue as zeros; returns the number of bits read, which may
/// exceed those given.
pub(crate) fn unpack_states(bytes: &[u8], states: &mut [u64]) -> usize {
    let mut at = 0;
    let mut take = |width: usize| {
        let mut window = [0; 8];
        let rest = bytes.get(at / 8..).unwrap_or(&[]);
        let length = rest.len().min(8);
        window[..length].copy_from_slice(&rest[..length]);
        let value = u64::from_le_bytes(window) >> (at % 8) & ((1 << width) - 1);
        at += width;
        value
    };
    for state in states {
        let exponent = take(4);
        *state = (1 << exponent) << 32 | take(32 + exponent as usize);
    }
    at
}

/// Refuses widths of raw bits outside `1..=16`.
pub(crate) fn check_width(width: u32) -> Result<(), Error> {
    expect_length("width of raw bits", width as usize, width.clamp(1, 16) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_come_back_and_any_bits_are_states() {
        let states: Vec<u64> = (32..48).flat_map(|e| [1 << e, (1 << e) + 12_345, (2 << e) - 1]).collect();
        let (bytes, bits) = pack_states(&states);
        assert_eq!(bytes.len(), bits.div_ceil(8));
        let mut back = [0; 48];
        assert_eq!(unpack_states(&bytes, &mut back), bits);
        assert_eq!(&back[..], states);
        let noise: Vec<u8> = (0..600_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let mut states = [0; MAX_LANES];
        let bits = unpack_states(&noise, &mut states);
        let (bytes, packed) = pack_states(&states);
        assert_eq!((packed, &bytes[..bits / 8]), (bits, &noise[..bits / 8]));
    }

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
        for bad in [&[8][..], &[7, 1], &[6, 0], &[6, 0x80, 0], &[6, 255, 255, 255, 255, 255, 255, 255, 255]] {
            assert!(matches!(Header::read(bad), Err(Error::Malformed { .. })), "{bad:?}");
        }
    }
}
