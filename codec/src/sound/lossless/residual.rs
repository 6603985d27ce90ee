//! What a prediction leaves of a value: coded with tables that adapt, one for each size of what was left before.

use super::coder::Coder;
use wavern_entropy::Error;
use wavern_kernel::adaptive::{SYMBOLS, Table};

/// Where the range of each symbol begins, of a distance without its low bits, and the bits of a place in the range. The
/// last symbol is an escape.
const FIRST: [u64; SYMBOLS] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 36, 40, 48, 56, 64, 72,
    88, 104, 120,
];
const WIDTH: [u32; SYMBOLS] =
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 0];
const ESCAPE: usize = SYMBOLS - 1;

/// Sizes are log2 of a mean distance in 1/16, in steps of an eighth. Below `SMALL` a symbol is a value, on either side
/// of the prediction; from `LARGE` on tables serve all sizes with the same eighth.
const SMALL: usize = 44;
const LARGE: usize = 64;
/// A table follows a symbol by 1/2^12 at the slowest, the mean distance by 1/2^4.
const SLOWEST: u32 = 12;
const MEAN_RATE: u32 = 4;

/// Of one channel.
#[derive(Debug)]
pub(super) struct Residual {
    tables: Vec<Table>,
    /// Mean distance of values from their predictions, in 1/4096.
    mean: i64,
}

impl Residual {
    pub(super) fn new() -> Self {
        let tables = (0..LARGE + SMALL).map(|index| first_table(index % LARGE)).collect();
        Self { tables, mean: 64 << 12 }
    }

    /// Codes a value near a prediction in 1/16. Values are below 2^33 in size.
    #[inline]
    pub(super) fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        prediction: i64,
        value: i64,
    ) -> Result<i64, Error> {
        let size = eighths((self.mean >> 8).max(1) as u64);
        let value = match size < SMALL {
            true => self.near(coder, size, prediction, value)?,
            false => self.far(coder, size, prediction, value)?,
        };
        let distance = ((value << 4) - prediction).abs();
        self.mean += ((distance << 8) - self.mean) >> MEAN_RATE;
        Ok(value)
    }

    /// Values in the order of their distance from the prediction.
    #[inline]
    fn near<C: Coder>(
        &mut self,
        coder: &mut C,
        size: usize,
        prediction: i64,
        value: i64,
    ) -> Result<i64, Error> {
        let (nearest, part) = ((prediction + 8) >> 4, prediction & 15);
        // The prediction lies on this side of the nearest value; between two values both are likely.
        let sign = if part < 8 { 1 } else { -1 };
        let index = if (4..=12).contains(&part) { LARGE + size } else { size };
        let distance = sign * (value - nearest);
        let place = if distance > 0 { 2 * distance - 1 } else { -2 * distance } as u64;
        let symbol = self.symbol(coder, index, place.min(ESCAPE as u64) as usize)?;
        let place = match symbol {
            ESCAPE => ESCAPE as u64 + escape(coder, place.wrapping_sub(ESCAPE as u64), 0)?,
            _ => symbol as u64,
        };
        let distance = (place.div_ceil(2) as i64) * if place & 1 == 1 { 1 } else { -1 };
        Ok(nearest + sign * distance)
    }

    /// The side of the prediction, and the distance from it in ranges.
    #[inline]
    fn far<C: Coder>(
        &mut self,
        coder: &mut C,
        size: usize,
        prediction: i64,
        value: i64,
    ) -> Result<i64, Error> {
        let low = (size / 8).saturating_sub(7) as u32;
        let index = if size < LARGE { size } else { LARGE - 8 + size % 8 };
        let above = (prediction >> 4) + 1;
        let difference = value - above;
        let distance = (difference ^ (difference >> 63)) as u64;
        let symbol = self.symbol(coder, index, range_of(distance >> low))?;
        let (first, width) = match symbol {
            ESCAPE => {
                (FIRST[ESCAPE] + escape(coder, (distance >> low).wrapping_sub(FIRST[ESCAPE]), low)?, low)
            }
            _ => (FIRST[symbol], WIDTH[symbol] + low),
        };
        let rest = distance.wrapping_sub(first << low) << 1 | u64::from(difference < 0);
        let rest = coder.bits(rest & ((2 << width) - 1), width + 1)?;
        let distance = ((first << low) + (rest >> 1)) as i64;
        Ok(above + if rest & 1 == 1 { -1 - distance } else { distance })
    }

    #[inline]
    fn symbol<C: Coder>(&mut self, coder: &mut C, index: usize, symbol: usize) -> Result<usize, Error> {
        let table = &mut self.tables[index];
        let symbol = coder.symbol(table, symbol)?;
        table.follow(symbol, SLOWEST);
        Ok(symbol)
    }
}

/// How far beyond the last range a distance without its `low` low bits is.
fn escape<C: Coder>(coder: &mut C, beyond: u64, low: u32) -> Result<u64, Error> {
    /// Bits of the largest distance between two values, and two more.
    const MOST: u32 = 35;
    let beyond = coder.number(if C::READS { 0 } else { beyond })?;
    if beyond >> (MOST - low.min(MOST)) != 0 { Err(Error::Malformed { what: "escape" }) } else { Ok(beyond) }
}

/// log2 in 1/8 of a number from 1 on, rounded down, with a straight line between powers of two.
#[inline]
fn eighths(number: u64) -> usize {
    let exponent = number.ilog2();
    let fraction = if exponent >= 3 { number >> (exponent - 3) } else { number << (3 - exponent) } & 7;
    8 * exponent as usize + fraction as usize
}

/// The symbol whose range holds a distance.
#[inline]
fn range_of(distance: u64) -> usize {
    match distance {
        0..16 => distance as usize,
        16..120 => {
            // Ranges of 2, 4, 8, 16, four of each.
            let bits = (distance - 8).ilog2() - 3;
            16 + 4 * bits as usize + ((distance - 8) >> (bits + 1)) as usize - 4
        }
        _ => ESCAPE,
    }
}

/// What a size lets expect: every distance 1 / (1 + 1 / mean) as probable as the one before.
fn first_table(size: usize) -> Table {
    let mean = ((8 + (size as u64 & 7)) << (size / 8)) / 8;
    // On both sides of the prediction there are twice as many.
    let mean = if size < SMALL { 2 * mean } else { mean };
    let one = Table::ONE as u64;
    let factor = (mean << 22) / (mean + 16);
    let (mut above, mut at) = (one, 0);
    Table::new(FIRST.map(|first| {
        while at < first {
            above = (above * factor) >> 22;
            at += 1;
        }
        (one - above) as i32
    }))
}

#[cfg(test)]
mod tests {
    use super::super::coder::Counter;
    use super::*;
    use wavern_entropy::{Decoder, Encoder};

    #[test]
    fn every_distance_has_its_range() {
        for distance in 0..200u64 {
            let symbol = range_of(distance);
            let end = FIRST.get(symbol + 1).copied().unwrap_or(u64::MAX);
            assert!((FIRST[symbol]..end).contains(&distance), "{distance}");
        }
        for symbol in 0..ESCAPE {
            assert_eq!(FIRST[symbol + 1] - FIRST[symbol], 1 << WIDTH[symbol], "{symbol}");
        }
    }

    #[test]
    fn sizes_rise_by_eighths() {
        let sizes: Vec<usize> = (1..100).map(eighths).collect();
        assert!(sizes.is_sorted() && sizes[..8] == [0, 8, 12, 16, 18, 20, 22, 24]);
        assert_eq!(eighths(1 << 40), 320);
    }

    #[test]
    fn values_of_all_sizes_come_back_near_and_far() {
        let mut values = Vec::new();
        for size in 0..32u32 {
            let half = 1i64 << size;
            values.extend((0..40).map(|i| (i * 7_919 * half / 100) % (2 * half) - half));
            values.extend([0, 0, 0, 0, i64::from(i32::MIN), i64::from(i32::MAX), 0, 0, 0, 0, 0, 0]);
        }
        let prediction = |i: usize| (i as i64 * 5) % 33 - 16;
        let (mut encoder, mut residual) = (Encoder::new(), Residual::new());
        for (i, &value) in values.iter().enumerate() {
            residual.code(&mut encoder, prediction(i), value).unwrap();
        }
        let bytes = encoder.finish_with_lanes(1).unwrap();
        let (mut decoder, mut residual) = (Decoder::new(&bytes).unwrap(), Residual::new());
        for (i, &value) in values.iter().enumerate() {
            assert_eq!(residual.code(&mut decoder, prediction(i), 0), Ok(value));
        }
        decoder.finish().unwrap();
        let (mut counter, mut residual) = (Counter::default(), Residual::new());
        for (i, &value) in values.iter().enumerate() {
            residual.code(&mut counter, prediction(i), value).unwrap();
        }
        assert!((counter.bits / 8.0 - bytes.len() as f64).abs() < 8.0, "{} {}", counter.bits, bytes.len());
    }

    #[test]
    fn any_bytes_give_values_or_an_error_and_never_overflow() {
        let mut state = 1u64;
        for length in [0usize, 5, 64, 1000] {
            for _ in 0..50 {
                let bytes: Vec<u8> = (0..length)
                    .map(|_| {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        (state >> 56) as u8
                    })
                    .collect();
                let bytes = [&[0][..], &bytes[..bytes.len() / 2 * 2]].concat();
                let Ok(mut decoder) = Decoder::new(&bytes) else { continue };
                let mut residual = Residual::new();
                while residual.code(&mut decoder, 7, 0).is_ok_and(|value| value.unsigned_abs() < 1 << 40) {}
            }
        }
    }
}
