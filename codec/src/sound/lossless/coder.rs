//! One description of a segment for both ends: what it says is written, or read.

use wavern_entropy::{Decoder, Encoder, Error};
use wavern_kernel::adaptive::Table;

/// Takes symbols and numbers in order. An encoder is given them and gives them back; a decoder is given anything and
/// gives what was written.
pub(super) trait Coder {
    /// Whether what is given means nothing.
    const READS: bool;

    /// A symbol with the probabilities of a table.
    fn symbol(&mut self, table: &Table, symbol: usize) -> Result<usize, Error>;

    /// A number of up to 64 bits, all equally probable.
    fn bits(&mut self, value: u64, bits: u32) -> Result<u64, Error>;

    /// A decision that is true with this probability, 1..=65535 in 1/65,536.
    fn decision(&mut self, value: bool, probability: u32) -> Result<bool, Error>;

    /// A number of which small ones are shorter, below 2^63: how many bits follow the highest of value + 1, and these.
    fn number(&mut self, value: u64) -> Result<u64, Error> {
        let bits = if Self::READS { 0 } else { (value + 1).ilog2() };
        let bits = self.bits(bits.into(), 6)? as u32;
        let highest = 1u64 << bits;
        let low = self.bits((value.wrapping_add(1)) & (highest - 1), bits)?;
        Ok((highest | low) - 1)
    }

    /// A number with sign, of up to 62 bits: 0, −1, 1, −2, 2 and so on.
    fn signed(&mut self, value: i64) -> Result<i64, Error> {
        let folded = self.number(((value << 1) ^ (value >> 63)) as u64)?;
        Ok((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }
}

/// Bits of a part of [`Coder::bits`].
const PART: u32 = 15;

impl Coder for Encoder {
    const READS: bool = false;

    #[inline]
    fn symbol(&mut self, table: &Table, symbol: usize) -> Result<usize, Error> {
        let (left, probability) = table.interval(symbol);
        self.encode_interval(left, probability)?;
        Ok(symbol)
    }

    #[inline]
    fn bits(&mut self, value: u64, bits: u32) -> Result<u64, Error> {
        let mut left = bits;
        while left > 0 {
            let count = left.min(PART);
            left -= count;
            let part = (value >> left) as u32 & ((1 << count) - 1);
            self.encode_interval(part << (16 - count), 1 << (16 - count))?;
        }
        Ok(value)
    }

    #[inline]
    fn decision(&mut self, value: bool, probability: u32) -> Result<bool, Error> {
        match value {
            true => self.encode_interval(0, probability)?,
            false => self.encode_interval(probability, (1 << 16) - probability)?,
        }
        Ok(value)
    }
}

impl Coder for Decoder<'_> {
    const READS: bool = true;

    #[inline]
    fn symbol(&mut self, table: &Table, _: usize) -> Result<usize, Error> {
        self.decode_interval(|code| {
            let symbol = table.symbol(code);
            let (left, probability) = table.interval(symbol);
            (symbol, left, probability)
        })
    }

    #[inline]
    fn bits(&mut self, _: u64, bits: u32) -> Result<u64, Error> {
        let (mut left, mut value) = (bits, 0);
        while left > 0 {
            let count = left.min(PART);
            left -= count;
            let part = self.decode_interval(|code| {
                let part = code >> (16 - count);
                (part, part << (16 - count), 1 << (16 - count))
            })?;
            value = value << count | u64::from(part);
        }
        Ok(value)
    }

    #[inline]
    fn decision(&mut self, _: bool, probability: u32) -> Result<bool, Error> {
        self.decode_interval(|code| match code < probability {
            true => (true, 0, probability),
            false => (false, probability, (1 << 16) - probability),
        })
    }
}

/// Writes nothing and counts bits, to within what a binary logarithm in floating point is worth: for the choice between
/// two ways.
#[derive(Debug, Default)]
pub(super) struct Counter {
    pub(super) bits: f64,
}

impl Coder for Counter {
    const READS: bool = false;

    fn symbol(&mut self, table: &Table, symbol: usize) -> Result<usize, Error> {
        self.bits += 16.0 - f64::from(table.interval(symbol).1).log2();
        Ok(symbol)
    }

    fn bits(&mut self, value: u64, bits: u32) -> Result<u64, Error> {
        self.bits += f64::from(bits);
        Ok(value)
    }

    fn decision(&mut self, value: bool, probability: u32) -> Result<bool, Error> {
        let probability = if value { probability } else { (1 << 16) - probability };
        self.bits += 16.0 - f64::from(probability).log2();
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers<C: Coder>(coder: &mut C, values: &[i64]) -> Result<Vec<i64>, Error> {
        values.iter().map(|&value| coder.signed(if C::READS { 0 } else { value })).collect()
    }

    #[test]
    fn numbers_of_all_sizes_come_back() {
        let mut values = vec![0, 1, -1, 2, -2, (1 << 61) - 1, -(1 << 61)];
        values.extend((0..61).flat_map(|bit| [1i64 << bit, (1 << bit) - 1, -(1 << bit)]));
        let mut encoder = Encoder::new();
        numbers(&mut encoder, &values).unwrap();
        let bytes = encoder.finish_with_lanes(1).unwrap();
        let mut decoder = Decoder::new(&bytes).unwrap();
        assert_eq!(numbers(&mut decoder, &values), Ok(values));
        decoder.finish().unwrap();
    }
}
