//! Between the transforms and the symbols: gains and rounding.

use crate::array::Tensor;
use crate::config::ModelConfig;
use crate::config::units;
use crate::latent::Latents;
use crate::quality::Level;
use rayon::prelude::*;
use std::ops::Range;
use wavern_kernel::latents as kernel;

/// Factors of the channels at a level.
#[derive(Debug)]
pub struct Gains(Vec<f32>);

impl Gains {
    /// The factors of a level, from a table of their logarithms to base 2, `[anchors, channels]`.
    pub fn new(table: &[f32], level: Level, channels: usize) -> Self {
        Self(level.interpolate(table, channels).into_iter().map(exp2_exact).collect())
    }

    /// One factor a channel.
    pub fn factors(&self) -> &[f32] {
        &self.0
    }

    /// y times the factors.
    pub fn scale(&self, y: &Tensor) -> Tensor {
        let mut scaled = y.clone();
        for row in scaled.data_mut().chunks_exact_mut(self.0.len()) {
            row.iter_mut().zip(&self.0).for_each(|(y, factor)| *y *= factor);
        }
        scaled
    }

    /// y at any number of positions → ŷ, and the input of h_a.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn quantize(&self, y: &[f32], y_hat: &mut [i32], companded: &mut [f32]) {
        assert!(y.len() == y_hat.len() && y.len() == companded.len());
        let unit = 1.0 / (1 << units::CONTEXT_INPUT) as f32;
        kernel::quantize(y, &self.0, unit, y_hat, companded);
    }

    /// ŷ and its residuals at some columns of a row → the first positions of `out`, as g_s takes them.
    ///
    /// # Panics
    /// If the row does not have these columns, or `out` has no room for them.
    pub fn dequantize(&self, latents: &Latents, row: usize, columns: Range<usize>, out: &mut [f32]) {
        let unit = 1.0 / units::RESIDUAL_STEPS as f32;
        let part = |[_, width, channels]: [usize; 3]| {
            (row * width + columns.start) * channels..(row * width + columns.end) * channels
        };
        let (y, residual) = (&latents.y, &latents.residual);
        let (symbols, residuals) = (&y.data()[part(y.shape())], &residual.data()[part(residual.shape())]);
        kernel::dequantize(symbols, residuals, unit, &self.0, &mut out[..symbols.len()]);
    }

    /// All of ŷ and its residuals → the input of g_s.
    pub fn dequantize_all(&self, latents: &Latents) -> Tensor {
        let [rows, columns, channels] = latents.y.shape();
        let mut out = Tensor::zeros([rows, columns, channels]);
        for (row, out) in out.data_mut().chunks_exact_mut((columns * channels).max(1)).enumerate() {
            self.dequantize(latents, row, 0..columns, out);
        }
        out
    }
}

/// Rows of y on their way to ŷ and to h_a, which takes whole positions of z: the last column and the last row are
/// repeated until both sides are multiples of the hyper stride.
#[derive(Debug)]
pub struct Quantizer {
    gains: Gains,
    /// Columns of y.
    columns: usize,
    /// Rows and columns of y per position of z.
    stride: [usize; 2],
    /// Rows so far.
    rows: usize,
    /// What the last call left for h_a, and the last row of it.
    companded: Vec<f32>,
    last_row: Vec<f32>,
}

impl Quantizer {
    /// For rows of `columns` positions.
    pub fn new(gains: Gains, columns: usize, config: &ModelConfig) -> Self {
        let stride = config.hyper_stride();
        Self { gains, columns, stride, rows: 0, companded: Vec::new(), last_row: Vec::new() }
    }

    /// Columns that h_a sees.
    pub fn padded_columns(&self) -> usize {
        self.columns.next_multiple_of(self.stride[1])
    }

    /// Appends the next rows to ŷ, and gives what h_a takes of them. With `last`, no row follows.
    pub fn push(&mut self, y: &[f32], last: bool, y_hat: &mut Vec<i32>) -> &[f32] {
        let channels = self.gains.factors().len();
        let (row, padded) = (self.columns * channels, self.padded_columns() * channels);
        let before = y_hat.len();
        y_hat.resize(before + y.len(), 0);
        self.companded.resize(y.len() / row * padded, 0.0);
        let rows = y_hat[before..].par_chunks_mut(row).zip(self.companded.par_chunks_mut(padded));
        y.par_chunks(row).zip(rows).for_each(|(y, (y_hat, companded))| {
            self.gains.quantize(y, y_hat, &mut companded[..row]);
            for at in (row..padded).step_by(channels) {
                companded.copy_within(row - channels..row, at);
            }
        });
        self.rows += y.len() / row;
        if let Some(latest) = self.companded.chunks_exact(padded).next_back() {
            self.last_row.clear();
            self.last_row.extend_from_slice(latest);
        }
        if last {
            for _ in self.rows..self.rows.next_multiple_of(self.stride[0]) {
                self.companded.extend_from_slice(&self.last_row);
            }
        }
        &self.companded
    }
}

/// 2^x, the same on every machine: the series of the exponential in binary64, one operation after the other. A system's
/// own function may differ in the last bit.
pub fn exp2_exact(x: f32) -> f32 {
    let x = f64::from(x).clamp(-126.0, 126.0);
    let whole = x.floor();
    let t = (x - whole) * std::f64::consts::LN_2;
    let series = (1..=16).rev().fold(1.0, |sum, k| 1.0 + sum * t / f64::from(k));
    (series * f64::from_bits(((1023 + whole as i64) as u64) << 52)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_right_to_the_last_bit_or_next_to_it() {
        for i in -20_000..20_000 {
            let x = i as f32 * 0.0061;
            let (value, exact) = (exp2_exact(x), f64::from(x).exp2());
            let near = ((f64::from(value) - exact) / exact).abs();
            assert!(near <= f64::from(f32::EPSILON) / 2.0 * 1.000_001, "{x}");
        }
        assert_eq!([exp2_exact(-3.0), exp2_exact(0.0), exp2_exact(7.0)], [0.125, 1.0, 128.0]);
        assert_eq!(exp2_exact(0.5).to_bits(), 0x3fb5_04f3);
    }
}
