//! Between the transforms and the prior: gains, rounding, and the grids of tiles.

use crate::error::Error;
use crate::network::{ModelConfig, Tensor};
use crate::prior::{Symbols, compand_real, units};
use crate::quality::Level;
use crate::transforms::Transforms;
use crate::weights::Weights;

/// ŷ and ẑ of a whole picture, or of one group of channels of a sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latents {
    /// ŷ, `[rows, columns, M]`.
    pub y: Symbols,
    /// ẑ, `[rows, columns, N]`; each position stands for a block of positions of ŷ.
    pub z: Symbols,
    /// What the prior adds to ŷ before the synthesis, in 1/64 step, `[rows, columns, M]`; no channels if the model has no
    /// latent residuals.
    pub residual: Symbols,
}

impl Latents {
    /// All zeros, for `rows` × `columns` positions of ŷ.
    pub fn zeros(config: &ModelConfig, rows: usize, columns: usize) -> Self {
        let [v, u] = config.hyper_stride();
        let residuals = if config.context.residual { config.latents() } else { 0 };
        Self {
            y: Symbols::zeros([rows, columns, config.latents()]),
            z: Symbols::zeros([rows.div_ceil(v), columns.div_ceil(u), config.hyper_latents()]),
            residual: Symbols::zeros([rows, columns, residuals]),
        }
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
}

/// y → ŷ and ẑ at a level: multiply by the gains, round; companded y through h_a, round. Residuals come from the prior
/// and are left at zero.
///
/// # Errors
/// Those of the backend.
pub fn quantize(
    y: &Tensor,
    level: Level,
    weights: &Weights,
    transforms: &dyn Transforms,
) -> Result<Latents, Error> {
    let gains = exp2(&level.interpolate(&weights.encode_gain, y.channels()));
    let mut scaled = y.clone();
    scale_channels(&mut scaled, &gains);
    let y_hat = Symbols::round(&scaled);
    let unit = 1.0 / (1 << units::CONTEXT_INPUT) as f32;
    scaled.data_mut().iter_mut().for_each(|v| *v = compand_real(*v) * unit);
    let z = transforms.hyper_analysis(pad(&scaled, weights.config.hyper_stride()))?;
    let [rows, columns, _] = y_hat.shape();
    Ok(Latents { y: y_hat, z: Symbols::round(&z), ..Latents::zeros(&weights.config, rows, columns) })
}

/// ŷ and its residuals → the input of g_s.
pub fn dequantize(latents: &Latents, level: Level, weights: &Weights) -> Tensor {
    let gains = exp2(&level.interpolate(&weights.decode_gain, latents.y.shape()[2]));
    let mut out = latents.y.to_tensor();
    let unit = 1.0 / units::RESIDUAL_STEPS as f32;
    out.data_mut().iter_mut().zip(latents.residual.data()).for_each(|(v, &r)| *v += r as f32 * unit);
    scale_channels(&mut out, &gains);
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

fn scale_channels(x: &mut Tensor, gains: &[f32]) {
    for row in x.data_mut().chunks_exact_mut(gains.len()) {
        row.iter_mut().zip(gains).for_each(|(v, g)| *v *= g);
    }
}

fn exp2(x: &[f32]) -> Vec<f32> {
    x.iter().map(|v| v.exp2()).collect()
}
