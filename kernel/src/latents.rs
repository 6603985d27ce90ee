//! Latents ↔ symbols, channel by channel.

use super::multiversion;

multiversion! {
    /// One position after the other: y times its gains, rounded to symbols (halves away from zero), and companded as
    /// [`crate::compand::compand_real`] times `unit`.
    pub fn quantize(y: &[f32], gains: &[f32], unit: f32, symbols: &mut [i32], companded: &mut [f32]) {
        let positions = y.chunks_exact(gains.len()).zip(symbols.chunks_exact_mut(gains.len()));
        for ((y, symbols), companded) in positions.zip(companded.chunks_exact_mut(gains.len())) {
            for (((y, gain), symbol), companded) in y.iter().zip(gains).zip(symbols).zip(companded) {
                let value = y * gain;
                *symbol = value.round() as i32;
                *companded = compand(value) * unit;
            }
        }
    }

    /// One position after the other: symbols plus residuals in steps of `unit` (or none, if empty), times gains.
    pub fn dequantize(symbols: &[i32], residuals: &[i8], unit: f32, gains: &[f32], out: &mut [f32]) {
        if residuals.is_empty() {
            let positions = symbols.chunks_exact(gains.len()).zip(out.chunks_exact_mut(gains.len()));
            for (symbols, out) in positions {
                for ((symbol, gain), out) in symbols.iter().zip(gains).zip(out) {
                    *out = *symbol as f32 * gain;
                }
            }
            return;
        }
        let positions = symbols.chunks_exact(gains.len()).zip(residuals.chunks_exact(gains.len()));
        for ((symbols, residuals), out) in positions.zip(out.chunks_exact_mut(gains.len())) {
            for (((symbol, residual), gain), out) in symbols.iter().zip(residuals).zip(gains).zip(out) {
                *out = (*symbol as f32 + f32::from(*residual) * unit) * gain;
            }
        }
    }

    /// Rounded to symbols, halves away from zero.
    pub fn round(values: &[f32], symbols: &mut [i32]) {
        for (symbol, value) in symbols.iter_mut().zip(values) {
            *symbol = value.round() as i32;
        }
    }
}

/// Itself up to ±16, then 16 steps an octave, at most ±127: the octave is in the exponent of the number.
#[inline(always)]
fn compand(x: f32) -> f32 {
    let magnitude = x.abs().min(2047.0);
    let octave = (magnitude.max(16.0).to_bits() >> 23) - (127 + 4);
    let scaled = magnitude * f32::from_bits((127 - octave) << 23);
    (16.0 * octave as f32 + scaled).min(127.0).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compand::compand_real;

    #[test]
    fn companding_is_the_definition() {
        let values: Vec<f32> = (-9000..9000).map(|i| i as f32 * 0.377).collect();
        let (mut symbols, mut companded) = (vec![0; values.len()], vec![0.0; values.len()]);
        quantize(&values, &vec![1.0; values.len()], 1.0, &mut symbols, &mut companded);
        for ((value, symbol), companded) in values.iter().zip(&symbols).zip(&companded) {
            assert_eq!(*symbol, value.round() as i32);
            assert!((compand_real(*value) - companded).abs() < 1e-4, "{value}");
        }
    }

    #[test]
    fn residuals_are_added_before_the_gain() {
        let mut out = [0.0; 4];
        dequantize(&[1, -2, 3, 0], &[32, -16, 0, 8], 1.0 / 64.0, &[2.0, 4.0], &mut out);
        assert_eq!(out, [3.0, -9.0, 6.0, 0.5]);
        dequantize(&[1, -2, 3, 0], &[], 1.0 / 64.0, &[2.0, 4.0], &mut out);
        assert_eq!(out, [2.0, -8.0, 6.0, 0.0]);
    }
}
