//! Symbols as inputs of the integer networks: small ones as they are, large ones on a logarithmic scale.

/// Largest magnitude of a companded symbol.
pub const LIMIT: i32 = 127;

/// A symbol as an input of the context networks: itself up to ±16, then 16 steps an octave, saturating at ±127.
pub fn compand(symbol: i32) -> i32 {
    let magnitude = symbol.unsigned_abs().min(2047);
    let octave = (magnitude | 16).ilog2() - 4;
    let value = ((16 * octave + (magnitude >> octave)) as i32).min(LIMIT);
    if symbol < 0 { -value } else { value }
}

/// [`compand`] of a real number, for the encoder's side only.
pub fn compand_real(x: f32) -> f32 {
    let magnitude = x.abs().min(2048.0);
    let octave = (magnitude.max(16.0) / 16.0).log2().floor().clamp(0.0, 6.0);
    (16.0 * octave + magnitude * (-octave).exp2()).min(LIMIT as f32).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_companders_agree_on_integers() {
        for v in -5000..5000i32 {
            assert!((compand_real(v as f32) - compand(v) as f32).abs() < 1.0, "{v}");
            if v.abs() <= 32 {
                assert_eq!(compand_real(v as f32), compand(v) as f32);
            }
        }
    }

    #[test]
    fn companding_is_monotone_and_continuous() {
        assert_eq!([0, 1, -16, 17, 31, 32].map(compand), [0, 1, -16, 17, 31, 32]);
        assert_eq!(
            [63, 64, -128, 2047, 2048, i32::MAX, i32::MIN].map(compand),
            [47, 48, -64, 127, 127, 127, -127]
        );
        for v in -3000..3000 {
            assert!((0..=1).contains(&(compand(v + 1) - compand(v))), "{v}");
        }
    }
}
