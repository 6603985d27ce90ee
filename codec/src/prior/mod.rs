//! The prior: from ẑ and what is already decoded of ŷ to one Gaussian mixture per symbol, in exact integers.
//!
//! [`Prior::code`] walks the symbols of one tile or segment in coding order. It is the same code for both
//! directions: the encoder's [`SymbolCoder`] writes the symbols it is shown, the decoder's fills them in.
//!
//! ```text
//! ẑ                      static mixtures per channel and anchor level
//! for every slice of channels, for even then odd positions:
//!     features(ẑ), decoded ŷ  →  look → around → fuse → mix → head  →  mixtures  →  symbols
//! ```

pub mod context;
pub mod gradient;
pub mod integer;
pub mod mixture;
pub mod units;

use crate::envelope;
use crate::kernel::integer::SIGNED_ZERO;
use crate::latent::Latents;
use crate::network::{Layer, ModelConfig, Tensor};
use crate::quality::Level;
use crate::weights::{Error as WeightsError, TensorMap};
use context::Context;
use integer::{Activations, Dense, Filter};
use std::ops::Range;
use wavern_entropy::{Decoder, Encoder, Error as EntropyError, MixtureParams};

/// Whole numbers in `[row, column, channel]` order: ŷ or ẑ of a tile, or what is added to ŷ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbols<T = i32> {
    shape: [usize; 3],
    data: Vec<T>,
}

impl Symbols {
    /// The nearest whole numbers, halves away from zero.
    pub fn round(x: &Tensor) -> Self {
        Self { shape: x.shape(), data: x.data().iter().map(|v| v.round() as i32).collect() }
    }

    /// Symbols as floats.
    pub fn to_tensor(&self) -> Tensor {
        Tensor::from_vec(self.shape, self.data.iter().map(|&v| v as f32).collect())
    }
}

impl<T: Copy + Default> Symbols<T> {
    /// All zeros.
    pub fn zeros(shape: [usize; 3]) -> Self {
        Self { shape, data: vec![T::default(); shape.iter().product()] }
    }

    /// Wraps values in row-major order.
    ///
    /// # Panics
    /// If there are not as many values as the shape has places.
    pub fn from_vec(shape: [usize; 3], data: Vec<T>) -> Self {
        assert_eq!(data.len(), shape.iter().product::<usize>());
        Self { shape, data }
    }

    /// `[rows, columns, channels]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The values in row-major order.
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// The values in row-major order.
    pub fn into_vec(self) -> Vec<T> {
        self.data
    }

    /// The values in row-major order.
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The window of `rows` × `columns` positions whose first is (`row`, `column`).
    ///
    /// # Panics
    /// If the window does not lie inside.
    pub fn window(&self, row: usize, column: usize, rows: usize, columns: usize) -> Self {
        let mut window = Self::zeros([rows, columns, self.shape[2]]);
        self.copy_window(row, column, &mut window);
        window
    }

    /// Fills `window` with the positions from (`row`, `column`) on.
    ///
    /// # Panics
    /// If the window does not lie inside.
    pub fn copy_window(&self, row: usize, column: usize, window: &mut Self) {
        let [height, width, channels] = self.shape;
        let [rows, columns, _] = window.shape;
        assert!(row + rows <= height && column + columns <= width && channels == window.shape[2]);
        for y in 0..rows {
            window.data[y * columns * channels..][..columns * channels]
                .copy_from_slice(&self.data[((row + y) * width + column) * channels..][..columns * channels]);
        }
    }

    /// The same memory with another shape; what is in it is left from before or zero.
    pub(crate) fn reuse(&mut self, shape: [usize; 3]) {
        self.shape = shape;
        self.data.resize(shape.iter().product(), T::default());
    }

    /// Writes `window` at (`row`, `column`).
    ///
    /// # Panics
    /// If the window does not lie inside.
    pub fn set_window(&mut self, row: usize, column: usize, window: &Self) {
        let [_, width, channels] = self.shape;
        let [rows, columns, _] = window.shape;
        assert!(row + rows <= self.shape[0] && column + columns <= width && channels == window.shape[2]);
        for y in 0..rows {
            self.data[((row + y) * width + column) * channels..][..columns * channels]
                .copy_from_slice(&window.data[y * columns * channels..][..columns * channels]);
        }
    }
}

/// Which symbols are coded: position after position, and at each the channels in order.
#[derive(Clone, Debug)]
pub enum Place<'a> {
    /// All of ẑ.
    Hyper,
    /// One step of ŷ.
    Latents {
        /// Of the tile, row-major.
        positions: &'a [usize],
        /// Of ŷ.
        channels: Range<usize>,
        /// Latent residual of every symbol, in 1/64 step; empty if the model has none.
        residual: &'a [i8],
    },
}

/// Either direction of the entropy coder.
pub trait SymbolCoder {
    /// Called before the symbols of a step are coded: an encoder may still replace them.
    ///
    /// # Errors
    /// Those of the entropy coder.
    fn decide(
        &mut self,
        _params: &MixtureParams<'_>,
        _symbols: &mut [i32],
        _place: &Place<'_>,
    ) -> Result<(), EntropyError> {
        Ok(())
    }

    /// Writes `symbols` with their mixtures, or replaces them by what was written.
    ///
    /// # Errors
    /// Those of the entropy coder.
    fn code(&mut self, params: &MixtureParams<'_>, symbols: &mut [i32]) -> Result<(), EntropyError>;
}

impl SymbolCoder for Encoder {
    fn code(&mut self, params: &MixtureParams<'_>, symbols: &mut [i32]) -> Result<(), EntropyError> {
        self.encode(params, symbols)
    }
}

impl SymbolCoder for Decoder<'_> {
    fn code(&mut self, params: &MixtureParams<'_>, symbols: &mut [i32]) -> Result<(), EntropyError> {
        self.decode(params, symbols)
    }
}

/// The exact side of a model.
#[derive(Debug)]
pub struct Prior {
    /// Whether ẑ is the envelope of a sound, which is coded by its differences from a prediction.
    envelope: bool,
    hyper_prior: HyperPrior,
    hyper_synthesis: Vec<Step>,
    context: Context,
}

#[derive(Debug)]
enum Step {
    Dense(Dense),
    Filter(Filter),
    DepthToSpace([usize; 2]),
}

impl Prior {
    /// Takes the integer tensors from a weight file and proves their bounds.
    ///
    /// # Errors
    /// If a tensor does not fit, or a partial sum could leave the exact range.
    pub fn load(map: &TensorMap<'_>, config: &ModelConfig) -> Result<Self, WeightsError> {
        let anchors = config.lambdas.len();
        let last = config.hyper_synthesis.len() - 1;
        let mut limit = units::INPUT_LIMIT;
        let mut hyper_synthesis = Vec::new();
        for (index, layer) in config.hyper_synthesis.iter().enumerate() {
            let prefix = format!("hyper_synthesis.{index}");
            hyper_synthesis.push(match *layer {
                Layer::Pointwise { inputs, outputs, .. } => {
                    let level_bias = if index == last {
                        map.i32s("hyper_synthesis.level_bias", &[anchors, outputs])?
                    } else {
                        Vec::new()
                    };
                    Step::Dense(Dense::load(map, &prefix, inputs, outputs, limit, level_bias)?)
                }
                Layer::Depthwise { channels, kernel, .. } => {
                    Step::Filter(Filter::load(map, &prefix, channels, kernel)?)
                }
                Layer::DepthToSpace { factor } => Step::DepthToSpace(factor),
                _ => return Err(WeightsError::Config(format!("{prefix} is no integer layer"))),
            });
            limit = units::ACTIVATION_LIMIT.max(limit);
        }
        Ok(Self {
            envelope: config.envelope.is_some(),
            hyper_prior: HyperPrior::load(map, config)?,
            hyper_synthesis,
            context: Context::load(map, &config.context, config.features())?,
        })
    }

    /// Codes all symbols of one tile: first ẑ, then ŷ, which must cover no more positions than ẑ stands for. Fills in
    /// the residuals.
    ///
    /// # Errors
    /// Those of the entropy coder.
    pub fn code(
        &self,
        level: Level,
        latents: &mut Latents,
        coder: &mut impl SymbolCoder,
    ) -> Result<(), EntropyError> {
        if self.envelope {
            let mut differences = envelope::predict(&latents.z);
            self.hyper_prior.code(level, &mut differences, coder)?;
            latents.z = envelope::restore(&differences);
        } else {
            self.hyper_prior.code(level, &mut latents.z, coder)?;
        }
        let [rows, columns, _] = latents.y.shape();
        let features = self.features(&latents.z, level).corner(rows, columns);
        self.context.code(&features, latents, coder)
    }

    /// h_s: features at the resolution of y.
    fn features(&self, z: &Symbols, level: Level) -> Activations {
        let limit = units::INPUT_LIMIT;
        let zero = i32::from(SIGNED_ZERO);
        let centre = if self.envelope { envelope::FIRST } else { 0 };
        let value = |v: i32| (v.saturating_sub(centre).clamp(-limit, limit) + zero) as u8;
        let x = Activations { shape: z.shape(), data: z.data().iter().map(|&v| value(v)).collect() };
        self.hyper_synthesis.iter().fold(x, |x, step| match step {
            Step::Dense(dense) => dense.run(&x, level),
            Step::Filter(filter) => filter.run(&x),
            Step::DepthToSpace(factor) => x.depth_to_space(*factor),
        })
    }
}

/// Static mixtures of ẑ.
#[derive(Debug)]
struct HyperPrior {
    components: usize,
    channels: usize,
    /// `[anchors, K - 1, channels]`.
    weights: Vec<u8>,
    /// `[anchors, K, channels]`.
    means: Vec<i16>,
    /// `[anchors, K, channels]`.
    scales: Vec<u8>,
}

impl HyperPrior {
    fn load(map: &TensorMap<'_>, config: &ModelConfig) -> Result<Self, WeightsError> {
        let (anchors, k, channels) =
            (config.lambdas.len(), config.context.components, config.hyper_latents());
        Ok(Self {
            components: k,
            channels,
            weights: if k > 1 {
                map.u8s("hyper_prior.weights", &[anchors, k - 1, channels])?
            } else {
                Vec::new()
            },
            means: map.i16s("hyper_prior.means", &[anchors, k, channels])?,
            scales: map.u8s("hyper_prior.scales", &[anchors, k, channels])?,
        })
    }

    fn code(&self, level: Level, z: &mut Symbols, coder: &mut impl SymbolCoder) -> Result<(), EntropyError> {
        let [rows, columns, channels] = z.shape();
        assert_eq!(channels, self.channels);
        let positions = rows * columns;
        let (k, anchor) = (self.components, level.nearest());
        let weight =
            repeat(&self.weights[anchor * (k - 1) * channels..][..(k - 1) * channels], channels, positions);
        let mean = repeat(&self.means[anchor * k * channels..][..k * channels], channels, positions);
        let scale = repeat(&self.scales[anchor * k * channels..][..k * channels], channels, positions);
        let params = MixtureParams { components: k, weight: &weight, mean: &mean, scale: &scale };
        coder.decide(&params, z.data_mut(), &Place::Hyper)?;
        coder.code(&params, z.data_mut())
    }
}

/// Planes of `channels` values → planes of `positions · channels` values.
fn repeat<T: Copy>(planes: &[T], channels: usize, positions: usize) -> Vec<T> {
    planes.chunks_exact(channels).flat_map(|plane| plane.repeat(positions)).collect()
}

/// A symbol as an input of the context networks: itself up to ±16, then 16 steps an octave, saturating at ±127.
pub fn compand(symbol: i32) -> i32 {
    let magnitude = symbol.unsigned_abs().min(2047);
    let octave = (magnitude | 16).ilog2() - 4;
    let value = ((16 * octave + (magnitude >> octave)) as i32).min(units::INPUT_LIMIT);
    if symbol < 0 { -value } else { value }
}

/// [`compand`] of a number that was not rounded, for the encoder's side only.
pub fn compand_real(x: f32) -> f32 {
    let magnitude = x.abs().min(2048.0);
    let octave = (magnitude.max(16.0) / 16.0).log2().floor().clamp(0.0, 6.0);
    (16.0 * octave + magnitude * (-octave).exp2()).min(units::INPUT_LIMIT as f32).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_companders_agree_on_whole_numbers() {
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
