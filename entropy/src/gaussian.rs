//! The exact Gaussian: an integer distance and a tabulated inverse scale in, 16-bit mass out.

use crate::tables::{GAUSSIAN_LINES, LIMIT, MAGIC};

/// Mass between the mean and a point `distance` (in 1/64 symbol, within ±2^24) above it, in 1/65534; negative
/// below the mean. Nondecreasing in `distance`, within ±32767, odd up to rounding.
///
/// The only floating-point operations are one multiplication, a minimum and one addition, each on its own:
/// 1. `distance` is an integer below 2^24, hence exact, and the product is rounded once.
/// 2. `MAGIC + t` rounds `t` to an integer multiple `T` of 2^-86 (nearest, ties to even) and leaves it in the low
///    mantissa bits.
/// 3. `intercept * 2^13 + slope * T` is `2^13 * knot[i] + 8 * rise * (T mod 1024)`, in integers. Its sign is set
///    before the fraction is cut off, so that all masses are rounded down.
///
/// No operand or result is subnormal, infinite or NaN: flush-to-zero modes and NaN rules do not matter.
#[inline]
pub(crate) fn signed_half_mass(distance: i32, inverse_scale: f32) -> i32 {
    let t = distance as f32 * inverse_scale;
    let bits = (t.abs().min(LIMIT) + MAGIC).to_bits();
    let mass = line(&GAUSSIAN_LINES, bits & 0x7fff);
    (if distance < 0 { -mass } else { mass }) >> 13
}

/// `2^13` times the value at `T` of the segment that holds it.
#[inline]
pub(crate) fn line(lines: &[u32; 32], t: u32) -> i32 {
    let entry = lines[(t >> 10) as usize & 31];
    ((entry >> 16) * (1 << 13) + (entry & 0xffff) * t) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{INVERSE_SCALE, KNOTS, SEGMENT};

    #[test]
    fn lines_equal_interpolation_between_knots() {
        for t in 0..31 * 1024 + 1_u32 {
            let (i, fraction) = ((t >> 10) as usize, (t & 1023) as i32);
            let rise = i32::from(KNOTS[i + 1] - KNOTS[i]);
            let expected = (1024 * i32::from(KNOTS[i]) + rise * fraction) << 3;
            assert_eq!(line(&GAUSSIAN_LINES, t), expected, "T = {t}");
        }
    }

    #[test]
    fn mass_is_monotone_nearly_odd_and_saturates() {
        for scale in [0, 1, 15, 16, 51, 100, 128, 200, 255] {
            let mut last = -32767;
            let radius = (31.0 * SEGMENT[scale]) as i32 + 1;
            for distance in -radius..=radius {
                let mass = signed_half_mass(distance, INVERSE_SCALE[scale]);
                assert!(mass >= last, "scale {scale}, distance {distance}");
                let mirrored = -signed_half_mass(-distance, INVERSE_SCALE[scale]);
                assert!((mass - mirrored).abs() <= 1, "scale {scale}, distance {distance}");
                last = mass;
            }
            assert_eq!(last, 32767);
            assert_eq!(signed_half_mass(-radius, INVERSE_SCALE[scale]), -32767);
        }
    }
}
