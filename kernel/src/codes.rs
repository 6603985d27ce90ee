//! Reals ↔ codes, the integers that a quantized synthesis computes with, and depthwise layers from codes to codes.
//!
//! Sums are exact integers. What is real is one multiplication or addition of f32 at a time, rounded to nearest as IEEE
//! 754 has it and never fused, so all machines get the same codes.

use super::filter::{self, Footprint};
use super::multiversion;

/// What is added to inputs with a sign, −127 to 127, to make them activations.
pub const SIGNED_ZERO: u8 = 128;

/// Largest magnitude of a code of 8 bits with a sign.
pub const SIGNED_LIMIT: f32 = 127.0;
/// Largest magnitude of a code of 16 bits.
pub const WIDE_LIMIT: f32 = 32767.0;

/// 1.5 · 2^23: added to a small number, it leaves the nearest integer in the low bits of the sum.
const MAGIC: f32 = 12_582_912.0;

/// The nearest integer, halves to even, of a number of magnitude below 2^22.
#[inline(always)]
pub fn nearest(value: f32) -> i32 {
    (value + MAGIC).to_bits() as i32 - MAGIC.to_bits() as i32
}

/// `value`, but at least `low` and at most `high`; `low` if it is no number.
#[inline(always)]
pub fn limit(value: f32, low: f32, high: f32) -> f32 {
    let value = if value > low { value } else { low };
    if value < high { value } else { high }
}

multiversion! {
    /// The largest magnitude, or what is not a number.
    pub fn largest(x: &[f32], out: &mut f32) {
        // As integers, magnitudes have the order of the reals.
        let largest = x.iter().fold(0, |largest: u32, v| largest.max(v.to_bits() & (u32::MAX >> 1)));
        *out = f32::from_bits(largest);
    }

    /// Reals of one position after the other, times a factor for each channel, → codes from −127 to 127, to which
    /// [`SIGNED_ZERO`] is added.
    pub fn bytes(x: &[f32], factors: &[f32], out: &mut [u8]) {
        let positions = x.chunks_exact(factors.len()).zip(out.chunks_exact_mut(factors.len()));
        for (x, out) in positions {
            for ((x, factor), out) in x.iter().zip(factors).zip(out) {
                *out = signed(x * factor);
            }
        }
    }

    /// Reals of one position after the other, times a factor for each channel, → codes of 16 bits, in rows of `stride`.
    pub fn words(x: &[f32], factors: &[f32], stride: usize, out: &mut [i16]) {
        for (x, out) in x.chunks_exact(factors.len()).zip(out.chunks_exact_mut(stride)) {
            for ((x, factor), out) in x.iter().zip(factors).zip(&mut *out) {
                *out = nearest(limit(x * factor, -WIDE_LIMIT, WIDE_LIMIT)) as i16;
            }
            out[factors.len()..].fill(0);
        }
    }

    /// See [`Depthwise::run`].
    pub fn filter_row(call: &Call<'_>, out: &mut [u8]) {
        let Call { layer, rows, width, column, scale } = *call;
        let channels = layer.bias.len();
        let side = layer.weight.len() / channels / rows.len();
        for (index, out) in out.chunks_exact_mut(channels).enumerate() {
            let place = Footprint { rows, side, width, column: column + index };
            filter::filter(place, &layer.weight, &layer.bias, scale, out, |sum, scale| signed(sum as f32 * scale));
        }
    }
}

/// The code with a sign of a number, plus [`SIGNED_ZERO`].
#[inline(always)]
fn signed(value: f32) -> u8 {
    (nearest(limit(value, -SIGNED_LIMIT, SIGNED_LIMIT)) + i32::from(SIGNED_ZERO)) as u8
}

/// One filter per channel on codes without sign, zeros outside, to codes with one.
#[derive(Debug)]
pub struct Depthwise {
    /// `[rows · columns, channels]`: tap by tap.
    weight: Vec<i16>,
    bias: Vec<i32>,
    kernel: [usize; 2],
}

/// What [`filter_row`] works on.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    layer: &'a Depthwise,
    rows: &'a [&'a [u8]],
    width: usize,
    column: usize,
    scale: &'a [f32],
}

impl Depthwise {
    /// From a weight `[channels, rows, columns]` and biases.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn new(weight: &[i8], bias: &[i32], kernel: [usize; 2]) -> Self {
        let taps = kernel[0] * kernel[1];
        assert!(weight.len() == taps * bias.len() && !bias.is_empty() && kernel.iter().all(|k| k % 2 == 1));
        let tap_by_tap = (0..taps).flat_map(|t| weight.iter().skip(t).step_by(taps).map(|&w| w.into()));
        Self { weight: tap_by_tap.collect(), bias: bias.to_vec(), kernel }
    }

    /// Channels in and out.
    pub fn channels(&self) -> usize {
        self.bias.len()
    }

    /// Rows and columns.
    pub fn kernel(&self) -> [usize; 2] {
        self.kernel
    }

    /// The weight as stored in a weight file, `[channels, rows, columns]`.
    pub fn weight(&self) -> Vec<i8> {
        let channels = self.channels();
        (0..channels).flat_map(|c| self.weight.iter().skip(c).step_by(channels).map(|&w| w as i8)).collect()
    }

    /// The bias of each channel.
    pub fn bias(&self) -> &[i32] {
        &self.bias
    }

    /// The filtered positions of one row from `column` on, as many as `out` holds: sums times the `scale` of their
    /// channel, rounded (halves to even), limited to −127..=127, plus [`SIGNED_ZERO`]. `rows` as for
    /// [`super::float::Depthwise::run`].
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn run(&self, rows: &[&[u8]], width: usize, column: usize, scale: &[f32], out: &mut [u8]) {
        let channels = self.channels();
        assert!(out.len().is_multiple_of(channels) && column + out.len() / channels <= width);
        let kernel = [rows.len(), self.kernel[0] * self.kernel[1] / rows.len().max(1)];
        assert!(kernel == self.kernel || kernel == [self.kernel[1], self.kernel[0]]);
        assert!(rows.iter().all(|row| row.is_empty() || row.len() == width * channels));
        assert_eq!(scale.len(), channels);
        filter_row(&Call { layer: self, rows, width, column, scale }, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::integers;

    #[test]
    fn nearest_rounds_halves_to_even() {
        for i in -40_000..40_000 {
            let value = i as f32 * 0.25;
            assert_eq!(nearest(value), value.round_ties_even() as i32, "{value}");
        }
        assert_eq!(
            [limit(f32::NAN, -1.0, 1.0), limit(7.0, -1.0, 1.0), limit(-7.0, -1.0, 1.0)],
            [-1.0, 1.0, -1.0]
        );
    }

    #[test]
    fn codes_are_rounded_and_limited() {
        let (x, factors) = ([0.5, -3.0, 1.5, 100.0, -2.5, f32::INFINITY], [1.0, 50.0]);
        let mut out = [0; 6];
        bytes(&x, &factors, &mut out);
        assert_eq!(out.map(|v| i32::from(v) - 128), [0, -127, 2, 127, -2, 127]);
        let mut out = [7; 9];
        words(&x, &[1.0, 1000.0], 3, &mut out);
        assert_eq!(out, [0, -3000, 0, 2, 32767, 0, -2, 32767, 0]);
    }

    #[test]
    fn filters_see_zeros_outside() {
        for (kernel, width, channels) in [([3, 3], 5, 64), ([3, 3], 1, 7), ([1, 7], 9, 40), ([5, 3], 4, 33)] {
            let [r, s]: [usize; 2] = kernel;
            let weight: Vec<i8> = integers(r * s * channels, -127, 127).iter().map(|&w| w as i8).collect();
            let bias: Vec<i32> = integers(channels, -9000, 9000).iter().map(|&b| b as i32).collect();
            let scale: Vec<f32> = integers(channels, 1, 60).iter().map(|&v| v as f32 / 9000.0).collect();
            let x: Vec<u8> = integers(r * width * channels, 0, 255).iter().map(|&v| v as u8).collect();
            let layer = Depthwise::new(&weight, &bias, kernel);
            assert_eq!(layer.weight(), weight);
            for missing in [r, 0] {
                let row = |v: usize| {
                    if v == missing { &[][..] } else { &x[v * width * channels..][..width * channels] }
                };
                let rows: Vec<&[u8]> = (0..r).map(row).collect();
                let mut out = vec![0; width * channels];
                layer.run(&rows, width, 0, &scale, &mut out);
                for (at, out) in out.iter().enumerate() {
                    let (column, c) = (at / channels, at % channels);
                    let mut sum = bias[c];
                    for (v, u) in (0..r).flat_map(|v| (0..s).map(move |u| (v, u))).filter(|t| t.0 != missing)
                    {
                        if let Some(from) = (column + u).checked_sub(s / 2).filter(|from| *from < width) {
                            let x = x[(v * width + from) * channels + c];
                            sum += i32::from(weight[(c * r + v) * s + u]) * i32::from(x);
                        }
                    }
                    let expected =
                        (sum as f32 * scale[c]).round_ties_even().clamp(-127.0, 127.0) as i32 + 128;
                    assert_eq!(i32::from(*out), expected, "{kernel:?} {column} {c}");
                }
                let mut part = vec![0; channels];
                layer.run(&rows, width, width - 1, &scale, &mut part);
                assert_eq!(part, out[(width - 1) * channels..]);
            }
        }
    }
}
