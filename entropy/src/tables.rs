//! The constant tables of the stream definition: written out, so that no build computes them differently.
//!
//! [`KNOTS`] and [`INVERSE_SCALE`] are normative; every stream depends on each of their bits. The tests at
//! the end recompute both from their formulas in `f64`.

/// Segments of the half-Gaussian table; each spans 1/7 standard deviation, or 1024 steps of `T`.
pub(crate) const SEGMENTS: usize = 32;

/// `round(32767 * (2 * Phi(i / 7) - 1))`, the last two set to saturation: beyond 31/7 = 4.43 standard
/// deviations less than 2^-16 of the mass is left. Phi is the cumulative function of the normal distribution.
#[rustfmt::skip]
pub(crate) static KNOTS: [i16; SEGMENTS + 1] = [
        0,  3722,  7369, 10871, 14165, 17201, 19943, 22370, 24474, 26261, 27749,
    28963, 29933, 30693, 31276, 31714, 32037, 32270, 32435, 32549, 32627, 32679,
    32712, 32734, 32747, 32755, 32760, 32763, 32765, 32766, 32766, 32767, 32767,
];

/// `round(32768 * log2(1 + i / 32))`: what [`crate::BitCounter`] interpolates. Not normative: no stream
/// depends on it.
#[rustfmt::skip]
pub(crate) static LOG2: [u16; SEGMENTS + 1] = [
        0,  1455,  2866,  4236,  5568,  6863,  8124,  9352, 10549, 11716, 12855,
    13968, 15055, 16117, 17156, 18173, 19168, 20143, 21098, 22034, 22952, 23852,
    24736, 25604, 26455, 27292, 28114, 28922, 29717, 30498, 31267, 32024, 32768,
];

/// Bits of the `f32` nearest to `112 * 2^((51 - j) / 16)`: steps of `T` per 1/64 symbol, for the lowest
/// sixteen scales. The scales above repeat them, halved once per sixteen.
#[rustfmt::skip]
const INVERSE_SCALE_BITS: [u32; 16] = [
    0x447f_16b2, 0x4474_4613, 0x4469_ead6, 0x4460_0000, 0x4456_80cd, 0x444d_68ae, 0x4444_b343, 0x443c_5c5d,
    0x4434_5ffb, 0x442c_ba45, 0x4425_678f, 0x441e_6455, 0x4417_ad37, 0x4411_3efc, 0x440b_168c, 0x4405_30f2,
];

/// Powers of two are exact factors, so the tables carry one that makes `T` fall into the low mantissa bits
/// when [`MAGIC`] is added: see `gaussian.rs`.
const T_EXPONENT: u32 = 86;

/// 2^-63. In `MAGIC + t`, with `0 <= t < 2^15` steps of 2^-86, the bits of the sum are `0x2000_0000 | T`.
pub(crate) const MAGIC: f32 = f32::from_bits((127 - 63) << 23);

/// 31 * 1024 steps of 2^-86: from here on the table is saturated.
pub(crate) const LIMIT: f32 = f32::from_bits((((31 * 1024_u32) as f32).to_bits()) - (T_EXPONENT << 23));

/// [`INVERSE_SCALE_BITS`] times 2^-86, as floats.
pub(crate) static INVERSE_MANTISSA: [f32; 16] = {
    let mut table = [0.0; 16];
    let mut j = 0;
    while j < 16 {
        table[j] = f32::from_bits(INVERSE_SCALE_BITS[j] - (T_EXPONENT << 23));
        j += 1;
    }
    table
};

/// `2^-86 * INV[s]`, `INV[s] = INVERSE_SCALE[s % 16] * 2^-(s / 16)`: steps of `T` per 1/64 symbol.
pub(crate) static INVERSE_SCALE: [f32; 256] = {
    let mut table = [0.0; 256];
    let mut s = 0;
    while s < 256 {
        table[s] = f32::from_bits(INVERSE_MANTISSA[s & 15].to_bits() - (((s >> 4) as u32) << 23));
        s += 1;
    }
    table
};

/// Distance from the mean, in 1/64 symbol, at which a component of the lowest sixteen scales is saturated,
/// rounded up by 2^-12 so that no rounding can make it too small. Only the search uses it.
pub(crate) static RADIUS_MANTISSA: [f32; 16] = {
    let mut table = [0.0; 16];
    let mut j = 0;
    while j < 16 {
        table[j] = 31.0 * 1024.0 / f32::from_bits(INVERSE_SCALE_BITS[j]) * (1.0 + 1.0 / 4096.0);
        j += 1;
    }
    table
};

/// Length of a segment, 1/7 standard deviation, in 1/64 symbol. Only the search uses it.
pub(crate) static SEGMENT: [f32; 256] = {
    let mut table = [0.0; 256];
    let mut s = 0;
    while s < 256 {
        table[s] = 1024.0 / f32::from_bits(INVERSE_SCALE_BITS[s & 15]) * ((1_u32 << (s >> 4)) as f32);
        s += 1;
    }
    table
};

/// One line `intercept * 2^13 + slope * T` per segment, packed `intercept << 16 | slope`, for T in 0..2^15.
///
/// `intercept = knot[i] - i * (knot[i + 1] - knot[i])` and `slope = 8 * (knot[i + 1] - knot[i])` are integers,
/// so the line equals `2^13 * knot[i] + 8 * (knot[i + 1] - knot[i]) * (T - 1024 * i)` without any rounding.
const fn lines(knots: &[u16; SEGMENTS + 1]) -> [u32; SEGMENTS] {
    let mut table = [0; SEGMENTS];
    let mut i = 0;
    while i < SEGMENTS {
        let rise = knots[i + 1] as u32 - knots[i] as u32;
        let intercept = knots[i] as u32 - i as u32 * rise;
        assert!(intercept < 1 << 15 && 8 * rise < 1 << 15, "both halves must be non-negative i16");
        table[i] = intercept << 16 | (8 * rise);
        i += 1;
    }
    table
}

/// The lines of [`KNOTS`].
pub(crate) static GAUSSIAN_LINES: [u32; SEGMENTS] = {
    let mut knots = [0; SEGMENTS + 1];
    let mut i = 0;
    while i <= SEGMENTS {
        knots[i] = KNOTS[i] as u16;
        i += 1;
    }
    lines(&knots)
};

/// The lines of [`LOG2`].
pub(crate) static LOG2_LINES: [u32; SEGMENTS] = lines(&LOG2);

#[cfg(test)]
mod tests {
    use super::*;

    /// Phi by the power series of erf, good to 1e-15 for |z| < 5: an oracle that shares no code with the table.
    fn phi(z: f64) -> f64 {
        let (mut term, mut sum, mut n) = (z, z, 1.0);
        while term.abs() > 1e-18 {
            term *= z * z / (2.0 * n + 1.0);
            sum += term;
            n += 1.0;
        }
        0.5 + sum * (-0.5 * z * z).exp() / core::f64::consts::TAU.sqrt()
    }

    #[test]
    fn knots_follow_their_formula() {
        for (i, &knot) in KNOTS.iter().enumerate().take(31) {
            let exact = 32767.0 * (2.0 * phi(i as f64 / 7.0) - 1.0);
            assert_eq!(f64::from(knot), exact.round(), "knot {i}");
        }
        assert_eq!(KNOTS[31..], [32767, 32767]);
    }

    #[test]
    fn inverse_scales_follow_their_formula() {
        for s in 0..256 {
            let mantissa = (112.0 * ((51 - (s & 15)) as f64 / 16.0).exp2()) as f32;
            let expected = mantissa * 0.5_f32.powi(s >> 4) * 0.5_f32.powi(86);
            assert_eq!(INVERSE_SCALE[s as usize].to_bits(), expected.to_bits(), "scale {s}");
        }
    }

    #[test]
    fn log2_knots_follow_their_formula() {
        for (i, &knot) in LOG2.iter().enumerate() {
            assert_eq!(f64::from(knot), (32768.0 * (1.0 + i as f64 / 32.0).log2()).round(), "knot {i}");
        }
    }
}
