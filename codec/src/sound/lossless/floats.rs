//! Floating-point samples as integers, and what integers leave of them.

use super::coder::Coder;
use wavern_entropy::Error;

/// A number other than 0 is mantissa × 2^exponent, with an odd mantissa.
fn parts(number: f64) -> (u64, i32) {
    let bits = number.to_bits();
    let (fraction, exponent) = (bits & ((1 << 52) - 1), (bits >> 52 & 0x7FF) as i32);
    let (mantissa, exponent) =
        if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
    let zeros = mantissa.trailing_zeros() & 63;
    (mantissa >> zeros, exponent + zeros as i32)
}

/// mantissa × 2^exponent, which must be a number of 64 bits exactly.
fn number(mantissa: u64, exponent: i32) -> f64 {
    // In three steps, each exact: a power of two alone may be out of range.
    let power = |exponent: i32| f64::from_bits(((exponent + 1023) as u64) << 52);
    let third = exponent / 3;
    mantissa as f64 * power(third) * power(third) * power(exponent - 2 * third)
}

/// Bits up to the highest that is set.
fn width(number: u64) -> u32 {
    64 - number.leading_zeros()
}

/// How floating-point samples become integers: sample × 2^shift, without what is behind the point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    shift: i32,
    /// Bits that mantissas have at most. 0: nothing is left behind the point, and no zero has a sign.
    precision: u32,
    /// Bits of a sample, 32 or 64.
    bits: u32,
}

/// Bits of the largest integer, for samples of 32 and of 64 bits, when there is more behind the point.
const INTEGER_BITS: [u32; 2] = [24, 30];
/// Bounds of a shift: what is left of the smallest numbers, and of the largest.
const SHIFTS: std::ops::RangeInclusive<i64> = -1100..=1100;

impl Split {
    /// For finite samples of this many bits.
    pub(super) fn of(channels: &[Vec<f64>], bits: u32) -> Self {
        let samples = || channels.iter().flatten().copied();
        let (mut lowest, mut highest, mut precision) = (i32::MAX, i32::MIN, 1);
        let mut is_plain = true;
        for sample in samples() {
            if sample == 0.0 {
                is_plain &= sample.is_sign_positive();
                continue;
            }
            let (mantissa, exponent) = parts(sample);
            lowest = lowest.min(exponent);
            highest = highest.max(exponent + width(mantissa) as i32);
            precision = precision.max(width(mantissa));
        }
        if lowest == i32::MAX {
            return Self { shift: 0, precision: if is_plain { 0 } else { 1 }, bits };
        }
        if is_plain && highest.saturating_sub(lowest) <= 31 {
            return Self { shift: -lowest, precision: 0, bits };
        }
        Self { shift: INTEGER_BITS[usize::from(bits > 32)] as i32 - highest, precision, bits }
    }

    /// The integer of a sample, of at most 31 bits and a sign.
    pub(super) fn integer(self, sample: f64) -> i32 {
        if sample == 0.0 {
            return 0;
        }
        let (mantissa, exponent) = parts(sample);
        let exponent = exponent + self.shift;
        let size = match exponent {
            0.. => mantissa << exponent.min(31),
            _ => mantissa >> exponent.unsigned_abs().min(63),
        };
        if sample < 0.0 { -(size as i64) as i32 } else { size as i32 }
    }

    /// Codes what is needed to undo it.
    pub(super) fn describe<C: Coder>(coder: &mut C, given: Option<Self>, bits: u32) -> Result<Self, Error> {
        let given = given.unwrap_or(Self { shift: 0, precision: 0, bits });
        let shift = coder.signed(given.shift.into())?;
        let precision = coder.bits(given.precision.into(), 6)? as u32;
        if !SHIFTS.contains(&shift) || precision > 53 {
            return Err(Error::Malformed { what: "scale of floats" });
        }
        Ok(Self { shift: shift as i32, precision, bits })
    }

    /// Codes what integers leave of samples, and gives the samples.
    pub(super) fn rest<C: Coder>(
        self,
        coder: &mut C,
        integers: &[Vec<i32>],
        given: Option<&[Vec<f64>]>,
    ) -> Result<Vec<Vec<f64>>, Error> {
        let mut zero = 1 << 15;
        let channels = integers.iter().enumerate().map(|(channel, integers)| {
            let samples = integers.iter().enumerate().map(|(place, &integer)| {
                let given = given.map_or(0.0, |given| given[channel][place]);
                self.rest_of(coder, integer, given, &mut zero)
            });
            samples.collect()
        });
        channels.collect()
    }

    fn rest_of<C: Coder>(
        self,
        coder: &mut C,
        integer: i32,
        given: f64,
        zero: &mut u32,
    ) -> Result<f64, Error> {
        let size = u64::from(integer.unsigned_abs());
        let signed = |sample: f64| if integer < 0 { -sample } else { sample };
        if self.precision == 0 {
            return Ok(signed(number(size, -self.shift)));
        }
        if integer == 0 {
            let is_zero = given.to_bits() == 0;
            let is_zero = coder.decision(is_zero, *zero)?;
            *zero = follow(*zero, is_zero);
            return if is_zero { Ok(0.0) } else { pattern(coder, given, self.bits) };
        }
        let bits = self.precision.saturating_sub(width(size));
        let below = if C::READS || bits == 0 {
            0
        } else {
            let (mantissa, _) = parts(given);
            // All bits of the mantissa below the integer.
            (mantissa << (self.precision - width(mantissa))) & ((1 << bits) - 1)
        };
        let below = coder.bits(below, bits)?;
        Ok(signed(number(size << bits | below, -self.shift - bits as i32)))
    }
}

/// Codes the bits of a sample as they are.
pub(super) fn pattern<C: Coder>(coder: &mut C, given: f64, bits: u32) -> Result<f64, Error> {
    let given = if bits == 32 { u64::from((given as f32).to_bits()) } else { given.to_bits() };
    let pattern = coder.bits(given, bits)?;
    Ok(if bits == 32 { f64::from(f32::from_bits(pattern as u32)) } else { f64::from_bits(pattern) })
}

/// The probability of a decision after it: 1/32 of the way to what was decided, and never certain.
pub(super) fn follow(probability: u32, decision: bool) -> u32 {
    const LEAST: u32 = 64;
    match decision {
        true => probability + ((65_536 - LEAST - probability) >> 5),
        false => probability - ((probability - LEAST) >> 5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavern_entropy::{Decoder, Encoder};

    fn back(samples: &[f64], bits: u32) -> (Split, Vec<f64>) {
        let channels = [samples.to_vec()];
        let split = Split::of(&channels, bits);
        let integers = vec![samples.iter().map(|&sample| split.integer(sample)).collect::<Vec<_>>()];
        let mut encoder = Encoder::new();
        let described = Split::describe(&mut encoder, Some(split), bits).unwrap();
        split.rest(&mut encoder, &integers, Some(&channels)).unwrap();
        let bytes = encoder.finish_with_lanes(1).unwrap();
        let mut decoder = Decoder::new(&bytes).unwrap();
        assert_eq!(Split::describe(&mut decoder, None, bits), Ok(described));
        let samples = described.rest(&mut decoder, &integers, None).unwrap();
        decoder.finish().unwrap();
        (split, samples.into_iter().flatten().collect())
    }

    fn assert_same(have: &[f64], want: &[f64]) {
        let bits = |samples: &[f64]| samples.iter().map(|sample| sample.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(have), bits(want));
    }

    #[test]
    fn scaled_integers_are_integers_again() {
        let samples: Vec<f64> = (-40..40).map(|i| f64::from(i * 800) / 32_768.0).collect();
        let (split, restored) = back(&samples, 32);
        assert_eq!((split.precision, split.integer(800.0 / 32_768.0)), (0, 25));
        assert_same(&restored, &samples);
        assert_eq!(Split::of(&[vec![0.0; 5]], 32), Split { shift: 0, precision: 0, bits: 32 });
    }

    #[test]
    fn all_kinds_of_numbers_come_back() {
        let third = 1.0 / 3.0f64;
        for bits in [32, 64] {
            let one = |sample: f64| if bits == 32 { f64::from(sample as f32) } else { sample };
            let mut samples: Vec<f64> =
                (-300..300).map(|i| one(third * f64::from(i).powi(3) / 1e6)).collect();
            samples.extend([0.0, -0.0, 0.0, -0.0, one(1.5e-40), -one(1.5e-40), one(3.4e38), -one(1e-3)]);
            assert_same(&back(&samples, bits).1, &samples);
            samples.extend([f64::from(f32::from_bits(1)), f64::from(f32::MAX)]);
            assert_same(&back(&samples, bits).1, &samples);
        }
        let samples = [f64::MIN_POSITIVE, f64::from_bits(1), f64::MAX, -f64::MAX, third, -0.0];
        assert_same(&back(&samples, 64).1, &samples);
        let samples = [f64::from_bits(1), f64::from_bits(0x000F_FFFF_FFFF_FFFF), -f64::from_bits(77)];
        assert_same(&back(&samples, 64).1, &samples);
    }
}
