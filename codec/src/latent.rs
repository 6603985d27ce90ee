//! Between the transforms and the prior: gains, rounding, and the grids of tiles.

use crate::kernel::latents as kernel;
use crate::network::{ModelConfig, Tensor};
use crate::prior::{Symbols, units};
use crate::quality::Level;
use crate::weights::Weights;
use std::ops::Range;
use std::sync::Mutex;

/// ŷ and ẑ of a whole picture, or of one group of channels of a sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latents {
    /// ŷ, `[rows, columns, M]`.
    pub y: Symbols,
    /// ẑ, `[rows, columns, N]`; each position stands for a block of positions of ŷ.
    pub z: Symbols,
    /// What the prior adds to ŷ before the synthesis, in 1/64 step, `[rows, columns, M]`; no channels if the model has no
    /// latent residuals.
    pub residual: Symbols<i8>,
}

impl Latents {
    /// All zeros, for `rows` × `columns` positions of ŷ.
    pub fn zeros(config: &ModelConfig, rows: usize, columns: usize) -> Self {
        let [y, z, residual] = Self::shapes(config, rows, columns);
        Self { y: Symbols::zeros(y), z: Symbols::zeros(z), residual: Symbols::zeros(residual) }
    }

    /// Those of ŷ, ẑ and the residuals.
    pub(crate) fn shapes(config: &ModelConfig, rows: usize, columns: usize) -> [[usize; 3]; 3] {
        let [v, u] = config.hyper_stride();
        let residuals = if config.context.residual { config.latents() } else { 0 };
        [
            [rows, columns, config.latents()],
            [rows.div_ceil(v), columns.div_ceil(u), config.hyper_latents()],
            [rows, columns, residuals],
        ]
    }

    /// The part of one tile or segment: `rows` × `columns` positions of ŷ from (`row`, `column`), which must be whole
    /// positions of ẑ.
    pub fn window(&self, [row, column, rows, columns]: [usize; 4], [v, u]: [usize; 2]) -> Self {
        Self {
            y: self.y.window(row, column, rows, columns),
            z: self.z.window(row / v, column / u, rows.div_ceil(v), columns.div_ceil(u)),
            residual: self.residual.window(row, column, rows, columns),
        }
    }

    /// Puts a part back where [`Self::window`] took it.
    pub fn set_window(&mut self, [row, column]: [usize; 2], [v, u]: [usize; 2], part: &Self) {
        self.y.set_window(row, column, &part.y);
        self.z.set_window(row / v, column / u, &part.z);
        self.residual.set_window(row, column, &part.residual);
    }

    /// The check value that a payload carries of the symbols in it: the low half of the CRC-32C of ẑ, ŷ and residuals of every
    /// group, as little-endian 32-bit integers. It holds on the machine that wrote the file; where it does not, the
    /// bytes are whole, and a probability came out differently.
    pub fn check(groups: &[Self]) -> u16 {
        // Through a buffer, so that the order of bytes is the same on every machine.
        fn append<T: Copy + Into<i32>>(checksum: u32, symbols: &[T]) -> u32 {
            const SYMBOLS: usize = 1024;
            let mut buffer = [0u8; 4 * SYMBOLS];
            symbols.chunks(SYMBOLS).fold(checksum, |checksum, symbols| {
                for (bytes, &symbol) in buffer.chunks_exact_mut(4).zip(symbols) {
                    bytes.copy_from_slice(&symbol.into().to_le_bytes());
                }
                crc32c::crc32c_append(checksum, &buffer[..4 * symbols.len()])
            })
        }
        let checksum = groups.iter().fold(0, |checksum, group| {
            let checksum = append(append(checksum, group.z.data()), group.y.data());
            append(checksum, group.residual.data())
        });
        checksum as u16
    }
}

/// Latents of tiles that are done with, whose memory serves those that come: fresh memory of megabytes a tile would be cleared
/// by the kernel each time.
#[derive(Debug, Default)]
pub struct Spare(Mutex<Vec<Latents>>);

impl Spare {
    /// Latents of so many positions with whatever is in them.
    pub fn take(&self, config: &ModelConfig, rows: usize, columns: usize) -> Latents {
        let spare = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
        let Some(mut latents) = spare else { return Latents::zeros(config, rows, columns) };
        let [y, z, residual] = Latents::shapes(config, rows, columns);
        latents.y.reuse(y);
        latents.z.reuse(z);
        latents.residual.reuse(residual);
        latents
    }

    /// For a later [`Self::take`].
    pub fn give(&self, latents: Latents) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(latents);
    }
}

/// Factors of the channels at a level.
#[derive(Debug)]
pub struct Gains(Vec<f32>);

impl Gains {
    /// Between y and its quantization steps.
    pub fn encode(weights: &Weights, level: Level) -> Self {
        Self(exp2(&level.interpolate(&weights.encode_gain, weights.config.latents())))
    }

    /// Between ŷ and the input of g_s.
    pub fn decode(weights: &Weights, level: Level) -> Self {
        Self(exp2(&level.interpolate(&weights.decode_gain, weights.config.latents())))
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
    /// If the row has not these columns, or `out` no room for them.
    pub fn dequantize(&self, latents: &Latents, row: usize, columns: Range<usize>, out: &mut [f32]) {
        let unit = 1.0 / units::RESIDUAL_STEPS as f32;
        let part = |[_, width, channels]: [usize; 3]| {
            (row * width + columns.start) * channels..(row * width + columns.end) * channels
        };
        let (y, residual) = (&latents.y, &latents.residual);
        let (symbols, residuals) = (&y.data()[part(y.shape())], &residual.data()[part(residual.shape())]);
        kernel::dequantize(symbols, residuals, unit, &self.0, &mut out[..symbols.len()]);
    }
}

/// ŷ and its residuals → the input of g_s.
pub fn dequantize(latents: &Latents, level: Level, weights: &Weights) -> Tensor {
    let [rows, columns, channels] = latents.y.shape();
    let gains = Gains::decode(weights, level);
    let mut out = Tensor::zeros([rows, columns, channels]);
    for (row, out) in out.data_mut().chunks_exact_mut((columns * channels).max(1)).enumerate() {
        gains.dequantize(latents, row, 0..columns, out);
    }
    out
}

/// Repeats the last row and column until both sides are multiples of `unit`.
pub fn pad(x: &Tensor, unit: [usize; 2]) -> Tensor {
    let [rows, columns, channels] = x.shape();
    let (to_rows, to_columns) = (rows.next_multiple_of(unit[0]), columns.next_multiple_of(unit[1]));
    if (to_rows, to_columns) == (rows, columns) || rows * columns == 0 {
        return x.clone();
    }
    let mut out = Vec::with_capacity(to_rows * to_columns * channels);
    for row in 0..to_rows {
        let from = &x.data()[row.min(rows - 1) * columns * channels..][..columns * channels];
        out.extend_from_slice(from);
        for _ in columns..to_columns {
            out.extend_from_slice(&from[(columns - 1) * channels..]);
        }
    }
    Tensor::from_vec([to_rows, to_columns, channels], out)
}

fn exp2(x: &[f32]) -> Vec<f32> {
    x.iter().map(|&v| exp2_exact(v)).collect()
}

/// 2^x, the same on every machine: the series of the exponential in binary64, one operation after the other. A system's own
/// function may differ in the last bit.
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
